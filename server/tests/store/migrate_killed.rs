//! Kills the copy of a store into a directory (`correiod migrate`) at its system calls, or leaves
//! it without room.

use std::{
    fs,
    io::Write as _,
    os::unix::{fs::symlink, process::ExitStatusExt},
    path::Path,
    process::{ExitStatus, Stdio},
};

use correio_server::{
    cancel::Cancel,
    store::{
        migration::BatchLimits,
        sqlite::{
            SqliteMigrationError, SqliteMigrationSource, SqliteMigrationTarget, SqliteOpenError,
            SqliteOptions, SqliteSnapshot, SqliteTargetState,
        },
    },
};
use correio_testing::{
    rerun::{data_directory, on_a_small_disk, rerun},
    skip::can_trace,
    store::unlocked,
    strace::{kill_at, traced},
    wait::eventually,
};

use super::{
    files::{open, snapshot},
    support::{Harness, ROOMY, everything, is_sent, send, send_large, upload},
};

const FROM: &str = "from";
const TO: &str = "to";

/// Copies the store below a directory, or goes on with the copy.
fn copy(directory: &Path) -> Result<(), SqliteMigrationError> {
    let cancel = Cancel::default();
    let source = SqliteMigrationSource::open(&directory.join(FROM), &cancel)?;
    let opened = SqliteMigrationTarget::open(&directory.join(TO), source.realm(), &cancel)?;
    let SqliteTargetState::Unfinished(mut target, mut position) = opened else { return Ok(()) };
    while let Some(table) = position.table() {
        let rows = source.page(table, &position.key, BatchLimits::default())?;
        let Some(last) = rows.last() else {
            position = position.next_table();
            continue;
        };
        let key = SqliteMigrationSource::key(table).iter().map(|column| last[*column].clone());
        position = position.after(key.collect());
        target.write(table, &rows, &position)?;
    }
    target.end(source.settings()?, source.numbers()?)?;
    target.finish()
}

#[test]
fn a_copy_that_is_killed_at_any_moment_is_refused_or_whole_and_goes_on() {
    let test =
        "migrate_killed::a_copy_that_is_killed_at_any_moment_is_refused_or_whole_and_goes_on";
    if let Some(directory) = data_directory() {
        copy(&directory).unwrap();
        return;
    }
    if !can_trace() {
        return;
    }
    let made = tempfile::tempdir().unwrap();
    let mut harness = Harness::sqlite(made.path());
    let tony = harness.account("tony");
    harness.run(upload(tony, 1, 600, 0..600));
    for job in [send_large(tony, 1, "tony", 600), send(tony, 2, "tony", "x")] {
        harness.run(job);
    }
    let before = everything(&mut harness);
    harness.close();
    let files = snapshot(made.path());

    // Each call that makes a change durable or visible, and some that write it.
    for (calls, every, least) in
        [("fsync,fdatasync,rename,unlink", 1, 20), ("write,pwrite64", 5, 20)]
    {
        for when in (1..).step_by(every) {
            let directory = tempfile::tempdir().unwrap();
            fs::create_dir(directory.path().join(FROM)).unwrap();
            for (name, bytes) in &files {
                fs::write(directory.path().join(FROM).join(name), bytes).unwrap();
            }
            let ended = copy_and_kill(test, directory.path(), calls, when);
            let to = directory.path().join(TO);
            let is_served = match unlocked(|| SqliteSnapshot::open(&to, &Cancel::default())) {
                Ok(_) => true,
                Err(
                    SqliteOpenError::Unfinished { .. }
                    | SqliteOpenError::CutOff { .. }
                    | SqliteOpenError::NoStore { .. },
                ) => false,
                Err(error) => panic!("killed at {when} of {calls}: {error}"),
            };
            if to.join("correio.db").exists() && !is_served {
                let refused = unlocked(|| open(&to)).map(drop);
                assert!(refused.is_err(), "killed at {when} of {calls}");
            }
            eventually(|| match copy(directory.path()) {
                Err(SqliteMigrationError::InUse { .. }) => false,
                result => result.map(|()| true).unwrap(),
            });
            assert_eq!(unmade(&to), Vec::<String>::new(), "killed at {when} of {calls}");
            let mut harness = Harness::sqlite(&to);
            assert_eq!(everything(&mut harness), before, "killed at {when} of {calls}");
            harness.close();
            if ended.success() {
                assert!(when > least, "only {when} of {calls}");
                break;
            }
            assert_eq!(ended.signal(), Some(9), "{ended:?}");
        }
    }
}

