//! The directory of all stores: whom a query finds, and that it follows every change.

use std::{
    collections::{BTreeMap, btree_map::Entry},
    fs::OpenOptions,
    os::unix::fs::FileExt,
    path::Path,
    time::Instant,
};

use correio_proto::{
    directory::{Person, Query},
    mail::{FullName, Timestamp, Username},
    message::Found,
};
use correio_server::{
    cancel::Cancel,
    ids::{AccountId, Ticket},
    store::{
        StoreDone, StoreJob, Submitted,
        sqlite::{Finding, SqliteSnapshot},
    },
};
use proptest::prelude::*;
use rusqlite::Connection;

use super::{
    files::{DATABASE, make_version_1, with_sql},
    support::{self, Harness, PATIENCE, delete, hash, id, rename, send},
};

/// Finds that may wait in the store in SQLite.
const FINDS_MAX: usize = 64;

contract! {
    a_part_of_either_name_finds_whatever_its_case_and_accents,
    a_short_text_finds_beginnings_of_names_only,
    usernames_that_begin_with_the_text_come_first,
    more_people_than_fit_are_said_to_be_there,
    every_change_of_an_account_is_followed,
    hostile_texts_mean_themselves,
}

fn create(harness: &mut Harness, username: &str, full_name: &str) -> AccountId {
    let number =
        username.bytes().fold(7, |sum: u64, byte| sum * 31 % 0xffff_ffff + u64::from(byte));
    let job = StoreJob::CreateAccount {
        register_id: id(number),
        username: username.parse().unwrap(),
        full_name: full_name.parse().unwrap(),
        hash: hash("h"),
        invite: None,
    };
    assert_eq!(harness.run(job), StoreDone::Created);
    harness.find(username)
}

fn look_up(harness: &mut Harness, query: &Query, people: usize) -> Found {
    match harness.run(StoreJob::Find { query: query.clone(), people }) {
        StoreDone::Found(found) => found,
        other => panic!("people were expected, not {other:?}"),
    }
}

/// The usernames that a text finds, of at most 20.
fn found(harness: &mut Harness, text: &str) -> Vec<String> {
    let found = look_up(harness, &text.parse().unwrap(), 20);
    assert!(!found.more, "{text:?}");
    found.people.iter().map(|person| person.username.to_string()).collect()
}

fn a_part_of_either_name_finds_whatever_its_case_and_accents(harness: &mut Harness) {
    create(harness, "tony", "Tony Stark");
    create(harness, "pepper", "Virgínia Potts");
    create(harness, "tanaka", "田中 太郎");
    for (text, expected) in [
        ("tony", &["tony"][..]),
        ("STAR", &["tony"]),
        ("y st", &["tony"]),
        ("virginia", &["pepper"]),
        ("VIRGÍN", &["pepper"]),
        ("epp", &["pepper"]),
        ("田中 太", &["tanaka"]),
        ("中 太郎", &["tanaka"]),
        ("starkk", &[]),
        ("tonypotts", &[]),
        ("ny\u{301}\u{327}\u{323} s", &["tony"]),
    ] {
        assert_eq!(found(harness, text), expected, "{text:?}");
    }
    let person = look_up(harness, &"tony".parse().unwrap(), 20).people.remove(0);
    assert_eq!((person.username.as_str(), person.full_name.as_str()), ("tony", "Tony Stark"));
}

fn a_short_text_finds_beginnings_of_names_only(harness: &mut Harness) {
    create(harness, "tony", "Anthony Stark");
    create(harness, "bruce", "Élton");
    create(harness, "tanaka", "田中 太郎");
    for (text, expected) in [
        ("t", &["tanaka", "tony"][..]),
        ("to", &["tony"]),
        ("AN", &["tony"]),
        ("e", &["bruce"]),
        ("ÉL", &["bruce"]),
        ("田", &["tanaka"]),
        ("田中", &["tanaka"]),
        ("st", &[]),
        ("太郎", &[]),
        ("ny", &[]),
    ] {
        assert_eq!(found(harness, text), expected, "{text:?}");
    }
}

fn usernames_that_begin_with_the_text_come_first(harness: &mut Harness) {
    create(harness, "zoe", "Ana Stark");
    create(harness, "starkov", "Boris");
    create(harness, "astark", "Bruce");
    create(harness, "stark", "Tony Stark");
    create(harness, "pepper", "Pepper Stark");
    let expected = ["stark", "starkov", "astark", "pepper", "zoe"];
    assert_eq!(found(harness, "stark"), expected);
    let cut = look_up(harness, &"stark".parse().unwrap(), 2);
    let usernames: Vec<_> = cut.people.iter().map(|person| person.username.as_str()).collect();
    assert_eq!((usernames, cut.more), (vec!["stark", "starkov"], true));
}

