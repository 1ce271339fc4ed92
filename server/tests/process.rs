//! Tests of the daemon as a process: killed, refused, flooded, stopped.

use std::{
    fs,
    io::Read,
    net::{TcpListener, TcpStream},
    path::Path,
    process::{Command, Stdio},
    time::Instant,
};

use correio_proto::{
    credential::Credential,
    invite::Invite,
    message::{ErrorCode, Hello, Login, Notice, Register, Reply, Request, Software},
};

use correio_server::store::sqlite::Schema;

use crate::daemon::{
    Client, Daemon, PATIENCE, code, command, connect_from, hello, login, mail, refused, register,
};

#[test]
fn killed_right_after_the_answer_it_has_the_mail_after_restart() {
    let directory = tempfile::tempdir().unwrap();
    for round in 1..=5 {
        let mut daemon = Daemon::start(directory.path(), &[]);
        let mut tony = daemon.client();
        tony.ask(register("tony"));
        assert!(matches!(tony.ask(login("tony")), Reply::LoggedIn(_)), "round {round}");
        assert_eq!(tony.fetch().mails.len(), round - 1);
        assert!(matches!(tony.ask(mail(round as u64, "tony")), Reply::Sent { .. }));
        daemon.child.kill().unwrap();
        daemon.child.wait().unwrap();
    }
    let daemon = Daemon::start(directory.path(), &[]);
    let mut tony = daemon.client();
    tony.ask(login("tony"));
    let subjects: Vec<_> = tony.fetch().mails.iter().map(|mail| mail.subject.to_string()).collect();
    assert_eq!(subjects, ["Mail 1", "Mail 2", "Mail 3", "Mail 4", "Mail 5"]);
}

#[test]
fn a_start_that_upgrades_the_database_says_so_before_and_after() {
    let directory = tempfile::tempdir().unwrap();
    {
        let db = rusqlite::Connection::open(directory.path().join("correio.db")).unwrap();
        db.pragma_update(None, "journal_mode", "WAL").unwrap();
        Schema::PRESENT.steps[..2].iter().for_each(|step| db.execute_batch(step).unwrap());
        let sql = "INSERT INTO meta (only, realm) VALUES (1, zeroblob(16));
                   PRAGMA application_id = 0x636f7272; PRAGMA user_version = 2";
        db.execute_batch(sql).unwrap();
    }
    let to = Schema::PRESENT.version();
    let (begin, end) =
        (format!("store.upgrading from=2 to={to}"), format!("store.upgraded from=2 to={to}"));
    let logged = |data: &Path| {
        let log = directory.path().join("log");
        let _ = fs::remove_file(&log);
        assert!(Daemon::start(data, &["--log-file", log.to_str().unwrap()]).stop().success());
        let log = fs::read_to_string(log).unwrap();
        [begin.as_str(), &end, "server.started"].map(|line| log.find(line))
    };
    let places = logged(directory.path());
    assert!(places.iter().all(Option::is_some) && places.is_sorted(), "{places:?}");
    // Neither the next start nor a new database is upgraded.
    for data in [directory.path().to_owned(), directory.path().join("new")] {
        assert!(matches!(logged(&data), [None, None, Some(_)]), "{}", data.display());
    }
}

#[test]
fn a_second_server_on_the_directory_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let first = Daemon::start(directory.path(), &[]);
    let (status, said) = refused(command(directory.path(), &["--listen", "127.0.0.1:0"]));
    assert_eq!(status, Some(69));
    assert!(said.contains("is using the data directory"), "{said}");
    first.client();
}

#[test]
fn an_address_in_use_is_named() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let directory = tempfile::tempdir().unwrap();
    let (status, said) = refused(command(directory.path(), &["--listen", &address]));
    assert_eq!(status, Some(69));
    assert!(said.contains(&address) && said.contains("--listen"), "{said}");
}