/// Names of the directories that copies make before the database has its tables.
fn unmade(directory: &Path) -> Vec<String> {
    let entries = fs::read_dir(directory).unwrap();
    let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    names.filter(|name| name.starts_with(".migrate")).collect()
}

#[test]
fn a_copy_removes_what_killed_ones_have_left_and_nothing_of_one_that_runs() {
    let directory = tempfile::tempdir().unwrap();
    let mut harness = Harness::sqlite(&directory.path().join(FROM));
    harness.account("tony");
    harness.close();
    let to = directory.path().join(TO);
    let left = ".migrate-0123456789abcdef";
    fs::create_dir_all(to.join(left)).unwrap();
    fs::write(to.join(left).join("correio.db"), "a part of a database").unwrap();
    // No copy made these.
    let others = [".migrate-notes", ".migrate-ABCDEF0123456789", ".migrate-fedcba9876543210"];
    fs::create_dir(to.join(others[0])).unwrap();
    fs::create_dir(to.join(others[1])).unwrap();
    symlink(directory.path().join(FROM), to.join(others[2])).unwrap();
    let lock = fs::File::create(to.join("lock")).unwrap();
    lock.lock().unwrap();
    let refused = copy(directory.path()).unwrap_err();
    assert!(matches!(refused, SqliteMigrationError::InUse { .. }), "{refused}");
    assert!(to.join(left).join("correio.db").exists());
    drop(lock);
    copy(directory.path()).unwrap();
    let mut unmade = unmade(&to);
    unmade.sort();
    let mut others = others.to_vec();
    others.sort_unstable();
    assert_eq!(unmade, others);
    assert!(directory.path().join(FROM).join("correio.db").exists());
}

#[test]
fn a_full_disk_ends_a_copy_that_goes_on_once_there_is_room() {
    let Some(disk) = data_directory() else {
        return on_a_small_disk(
            "migrate_killed::a_full_disk_ends_a_copy_that_goes_on_once_there_is_room",
        );
    };
    let mut harness = Harness::sqlite_with(&disk.join(FROM), ROOMY, SqliteOptions::default());
    let tony = harness.account("tony");
    for number in 0..40 {
        assert!(is_sent(&harness.run(send(tony, number, "tony", &"x".repeat(50_000)))));
    }
    let before = harness.fetch(tony);
    harness.close();
    let ballast = disk.join("ballast");
    let mut file = fs::File::create(&ballast).unwrap();
    while file.write_all(&[1; 4096]).is_ok() {}
    file.set_len(file.metadata().unwrap().len() - (1 << 20)).unwrap();
    drop(file);
    let full = copy(&disk).unwrap_err();
    assert!(matches!(full, SqliteMigrationError::NoRoom { .. }), "{full}");
    let refused = unlocked(|| open(&disk.join(TO))).map(drop).unwrap_err();
    assert!(matches!(refused, SqliteOpenError::Unfinished { .. }), "{refused}");
    fs::remove_file(ballast).unwrap();
    copy(&disk).unwrap();
    let mut harness = Harness::sqlite_with(&disk.join(TO), ROOMY, SqliteOptions::default());
    assert_eq!(harness.fetch(tony), before);
    harness.close();
    eprintln!("came to the end");
}

/// Copies in a process that is killed when it makes the `when`th of these calls.
fn copy_and_kill(test: &str, directory: &Path, calls: &str, when: usize) -> ExitStatus {
    let prepared = rerun(test, directory, "");
    traced(&prepared, Path::new("/dev/null"), &kill_at(calls, when))
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .unwrap()
}
