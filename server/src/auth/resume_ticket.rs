//! Resume tickets: makes and checks them, without a list of those that were given.
//!
//! A ticket is a version, the id of its key, two times (the login with the password that it goes
//! back to, and its end), and a message authentication code (MAC) over these, the realm, and the
//! account's id and epoch. Id and epoch do not stand in the ticket: the server reads them from its
//! store, so that a ticket tells nothing about its account, and a changed epoch makes it void. Two
//! tickets with the same times are the same: a ticket can be used again anyway, so that a random
//! part would protect nothing.

use std::{fmt, path::Path, sync::Arc, time::Duration};

use correio_proto::{mail::Timestamp, message::Realm, resume::ResumeTicket};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use zeroize::Zeroizing;

use super::key_file::{self, Key, KeyFileError};
use crate::{
    data_directory::TICKET_KEY,
    ids::{AccountEpoch, AccountId},
};

/// The version of the format.
const VERSION: u8 = 1;

/// Lengths of the parts, in bytes.
const KEY_ID: usize = 4;
const TIME: usize = 8;
const MAC: usize = 32;

/// Length of a ticket, in bytes.
const LENGTH: usize = 1 + KEY_ID + 2 * TIME + MAC;

/// How far the clocks of two servers, or one clock before and after it was set, may differ. A
/// ticket whose end is later than that is none of today's.
const SKEW: Duration = Duration::from_secs(60);

/// Whether sessions are given tickets.
#[derive(Clone, Debug)]
pub enum TicketPolicy {
    /// Sessions are given none, and none is accepted.
    Off,
    /// Sessions are given tickets.
    Given(Tickets),
}

/// How long tickets are valid.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TicketTimes {
    /// From the request for a ticket to the ticket's end.
    pub life: Duration,
    /// From the login with the password to the end of all tickets that go back to it.
    pub from_login: Duration,
}

impl Default for TicketTimes {
    /// An hour, and a day.
    fn default() -> Self {
        Self { life: Duration::from_secs(3600), from_login: Duration::from_secs(24 * 3600) }
    }
}

/// The key of tickets.
#[derive(Clone)]
pub struct TicketKey {
    key: Arc<Key>,
    /// Stands in each ticket, so that a ticket of another key is recognised before any work.
    id: [u8; KEY_ID],
}

impl TicketKey {
    /// Reads the key of a data directory, and makes one if there is none.
    ///
    /// # Errors
    ///
    /// See [`KeyFileError`].
    pub fn open(directory: &Path) -> Result<Self, KeyFileError> {
        let consequence = "every client logs in with its password once more";
        key_file::open(directory, TICKET_KEY, consequence).map(|secret| Self::of(&secret))
    }

    /// A key that nothing keeps.
    ///
    /// # Errors
    ///
    /// The machine gives no random bytes.
    pub fn random() -> Result<Self, KeyFileError> {
        key_file::random().map(|secret| Self::of(&secret))
    }

    /// The key of a secret of 32 random bytes. Key and id are derived with HKDF-Expand (RFC 5869,
    /// section 2.3), so that the id tells nothing about the key.
    #[must_use]
    pub fn of(secret: &[u8; 32]) -> Self {
        let key = expand(secret, b"correio resume ticket key");
        let id = expand(secret, b"correio resume ticket key id");
        Self { key: Arc::new(key), id: id.first_chunk().copied().unwrap_or_default() }
    }

    /// A digest of the key, by which several servers compare theirs. It gives nothing of the key
    /// away, which is random; no ticket has it as its code, whose text begins with a version.
    #[must_use]
    pub fn digest(&self) -> [u8; 32] {
        let mut mac = hmac(&self.key);
        mac.update(b"correio digest of the key of tickets");
        mac.finalize().into_bytes().into()
    }
}

impl fmt::Debug for TicketKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TicketKey(…)")
    }
}

/// The first block of HKDF-Expand, for a secret that is as good as HKDF-Extract's output.
fn expand(secret: &[u8; 32], label: &[u8]) -> Key {
    let mut mac = hmac(secret);
    mac.update(label);
    mac.update(&[1]);
    Zeroizing::new(mac.finalize().into_bytes().into())
}

fn hmac(key: &[u8; 32]) -> Hmac<Sha256> {
    Hmac::new_from_slice(key).expect("a key of any length will do")
}

/// An account, as the ticket of one is made and checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TicketAccount {
    /// The account's id.
    pub id: AccountId,
    /// The account's epoch.
    pub epoch: AccountEpoch,
}

/// The parts of a ticket that name neither its account nor prove anything.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TicketClaim {
    /// The login with the password that the ticket goes back to.
    pub proved_at: Timestamp,
    expires_at: Timestamp,
    mac: [u8; MAC],
}

/// Makes and checks the tickets of one store.
#[derive(Clone, Debug)]
pub struct Tickets {
    key: TicketKey,
    realm: Realm,
    times: TicketTimes,
}

impl Tickets {
    /// The tickets of the store of this realm.
    #[must_use]
    pub fn new(key: TicketKey, realm: Realm, times: TicketTimes) -> Self {
        Self { key, realm, times }
    }

