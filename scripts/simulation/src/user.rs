//! An honest user, as all devices of theirs know them.

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
    /// The password, and another one that may hold instead: its change had no answer.
    pub(crate) passwords: Vec<Credential>,
    /// Whether a change is under way.
    pub(crate) is_changing: bool,
    /// Until when a change whose answer was lost may still be made.
    pub(crate) unsure_until: u64,
    pub(crate) address: SocketAddr,
}

/// How long what a client asked for may be on its way, in ticks.
const UNSURE_FOR: u64 = 120 * SECOND;

impl User {
    /// Nobody waits for the answer to a change any more.
    pub(crate) fn change_is_lost(&mut self, now: u64) {
        if std::mem::take(&mut self.is_changing) {
            self.unsure_until = now + UNSURE_FOR;
        }
    }

    /// A password has let somebody in.
    pub(crate) fn was_let_in(&mut self, password: &Credential, now: u64) {
        // One that was changed while the login was under way is none any more.
        let is_known = self.passwords.contains(password);
        if is_known && !self.is_changing && now >= self.unsure_until {
            self.passwords.retain(|known| known == password);
        }
    }
}
