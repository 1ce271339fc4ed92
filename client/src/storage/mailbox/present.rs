//! Where the mails of a batch are now.

use std::io::{self, BufReader};

use correio_proto::rfc5322::read_head;

use super::{
    Mailbox, MailboxError, Stored,
    numbers::{Numbers, Present},
};
use crate::files::durable;

/// Times that a file is looked for again that another program has renamed meanwhile.
const TRIES: usize = 8;

impl Mailbox {
    /// The numbers of this folder's mails, for [`Mailbox::present`].
    #[must_use]
    pub fn numbers(&self) -> Numbers {
        Numbers::of(&self.directory)
    }

    /// Where a listed mail is now. `None` if it was deleted.
    ///
    /// # Errors
    ///
    /// [`MailboxError::Damaged`] if its file was damaged since, [`MailboxError::Io`].
    pub fn present(
        &self,
        stored: &Stored,
        numbers: &mut Numbers,
    ) -> Result<Option<Present>, MailboxError> {
        let Some(number) = numbers.number(&stored.name)? else { return Ok(None) };
        for _ in 0..TRIES {
            let Some(file) = self.path(stored)? else { break };
            let opened = match durable::open_file(&file) {
                // Another program has renamed it meanwhile.
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                opened => opened.map_err(|error| MailboxError::io(&file, error))?,
            };
            read_head(&mut BufReader::with_capacity(4096, opened))
                .map_err(|error| MailboxError::unreadable(&file, error))?;
            return Ok(Some(Present { number, file }));
        }
        Ok(None)
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::storage::mailbox::{
        flags::{Flag, FlagChange},
        tests::{all, mail, save, with_mails},
    };

    fn number(mailbox: &Mailbox, stored: &Stored, numbers: &mut Numbers) -> Option<usize> {
        let present = mailbox.present(stored, numbers).unwrap();
        present.map(|present| {
            assert!(present.file.is_file(), "{present:?}");
            present.number
        })
    }

    #[test]
    fn numbers_are_those_after_each_deletion_and_arrival() {
        let (_data, mailbox) = with_mails(6);
        let mails = all(&mailbox);
        let mut numbers = mailbox.numbers();
        assert_eq!(number(&mailbox, &mails[0], &mut numbers), Some(1));
        assert_eq!(number(&mailbox, &mails[5], &mut numbers), Some(6));
        // By correio, and by another program.
        mailbox.delete(&mails[0]).unwrap();
        assert_eq!(number(&mailbox, &mails[5], &mut numbers), Some(5));
        fs::remove_file(mailbox.directory().join("new").join(mails[2].name.base())).unwrap();
        assert_eq!(number(&mailbox, &mails[5], &mut numbers), Some(4));
        assert_eq!(number(&mailbox, &mails[2], &mut numbers), None);
        assert_eq!(save(&mailbox, &[mail(7, "Novo", "Corpo\n")]), 1);
        let last = all(&mailbox).pop().unwrap();
        assert_eq!(number(&mailbox, &last, &mut numbers), Some(5));
        // A directory that was replaced.
        let cur = mailbox.directory().join("cur");
        fs::rename(&cur, mailbox.directory().join("old")).unwrap();
        fs::create_dir(&cur).unwrap();
        fs::remove_file(mailbox.directory().join("new").join(mails[1].name.base())).unwrap();
        assert_eq!(number(&mailbox, &mails[5], &mut numbers), Some(3));
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_backlog_is_numbered_with_one_scan_of_its_folder() {
        let (_data, mailbox) = with_mails(40);
        let mails = all(&mailbox);
        let mut numbers = mailbox.numbers();
        for (index, stored) in mails.iter().enumerate() {
            mailbox.mark_shown(std::slice::from_ref(stored)).unwrap();
            assert_eq!(number(&mailbox, stored, &mut numbers), Some(index + 1));
            mailbox.mark(stored, Flag::Seen, FlagChange::Set).unwrap();
        }
        assert_eq!(numbers.scans, 1);
        mailbox.delete(&mails[0]).unwrap();
        assert_eq!(number(&mailbox, &mails[39], &mut numbers), Some(39));
        assert_eq!(number(&mailbox, &mails[1], &mut numbers), Some(1));
        assert_eq!(numbers.scans, 2);
    }
}
