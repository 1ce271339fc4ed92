//! The counts of the loop's thread: plain numbers, without locks.

use std::{net::IpAddr, time::Duration};

use correio_proto::message::{ErrorCode, Request};

use super::{
    histogram::{Histogram, Scale},
    visitors::{Visit, Visitors},
};

/// A kind of request. The kinds `Program…` are commands of mail programs that ask the store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)] // A kind without a comment is the request of the same name.
pub(crate) enum RequestKind {
    Hello,
    Register,
    Login,
    Resume,
    Ticket,
    Recover,
    Logout,
    Send,
    Fetch,
    Upload,
    Read,
    Confirm,
    Account,
    Find,
    List,
    AppPassword,
    Ping,
    /// A mail program logs in.
    ProgramLogin,
    /// A mail program names a recipient.
    ProgramRecipient,
    /// A mail program sends a part of a large mail.
    ProgramUpload,
    /// A mail program sends a mail.
    ProgramSend,
    /// A mail program lists its mailbox.
    ProgramList,
    /// A mail program reads a mail or a part of one.
    ProgramRead,
    /// A mail program deletes mails.
    ProgramDelete,
}

impl RequestKind {
    /// All kinds, in the order of their numbers.
    pub(super) const ALL: [Self; 24] = [
        Self::Hello,
        Self::Register,
        Self::Login,
        Self::Resume,
        Self::Ticket,
        Self::Recover,
        Self::Logout,
        Self::Send,
        Self::Fetch,
        Self::Upload,
        Self::Read,
        Self::Confirm,
        Self::Account,
        Self::Find,
        Self::List,
        Self::AppPassword,
        Self::Ping,
        Self::ProgramLogin,
        Self::ProgramRecipient,
        Self::ProgramUpload,
        Self::ProgramSend,
        Self::ProgramList,
        Self::ProgramRead,
        Self::ProgramDelete,
    ];

    /// The kind's word in the label `request`.
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Hello => "hello",
            Self::Register => "register",
            Self::Login => "login",
            Self::Resume => "resume",
            Self::Ticket => "ticket",
            Self::Recover => "recover",
            Self::Logout => "logout",
            Self::Send => "send",
            Self::Fetch => "fetch",
            Self::Upload => "upload",
            Self::Read => "read",
            Self::Confirm => "confirm",
            Self::Account => "account",
            Self::Find => "find",
            Self::List => "list",
            Self::AppPassword => "app_password",
            Self::Ping => "ping",
            Self::ProgramLogin => "program_login",
            Self::ProgramRecipient => "program_recipient",
            Self::ProgramUpload => "program_upload",
            Self::ProgramSend => "program_send",
            Self::ProgramList => "program_list",
            Self::ProgramRead => "program_read",
            Self::ProgramDelete => "program_delete",
        }
    }
}

impl From<&Request> for RequestKind {
    fn from(request: &Request) -> Self {
        match request {
            Request::Hello(_) => Self::Hello,
            Request::Register(_) => Self::Register,
            Request::Login(_) => Self::Login,
            Request::Resume(_) => Self::Resume,
            Request::Ticket {} => Self::Ticket,
            Request::Recover(_) => Self::Recover,
            Request::Logout {} => Self::Logout,
            Request::Send(_) => Self::Send,
            Request::Fetch(_) => Self::Fetch,
            Request::Upload(_) => Self::Upload,
            Request::Read(_) => Self::Read,
            Request::Confirm(_) => Self::Confirm,
            Request::Account(_) => Self::Account,
            Request::Find(_) => Self::Find,
            Request::List(_) => Self::List,
            Request::AppPassword(_) => Self::AppPassword,
            Request::Ping {} => Self::Ping,
        }
    }
}

/// Counts of the requests of one kind.
#[derive(Clone, Copy, Debug)]
pub(super) struct RequestCounts {
    /// Time until the reply.
    pub(super) time: Histogram,
    /// Errors, in the order of [`ErrorCode::ALL`].
    pub(super) errors: [u64; ErrorCode::ALL.len()],
}

/// Counts by a word, from a small set of words of this server.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tally(Vec<(&'static str, u64)>);

impl Tally {
    fn of(words: &[&'static str]) -> Self {
        Self(words.iter().map(|word| (*word, 0)).collect())
    }

    /// Counts one.
    pub(crate) fn add(&mut self, word: &'static str) {
        match self.0.iter_mut().find(|(known, _)| *known == word) {
            Some((_, count)) => *count += 1,
            None => self.0.push((word, 1)),
        }
    }

    /// The words with their counts.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&'static str, u64)> {
        self.0.iter().copied()
    }
}

