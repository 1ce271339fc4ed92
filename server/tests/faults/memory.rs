//! Tests of the memory that the server holds for clients that request much and read nothing.

use std::{
    io::{self, ErrorKind, Read, Write},
    net::TcpStream,
    path::Path,
    sync::{Arc, mpsc},
};

use correio_proto::{
    channel::Channel,
    limits,
    mail::Timestamp,
    message::{ClientMessage, ErrorCode, Fetch, Reply, Request, Send, ServerMessage},
};

use correio_server::{
    ids::{AccountId, ConnId, Ticket},
    store::{
        NewMailRecord, Quota, Store, StoreDone, StoreJob, Submitted, ToLists,
        kind::StoreConfig,
        sqlite::{SqliteOptions, SqliteStore},
    },
    waker::Wake,
};

use crate::daemon::{Client, Daemon, code, id, login, mail, register};
use correio_testing::{
    process::{memory, peak_memory},
    request::{self, upload},
};

const MIB: u64 = 1 << 20;

/// Bytes of a whole piece of a large content.
const PIECE: u64 = limits::PIECE_MAX as u64;

/// Memory besides what a test counts: freed memory that the allocator keeps, and the store's cached
/// pages.
const SLACK: u64 = 24 * MIB;

/// Starts a server with a mailbox of mails of 1 MiB.
fn with_large_mails(directory: &Path, mails: u64, arguments: &[&str]) -> (Daemon, Client) {
    let daemon = Daemon::start(directory, arguments);
    let mut tony = daemon.session("tony");
    for number in 0..mails {
        let sent = tony.ask(Request::Send(large_mail(number)));
        assert!(matches!(sent, Reply::Sent { .. }), "{sent:?}");
    }
    (daemon, tony)
}

fn large_mail(number: u64) -> Send {
    Send {
        id: id(number),
        to: "tony".parse().unwrap(),
        subject: "x".parse().unwrap(),
        content: "x".repeat(limits::BODY_DEFAULT_MAX).parse().unwrap(),
    }
}

/// A session that asks for the first page and reads nothing.
fn deaf(daemon: &Daemon, pages: usize) -> Client {
    let mut deaf = daemon.client();
    assert!(matches!(deaf.ask(login("tony")), Reply::LoggedIn(_)));
    for _ in 0..pages {
        match deaf.try_begin(Request::Fetch(Fetch::default())) {
            Ok(()) => {}
            // The budget is exhausted, and the server has closed the connection.
            Err(error) if is_closed(&error) => break,
            Err(error) => panic!("{error}"),
        }
    }
    deaf
}

fn is_closed(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::BrokenPipe | ErrorKind::ConnectionReset)
}

#[test]
fn who_does_not_read_costs_no_more_than_the_budget_and_is_closed() {
    const DEAF: usize = 60;
    let directory = tempfile::tempdir().unwrap();
    let limits = ["--output-bytes", "8 MiB", "--idle-timeout", "2"];
    let (daemon, mut tony) = with_large_mails(directory.path(), 8, &limits);
    let pid = daemon.pid();
    let before = memory(pid).unwrap();
    let mut crowd = Vec::new();
    for _ in 0..DEAF {
        crowd.push(deaf(&daemon, 50));
        // On a busy machine the crowd's logins take longer than the idle timeout.
        assert_eq!(tony.ask(Request::Ping {}), Reply::Pong {});
    }
    // Other clients are served. Each answer shows that the loop has gone on.
    for number in 100..200 {
        assert!(matches!(tony.ask(mail(number, "tony")), Reply::Sent { .. }));
    }
    let held = peak_memory(pid).unwrap().saturating_sub(before);
    let bound = 8 * MIB + DEAF as u64 * (16 << 10) + SLACK;
    assert!(held < bound, "{held} bytes for those who do not read");
    // A client is closed when the budget is exhausted, or at its deadline.
    let mut cut_off = 0;
    for deaf in &mut crowd {
        let mut taken = 0;
        let mut bytes = vec![0; 1 << 16];
        loop {
            match deaf.stream.read(&mut bytes) {
                Ok(0) => break,
                Ok(count) => taken += count as u64,
                Err(error) if error.kind() == ErrorKind::ConnectionReset => break,
                Err(error) => panic!("{error}"),
            }
        }
        cut_off += usize::from(taken < 50 * MIB);
    }
    assert!(cut_off > DEAF / 2, "{cut_off} of {DEAF}");
    let held = peak_memory(pid).unwrap().saturating_sub(before);
    assert!(held < bound, "{held} bytes in the end");
}

