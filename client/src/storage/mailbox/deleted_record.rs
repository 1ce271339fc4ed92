//! The record of mails that were deleted here while the server may have them.

use std::{
    fs::{self, File},
    io::{self, Read},
    path::{Path, PathBuf},
};

use correio_proto::mail::{MailId, Username};

use super::error::MailboxError;
use crate::{
    cancel::Cancel,
    files::{
        durable,
        lock::{self, LockError, WaitLimit},
    },
};

/// The record, in the Maildir: on each line the id of a mail and its sender.
const RECORD: &str = ".correio-deleted";

/// The lock for changing the record.
const LOCK: &str = ".correio-deleted-lock";

/// Largest record, in bytes: more than 15,000 mails. Of a larger one the older half is dropped;
/// such a mail comes again if it is still on the server.
const RECORD_MAX: usize = 1 << 20;

/// The mails in the record. Lines that are no mail are left out.
pub(super) fn read(mailbox: &Path) -> Result<Vec<(MailId, Username)>, MailboxError> {
    let path = mailbox.join(RECORD);
    let text = text(&path, RECORD_MAX).map_err(|error| MailboxError::io(&path, error))?;
    Ok(text.lines().filter_map(parse).collect())
}

/// Empties the record: no mail in it is on the server.
pub(super) fn clear(mailbox: &Path) -> Result<(), MailboxError> {
    remove(&mailbox.join(RECORD))
}

/// Removes a record, if it is there.
pub(super) fn remove(path: &Path) -> Result<(), MailboxError> {
    match fs::remove_file(path) {
        // A record that comes back after a power failure does no harm.
        Ok(()) => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(MailboxError::io(path, error)),
    }
}

/// Adds a mail to the record, durably.
pub(super) fn add(mailbox: &Path, id: MailId, from: &Username) -> Result<(), MailboxError> {
    let _lock = locked(mailbox)?;
    let path = mailbox.join(RECORD);
    let failed = |error| MailboxError::io(&path, error);
    let mut record = text(&path, RECORD_MAX).map_err(failed)?;
    let line = format!("{id} {from}");
    if record.lines().any(|known| known == line) {
        return Ok(());
    }
    if record.len() + line.len() >= RECORD_MAX {
        let half = record.ceil_char_boundary(record.len() / 2);
        let end = record.get(half..).and_then(|rest| rest.find('\n')).map_or(half, |at| half + at);
        record.drain(..end);
    }
    if !record.is_empty() && !record.ends_with('\n') {
        record.push('\n');
    }
    record.push_str(&line);
    record.push('\n');
    let temporary = mailbox.join(format!("{RECORD}-new"));
    durable::write(&temporary, record.as_bytes()).map_err(failed)?;
    durable::rename(&temporary, &path).map_err(failed)?;
    durable::sync_directory(mailbox).map(drop).map_err(failed)
}

/// Reads a line of a record.
pub(super) fn parse(line: &str) -> Option<(MailId, Username)> {
    let (id, from) = line.split_once(' ')?;
    Some((id.parse().ok()?, from.parse().ok()?))
}

/// The text of a record, of at most twice `max` bytes. A missing record is empty.
pub(super) fn text(path: &Path, max: usize) -> io::Result<String> {
    let file = match durable::open_file(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(String::new()),
        file => file?,
    };
    let mut bytes = Vec::new();
    file.take(2 * max as u64).read_to_end(&mut bytes)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

fn locked(mailbox: &Path) -> Result<File, MailboxError> {
    let path: PathBuf = mailbox.join(LOCK);
    lock::take(&path, WaitLimit::Changing, &Cancel::new()).map_err(|error| match error {
        LockError::Held | LockError::Cancelled => MailboxError::Locked,
        LockError::Io(source) => MailboxError::Io { path, source },
    })
}
