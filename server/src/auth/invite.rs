//! Invites, which allow registration where it is not open to everybody.
//!
//! An invite is a random id, the minute in which it expires, and a message authentication code
//! (MAC) over both with the server's key. So an invite can be made while no server runs, and the
//! server recognises its invites without a list of them. The store makes sure that each invite is
//! used once.

use std::{fmt, path::Path, sync::Arc};

use correio_proto::{invite::Invite, mail::Timestamp, message::RegistrationPolicy};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use super::key_file::{self, Key, KeyFileError};
use crate::{data_directory::INVITE_KEY, ids::InviteId};

/// Lengths of an invite's id and expiry time, in bytes.
const ID: usize = 8;
const END: usize = 4;

const MINUTE: u64 = 60 * 1000;

/// The rules of registration, with the key that invites are checked with.
#[derive(Clone, Debug)]
pub enum RegistrationRules {
    /// Everybody may register.
    Open,
    /// Clients with an invite may register.
    Invited(InviteKey),
    /// No client may register.
    Closed,
}

impl RegistrationRules {
    /// The policy that clients are told.
    #[must_use]
    pub fn policy(&self) -> RegistrationPolicy {
        match self {
            Self::Open => RegistrationPolicy::Open {},
            Self::Invited(_) => RegistrationPolicy::Invite {},
            Self::Closed => RegistrationPolicy::Closed {},
        }
    }
}

/// The key that invites are made and checked with.
#[derive(Clone)]
pub struct InviteKey(Arc<Key>);

/// Why an invite is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InviteError {
    /// This server did not make the invite.
    Forged,
    /// The invite has expired.
    Expired,
}

impl InviteKey {
    /// Reads the key of a data directory, and makes one if there is none.
    ///
    /// # Errors
    ///
    /// See [`KeyFileError`].
    pub fn open(directory: &Path) -> Result<Self, KeyFileError> {
        let consequence = "every invite that was not used becomes void";
        key_file::open(directory, INVITE_KEY, consequence).map(|key| Self(Arc::new(key)))
    }

    /// Makes an invite that expires at `end`, rounded down to the minute.
    ///
    /// # Errors
    ///
    /// The machine gives no random bytes.
    pub fn make(&self, end: Timestamp) -> Result<Invite, KeyFileError> {
        let mut id = [0; ID];
        getrandom::fill(&mut id).map_err(KeyFileError::Random)?;
        Ok(self.sealed(id, u32::try_from(end.0 / MINUTE).unwrap_or(u32::MAX)))
    }

    /// Checks that this server made an invite and that it has not expired. Returns its id.
    ///
    /// # Errors
    ///
    /// See [`InviteError`].
    pub fn check(&self, invite: &Invite, now: Timestamp) -> Result<InviteId, InviteError> {
        let bytes = invite.as_bytes();
        let (Some(id), Some(end)) =
            (bytes.first_chunk::<ID>(), bytes.get(ID..).and_then(<[u8]>::first_chunk::<END>))
        else {
            return Err(InviteError::Forged);
        };
        let end = u32::from_be_bytes(*end);
        // Compared in constant time: the time must not tell how many bytes are right.
        let mut code = self.code(id, end);
        for (byte, given) in code.iter_mut().zip(bytes.iter().skip(ID + END)) {
            *byte ^= given;
        }
        if code.iter().fold(0, |all, byte| all | byte) != 0 {
            return Err(InviteError::Forged);
        }
        if now.0 >= u64::from(end) * MINUTE {
            return Err(InviteError::Expired);
        }
        Ok(InviteId(*id))
    }

    /// A digest by which several servers compare their keys. It reveals nothing of the key, which
    /// is random.
    #[must_use]
    pub fn digest(&self) -> [u8; 32] {
        let mut mac = self.mac();
        mac.update(b"correio digest of the key of invites");
        mac.finalize().into_bytes().into()
    }

    fn sealed(&self, id: [u8; ID], end: u32) -> Invite {
        let parts = id.into_iter().chain(end.to_be_bytes()).chain(self.code(&id, end));
        let mut bytes = [0; 20];
        bytes.iter_mut().zip(parts).for_each(|(byte, part)| *byte = part);
        bytes.into()
    }

    fn code(&self, id: &[u8; ID], end: u32) -> [u8; 8] {
        let mut mac = self.mac();
        mac.update(b"correio invite");
        mac.update(id);
        mac.update(&end.to_be_bytes());
        let code: [u8; 32] = mac.finalize().into_bytes().into();
        code.first_chunk().copied().unwrap_or_default()
    }

    fn mac(&self) -> Hmac<Sha256> {
        Hmac::new_from_slice(self.0.as_slice()).expect("a key of any length will do")
    }
}

impl fmt::Debug for InviteKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("InviteKey(…)")
    }
}

#[cfg(test)]
mod tests {
    use std::{fs, os::unix::fs::PermissionsExt};

    use super::*;

    #[test]
    fn a_server_knows_its_own_invites_until_their_end() {
        let directory = tempfile::tempdir().unwrap();
        let key = InviteKey::open(directory.path()).unwrap();
        let end = Timestamp(1_790_000_040_000);
        let (one, other) = (key.make(end).unwrap(), key.make(end).unwrap());
        let again = InviteKey::open(directory.path()).unwrap();
        let id = again.check(&one, Timestamp(end.0 - MINUTE)).unwrap();
        assert_ne!(again.check(&other, Timestamp(0)).unwrap(), id);
        assert_eq!(again.check(&one, end), Err(InviteError::Expired));

        let elsewhere = InviteKey::open(&directory.path().join("elsewhere")).unwrap();
        assert_eq!(elsewhere.check(&one, Timestamp(0)), Err(InviteError::Forged));
        for at in 0..20 {
            let mut bytes = *one.as_bytes();
            bytes[at] ^= 1;
            assert_eq!(key.check(&bytes.into(), Timestamp(0)), Err(InviteError::Forged), "{at}");
        }
    }

    #[test]
    fn the_key_is_private_and_is_not_made_again() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join(INVITE_KEY);
        InviteKey::open(directory.path()).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        fs::write(&path, "short").unwrap();
        let error = InviteKey::open(directory.path()).unwrap_err();
        assert!(matches!(error, KeyFileError::Damaged { .. }), "{error}");
        assert_eq!(fs::read(&path).unwrap(), b"short");
    }
}