fn more_people_than_fit_are_said_to_be_there(harness: &mut Harness) {
    for number in 0..12 {
        create(harness, &format!("u{number:02}"), &format!("Stark {number}"));
    }
    let query: Query = "stark".parse().unwrap();
    for (people, more) in [(11, true), (12, false), (13, false), (1, true), (0, true)] {
        let found = look_up(harness, &query, people);
        assert_eq!((found.people.len(), found.more), (people.min(12), more), "{people}");
        assert!(found.people.is_sorted_by(|a, b| a.username < b.username));
    }
    let all = look_up(harness, &"u".parse().unwrap(), 5);
    let usernames: Vec<_> = all.people.iter().map(|person| person.username.as_str()).collect();
    assert_eq!((usernames, all.more), (vec!["u00", "u01", "u02", "u03", "u04"], true));
}

fn every_change_of_an_account_is_followed(harness: &mut Harness) {
    let tony = create(harness, "tony", "Tony Stark");
    create(harness, "bruce", "Bruce Banner");
    assert_eq!(harness.run(rename(tony, "Homem de Ferro")), StoreDone::Changed);
    assert_eq!(found(harness, "stark"), [""; 0]);
    assert_eq!(found(harness, "de ferro"), ["tony"]);
    assert_eq!(found(harness, "ho"), ["tony"]);
    assert_eq!(harness.run(delete(tony)), StoreDone::Changed);
    for text in ["tony", "to", "de ferro", "h"] {
        assert_eq!(found(harness, text), [""; 0], "{text}");
    }
    create(harness, "tony", "Tony");
    assert_eq!(found(harness, "tony"), ["tony"]);
    assert_eq!(found(harness, "ferro"), [""; 0]);
    assert_eq!(found(harness, "banner"), ["bruce"]);
}

fn hostile_texts_mean_themselves(harness: &mut Harness) {
    create(harness, "tony", "Tony Stark");
    let names = [
        ("quotes", "a \"b\" c"),
        ("percent", "100%_ sure*"),
        ("near", "x NEAR(y) OR z AND NOT w"),
        ("column", "full_name : (x) - {y} + ^z"),
        ("single", "it's'; DROP TABLE account; --"),
    ];
    for (username, full_name) in names {
        create(harness, username, full_name);
    }
    for (text, expected) in [
        ("a \"b", &["quotes"][..]),
        ("\"b\"", &["quotes"]),
        ("\"", &[]),
        ("\"\"", &[]),
        ("\"\"\"", &[]),
        ("%", &[]),
        ("%%%", &[]),
        ("___", &[]),
        ("***", &[]),
        ("0%_", &["percent"]),
        ("sure*", &["percent"]),
        ("tony*", &[]),
        ("t_ny", &[]),
        ("NEAR(", &["near"]),
        ("tony OR stark", &[]),
        ("full_name : (", &["column"]),
        ("username:tony", &[]),
        ("^to", &[]),
        ("tony stark\" OR \"a", &[]),
        ("'; DROP", &["single"]),
        ("\\", &[]),
    ] {
        assert_eq!(found(harness, text), expected, "{text:?}");
    }
}

/// One step of a history of accounts.
#[derive(Clone, Debug)]
enum Step {
    Create(Username, FullName),
    Rename(usize, FullName),
    Delete(usize),
    Find(Query),
}

fn names() -> impl Strategy<Value = FullName> {
    "[aábÁ\"%ｱａß ]{1,8}".prop_filter_map("a name", |name| name.parse().ok())
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let username = "[ab._-]{1,5}".prop_filter_map("a username", |name| name.parse().ok());
    let query = "[aábÁ\"%ｱａß ._]{1,5}".prop_filter_map("a query", |text| text.parse().ok());
    let step = prop_oneof![
        3 => (username, names()).prop_map(|(username, name)| Step::Create(username, name)),
        1 => (any::<usize>(), names()).prop_map(|(which, name)| Step::Rename(which, name)),
        1 => any::<usize>().prop_map(Step::Delete),
        4 => query.prop_map(Step::Find),
    ];
    prop::collection::vec(step, 1..60)
}

/// Requires that a store finds whom a scan of all accounts finds.
fn check_found(
    accounts: &BTreeMap<Username, FullName>,
    query: &Query,
    people: usize,
    found: &Found,
) {
    let expected: Vec<Person> = accounts
        .iter()
        .filter(|(username, full_name)| query.finds(username, full_name))
        .map(|(username, full_name)| Person {
            username: username.clone(),
            full_name: full_name.clone(),
        })
        .collect();
    let (first, others): (Vec<_>, Vec<_>) = expected
        .into_iter()
        .partition(|person| person.username.as_str().starts_with(query.as_str()));
    let total = first.len() + others.len();
    assert_eq!((found.people.len(), found.more), (total.min(people), total > people), "{query}");
    let (found_first, found_others) = found.people.split_at(first.len().min(people));
    assert_eq!(found_first, &first[..found_first.len()], "{query}");
    assert!(found_others.iter().all(|person| others.contains(person)), "{query}: {found:?}");
    assert!(found_others.is_sorted_by(|a, b| a.username < b.username), "{query}: {found:?}");
}