#[test]
fn who_takes_no_pieces_costs_no_more_than_the_budget() {
    for store in StoreConfig::LOCAL {
        let directory = tempfile::tempdir().unwrap();
        let limits = ["--store", store.kind().name(), "--output-bytes", "8 MiB"];
        take_no_pieces(&Daemon::start(directory.path(), &limits));
    }
}

fn take_no_pieces(daemon: &Daemon) {
    const DEAF: u64 = 60;
    const SIZE: u64 = 4 * PIECE;
    let mut tony = daemon.session("tony");
    for start in (0..SIZE).step_by(limits::PIECE_MAX) {
        let staged = start + PIECE;
        assert_eq!(tony.ask(upload(1, SIZE, start..staged)), Reply::Uploaded { staged });
    }
    assert!(matches!(tony.ask(request::large_mail(1, "tony", SIZE)), Reply::Sent { .. }));
    let Reply::Page(page) = tony.ask(Request::Fetch(Fetch::default())) else { panic!("no page") };
    let reference = page.mails[0].reference();
    let pid = daemon.pid();
    let before = memory(pid).unwrap();
    let mut crowd = Vec::new();
    for _ in 0..DEAF {
        let mut deaf = deaf(daemon, 0);
        for _ in 0..50 {
            match deaf.try_begin(request::read(reference, 0)) {
                Ok(()) => {}
                Err(error) if is_closed(&error) => break,
                Err(error) => panic!("{error}"),
            }
        }
        crowd.push(deaf);
    }
    assert_eq!(tony.ask(Request::Ping {}), Reply::Pong {});
    let held = peak_memory(pid).unwrap().saturating_sub(before);
    let bound = 2 * 8 * MIB + DEAF * (16 << 10) + SLACK;
    assert!(held < bound, "{held} bytes for {DEAF} clients that take no pieces");
}

#[test]
fn pieces_that_come_slowly_cost_no_more_than_the_budget() {
    for store in StoreConfig::LOCAL {
        let directory = tempfile::tempdir().unwrap();
        let limits = ["--store", store.kind().name(), "--input-bytes", "4 MiB"];
        send_slowly(&Daemon::start(directory.path(), &limits));
    }
}

fn send_slowly(daemon: &Daemon) {
    const SENDERS: u64 = 100;
    drop(daemon.session("tony"));
    let pid = daemon.pid();
    let before = memory(pid).unwrap();
    let message = ClientMessage { number: 1, request: upload(1, 4 * PIECE, 0..PIECE) };
    let mut frame = Vec::new();
    correio_proto::frame::encode(&message, &mut frame).unwrap();
    let (all_but_one, last) = frame.split_at(frame.len() - 1);
    let mut senders: Vec<Client> = (0..SENDERS).map(|_| deaf(daemon, 0)).collect();
    for sender in &mut senders {
        // The server may have closed the connection before it was told all of it.
        match sender.stream.write_all(all_but_one) {
            Ok(()) => {}
            Err(error) => assert!(is_closed(&error), "{error}"),
        }
    }
    // Those for whom there was room finish; the others were told that there is none.
    let (mut taken, mut refused) = (0, 0);
    for sender in &mut senders {
        let _ = sender.stream.write_all(last);
        match sender.reply_unless_gone() {
            Some(Reply::Uploaded { staged: PIECE }) => taken += 1,
            Some(Reply::Error(error)) if error.code == ErrorCode::Busy => refused += 1,
            None => refused += 1,
            other => panic!("{other:?}"),
        }
    }
    assert!(taken >= 8 && refused >= 8, "{taken} taken, {refused} refused");
    let held = peak_memory(pid).unwrap().saturating_sub(before);
    let bound = 2 * 4 * MIB + SENDERS * (16 << 10) + SLACK;
    assert!(held < bound, "{held} bytes for {SENDERS} unfinished pieces");
}

