//! A Maildir that mails are added to.

use std::{
    collections::HashSet,
    fs::{self, DirBuilder, File},
    io::{self, Write},
    os::unix::fs::DirBuilderExt,
    path::{Path, PathBuf},
};

use correio_proto::{
    mail::{Content, Mail, Piece},
    rfc5322::{self, ContentEncoder, FileName},
};

use super::error::ExportError;
use crate::{private_file, scratch};

/// Longest domain (RFC 1035).
const DOMAIN_MAX: usize = 253;

/// A Maildir.
#[derive(Debug)]
pub(super) struct Maildir {
    directory: PathBuf,
    domain: String,
    /// Names of the mails in `new` and `cur`.
    known: HashSet<FileName>,
}

impl Maildir {
    /// Opens a Maildir, or makes its directories. It refuses links: with a link, the owner of the
    /// target could make an export by another user write other people's mail into any directory.
    pub(super) fn open(directory: &Path, domain: &str) -> Result<Self, ExportError> {
        let failed = |path: &Path| {
            let path = path.to_owned();
            move |source| ExportError::Target { path, source }
        };
        let mut known = HashSet::new();
        make(directory).map_err(failed(directory))?;
        for part in ["cur", "new", "tmp"] {
            let path = directory.join(part);
            make(&path).map_err(failed(&path))?;
            if part == "tmp" {
                continue;
            }
            for entry in fs::read_dir(&path).map_err(failed(&path))? {
                let name = entry.map_err(failed(&path))?.file_name();
                known.extend(name.to_str().and_then(FileName::parse));
            }
        }
        Ok(Self { directory: directory.to_owned(), domain: domain.to_owned(), known })
    }

    /// Adds a mail as new, whose large content `read` reads from a position on. Returns false if it
    /// is there already, whatever was done to it since.
    pub(super) fn add(
        &mut self,
        mail: &Mail,
        read: &mut impl FnMut(u64) -> Result<Piece, ExportError>,
    ) -> Result<bool, ExportError> {
        let name = FileName::of(mail, 0);
        if self.known.contains(&name) {
            return Ok(false);
        }
        let base = name.base();
        let path = self.directory.join("new").join(&base);
        let added = self.write(&base, &path, mail, read)?;
        self.known.insert(name);
        Ok(added)
    }

    fn write(
        &self,
        name: &str,
        path: &Path,
        mail: &Mail,
        read: &mut impl FnMut(u64) -> Result<Piece, ExportError>,
    ) -> Result<bool, ExportError> {
        let failed = |source| ExportError::Target { path: path.to_owned(), source };
        let random = getrandom::u64().map_err(|error| failed(io::Error::other(error)))?;
        let unfinished = self.directory.join("tmp").join(format!("{name}.{random:016x}"));
        let written = self.write_file(&unfinished, mail, read);
        let published = written.map(|()| scratch::publish(&unfinished, path));
        // Its name is no longer needed, or the file is of no use.
        let _ = fs::remove_file(&unfinished);
        match published? {
            Ok(()) => Ok(true),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(false),
            Err(error) => Err(failed(error)),
        }
    }

    /// Writes a mail durably, its large content piece by piece.
    fn write_file(
        &self,
        path: &Path,
        mail: &Mail,
        read: &mut impl FnMut(u64) -> Result<Piece, ExportError>,
    ) -> Result<(), ExportError> {
        let failed = |source| ExportError::Target { path: path.to_owned(), source };
        let mut file = private_file::create_new(path).map_err(failed)?;
        file.write_all(&rfc5322::write(mail, &self.domain)).map_err(failed)?;
        if let Content::Large(large) = mail.content {
            let (mut encoder, mut encoded) = (ContentEncoder::new(large), Vec::new());
            let mut offset = 0;
            while offset < large.size.get() {
                let piece = read(offset)?;
                if piece.as_bytes().is_empty() {
                    return Err(ExportError::Content { mail: mail.reference() });
                }
                offset += piece.as_bytes().len() as u64;
                encoder.encode(piece.as_bytes(), &mut encoded);
                file.write_all(&encoded).map_err(failed)?;
                encoded.clear();
            }
            encoder.finish(&mut encoded);
            file.write_all(&encoded).map_err(failed)?;
        }
        file.sync_all().map_err(failed)
    }

    /// Makes the names of the added mails durable.
    pub(super) fn sync(&self) -> Result<(), ExportError> {
        let path = self.directory.join("new");
        let synced = File::open(&path).and_then(|directory| directory.sync_all());
        synced.map_err(|source| ExportError::Target { path, source })
    }
}

/// Makes a directory, unless it is there. Directories above it may be links.
fn make(directory: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(directory)?;
    match directory.symlink_metadata()?.is_dir() {
        true => Ok(()),
        false => Err(io::Error::new(io::ErrorKind::NotADirectory, "it is a link")),
    }
}

/// Whether a text can stand after the `@` of a mail address: letters, digits, dots and hyphens.
#[must_use]
pub fn is_domain(text: &str) -> bool {
    let is_label = |label: &str| {
        let is_plain = label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
        !label.is_empty() && is_plain
    };
    text.len() <= DOMAIN_MAX && text.split('.').all(is_label)
}
