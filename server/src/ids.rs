//! Ids of connections, jobs, accounts and invites, and the digests that stand for secrets.

use std::fmt;

use sha2::{Digest, Sha256};

/// Id of a connection. Never given to a second connection: a reused slot has another generation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ConnId {
    /// The connection's slot in the server's table.
    pub index: u32,
    /// Counts the connections of the process.
    pub generation: u32,
}

impl fmt::Display for ConnId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.index, self.generation)
    }
}

/// Id of a job. A session accepts only the result of the job that it waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Ticket {
    /// The connection that submitted the job.
    pub connection: ConnId,
    /// Counts the jobs of that connection.
    pub serial: u64,
}

/// Id of an account in its store. Never given to a second account.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct AccountId(pub i64);

/// A bcrypt string that the server made from a credential. `Debug` hides it.
#[derive(Clone, PartialEq, Eq)]
pub struct PasswordHash(pub Box<str>);

impl fmt::Debug for PasswordHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PasswordHash(…)")
    }
}

/// Id of an invite, under which the store records that the invite was used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct InviteId(pub [u8; 8]);

/// SHA-256 of an account's password hash: a value of the account that nobody outside of the server
/// can know, and that stays until the password, or the cost of its hash, changes. Only an account
/// with a password has app passwords, so that no program logs in to one without a hash.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct AccountSecret(pub(crate) [u8; 32]);

impl AccountSecret {
    /// The secret of an account with this hash.
    pub(crate) fn of(hash: Option<&PasswordHash>) -> Self {
        let hash = hash.map_or(&[][..], |hash| hash.0.as_bytes());
        Self(Sha256::digest(hash).into())
    }
}

impl fmt::Debug for AccountSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AccountSecret(…)")
    }
}

/// SHA-256 of what lets a client into an account: the password's hash, and the recovery code that
/// was given out. A new password, a recovery and a reset by the operator change it, so that what
/// was bound to it becomes void without a list.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct AccountEpoch([u8; 32]);

impl AccountEpoch {
    /// The epoch of no account.
    pub(crate) const NONE: Self = Self([0; 32]);

    /// The epoch of an account with this hash and this code.
    #[must_use]
    pub fn of(hash: Option<&PasswordHash>, code: Option<CodeDigest>) -> Self {
        let hash = hash.map_or(&[][..], |hash| hash.0.as_bytes());
        let mut digest = Sha256::new();
        digest.update(b"correio account epoch");
        digest.update((hash.len() as u64).to_be_bytes());
        digest.update(hash);
        if let Some(code) = code {
            digest.update(code.0);
        }
        Self(digest.finalize().into())
    }

    /// The bytes.
    #[must_use]
    pub(crate) fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Debug for AccountEpoch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AccountEpoch(…)")
    }
}

/// SHA-256 of an app password. An app password has enough random bits that its digest needs no
/// salt.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct AppPasswordDigest(pub [u8; 32]);

impl fmt::Debug for AppPasswordDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AppPasswordDigest(…)")
    }
}

/// SHA-256 of a recovery code. A code has enough random bits that its digest needs no salt.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct CodeDigest(pub [u8; 32]);

impl fmt::Debug for CodeDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CodeDigest(…)")
    }
}
