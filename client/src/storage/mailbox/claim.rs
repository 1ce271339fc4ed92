//! Claims on new mails: when several programs receive at once, only the program that claimed a mail
//! shows it.
//!
//! A claim is a file in the mailbox that names mails and is locked by its program. It is valid
//! while it is locked, so that mails that a killed program had not shown are new to the next
//! program.

use std::{
    collections::BTreeSet,
    ffi::OsString,
    fs::{self, File, OpenOptions, TryLockError},
    io::{self, Read, Write},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
};

use correio_proto::rfc5322::FileName;

use crate::{files::durable, id::new_mail_id};

/// Prefix of the names of claims. By the Maildir convention, names with a leading dot are not
/// mails.
const PREFIX: &str = ".correio-claim-";

/// Largest claim that is read, in bytes: a million mails.
const CLAIM_MAX: u64 = 256 << 20;

/// A claim of this program. Dropping it ends the claim.
#[derive(Debug)]
pub(super) struct Claim {
    path: PathBuf,
    _file: File,
}

impl Claim {
    /// Claims mails. The caller holds the lock for saving, so that no other program claims at the
    /// same time.
    pub(super) fn new<'a>(
        mailbox: &Path,
        names: impl Iterator<Item = &'a FileName>,
    ) -> io::Result<Self> {
        let path = mailbox.join(format!("{PREFIX}{}", new_mail_id()));
        let mut options = OpenOptions::new();
        let mut file = options.write(true).create_new(true).mode(0o600).open(&path)?;
        let lines: String = names.map(|name| name.base() + "\n").collect();
        // Another program holds the lock only for a moment, to check the claim.
        file.lock().and_then(|()| file.write_all(lines.as_bytes())).inspect_err(|_| {
            // Report the first error.
            let _ = fs::remove_file(&path);
        })?;
        Ok(Self { path, _file: file })
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        // A claim file that stays is invalid, and the next program that receives removes it.
        let _ = fs::remove_file(&self.path);
    }
}

/// The mails that other programs have claimed.
pub(super) fn claimed_by_others(mailbox: &Path, own: Option<&Claim>) -> BTreeSet<FileName> {
    let mut claimed = BTreeSet::new();
    for path in claims(mailbox) {
        if own.is_some_and(|own| own.path == path) {
            continue;
        }
        // An unreadable claim claims nothing.
        let Ok(file) = durable::open_file(&path) else { continue };
        if matches!(file.try_lock_shared(), Err(TryLockError::WouldBlock)) {
            let mut text = String::new();
            let _ = file.take(CLAIM_MAX).read_to_string(&mut text);
            claimed.extend(text.lines().filter_map(FileName::parse));
        }
    }
    claimed
}

/// Removes the claims of programs that have ended. The caller holds the lock for saving, so that no
/// other program claims at the same time.
pub(super) fn remove_ended(mailbox: &Path) {
    for path in claims(mailbox) {
        if durable::open_file(&path).is_ok_and(|file| file.try_lock_shared().is_ok()) {
            // The next call tries again.
            let _ = fs::remove_file(&path);
        }
    }
}

fn claims(mailbox: &Path) -> Vec<PathBuf> {
    let names = durable::names(mailbox).unwrap_or_default();
    let is_claim = |name: &&OsString| name.to_string_lossy().starts_with(PREFIX);
    names.iter().filter(is_claim).map(|name| mailbox.join(name)).collect()
}
