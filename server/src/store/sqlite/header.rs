//! Reads a database's header before SQLite opens the file, because opening a foreign file for
//! writing can change its journal mode and move a log that was left beside it.
//!
//! The header is in the first page (<https://www.sqlite.org/fileformat2.html>, sections 1.3 and 4).
//! If the log has a newer first page, that one is read.

use std::{
    fs::File,
    io,
    os::unix::fs::FileExt,
    path::{Path, PathBuf},
};

/// Bytes that are read of the first page: the file's header and the header of its b-tree page.
const LENGTH: usize = 108;

/// Bytes of the log's header, and of the header of each frame.
const LOG_HEADER: u64 = 32;
const FRAME_HEADER: u64 = 24;

/// The kind of file in a database's place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum FileKind {
    /// No file, or an empty one.
    Nothing,
    /// A log whose database is missing or empty.
    OrphanLog,
    /// A file of another kind, or a directory.
    Other,
    /// A database.
    Database(Header),
}

/// The first page of a database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Header {
    /// SQLite's `application_id`.
    pub(super) application: u32,
    /// SQLite's `user_version`: the schema's version.
    pub(super) version: u32,
    /// Whether the database has no table yet.
    pub(super) is_empty: bool,
    /// Whether the file is shorter than its header says, and there is no log with the rest.
    pub(super) is_short: bool,
}

/// Reads the file in a database's place.
///
/// # Errors
///
/// The file or its log cannot be read.
pub(super) fn look(path: &Path) -> io::Result<FileKind> {
    if path.is_dir() {
        return Ok(FileKind::Other);
    }
    let log = open(&log_of(path))?.filter(|(_, length)| *length > 0);
    let Some((file, length)) = open(path)?.filter(|(_, length)| *length > 0) else {
        return Ok(if log.is_some() { FileKind::OrphanLog } else { FileKind::Nothing });
    };
    let Some(page) =
        read::<LENGTH>(&file, 0)?.filter(|page| page.starts_with(b"SQLite format 3\0"))
    else {
        return Ok(FileKind::Other);
    };
    let page_size = match u32::from(u16_at(&page, 16)) {
        1 => 65_536,
        size => size,
    };
    // An interrupted checkpoint may leave a file that has not grown yet. Its log has all pages, and
    // SQLite recovers them.
    let is_short = log.is_none() && length < u64::from(page_size) * u64::from(u32_at(&page, 28));
    let newer = match &log {
        Some((log, _)) => first_page_in_log(log, page_size)?,
        None => None,
    };
    let page = newer.unwrap_or(page);
    Ok(FileKind::Database(Header {
        application: u32_at(&page, 68),
        version: u32_at(&page, 60),
        // An empty schema is a leaf without a cell.
        is_empty: page.get(100) == Some(&0x0d) && u16_at(&page, 103) == 0,
        is_short,
    }))
}

/// The first page as the last transaction in the log left it. Checksums are not verified: an
/// incomplete frame is still a page of this database, and SQLite verifies it later.
fn first_page_in_log(log: &File, page_size: u32) -> io::Result<Option<[u8; LENGTH]>> {
    let Some(header) = read::<{ LOG_HEADER as usize }>(log, 0)? else {
        return Ok(None);
    };
    let salts = header.get(16..24);
    let mut seen = None;
    let mut committed = None;
    let mut at = LOG_HEADER;
    while let Some(frame) = read::<{ FRAME_HEADER as usize }>(log, at)? {
        // Frames of an earlier log in the same file have other salts.
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

/// Database pages that a log of this many bytes has room for.
pub(super) fn pages_in_log(bytes: u64, page_size: u32) -> u64 {
    bytes.saturating_sub(LOG_HEADER) / (FRAME_HEADER + u64::from(page_size))
}

/// Path of a database's write-ahead log.
pub(super) fn log_of(path: &Path) -> PathBuf {
    beside(path, "-wal")
}

/// Path of the index of a database's log, which processes share.
pub(super) fn index_of(path: &Path) -> PathBuf {
    beside(path, "-shm")
}

fn beside(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(ending);
    name.into()
}

/// Opens a file and returns its length in bytes. `None` if there is no file.
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

/// Reads `N` bytes of a file. `None` if the file ends before.
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
