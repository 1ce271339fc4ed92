//! The bytes of large contents: they follow from a mail's id, so that neither side of a load keeps
//! them.

use correio_proto::mail::{MailId, Sha256};
use sha2::{Digest, Sha256 as Hasher};

/// Bytes after which the text of a content repeats itself: a prime, so that no piece looks like the
/// next.
const PERIOD: usize = 4093;

/// A part of the content of this mail, from `offset` on.
#[must_use]
pub fn part(id: MailId, offset: u64, length: usize) -> Vec<u8> {
    let head = id.to_string().into_bytes();
    let last = usize::from(id.as_bytes().last().copied().unwrap_or(0));
    let letter = |at: usize| b'a' + u8::try_from((at * at + last) % 26).unwrap_or(0);
    let line: Vec<u8> =
        (0..PERIOD).map(|at| if at % 72 == 71 { b'\n' } else { letter(at) }).collect();
    let start = usize::try_from(offset).unwrap_or(usize::MAX);
    let mut bytes = Vec::with_capacity(length + PERIOD);
    bytes.extend_from_slice(head.get(start..).unwrap_or_default());
    let skipped = start.max(head.len()) % PERIOD;
    bytes.extend_from_slice(line.get(skipped..).unwrap_or_default());
    while bytes.len() < length {
        bytes.extend_from_slice(&line);
    }
    bytes.truncate(length);
    bytes
}

/// The SHA-256 of a content whose pieces come in order, some of them twice.
#[derive(Clone, Debug, Default)]
pub struct RunningDigest {
    hasher: Hasher,
    hashed: u64,
}

impl RunningDigest {
    /// Adds a piece that begins at this offset, which is not after the pieces so far.
    pub fn add(&mut self, offset: u64, bytes: &[u8]) {
        let known = usize::try_from(self.hashed.saturating_sub(offset)).unwrap_or(usize::MAX);
        let new = bytes.get(known..).unwrap_or_default();
        self.hasher.update(new);
        self.hashed += new.len() as u64;
    }

    /// Bytes so far.
    #[must_use]
    pub fn hashed(&self) -> u64 {
        self.hashed
    }

    /// The digest of the bytes so far.
    #[must_use]
    pub fn digest(&self) -> Sha256 {
        Sha256(self.hasher.clone().finalize().into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_content_is_the_same_in_whatever_parts_it_is_made() {
        let id = crate::new_id().unwrap();
        let whole = part(id, 0, 20_000);
        assert!(whole.starts_with(id.to_string().as_bytes()));
        assert!(whole.is_ascii());
        for length in [1, 35, 36, 37, 4093, 7000] {
            let mut digest = RunningDigest::default();
            for offset in (0..20_000).step_by(length) {
                let bytes = part(id, offset, length.min(20_000 - offset as usize));
                assert!(whole.get(offset as usize..).unwrap().starts_with(&bytes), "{offset}");
                // A piece that comes again changes nothing.
                digest.add(offset, &bytes);
                digest.add(offset, &bytes);
            }
            assert_eq!(digest.hashed(), 20_000);
            assert_eq!(digest.digest().0, <[u8; 32]>::from(Hasher::digest(&whole)));
        }
    }
}
