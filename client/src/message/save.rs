//! Saves an attachment: never outside of the directory that was chosen, and never over a file.
//!
//! All names are looked up in the directory that was opened, and no link is followed. The file gets
//! its name when all of it is on disk.

use std::{
    collections::HashMap,
    fs::File,
    io::{self, BufReader, BufWriter, Read, Write},
    os::fd::OwnedFd,
    path::{Path, PathBuf},
};

use rustix::{
    fs::{AtFlags, Mode, OFlags, linkat, open, openat, renameat, unlinkat},
    io::Errno,
};

use super::{
    decode::Decoder,
    file_name::{harmless, numbered},
    head::BodyHead,
    view::BUFFER,
    walk::{Step, Walk},
};
use crate::{cancel::Cancel, files::durable, id::new_mail_id};

/// Most files of one name in a directory.
const SAME_NAME_MAX: usize = 10_000;

/// Why an attachment was not saved. No file is left of it.
#[derive(Debug, thiserror::Error)]
pub enum SaveError {
    /// The message has no attachment with this index.
    #[error("the message has no attachment {0}")]
    NoSuchAttachment(usize),
    /// The message cannot be read.
    #[error("the message cannot be read: {0}")]
    Read(io::Error),
    /// The file cannot be written.
    #[error("{path}: {source}", path = path.display())]
    Write {
        /// The directory or the file.
        path: PathBuf,
        /// The error of the operating system.
        source: io::Error,
    },
    /// The directory has ten thousand files of this name.
    #[error("{path}: too many files of this name", path = path.display())]
    TooManyFiles {
        /// The file's name without a number.
        path: PathBuf,
    },
    /// The call was cancelled.
    #[error("cancelled")]
    Cancelled,
}

/// Saves one attachment of a message. [`AttachmentSaver`] saves several in one pass.
///
/// # Errors
///
/// See [`SaveError`].
pub fn save_attachment(
    source: impl Read,
    index: usize,
    directory: &Path,
    fallback: &str,
    cancel: &Cancel,
) -> Result<PathBuf, SaveError> {
    AttachmentSaver::new(source, directory, fallback).save(index, cancel)
}

/// Saves attachments of a message into a directory, in one pass over the message.
#[derive(Debug)]
pub struct AttachmentSaver<'a, R> {
    walk: Walk<BufReader<R>>,
    /// A step after the body of an attachment that was saved.
    pending: Option<Step>,
    /// Parts that the walk has come to.
    parts: usize,
    directory: &'a Path,
    fallback: &'a str,
    /// For each name, the first number that was not tried: many attachments may have one name.
    numbers: HashMap<String, usize>,
}

impl<'a, R: Read> AttachmentSaver<'a, R> {
    /// `source` is the message from its start. `fallback` is the name for an attachment without
    /// one.
    pub fn new(source: R, directory: &'a Path, fallback: &'a str) -> Self {
        let walk = Walk::new(BufReader::with_capacity(BUFFER, source));
        Self { walk, pending: None, parts: 0, directory, fallback, numbers: HashMap::new() }
    }

    /// Saves the attachment with this [`super::Attachment::index`], durably, and returns the file's
    /// path. Each index is greater than that of the call before. Only the person themselves may
    /// read the file (mode 0600).
    ///
    /// # Errors
    ///
    /// See [`SaveError`]. The next attachment can be saved after an error of this one.
    pub fn save(&mut self, index: usize, cancel: &Cancel) -> Result<PathBuf, SaveError> {
        let head = self.part(index, cancel)?;
        let media = format!("{}/{}", head.media.main, head.media.sub);
        let name = harmless(head.name.as_deref(), &media, self.fallback);
        let number = self.numbers.entry(name.clone()).or_insert(1);
        let mut file = Unnamed::create(self.directory)?;
        let decoder = Decoder::new(head.encoding);
        let written = file.write(&mut self.walk, &mut self.pending, decoder, cancel);
        let named = written.and_then(|()| file.name(&name, number));
        if named.is_err() {
            file.remove();
        }
        named
    }

    /// Goes to the part with an index.
    fn part(&mut self, index: usize, cancel: &Cancel) -> Result<Box<BodyHead>, SaveError> {
        while self.parts <= index {
            let step = match self.pending.take() {
                Some(step) => step,
                None => self.walk.step().map_err(SaveError::Read)?,
            };
            match step {
                Step::Part(head, _) => {
                    self.parts += 1;
                    if self.parts > index {
                        return Ok(head);
                    }
                }
                Step::Fields(_) | Step::Body => {}
                Step::End(..) => break,
            }
            if cancel.is_cancelled() {
                return Err(SaveError::Cancelled);
            }
        }
        Err(SaveError::NoSuchAttachment(index))
    }
}

/// A file that has a temporary name.
#[derive(Debug)]
struct Unnamed<'a> {
    path: &'a Path,
    directory: OwnedFd,
    temporary: String,
    file: File,
}

