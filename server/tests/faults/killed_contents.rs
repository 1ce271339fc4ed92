//! Kills the server at each write, sync and answer while a large content is uploaded, sent, read
//! and confirmed, and checks what is left.

use std::{fs, ops::Range, path::Path};

use correio_proto::{
    limits::PIECE_MIN,
    mail::{Content, LargeContent, Mail, MailRef, Sha256},
    message::{Confirm, ErrorCode, Read, Reply, Request, Send, Upload},
};
use correio_testing::skip::can_trace;

use super::killed::{serve_and_kill, until_it_ends_in_order};
use crate::daemon::{Client, Daemon, id, login, register};

/// Bytes of the first of two pieces, as few as a piece before the content's end may have.
const FIRST: u64 = PIECE_MIN as u64;

/// Bytes of the content.
const SIZE: u64 = FIRST + 500;

/// What a client was told.
#[derive(Debug, Default)]
struct Ledger {
    staged: u64,
    is_sent: bool,
    confirming: bool,
    is_confirmed: bool,
}

fn content(part: Range<u64>) -> Vec<u8> {
    part.map(|position| u8::try_from(position % 251).unwrap()).collect()
}

fn upload(part: Range<u64>) -> Request {
    Request::Upload(Upload {
        id: id(1),
        size: SIZE.try_into().unwrap(),
        offset: part.start,
        bytes: content(part).as_slice().try_into().unwrap(),
    })
}

fn large() -> Request {
    let large = LargeContent {
        kind: Default::default(),
        size: SIZE.try_into().unwrap(),
        sha256: Sha256([7; 32]),
    };
    Request::Send(Send {
        id: id(1),
        to: "tony".parse().unwrap(),
        subject: "x".parse().unwrap(),
        content: Content::Large(large),
    })
}

fn confirm(mail: MailRef) -> Request {
    Request::Confirm(Confirm { mails: vec![mail] })
}

/// Reads the whole content. `None` once the server is gone.
fn read(client: &mut Client, MailRef { seq, id }: MailRef) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    loop {
        let offset = bytes.len() as u64;
        match client.ask_unless_gone(Request::Read(Read { seq, id, offset }))? {
            Reply::Piece { bytes: piece } if piece.as_bytes().is_empty() => return Some(bytes),
            Reply::Piece { bytes: piece } => bytes.extend_from_slice(piece.as_bytes()),
            other => panic!("{other:?}"),
        }
    }
}

/// Uploads, sends, reads and confirms. `None` once the server is gone.
fn live(client: &mut Client, ledger: &mut Ledger) -> Option<()> {
    assert!(matches!(client.ask_unless_gone(login("tony"))?, Reply::LoggedIn(_)));
    for part in [0..FIRST, FIRST..SIZE] {
        let staged = part.end;
        assert_eq!(client.ask_unless_gone(upload(part))?, Reply::Uploaded { staged });
        ledger.staged = staged;
    }
    assert!(matches!(client.ask_unless_gone(large())?, Reply::Sent { .. }));
    ledger.is_sent = true;
    let Reply::Page(page) = client.ask_unless_gone(Request::Fetch(Default::default()))? else {
        panic!("a page was expected");
    };
    let mail = page.mails[0].reference();
    assert!(read(client, mail)? == content(0..SIZE));
    ledger.confirming = true;
    assert_eq!(client.ask_unless_gone(confirm(mail))?, Reply::Confirmed { deleted: 1 });
    ledger.is_confirmed = true;
    Some(())
}

/// Starts a server on what a killed server has left, and checks it. The client goes on from where
/// the server stands.
fn assert_kept(directory: &Path, ledger: &Ledger) {
    let daemon = Daemon::start(directory, &[]);
    let mut tony = daemon.client();
    assert!(matches!(tony.ask(login("tony")), Reply::LoggedIn(_)), "{ledger:?}");
    let Reply::Uploaded { staged } = tony.ask(upload(0..0)) else { panic!("{ledger:?}") };
    assert!((ledger.staged..=SIZE).contains(&staged), "{staged}: {ledger:?}");
    assert!(!ledger.is_sent || staged == SIZE, "{staged}: {ledger:?}");
    // Either of these goes on where the killed server has stopped.
    if staged < SIZE {
        match tony.ask(large()) {
            Reply::Error(error) => {
                assert_eq!((error.code, error.staged), (ErrorCode::Incomplete, Some(staged)));
            }
            other => panic!("{other:?}: {ledger:?}"),
        }
        let end = FIRST.max(staged);
        for part in [staged..end, end..SIZE] {
            let staged = part.end;
            assert_eq!(tony.ask(upload(part)), Reply::Uploaded { staged }, "{ledger:?}");
        }
    }
    assert!(matches!(tony.ask(large()), Reply::Sent { .. }), "{ledger:?}");
    let mails: Vec<Mail> = tony.fetch().mails;
    match mails.as_slice() {
        [] => assert!(ledger.confirming, "it is lost: {ledger:?}"),
        [mail] => {
            assert!(!ledger.is_confirmed, "{ledger:?}");
            assert!(read(&mut tony, mail.reference()).unwrap() == content(0..SIZE), "{ledger:?}");
            let confirmed = tony.ask(confirm(mail.reference()));
            assert_eq!(confirmed, Reply::Confirmed { deleted: 1 });
        }
        _ => panic!("it is there twice: {ledger:?}"),
    }
    // A server that stops waits for its clients to go.
    drop(tony);
    assert_eq!(daemon.stop().code(), Some(0));
}

fn kill_at_each(calls: &str, least: usize) {
    if !can_trace() {
        return;
    }
    // The calls that make the store are not among those that kill.
    let prepared = tempfile::tempdir().unwrap();
    let daemon = Daemon::start(prepared.path(), &[]);
    assert_eq!(daemon.client().ask(register("tony")), Reply::Registered {});
    assert_eq!(daemon.stop().code(), Some(0));
    until_it_ends_in_order(calls, least, |when| {
        let directory = tempfile::tempdir().unwrap();
        for entry in fs::read_dir(prepared.path()).unwrap() {
            let entry = entry.unwrap();
            fs::copy(entry.path(), directory.path().join(entry.file_name())).unwrap();
        }
        let mut ledger = Ledger::default();
        let ended = serve_and_kill(directory.path(), calls, when, |client| {
            live(client, &mut ledger);
        });
        assert_kept(directory.path(), &ledger);
        ended
    });
}

#[test]
fn at_any_sync_no_content_is_lost() {
    kill_at_each("fsync,fdatasync", 6);
}

#[test]
fn at_any_answer_no_content_is_lost() {
    kill_at_each("sendto", 8);
}

#[test]
fn at_any_write_no_content_is_lost() {
    kill_at_each("write,pwrite64", 60);
}