/// See the module's description.
#[derive(Clone, Debug)]
pub(crate) struct Counts {
    pub(super) requests: [RequestCounts; RequestKind::ALL.len()],
    /// Inputs that are not requests.
    pub(super) protocol_errors: u64,
    /// Work of an iteration of the loop.
    pub(crate) iteration: Histogram,
    /// Connections of mail clients that were opened.
    pub(super) opened: u64,
    /// Connections of mail clients that were closed, by reason.
    pub(crate) closed: Tally,
    /// Connections that were rejected, by reason.
    pub(crate) refused: Tally,
    /// Jobs that were refused because a queue was full, by queue.
    pub(crate) queue_full: Tally,
    /// Logins that succeeded.
    pub(crate) logins: u64,
    /// Logins with a resume ticket, which are counted as logins, too.
    pub(crate) logins_resumed: u64,
    /// Accounts that were registered.
    pub(crate) accounts_created: u64,
    /// Accounts that were deleted.
    pub(crate) accounts_deleted: u64,
    /// Mails that were stored.
    pub(crate) mails_accepted: u64,
    /// Mails that were sent again.
    pub(crate) mails_repeated: u64,
    /// Mails in pages that were sent to their recipients, and mails that mail programs retrieved.
    pub(crate) mails_delivered: u64,
    /// Mails that were deleted after a confirmation.
    pub(crate) mails_deleted: u64,
    /// Bytes that mail clients sent.
    pub(crate) received_bytes: u64,
    /// Bytes that were sent to mail clients.
    pub(crate) sent_bytes: u64,
    /// Requests that the store or a worker could not do.
    pub(crate) unavailable: u64,
    /// Answers over HTTP, by status.
    pub(crate) http: Tally,
    /// The addresses that connect most.
    pub(super) visitors: Visitors,
}

impl Default for Counts {
    fn default() -> Self {
        let request =
            RequestCounts { time: Histogram::new(Scale::Time), errors: [0; ErrorCode::ALL.len()] };
        Self {
            requests: [request; RequestKind::ALL.len()],
            protocol_errors: 0,
            iteration: Histogram::new(Scale::Time),
            opened: 0,
            closed: Tally::of(&["closed_by_client"]),
            refused: Tally::of(&[
                "too_many_connections",
                "too_many_from_address",
                "too_many_http",
                "too_many_admin",
            ]),
            queue_full: Tally::of(&["store", "hash"]),
            logins: 0,
            logins_resumed: 0,
            accounts_created: 0,
            accounts_deleted: 0,
            mails_accepted: 0,
            mails_repeated: 0,
            mails_delivered: 0,
            mails_deleted: 0,
            received_bytes: 0,
            sent_bytes: 0,
            unavailable: 0,
            http: Tally::of(&["200"]),
            visitors: Visitors::default(),
        }
    }
}

impl Counts {
    /// Counts a connection that was opened.
    pub(crate) fn opened(&mut self, address: IpAddr) {
        self.opened += 1;
        self.visitors.note(address, Visit::Connection);
    }

    /// Counts a connection that was rejected.
    pub(crate) fn rejected(&mut self, address: IpAddr, reason: &'static str) {
        self.refused.add(reason);
        self.visitors.note(address, Visit::Refusal);
    }

    /// Counts an input that is not a request.
    pub(crate) fn protocol_error(&mut self, address: IpAddr) {
        self.protocol_errors += 1;
        self.visitors.note(address, Visit::Refusal);
    }

    /// Counts a request that is answered with an error, for the address of its client.
    pub(crate) fn refused_request(&mut self, address: IpAddr, code: ErrorCode) {
        let visit = match code {
            ErrorCode::BadCredentials => Visit::FailedLogin,
            _ => Visit::Refusal,
        };
        self.visitors.note(address, visit);
    }

    /// Counts a request whose reply took this time, and the error if the reply is one.
    pub(crate) fn replied(&mut self, kind: RequestKind, took: Duration, error: Option<ErrorCode>) {
        let Some(counts) = self.requests.get_mut(kind as usize) else {
            return;
        };
        counts.time.observe(took);
        let Some(code) = error else {
            return;
        };
        let place = ErrorCode::ALL.iter().position(|known| *known == code);
        if let Some(count) = place.and_then(|place| counts.errors.get_mut(place)) {
            *count += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_has_the_place_of_its_number() {
        for (place, kind) in RequestKind::ALL.into_iter().enumerate() {
            assert_eq!(kind as usize, place, "{kind:?}");
        }
    }
}
