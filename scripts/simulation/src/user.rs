//! An honest user, as all their devices know them.

use std::net::SocketAddr;

use correio_proto::{
    credential::Credential,
    mail::{FullName, MailId, Username},
};

use crate::clock::SECOND;

/// See the module's description.
#[derive(Debug)]
pub(crate) struct User {
    pub(crate) username: Username,
    pub(crate) full_name: FullName,
    pub(crate) register_id: MailId,
    pub(crate) is_registered: bool,
    /// The password, and a second one that may be valid instead while the answer to its change is
    /// unknown.
    pub(crate) passwords: Vec<Credential>,
    /// Whether a password change is under way.
    pub(crate) is_changing: bool,
    /// Time until which a change without an answer may still take effect.
    pub(crate) unsure_until: u64,
    pub(crate) address: SocketAddr,
}

/// Longest time that a request may be in flight, in ticks.
const UNSURE_FOR: u64 = 120 * SECOND;

impl User {
    /// The answer to a password change was lost.
    pub(crate) fn change_is_lost(&mut self, now: u64) {
        if std::mem::take(&mut self.is_changing) {
            self.unsure_until = now + UNSURE_FOR;
        }
    }

    /// A login with this password succeeded.
    pub(crate) fn logged_in_with(&mut self, password: &Credential, now: u64) {
        // A password that was changed while the login was under way is no longer valid.
        let is_known = self.passwords.contains(password);
        if is_known && !self.is_changing && now >= self.unsure_until {
            self.passwords.retain(|known| known == password);
        }
    }
}
