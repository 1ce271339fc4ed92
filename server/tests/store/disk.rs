//! Tests of a disk that is full, that refuses a write, or that fails to sync.

use std::{fs, path::Path, process::Output};

use correio_proto::mail::{Mail, MailRef};
use correio_server::{
    ids::AccountId,
    store::{StoreDone, StoreFailed, sqlite::SqliteOptions},
};
use correio_testing::{
    rerun::{assert_passed, data_directory, on_a_small_disk, rerun},
    skip::can_trace,
    strace::traced,
};

use super::support::{Harness, ROOMY, find, is_sent, send};

/// Sends until the store refuses a mail. Returns the number of accepted mails, and the last answer.
fn fill(harness: &mut Harness, account: AccountId) -> (u64, Result<StoreDone, StoreFailed>) {
    let body = "x".repeat(10_000);
    let mut acknowledged = 0;
    loop {
        match harness.try_run(send(account, acknowledged, "tony", &body)) {
            Ok(StoreDone::Sent { .. }) => acknowledged += 1,
            other => return (acknowledged, other),
        }
    }
}

/// The number of acknowledged mails that a process has printed.
fn acknowledged(output: &Output) -> u64 {
    assert_passed(output);
    let said = String::from_utf8_lossy(&output.stderr);
    said.lines().find_map(|line| line.strip_prefix("acknowledged ")?.parse().ok()).unwrap()
}

/// Asserts that every acknowledged mail is there; one more may have been written.
fn assert_kept(directory: &Path, acknowledged: u64) {
    let mut harness = Harness::sqlite_with(directory, ROOMY, SqliteOptions::default());
    let tony = harness.find("tony");
    let mails = harness.fetch(tony);
    let found = u64::try_from(mails.len()).unwrap();
    assert!((acknowledged..=acknowledged + 1).contains(&found), "{found} of {acknowledged}");
    assert_eq!(u64::from(harness.record("tony").waiting), found);
}

#[test]
fn a_failed_write_is_answered_and_takes_nothing_back() {
    if let Some(directory) = data_directory() {
        let mut harness = Harness::sqlite_with(&directory, ROOMY, SqliteOptions::default());
        let tony = harness.account("tony");
        let (acknowledged, refused) = fill(&mut harness, tony);
        assert!(matches!(refused, Ok(StoreDone::Unavailable(_))), "{refused:?}");
        let found = harness.fetch(tony).len();
        assert_eq!(u64::try_from(found).unwrap(), acknowledged);
        harness.close();
        eprintln!("acknowledged {acknowledged}\ncame to the end");
        return;
    }
    let directory = tempfile::tempdir().unwrap();
    // No file above 400 or 800 KiB, as the shell counts; a write beyond is an error, not a signal.
    let test = "disk::a_failed_write_is_answered_and_takes_nothing_back";
    let output = rerun(test, directory.path(), "trap '' XFSZ; ulimit -f 800").output().unwrap();
    let acknowledged = acknowledged(&output);
    assert!(acknowledged > 5, "{acknowledged}");
    assert_kept(directory.path(), acknowledged);
}

#[test]
fn a_failed_sync_ends_the_store() {
    if let Some(directory) = data_directory() {
        let mut harness = Harness::sqlite_with(&directory, ROOMY, SqliteOptions::default());
        let tony = harness.account("tony");
        let (acknowledged, failed) = fill(&mut harness, tony);
        assert!(failed.is_err(), "{failed:?}");
        // No further job is answered, not even a search that finds nothing.
        harness.submit(find("nobody"));
        let mut done = Vec::new();
        assert!(harness.store.take().unwrap().close(&mut done).is_err());
        assert_eq!(done, []);
        eprintln!("acknowledged {acknowledged}\ncame to the end");
        return;
    }
    // Each thread's 24th sync; those before it are for the opening, and for the first accounts and
    // mails.
    let failing = ["-e", "trace=fsync,fdatasync", "-e", "inject=fsync,fdatasync:error=EIO:when=24"];
    if !can_trace() {
        return;
    }
    let directory = tempfile::tempdir().unwrap();
    let prepared = rerun("disk::a_failed_sync_ends_the_store", directory.path(), "");
    let output = traced(&prepared, Path::new("/dev/null"), &failing).output().unwrap();
    let acknowledged = acknowledged(&output);
    assert!(acknowledged > 5, "{acknowledged}");
    assert_kept(directory.path(), acknowledged);
}

#[test]
fn on_a_full_disk_reading_goes_on_and_room_is_all_it_takes() {
    if let Some(directory) = data_directory() {
        let data = directory.join("data");
        let mut harness = Harness::sqlite_with(&data, ROOMY, SqliteOptions::default());
        let tony = harness.account("tony");
        let (acknowledged, refused) = fill(&mut harness, tony);
        assert!(matches!(refused, Ok(StoreDone::Unavailable(_))), "{refused:?}");
        assert!(acknowledged > 100, "{acknowledged}");
        let body = "x".repeat(10_000);
        let mails = harness.fetch(tony);
        assert_eq!(u64::try_from(mails.len()).unwrap(), acknowledged);
        // A group in which one job finds no room: the others' answers come all the same.
        let answers = harness.run_together(vec![
            find("tony"),
            send(tony, acknowledged, "tony", &body),
            find("nobody"),
        ]);
        assert!(matches!(answers[0], StoreDone::Account(Some(_))));
        assert!(matches!(answers[1], StoreDone::Unavailable(_)));
        assert_eq!(answers[2], StoreDone::Account(None));

        // Another program fills the rest of the disk, and frees it again.
        let ballast = directory.join("ballast");
        assert!(fs::write(&ballast, vec![1; 12 << 20]).is_err(), "the disk is larger than it says");
        assert_eq!(u64::try_from(harness.fetch(tony).len()).unwrap(), acknowledged);
        fs::remove_file(ballast).unwrap();

        // Deleting mails makes room, without help from outside.
        for page in mails.chunks(200) {
            let page: Vec<MailRef> = page.iter().map(Mail::reference).collect();
            assert_eq!(harness.confirm(tony, page.clone()) as usize, page.len());
        }
        let sent = harness.run(send(tony, acknowledged, "tony", &body));
        assert!(is_sent(&sent), "a refusal left a record, or there is no room: {sent:?}");
        harness.close();
        let mut harness = Harness::sqlite_with(&data, ROOMY, SqliteOptions::default());
        assert_eq!(harness.fetch(tony).len(), 1);
        eprintln!("came to the end");
        return;
    }
    on_a_small_disk("disk::on_a_full_disk_reading_goes_on_and_room_is_all_it_takes");
}
