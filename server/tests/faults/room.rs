//! Kills the server while it gives room back to the disk, and checks what is left.

use std::{
    fs,
    os::unix::process::ExitStatusExt,
    path::Path,
    process::{ExitStatus, Stdio},
};

use correio_proto::{
    limits,
    mail::{Mail, MailRef},
    message::{Confirm, Fetch, Reply, Request},
};
use correio_testing::{request::mail_with_body, skip::can_trace, strace::traced, wait::eventually};

use crate::daemon::{Client, Daemon, listening, login};

/// Mails, and bytes of each: enough room to be given back.
const MAILS: u64 = 160;
const BODY: usize = 500_000;

/// Bytes of a database that has given its room back.
const SMALL: u64 = 44 << 20;

/// Mails that stay: the last ones, whose pages have to be moved, in more than one part of the log.
const KEPT: usize = 30;

fn everything(client: &mut Client) -> Vec<Mail> {
    let mut mails: Vec<Mail> = Vec::new();
    loop {
        let after = mails.last().map(|mail| mail.seq).unwrap_or_default();
        match client.ask(Request::Fetch(Fetch { after, ..Fetch::default() })) {
            Reply::Page(page) if page.mails.is_empty() => return mails,
            Reply::Page(page) => mails.extend(page.mails),
            other => panic!("{other:?}"),
        }
    }
}

/// Makes the data directory of a stopped server. Returns its mails.
fn prepare(data: &Path) -> Vec<Mail> {
    let daemon = Daemon::start(data, &[]);
    let mut tony = daemon.session("tony");
    for number in 0..MAILS {
        let body = number.to_string().repeat(BODY / 2);
        let sent = tony.ask(mail_with_body(number, "tony", &body));
        assert!(matches!(sent, Reply::Sent { .. }), "{sent:?}");
    }
    let mails = everything(&mut tony);
    assert_eq!(mails.len() as u64, MAILS);
    drop(tony);
    assert_eq!(daemon.stop().code(), Some(0));
    mails
}

/// Confirms mails, and waits until their room is given back or the server is gone. Returns the
/// number of confirmed mails.
fn confirm(daemon: &mut Daemon, data: &Path, mails: &[MailRef]) -> usize {
    let Some(mut tony) = Client::greet_unless_gone(daemon.address) else {
        return 0;
    };
    if tony.ask_unless_gone(login("tony")).is_none() {
        return 0;
    }
    let mut confirmed = 0;
    for page in mails.chunks(limits::CONFIRM_MAX) {
        if tony.ask_unless_gone(Request::Confirm(Confirm { mails: page.to_vec() })).is_none() {
            return confirmed;
        }
        confirmed += page.len();
    }
    eventually(|| {
        let is_gone = daemon.child.try_wait().unwrap().is_some();
        is_gone || fs::metadata(data.join("correio.db")).unwrap().len() < SMALL
    });
    confirmed
}

/// A system call on a file of the data directory.
#[derive(Clone, Copy)]
struct Call {
    name: &'static str,
    file: &'static str,
}

/// Runs a server on a copy of the directory while room is given back, and strace with `inject` at
/// this call. Then checks what is left.
fn disturb(original: &Path, mails: &[Mail], call: Call, inject: &str) -> ExitStatus {
    let directory = tempfile::tempdir().unwrap();
    let data = directory.path();
    fs::copy(original.join("correio.db"), data.join("correio.db")).unwrap();
    let file = data.join(call.file).display().to_string();
    let (trace, inject) =
        (format!("trace={}", call.name), format!("inject={}:{inject}", call.name));
    let strace = ["-e", &trace, "-e", &inject, "-P", &file];
    let mut command = traced(&listening(data), Path::new("/dev/null"), &strace);
    command.stderr(Stdio::null());
    let references: Vec<MailRef> = mails.iter().map(Mail::reference).collect();
    let (deleted, kept) = references.split_at(mails.len() - KEPT);
    let (confirmed, ended) = match Daemon::try_spawn(command) {
        Err(ended) => (0, ended),
        Ok(mut daemon) => {
            let confirmed = confirm(&mut daemon, data, deleted);
            let ended = daemon.child.try_wait().unwrap();
            (confirmed, ended.unwrap_or_else(|| daemon.stop()))
        }
    };
    let daemon = Daemon::start(data, &[]);
    let mut tony = daemon.client();
    assert!(matches!(tony.ask(login("tony")), Reply::LoggedIn(_)));
    let found = everything(&mut tony);
    assert!(found.len() <= mails.len() - confirmed, "{} with {inject}", found.len());
    assert!(found.len() >= kept.len());
    assert_eq!(found, mails[mails.len() - found.len()..], "{inject}");
    assert_eq!(daemon.stop().code(), Some(0));
    let database = rusqlite::Connection::open(data.join("correio.db")).unwrap();
    let said: String = database.query_row("PRAGMA integrity_check", [], |row| row.get(0)).unwrap();
    assert_eq!(said, "ok", "{inject}");
    ended
}

#[test]
fn killed_while_room_is_given_back_nothing_is_lost() {
    if !can_trace() {
        return;
    }
    let original = tempfile::tempdir().unwrap();
    let mails = prepare(original.path());
    let write = Call { name: "pwrite64", file: "correio.db-wal" };
    let hole = Call { name: "fallocate", file: "correio.db" };
    for (call, first, step) in [(write, 40, 2000), (hole, 1, 4)] {
        let mut killed = 0;
        for when in (first..).step_by(step) {
            let inject = format!("signal=KILL:when={when}");
            let ended = disturb(original.path(), &mails, call, &inject);
            if ended.code() == Some(0) {
                break;
            }
            assert_eq!(ended.signal(), Some(9), "{} {inject}: {ended:?}", call.name);
            killed += 1;
        }
        eprintln!("killed at {killed} calls of {}", call.name);
        assert!(killed > 3, "{}: {killed}", call.name);
    }
}

#[test]
fn room_is_given_back_on_a_file_system_that_makes_no_holes() {
    if !can_trace() {
        return;
    }
    let original = tempfile::tempdir().unwrap();
    let mails = prepare(original.path());
    let hole = Call { name: "fallocate", file: "correio.db" };
    let ended = disturb(original.path(), &mails, hole, "error=EOPNOTSUPP");
    assert_eq!(ended.code(), Some(0), "{ended:?}");
}
