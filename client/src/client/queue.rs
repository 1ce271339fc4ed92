//! The requests that have no answer yet, in the order in which they were made.

use std::{collections::VecDeque, time::Duration};

use correio_proto::message::{Account, Request};

use super::event::RequestId;

/// A request that has no answer yet.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) origin: Origin,
    pub(super) request: Request,
    /// Used only for a caller's request.
    pub(super) deadline: Duration,
    /// The request's number on the present connection; 0 before it was sent.
    pub(super) number: u32,
    pub(super) sent_at: Duration,
}

/// The origin of a request, which gets the answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Origin {
    Caller(RequestId),
    /// The caller gave up; the answer still arrives and is dropped.
    Abandoned,
    /// The client itself: pings, and requests for tickets.
    Internal,
}

/// The requests without an answer. The first `sent` ones are on the wire.
#[derive(Debug, Default)]
pub(super) struct Queue {
    entries: VecDeque<Entry>,
    sent: usize,
}

impl Queue {
    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    /// Puts a request at the end.
    pub(super) fn push(&mut self, origin: Origin, request: Request, deadline: Duration) {
        self.entries.push_back(Entry {
            origin,
            request,
            deadline,
            number: 0,
            sent_at: Duration::ZERO,
        });
    }

    /// Puts a request of the client's own before all unsent requests.
    pub(super) fn push_next(&mut self, request: Request) {
        let entry = Entry {
            origin: Origin::Internal,
            request,
            deadline: Duration::MAX,
            number: 0,
            sent_at: Duration::ZERO,
        };
        self.entries.insert(self.sent, entry);
    }

    /// The next request to send. `None` while an abandoned login is on the wire: its answer tells
    /// whether there is a session that must be ended first.
    pub(super) fn unsent(&mut self) -> Option<&mut Entry> {
        let is_given_up = |entry: &Entry| {
            entry.origin == Origin::Abandoned && matches!(entry.request, Request::Login(_))
        };
        if self.entries.iter().take(self.sent).any(is_given_up) {
            return None;
        }
        self.entries.get_mut(self.sent)
    }

    /// Marks the request that [`Queue::unsent`] returned as sent.
    pub(super) fn mark_sent(&mut self) {
        self.sent = (self.sent + 1).min(self.entries.len());
    }

    /// Whether an answer is due.
    pub(super) fn awaits_answer(&self) -> bool {
        self.sent > 0
    }

    /// The request whose answer comes next.
    pub(super) fn oldest_sent(&self) -> Option<&Entry> {
        self.entries.front().filter(|_| self.sent > 0)
    }

    /// Removes and returns the request whose answer comes next.
    pub(super) fn take_oldest_sent(&mut self) -> Option<Entry> {
        self.sent = self.sent.checked_sub(1)?;
        self.entries.pop_front()
    }

    /// Whether the client's own ping is under way.
    pub(super) fn has_own_ping(&self) -> bool {
        self.has_own(&Request::Ping {})
    }

    /// Whether the client's own request for a ticket is under way.
    pub(super) fn has_own_ticket(&self) -> bool {
        self.has_own(&Request::Ticket {})
    }

    /// Whether the client's own logout, after an abandoned login, is under way.
    pub(super) fn has_own_logout(&self) -> bool {
        self.has_own(&Request::Logout {})
    }

    fn has_own(&self, request: &Request) -> bool {
        self.entries
            .iter()
            .any(|entry| entry.origin == Origin::Internal && entry.request == *request)
    }

    /// Abandons a request. An unsent one is removed, unless it is a logout; a sent one stays until
    /// its answer arrives.
    pub(super) fn abandon(&mut self, id: RequestId) -> Option<Abandoned> {
        let wanted = Origin::Caller(id);
        let index = self.entries.iter().position(|e| e.origin == wanted)?;
        self.abandon_at(index)
    }

