//! The people known from earlier mail, as a file: the names of a mailbox's files have the senders'
//! usernames, but only the files have the full names, and opening all of them takes long. The file
//! may be deleted; only the people who were written to are then forgotten, until they write.

use std::{
    fs,
    io::{self, Read},
    path::{Path, PathBuf},
};

use correio_proto::mail::{Recipients, Username};

use super::{person::People, record};
use crate::{
    address::Address,
    cancel::Cancel,
    files::{
        durable,
        lock::{self, LockError, WaitLimit},
    },
    storage::{
        layout::{self, Kind},
        mailbox::{Mailbox, MailboxError},
    },
};

/// Name of the file.
const FILE: &str = "known.json";

/// Name of the file that is locked while the file changes.
const LOCK: &str = "known.lock";

/// Largest file that is read, in bytes: more than a file of [`record::PEOPLE_MAX`] people has. A
/// larger one is made anew.
const BYTES_MAX: u64 = 128 << 20;

/// The file of the people that one account of one server knows from earlier mail.
#[derive(Clone, Debug)]
pub struct KnownPeople {
    directory: PathBuf,
}

impl KnownPeople {
    /// The people that an account knows, in a data directory:
    /// `<data>/people/<host>_<port>/<username>/known.json`, host and port as for
    /// [`crate::Mailbox::open`].
    #[must_use]
    pub fn open(data: &Path, address: &Address, username: &Username) -> Self {
        Self { directory: layout::directory(data, Kind::People, address, username) }
    }

    /// The people in the file; nobody if the file is missing, unreadable or damaged.
    #[must_use]
    pub fn read(&self) -> People {
        let mut content = Vec::new();
        let read = durable::open_file(&self.directory.join(FILE))
            .and_then(|file| file.take(BYTES_MAX + 1).read_to_end(&mut content));
        match read {
            Ok(read) if read as u64 <= BYTES_MAX => record::decode(&content).unwrap_or_default(),
            _ => People::default(),
        }
    }

    /// Adds the senders of the mails that are new in a mailbox, and returns all people. Opens only
    /// the files of those mails. The file is written if there is anything new; if that fails, the
    /// next call does the work again. After `cancel`, the people are returned as far as they were
    /// read.
    ///
    /// # Errors
    ///
    /// [`MailboxError::Io`] if the mailbox cannot be read. Files that cannot be read are left out.
    pub fn refresh(&self, mailbox: &Mailbox, cancel: &Cancel) -> Result<People, MailboxError> {
        let mut people = self.read();
        let added = add_senders(&mut people, mailbox, cancel)?;
        if added && !cancel.is_cancelled() {
            // Without the file, the next call opens the same mails again.
            let _: io::Result<()> = self.update(cancel, |file| {
                let known = std::mem::take(file);
                *file = people.clone();
                file.merge(known);
            });
        }
        Ok(people)
    }

    /// Adds the recipients of a mail that was sent.
    ///
    /// # Errors
    ///
    /// Errors of the operating system; [`io::ErrorKind::WouldBlock`] if another program keeps the
    /// file locked or the call is cancelled. The file is then unchanged.
    pub fn wrote_to(&self, recipients: &Recipients, cancel: &Cancel) -> io::Result<()> {
        let known = self.read();
        let is_known =
            |username: &Username| known.get(username).is_some_and(|person| person.is_written_to);
        if recipients.iter().all(is_known) {
            return Ok(());
        }
        self.update(cancel, |file| recipients.iter().for_each(|name| file.add_recipient(name)))
    }

    /// Changes the file while other programs are locked out.
    fn update(&self, cancel: &Cancel, change: impl FnOnce(&mut People)) -> io::Result<()> {
        durable::create_directories(&self.directory)?;
        let _lock = self.lock(cancel)?;
        let mut people = self.read();
        change(&mut people);
        durable::replace(&self.directory, FILE, &record::encode(&people)?)
    }

    fn lock(&self, cancel: &Cancel) -> io::Result<fs::File> {
        let path = self.directory.join(LOCK);
        lock::take(&path, WaitLimit::Changing, cancel).map_err(|error| match error {
            LockError::Held | LockError::Cancelled => io::ErrorKind::WouldBlock.into(),
            LockError::Io(error) => error,
        })
    }
}

/// Adds the senders of a mailbox's mails whom `people` lacks. Returns whether there were any.
fn add_senders(
    people: &mut People,
    mailbox: &Mailbox,
    cancel: &Cancel,
) -> Result<bool, MailboxError> {
    let mut new = People::default();
    mailbox.heads(
        &|name| !people.has_sender_of(name),
        &mut |name, head| new.add_sender(name, &head.from, head.from_name),
        cancel,
    )?;
    let added = new.through.is_some();
    let known = std::mem::replace(people, new);
    people.merge(known);
    Ok(added)
}
