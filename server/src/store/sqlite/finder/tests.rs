//! Tests of the finder's thread: what it does after a panic.

use std::{
    cell::{Cell, RefCell},
    sync::mpsc,
    time::Duration,
};

use correio_proto::mail::Timestamp;

use super::*;
use crate::{
    ids::ConnId,
    store::{
        Quota, Store, StoreJob,
        sqlite::{SqliteOptions, SqliteStore},
    },
    waker::Wake,
};

const STARK: &str = "Tony Stark";

/// How long a store may take for a job before the test fails.
const PATIENCE: Duration = Duration::from_secs(60);

fn ticket(serial: u64) -> Ticket {
    Ticket { connection: ConnId { index: 0, generation: 0 }, serial }
}

/// Account 1 with this username.
fn set(username: &str) -> NameChange {
    NameChange::Set(AccountId(1), username.parse().unwrap(), STARK.parse().unwrap())
}

/// All names as the store thread reads them: those of Tony.
fn all() -> NameChange {
    let (accounts, lines) = (vec![AccountId(1)], format!("tony\n{STARK}\n"));
    NameChange::All(Ok(StoredNames { accounts, lines }))
}

fn look_up(finder: &Finder, serial: u64, text: &str) {
    assert!(finder.push(ticket(serial), text.parse().unwrap(), 20));
}

/// The usernames that a find has found, or why there are none.
fn answered(done: StoreDone) -> Result<Vec<String>, String> {
    match done {
        StoreDone::Found(found) => {
            Ok(found.people.iter().map(|person| person.username.to_string()).collect())
        }
        StoreDone::Unavailable(reason) => Err(reason.to_string()),
        other => panic!("{other:?}"),
    }
}

/// Serves with changes of the username `bruce` and finds of `hulk` that panic. After each answer,
/// `then` has the finder and the number of answers; it closes the finder after the last answer.
fn serve(finder: &Finder, then: impl Fn(&Finder, usize)) -> Vec<Result<Vec<String>, String>> {
    let (answers, count) = (RefCell::new(Vec::new()), Cell::new(0));
    finder.serve_with(
        |names, change| match &change {
            NameChange::Set(_, username, _) if username.as_str() == "bruce" => panic!("injected"),
            _ => apply(names, change),
        },
        |names, query, people| match query.as_str() {
            "hulk" => panic!("injected"),
            _ => names.find(query, people),
        },
        |_, done| {
            answers.borrow_mut().push(answered(done));
            count.set(count.get() + 1);
            then(finder, count.get());
        },
    );
    answers.into_inner()
}

#[test]
fn a_find_that_panics_costs_itself_only() {
    let finder = Finder::default();
    finder.change(vec![all()]);
    for (serial, text) in ["stark", "hulk", "stark"].into_iter().enumerate() {
        look_up(&finder, serial as u64, text);
    }
    finder.close();
    let answers = serve(&finder, |_, _| {});
    let tony = Ok(vec!["tony".to_owned()]);
    assert_eq!(answers, [tony.clone(), Err("looking people up panicked".into()), tony]);
    assert!(!finder.take_lost_names(), "the names are whole");
}

#[test]
fn names_are_read_again_after_a_change_that_panics_and_not_for_ever() {
    const ROUNDS: usize = READINGS_MAX as usize + 2;
    let finder = Finder::default();
    finder.change(vec![all(), set("bruce")]);
    look_up(&finder, 0, "stark");
    let asked = Cell::new(0);
    let answers = serve(&finder, |finder, count| {
        // As the store thread does in its next transaction.
        let is_asked = finder.take_lost_names();
        asked.set(asked.get() + u32::from(is_asked));
        match count {
            _ if count == 2 * ROUNDS => return finder.close(),
            _ if count % 2 == 0 => finder.change(vec![set("bruce")]),
            _ if is_asked => finder.change(vec![all()]),
            _ => {}
        }
        look_up(finder, count as u64, "stark");
    });
    let lost =
        "taking in changed names panicked: the names are read again with the store's next job";
    for (number, answer) in answers.iter().take(2 * READINGS_MAX as usize).enumerate() {
        match number % 2 {
            0 => assert_eq!(answer, &Err(lost.to_owned())),
            _ => assert_eq!(answer, &Ok(vec!["tony".to_owned()])),
        }
    }
    let last = answers.last().unwrap().as_ref().unwrap_err();
    assert!(last.contains("until the server starts again"), "{last}");
    assert_eq!(asked.get(), READINGS_MAX);
}

struct Woken(Mutex<mpsc::Sender<()>>);

impl Wake for Woken {
    fn wake(&self) {
        // A store that is closed may outlive the receiver.
        let _ = lock(&self.0).send(());
    }
}

#[test]
fn the_store_reads_lost_names_with_its_next_job() {
    let directory = tempfile::tempdir().unwrap();
    let (sender, woken) = mpsc::channel();
    let wake = Arc::new(Woken(Mutex::new(sender)));
    let (quota, options) = (Quota { mails: 10, bytes: 1000 }, SqliteOptions::default());
    let mut store = SqliteStore::open(directory.path(), quota, options, wake).unwrap();
    let mut run = |job: StoreJob, serial: u64| {
        store.submit(ticket(serial), job);
        let mut done = Vec::new();
        while done.is_empty() {
            woken.recv_timeout(PATIENCE).unwrap();
            store.collect(&mut done).unwrap();
        }
        let (_, done) = done.remove(0);
        (done, store.finder.clone())
    };
    let find = || StoreJob::Find { query: "stark".parse().unwrap(), people: 20 };
    let (done, finder) = run(find(), 0);
    assert_eq!(answered(done), Ok(Vec::new()));
    finder.change(vec![NameChange::All(Err("lost".into()))]);
    assert_eq!(answered(run(find(), 1).0), Err("lost".to_owned()));
    lock(&finder.inbox).lost_names = true;
    let prune = StoreJob::Prune { before: Timestamp(0), uploads_before: Timestamp(0) };
    assert!(matches!(run(prune, 2).0, StoreDone::Pruned { .. }));
    assert_eq!(answered(run(find(), 3).0), Ok(Vec::new()));
}
