//! A file that is attached to a message, and how it is read into the message.

use std::{
    fs::{File, Metadata},
    io::{self, Read, Write},
    path::{Path, PathBuf},
    time::SystemTime,
};

use base64::{Engine, engine::general_purpose::STANDARD};

use super::{make_error::MakeError, media_type};
use crate::{cancel::Cancel, files::durable};

/// Bytes of a file in one line of base64, and that line without its end.
const LINE_BYTES: usize = 57;
const LINE_MAX: usize = 76;

/// Lines that are read at once: about 58 kB of the file.
const LINES: usize = 1024;

/// A file that is attached to a message. Only its name and size are in memory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AttachmentFile {
    path: PathBuf,
    name: String,
    size: u64,
}

/// What must not change while a file is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Version {
    size: u64,
    modified: Option<SystemTime>,
}

impl Version {
    fn of(metadata: &Metadata) -> Self {
        Self { size: metadata.len(), modified: metadata.modified().ok() }
    }
}

impl AttachmentFile {
    /// Checks that a file can be read.
    ///
    /// # Errors
    ///
    /// [`MakeError::Attachment`] if it cannot, or is a directory, a pipe or a device.
    pub fn open(path: &Path) -> Result<Self, MakeError> {
        let failed = |source| MakeError::Attachment { path: path.to_owned(), source };
        let file = durable::open_file(path).map_err(failed)?;
        let size = file.metadata().map_err(failed)?.len();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        Ok(Self { path: path.to_owned(), name, size })
    }

    /// The path of the file.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The name that the message gives the file.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Bytes of the file when it was opened.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.size
    }

    /// The type of the file, by its name.
    #[must_use]
    pub fn media_type(&self) -> &'static str {
        media_type::of_name(&self.name)
    }

    /// The character set to state for the file: UTF-8 for a text that is UTF-8. A program takes a
    /// text without one for ASCII. The whole file is read, a piece at a time.
    pub(super) fn charset(&self, cancel: &Cancel) -> Result<Option<&'static str>, MakeError> {
        if !self.media_type().starts_with("text/") {
            return Ok(None);
        }
        let failed = |source| MakeError::Attachment { path: self.path.clone(), source };
        let mut file = durable::open_file(&self.path).map_err(failed)?;
        let (mut piece, mut pending) = (vec![0; LINE_BYTES * LINES], Vec::new());
        loop {
            if cancel.is_cancelled() {
                return Err(MakeError::Cancelled);
            }
            let read = read_full(&mut file, &mut piece).map_err(failed)?;
            if read.is_empty() {
                return Ok(pending.is_empty().then_some("utf-8"));
            }
            pending.extend_from_slice(read);
            if let Err(error) = std::str::from_utf8(&pending) {
                // Without a length, a character goes on in the next piece.
                if error.error_len().is_some() {
                    return Ok(None);
                }
                pending.drain(..error.valid_up_to());
            } else {
                pending.clear();
            }
        }
    }

    /// Bytes that the file takes in a message, without its head.
    pub(super) fn encoded_size(&self) -> u64 {
        self.size.div_ceil(LINE_BYTES as u64).saturating_mul(LINE_MAX as u64 + 2)
    }

    /// Writes the file in base64, a piece at a time. `written` is the file of the message.
    pub(super) fn encode(
        &self,
        output: &mut impl Write,
        written: &Path,
        cancel: &Cancel,
    ) -> Result<(), MakeError> {
        let failed = |source| MakeError::Attachment { path: self.path.clone(), source };
        let changed = || MakeError::Changed { path: self.path.clone() };
        let mut file = durable::open_file(&self.path).map_err(failed)?;
        let before = Version::of(&file.metadata().map_err(failed)?);
        let mut left = before.size;
        let (mut piece, mut encoded) = (vec![0; LINE_BYTES * LINES], Vec::new());
        loop {
            if cancel.is_cancelled() {
                return Err(MakeError::Cancelled);
            }
            let read = read_full(&mut file, &mut piece).map_err(failed)?;
            if read.is_empty() {
                break;
            }
            left = left.checked_sub(read.len() as u64).ok_or_else(changed)?;
            encoded.clear();
            read.chunks(LINE_BYTES).for_each(|line| encode_line(line, &mut encoded));
            let output = output.write_all(&encoded);
            output.map_err(|source| MakeError::Write { path: written.to_owned(), source })?;
        }
        let after = Version::of(&file.metadata().map_err(failed)?);
        if left > 0 || after != before { Err(changed()) } else { Ok(()) }
    }
}

/// Reads until the buffer is full or the file ends, and returns what was read.
fn read_full<'a>(file: &mut File, buffer: &'a mut [u8]) -> io::Result<&'a [u8]> {
    let mut length = 0;
    while let Some(room) = buffer.get_mut(length..).filter(|room| !room.is_empty()) {
        match file.read(room) {
            Ok(0) => break,
            Ok(count) => length += count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(buffer.get(..length).unwrap_or_default())
}

fn encode_line(line: &[u8], output: &mut Vec<u8>) {
    let mut encoded = [0; LINE_MAX];
    let length = STANDARD.encode_slice(line, &mut encoded).unwrap_or_default();
    output.extend_from_slice(encoded.get(..length).unwrap_or_default());
    output.extend_from_slice(b"\r\n");
}

/// A text in base64, in lines.
pub(super) fn encoded_lines(bytes: &[u8]) -> Vec<u8> {
    let mut encoded = Vec::with_capacity(bytes.len() / LINE_BYTES * (LINE_MAX + 2) + LINE_MAX + 2);
    bytes.chunks(LINE_BYTES).for_each(|line| encode_line(line, &mut encoded));
    encoded
}