#[test]
fn a_connection_that_is_silent_costs_little() {
    const CROWD: usize = 500;
    let directory = tempfile::tempdir().unwrap();
    let limits = ["--connections-per-address", "2000", "--failed-logins", "0"];
    let daemon = Daemon::start(directory.path(), &limits);
    let pid = daemon.pid();
    // An account has a hundred sessions at most.
    let names: Vec<String> = (0..CROWD / 100 + 1).map(|number| format!("tony{number}")).collect();
    let mut log_in = |number: usize| {
        let mut client = daemon.client();
        let reply = client.ask(login(&names[number / 100]));
        assert!(matches!(reply, Reply::LoggedIn(_)), "{reply:?}");
        client
    };
    for name in &names {
        assert_eq!(daemon.client().ask(register(name)), Reply::Registered {});
    }
    // The first hundred make the tables as large as they become for a while.
    let _first: Vec<Client> = (0..100).map(&mut log_in).collect();
    let before = memory(pid).unwrap();
    let _crowd: Vec<Client> = (100..CROWD).map(&mut log_in).collect();
    let each = memory(pid).unwrap().saturating_sub(before) / (CROWD - 100) as u64;
    // Pages of 4 KiB for a few hundred of them, and tables that double.
    assert!(each < 2048, "{each} bytes each");
}

#[test]
fn the_rest_of_a_large_frame_costs_little() {
    const SENDERS: u64 = 60;
    let directory = tempfile::tempdir().unwrap();
    let (daemon, _tony) = with_large_mails(directory.path(), 1, &[]);
    let pid = daemon.pid();
    let before = memory(pid).unwrap();
    let mut senders = Vec::new();
    for number in 1..=SENDERS {
        let mut sender = deaf(&daemon, 0);
        // A refused mail, so that the store keeps nothing of it.
        let send = Send { to: "nobody".parse().unwrap(), ..large_mail(number) };
        let message = ClientMessage { number: 1, request: Request::Send(send) };
        let mut bytes = Vec::new();
        correio_proto::frame::encode(&message, &mut bytes).unwrap();
        // The first byte of the next frame is there before this one is taken out.
        bytes.push(0);
        sender.stream.write_all(&bytes).unwrap();
        assert_eq!(sender.reply().as_ref().map(code), Some(ErrorCode::UnknownRecipient));
        senders.push(sender);
    }
    let held = memory(pid).unwrap().saturating_sub(before);
    assert!(held < SLACK, "{held} bytes for one byte each of {SENDERS}");
}

#[test]
fn pages_that_many_ask_for_at_once_are_made_one_after_the_other() {
    const READERS: usize = 100;
    let directory = tempfile::tempdir().unwrap();
    let (daemon, _tony) = with_large_mails(directory.path(), 2, &["--output-bytes", "8 MiB"]);
    let pid = daemon.pid();
    let mut readers: Vec<Client> = (0..READERS).map(|_| deaf(&daemon, 0)).collect();
    let before = memory(pid).unwrap();
    for reader in &mut readers {
        reader.begin(Request::Fetch(Fetch::default()));
    }
    // The clients read one after the other, so that the other pages must wait.
    let mut served = 0;
    for reader in &mut readers {
        served += usize::from(matches!(reader.reply_unless_gone(), Some(Reply::Page(_))));
    }
    assert!(served >= 4, "only {served} had their page");
    let held = peak_memory(pid).unwrap().saturating_sub(before);
    let bound = 8 * MIB + READERS as u64 * (16 << 10) + SLACK;
    assert!(held < bound, "{held} bytes for {READERS} pages");
}

#[test]
fn a_million_requests_without_waiting_wait_in_the_clients_socket() {
    const REQUESTS: usize = 1_000_000;
    let directory = tempfile::tempdir().unwrap();
    let daemon = Daemon::start(directory.path(), &[]);
    let pid = daemon.pid();
    let mut tony = daemon.session("tony");
    let mut other = daemon.client();
    let (before, mut request) = (memory(pid).unwrap(), Vec::new());
    let ping = ClientMessage { number: 7, request: Request::Ping {} };
    correio_proto::frame::encode(&ping, &mut request).unwrap();
    let all = request.repeat(REQUESTS);
    tony.stream.set_nonblocking(true).unwrap();
    let (mut written, mut stuck) = (0, 0);
    while written < all.len() && stuck < 200 {
        match tony.stream.write(&all[written..]) {
            Ok(count) => (written, stuck) = (written + count, 0),
            Err(error) if error.kind() == ErrorKind::WouldBlock => stuck += 1,
            Err(error) => panic!("{error}"),
        }
        // Another client's answer shows that the loop has gone on.
        assert!(matches!(other.ask(login("nobody")), Reply::Error(_)));
    }
    assert!(written < all.len(), "all of it was taken in");
    let held = peak_memory(pid).unwrap().saturating_sub(before);
    assert!(held < SLACK, "{held} bytes for one connection");

    // Once the client reads, every request is answered.
    let mut answered = 0;
    let mut channel = Channel::plaintext(limits::REPLY_FRAME_MAX);
    while answered < REQUESTS {
        answered += take_all(&mut tony.stream, &mut channel);
        match tony.stream.write(&all[written..]) {
            Ok(count) => written += count,
            Err(error) => assert_eq!(error.kind(), ErrorKind::WouldBlock),
        }
    }
    let held = peak_memory(pid).unwrap().saturating_sub(before);
    assert!(held < SLACK, "{held} bytes in the end");
}