    /// Makes a ticket for a session that goes back to a login with the password at `proved_at`.
    /// Returns it with the time until its end, rounded down to seconds; `None` if that login was
    /// too long ago for one of a second.
    #[must_use]
    pub fn make(
        &self,
        account: TicketAccount,
        proved_at: Timestamp,
        now: Timestamp,
    ) -> Option<(ResumeTicket, u32)> {
        let last = later(proved_at, self.times.from_login);
        let expires_at = later(now, self.times.life).min(last);
        let seconds = expires_at.0.saturating_sub(now.0) / 1000;
        let seconds = u32::try_from(seconds).unwrap_or(u32::MAX);
        if seconds == 0 {
            return None;
        }
        let mut bytes = Vec::with_capacity(LENGTH);
        bytes.push(VERSION);
        bytes.extend(self.key.id);
        bytes.extend(proved_at.0.to_be_bytes());
        bytes.extend(expires_at.0.to_be_bytes());
        bytes.extend(self.mac(account, proved_at, expires_at));
        Some((bytes.as_slice().try_into().ok()?, seconds))
    }

    /// Reads a ticket. `None` if no account could have it now: another server or key has made it,
    /// or it has expired. The returned ticket proves nothing before [`Tickets::is_proved`].
    #[must_use]
    pub fn read(&self, ticket: &ResumeTicket, now: Timestamp) -> Option<TicketClaim> {
        let rest = ticket.as_bytes().strip_prefix(&[VERSION])?.strip_prefix(&self.key.id)?;
        let (proved_at, rest) = rest.split_first_chunk::<TIME>()?;
        let (expires_at, rest) = rest.split_first_chunk::<TIME>()?;
        let mac = rest.try_into().ok()?;
        let proved_at = Timestamp(u64::from_be_bytes(*proved_at));
        let expires_at = Timestamp(u64::from_be_bytes(*expires_at));
        // A clock that was wrong when the ticket was made, or at the login before it, must not make
        // it valid for years.
        let latest =
            later(later(now, self.times.life), SKEW).min(later(proved_at, self.times.from_login));
        let is_of_today = now < expires_at && expires_at <= latest && proved_at <= later(now, SKEW);
        is_of_today.then_some(TicketClaim { proved_at, expires_at, mac })
    }

    /// Whether a ticket was made for this account, as it is now. Takes the same time for every
    /// answer, and for `None`, which stands for no account.
    #[must_use]
    pub fn is_proved(&self, claim: &TicketClaim, account: Option<TicketAccount>) -> bool {
        let nobody = TicketAccount { id: AccountId(i64::MIN), epoch: AccountEpoch::NONE };
        let made = self.mac(account.unwrap_or(nobody), claim.proved_at, claim.expires_at);
        let differing = made.iter().zip(&claim.mac).fold(0, |all, (made, given)| {
            // Compared in constant time: the time must not tell how many bytes are right.
            all | (made ^ given)
        });
        differing == 0 && account.is_some()
    }

    fn mac(
        &self,
        account: TicketAccount,
        proved_at: Timestamp,
        expires_at: Timestamp,
    ) -> [u8; MAC] {
        let mut mac = hmac(&self.key.key);
        mac.update(&[VERSION]);
        mac.update(&self.realm.0);
        mac.update(&account.id.0.to_be_bytes());
        mac.update(account.epoch.as_bytes());
        mac.update(&proved_at.0.to_be_bytes());
        mac.update(&expires_at.0.to_be_bytes());
        mac.finalize().into_bytes().into()
    }
}

fn later(time: Timestamp, by: Duration) -> Timestamp {
    Timestamp(time.0.saturating_add(u64::try_from(by.as_millis()).unwrap_or(u64::MAX)))
}

#[cfg(test)]
mod tests {
    use std::{fs, os::unix::fs::PermissionsExt};

    use super::*;
    use crate::ids::{CodeDigest, PasswordHash};

    const NOW: Timestamp = Timestamp(1_790_000_000_000);
    const HOUR: u64 = 3_600_000;

    fn account(id: i64, hash: &str) -> TicketAccount {
        let hash = PasswordHash(hash.into());
        TicketAccount { id: AccountId(id), epoch: AccountEpoch::of(Some(&hash), None) }
    }

    fn tickets(secret: u8, realm: u8) -> Tickets {
        let key = TicketKey::of(&[secret; 32]);
        Tickets::new(key, Realm([realm; 16]), TicketTimes::default())
    }

    fn accepts(tickets: &Tickets, ticket: &ResumeTicket, of: TicketAccount, now: u64) -> bool {
        let claim = tickets.read(ticket, Timestamp(now));
        claim.is_some_and(|claim| tickets.is_proved(&claim, Some(of)))
    }

