//! Tests of `correiod migrate` as a process.

use std::{
    fs,
    io::Read as _,
    os::unix::process::ExitStatusExt,
    path::Path,
    process::{Command, ExitStatus, Stdio},
};

use correio_testing::{
    postgres::{Database, Postgres},
    pty::PtyPair,
    skip::can_trace,
    strace::{kill_at, traced},
};

use super::{done, files, mails, make, run, said, text};
use crate::daemon::{Daemon, command, eventually, listening, refused};

/// The exit status of a command that finds what it needs in use.
const IN_USE: i32 = 69;

/// The address of a database, as a command line names it.
fn address(server: &Postgres, database: &Database) -> String {
    server.tcp_address("postgres", "127.0.0.1", &database.name)
}

fn migration(from: &str, to: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_correiod"));
    command.env_clear().args(["--config", "/dev/null", "migrate", "--from", from, "--to", to]);
    command.stdin(Stdio::null());
    command
}

fn migrate(from: &str, to: &str) -> (Option<i32>, String, String) {
    said(&migration(from, to).output().unwrap())
}

/// Migrates, and tries again while the end of a command or a server before it is not seen yet.
fn migrated(from: &str, to: &str) -> String {
    let mut output = None;
    eventually(|| {
        let (status, out, error) = migrate(from, to);
        assert!([Some(0), Some(IN_USE)].contains(&status), "{error}");
        output = (status == Some(0)).then_some(out);
        output.is_some()
    });
    output.unwrap()
}

fn serve(directory: &Path, database: &str) -> Daemon {
    Daemon::start(directory, &["--store", "postgres", "--database", database])
}

#[test]
fn a_store_is_served_there_and_back_again_with_the_same_mail() {
    let Some(server) = Postgres::shared() else { return };
    let database = address(server, &server.database());
    let directory = tempfile::tempdir().unwrap();
    let (data, back) = (directory.path().join("data"), directory.path().join("back"));
    make(&data);
    let before = files(&data);
    let compared = migrated(text(&data), &database);
    assert!(files(&data) == before, "nothing is changed at the source");
    let rows = |table: &str| {
        let line = compared.lines().find(|line| line.starts_with(table)).unwrap();
        line.strip_prefix(table).unwrap().split_whitespace().next().unwrap().to_owned()
    };
    assert_eq!([rows("account "), rows("mail "), rows("upload ")], ["2", "15", "0"], "{compared}");
    let last = compared.lines().last().unwrap();
    assert!(last.ends_with(": 2 accounts and 15 waiting mails"), "{last}");

    let mut start = listening(&data);
    start.args(["--store", "postgres", "--database", &database]);
    let (status, error) = refused(start);
    assert_eq!(status, Some(78), "{error}");
    assert!(error.contains("then move correio.db away"), "{error}");
    fs::rename(data.join("correio.db"), directory.path().join("correio.db")).unwrap();
    let daemon = serve(&data, &database);
    let (tony, pepper) = (mails(&daemon, "tony"), mails(&daemon, "pepper"));
    assert_eq!((tony.len(), pepper.len()), (10, 5));
    // The database is in use.
    let (status, _, error) = migrate(&database, text(&back));
    assert_eq!(status, Some(IN_USE), "{error}");
    assert!(error.contains("a server uses the database"), "{error}");
    assert_eq!(daemon.stop().code(), Some(0));

    // The server of the directory would not start with what was copied into it.
    let (status, _, error) = migrate(&database, text(&data));
    assert_eq!(status, Some(78), "{error}");
    assert!(error.contains("name an empty directory"), "{error}");
    let again = migrated(&database, text(&back));
    assert_eq!(again.lines().count(), compared.lines().count());
    done(&back, &["check"]);
    let daemon = Daemon::start(&back, &[]);
    assert_eq!((mails(&daemon, "tony"), mails(&daemon, "pepper")), (tony, pepper));
    // So is the directory.
    for (from, to) in [(text(&back), &*database), (&*database, text(&back))] {
        let (status, _, error) = migrate(from, to);
        assert_eq!(status, Some(IN_USE), "{error}");
        assert!(error.contains("a server or another command uses"), "{error}");
    }
}

