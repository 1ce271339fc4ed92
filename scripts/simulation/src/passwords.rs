//! The passwords that accounts have had, as the store's hashes show them.

use std::collections::BTreeMap;

use correio_proto::{credential::Credential, mail::Username};
use correio_server::ids::PasswordHash;

use crate::hasher;

/// See the module's description. Each account's hashes, oldest first.
#[derive(Debug, Default)]
pub(crate) struct PasswordLedger(BTreeMap<Username, Vec<PastHash>>);

/// A hash and the time at which it was replaced, if it was.
#[derive(Debug)]
struct PastHash {
    hash: PasswordHash,
    until: Option<u64>,
}

impl PasswordLedger {
    /// Records that an account has a hash now.
    pub(crate) fn note(&mut self, username: Username, hash: PasswordHash, now: u64) {
        let hashes = self.0.entry(username).or_default();
        if let Some(was) = hashes.last_mut() {
            was.until = Some(now);
        }
        hashes.push(PastHash { hash, until: None });
    }

    /// Whether a credential was this user's at any time since `since`.
    pub(crate) fn was_right(
        &self,
        username: &Username,
        credential: &Credential,
        since: u64,
    ) -> bool {
        self.0.get(username).is_some_and(|hashes| {
            hashes.iter().any(|was| {
                was.until.is_none_or(|until| until >= since) && hasher::is_of(credential, &was.hash)
            })
        })
    }

    /// Whether an account has had one hash at `given_at` or before, and at any time since `since`:
    /// a ticket that was given at the first time may be accepted at the second. A crash may take
    /// a change back.
    pub(crate) fn was_unchanged(&self, username: &Username, given_at: u64, since: u64) -> bool {
        let hashes = self.0.get(username).map_or(&[][..], Vec::as_slice);
        let begins = std::iter::once(Some(0)).chain(hashes.iter().map(|was| was.until));
        let before = hashes.iter().zip(begins);
        let before = before.filter(|(_, from)| from.is_some_and(|from| from <= given_at));
        let mut now = hashes.iter().filter(|was| was.until.is_none_or(|until| until >= since));
        let before: Vec<_> = before.map(|(was, _)| &was.hash).collect();
        now.any(|now| before.contains(&&now.hash))
    }

    /// Since when a user has another password than one of these; `None` if they have one of them.
    pub(crate) fn outdated_since(
        &self,
        username: &Username,
        credentials: &[Credential],
    ) -> Option<u64> {
        let is_one = |version: &&PastHash| {
            credentials.iter().any(|credential| hasher::is_of(credential, &version.hash))
        };
        self.0.get(username)?.iter().rev().find(is_one)?.until
    }

    /// The hashes that an account has had so far.
    pub(crate) fn hashes_of(&self, username: &Username) -> Vec<PasswordHash> {
        let hashes = self.0.get(username).into_iter().flatten();
        hashes.map(|version| version.hash.clone()).collect()
    }
}
