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

/// The write-ahead log beside a database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Log {
    /// There is no file.
    Missing,
    /// The file has no whole transaction: its server was killed before the first one was committed.
    /// The main file is whole without it.
    Empty,
    /// The file has a transaction, and so many bytes.
    Bytes(u64),
}

/// Looks at the log beside a database.
///
/// # Errors
///
/// The log cannot be read.
pub(super) fn look_at_log(path: &Path) -> io::Result<Log> {
    let Some((log, length)) = open(&log_of(path))? else {
        return Ok(Log::Missing);
    };
    let Some(header) = read::<{ LOG_HEADER as usize }>(&log, 0)? else {
        return Ok(Log::Empty);
    };
    let mut frames = Frames::of(&log, &header, u32_at(&header, 8));
    while let Some(frame) = frames.next()? {
        if frame.is_commit {
            return Ok(Log::Bytes(length));
        }
    }
    Ok(Log::Empty)
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
    let mut seen = None;
    let mut committed = None;
    let mut frames = Frames::of(log, &header, page_size);
    while let Some(frame) = frames.next()? {
        if frame.page == 1 {
            seen = Some(frame.at);
        }
        if frame.is_commit {
            committed = seen;
        }
    }
    match committed {
        Some(at) => read(log, at),
        None => Ok(None),
    }
}

/// The frames of a log, up to the first one of an earlier log in the same file, which has other
/// salts.
struct Frames<'a> {
    log: &'a File,
    salts: [u8; 8],
    /// Position of the next frame.
    at: u64,
    page_size: u64,
}

/// The header of a frame.
struct Frame {
    /// Position of the page.
    at: u64,
    /// The page's number.
    page: u32,
    /// Whether it is the last frame of a transaction.
    is_commit: bool,
}

impl<'a> Frames<'a> {
    fn of(log: &'a File, header: &[u8; LOG_HEADER as usize], page_size: u32) -> Self {
        let salts = header.get(16..).and_then(<[u8]>::first_chunk).copied().unwrap_or_default();
        Self { log, salts, at: LOG_HEADER, page_size: page_size.into() }
    }

    fn next(&mut self) -> io::Result<Option<Frame>> {
        let frame = read::<{ FRAME_HEADER as usize }>(self.log, self.at)?;
        let Some(frame) = frame.filter(|frame| frame.get(8..16) == Some(&self.salts)) else {
            return Ok(None);
        };
        let at = self.at + FRAME_HEADER;
        self.at = at + self.page_size;
        Ok(Some(Frame { at, page: u32_at(&frame, 0), is_commit: u32_at(&frame, 4) != 0 }))
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
