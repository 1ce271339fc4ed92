//! Which connections are sessions of which account.

use std::collections::HashMap;

use foldhash::fast::RandomState;

use crate::ids::{AccountId, ConnId};

/// Sessions of one account at most: more than a person has devices, and few enough to tell all of
/// them of a mail.
const SESSIONS_MAX: usize = 100;

/// See the module's description. At most as large as the number of connections.
#[derive(Debug, Default)]
pub(crate) struct SessionRegistry {
    /// Nobody outside chooses the number of an account: a fast hash does.
    sessions: HashMap<AccountId, Vec<ConnId>, RandomState>,
}

impl SessionRegistry {
    /// A connection became a session of an account. Returns the oldest one where there are too
    /// many now: it is to be ended.
    #[must_use]
    pub(crate) fn add(&mut self, account: AccountId, connection: ConnId) -> Option<ConnId> {
        let sessions = self.sessions.entry(account).or_default();
        sessions.push(connection);
        // Taken out at once: its end takes a moment, and must not be asked for twice.
        (sessions.len() > SESSIONS_MAX).then(|| sessions.remove(0))
    }

    /// It is none any more.
    pub(crate) fn remove(&mut self, account: AccountId, connection: ConnId) {
        if let Some(sessions) = self.sessions.get_mut(&account) {
            sessions.retain(|session| *session != connection);
            if sessions.is_empty() {
                self.sessions.remove(&account);
            }
        }
    }

    /// The sessions of an account.
    #[must_use]
    pub(crate) fn of(&self, account: AccountId) -> &[ConnId] {
        self.sessions.get(&account).map_or(&[], Vec::as_slice)
    }
}