#[test]
fn a_damaged_database_is_named_and_left_alone() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("correio.db");
    fs::write(&path, "not a database").unwrap();
    let (status, said) = refused(command(directory.path(), &["--listen", "127.0.0.1:0"]));
    assert_eq!(status, Some(78));
    assert!(said.contains(path.to_str().unwrap()), "{said}");
    assert_eq!(fs::read_to_string(&path).unwrap(), "not a database");
}

#[test]
fn sigterm_ends_it_in_order() {
    let directory = tempfile::tempdir().unwrap();
    let mut daemon = Daemon::start(directory.path(), &[]);
    let mut tony = daemon.session("tony");
    daemon.signal(rustix::process::Signal::TERM);
    assert_eq!(tony.reply(), None);
    assert_eq!(tony.notices, [Notice::ShuttingDown {}]);
    drop(tony);
    assert_eq!(daemon.child.wait().unwrap().code(), Some(0));
    assert!(!directory.path().join("correio.db-wal").exists(), "everything is in the one file");
}

#[test]
fn a_flood_of_logins_is_told_to_come_back_and_mail_goes_on() {
    let directory = tempfile::tempdir().unwrap();
    // The throttle would stop such a flood before it reaches the queue.
    let small = ["--hash-workers", "1", "--hash-queue", "2", "--failed-logins", "0"];
    let daemon = Daemon::start(directory.path(), &small);
    let mut tony = daemon.session("tony");
    // The flood is hashed at cost 4 by one worker: it only has to fill the queue.
    let mut flood: Vec<Client> = (0..64).map(|_| daemon.client()).collect();
    let (mut busy, mut sent) = (0, 0);
    for round in 0..10_u64 {
        for client in &mut flood {
            client.begin(login("nobody"));
        }
        assert!(matches!(tony.ask(mail(round, "tony")), Reply::Sent { .. }));
        sent += 1;
        for client in &mut flood {
            match client.reply() {
                Some(Reply::Error(error)) if error.code == ErrorCode::Busy => {
                    assert!(error.retry_after.is_some_and(|seconds| seconds >= 1));
                    busy += 1;
                }
                Some(Reply::Error(error)) => assert_eq!(error.code, ErrorCode::BadCredentials),
                other => panic!("a refusal was expected, not {other:?}"),
            }
        }
    }
    assert!(busy > 0, "the queue was never full");
    assert_eq!(tony.fetch().mails.len(), sent);
}

#[test]
fn a_log_that_nobody_reads_stops_nobody() {
    let directory = tempfile::tempdir().unwrap();
    let mut command = command(directory.path(), &["--listen", "127.0.0.1:0"]);
    // A pipe of 64 KiB that is never read; every line takes about 100 bytes.
    command.stderr(Stdio::piped());
    let mut daemon = Daemon::spawn(command);
    let unread = daemon.child.stderr.take();
    let mut tony = daemon.session("tony");
    for _ in 0..2000 {
        assert_eq!(code(&tony.ask(register("tony"))), ErrorCode::NotAllowed);
    }
    assert_eq!(tony.ask(Request::Ping {}), Reply::Pong {});
    drop(unread);
    for _ in 0..100 {
        assert_eq!(code(&tony.ask(register("tony"))), ErrorCode::NotAllowed);
    }
    daemon.signal(rustix::process::Signal::TERM);
    assert_eq!(daemon.child.wait().unwrap().code(), Some(0));
}

#[test]
fn sighup_opens_the_log_file_anew() {
    let directory = tempfile::tempdir().unwrap();
    let (log, moved) = (directory.path().join("log"), directory.path().join("log.1"));
    let mut daemon =
        Daemon::start(&directory.path().join("data"), &["--log-file", log.to_str().unwrap()]);
    let mut client = daemon.client();
    fs::rename(&log, &moved).unwrap();
    daemon.signal(rustix::process::Signal::HUP);
    // Each ping is a chance for the loop to take the signal; the log's own thread follows.
    let deadline = Instant::now() + PATIENCE;
    while !log.exists() {
        assert!(Instant::now() < deadline, "the file is made anew");
        assert!(matches!(client.ask(Request::Ping {}), Reply::Pong {}));
    }
    daemon.signal(rustix::process::Signal::TERM);
    daemon.child.wait().unwrap();
    assert!(fs::read_to_string(&log).unwrap().contains("server.stopped"));
    assert!(fs::read_to_string(&moved).unwrap().contains("server.started"));
}