    #[test]
    fn a_ticket_is_accepted_for_its_account_alone_and_while_nothing_changes() {
        let (own, tony) = (tickets(1, 7), account(3, "hash"));
        let (ticket, seconds) = own.make(tony, NOW, NOW).unwrap();
        assert_eq!(seconds, 3600);
        assert!(accepts(&own, &ticket, tony, NOW.0));
        for other in [account(4, "hash"), account(3, "another"), account(-3, "hash")] {
            assert!(!accepts(&own, &ticket, other, NOW.0), "{other:?}");
        }
        let code = AccountEpoch::of(Some(&PasswordHash("hash".into())), Some(CodeDigest([5; 32])));
        assert!(!accepts(&own, &ticket, TicketAccount { epoch: code, ..tony }, NOW.0));
        assert!(!own.is_proved(&own.read(&ticket, NOW).unwrap(), None));
        for elsewhere in [tickets(2, 7), tickets(1, 8)] {
            assert!(!accepts(&elsewhere, &ticket, tony, NOW.0));
        }
    }

    #[test]
    fn no_ticket_is_valid_for_nobody() {
        let own = tickets(1, 7);
        let nobody = TicketAccount { id: AccountId(i64::MIN), epoch: AccountEpoch::NONE };
        let (ticket, _) = own.make(nobody, NOW, NOW).unwrap();
        assert!(!own.is_proved(&own.read(&ticket, NOW).unwrap(), None));
    }

    #[test]
    fn a_changed_bit_or_another_length_makes_no_ticket() {
        let (own, tony) = (tickets(1, 7), account(3, "hash"));
        let (ticket, _) = own.make(tony, NOW, NOW).unwrap();
        let bytes = ticket.as_bytes();
        assert_eq!(bytes.len(), LENGTH);
        for bit in 0..8 * LENGTH {
            let mut bytes = bytes.to_vec();
            bytes[bit / 8] ^= 1 << (bit % 8);
            let changed = bytes.as_slice().try_into().unwrap();
            assert!(!accepts(&own, &changed, tony, NOW.0), "{bit}");
        }
        for other in [&bytes[1..], &bytes[..LENGTH - 1], &[bytes, &[0]].concat()] {
            assert_eq!(own.read(&other.try_into().unwrap(), NOW), None);
        }
    }

    #[test]
    fn a_login_while_the_clock_was_ahead_gives_no_ticket_for_the_time_after_it() {
        const YEAR: u64 = 365 * 24 * HOUR;
        let (own, tony) = (tickets(1, 7), account(3, "hash"));
        for ahead in [YEAR, u64::MAX - NOW.0] {
            let (ticket, _) = own.make(tony, Timestamp(NOW.0 + ahead), NOW).unwrap();
            assert!(!accepts(&own, &ticket, tony, NOW.0), "{ahead}");
        }
        // A clock that was a little ahead does no harm.
        let (ticket, _) = own.make(tony, Timestamp(NOW.0 + 1000), NOW).unwrap();
        assert!(accepts(&own, &ticket, tony, NOW.0));
    }

    #[test]
    fn a_ticket_ends_after_an_hour_and_the_last_one_a_day_after_the_password() {
        let (own, tony) = (tickets(1, 7), account(3, "hash"));
        let (first, _) = own.make(tony, NOW, NOW).unwrap();
        assert!(accepts(&own, &first, tony, NOW.0 + HOUR - 1));
        assert!(!accepts(&own, &first, tony, NOW.0 + HOUR));
        let late = Timestamp(NOW.0 + 24 * HOUR - 90_500);
        let (last, seconds) = own.make(tony, NOW, late).unwrap();
        assert_eq!(seconds, 90);
        assert_eq!(own.read(&last, late).unwrap().proved_at, NOW);
        assert!(!accepts(&own, &last, tony, NOW.0 + 24 * HOUR));
        assert_eq!(own.make(tony, NOW, Timestamp(NOW.0 + 24 * HOUR - 999)), None);
    }

    #[test]
    fn a_clock_that_was_far_ahead_leaves_no_ticket_that_is_valid_for_long() {
        let (own, tony) = (tickets(1, 7), account(3, "hash"));
        let ahead = |by: u64| {
            let then = Timestamp(NOW.0 + by);
            own.make(tony, then, then).unwrap().0
        };
        assert!(accepts(&own, &ahead(60_000), tony, NOW.0));
        assert!(!accepts(&own, &ahead(60_001), tony, NOW.0));
    }

    #[test]
    fn the_key_is_private_and_is_not_made_again() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join(TICKET_KEY);
        let tony = account(3, "hash");
        let open = || {
            let key = TicketKey::open(directory.path()).unwrap();
            Tickets::new(key, Realm([7; 16]), TicketTimes::default())
        };
        let (ticket, _) = open().make(tony, NOW, NOW).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert!(accepts(&open(), &ticket, tony, NOW.0));
        fs::remove_file(&path).unwrap();
        assert_eq!(open().read(&ticket, NOW), None, "a ticket of another key is recognised");
        fs::write(&path, "short").unwrap();
        let error = TicketKey::open(directory.path()).unwrap_err();
        assert!(matches!(error, KeyFileError::Damaged { .. }), "{error}");
        assert_eq!(fs::read(&path).unwrap(), b"short");
    }
}
