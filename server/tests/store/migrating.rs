//! Kills the migration of an older database at each of its syncs and writes.

use std::{
    os::unix::process::ExitStatusExt,
    path::Path,
    process::{ExitStatus, Stdio},
};

use correio_proto::mail::Timestamp;
use correio_server::store::StoreDone;
use correio_testing::{
    rerun::{data_directory, rerun},
    skip::can_trace,
    strace::{kill_at, traced},
};

use super::{
    files::{open_later, snapshot},
    support::{Harness, everything, send},
};

const TEST: &str = "migrating::killed_at_any_moment_it_has_changed_nothing_or_all";

#[test]
fn killed_at_any_moment_it_has_changed_nothing_or_all() {
    if let Some(directory) = data_directory() {
        open_later(&directory).unwrap().close();
        return;
    }
    if !can_trace() {
        return;
    }
    let directory = tempfile::tempdir().unwrap();
    let mut harness = Harness::sqlite(directory.path());
    let realm = harness.store.as_ref().unwrap().realm();
    let tony = harness.account("tony");
    harness.run(send(tony, 1, "tony", "x"));
    let before = everything(&mut harness);
    harness.close();
    let old = snapshot(directory.path());

    for (calls, least) in [("fsync,fdatasync", 4), ("write,pwrite64", 20)] {
        for when in 1.. {
            let killed = tempfile::tempdir().unwrap();
            for (name, bytes) in &old {
                std::fs::write(killed.path().join(name), bytes).unwrap();
            }
            let ended = open_and_kill(killed.path(), calls, when);
            let mut harness = open_later(killed.path()).unwrap();
            assert_eq!(harness.store.as_ref().unwrap().realm(), realm);
            assert_eq!(everything(&mut harness), before, "killed at {when} of {calls}");
            let again = harness.run(send(tony, 1, "tony", "x"));
            assert_eq!(again, StoreDone::SentBefore { sent_at: Timestamp(1001) });
            if ended.success() {
                assert!(when > least, "only {when} of {calls}");
                break;
            }
            assert_eq!(ended.signal(), Some(9), "{ended:?}");
        }
    }
}

/// Opens the directory in a process that is killed when a thread of it makes the `when`th of
/// these calls.
fn open_and_kill(directory: &Path, calls: &str, when: usize) -> ExitStatus {
    let prepared = rerun(TEST, directory, "");
    traced(&prepared, Path::new("/dev/null"), &kill_at(calls, when))
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .unwrap()
}
