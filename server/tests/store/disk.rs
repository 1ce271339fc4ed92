//! Tests of a disk that is full, that refuses a write, or that fails to sync.

use std::{fs, io::Write, path::Path, process::Output};

use correio_proto::{
    limits::PIECE_MAX,
    mail::{Mail, MailRef, Timestamp},
};
use correio_server::{
    ids::AccountId,
    store::{
        StoreDone, StoreFailed, StoreJob, UploadLimits,
        gateway::GatewayDone,
        sqlite::{SqliteOpenError, SqliteOptions},
    },
};
use correio_testing::{
    rerun::{assert_passed, data_directory, on_a_small_disk, rerun},
    skip::can_trace,
    strace::traced,
    wait::eventually,
};

use super::{
    files::{DATABASE, make_version_6, open, with_sql},
    outlines::outline,
    support::{Harness, ROOMY, content, find, id, is_sent, send, send_large, upload},
};

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
    assert_eq!(u64::from(harness.record("tony").waiting()), found);
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
    // Each thread's 32nd sync; those before it are for the opening, and for the first accounts and
    // mails.
    let failing = ["-e", "trace=fsync,fdatasync", "-e", "inject=fsync,fdatasync:error=EIO:when=32"];
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

/// Uploads pieces until the store refuses one. Returns the staged bytes.
fn fill_by_upload(harness: &mut Harness, account: AccountId, number: u64, size: u64) -> u64 {
    const STEP: u64 = PIECE_MAX as u64;
    let mut staged = 0;
    loop {
        let end = size.min(staged + STEP);
        match harness.run(upload(account, number, size, staged..end)) {
            StoreDone::Uploaded { staged: now } => {
                assert_eq!(now, end);
                staged = now;
            }
            StoreDone::Unavailable(_) => return staged,
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn a_piece_without_room_is_refused_and_counts_for_nothing() {
    const SIZE: u64 = 10 << 20;
    if let Some(directory) = data_directory() {
        let uploads =
            UploadLimits { uploads: 3, account_bytes: SIZE + 2, bytes: SIZE + 2, content: SIZE };
        let options = SqliteOptions { uploads, ..SqliteOptions::default() };
        let mut harness = Harness::sqlite_with(&directory, ROOMY, options);
        let tony = harness.account("tony");
        let staged_now = |staged| StoreDone::Uploaded { staged };
        // More than fits, in one transaction. It is rolled back, and each piece is tried alone.
        let pieces = (0..SIZE)
            .step_by(PIECE_MAX)
            .map(|start| upload(tony, 1, SIZE, start..start + PIECE_MAX as u64));
        let jobs = std::iter::once(upload(tony, 2, 1, 0..1)).chain(pieces);
        let done = harness.run_as_one_group(jobs.chain([find("tony")]).collect());
        assert_eq!(done.first(), Some(&staged_now(1)));
        assert!(matches!(done.last(), Some(StoreDone::Account(Some(_)))));
        let refused = done.iter().filter(|done| matches!(done, StoreDone::Unavailable(_)));
        assert!(refused.count() > 0, "{done:?}");
        let staged = done.iter().skip(1).filter_map(|done| match done {
            StoreDone::Uploaded { staged } => Some(*staged),
            _ => None,
        });
        let staged = staged.max().unwrap();
        assert!((1..SIZE).contains(&staged), "{staged}");
        assert_eq!(harness.run(upload(tony, 1, SIZE, 0..0)), staged_now(staged));
        // Each upload counts once: there is room for one more byte, on the disk or not.
        assert_eq!(harness.run(upload(tony, 3, 2, 0..1)), StoreDone::UploadsFull);
        let last = harness.run(upload(tony, 3, 1, 0..1));
        assert!(matches!(last, StoreDone::Uploaded { .. } | StoreDone::Unavailable(_)), "{last:?}");
        harness.close();
        eprintln!("acknowledged {staged}\ncame to the end");
        return;
    }
    let directory = tempfile::tempdir().unwrap();
    let test = "disk::a_piece_without_room_is_refused_and_counts_for_nothing";
    // No file above 2 or 4 MiB, as the shell counts.
    let output = rerun(test, directory.path(), "trap '' XFSZ; ulimit -f 4100").output().unwrap();
    let staged = acknowledged(&output);
    let mut harness = Harness::sqlite_with(directory.path(), ROOMY, SqliteOptions::default());
    let tony = harness.find("tony");
    assert_eq!(harness.run(upload(tony, 1, SIZE, 0..0)), StoreDone::Uploaded { staged });
}

#[test]
fn on_a_full_disk_uploads_wait_and_their_end_makes_room() {
    const SIZE: u64 = 20 << 20;
    if let Some(directory) = data_directory() {
        let data = directory.join("data");
        let mut harness = Harness::sqlite_with(&data, ROOMY, SqliteOptions::default());
        let tony = harness.account("tony");
        let small = 2 * PIECE_MAX as u64;
        for part in [0..small / 2, small / 2..small] {
            harness.run(upload(tony, 1, small, part));
        }
        assert!(is_sent(&harness.run(send_large(tony, 1, "tony", small))));
        let staged = fill_by_upload(&mut harness, tony, 2, SIZE);
        assert!((1..SIZE).contains(&staged), "{staged}");
        // What is there can be read and deleted; the upload goes on once there is room.
        let mails = harness.fetch(tony);
        assert_eq!(harness.read_all(tony, mails[0].reference()), content(1, 0..small));
        assert_eq!(harness.run(upload(tony, 2, SIZE, 0..0)), StoreDone::Uploaded { staged });
        let StoreDone::Gateway(GatewayDone::Outlines { mails, more: false }) =
            harness.run(outline(tony, 0, 10))
        else {
            panic!("a program learns what the mailbox has");
        };
        assert_eq!(mails.iter().map(|outline| outline.size).collect::<Vec<_>>(), [small]);
        let prune = StoreJob::Prune { before: Timestamp(0), uploads_before: Timestamp(u64::MAX) };
        let pruned = StoreDone::Pruned { records: 0, uploads: 1, more: false };
        assert_eq!(harness.run(prune), pruned);
        eventually(|| match harness.run(upload(tony, 3, small, 0..small / 2)) {
            StoreDone::Uploaded { staged } => staged == small / 2,
            StoreDone::Unavailable(_) => false,
            other => panic!("{other:?}"),
        });
        harness.close();
        let mut harness = Harness::sqlite_with(&data, ROOMY, SqliteOptions::default());
        let mails = harness.fetch(tony);
        assert_eq!(mails.iter().map(|mail| mail.id).collect::<Vec<_>>(), [id(1)]);
        assert_eq!(harness.read_all(tony, mails[0].reference()), content(1, 0..small));
        eprintln!("came to the end");
        return;
    }
    on_a_small_disk("disk::on_a_full_disk_uploads_wait_and_their_end_makes_room");
}

#[test]
fn an_upgrade_without_room_changes_nothing_and_goes_on_once_there_is_room() {
    let Some(disk) = data_directory() else {
        return on_a_small_disk(
            "disk::an_upgrade_without_room_changes_nothing_and_goes_on_once_there_is_room",
        );
    };
    let data = disk.join("data");
    fs::create_dir(&data).unwrap();
    make_version_6(&data);
    let rows = "INSERT INTO piece SELECT 2, 2 + value * 1000000, zeroblob(1000000)
                FROM json_each('[1, 2, 3]')";
    with_sql(&data.join(DATABASE), rows);
    // The contents do not fit a second time.
    let ballast = disk.join("ballast");
    fs::write(&ballast, vec![1; 7 << 20]).unwrap();
    for _ in 0..2 {
        let error = open(&data).unwrap_err();
        assert!(matches!(error, SqliteOpenError::NoRoomToUpgrade { .. }), "{error}");
        assert_eq!(error.exit_status(), 74);
    }
    fs::remove_file(ballast).unwrap();
    let mut harness = Harness::sqlite(&data);
    let tony = harness.find("tony");
    assert_eq!(harness.fetch(tony).len(), 4);
    eprintln!("came to the end");
}

#[test]
fn a_disk_without_any_room_is_named_at_the_start() {
    let Some(disk) = data_directory() else {
        return on_a_small_disk("disk::a_disk_without_any_room_is_named_at_the_start");
    };
    let data = disk.join("data");
    let mut harness = Harness::sqlite_with(&data, ROOMY, SqliteOptions::default());
    let tony = harness.account("tony");
    assert!(is_sent(&harness.run(send(tony, 1, "tony", "x"))));
    harness.close();
    let ballast = disk.join("ballast");
    let mut file = fs::File::create(&ballast).unwrap();
    while file.write_all(&[1; 4096]).is_ok() {}
    drop(file);
    let error = open(&data).unwrap_err();
    assert!(matches!(error, SqliteOpenError::NoRoom { .. }), "{error}");
    assert_eq!(error.exit_status(), 74);
    fs::remove_file(ballast).unwrap();
    let mut harness = Harness::sqlite(&data);
    assert_eq!(harness.fetch(tony).len(), 1);
    eprintln!("came to the end");
}
