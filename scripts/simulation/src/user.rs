//! An honest user, as all their devices know them.

use std::net::SocketAddr;

use correio_proto::{
    app_password::{AppPassword, AppPasswordId},
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
    /// The app passwords that the server has told a device of.
    pub(crate) app_passwords: Vec<KnownAppPassword>,
    /// When the password change under way was asked for.
    pub(crate) change_asked_at: u64,
}

/// An app password of a user.
#[derive(Debug)]
pub(crate) struct KnownAppPassword {
    pub(crate) id: AppPasswordId,
    pub(crate) password: AppPassword,
    pub(crate) made_at: u64,
    pub(crate) state: AppPasswordState,
}

/// The state of an app password, as far as its user knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum AppPasswordState {
    /// The app password is valid, as far as the user knows.
    Live,
    /// The server has refused the app password: a revocation may be under way, or its answer was
    /// lost.
    Refused,
    /// The revocation was acknowledged at this time.
    Dead { since: u64 },
}

/// Longest time that a request may be in flight, in ticks.
const UNSURE_FOR: u64 = 120 * SECOND;

impl User {
    /// Whether programs have an app password that may be used.
    pub(crate) fn has_live_app_password(&self) -> bool {
        self.app_passwords.iter().any(|it| it.state == AppPasswordState::Live)
    }

    /// Records that the revocation of an app password was acknowledged.
    pub(crate) fn app_password_revoked(&mut self, id: AppPasswordId, now: u64) {
        for known in self.app_passwords.iter_mut().filter(|it| it.id == id) {
            known.end(now);
        }
    }

    /// A password change was acknowledged, which has revoked all app passwords. Those that were
    /// made after it was asked for may have been made after the change.
    pub(crate) fn password_changed(&mut self, now: u64) {
        let asked_at = self.change_asked_at;
        for known in self.app_passwords.iter_mut().filter(|it| it.made_at < asked_at) {
            known.end(now);
        }
    }

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

impl KnownAppPassword {
    fn end(&mut self, now: u64) {
        if !matches!(self.state, AppPasswordState::Dead { .. }) {
            self.state = AppPasswordState::Dead { since: now };
        }
    }
}