impl<'a> Unnamed<'a> {
    fn create(path: &'a Path) -> Result<Self, SaveError> {
        let failed =
            |error: Errno| SaveError::Write { path: path.to_owned(), source: error.into() };
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let directory = open(path, flags, Mode::empty()).map_err(failed)?;
        let temporary = format!(".correio-{}.part", new_mail_id());
        let file = create_new(&directory, &temporary).map_err(failed)?;
        Ok(Self { path, directory, temporary, file })
    }

    /// Writes the body of the part that the walk has come to. The step after it is `next` then,
    /// also if the last bytes cannot be written.
    fn write<R: io::BufRead>(
        &mut self,
        walk: &mut Walk<R>,
        next: &mut Option<Step>,
        mut decoder: Decoder,
        cancel: &Cancel,
    ) -> Result<(), SaveError> {
        let failed = |source| SaveError::Write { path: self.path.join(&self.temporary), source };
        let mut output = BufWriter::with_capacity(BUFFER, &self.file);
        let mut decoded = Vec::new();
        loop {
            match walk.step().map_err(SaveError::Read)? {
                Step::Body => {}
                step => {
                    *next = Some(step);
                    break;
                }
            }
            if cancel.is_cancelled() {
                return Err(SaveError::Cancelled);
            }
            decoded.clear();
            decoder.decode(walk.body(), &mut decoded);
            output.write_all(&decoded).map_err(failed)?;
        }
        decoded.clear();
        // What is broken was told with the list of attachments.
        let _ = decoder.finish(&mut decoded);
        output.write_all(&decoded).and_then(|()| output.flush()).map_err(failed)?;
        drop(output);
        durable::sync(&self.file).map_err(failed).map(drop)
    }

    /// Gives the file the first of its names, from `number` on, that is free. `number` is then the
    /// next one.
    fn name(&self, name: &str, number: &mut usize) -> Result<PathBuf, SaveError> {
        while *number <= SAME_NAME_MAX {
            let name = if *number == 1 { name.to_owned() } else { numbered(name, *number) };
            *number += 1;
            let path = self.path.join(&name);
            match self.link(&name) {
                Ok(()) => {
                    // Some file systems do not support this; the file is whole.
                    let _ = rustix::fs::fsync(&self.directory);
                    return Ok(path);
                }
                Err(Errno::EXIST) => {}
                Err(error) => return Err(SaveError::Write { path, source: error.into() }),
            }
        }
        Err(SaveError::TooManyFiles { path: self.path.join(name) })
    }

    /// Gives the file a name that no file has.
    fn link(&self, name: &str) -> Result<(), Errno> {
        let directory = &self.directory;
        match linkat(directory, &self.temporary, directory, name, AtFlags::empty()) {
            Ok(()) => unlinkat(directory, &self.temporary, AtFlags::empty()),
            Err(Errno::EXIST) => Err(Errno::EXIST),
            // The file system has no links: an empty file takes the name first.
            Err(_) => {
                create_new(directory, name)?;
                let renamed = renameat(directory, &self.temporary, directory, name);
                renamed.inspect_err(|_| _ = unlinkat(directory, name, AtFlags::empty()))
            }
        }
    }

    /// Removes the file, which has no other name.
    fn remove(&self) {
        // The first error is reported.
        let _ = unlinkat(&self.directory, &self.temporary, AtFlags::empty());
    }
}

/// Creates a file. Fails if the name exists, as a file or as a link.
fn create_new(directory: &OwnedFd, name: &str) -> Result<File, Errno> {
    let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    openat(directory, name, flags, Mode::RUSR | Mode::WUSR).map(File::from)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use tempfile::TempDir;

    use super::*;

    #[test]
    fn the_attachment_after_one_that_cannot_be_written_is_itself() {
        let part = |text| format!("--x\r\nContent-Disposition: attachment\r\n\r\n{text}\r\n");
        let parts: String = ["none", "one", "two"].map(part).concat();
        let message = format!("Content-Type: multipart/mixed; boundary=x\r\n\r\n{parts}--x--\r\n");
        let (directory, cancel) = (TempDir::new().unwrap(), Cancel::new());
        let mut saver = AttachmentSaver::new(message.as_bytes(), directory.path(), "anexo");
        let head = saver.part(0, &cancel).unwrap();
        // The bytes are so few that writing them fails at the end alone.
        let file = File::options().write(true).open("/dev/full").unwrap();
        let mut full = Unnamed { file, ..Unnamed::create(directory.path()).unwrap() };
        let decoder = Decoder::new(head.encoding);
        let written = full.write(&mut saver.walk, &mut saver.pending, decoder, &cancel);
        assert!(matches!(written, Err(SaveError::Write { .. })));
        full.remove();
        for (index, text) in [(1, "one"), (2, "two")] {
            let path = saver.save(index, &cancel).unwrap();
            assert_eq!(fs::read_to_string(path).unwrap(), text);
        }
    }
}
