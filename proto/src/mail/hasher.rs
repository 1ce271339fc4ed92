//! Computes the digest of a content piece by piece.

use std::fmt;

use sha2::Digest;

use super::content::Sha256;

/// Computes the [`Sha256`] of a content that is never in memory as a whole.
#[derive(Clone, Default)]
pub struct ContentHasher(sha2::Sha256);

impl ContentHasher {
    /// A hasher that has seen nothing.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes the next bytes of the content.
    pub fn update(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    /// The digest of all bytes.
    #[must_use]
    pub fn finish(self) -> Sha256 {
        Sha256(self.0.finalize().into())
    }
}

impl fmt::Debug for ContentHasher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ContentHasher")
    }
}
