//! Tests of hashing: it does not delay other clients, and its time does not tell whether an account
//! exists.

use std::{
    io::ErrorKind,
    path::Path,
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use correio_proto::{
    credential::Credential,
    message::{ErrorCode, Login, Reply, Request},
};

use crate::daemon::{Client, Daemon, code, login, mail};

fn server(data: &Path, cost: &str) -> Daemon {
    let mut command = Command::new(env!("CARGO_BIN_EXE_correiod"));
    command
        .env_clear()
        .args(["--config", "/dev/null", "--plaintext", "--listen", "127.0.0.1:0"])
        .args(["--bcrypt-cost", cost, "--hash-workers", "1", "--failed-logins", "0"])
        .args(["--login-timeout", "600", "--data-dir"])
        .arg(data)
        .stdin(Stdio::null())
        .stderr(Stdio::null());
    Daemon::spawn(command)
}

fn attempt(username: &str) -> Request {
    let credential = Credential::from([9; 23]);
    Request::Login(Login { username: username.parse().unwrap(), credential })
}

#[test]
fn mail_goes_on_while_every_worker_is_at_a_long_hash() {
    const FLOOD: usize = 50;
    let directory = tempfile::tempdir().unwrap();
    let daemon = server(directory.path(), "4");
    drop(daemon.session("tony"));
    daemon.stop();
    // Each wrong password of the flood takes a second or more.
    let daemon = server(directory.path(), "14");
    let mut tony = daemon.client();
    assert!(matches!(tony.ask(login("tony")), Reply::LoggedIn(_)));
    let mut flood: Vec<Client> = (0..FLOOD).map(|_| daemon.client()).collect();
    for client in &mut flood {
        client.begin(attempt("nobody"));
    }
    for number in 0..50 {
        assert!(matches!(tony.ask(mail(number, "tony")), Reply::Sent { .. }));
    }
    let is_waiting = |client: &&mut Client| {
        client.stream.set_nonblocking(true).unwrap();
        let peeked = client.stream.peek(&mut [0]);
        peeked.is_err_and(|error| error.kind() == ErrorKind::WouldBlock)
    };
    let waiting = flood.iter_mut().filter(is_waiting).count();
    assert!(waiting >= FLOOD / 2, "{waiting} still wait");
}

/// Time that a refusal takes.
fn refusal(client: &mut Client, username: &str) -> Duration {
    let begun = Instant::now();
    let reply = client.ask(attempt(username));
    let took = begun.elapsed();
    assert_eq!(code(&reply), ErrorCode::BadCredentials);
    took
}

/// The probability that a time of `one` is longer than a time of `other`: a half if the times are
/// alike (Mann and Whitney's U, over all pairs).
fn longer(one: &[Duration], other: &[Duration]) -> f64 {
    let mut all: Vec<(Duration, bool)> = Vec::new();
    all.extend(one.iter().map(|time| (*time, true)));
    all.extend(other.iter().map(|time| (*time, false)));
    all.sort_unstable();
    let ranks = all.iter().zip(1_u32..).filter(|((_, is_one), _)| *is_one);
    let sum: f64 = ranks.map(|(_, rank)| f64::from(rank)).sum();
    let (ones, others) = (one.len() as f64, other.len() as f64);
    (sum - ones * (ones + 1.0) / 2.0) / (ones * others)
}

#[test]
fn the_time_of_a_refusal_does_not_tell_whether_there_is_an_account() {
    const SAMPLES: usize = 1000;
    let directory = tempfile::tempdir().unwrap();
    let daemon = server(directory.path(), "4");
    drop(daemon.session("tony"));
    let mut client = daemon.client();
    let (mut known, mut unknown) = (Vec::new(), Vec::new());
    // In turn, and each equally often first, so that other load of the machine affects both alike.
    for sample in 0..SAMPLES {
        if sample % 2 == 0 {
            known.push(refusal(&mut client, "tony"));
            unknown.push(refusal(&mut client, "nobody"));
        } else {
            unknown.push(refusal(&mut client, "nobody"));
            known.push(refusal(&mut client, "tony"));
        }
    }
    let longer = longer(&known, &unknown);
    // A lookup that skips the hash is at 1.0; at cost 10 the hash is 60 times as long as here.
    assert!((0.35..=0.65).contains(&longer), "{longer:.3}");
}
