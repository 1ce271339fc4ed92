//! Writes a backup.

use std::io::{self, Read, Write};

use correio_proto::mail::Sha256;
use flate2::{Compression, write::GzEncoder};

use super::{
    copy::copy,
    error::ArchiveError,
    manifest::{MANIFEST, Manifest},
};
use crate::cancel::Cancel;

/// A file's content.
pub type Source<'a> = &'a mut dyn Read;

/// SHA-256 and size of all bytes that a reader gives.
///
/// # Errors
///
/// [`ArchiveError::Read`], [`ArchiveError::Interrupted`].
pub fn digest(source: Source<'_>, cancel: &Cancel) -> Result<(Sha256, u64), ArchiveError> {
    copy(source, &mut io::sink(), cancel, |_| {})
}

/// Writes a backup: the manifest and the content of its files, in its order. Returns the sink.
/// `packed` learns how many bytes of the files are written.
///
/// # Errors
///
/// [`ArchiveError::Write`]; [`ArchiveError::Read`] if a file cannot be read or has another size
/// than the manifest states; [`ArchiveError::Interrupted`].
pub fn pack<W: Write>(
    sink: W,
    manifest: &Manifest,
    sources: &mut [Source<'_>],
    cancel: &Cancel,
    packed: impl Fn(u64),
) -> Result<W, ArchiveError> {
    let result = pack_all(sink, manifest, sources, cancel, packed);
    result.map_err(|error| error.unless_cancelled(cancel))
}

fn pack_all<W: Write>(
    sink: W,
    manifest: &Manifest,
    sources: &mut [Source<'_>],
    cancel: &Cancel,
    packed: impl Fn(u64),
) -> Result<W, ArchiveError> {
    let json = manifest.write()?;
    let mut archive = tar::Builder::new(GzEncoder::new(sink, Compression::default()));
    let time = manifest.made_at.parse::<jiff::Timestamp>().map_or(0, jiff::Timestamp::as_second);
    let time = u64::try_from(time).unwrap_or(0);
    append(&mut archive, (MANIFEST, json.len() as u64, time), &mut json.as_slice())?;
    let mut done = 0;
    for (entry, source) in manifest.files.iter().zip(sources) {
        let mut counted = Counted { source, cancel, done, told: &packed };
        append(&mut archive, (entry.file.name(), entry.size, time), &mut counted)?;
        done += entry.size;
    }
    let encoder = archive.into_inner().map_err(ArchiveError::Write)?;
    encoder.finish().map_err(ArchiveError::Write)
}

fn append<W: Write>(
    archive: &mut tar::Builder<W>,
    (name, size, time): (&str, u64, u64),
    content: &mut dyn Read,
) -> Result<(), ArchiveError> {
    let mut header = tar::Header::new_ustar();
    header.set_size(size);
    header.set_mode(0o600);
    header.set_mtime(time);
    header.set_entry_type(tar::EntryType::Regular);
    let mut exact = Exact { content, left: size };
    archive.append_data(&mut header, name, &mut exact).map_err(ArchiveError::Write)
}

/// Gives exactly as many bytes as the header states, or an error.
struct Exact<'a> {
    content: &'a mut dyn Read,
    left: u64,
}

impl Read for Exact<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let most = usize::try_from(self.left).unwrap_or(usize::MAX).min(buffer.len());
        let length = self.content.read(buffer.get_mut(..most).unwrap_or_default())?;
        if length == 0 && most > 0 {
            return Err(io::Error::other("a file became shorter while it was read"));
        }
        self.left -= length as u64;
        Ok(length)
    }
}

/// Reports what was read, and ends when the user asks for it.
struct Counted<'a, 'b, F> {
    source: &'a mut Source<'b>,
    cancel: &'a Cancel,
    done: u64,
    told: &'a F,
}

impl<F: Fn(u64)> Read for Counted<'_, '_, F> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.cancel.is_asked() {
            return Err(io::Error::other("stopped by a signal"));
        }
        let length = self.source.read(buffer)?;
        self.done += length as u64;
        (self.told)(self.done);
        Ok(length)
    }
}
