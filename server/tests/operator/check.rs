//! Tests of `correiod check`.

use std::{fs, path::Path, process::Command};

use correio_testing::skip::{skipped, works};
use rusqlite::Connection;

use super::{done, files, make, run, said, text};

#[test]
fn a_whole_database_is_said_to_be_whole_and_left_as_it_is() {
    let directory = tempfile::tempdir().unwrap();
    make(directory.path());
    let before = files(directory.path());
    let output = done(directory.path(), &["check"]);
    let expected = format!("{} is whole: 2 accounts and 15 waiting mails", text(directory.path()));
    assert!(output.starts_with(&expected), "{output}");
    assert!(files(directory.path()) == before);
}

#[test]
fn each_thing_that_is_wrong_has_a_line() {
    let directory = tempfile::tempdir().unwrap();
    make(directory.path());
    let sql = "UPDATE account SET mails = 99 WHERE username = 'tony';
               DELETE FROM mailbox WHERE seq = 1";
    Connection::open(directory.path().join("correio.db")).unwrap().execute_batch(sql).unwrap();
    let before = files(directory.path());
    let (status, output, error) = run(directory.path(), &["check"]);
    assert_eq!(status, Some(78), "{error}");
    assert_eq!(output.lines().count(), 2, "{output}");
    assert!(output.contains("account tony states 99 mails"), "{output}");
    assert!(output.contains("mail 1 is missing in its mailbox's index"), "{output}");
    assert!(error.contains("2 things are wrong") && error.contains("correiod restore"), "{error}");
    assert!(files(directory.path()) == before);
}

#[test]
fn a_damaged_file_is_reported_whatever_is_damaged() {
    let directory = tempfile::tempdir().unwrap();
    make(directory.path());
    let path = directory.path().join("correio.db");
    let whole = fs::read(&path).unwrap();
    let mut found = 0;
    for at in (0..whole.len()).step_by(2039) {
        let mut bytes = whole.clone();
        bytes[at..].iter_mut().take(64).for_each(|byte| *byte ^= 0xff);
        fs::write(&path, &bytes).unwrap();
        let (status, output, error) = run(directory.path(), &["check"]);
        found += usize::from(status != Some(0));
        assert!(matches!(status, Some(0 | 78)), "at {at}: {status:?} {output} {error}");
        assert!(!error.contains("panicked"), "at {at}: {error}");
        assert!(fs::read(&path).unwrap() == bytes);
    }
    assert!(found > 5, "{found}");
    for (content, said) in [(&whole[..9000], "shorter"), (&b"no database"[..], "not a correio")] {
        fs::write(&path, content).unwrap();
        let (status, _, error) = run(directory.path(), &["check"]);
        assert!(status == Some(78) && error.contains(said), "{error}");
    }
    fs::remove_file(&path).unwrap();
    let (status, _, error) = run(directory.path(), &["check"]);
    assert!(status == Some(78) && error.contains("no correio.db"), "{error}");
}

#[test]
fn the_help_of_a_command_shows_what_the_command_uses() {
    let directory = tempfile::tempdir().unwrap();
    for command in ["backup", "restore", "check", "export"] {
        let help = done(directory.path(), &[command, "--help"]);
        for word in ["--data-dir <DIR>", "--config <FILE>"] {
            assert!(help.contains(word), "{word}: {help}");
        }
        assert!(!help.contains("--bcrypt-cost"), "{help}");
    }
}

/// A volume that was mounted for reading, of a server that was stopped, and of one that was killed.
#[test]
fn a_directory_on_a_read_only_mount_is_checked() {
    const NAMESPACES: [&str; 3] = ["--user", "--map-root-user", "--mount"];
    let mount = "mount --bind \"$0\" \"$0\" && mount -o remount,bind,ro \"$0\"";
    let directory = tempfile::tempdir().unwrap();
    let arguments = [&NAMESPACES[..], &["sh", "-c", mount, text(directory.path())]].concat();
    if !works("unshare", &arguments) {
        return skipped("this system does not let this user mount a directory for reading");
    }
    let (stopped, killed) = (directory.path().join("stopped"), directory.path().join("killed"));
    make(&stopped);
    kill(&killed);
    for data in [stopped, killed] {
        let before = files(&data);
        let check = format!("{mount} && exec \"$1\" --config /dev/null check --data-dir \"$0\"");
        let output = Command::new("unshare")
            .args(NAMESPACES)
            .args(["sh", "-c", &check, text(&data), env!("CARGO_BIN_EXE_correiod")])
            .output()
            .unwrap();
        let (status, output, error) = said(&output);
        assert_eq!(status, Some(0), "{error}");
        assert!(output.contains("2 accounts and 15 waiting mails"), "{output}");
        assert!(files(&data) == before);
    }
}

/// Makes the directory of a server that was killed.
fn kill(data: &Path) {
    let daemon = crate::daemon::Daemon::start(data, &[]);
    super::fill(&daemon);
    drop(daemon);
    assert!(fs::metadata(data.join("correio.db-wal")).unwrap().len() > 0);
}