/// Takes the answers that have arrived and returns their number.
fn take_all(stream: &mut TcpStream, channel: &mut Channel) -> usize {
    let mut answers = 0;
    loop {
        while let Some(message) = channel.next_message::<ServerMessage>().unwrap() {
            let ServerMessage::Reply { number: 7, reply: Reply::Pong {} } = message else {
                panic!("{message:?}");
            };
            answers += 1;
        }
        match channel.read_from(stream) {
            Ok(0) => panic!("the server closed"),
            Ok(_) => {}
            Err(error) => {
                assert_eq!(error.kind(), ErrorKind::WouldBlock);
                return answers;
            }
        }
    }
}

/// Makes a database with an account that has many mails.
fn fill(directory: &Path, mails: u64) {
    struct Told(mpsc::Sender<()>);
    impl Wake for Told {
        fn wake(&self) {
            let _ = self.0.send(());
        }
    }
    // The daemon makes the account, so that its password works.
    let daemon = Daemon::start(directory, &[]);
    drop(daemon.session("tony"));
    daemon.stop();
    let (sender, woken) = mpsc::channel();
    let quota = Quota { mails: u32::MAX, bytes: u64::MAX };
    let options = SqliteOptions::default();
    let mut store = SqliteStore::open(directory, quota, options, Arc::new(Told(sender))).unwrap();
    let mut done = Vec::new();
    let connection = ConnId { index: 0, generation: 0 };
    for first in (0..mails).step_by(10_000) {
        for number in first..(first + 10_000).min(mails) {
            let Request::Send(Send { id, to, subject, content }) = mail(number, "tony") else {
                panic!("a mail");
            };
            let mail = Arc::new(NewMailRecord::new(id, to, subject, content));
            let (sender, to_lists) = (AccountId(1), ToLists::Allowed);
            let job = StoreJob::Send { sender, mail, to_lists, now: Timestamp(number) };
            let ticket = Ticket { connection, serial: number };
            assert!(matches!(store.submit(ticket, job), Submitted::Queued));
        }
        while done.len() < ((first + 10_000).min(mails)) as usize {
            woken.recv().unwrap();
            store.collect(&mut done).unwrap();
        }
    }
    assert!(done.iter().all(|(_, done)| matches!(done, StoreDone::Sent { .. })));
    Box::new(store).close(&mut done).unwrap();
}

#[test]
fn a_mailbox_of_a_hundred_thousand_mails_comes_page_by_page() {
    const MAILS: u64 = 100_000;
    let directory = tempfile::tempdir().unwrap();
    let many = ["--mailbox-mails", "200000"];
    // Over the network it would take a minute.
    fill(directory.path(), MAILS);
    let daemon = Daemon::start(directory.path(), &many);
    let mut tony = daemon.client();
    let reply = tony.ask(login("tony"));
    assert!(matches!(reply, Reply::LoggedIn(told) if u64::from(told.waiting) == MAILS));
    let pid = daemon.pid();
    let before = memory(pid).unwrap();
    let (mut found, mut after) = (0, Default::default());
    loop {
        let fetch = Fetch { after, ..Fetch::default() };
        let Reply::Page(page) = tony.ask(Request::Fetch(fetch)) else { panic!("no page") };
        assert!(page.mails.len() <= limits::PAGE_MAILS_MAX as usize);
        for mail in &page.mails {
            assert_eq!(mail.id, id(found));
            found += 1;
        }
        let Some(last) = page.mails.last().filter(|_| page.more) else { break };
        after = last.seq;
    }
    assert_eq!(found, MAILS);
    let held = peak_memory(pid).unwrap().saturating_sub(before);
    // SQLite's cache is included.
    assert!(held < 64 * MIB + SLACK, "{held}");
}
