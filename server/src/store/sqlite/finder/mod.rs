//! Looks people up, on a thread of its own.
//!
//! `find` looks for a part anywhere in a name, so that no ordered index helps, and it may have to
//! read the names of all accounts. Therefore they are in memory, and the thread that has them does
//! nothing else: no other job waits for a find. The store thread hands each change over after its
//! commit and before its result, so that a find sees the changes that were answered before it.
//!
//! A panic costs one find. After a panic in a change the names may be incomplete: the thread drops
//! them, and the store thread reads them again.

use std::{
    collections::{BTreeMap, VecDeque},
    ops::Bound,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Arc, Condvar, Mutex, PoisonError},
};

use correio_proto::{
    directory::{Person, Query},
    mail::{FullName, Username},
    message::Found,
};
use rusqlite::{Connection, Result, Row};

use crate::{
    ids::{AccountId, Ticket},
    mutex::lock,
    store::{StoreDone, directory, directory::Directory},
};

/// Finds that may wait. With a million accounts each takes some milliseconds.
const FINDS_MAX: usize = 64;

/// Panics in changes after which the names are read again. All jobs wait while the store thread
/// reads the names of all accounts, so that a defect must not cause it again and again.
const READINGS_MAX: u32 = 3;

/// Changes that may wait. The store thread then waits for the find that is under way.
const CHANGES_MAX: usize = 10_000;

/// A change of the names, which is committed.
#[derive(Debug)]
pub(super) enum NameChange {
    /// An account has these names now.
    Set(AccountId, Username, FullName),
    /// An account was deleted.
    Remove(AccountId, Username),
    /// These are the names of all accounts. An error says why they cannot be read.
    All(std::result::Result<StoredNames, Arc<str>>),
}

/// The names of all accounts as the file has them. The finder's thread parses and folds them, so
/// that a start does not wait for that.
#[derive(Debug, Default)]
pub(super) struct StoredNames {
    accounts: Vec<AccountId>,
    /// Two lines for each account: its username and its full name.
    lines: String,
}

impl StoredNames {
    /// Reads the names. An account with a name that is no line of text is left out.
    fn read(db: &Connection) -> Result<Self> {
        let mut select = db.prepare("SELECT id, username, full_name FROM account")?;
        let mut rows = select.query([])?;
        let mut names = Self::default();
        while let Some(row) = rows.next()? {
            let lines = (line(row, 1)?, line(row, 2)?);
            if let (Some(username), Some(full_name)) = lines {
                names.accounts.push(AccountId(row.get(0)?));
                for line in [username, "\n", full_name, "\n"] {
                    names.lines.push_str(line);
                }
            }
        }
        Ok(names)
    }
}

fn line<'a>(row: &'a Row<'_>, column: usize) -> Result<Option<&'a str>> {
    Ok(row.get_ref(column)?.as_str().ok().filter(|line| !line.contains('\n')))
}

/// The names of all accounts.
#[derive(Debug, Default)]
struct Names {
    people: BTreeMap<Username, FullName>,
    directory: Directory,
}

impl Names {
    /// Takes the names in. An account with a damaged name is left out.
    fn of(StoredNames { accounts, lines }: StoredNames) -> Self {
        let mut names = Self::default();
        let mut lines = lines.split('\n');
        for account in accounts {
            let (Some(username), Some(full_name)) = (lines.next(), lines.next()) else {
                break;
            };
            if let (Ok(username), Ok(full_name)) = (username.parse(), full_name.parse()) {
                names.set(account, username, full_name);
            }
        }
        names
    }

    fn set(&mut self, account: AccountId, username: Username, full_name: FullName) {
        self.remove(account, &username);
        self.directory.add(account, &username, &full_name);
        self.people.insert(username, full_name);
    }

    fn remove(&mut self, account: AccountId, username: &Username) {
        if self.people.remove(username).is_some() {
            self.directory.remove(account, username);
        }
    }

    fn find(&self, query: &Query, people: usize) -> Found {
        let person = |(username, full_name): (&Username, &FullName)| Person {
            username: username.clone(),
            full_name: full_name.clone(),
        };
        let part = query.as_str();
        let first = self
            .people
            .range::<str, _>((Bound::Included(part), Bound::Unbounded))
            .take_while(|(username, _)| username.as_str().starts_with(part))
            .map(person);
        let search = self.directory.search(query, usize::MAX);
        let of = |username: &str| self.people.get_key_value(username).map(person);
        directory::find(query, people, first, search, of)
    }
}

/// The names, or why they cannot be looked up, for the log.
type Known = std::result::Result<Names, Arc<str>>;

fn unread(error: &rusqlite::Error) -> Arc<str> {
    format!("the accounts' names cannot be read: {error}").into()
}

/// A find that waits.
#[derive(Debug)]
struct Waiting {
    ticket: Ticket,
    query: Query,
    people: usize,
}

/// A step of the thread: it applies the changes, then answers the find.
#[derive(Debug)]
struct Task {
    changes: Vec<NameChange>,
    find: Option<Waiting>,
}