    /// Abandons the requests whose deadline has passed.
    pub(super) fn expire(&mut self, now: Duration) -> Vec<(RequestId, Abandoned)> {
        let mut expired = Vec::new();
        let mut index = 0;
        while let Some(entry) = self.entries.get(index) {
            let before = self.entries.len();
            if let Origin::Caller(id) = entry.origin
                && entry.deadline <= now
                && let Some(abandoned) = self.abandon_at(index)
            {
                expired.push((id, abandoned));
            }
            index += usize::from(self.entries.len() == before);
        }
        expired
    }

    fn abandon_at(&mut self, index: usize) -> Option<Abandoned> {
        let logout = self.entries.get(index)?.request == Request::Logout {};
        // A logout is still sent although no caller waits for it.
        if index < self.sent || logout {
            self.entries.get_mut(index)?.origin = Origin::Abandoned;
        } else {
            self.entries.remove(index);
        }
        Some(if logout { Abandoned::Logout } else { Abandoned::Other })
    }

    /// Earliest deadline of the requests that a caller waits for.
    pub(super) fn deadline(&self) -> Option<Duration> {
        let waiting = |entry: &&Entry| matches!(entry.origin, Origin::Caller(_));
        self.entries.iter().filter(waiting).map(|e| e.deadline).min()
    }

    /// Prepares for another connection: requests that a caller waits for will be sent again, in
    /// order.
    pub(super) fn disconnected(&mut self) {
        self.sent = 0;
        self.entries.retain(|entry| matches!(entry.origin, Origin::Caller(_)));
        for entry in &mut self.entries {
            entry.number = 0;
        }
    }

    /// The first password change that was sent and has no answer.
    pub(super) fn sent_password_change(&self) -> Option<&Request> {
        let is_change =
            |e: &&Entry| matches!(e.request, Request::Account(Account::Password { .. }));
        let change = self.entries.iter().take(self.sent).find(is_change);
        change.map(|entry| &entry.request)
    }

    /// Removes and returns the first request for which `wanted` holds.
    pub(super) fn take_first(&mut self, wanted: impl Fn(&Request) -> bool) -> Option<Entry> {
        let index = self.entries.iter().position(|e| wanted(&e.request))?;
        self.sent -= usize::from(index < self.sent);
        self.entries.remove(index)
    }

    /// Removes and returns the requests that need the ended session: those before the login that
    /// starts the next session. Call it while nothing is on the wire.
    pub(super) fn take_orphans(&mut self) -> Vec<Entry> {
        let mut orphans = Vec::new();
        let mut kept = VecDeque::with_capacity(self.entries.len());
        let mut entries = std::mem::take(&mut self.entries).into_iter();
        for entry in entries.by_ref() {
            if matches!(entry.request, Request::Login(_)) {
                kept.push_back(entry);
                break;
            }
            if needs_session(&entry.request) {
                orphans.push(entry);
            } else {
                kept.push_back(entry);
            }
        }
        kept.extend(entries);
        self.entries = kept;
        orphans
    }

    /// The effect on the session of the last queued login or logout.
    pub(super) fn last_change(&self) -> Option<Change> {
        self.entries.iter().rev().find_map(|entry| match entry.request {
            Request::Login(_) => Some(Change::Begins),
            Request::Logout {} => Some(Change::Ends),
            _ => None,
        })
    }
}

/// Effect of a request on the session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Change {
    Begins,
    Ends,
}

/// The kind of request that was abandoned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Abandoned {
    Logout,
    Other,
}

/// Whether a request needs a login.
pub(super) fn needs_session(request: &Request) -> bool {
    match request {
        Request::Send(_)
        | Request::Upload(_)
        | Request::Fetch(_)
        | Request::Read(_)
        | Request::Confirm(_)
        | Request::Account(_)
        | Request::Find(_)
        | Request::List(_)
        | Request::AppPassword(_)
        | Request::Ticket {}
        | Request::Logout {} => true,
        Request::Hello(_)
        | Request::Register(_)
        | Request::Login(_)
        | Request::Resume(_)
        | Request::Recover(_)
        | Request::Ping {} => false,
    }
}
