//! Tests of the daemon's end under load and by signals, and of starts that fail.

use std::{
    fs,
    io::Read,
    net::TcpStream,
    process::{Command, Stdio},
    sync::atomic::{AtomicBool, AtomicU64, Ordering},
    thread,
    time::{Duration, Instant},
};

use correio_proto::message::{Fetch, Notice, Reply, Request};
use correio_testing::skip::{skipped, works};
use rustix::process::Signal;

use crate::daemon::{Client, Daemon, command, eventually, login, mail, refused};
use correio_testing::process::open_files;

#[test]
fn told_to_stop_under_load_it_finishes_what_is_under_way() {
    const SENDERS: usize = 8;
    let directory = tempfile::tempdir().unwrap();
    let daemon = Daemon::start(directory.path(), &[]);
    let address = daemon.address;
    drop(daemon.session("tony"));
    // Clients that do nothing, a client that never finishes its frame, and a client that does not
    // read.
    let mut silent: Vec<Client> = (0..20).map(|_| daemon.client()).collect();
    let mut half = daemon.client();
    std::io::Write::write_all(&mut half.stream, &[0, 0, 8]).unwrap();
    let mut deaf = daemon.client();
    assert!(matches!(deaf.ask(login("tony")), Reply::LoggedIn(_)));
    for _ in 0..1000 {
        deaf.begin(Request::Fetch(Fetch::default()));
    }
    let acknowledged: [AtomicU64; SENDERS] = Default::default();
    let was_told = AtomicBool::new(true);
    let (status, took) = thread::scope(|scope| {
        for (sender, acknowledged) in acknowledged.iter().enumerate() {
            let was_told = &was_told;
            scope.spawn(move || {
                let mut client = Client::greet_unless_gone(address).unwrap();
                assert!(matches!(client.ask(login("tony")), Reply::LoggedIn(_)));
                for number in 0.. {
                    match client.ask_unless_gone(mail(sender as u64 * 1_000_000 + number, "tony")) {
                        Some(Reply::Sent { .. }) => acknowledged.fetch_add(1, Ordering::SeqCst),
                        Some(other) => panic!("{other:?}"),
                        None => break,
                    };
                }
                if !client.notices.contains(&Notice::ShuttingDown {}) {
                    was_told.store(false, Ordering::SeqCst);
                }
            });
        }
        eventually(|| acknowledged.iter().all(|count| count.load(Ordering::SeqCst) > 20));
        let told = Instant::now();
        (daemon.stop(), told.elapsed())
    });
    assert_eq!(status.code(), Some(0));
    assert!(took < Duration::from_secs(10), "{took:?}");
    assert!(was_told.load(Ordering::SeqCst), "somebody was cut off without a word");
    assert!(silent.iter_mut().all(|client| client.reply_unless_gone().is_none()));
    assert!(TcpStream::connect(address).is_err(), "it listens no more");

    let daemon = Daemon::start(directory.path(), &[]);
    let mut tony = daemon.client();
    let Reply::LoggedIn(reply) = tony.ask(login("tony")) else { panic!("no session") };
    let known: u64 = acknowledged.iter().map(|count| count.load(Ordering::SeqCst)).sum();
    let found = u64::from(reply.waiting);
    assert!((known..=known + SENDERS as u64).contains(&found), "{found} of {known}");
}

#[test]
fn a_reset_in_the_middle_of_a_page_leaves_nothing_behind() {
    let directory = tempfile::tempdir().unwrap();
    let daemon = Daemon::start(directory.path(), &[]);
    let mut tony = daemon.session("tony");
    let body = "x".repeat(1 << 20);
    for number in 0..3 {
        let Request::Send(send) = mail(number, "tony") else { panic!("a mail") };
        let send = correio_proto::message::Send { content: body.parse().unwrap(), ..send };
        assert!(matches!(tony.ask(Request::Send(send)), Reply::Sent { .. }));
    }
    let before = open_files(daemon.pid());
    for round in 0..50 {
        let mut client = daemon.client();
        assert!(matches!(client.ask(login("tony")), Reply::LoggedIn(_)));
        for _ in 0..10 {
            client.begin(Request::Fetch(Fetch::default()));
        }
        if round % 2 == 0 {
            // A part of the page has arrived.
            client.stream.read_exact(&mut [0; 1000]).unwrap();
        }
        // A socket that is closed with unread bytes, and without lingering, resets the connection.
        let socket = socket2::SockRef::from(&client.stream);
        socket.set_linger(Some(Duration::ZERO)).unwrap();
    }
    eventually(|| open_files(daemon.pid()) <= before);
    assert_eq!(tony.fetch().mails.len(), 1, "the first page");
    assert_eq!(daemon.stop().code(), Some(0));
}