fn follow(harness: &mut Harness, steps: Vec<Step>) {
    let mut accounts: BTreeMap<Username, FullName> = BTreeMap::new();
    for step in steps {
        match step {
            Step::Create(username, full_name) => {
                if let Entry::Vacant(vacant) = accounts.entry(username) {
                    create(harness, vacant.key().as_str(), full_name.as_str());
                    vacant.insert(full_name);
                }
            }
            Step::Rename(which, full_name) => {
                let Some((username, place)) = nth(&mut accounts, which) else { continue };
                let account = harness.find(username.as_str());
                harness.run(rename(account, full_name.as_str()));
                *place = full_name;
            }
            Step::Delete(which) => {
                let Some((username, _)) = nth(&mut accounts, which) else { continue };
                let account = harness.find(username.as_str());
                assert_eq!(harness.run(delete(account)), StoreDone::Changed);
                accounts.remove(&username);
            }
            Step::Find(query) => {
                for people in [3, 20] {
                    let found = look_up(harness, &query, people);
                    check_found(&accounts, &query, people, &found);
                }
            }
        }
    }
}

fn nth(
    accounts: &mut BTreeMap<Username, FullName>,
    which: usize,
) -> Option<(Username, &mut FullName)> {
    let count = accounts.len().max(1);
    accounts.iter_mut().nth(which % count).map(|(username, name)| (username.clone(), name))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn every_store_finds_whom_a_scan_finds(steps in steps()) {
        follow(&mut Harness::memory(), steps.clone());
        follow(&mut Harness::simulated(), steps.clone());
        let directory = tempfile::tempdir().unwrap();
        let mut harness = Harness::sqlite(directory.path());
        follow(&mut harness, steps);
        harness.close();
        prop_assert_eq!(findings(directory.path()), []);
    }
}

fn findings(directory: &Path) -> Vec<Finding> {
    SqliteSnapshot::open(directory, &Cancel::default()).unwrap().check(|_| ()).unwrap().findings
}

#[test]
fn an_older_database_is_searched() {
    let directory = tempfile::tempdir().unwrap();
    make_version_1(directory.path());
    with_sql(&directory.path().join(DATABASE), "UPDATE account SET full_name = 'Ântony Stark'");
    let mut harness = Harness::sqlite(directory.path());
    assert_eq!(found(&mut harness, "ANTONY"), ["tony"]);
    assert_eq!(found(&mut harness, "an"), ["tony"]);
    harness.close();
    assert_eq!(findings(directory.path()), []);
}

/// The harness's gate holds the thread of the store, or the one that looks people up, once it has
/// an answer.
#[test]
fn a_find_is_answered_while_the_store_thread_is_busy() {
    let directory = tempfile::tempdir().unwrap();
    let mut harness = Harness::sqlite(directory.path());
    create(&mut harness, "tony", "Tony Stark");
    let wake = harness.wake.clone();
    let gate = harness.stop_between_groups(&wake);
    let (job, _) = harness.submit(support::find("tony"));
    let (find, submitted) = harness.submit(stark());
    assert!(matches!(submitted, Submitted::Queued));
    // Found by looking: the thread's call to `wake` waits for that of the store thread.
    let deadline = Instant::now() + PATIENCE;
    let mut done = Vec::new();
    while done.is_empty() {
        assert!(Instant::now() < deadline, "no answer");
        std::thread::yield_now();
        harness.store.as_mut().unwrap().collect(&mut done).unwrap();
    }
    assert!(matches!(done.as_slice(), [(ticket, StoreDone::Found(_))] if *ticket == find));
    drop(gate);
    assert_eq!(harness.collect(1)[0].0, job);
}

#[test]
fn where_many_finds_wait_further_ones_are_refused_and_mail_is_not() {
    let directory = tempfile::tempdir().unwrap();
    let mut harness = Harness::sqlite(directory.path());
    let tony = create(&mut harness, "tony", "Tony Stark");
    let wake = harness.wake.clone();
    // The thread that looks people up stays in its call to `wake`.
    let gate = wake.close_gate();
    assert!(matches!(harness.run(stark()), StoreDone::Found(_)));
    for number in 0..FINDS_MAX {
        assert!(matches!(harness.submit(stark()).1, Submitted::Queued), "{number}");
    }
    assert!(matches!(harness.submit(stark()).1, Submitted::Full));
    let (mail, submitted) = harness.submit(send(tony, 1, "tony", "x"));
    assert!(matches!(submitted, Submitted::Queued));
    drop(gate);
    let done = harness.collect(FINDS_MAX + 1);
    let is_answered = |done: &(Ticket, StoreDone)| match done {
        (ticket, StoreDone::Sent { .. }) => *ticket == mail,
        (_, done) => matches!(done, StoreDone::Found(_)),
    };
    assert!(done.iter().all(is_answered), "{done:?}");
    assert!(matches!(harness.run(stark()), StoreDone::Found(_)));
}

