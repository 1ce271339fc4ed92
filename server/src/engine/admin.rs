//! The server's part in the operator's requests: opens connections of the admin socket, which have
//! places of their own, and answers questions about sessions and limits.

use std::{
    net::{IpAddr, Ipv4Addr, SocketAddr},
    time::Duration,
};

use correio_proto::{mail::Timestamp, tls::Security};

use super::{
    ADMIN_MAX, CountedAs, Entry, Server,
    connection::{Connection, Dialogue, Transport},
};
use crate::{
    admin::{
        SESSIONS_PAGE, ServerAnswer, ServerQuestion,
        moment::Moment,
        reply::{ListenerView, ServerView, SessionView},
        request::ConnectionName,
    },
    clock::Now,
    event::Event,
    ids::{ConnId, Ticket},
    limits::throttle::LoginNews,
};

/// The address of a connection of the admin socket, whose other end has no address.
const NO_ADDRESS: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::UNSPECIFIED), 0);

/// How long [`ServerQuestion::Wait`] waits.
const WAIT: Duration = Duration::from_millis(250);

impl<T: Transport> Server<T> {
    /// Shows the operator these addresses as those that the server listens on.
    #[must_use]
    pub fn listening_on(mut self, listeners: Vec<ListenerView>) -> Self {
        self.listeners = listeners;
        self
    }

    /// Opens a connection of the operator. Returns `None` and drops the transport if there are too
    /// many. The driver has made sure that the other end may ask everything.
    pub fn open_admin(&mut self, now: Now, transport: T) -> Option<ConnId> {
        if self.admins >= ADMIN_MAX {
            let text = "a command of the operator was rejected: too many commands are connected";
            Event::ServerWarning { text }.log();
            self.counts.refused.add("too_many_admin");
            return None;
        }
        self.admins += 1;
        let slot = self.connections.vacant();
        let (id, dialogue, security) = (slot.id(), Dialogue::admin(), Security::Plaintext);
        let connection = Connection::new(id, NO_ADDRESS, dialogue, transport, &security, now);
        let timer_at = connection.deadline(&self.config);
        self.deadlines.add(timer_at, id);
        slot.insert(Entry::new(connection, CountedAs::Admin, timer_at));
        self.ready.push(id);
        Some(id)
    }

    /// Answers the questions of the operator's sessions.
    pub(super) fn answer_questions(&mut self, now: Now) {
        for (ticket, question) in std::mem::take(&mut self.questions) {
            match self.answer(now, question) {
                Some(answer) => self.give_answer(now, ticket, answer),
                None => self.waits.push((now.uptime + WAIT, ticket)),
            }
        }
    }

    /// Answers the operator's sessions whose wait is over.
    pub(super) fn end_waits(&mut self, now: Now) {
        let due = self.waits.extract_if(.., |(at, _)| *at <= now.uptime);
        for (_, ticket) in due.collect::<Vec<_>>() {
            self.give_answer(now, ticket, ServerAnswer::Waited);
        }
    }

    fn give_answer(&mut self, now: Now, ticket: Ticket, answer: ServerAnswer) {
        let id = ticket.connection;
        self.with(id, now, |entry, context| {
            entry.connection.answered(context, ticket, answer);
        });
        self.make_ready(id);
    }

    /// The answer to a question; `None` if the question is answered later.
    fn answer(&mut self, now: Now, question: ServerQuestion) -> Option<ServerAnswer> {
        Some(match question {
            ServerQuestion::Sessions { after } => self.sessions_after(now, after),
            ServerQuestion::EndConnection(id) => self.end_all(now, &[id]),
            ServerQuestion::EndAccount(account) => {
                let sessions = self.sessions_of(account);
                self.end_all(now, &sessions)
            }
            ServerQuestion::UnblockAddress(address) => {
                self.store.tell(LoginNews::AddressUnblocked(address));
                ServerAnswer::Forgotten(self.throttle.unblock_prefix(address.into()))
            }
            ServerQuestion::UnblockAccount(username) => {
                self.store.tell(LoginNews::AccountUnblocked(username.clone()));
                ServerAnswer::Forgotten(self.throttle.unblock_username(&username))
            }
            ServerQuestion::Status => ServerAnswer::Status(self.status(now)),
            ServerQuestion::Wait => return None,
        })
    }

    /// Ends sessions. The answer is the number of sessions that were not ending already.
    fn end_all(&mut self, now: Now, sessions: &[ConnId]) -> ServerAnswer {
        let mut ended = 0;
        for id in sessions {
            let connection = self.connections.get(*id).map(|entry| &entry.connection);
            if connection.is_some_and(|connection| connection.session().is_some()) {
                self.end(now, *id);
                ended += 1;
            }
        }
        ServerAnswer::Ended(ended)
    }

    fn sessions_after(&self, now: Now, after: Option<ConnId>) -> ServerAnswer {
        let is_after = |id: &ConnId| after.is_none_or(|after| id.index > after.index);
        let view = |(id, entry): (ConnId, &Entry<T>)| {
            let username = entry.connection.session()?.username.clone();
            let ago = |uptime| now.uptime.saturating_sub(uptime);
            let open_for = ago(entry.connection.opened_at()).as_millis();
            let open_for = u64::try_from(open_for).unwrap_or(u64::MAX);
            Some(SessionView {
                connection: ConnectionName(id),
                username,
                protocol: entry.connection.protocol(),
                address: entry.connection.peer(),
                since: Moment(Timestamp(now.wall.0.saturating_sub(open_for))),
                idle_seconds: ago(entry.connection.heard_at()).as_secs(),
            })
        };
        let connections = self.connections.iter().filter(|(id, _)| is_after(id));
        let mut sessions: Vec<_> = connections.filter_map(view).take(SESSIONS_PAGE + 1).collect();
        let more = sessions.len() > SESSIONS_PAGE;
        sessions.truncate(SESSIONS_PAGE);
        ServerAnswer::Sessions { sessions, more }
    }

    fn status(&self, now: Now) -> ServerView {
        let (anonymous, sessions) = self.admission.counts();
        let uptime = u64::try_from(now.uptime.as_millis()).unwrap_or(u64::MAX);
        ServerView {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            started_at: Moment(Timestamp(now.wall.0.saturating_sub(uptime))),
            sessions,
            accounts_online: self.registry.len(),
            anonymous,
            connections_max: self.connections_max,
            mail_domain: self.gateways.as_ref().map(|gateways| gateways.domain.to_string()),
            listeners: self.listeners.clone(),
        }
    }
}
