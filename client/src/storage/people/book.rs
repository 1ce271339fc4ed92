//! The address book of an account: the user's nicknames and the people that they stand for. A text
//! file that users may edit.

use std::{
    fs,
    io::{self, Read},
    path::{Path, PathBuf},
};

use correio_proto::mail::Username;

use super::{
    entry::{BookEntry, BookPerson},
    error::{AddressBookError, RecipientsError},
    lines::{BYTES_MAX, ChangeError, Lines, LinesError},
    nickname::Nickname,
    recipients::{self, NamedRecipients},
};
use crate::{
    address::Address,
    cancel::Cancel,
    files::{
        durable,
        lock::{self, LockError, WaitLimit},
    },
    storage::layout::{self, Kind},
};

/// Name of the file.
const FILE: &str = "nicknames";

/// Name of the file that is locked while the address book changes.
const LOCK: &str = "nicknames.lock";

/// The address book of one account of one server, whose usernames it names. Every call reads the
/// file again, since other programs may have changed it.
#[derive(Clone, Debug)]
pub struct AddressBook {
    directory: PathBuf,
    cancel: Cancel,
}

impl AddressBook {
    /// The address book of an account in a data directory:
    /// `<data>/people/<host>_<port>/<username>/nicknames`, host and port as for
    /// [`crate::Mailbox::open`]. A missing file is an empty address book.
    #[must_use]
    pub fn open(data: &Path, address: &Address, username: &Username) -> Self {
        let directory = layout::directory(data, Kind::People, address, username);
        Self { directory, cancel: Cancel::new() }
    }

    /// Lets `cancel` end the wait for another program that changes the file.
    #[must_use]
    pub fn cancelled_by(self, cancel: &Cancel) -> Self {
        Self { cancel: cancel.clone(), ..self }
    }

    /// The path of the file.
    #[must_use]
    pub fn path(&self) -> PathBuf {
        self.directory.join(FILE)
    }

    /// All nicknames, in the order of the file.
    ///
    /// # Errors
    ///
    /// See [`AddressBookError`].
    pub fn list(&self) -> Result<Vec<BookEntry>, AddressBookError> {
        Ok(self.read()?.entries())
    }

    /// The people of a nickname. `None` if the address book does not have it.
    ///
    /// # Errors
    ///
    /// See [`AddressBookError`].
    pub fn entry(&self, nickname: &Nickname) -> Result<Option<BookEntry>, AddressBookError> {
        Ok(self.list()?.into_iter().find(|entry| entry.nickname == *nickname))
    }

    /// Adds people to a nickname, which is made if there is none. A person that the nickname has
    /// gets the new full name, if there is one. When the call returns, the file is durable.
    ///
    /// # Errors
    ///
    /// See [`AddressBookError`].
    pub fn add(&self, nickname: &Nickname, people: &[BookPerson]) -> Result<(), AddressBookError> {
        let _lock = self.lock()?;
        let mut lines = self.read()?;
        lines.add(nickname, people).map_err(|error| match error {
            ChangeError::Full => AddressBookError::Full { path: self.path() },
            ChangeError::TooMany => AddressBookError::TooMany { nickname: nickname.clone() },
        })?;
        self.write(&lines)
    }

    /// Removes people from a nickname; the nickname itself if none is named or left. Returns the
    /// number of people that were removed.
    ///
    /// # Errors
    ///
    /// See [`AddressBookError`].
    pub fn remove(
        &self,
        nickname: &Nickname,
        usernames: &[Username],
    ) -> Result<usize, AddressBookError> {
        let _lock = self.lock()?;
        let mut lines = self.read()?;
        let removed = lines.remove(nickname, usernames);
        if removed > 0 {
            self.write(&lines)?;
        }
        Ok(removed)
    }

    /// Reads recipients as a user types them: usernames and nicknames (`@` before each), separated
    /// by commas. The file is read only if there is a nickname.
    ///
    /// # Errors
    ///
    /// See [`RecipientsError`].
    pub fn recipients(&self, typed: &str) -> Result<NamedRecipients, RecipientsError> {
        recipients::resolve(typed, || self.list())
    }

    fn read(&self) -> Result<Lines, AddressBookError> {
        let path = self.path();
        let mut bytes = Vec::new();
        let read = durable::open_file(&path)
            .and_then(|file| file.take(BYTES_MAX as u64 + 1).read_to_end(&mut bytes));
        match read {
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Lines::default()),
            Err(source) => return Err(AddressBookError::Io { path, source }),
        }
        Lines::parse(&bytes).map_err(|error| match error {
            LinesError::Line(line) => AddressBookError::Line { path, line },
            LinesError::Full => AddressBookError::Full { path },
        })
    }

    /// Locks out other programs' changes until the returned file is dropped.
    fn lock(&self) -> Result<fs::File, AddressBookError> {
        let path = self.directory.join(LOCK);
        let locked = match durable::create_directories(&self.directory) {
            Ok(()) => lock::take(&path, WaitLimit::Changing, &self.cancel),
            Err(error) => Err(LockError::Io(error)),
        };
        locked.map_err(|error| match error {
            LockError::Held => AddressBookError::Locked { path },
            LockError::Cancelled => AddressBookError::Cancelled,
            LockError::Io(source) => AddressBookError::Io { path, source },
        })
    }

    /// Replaces the file atomically and durably.
    fn write(&self, lines: &Lines) -> Result<(), AddressBookError> {
        let path = self.path();
        durable::replace(&self.directory, FILE, lines.text().as_bytes())
            .map_err(|source| AddressBookError::Io { path, source })
    }
}
