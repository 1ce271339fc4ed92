//! Completion of recipients: from the address book and earlier mail at once, then from the server's
//! directory. A thread reads the files and asks the server, so that no key waits for them.

mod candidates;

use std::{
    path::PathBuf,
    sync::{Arc, Mutex, MutexGuard, PoisonError, mpsc},
    thread,
    time::{Duration, Instant},
};

use correio_client::{Address, Cancel, ErrorCode, RequestError, Service};
use correio_proto::{capability, directory::Query, mail::Username, message::Found};

use crate::{
    people::LocalPeople,
    prompt::{Candidates, Completer, Search},
};
use candidates::{Known, MARK};

/// Pause after a Tab before the directory is asked: another key within it ends the search.
const ASKED_AFTER: Duration = Duration::from_millis(200);

/// How long the directory is left alone after a refusal that names no time.
const LEFT_ALONE: Duration = Duration::from_secs(60);

/// Most answers of the directory that are kept, so that the same question is asked once.
const ANSWERS_MAX: usize = 100;

/// Where people are looked up who are not known on this computer.
pub(crate) trait Directory: Send {
    /// Whether it may be asked at all.
    fn is_offered(&self) -> bool;

    /// Looks people up.
    fn find(&self, query: &Query, cancel: &Cancel) -> Result<Found, RequestError>;
}

impl Directory for Arc<Service> {
    fn is_offered(&self) -> bool {
        self.welcome().capabilities.contains(capability::FIND)
    }

    fn find(&self, query: &Query, cancel: &Cancel) -> Result<Found, RequestError> {
        Service::find(self, query, cancel)
    }
}

/// The account whose people are completed.
pub(crate) struct Account {
    pub(crate) data: PathBuf,
    pub(crate) server: Address,
    pub(crate) username: Username,
    /// The texts that mark a stranger.
    pub(crate) stranger: String,
}

/// Completes recipients. Dropping it ends its thread.
pub(crate) struct RecipientCompleter {
    shared: Arc<Mutex<Shared>>,
    /// `None` without a thread: nothing is completed then.
    lookups: Option<mpsc::Sender<Lookup>>,
    thread: Option<thread::JoinHandle<()>>,
    /// Cancels the reading of the files.
    loading: Cancel,
    stranger: String,
    search: Option<CurrentSearch>,
}

/// State that the thread fills.
#[derive(Default)]
struct Shared {
    /// `None` until the files were read.
    known: Option<Known>,
    /// The answer to the lookup of this number; `None` as an answer if there is none.
    answer: Option<(u64, Option<Found>)>,
}

/// A part that the directory is asked for.
struct Lookup {
    number: u64,
    query: Query,
    cancel: Cancel,
}

/// The search that was begun last.
struct CurrentSearch {
    number: u64,
    part: String,
    cancel: Cancel,
}

impl RecipientCompleter {
    /// Reads the people of an account on a thread of its own.
    pub(crate) fn new(account: Account, directory: Option<Box<dyn Directory>>) -> Self {
        let shared = Arc::new(Mutex::new(Shared::default()));
        let (lookups, received) = mpsc::channel();
        let loading = Cancel::new();
        let stranger = account.stranger.clone();
        let run = {
            let (shared, loading) = (Arc::clone(&shared), loading.clone());
            move || {
                let Account { data, server, username, .. } = account;
                let people = LocalPeople::load(&data, &server, &username, &loading);
                lock(&shared).known = Some(Known::new(&people));
                if let Some(directory) = directory {
                    answer(&shared, &received, directory.as_ref());
                } else {
                    received.iter().for_each(|lookup| put(&shared, lookup.number, None));
                }
            }
        };
        let thread = thread::Builder::new().name("correio-completion".to_owned()).spawn(run).ok();
        let lookups = thread.is_some().then_some(lookups);
        Self { shared, lookups, thread, loading, stranger, search: None }
    }

    fn number(&self) -> u64 {
        self.search.as_ref().map_or(0, |search| search.number)
    }
}

