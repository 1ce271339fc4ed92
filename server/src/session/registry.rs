//! Open sessions by account, and the accounts whose sessions were ended last.

use std::collections::HashMap;

use foldhash::fast::RandomState;

use crate::{
    ids::{AccountId, ConnId},
    session::recent_ends::{EndMark, RecentEnds},
};

/// Most sessions of one account: more than a person has devices, and few enough to send a notice to
/// all of them.
const SESSIONS_MAX: usize = 100;

/// See the module's description. Has at most one entry a connection.
#[derive(Debug, Default)]
pub(crate) struct SessionRegistry {
    /// Clients cannot choose account ids, so a fast hash is safe.
    sessions: HashMap<AccountId, Vec<ConnId>, RandomState>,
    /// The sessions that were ended last, for logins under way.
    pub(crate) ends: RecentEnds,
}

impl SessionRegistry {
    /// Adds a session. If the account has too many sessions now, removes the oldest and returns it:
    /// the caller must end that connection.
    #[must_use]
    pub(crate) fn add(&mut self, account: AccountId, connection: ConnId) -> Option<ConnId> {
        let sessions = self.sessions.entry(account).or_default();
        sessions.push(connection);
        // Removed at once: closing the connection takes a moment, and must not be started twice.
        (sessions.len() > SESSIONS_MAX).then(|| sessions.remove(0))
    }

    /// Removes a session, if it is there.
    pub(crate) fn remove(&mut self, account: AccountId, connection: ConnId) {
        if let Some(sessions) = self.sessions.get_mut(&account) {
            sessions.retain(|session| *session != connection);
            if sessions.is_empty() {
                self.sessions.remove(&account);
            }
        }
    }

    /// The present moment, which a login keeps for [`Effect::LoggedIn`].
    ///
    /// [`Effect::LoggedIn`]: crate::session::effect::Effect::LoggedIn
    #[must_use]
    pub(crate) fn mark(&self) -> EndMark {
        self.ends.mark()
    }

    /// The accounts with sessions, in ascending order.
    #[must_use]
    pub(crate) fn accounts(&self) -> Vec<AccountId> {
        let mut accounts: Vec<_> = self.sessions.keys().copied().collect();
        accounts.sort_unstable();
        accounts
    }

    /// Number of accounts that have a session.
    #[must_use]
    pub(crate) fn len(&self) -> usize {
        self.sessions.len()
    }

    /// The sessions of an account.
    #[must_use]
    pub(crate) fn of(&self, account: AccountId) -> &[ConnId] {
        self.sessions.get(&account).map_or(&[], Vec::as_slice)
    }
}
