//! Applies the effects of sessions to other connections and to the server's own counts.

use super::{Server, connection::Transport};
use crate::{
    clock::Now,
    ids::{AccountId, ConnId},
    limits::throttle::LoginNews,
    session::{
        effect::{Arrival, Effect},
        recent_ends::{EndedSessions, SessionClient},
    },
};

impl<T: Transport> Server<T> {
    /// Applies the effects that sessions have emitted.
    pub(super) fn apply_effects(&mut self, now: Now) {
        if self.effects.is_empty() {
            return;
        }
        let mut effects = std::mem::take(&mut self.effects);
        for effect in effects.drain(..) {
            match effect {
                Effect::LoggedIn { connection, account, since } => {
                    self.admission.logged_in(connection);
                    self.session_began(connection);
                    let (ticket, job) = self.upkeep.logged_in(account, now);
                    self.submit_own(now, ticket, job);
                    if let Some(oldest) = self.registry.add(account, connection) {
                        self.end(now, oldest);
                    }
                    let client = self.client_of(connection);
                    if self.registry.ends.has_ended_since(since, account, client) {
                        self.end(now, connection);
                    }
                }
                Effect::LoggedOut { connection, account } => {
                    self.session_ended(connection);
                    self.admission.logged_out(connection);
                    self.registry.remove(account, connection);
                }
                Effect::MailArrived { accounts, arrival } => {
                    for account in accounts {
                        for id in self.sessions_of(account) {
                            self.tell(now, id, &arrival);
                        }
                    }
                }
                Effect::EndGatewaySessions { account } => {
                    let ended = EndedSessions::Gateways;
                    self.registry.ends.add(account, ended);
                    for id in self.sessions_of(account) {
                        if ended.include(self.client_of(id)) {
                            self.end(now, id);
                        }
                    }
                }
                Effect::EndSessions { account, except } => {
                    self.registry.ends.add(account, EndedSessions::All);
                    for id in self.sessions_of(account) {
                        if Some(id) != except {
                            self.end(now, id);
                        }
                    }
                }
                Effect::LoginFailed(login) => self.store.tell(LoginNews::Failed(login)),
            }
        }
        effects.append(&mut self.effects);
        self.effects = effects;
    }

    /// The sessions of an account. A session that logged out in this iteration is left out,
    /// although the registry may not know yet: its effect may still be pending.
    pub(super) fn sessions_of(&self, account: AccountId) -> Vec<ConnId> {
        let is_theirs = |id: &ConnId| {
            let identity = self.identity_of(*id);
            identity.is_some_and(|identity| identity.account == account)
        };
        self.registry.of(account).iter().copied().filter(is_theirs).collect()
    }

    /// The client of a connection's session.
    fn client_of(&self, id: ConnId) -> SessionClient {
        let entry = self.connections.get(id);
        match entry.is_some_and(|entry| entry.connection.protocol().is_gateway()) {
            true => SessionClient::MailProgram,
            false => SessionClient::Correio,
        }
    }

    fn tell(&mut self, now: Now, id: ConnId, arrival: &Arrival) {
        self.with(id, now, |entry, context| entry.connection.mail_arrived(context, arrival));
        self.make_ready(id);
    }

    /// Ends the session of a connection, and the connection.
    pub(super) fn end(&mut self, now: Now, id: ConnId) {
        self.with(id, now, |entry, context| entry.connection.end_session(context));
        self.make_ready(id);
    }
}