impl Completer for RecipientCompleter {
    fn begin(&mut self, part: &str) -> Candidates {
        self.end();
        let (number, cancel) = (self.number() + 1, Cancel::new());
        // A nickname is known here alone.
        let query = part.parse().ok().filter(|_| !part.starts_with(MARK));
        let sent = query.zip(self.lookups.as_ref()).is_some_and(|(query, lookups)| {
            lookups.send(Lookup { number, query, cancel: cancel.clone() }).is_ok()
        });
        if !sent {
            put(&self.shared, number, None);
        }
        self.search = Some(CurrentSearch { number, part: part.to_owned(), cancel });
        self.poll()
    }

    fn poll(&mut self) -> Candidates {
        let shared = lock(&self.shared);
        let none = |search| Candidates { list: Vec::new(), search };
        let Some(search) = &self.search else { return none(Search::Complete) };
        let Some(known) = &shared.known else {
            return none(if self.thread.is_some() { Search::Running } else { Search::Complete });
        };
        let answer = shared.answer.as_ref().filter(|(number, _)| *number == search.number);
        known.candidates(&search.part, answer.map(|(_, found)| found.as_ref()), &self.stranger)
    }

    fn end(&mut self) {
        if let Some(search) = &self.search {
            search.cancel.cancel();
        }
    }
}

impl Drop for RecipientCompleter {
    fn drop(&mut self) {
        self.end();
        self.loading.cancel();
        self.lookups = None;
        if let Some(thread) = self.thread.take() {
            // A thread that has panicked completes nothing more.
            let _ = thread.join();
        }
    }
}

/// Answers lookups until their sender is gone. Asks the directory only for the newest one, and not
/// while the server limits the rate.
fn answer(shared: &Mutex<Shared>, lookups: &mpsc::Receiver<Lookup>, directory: &dyn Directory) {
    let mut answers: Vec<(Query, Found)> = Vec::new();
    let mut left_alone_until: Option<Instant> = None;
    let mut next = lookups.recv().ok();
    while let Some(lookup) = next.take() {
        let known = answers.iter().find(|(query, _)| *query == lookup.query);
        let is_left_alone = left_alone_until.is_some_and(|until| Instant::now() < until);
        if known.is_some() || is_left_alone || !directory.is_offered() {
            put(shared, lookup.number, known.map(|(_, found)| found.clone()));
            next = lookups.recv().ok();
            continue;
        }
        match lookups.recv_timeout(ASKED_AFTER) {
            Ok(newer) => {
                next = Some(newer);
                continue;
            }
            Err(mpsc::RecvTimeoutError::Disconnected) => return,
            Err(mpsc::RecvTimeoutError::Timeout) => {}
        }
        let found = match directory.find(&lookup.query, &lookup.cancel) {
            Ok(found) => {
                answers.truncate(ANSWERS_MAX - 1);
                answers.insert(0, (lookup.query, found.clone()));
                Some(found)
            }
            Err(error) => {
                left_alone_until = left_alone(&error).or(left_alone_until);
                None
            }
        };
        put(shared, lookup.number, found);
        next = lookups.recv().ok();
    }
}

/// Until when the directory is left alone after an error.
fn left_alone(error: &RequestError) -> Option<Instant> {
    let RequestError::Refused(refusal) = error else { return None };
    let wait = match refusal.code {
        ErrorCode::RateLimited | ErrorCode::Busy => {
            refusal.retry_after.map_or(LEFT_ALONE, |seconds| Duration::from_secs(seconds.into()))
        }
        _ => LEFT_ALONE,
    };
    Instant::now().checked_add(wait)
}

/// Puts the answer to a lookup, unless a later one has its answer already.
fn put(shared: &Mutex<Shared>, number: u64, found: Option<Found>) {
    let mut shared = lock(shared);
    if shared.answer.as_ref().is_none_or(|(answered, _)| *answered <= number) {
        shared.answer = Some((number, found));
    }
}

/// The state is never left half-updated, so that a poisoned mutex is safe to use.
fn lock(shared: &Mutex<Shared>) -> MutexGuard<'_, Shared> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;