#[test]
fn what_is_queued_is_found_before_the_store_closes() {
    let directory = tempfile::tempdir().unwrap();
    let mut harness = Harness::sqlite(directory.path());
    create(&mut harness, "tony", "Tony Stark");
    for _ in 0..10 {
        harness.submit(stark());
    }
    let mut done = Vec::new();
    harness.store.take().unwrap().close(&mut done).unwrap();
    assert_eq!(done.len(), 10);
    assert!(done.iter().all(|(_, done)| matches!(done, StoreDone::Found(_))), "{done:?}");
}

#[test]
fn names_that_another_program_changes_are_found() {
    let directory = tempfile::tempdir().unwrap();
    let mut harness = Harness::sqlite(directory.path());
    create(&mut harness, "tony", "Tony Stark");
    let other = Connection::open(directory.path().join(DATABASE)).unwrap();
    other.execute_batch("UPDATE account SET full_name = 'Homem de Ferro'").unwrap();
    // The store learns of the change with its next job.
    harness.find("tony");
    assert_eq!(found(&mut harness, "ferro"), ["tony"]);
    assert_eq!(found(&mut harness, "stark"), [""; 0]);
}

#[test]
fn an_account_with_a_damaged_name_is_not_found_and_others_are() {
    let directory = tempfile::tempdir().unwrap();
    let mut harness = Harness::sqlite(directory.path());
    create(&mut harness, "tony", "Tony Stark");
    create(&mut harness, "morgan", "Morgan Stark");
    harness.close();
    for damage in ["CAST(x'ff' AS TEXT)", "''"] {
        let sql = format!("UPDATE account SET full_name = {damage} WHERE username = 'tony'");
        with_sql(&directory.path().join(DATABASE), &sql);
        let mut harness = Harness::sqlite(directory.path());
        assert_eq!(found(&mut harness, "stark"), ["morgan"], "{damage}");
        harness.close();
    }
}

/// Mail goes on, and the log says with every find why it is refused.
#[test]
fn accounts_that_cannot_be_read_end_no_server() {
    let directory = tempfile::tempdir().unwrap();
    let mut harness = Harness::sqlite(directory.path());
    for number in 0..200 {
        create(&mut harness, &format!("u{number:03}"), "Tony Stark");
    }
    harness.close();
    let path = directory.path().join(DATABASE);
    let (page, size): (u32, u32) = {
        let db = Connection::open(&path).unwrap();
        let sql = "SELECT rootpage, page_size FROM sqlite_schema, pragma_page_size
                   WHERE name = 'account'";
        db.query_row(sql, [], |row| Ok((row.get(0)?, row.get(1)?))).unwrap()
    };
    let file = OpenOptions::new().write(true).open(&path).unwrap();
    file.write_all_at(&[0xff], u64::from(page - 1) * u64::from(size)).unwrap();
    let mut harness = Harness::sqlite(directory.path());
    for _ in 0..3 {
        let done = harness.run(stark());
        let StoreDone::Unavailable(reason) = done else { panic!("{done:?}") };
        assert!(reason.contains("names cannot be read"), "{reason}");
    }
    let prune = StoreJob::Prune { before: Timestamp(0), uploads_before: Timestamp(0) };
    assert!(matches!(harness.run(prune), StoreDone::Pruned { .. }));
    harness.close();
    assert_ne!(findings(directory.path()), []);
}

fn stark() -> StoreJob {
    StoreJob::Find { query: "stark".parse().unwrap(), people: 20 }
}

/// A name that was changed or deleted is nowhere in the database's copy.
#[test]
fn nothing_of_a_deleted_name_stays_in_a_copy() {
    let directory = tempfile::tempdir().unwrap();
    let mut harness = Harness::sqlite(directory.path());
    let tony = create(&mut harness, "tony", "Wolverine");
    create(&mut harness, "bruce", "Bruce Banner");
    assert_eq!(harness.run(rename(tony, "Tony")), StoreDone::Changed);
    harness.close();
    let copy = directory.path().join("copy.db");
    SqliteSnapshot::open(directory.path(), &Cancel::default())
        .unwrap()
        .copy_to(&copy, |_| ())
        .unwrap();
    let bytes = std::fs::read(&copy).unwrap();
    for part in ["wolv", "Wolv", "verine"] {
        assert!(!bytes.windows(part.len()).any(|window| window == part.as_bytes()), "{part}");
    }
}
