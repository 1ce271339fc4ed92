//! Reads a backup, whose bytes may come from anywhere.

use std::io::{self, BufRead, BufReader, Read, Write};

use correio_proto::mail::Sha256;
use flate2::bufread::GzDecoder;

use super::{
    copy::{BUFFER_BYTES, copy},
    error::ArchiveError,
    manifest::{FileEntry, MANIFEST, MANIFEST_BYTES_MAX, Manifest},
};
use crate::cancel::Cancel;

/// Most bytes of zeros after the last entry: tar programs fill their last block.
const PADDING_MAX: u64 = 64 * 1024;

/// The first two bytes of gzip's format.
const GZIP: [u8; 2] = [0x1f, 0x8b];

/// Reads a whole backup and verifies everything that its manifest states. `accept` sees the
/// manifest before anything else is read, and may refuse it. `open` gives the place of each file;
/// `unpacked` learns how many bytes of the files are written.
///
/// Memory stays within some hundred kibibytes, whatever the archive says, and no more bytes are
/// written than the manifest states.
///
/// # Errors
///
/// See [`ArchiveError`]. Files may have been written then, which must not be used.
pub fn unpack<W: Write>(
    source: impl Read,
    cancel: &Cancel,
    accept: impl FnOnce(&Manifest) -> Result<(), ArchiveError>,
    mut open: impl FnMut(&FileEntry) -> io::Result<W>,
    unpacked: impl Fn(u64),
) -> Result<Manifest, ArchiveError> {
    let result = unpack_all(source, cancel, accept, &mut open, unpacked);
    result.map_err(|error| error.unless_cancelled(cancel))
}

fn unpack_all<W: Write>(
    source: impl Read,
    cancel: &Cancel,
    accept: impl FnOnce(&Manifest) -> Result<(), ArchiveError>,
    open: &mut impl FnMut(&FileEntry) -> io::Result<W>,
    unpacked: impl Fn(u64),
) -> Result<Manifest, ArchiveError> {
    let mut source = BufReader::with_capacity(BUFFER_BYTES, source);
    let begin = source.fill_buf().map_err(ArchiveError::of_read)?;
    if !begin.is_empty() && !begin.starts_with(&GZIP) && !GZIP.starts_with(begin) {
        return Err(ArchiveError::Foreign);
    }
    let mut archive = tar::Archive::new(GzDecoder::new(source));
    let manifest = read_entries(&mut archive, cancel, accept, open, unpacked)?;
    read_end(archive.into_inner())?;
    Ok(manifest)
}

fn read_entries<R: Read, W: Write>(
    archive: &mut tar::Archive<R>,
    cancel: &Cancel,
    accept: impl FnOnce(&Manifest) -> Result<(), ArchiveError>,
    open: &mut impl FnMut(&FileEntry) -> io::Result<W>,
    unpacked: impl Fn(u64),
) -> Result<Manifest, ArchiveError> {
    // `raw`: extensions, which could name anything and be of any size, are entries like others.
    let mut entries = archive.entries().map_err(ArchiveError::of_read)?.raw(true);
    let mut next =
        || -> Result<_, ArchiveError> { entries.next().transpose().map_err(ArchiveError::of_read) };
    let first = next()?.filter(|entry| entry.header().path_bytes() == MANIFEST.as_bytes());
    let Some(mut first) = first.filter(is_plain) else { return Err(ArchiveError::Foreign) };
    if first.size() > MANIFEST_BYTES_MAX {
        return Err(ArchiveError::damaged("its manifest is too large"));
    }
    let mut json = Vec::new();
    let length = first.read_to_end(&mut json).map_err(ArchiveError::of_read)?;
    if length as u64 != first.size() {
        return Err(ArchiveError::Cut);
    }
    let manifest = Manifest::parse(&json)?;
    accept(&manifest)?;
    let mut done = 0;
    for stated in &manifest.files {
        let name = stated.file.name();
        let Some(mut entry) = next()? else {
            return Err(ArchiveError::damaged(format!("{name} is missing")));
        };
        let is_stated = entry.header().path_bytes() == name.as_bytes()
            && is_plain(&entry)
            && entry.size() == stated.size;
        if !is_stated {
            return Err(ArchiveError::damaged(format!("its entry of {name} is another")));
        }
        let mut file = open(stated).map_err(ArchiveError::Write)?;
        let copied = copy(&mut entry, &mut file, cancel, |length| unpacked(done + length))?;
        verify(stated, copied)?;
        done += stated.size;
    }
    match next()? {
        None => Ok(manifest),
        Some(_) => Err(ArchiveError::damaged("it has an entry that its manifest does not list")),
    }
}

/// Whether an entry is a regular file: no link, directory or extension.
fn is_plain<R: Read>(entry: &tar::Entry<'_, R>) -> bool {
    entry.header().entry_type() == tar::EntryType::Regular
}

/// Compares the content of an entry with what the manifest states.
fn verify(stated: &FileEntry, (sha256, size): (Sha256, u64)) -> Result<(), ArchiveError> {
    if size != stated.size {
        return Err(ArchiveError::Cut);
    }
    if sha256 != stated.sha256 {
        let name = stated.file.name();
        return Err(ArchiveError::damaged(format!("{name} has another checksum than it had")));
    }
    Ok(())
}

/// Reads the rest of the stream, whose checksum is at its end, and refuses anything after it.
fn read_end<R: BufRead>(mut decoder: GzDecoder<R>) -> Result<(), ArchiveError> {
    let mut padding = Vec::new();
    let mut rest = decoder.by_ref().take(PADDING_MAX + 1);
    let length = rest.read_to_end(&mut padding).map_err(ArchiveError::of_read)?;
    if length as u64 > PADDING_MAX || padding.iter().any(|byte| *byte != 0) {
        return Err(ArchiveError::damaged("it goes on after its end"));
    }
    let mut source = decoder.into_inner();
    match source.fill_buf().map_err(ArchiveError::of_read)? {
        [] => Ok(()),
        _ => Err(ArchiveError::damaged("something follows after its end")),
    }
}
