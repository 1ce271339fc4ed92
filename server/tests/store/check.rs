//! Tests of the check: each kind of damage is found, and named.

use std::{fs, path::Path};

use correio_server::{
    cancel::Cancel,
    ids::AccountId,
    store::sqlite::{Checked, Finding, SqliteOptions, SqliteSnapshot},
};

use super::{
    files::{DATABASE, snapshot, with_sql},
    support::{Harness, ROOMY, is_sent, send},
};

fn check(directory: &Path) -> Checked {
    SqliteSnapshot::open(directory, &Cancel::default()).unwrap().check(|_| ()).unwrap()
}

/// A store with mails 1 to 10 of tony in the index.
fn make(directory: &Path) {
    let mut harness = Harness::sqlite_with(directory, ROOMY, SqliteOptions::default());
    let tony = harness.account("tony");
    for number in 0..10 {
        assert!(is_sent(&harness.run(send(tony, number, "tony", "text"))));
    }
    harness.close();
}

fn findings(sql: &str) -> Vec<Finding> {
    let directory = tempfile::tempdir().unwrap();
    make(directory.path());
    with_sql(&directory.path().join(DATABASE), sql);
    check(directory.path()).findings
}

#[test]
fn a_whole_database_has_its_numbers_and_no_finding() {
    let directory = tempfile::tempdir().unwrap();
    make(directory.path());
    let checked = check(directory.path());
    assert!(checked.is_whole(), "{checked:?}");
    assert_eq!((checked.accounts, checked.mails, checked.bytes), (1, 10, 50));
}

#[test]
fn tables_that_disagree_are_found() {
    let counts =
        |stated, found| Finding::Counts { username: "tony".parse().unwrap(), stated, found };
    let cases = [
        ("UPDATE account SET mails = 9", vec![counts((9, 50), (10, 50))]),
        ("UPDATE account SET bytes = 51", vec![counts((10, 51), (10, 50))]),
        ("DELETE FROM mailbox WHERE seq = 3", vec![Finding::NotIndexed { seq: 3 }]),
        (
            "DELETE FROM mail WHERE seq = 3",
            vec![counts((10, 50), (9, 45)), Finding::NoMail { seq: 3 }],
        ),
        // A flush that is done with the account.
        ("UPDATE meta SET indexed = 4, flushing = 10, flushed = 1", vec![]),
        (
            "UPDATE meta SET indexed = 9",
            vec![counts((10, 50), (9, 45)), Finding::Twice { seq: 10 }],
        ),
        (
            "UPDATE mail SET account = 7 WHERE seq = 3",
            vec![
                Finding::Orphan { seq: 3, account: AccountId(7) },
                Finding::NotIndexed { seq: 3 },
                counts((10, 50), (9, 45)),
                Finding::NoMail { seq: 3 },
            ],
        ),
        (
            "UPDATE meta SET reserved = 9, indexed = 10",
            vec![Finding::Number { seq: 10, reserved: 9 }],
        ),
    ];
    for (sql, expected) in cases {
        assert_eq!(findings(sql), expected, "{sql}");
    }
}

#[test]
fn values_that_no_mail_or_account_has_are_found() {
    for sql in [
        "UPDATE mail SET sender = '../x' WHERE seq = 3",
        "UPDATE mail SET id = x'00' WHERE seq = 3",
        "UPDATE mail SET recipients = '' WHERE seq = 3",
        "UPDATE mail SET body = CAST(x'ff' AS TEXT) WHERE seq = 3",
        "UPDATE mail SET sent_at = -1 WHERE seq = 3",
    ] {
        let found = findings(sql);
        assert!(matches!(found.as_slice(), [Finding::Mail { seq: 3, .. }, ..]), "{sql}: {found:?}");
    }
    for sql in [
        "UPDATE account SET full_name = 'a' || char(10) || 'b'",
        "UPDATE account SET bytes = -1",
        "UPDATE account SET hash = CAST(x'ff' AS TEXT)",
    ] {
        let found = findings(sql);
        assert!(matches!(found.first(), Some(Finding::Account { .. })), "{sql}: {found:?}");
    }
}

#[test]
fn of_many_findings_the_first_hundred_are_kept() {
    let directory = tempfile::tempdir().unwrap();
    let mut harness = Harness::sqlite_with(directory.path(), ROOMY, SqliteOptions::default());
    let tony = harness.account("tony");
    let sends = (0..150).map(|number| send(tony, number, "tony", "text")).collect();
    assert!(harness.run_together(sends).iter().all(is_sent));
    harness.close();
    with_sql(&directory.path().join(DATABASE), "DELETE FROM mailbox");
    let checked = check(directory.path());
    assert_eq!((checked.findings.len(), checked.is_cut), (100, true));
}

/// SQLite has no checksums: a changed letter of a text is another text. What is changed in the
/// structure is found.
#[test]
fn a_damaged_byte_is_found_and_nothing_panics() {
    let directory = tempfile::tempdir().unwrap();
    make(directory.path());
    let path = directory.path().join(DATABASE);
    let whole = fs::read(&path).unwrap();
    let (mut refused, mut found) = (0, 0);
    for at in (0..whole.len()).step_by(31) {
        let mut bytes = whole.clone();
        bytes[at] ^= 0x81;
        fs::write(&path, &bytes).unwrap();
        match SqliteSnapshot::open(directory.path(), &Cancel::default()) {
            Err(_) => refused += 1,
            Ok(snapshot) => found += usize::from(!snapshot.check(|_| ()).unwrap().is_whole()),
        }
        assert!(snapshot(directory.path())[path.file_name().unwrap()] == bytes);
    }
    assert!(refused > 0 && found > 20, "{refused} refused, {found} found");
}
