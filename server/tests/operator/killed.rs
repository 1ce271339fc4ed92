//! Tests of commands that are killed at a system call.

use std::{
    fs,
    os::unix::process::ExitStatusExt,
    path::{Path, PathBuf},
};

use correio_testing::{
    skip::can_trace,
    strace::{kill_at, traced},
};
use tempfile::TempDir;

use super::{done, make, names, run, text};
use crate::daemon::{Daemon, command, listening, refused};

/// The calls that make, name, write and remove files.
const CALLS: [&str; 5] = [
    "mkdir,mkdirat",
    "rename,renameat,renameat2,link,linkat",
    "fsync,fdatasync",
    "unlink,unlinkat,rmdir",
    "write,pwrite64",
];

/// Runs a command that is killed at each of these calls in turn, and calls `check` after each,
/// until the command comes to its end. Returns how many times it was killed.
fn killed(calls: &str, data: &Path, arguments: &[&str], mut check: impl FnMut()) -> usize {
    for when in 1.. {
        let mut command =
            traced(&command(data, arguments), Path::new("/dev/null"), &kill_at(calls, when));
        let output = command.output().unwrap();
        if output.status.success() {
            return when - 1;
        }
        assert_eq!(output.status.signal(), Some(9), "{calls} {when}: {output:?}");
        check();
    }
    unreachable!("the command comes to its end")
}

/// A directory with a data directory and a backup of it: their paths.
fn backed_up() -> (TempDir, PathBuf, PathBuf) {
    let directory = tempfile::tempdir().unwrap();
    let (data, file) = (directory.path().join("data"), directory.path().join("b.tar.gz"));
    make(&data);
    done(&data, &["backup", text(&file)]);
    (directory, data, file)
}

#[test]
fn a_backup_that_is_killed_leaves_the_former_one_and_no_other() {
    if !can_trace() {
        return;
    }
    let (directory, data, file) = backed_up();
    let mut number = 0;
    for calls in CALLS {
        let count = killed(calls, &data, &["backup", "--force", text(&file)], || {
            // The file is a whole backup, be it the former or the new one.
            number += 1;
            let new = directory.path().join(format!("new-{number}"));
            done(&new, &["restore", text(&file)]);
            fs::remove_dir_all(new).unwrap();
            for name in names(directory.path()) {
                if name.contains(".unfinished-") {
                    fs::remove_dir_all(directory.path().join(name)).unwrap();
                }
            }
            assert_eq!(names(directory.path()), ["b.tar.gz", "data"]);
        });
        assert!(count > 0, "{calls}");
    }
    done(&data, &["check"]);
}

/// What a killed restore leaves is no store: neither a server nor another restore takes it for one.
#[test]
fn a_restore_that_is_killed_leaves_nothing_that_a_server_takes() {
    if !can_trace() {
        return;
    }
    let (directory, _, file) = backed_up();
    let new = directory.path().join("new");
    for calls in CALLS {
        let count = killed(calls, &new, &["restore", text(&file)], || {
            if new.join("correio.db").exists() {
                // The database has its name last: everything is there.
                assert!(done(&new, &["check"]).contains("15 waiting mails"));
                assert!(new.join("tls.pem").exists() && new.join("invite.key").exists());
                Daemon::start(&new, &[]).stop();
            } else if new.join("tls.pem").exists() || new.join("invite.key").exists() {
                assert_eq!(refused(listening(&new)).0, Some(78));
                assert_eq!(run(&new, &["restore", text(&file)]).0, Some(73));
            }
            let _ = fs::remove_dir_all(&new);
        });
        assert!(count > 0, "{calls}");
        let _ = fs::remove_dir_all(&new);
    }
}

#[test]
fn an_export_that_is_killed_is_gone_on_with() {
    if !can_trace() {
        return;
    }
    let directory = tempfile::tempdir().unwrap();
    let (data, target) = (directory.path().join("data"), directory.path().join("out"));
    make(&data);
    let before = super::files(&data);
    for calls in CALLS {
        let count = killed(calls, &data, &["export", "pepper", text(&target)], || {
            let new = target.join("pepper/new");
            for file in if new.exists() { names(&new) } else { Vec::new() } {
                let content = fs::read(new.join(file)).unwrap();
                correio_proto::rfc5322::read(&mut &content[..]).unwrap();
            }
        });
        assert!(count > 0, "{calls}");
        assert_eq!(names(&target.join("pepper/new")).len(), 5);
        fs::remove_dir_all(&target).unwrap();
    }
    assert!(super::files(&data) == before);
}

/// The last sync fails: the files that have their names already are removed again.
#[test]
fn a_restore_whose_last_step_fails_leaves_the_directory_as_it_was() {
    if !can_trace() {
        return;
    }
    let (directory, _, file) = backed_up();
    let new = directory.path().join("new");
    for (calls, count) in [("fsync,fdatasync", 4), ("rename,renameat,renameat2", 3)] {
        for when in 1..=count {
            let inject = format!("inject={calls}:error=EIO:when={when}");
            let arguments = ["-e", &format!("trace={calls}"), "-e", &inject];
            let restore = command(&new, &["restore", text(&file)]);
            let mut restore = traced(&restore, Path::new("/dev/null"), &arguments);
            let (status, _, error) = super::said(&restore.output().unwrap());
            assert_eq!(status, Some(74), "{calls} {when}: {error}");
            assert!(error.contains("nothing was restored"), "{error}");
            assert!(!new.exists(), "{calls} {when}: {:?}", names(&new));
        }
    }
    done(&new, &["restore", text(&file)]);
}
