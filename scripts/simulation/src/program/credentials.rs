//! The name and the password with which a program logs in, and the check of the login's result.

use correio_proto::{app_password::AppPassword, mail::Username};

use crate::{
    check::{Check, Violation, require},
    device::DeviceContext,
    rng::Rng,
    user::AppPasswordState,
};

/// One in this many logins has a wrong password or an unknown name.
const WRONG_EVERY: u32 = 12;

/// One in this many logins has a revoked password, if there is one.
const REVOKED_EVERY: u32 = 6;

/// See the module's description.
#[derive(Debug)]
pub(super) struct Credentials {
    pub(super) name: Username,
    pub(super) password: AppPassword,
    /// When the program began to send name and password.
    pub(super) asked_at: u64,
}

impl Credentials {
    /// Picks credentials: mostly an app password of the user that was not refused. `None` if there
    /// is no such app password.
    pub(super) fn any(rng: &mut Rng, context: &DeviceContext<'_>) -> Option<Self> {
        let asked_at = context.clock.tick();
        let name = context.user.username.clone();
        if !context.is_healing && rng.one_in(WRONG_EVERY) {
            let ghost = "spectre".parse().ok().filter(|_| rng.one_in(2));
            let password = AppPassword::from(rng.bytes());
            return Some(Self { name: ghost.unwrap_or(name), password, asked_at });
        }
        let is_revoked = !context.is_healing && rng.one_in(REVOKED_EVERY);
        let passwords = context.user.app_passwords.iter();
        let usable: Vec<_> = passwords
            .filter(|it| match it.state {
                AppPasswordState::Live => true,
                AppPasswordState::Dead { .. } => is_revoked,
                AppPasswordState::Refused => false,
            })
            .collect();
        let chosen = usable.get(rng.below(usable.len()))?;
        Some(Self { name, password: chosen.password.clone(), asked_at })
    }

    /// The message of SASL PLAIN, in base64.
    pub(super) fn plain(&self) -> String {
        base64(format!("\0{}\0{}", self.name, self.password).as_bytes())
    }

    /// Checks that a login was right to succeed: the app password was live, and the account
    /// enabled.
    pub(super) fn check_logged_in(&self, context: &DeviceContext<'_>) -> Result<(), Violation> {
        let mut known = context.user.app_passwords.iter();
        let known = known.find(|it| it.password == self.password);
        let is_live = known.is_some_and(|it| match it.state {
            AppPasswordState::Live | AppPasswordState::Refused => true,
            AppPasswordState::Dead { since } => since >= self.asked_at,
        });
        let text = || format!("a program of {} was let in with a dead password", self.name);
        require(is_live && self.name == context.user.username, Check::LoggedIn, text)?;
        let is_disabled = context.ledger.was_disabled_before(&self.name, self.asked_at);
        let text = || format!("a program of {} was let in while disabled", self.name);
        require(!is_disabled, Check::LoggedIn, text)
    }

    /// Notes that the server has refused the password: the program does not use it again.
    pub(super) fn note_refused(&self, context: &mut DeviceContext<'_>) {
        for known in &mut context.user.app_passwords {
            if known.password == self.password && known.state == AppPasswordState::Live {
                known.state = AppPasswordState::Refused;
            }
        }
    }
}

/// Base64 with padding.
fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for group in bytes.chunks(3) {
        let value = (0..3).fold(0_usize, |value, place| {
            value << 8 | usize::from(group.get(place).copied().unwrap_or_default())
        });
        for place in 0..4 {
            let digit = DIGITS.get(value >> (18 - 6 * place) & 63).filter(|_| place <= group.len());
            text.push(digit.map_or('=', |digit| char::from(*digit)));
        }
    }
    text
}
