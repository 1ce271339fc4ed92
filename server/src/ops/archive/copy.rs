//! Copies bytes and computes their digest on the way.

use std::io::{Read, Write};

use correio_proto::mail::{ContentHasher, Sha256};

use super::error::ArchiveError;
use crate::cancel::Cancel;

/// Bytes that are copied at once.
pub(super) const BUFFER_BYTES: usize = 64 * 1024;

/// Copies everything that a reader gives. Returns its SHA-256 and size. `copied` learns the number
/// of bytes so far.
///
/// # Errors
///
/// [`ArchiveError::of_read`], [`ArchiveError::Write`], [`ArchiveError::Interrupted`].
pub(super) fn copy(
    source: &mut (impl Read + ?Sized),
    sink: &mut impl Write,
    cancel: &Cancel,
    copied: impl Fn(u64),
) -> Result<(Sha256, u64), ArchiveError> {
    let (mut hasher, mut size) = (ContentHasher::new(), 0);
    let mut buffer = vec![0; BUFFER_BYTES];
    loop {
        if cancel.is_asked() {
            return Err(ArchiveError::Interrupted);
        }
        let length = source.read(&mut buffer).map_err(ArchiveError::of_read)?;
        let Some(read) = buffer.get(..length).filter(|read| !read.is_empty()) else {
            return Ok((hasher.finish(), size));
        };
        hasher.update(read);
        sink.write_all(read).map_err(ArchiveError::Write)?;
        size += length as u64;
        copied(size);
    }
}
