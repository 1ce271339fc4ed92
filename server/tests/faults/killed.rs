//! Kills the server at each write, sync and answer, and checks what is left.

use std::{
    collections::BTreeSet,
    os::unix::process::ExitStatusExt,
    path::Path,
    process::{ExitStatus, Stdio},
};

use correio_proto::{
    mail::{Mail, MailRef},
    message::{Confirm, Reply, Request},
};
use correio_testing::{
    skip::can_trace,
    strace::{self, traced},
};

use crate::daemon::{Client, Daemon, id, listening, login, mail, register};

/// Mails that a client sends in its life.
const MAILS: u64 = 4;

/// A client's knowledge of its mails.
#[derive(Debug, Default)]
struct Ledger {
    is_registered: bool,
    asked: BTreeSet<u64>,
    acknowledged: BTreeSet<u64>,
    /// The first mail, once its deletion was requested.
    confirming: Option<MailRef>,
    is_confirmed: bool,
}

/// Registers, sends, fetches, confirms and sends again. `None` once the server is gone.
fn live(client: &mut Client, ledger: &mut Ledger) -> Option<()> {
    client
        .ask_unless_gone(register("tony"))
        .map(|reply| assert_eq!(reply, Reply::Registered {}))?;
    ledger.is_registered = true;
    client
        .ask_unless_gone(login("tony"))
        .map(|reply| assert!(matches!(reply, Reply::LoggedIn(_))))?;
    for number in 1..=MAILS {
        ledger.asked.insert(number);
        let sent = client.ask_unless_gone(mail(number, "tony"))?;
        assert!(matches!(sent, Reply::Sent { .. }), "{sent:?}");
        ledger.acknowledged.insert(number);
        if number == MAILS - 1 {
            let Reply::Page(page) = client.ask_unless_gone(Request::Fetch(Default::default()))?
            else {
                panic!("a page was expected");
            };
            let first = page.mails[0].reference();
            ledger.confirming = Some(first);
            let confirmed =
                client.ask_unless_gone(Request::Confirm(Confirm { mails: vec![first] }))?;
            assert_eq!(confirmed, Reply::Confirmed { deleted: 1 });
            ledger.is_confirmed = true;
        }
    }
    Some(())
}

/// The numbers of mails. Asserts that each mail is there once.
fn numbers(mails: &[Mail]) -> BTreeSet<u64> {
    let numbers: BTreeSet<u64> =
        (1..=MAILS).filter(|number| mails.iter().any(|mail| mail.id == id(*number))).collect();
    assert_eq!(numbers.len(), mails.len(), "something is there twice, or was never sent");
    numbers
}

/// Starts a server on what a killed server has left, and checks it. Requests without an answer are
/// repeated, as by a client that reconnects.
fn assert_kept(directory: &Path, ledger: &Ledger) {
    let daemon = Daemon::start(directory, &[]);
    let mut tony = daemon.client();
    if ledger.is_registered {
        assert!(matches!(tony.ask(login("tony")), Reply::LoggedIn(_)), "{ledger:?}");
        tony.ask(Request::Logout {});
    }
    assert_eq!(tony.ask(register("tony")), Reply::Registered {});
    assert!(matches!(tony.ask(login("tony")), Reply::LoggedIn(_)));
    let found = numbers(&tony.fetch().mails);
    let first = BTreeSet::from([1]);
    let may_be_gone = if ledger.confirming.is_some() { &first } else { &BTreeSet::new() };
    assert!(found.is_subset(&ledger.asked), "{found:?}: {ledger:?}");
    let missing: Vec<_> =
        ledger.acknowledged.difference(&found).filter(|lost| !may_be_gone.contains(lost)).collect();
    assert!(missing.is_empty(), "{missing:?} are lost: {ledger:?}");
    assert!(!(ledger.is_confirmed && found.contains(&1)), "{ledger:?}");

    let confirms = ledger.confirming.map(|mail| Request::Confirm(Confirm { mails: vec![mail] }));
    if let Some(confirm) = confirms {
        assert!(matches!(tony.ask(confirm), Reply::Confirmed { .. }));
    }
    for number in 1..=MAILS {
        assert!(matches!(tony.ask(mail(number, "tony")), Reply::Sent { .. }));
    }
    let all = (1..=MAILS).filter(|number| *number > 1 || ledger.confirming.is_none()).collect();
    assert_eq!(numbers(&tony.fetch().mails), all, "{ledger:?}");
}

/// Runs a server until one of its threads makes the `when`th of these calls, and checks what is
/// left. Returns how the server ended.
fn kill_at(calls: &str, when: usize) -> ExitStatus {
    let directory = tempfile::tempdir().unwrap();
    let mut ledger = Ledger::default();
    let ended = serve_and_kill(directory.path(), calls, when, |client| {
        live(client, &mut ledger);
    });
    assert_kept(directory.path(), &ledger);
    ended
}

/// Runs a server on a directory until one of its threads makes the `when`th of these calls, while
/// `live` acts as its client. Returns how the server ended.
pub fn serve_and_kill(
    directory: &Path,
    calls: &str,
    when: usize,
    live: impl FnOnce(&mut Client),
) -> ExitStatus {
    let server = listening(directory);
    let mut command = traced(&server, Path::new("/dev/null"), &strace::kill_at(calls, when));
    command.stderr(Stdio::null());
    match Daemon::try_spawn(command) {
        Err(ended) => ended,
        Ok(daemon) => {
            if let Some(mut client) = Client::greet_unless_gone(daemon.address) {
                live(&mut client);
            }
            // A server that lives so long is stopped in order; the calls of its end count, too.
            daemon.stop()
        }
    }
}

/// Kills servers at the first of these calls, the second and so on, until a server comes to its
/// end.
fn kill_at_each(calls: &str, least: usize) {
    if can_trace() {
        until_it_ends_in_order(calls, least, |when| kill_at(calls, when));
    }
}

/// Kills a server at the first of some calls, another at the second and so on, until one comes to
/// its end after more than `least`. `kill_at` returns how its server ended.
pub fn until_it_ends_in_order(calls: &str, least: usize, kill_at: impl Fn(usize) -> ExitStatus) {
    for when in 1.. {
        let ended = kill_at(when);
        if ended.code() == Some(0) {
            eprintln!("ended in order at {when} of {calls}");
            assert!(when > least, "only {when} of {calls}");
            return;
        }
        assert_eq!(ended.signal(), Some(9), "at {when} of {calls}: {ended:?}");
    }
}

#[test]
fn at_any_sync_nothing_acknowledged_is_lost() {
    kill_at_each("fsync,fdatasync", 7);
}

#[test]
fn at_any_answer_nothing_acknowledged_is_lost() {
    kill_at_each("sendto", 8);
}

#[test]
fn at_any_write_nothing_acknowledged_is_lost() {
    kill_at_each("write,pwrite64", 40);
}
