//! The present numbers of several mails of a folder, one after another, while other programs may
//! delete mails in between.

use std::path::{Path, PathBuf};

use correio_proto::rfc5322::FileName;

use super::{
    changes::{Change, Changes},
    error::MailboxError,
    scan::scan,
};

/// The mails of a folder by their numbers. The folder is scanned again only after mails have come
/// or gone; on systems that do not tell of it, for each number.
#[derive(Debug)]
pub struct Numbers {
    directory: PathBuf,
    known: Option<Known>,
    #[cfg(test)]
    pub(super) scans: usize,
}

/// The mails of a folder at the last scan.
#[derive(Debug)]
struct Known {
    /// In the order of the mailbox.
    names: Vec<FileName>,
    /// What has changed since.
    changes: Option<Changes>,
}

/// Where a mail is now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Present {
    /// The mail's number, from 1: its present position in its folder, by arrival.
    pub number: usize,
    /// Its file.
    pub file: PathBuf,
}

impl Numbers {
    pub(super) fn of(directory: &Path) -> Self {
        let directory = directory.to_owned();
        Self {
            directory,
            known: None,
            #[cfg(test)]
            scans: 0,
        }
    }

    /// The present number of a mail; `None` if it is gone.
    pub(super) fn number(&mut self, name: &FileName) -> Result<Option<usize>, MailboxError> {
        let known = self.known.take().filter(|known| !known.has_changed());
        let known = match known {
            Some(known) => known,
            None => self.scanned()?,
        };
        let index = known.names.binary_search(name).ok();
        self.known = Some(known);
        Ok(index.map(|index| index + 1))
    }

    /// Scans the folder, after a watch of it has begun: a directory may have been replaced.
    fn scanned(&mut self) -> Result<Known, MailboxError> {
        #[cfg(test)]
        {
            self.scans += 1;
        }
        let changes = Changes::watch(&self.directory);
        let files = scan(&self.directory)?.files;
        Ok(Known { names: files.into_iter().map(|file| file.name).collect(), changes })
    }
}

impl Known {
    fn has_changed(&self) -> bool {
        self.changes.as_ref().is_none_or(|changes| changes.take() == Change::Possible)
    }
}