/// Finds and changes that wait for the thread.
#[derive(Debug, Default)]
struct Inbox {
    finds: VecDeque<Waiting>,
    changes: Vec<NameChange>,
    /// Whether the thread has lost the names, so that the store thread must read them again.
    lost_names: bool,
    closed: bool,
}

/// The queue of the thread, which the event loop and the store thread fill.
#[derive(Debug, Default)]
pub(super) struct Finder {
    inbox: Mutex<Inbox>,
    /// There is something in the inbox, or it is closed.
    filled: Condvar,
    /// The changes were taken.
    taken: Condvar,
}

impl Finder {
    /// Appends a find. Returns false if there is no room for it.
    pub(super) fn push(&self, ticket: Ticket, query: Query, people: usize) -> bool {
        let mut inbox = lock(&self.inbox);
        if inbox.finds.len() >= FINDS_MAX {
            return false;
        }
        inbox.finds.push_back(Waiting { ticket, query, people });
        drop(inbox);
        self.filled.notify_one();
        true
    }

    /// Reads all names anew, in a transaction that sees no change that was not committed.
    pub(super) fn read(&self, db: &Connection) {
        let names = StoredNames::read(db).map_err(|error| unread(&error));
        self.change(vec![NameChange::All(names)]);
    }

    /// Whether the names must be read again. The next call returns false, until the thread loses
    /// them once more.
    pub(super) fn take_lost_names(&self) -> bool {
        std::mem::take(&mut lock(&self.inbox).lost_names)
    }

    /// Hands changes over.
    pub(super) fn change(&self, mut changes: Vec<NameChange>) {
        if changes.is_empty() {
            return;
        }
        let mut inbox = lock(&self.inbox);
        while inbox.changes.len() >= CHANGES_MAX && !inbox.closed {
            inbox = self.taken.wait(inbox).unwrap_or_else(PoisonError::into_inner);
        }
        inbox.changes.append(&mut changes);
        drop(inbox);
        self.filled.notify_one();
    }

    /// Lets the thread end once it has done the finds that wait.
    pub(super) fn close(&self) {
        lock(&self.inbox).closed = true;
        self.filled.notify_one();
        self.taken.notify_one();
    }

    /// Runs the thread. `answer` takes the result of each find.
    pub(super) fn serve(&self, answer: impl Fn(Ticket, StoreDone)) {
        self.serve_with(apply, Names::find, answer);
    }

    /// As [`Finder::serve`], with what applies a change and what finds: a test's may panic.
    fn serve_with(
        &self,
        apply: impl Fn(&mut Known, NameChange),
        find: impl Fn(&Names, &Query, usize) -> Found,
        answer: impl Fn(Ticket, StoreDone),
    ) {
        let mut names = Ok(Names::default());
        let mut readings = 0;
        while let Some(Task { changes, find: waiting }) = self.take() {
            let applied = catch_unwind(AssertUnwindSafe(|| {
                changes.into_iter().for_each(|change| apply(&mut names, change));
            }));
            if applied.is_err() {
                names = Err(self.lose_names(&mut readings));
            }
            let Some(Waiting { ticket, query, people }) = waiting else {
                continue;
            };
            // A find changes nothing, so that the names are whole after its panic.
            let found = match &names {
                Ok(names) => catch_unwind(AssertUnwindSafe(|| find(names, &query, people)))
                    .map_err(|_| "looking people up panicked".into()),
                Err(reason) => Err(reason.clone()),
            };
            answer(ticket, found.map_or_else(StoreDone::Unavailable, StoreDone::Found));
        }
    }

    /// Asks the store thread for the names, at most [`READINGS_MAX`] times. Returns why no find can
    /// be answered until they come.
    fn lose_names(&self, readings: &mut u32) -> Arc<str> {
        if *readings >= READINGS_MAX {
            return "taking in changed names panicked again and again: nobody is found until the \
                    server starts again"
                .into();
        }
        *readings += 1;
        lock(&self.inbox).lost_names = true;
        "taking in changed names panicked: the names are read again with the store's next job"
            .into()
    }

    /// Waits for changes or a find. `None` once the inbox is closed and empty.
    fn take(&self) -> Option<Task> {
        let mut inbox = lock(&self.inbox);
        while inbox.finds.is_empty() && inbox.changes.is_empty() {
            if inbox.closed {
                return None;
            }
            inbox = self.filled.wait(inbox).unwrap_or_else(PoisonError::into_inner);
        }
        let changes = std::mem::take(&mut inbox.changes);
        let find = inbox.finds.pop_front();
        drop(inbox);
        self.taken.notify_one();
        Some(Task { changes, find })
    }
}

fn apply(names: &mut Known, change: NameChange) {
    match (change, names) {
        (NameChange::All(all), names) => *names = all.map(Names::of),
        (NameChange::Set(account, username, full_name), Ok(names)) => {
            names.set(account, username, full_name);
        }
        (NameChange::Remove(account, username), Ok(names)) => names.remove(account, &username),
        (_, Err(_)) => {}
    }
}

#[cfg(test)]
mod tests;