#[test]
fn it_goes_on_without_standard_error_and_output() {
    let directory = tempfile::tempdir().unwrap();
    let log = directory.path().join("log");
    let script = r#"exec "$0" "$@" 2>&-"#;
    let mut command = Command::new("sh");
    command
        .args(["-c", script, env!("CARGO_BIN_EXE_correiod"), "--config", "/dev/null"])
        .args(["--plaintext", "--bcrypt-cost", "4", "--listen", "127.0.0.1:0", "--data-dir"])
        .arg(directory.path())
        .arg("--log-file")
        .arg(&log);
    let mut daemon = Daemon::spawn(command);
    let mut tony = daemon.session("tony");
    assert!(matches!(tony.ask(mail(1, "tony")), Reply::Sent { .. }));
    daemon.signal(rustix::process::Signal::TERM);
    assert_eq!(daemon.child.wait().unwrap().code(), Some(0));
    assert!(fs::read_to_string(&log).unwrap().contains("mail.accepted"));
}

#[test]
fn no_file_descriptors_left_is_a_pause() {
    let directory = tempfile::tempdir().unwrap();
    let script = r#"ulimit -n 200; exec "$0" "$@""#;
    let mut command = Command::new("sh");
    command
        .args(["-c", script, env!("CARGO_BIN_EXE_correiod"), "--config", "/dev/null"])
        .args(["--plaintext", "--bcrypt-cost", "4", "--listen", "127.0.0.1:0", "--data-dir"])
        .arg(directory.path())
        .stderr(Stdio::null());
    let daemon = Daemon::spawn(command);
    let mut tony = daemon.session("tony");
    let mut crowd: Vec<TcpStream> =
        (0..400).map(|_| TcpStream::connect(daemon.address).unwrap()).collect();
    // Open connections are served; the store has the descriptors that it needs.
    assert!(matches!(tony.ask(mail(1, "tony")), Reply::Sent { .. }));
    crowd.clear();
    drop(crowd);
    // Until the server has noticed that the others are gone, a newcomer is rejected.
    let deadline = Instant::now() + PATIENCE;
    let mut late = loop {
        let mut late = Client::over(TcpStream::connect(daemon.address).unwrap());
        if let Some(Reply::Hello(_)) = late.ask_unless_gone(hello()) {
            break late;
        }
        assert!(Instant::now() < deadline, "the crowd is gone and nobody is let in");
    };
    assert!(matches!(late.ask(login("tony")), Reply::LoggedIn(_)));
}