#[test]
fn a_hangup_reads_no_settings_and_a_file_that_became_wrong_stops_nobody() {
    let directory = tempfile::tempdir().unwrap();
    let (file, log) = (directory.path().join("correiod.toml"), directory.path().join("log"));
    fs::write(&file, "bcrypt-cost = 4\nplaintext = true\nlisten = [\"127.0.0.1:0\"]\n").unwrap();
    let mut server = Command::new(env!("CARGO_BIN_EXE_correiod"));
    server.env_clear().arg("--config").arg(&file).arg("--data-dir").arg(directory.path());
    server.arg("--log-file").arg(&log).stdin(Stdio::null()).stderr(Stdio::null());
    let daemon = Daemon::spawn(server);
    let mut tony = daemon.session("tony");
    fs::write(&file, "bcrypt-cost = \"none\"\n").unwrap();
    daemon.signal(Signal::HUP);
    eventually(|| fs::read_to_string(&log).unwrap().contains("log.reopened"));
    assert!(matches!(tony.ask(mail(1, "tony")), Reply::Sent { .. }));
    assert_eq!(daemon.stop().code(), Some(0));
    // The next start names the file, the key and the reason.
    let mut again = Command::new(env!("CARGO_BIN_EXE_correiod"));
    again.env_clear().arg("--config").arg(&file).stdin(Stdio::null());
    let (status, said) = refused(again);
    assert_eq!(status, Some(78), "{said}");
    for part in [file.to_str().unwrap(), "bcrypt-cost", "none"] {
        assert!(said.contains(part), "{said}");
    }
}

#[test]
fn a_port_that_takes_rights_is_named_with_what_to_do() {
    let first_free = fs::read_to_string("/proc/sys/net/ipv4/ip_unprivileged_port_start");
    let needs_rights = first_free.is_ok_and(|first| first.trim() == "1024");
    // In a namespace of its own a process has no rights to the ports of this machine.
    if !needs_rights || !works("unshare", &["--user", "true"]) {
        return skipped("every port is everybody's here, or rights cannot be given up");
    }
    let directory = tempfile::tempdir().unwrap();
    let server = command(directory.path(), &["--listen", "127.0.0.1:81"]);
    let mut unprivileged = Command::new("unshare");
    unprivileged.arg("--user").arg(server.get_program()).args(server.get_args());
    let (status, said) = refused(unprivileged);
    assert_eq!(status, Some(77), "{said}");
    assert!(said.contains("127.0.0.1:81") && said.contains("--listen"), "{said}");
}

#[test]
fn signals_without_a_meaning_end_nothing_and_a_quit_ends_in_order() {
    let directory = tempfile::tempdir().unwrap();
    let log = directory.path().join("log");
    let daemon = Daemon::start(directory.path(), &["--log-file", log.to_str().unwrap()]);
    let mut tony = daemon.session("tony");
    for (signal, name) in
        [(Signal::USR1, "SIGUSR1"), (Signal::USR2, "SIGUSR2"), (Signal::ALARM, "SIGALRM")]
    {
        daemon.signal(signal);
        let line = format!("signal.ignored signal={name}\n");
        eventually(|| fs::read_to_string(&log).unwrap().contains(&line));
    }
    assert!(matches!(tony.ask(mail(1, "tony")), Reply::Sent { .. }));
    daemon.signal(Signal::QUIT);
    assert_eq!(tony.reply(), None);
    assert_eq!(tony.notices.last(), Some(&Notice::ShuttingDown {}));
    let mut daemon = daemon;
    assert_eq!(daemon.child.wait().unwrap().code(), Some(0));
}
