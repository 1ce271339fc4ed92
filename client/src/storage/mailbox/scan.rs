//! Scans a mailbox: which mails it holds, by the names of its files.

use std::{
    ffi::OsString,
    io,
    path::{Path, PathBuf},
};

use correio_proto::rfc5322::FileName;

use super::{
    error::MailboxError,
    flags::{Flag, Flags},
    list::MailStatus,
    name,
};
use crate::{files::durable, storage::skipped::Skipped};

/// The files of a mailbox at one moment, in the order in which their mails arrived.
#[derive(Debug, Default)]
pub(super) struct Scan {
    pub(super) files: Vec<MailFile>,
    pub(super) skipped: Vec<Skipped>,
}

/// A file that holds a mail.
#[derive(Clone, Debug)]
pub(super) struct MailFile {
    pub(super) name: FileName,
    /// The whole name, with its flags.
    pub(super) file: Box<str>,
    pub(super) subdirectory: Subdirectory,
}

/// The subdirectory of a mailbox that holds a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Subdirectory {
    New,
    Cur,
}

impl Subdirectory {
    pub(super) fn directory(self) -> &'static str {
        match self {
            Self::New => "new",
            Self::Cur => "cur",
        }
    }
}

impl MailFile {
    pub(super) fn path(&self, mailbox: &Path) -> PathBuf {
        mailbox.join(self.subdirectory.directory()).join(&*self.file)
    }

    /// The flags; a new mail has none.
    pub(super) fn flags(&self) -> Flags {
        match self.subdirectory {
            Subdirectory::New => Flags::default(),
            Subdirectory::Cur => name::flags(&self.file),
        }
    }

    pub(super) fn status(&self) -> MailStatus {
        match self.subdirectory {
            Subdirectory::New => MailStatus::New,
            Subdirectory::Cur if self.flags().has(Flag::Seen) => MailStatus::Read,
            Subdirectory::Cur => MailStatus::Unread,
        }
    }
}

/// Scans the mailbox in a directory.
pub(super) fn scan(mailbox: &Path) -> Result<Scan, MailboxError> {
    scan_with(mailbox, durable::names)
}

/// As [`scan`], with `names` to list a directory.
pub(super) fn scan_with(
    mailbox: &Path,
    names: impl Fn(&Path) -> io::Result<Vec<OsString>>,
) -> Result<Scan, MailboxError> {
    let mut found = Scan::default();
    // In this order no mail is missed that another program moves from new to cur meanwhile.
    for subdirectory in [Subdirectory::New, Subdirectory::Cur] {
        let directory = mailbox.join(subdirectory.directory());
        let names = names(&directory).map_err(|error| MailboxError::io(&directory, error))?;
        found.add(&directory, subdirectory, &names);
    }
    // The sort is stable: of a mail that was seen in both directories, the later entry is kept.
    found.files.sort_by(|a, b| a.name.cmp(&b.name));
    found.files.reverse();
    found.files.dedup_by(|a, b| a.name == b.name);
    found.files.reverse();
    Ok(found)
}

impl Scan {
    /// The file of a mail.
    pub(super) fn find(&self, name: &FileName) -> Option<&MailFile> {
        let index = self.files.binary_search_by(|file| file.name.cmp(name)).ok()?;
        self.files.get(index)
    }

    fn add(&mut self, directory: &Path, subdirectory: Subdirectory, names: &[OsString]) {
        for file in names {
            let path = directory.join(file);
            let file = file.to_string_lossy();
            // By the Maildir convention, names with a leading dot are not mails.
            if file.starts_with('.') {
                continue;
            }
            match FileName::parse(&file) {
                Some(name) => self.files.push(MailFile { name, file: file.into(), subdirectory }),
                None => self
                    .skipped
                    .push(Skipped { path, reason: "it is no mail that correio saved".to_owned() }),
            }
        }
    }
}
