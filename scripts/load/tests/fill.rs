//! Tests of `fill`: what it writes is what the server would have written.

#![allow(missing_docs, clippy::unwrap_used)] // It is all test.

use std::{process::Command, sync::Arc};

use correio_server::{
    cancel::Cancel,
    ids::{ConnId, PasswordHash, Ticket},
    store::{
        Quota, Store, StoreDone, StoreJob,
        sqlite::{SqliteOptions, SqliteSnapshot},
    },
    waker::Wake,
};
use correio_testing::store::open_unlocked;

/// The test closes the store instead of waiting for it.
struct Unheard;

impl Wake for Unheard {
    fn wake(&self) {}
}

#[test]
fn a_filled_database_has_no_finding() {
    let directory = tempfile::tempdir().unwrap();
    let quota = Quota { mails: 100, bytes: 1 << 20 };
    let wake: Arc<dyn Wake> = Arc::new(Unheard);
    let mut store = open_unlocked(directory.path(), quota, SqliteOptions::default(), &wake);
    let ticket = Ticket { connection: ConnId { index: 0, generation: 0 }, serial: 1 };
    let job = StoreJob::CreateAccount {
        register_id: [1, 0, 0, 0, 0, 0, 0x70, 0, 0x80, 0, 0, 0, 0, 0, 0, 1].try_into().unwrap(),
        username: "tony".parse().unwrap(),
        full_name: "Tony Stark".parse().unwrap(),
        hash: PasswordHash("h".into()),
        invite: None,
    };
    store.submit(ticket, job);
    let mut done = Vec::new();
    Box::new(store).close(&mut done).unwrap();
    assert_eq!(done, [(ticket, StoreDone::Created)]);

    let filled = Command::new(env!("CARGO_BIN_EXE_fill"))
        .args(["--accounts", "7", "--mails", "20", "--like", "tony", "--data-dir"])
        .arg(directory.path())
        .output()
        .unwrap();
    assert!(filled.status.success(), "{filled:?}");
    let snapshot = SqliteSnapshot::open(directory.path(), &Cancel::default()).unwrap();
    let checked = snapshot.check(|_| ()).unwrap();
    assert!(checked.is_whole(), "{checked:?}");
    assert_eq!((checked.accounts, checked.mails), (8, 20));
    let db = rusqlite::Connection::open(directory.path().join("correio.db")).unwrap();
    let sql = "SELECT count(*) FROM mail WHERE texture IS NULL";
    assert_eq!(db.query_row(sql, [], |row| row.get::<_, i64>(0)), Ok(0));
}
