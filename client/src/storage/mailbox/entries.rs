//! Lists the mails of a folder by the names of their files, and reads the heads of some.

use super::{
    Mailbox,
    entry::{Entries, Entry},
    error::MailboxError,
    list::{List, Stored},
    parallel,
    scan::scan,
};
use crate::storage::skipped::Skipped;

/// What became of a file that was opened.
pub(super) enum Looked<T> {
    Is(T),
    Skipped(Skipped),
    Failed(MailboxError),
}

impl Mailbox {
    /// The mails of this folder, from the names of their files: 100,000 take a fraction of a
    /// second.
    ///
    /// # Errors
    ///
    /// [`MailboxError::Io`].
    pub fn entries(&self) -> Result<Entries, MailboxError> {
        let found = scan(&self.directory)?;
        let numbered = (1..).zip(found.files);
        let entries = numbered.map(|(number, file)| Entry { number, file }).collect();
        Ok(Entries { entries, skipped: found.skipped })
    }

    /// Reads the heads of mails, even if their files were moved or flagged since. Mails that were
    /// deleted since are left out. The list's total is the number of entries.
    ///
    /// # Errors
    ///
    /// [`MailboxError::Io`] if this program cannot open any file.
    pub fn load(&self, entries: &[Entry]) -> Result<List, MailboxError> {
        let looked = parallel::each(entries, |_: &mut (), entry| self.look(entry));
        let mut list = List { total: entries.len(), ..List::default() };
        list.skipped = collect(looked, &mut list.mails)?;
        Ok(list)
    }

    /// A mail with the flags that it has now. `None` if it was deleted.
    ///
    /// # Errors
    ///
    /// [`MailboxError::Io`].
    pub fn refreshed(&self, entry: &Entry) -> Result<Option<Entry>, MailboxError> {
        let file = self.find(&entry.file.name)?;
        Ok(file.map(|file| Entry { number: entry.number, file }))
    }

    fn look(&self, entry: &Entry) -> Option<Looked<Stored>> {
        let mut list = List::default();
        match self.add(entry.number, &entry.file, &mut list) {
            Err(error) => Some(Looked::Failed(error)),
            Ok(()) => {
                let mail = list.mails.pop().map(Looked::Is);
                mail.or_else(|| list.skipped.pop().map(Looked::Skipped))
            }
        }
    }
}

/// Adds the results to `found`, and returns the files that were skipped.
///
/// # Errors
///
/// The first error that concerns this program and not one file.
pub(super) fn collect<T>(
    looked: Vec<Looked<T>>,
    found: &mut Vec<T>,
) -> Result<Vec<Skipped>, MailboxError> {
    let mut all_skipped = Vec::new();
    for result in looked {
        match result {
            Looked::Is(one) => found.push(one),
            Looked::Skipped(skipped) => all_skipped.push(skipped),
            Looked::Failed(error) => return Err(error),
        }
    }
    Ok(all_skipped)
}
