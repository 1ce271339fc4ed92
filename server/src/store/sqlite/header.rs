//! Whose a database file is, read from its bytes before SQLite may do anything to it: opening it
//! for writing can change its journal mode and move a log that was left beside it.
//!
//! The first page says it (<https://www.sqlite.org/fileformat2.html>, sections 1.3 and 4). Where
//! a log has a newer one, that one holds.

use std::{
    fs::File,
    io,
    os::unix::fs::FileExt,
    path::{Path, PathBuf},
};

/// Bytes of the page that are looked at: the file's header and that of the root page's tree.
const LENGTH: usize = 108;

/// Lengths of what stands before the log's frames, and before each page in it.
const LOG_HEADER: u64 = 32;
const FRAME_HEADER: u64 = 24;

/// What is in the place of a database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Found {
    /// No file, or an empty one.
    Nothing,
    /// A log whose database is missing or empty.
    OrphanLog,
    /// A file of another kind.
    Other,
    /// A database.
    Database(Header),
}

/// The first page of a database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Header {
    /// Whose it is.
    pub(super) application: u32,
    /// Its schema's version.
    pub(super) version: u32,
    /// Whether it has no table yet.
    pub(super) is_empty: bool,
    /// Whether the file is shorter than it says, and no log has the rest.
    pub(super) is_short: bool,
}

/// Looks at what is in the place of a database.
///
/// # Errors
///
/// It cannot be read.
pub(super) fn look(path: &Path) -> io::Result<Found> {
    if path.is_dir() {
        return Ok(Found::Other);
    }
    let log = open(&log_of(path))?.filter(|(_, length)| *length > 0);
    let Some((file, length)) = open(path)?.filter(|(_, length)| *length > 0) else {
        return Ok(if log.is_some() { Found::OrphanLog } else { Found::Nothing });
    };
    let Some(page) =
        read::<LENGTH>(&file, 0)?.filter(|page| page.starts_with(b"SQLite format 3\0"))
    else {
        return Ok(Found::Other);
    };
    let page_size = match u32::from(u16_at(&page, 16)) {
        1 => 65_536,
        size => size,
    };
    // A checkpoint that was cut short leaves a file that has not grown yet; the log beside it has
    // everything, and SQLite puts it in its place.
    let is_short = log.is_none() && length < u64::from(page_size) * u64::from(u32_at(&page, 28));
    let newer = match &log {
        Some((log, _)) => first_page_in_log(log, page_size)?,
        None => None,
    };
    let page = newer.unwrap_or(page);
    Ok(Found::Database(Header {
        application: u32_at(&page, 68),
        version: u32_at(&page, 60),
        // A leaf without a cell. A schema of more than one page is no leaf.
        is_empty: page.get(100) == Some(&0x0d) && u16_at(&page, 103) == 0,
        is_short,
    }))
}

/// The first page as the last transaction in the log left it. Checksums are not looked at: a
/// frame that was cut short is still a page of this database, and SQLite judges it afterwards.
fn first_page_in_log(log: &File, page_size: u32) -> io::Result<Option<[u8; LENGTH]>> {
    let Some(header) = read::<{ LOG_HEADER as usize }>(log, 0)? else {
        return Ok(None);
    };
    let salts = header.get(16..24);
    let mut seen = None;
    let mut committed = None;
    let mut at = LOG_HEADER;
    while let Some(frame) = read::<{ FRAME_HEADER as usize }>(log, at)? {
        // Frames of an earlier round of the log have other salts.
        if frame.get(8..16) != salts {
            break;
        }
        if u32_at(&frame, 0) == 1 {
            seen = Some(at + FRAME_HEADER);
        }
        if u32_at(&frame, 4) != 0 {
            committed = seen;
        }
        at += FRAME_HEADER + u64::from(page_size);
    }
    match committed {
        Some(at) => read(log, at),
        None => Ok(None),
    }
}

/// Pages that a log of so many bytes has room for.
pub(super) fn pages_in_log(bytes: u64, page_size: u32) -> u64 {
    bytes.saturating_sub(LOG_HEADER) / (FRAME_HEADER + u64::from(page_size))
}

/// SQLite's write-ahead log of a database.
pub(super) fn log_of(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push("-wal");
    name.into()
}

/// A file with its length. `None` where there is none.
fn open(path: &Path) -> io::Result<Option<(File, u64)>> {
    match File::open(path) {
        Ok(file) => {
            let length = file.metadata()?.len();
            Ok(Some((file, length)))
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// So many bytes of a file. `None` where it ends before.
fn read<const N: usize>(file: &File, at: u64) -> io::Result<Option<[u8; N]>> {
    let mut bytes = [0; N];
    match file.read_exact_at(&mut bytes, at) {
        Ok(()) => Ok(Some(bytes)),
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(None),
        Err(error) => Err(error),
    }
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    bytes.get(at..).and_then(<[u8]>::first_chunk).map_or(0, |chunk| u32::from_be_bytes(*chunk))
}

fn u16_at(bytes: &[u8], at: usize) -> u16 {
    bytes.get(at..).and_then(<[u8]>::first_chunk).map_or(0, |chunk| u16::from_be_bytes(*chunk))
}