#[test]
fn a_web_browser_is_told_what_this_is() {
    use std::io::Write;
    let directory = tempfile::tempdir().unwrap();
    let daemon = Daemon::start(directory.path(), &[]);
    let mut stream = TcpStream::connect(daemon.address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.write_all(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 400 ") && answer.contains("correio"), "{answer}");
}

#[test]
fn invites_are_made_while_the_server_runs_and_used_once() {
    let directory = tempfile::tempdir().unwrap();
    let daemon = Daemon::start(directory.path(), &["--registration", "invite"]);
    let made = Command::new(env!("CARGO_BIN_EXE_correiod"))
        .env_clear()
        .args(["--config", "/dev/null", "invite", "--count", "2", "--data-dir"])
        .arg(directory.path())
        .output()
        .unwrap();
    let made = String::from_utf8(made.stdout).unwrap();
    let invites: Vec<Invite> = made.lines().map(|line| line.parse().unwrap()).collect();
    assert_eq!(invites.len(), 2);
    let with = |username, invite: &Invite| match register(username) {
        Request::Register(register) => {
            Request::Register(Register { invite: Some(invite.clone()), ..register })
        }
        other => panic!("{other:?}"),
    };
    let mut client = daemon.client();
    let code = |reply| match reply {
        Reply::Error(error) => error.code,
        other => panic!("{other:?}"),
    };
    assert_eq!(code(client.ask(register("tony"))), ErrorCode::NotAllowed);
    assert_eq!(client.ask(with("tony", &invites[0])), Reply::Registered {});
    assert_eq!(code(client.ask(with("pepper", &invites[0]))), ErrorCode::NotAllowed);
    // Used invites stay used after a restart.
    drop(daemon);
    let daemon = Daemon::start(directory.path(), &["--registration", "invite"]);
    let mut client = daemon.client();
    assert_eq!(code(client.ask(with("pepper", &invites[0]))), ErrorCode::NotAllowed);
    assert_eq!(client.ask(with("pepper", &invites[1])), Reply::Registered {});
}

#[test]
fn a_crowd_that_says_nothing_or_little_keeps_nobody_out() {
    use std::io::Write;
    const CROWD: u8 = 200;
    let directory = tempfile::tempdir().unwrap();
    let _ = correio_server::reactor::raise_file_limit();
    let limits = ["--max-anonymous", "100", "--login-timeout", "3"];
    let daemon = Daemon::start(directory.path(), &limits);
    let mut tony = daemon.session("tony");
    let mut crowd: Vec<TcpStream> = (0..CROWD)
        .map(|number| connect_from([127, 0, 1, number % 8 + 1], daemon.address))
        .collect();
    // Half of them say a byte now and then, and never enough for a frame.
    for (number, byte) in [0, 0, 8].into_iter().enumerate() {
        for stream in crowd.iter_mut().step_by(2) {
            // A connection that was displaced by another can no longer be written to.
            let _ = stream.write_all(&[byte]);
        }
        assert!(matches!(tony.ask(mail(number as u64, "tony")), Reply::Sent { .. }));
        let mut late = daemon.client();
        assert!(matches!(late.ask(login("tony")), Reply::LoggedIn(_)));
    }
    for stream in &mut crowd {
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        // The connection ends, or is reset if a byte stayed unread; a reply with the reason may
        // come before.
        let _ = stream.read_to_end(&mut Vec::new());
    }
    assert!(matches!(tony.ask(mail(9, "tony")), Reply::Sent { .. }));
}

#[test]
fn guessing_from_fifty_addresses_is_refused_and_the_owner_comes_in() {
    let directory = tempfile::tempdir().unwrap();
    let daemon = Daemon::start(directory.path(), &[]);
    drop(daemon.session("tony"));
    let wrong = || {
        let username = "tony".parse().unwrap();
        Request::Login(Login { username, credential: Credential::from([9; 23]) })
    };
    let (mut limited, mut wrong_ones) = (0, 0);
    for from in 1..=50 {
        let mut guesser = Client::over(connect_from([127, 0, 1, from], daemon.address));
        let hello = Hello { version: 1, software: Software::named("test") };
        assert!(matches!(guesser.ask(Request::Hello(hello)), Reply::Hello(_)));
        for _ in 0..100 {
            match guesser.ask(wrong()) {
                Reply::Error(error) if error.code == ErrorCode::RateLimited => {
                    assert!(error.retry_after.unwrap() >= 1);
                    limited += 1;
                }
                Reply::Error(error) if error.code == ErrorCode::BadCredentials => wrong_ones += 1,
                reply => panic!("{reply:?}"),
            }
        }
    }
    assert_eq!(limited + wrong_ones, 5000);
    assert!(limited > 4500, "only {limited} of 5000 were refused");
    let mut owner = daemon.client();
    assert!(matches!(owner.ask(login("tony")), Reply::LoggedIn(_)));
}
