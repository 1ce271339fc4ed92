//! The record of mails that were saved here and that the server keeps. It tells a mail that another
//! program has moved or deleted since from one that was never here.
//!
//! Every caller holds the lock for saving.

use std::{collections::HashSet, path::Path};

use correio_proto::mail::{MailId, Username};

use super::{deleted_record as record, error::MailboxError};
use crate::files::durable;

/// The record, in the Maildir: on each line the id of a mail and its sender.
const RECORD: &str = ".correio-kept";

/// Largest record, in bytes: more than 200,000 mails. Of a larger one the older mails are dropped;
/// such a mail comes again if it was moved and is still on the server.
const RECORD_MAX: usize = 16 << 20;

/// Which mails of the server a call has seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Seen {
    /// All: mails of the record that are not among them are not on the server any more.
    All,
    /// Only some.
    Some,
}

/// The mails in the record. Lines that are no mail are left out.
pub(super) fn read(mailbox: &Path) -> Result<Vec<(MailId, Username)>, MailboxError> {
    let path = mailbox.join(RECORD);
    let text = record::text(&path, RECORD_MAX).map_err(|error| MailboxError::io(&path, error))?;
    Ok(text.lines().filter_map(record::parse).collect())
}

/// Records mails, durably. They are saved already: a mail that is recorded is not saved again.
pub(super) fn write(
    mailbox: &Path,
    mails: &[(MailId, Username)],
    seen: Seen,
) -> Result<(), MailboxError> {
    let old = read(mailbox)?;
    let new: HashSet<&(MailId, Username)> = mails.iter().collect();
    let older = old.iter().filter(|mail| seen == Seen::Some && !new.contains(mail));
    let recorded: Vec<&(MailId, Username)> = older.chain(mails).collect();
    if recorded.iter().copied().eq(&old) {
        return Ok(());
    }
    let mut lines: Vec<String> =
        recorded.iter().rev().map(|(id, from)| format!("{id} {from}\n")).collect();
    let mut left = RECORD_MAX;
    lines.retain(|line| {
        left = left.saturating_sub(line.len());
        left > 0
    });
    lines.reverse();
    durable::replace(mailbox, RECORD, lines.concat().as_bytes())
        .map_err(|error| MailboxError::io(&mailbox.join(RECORD), error))
}

/// Empties the record: no mail in it is on the server.
pub(super) fn clear(mailbox: &Path) -> Result<(), MailboxError> {
    record::remove(&mailbox.join(RECORD))
}

#[cfg(test)]
mod tests {
    use tempfile::TempDir;

    use super::*;

    fn mails(range: std::ops::Range<u8>) -> Vec<(MailId, Username)> {
        let id = |n: u8| format!("01890a5d-ac96-774b-bcce-b302099a80{n:02x}").parse().unwrap();
        range.map(|n| (id(n), "steve".parse().unwrap())).collect()
    }

    #[test]
    fn the_record_has_the_mails_that_the_server_keeps_and_no_others() {
        let maildir = TempDir::new().unwrap();
        let path = maildir.path();
        assert_eq!(read(path).unwrap(), []);
        write(path, &mails(0..3), Seen::All).unwrap();
        write(path, &mails(2..5), Seen::Some).unwrap();
        assert_eq!(read(path).unwrap(), mails(0..5));
        // The first two are not on the server any more.
        write(path, &mails(2..6), Seen::All).unwrap();
        assert_eq!(read(path).unwrap(), mails(2..6));
        // A damaged line takes no other with it.
        let text = std::fs::read_to_string(path.join(RECORD)).unwrap();
        std::fs::write(path.join(RECORD), text.replacen("steve", "?", 1)).unwrap();
        assert_eq!(read(path).unwrap(), mails(3..6));
        clear(path).unwrap();
        clear(path).unwrap();
        assert_eq!(read(path).unwrap(), []);
    }
}