#[test]
fn a_terminal_sees_how_far_a_migration_is() {
    let Some(server) = Postgres::shared() else { return };
    let database = address(server, &server.database());
    let directory = tempfile::tempdir().unwrap();
    make(directory.path());
    let pty = PtyPair::open(24, 100).unwrap();
    let mut child =
        pty.spawn(migration(text(directory.path()), &database).env("TERM", "xterm")).unwrap();
    let mut main = fs::File::from(pty.main.try_clone().unwrap());
    let mut shown = Vec::new();
    let mut ended = None;
    eventually(|| {
        ended = child.try_wait().unwrap();
        let mut read = [0; 64 * 1024];
        let length = main.read(&mut read).unwrap_or_default();
        shown.extend_from_slice(&read[..length]);
        ended.is_some() && length == 0
    });
    let shown = String::from_utf8_lossy(&shown).into_owned();
    assert_eq!(ended.unwrap().code(), Some(0), "{shown}");
    assert!(shown.contains("copying ") || shown.contains("comparing "), "{shown}");
    assert!(shown.contains("2 accounts and 15 waiting mails"), "{shown}");
}

/// Migrates with a process that is killed at the `when`th of these calls.
fn kill(calls: &str, when: usize, from: &str, to: &str) -> ExitStatus {
    let mut ended = None;
    eventually(|| {
        let arguments = kill_at(calls, when);
        let mut migration = traced(&migration(from, to), Path::new("/dev/null"), &arguments);
        let status = migration.output().unwrap().status;
        ended = Some(status);
        // The database has not seen the end of the process before.
        status.code() != Some(IN_USE)
    });
    ended.unwrap()
}

/// Migrates with a process that is killed at each of these calls in turn, until one comes to its
/// end. Returns how many were killed.
fn killed(calls: &str, from: &str, to: &str, is_refused: impl Fn(usize)) -> usize {
    for when in 1.. {
        let status = kill(calls, when, from, to);
        if status.success() {
            return when - 1;
        }
        assert_eq!(status.signal(), Some(9), "{calls} {when}: {status:?}");
        is_refused(when);
    }
    unreachable!("a migration comes to its end")
}

/// Each attempt comes one call further than the one before: through the beginning of a connection,
/// and then through the tables.
#[test]
fn a_migration_that_is_killed_goes_on_and_no_server_serves_it_before() {
    let Some(server) = Postgres::shared() else { return };
    if !can_trace() {
        return;
    }
    let database = address(server, &server.database());
    let directory = tempfile::tempdir().unwrap();
    let (data, back) = (directory.path().join("data"), directory.path().join("back"));
    make(&data);
    let before = files(&data);
    let nodes = directory.path().join("node");
    let kills = killed("sendto", text(&data), &database, |when| {
        // The first calls begin the connection, before there is a table.
        if when > 15 && when % 8 == 0 {
            let mut start = listening(&nodes);
            start.args(["--store", "postgres", "--database", &database]);
            let (status, error) = refused(start);
            assert!([Some(78), Some(IN_USE)].contains(&status), "{when}: {error}");
            assert!(error.contains("correiod migrate"), "{when}: {error}");
        }
    });
    assert!(kills > 20, "{kills}");
    assert!(files(&data) == before, "nothing is changed at the source");
    let compared = migrated(text(&data), &database);
    assert!(compared.contains("as before; nothing was changed"), "{compared}");
    let daemon = serve(&nodes, &database);
    let tony = mails(&daemon, "tony");
    assert_eq!(tony.len(), 10);
    assert_eq!(daemon.stop().code(), Some(0));

    let kills = killed("rename,unlink", &database, text(&back), |when| {
        if back.join("correio.db").exists() {
            let (status, error) = refused(listening(&back));
            assert_eq!(status, Some(78), "{when}: {error}");
        }
    });
    assert!(kills > 5, "{kills}");
    done(&back, &["check"]);
    let daemon = Daemon::start(&back, &[]);
    assert_eq!(mails(&daemon, "tony"), tony);
}

#[test]
fn a_migration_that_cannot_begin_says_why() {
    let Some(server) = Postgres::shared() else { return };
    let database = server.database();
    let directory = tempfile::tempdir().unwrap();
    let (data, new) = (directory.path().join("data"), directory.path().join("new"));
    make(&data);
    let (data, new) = (text(&data), text(&new));
    let database_address = address(server, &database);
    let missing = server.tcp_address("postgres", "127.0.0.1", "nothing");
    let closed = format!("postgres://tony:secret@127.0.0.1:1/{}", database.name);
    let refused = server.tcp_address("refused", "127.0.0.1", &database.name);
    let below = format!("{data}/correio.db/below");
    for (from, to, status, told) in [
        (data, new, 64, "one of --from and --to is a data directory"),
        (data, "postgres://localhost/correio", 64, "names no user"),
        (data, "mysql://tony:secret@localhost/correio", 64, "begins with postgres://"),
        (data, &*closed, 69, "cannot reach the database at 127.0.0.1:1"),
        (data, &*missing, 78, "there is no database nothing"),
        (data, &*refused, 77, "does not let refused in"),
        (new, &*database_address, 78, "name the data directory of the server"),
        (&*database_address, new, 78, "there is no store in the database"),
        (&*closed, new, 69, "cannot reach the database at 127.0.0.1:1"),
        (&*below, &*database_address, 77, "cannot use"),
    ] {
        let (ended, output, error) = migrate(from, to);
        assert_eq!(ended, Some(status), "{from} {to}: {error}");
        assert!(error.contains(told), "{from} {to}: {error}");
        assert!(!error.contains("secret"), "{error}");
        assert_eq!(output, "");
        assert!(!Path::new(new).exists(), "{from} {to}");
    }
    migrated(data, &database_address);
    let (status, _, error) = migrate(&database_address, &below);
    assert_eq!(status, Some(77), "{error}");
    assert!(error.contains("run the command as the server's user"), "{error}");
    for arguments in [&["migrate"][..], &["migrate", "--from", data], &["migrate", "--to", data]] {
        let (status, _, error) = run(directory.path(), arguments);
        assert_eq!(status, Some(64), "{error}");
    }
    let help = done(directory.path(), &["migrate", "--help"]);
    for told in ["--from <PLACE>", "--to <PLACE>", "Nothing is deleted at the source"] {
        assert!(help.contains(told), "{help}");
    }
    assert!(!help.contains("--listen"), "{help}");
}

/// The copy of a killed migration into a directory is refused by each command that reads it.
#[test]
fn no_command_reads_an_unfinished_copy() {
    let Some(server) = Postgres::shared() else { return };
    if !can_trace() {
        return;
    }
    let database = address(server, &server.database());
    let directory = tempfile::tempdir().unwrap();
    let (data, back) = (directory.path().join("data"), directory.path().join("back"));
    make(&data);
    migrated(text(&data), &database);
    for when in 1.. {
        let status = kill("rename,fsync", when, &database, text(&back));
        assert_eq!(status.signal(), Some(9), "{status:?}");
        if back.join("correio.db").exists() {
            break;
        }
    }
    let archive = directory.path().join("b.tar.gz");
    for arguments in [
        &["backup", text(&archive)][..],
        &["check"],
        &["export", "--all", text(&directory.path().join("out"))],
        &["account", "list"],
    ] {
        let (status, _, error) = said(&command(&back, arguments).output().unwrap());
        assert_eq!(status, Some(78), "{arguments:?}: {error}");
        assert!(error.contains("correiod migrate"), "{arguments:?}: {error}");
    }
    assert!(!archive.exists());
    let before = fs::read(back.join("correio.db")).unwrap();
    let other = directory.path().join("other");
    make(&other);
    let empty = address(server, &server.database());
    migrated(text(&other), &empty);
    // Another source than that of the copy.
    let (status, _, error) = migrate(&empty, text(&back));
    assert_eq!(status, Some(73), "{error}");
    assert!(error.contains("has another store already"), "{error}");
    assert!(fs::read(back.join("correio.db")).unwrap() == before);
    migrated(&database, text(&back));
    done(&back, &["check"]);
}
