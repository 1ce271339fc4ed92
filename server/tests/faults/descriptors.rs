//! A server without descriptors for further connections.

use std::{fs, net::TcpStream, path::Path, process::Stdio, time::Instant};

use correio_proto::message::{Reply, Request};
use rustix::process::{Resource, Rlimit, Signal, prlimit};

use crate::daemon::{Client, Daemon, command, eventually, login, mail, refused};
use correio_testing::process::{open_files, processor_time};

/// Limits the server to descriptors with numbers below this one, from now on.
fn limit_files(daemon: &Daemon, limit: u64) {
    let maximum = rustix::process::getrlimit(Resource::Nofile).maximum;
    let limit = Rlimit { current: Some(limit), maximum };
    prlimit(Some(daemon.pid()), Resource::Nofile, limit).unwrap();
}

/// The first number that no descriptor of the server has.
fn first_free(daemon: &Daemon) -> u64 {
    let taken: Vec<u64> = fs::read_dir(format!("/proc/{}/fd", daemon.child.id()))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().to_str().unwrap().parse().unwrap())
        .collect();
    (0..).find(|number| !taken.contains(number)).unwrap()
}

fn count(log: &Path, event: &str) -> usize {
    fs::read_to_string(log).unwrap_or_default().matches(event).count()
}

#[test]
fn without_descriptors_accepting_pauses_and_resumes_without_spinning() {
    let directory = tempfile::tempdir().unwrap();
    let log = directory.path().join("log");
    let data = directory.path().join("data");
    let daemon = Daemon::start(&data, &["--log-file", log.to_str().unwrap()]);
    let pid = daemon.pid();
    let mut tony = daemon.session("tony");
    limit_files(&daemon, first_free(&daemon));
    let waiting: Vec<TcpStream> =
        (0..20).map(|_| TcpStream::connect(daemon.address).unwrap()).collect();

    eventually(|| count(&log, "accept.paused") >= 1);
    let (begun, used) = (Instant::now(), processor_time(pid).unwrap());
    // Open connections are served meanwhile.
    assert!(matches!(tony.ask(mail(1, "tony")), Reply::Sent { .. }));
    eventually(|| count(&log, "accept.paused") >= 5);
    let (took, used) = (begun.elapsed(), processor_time(pid).unwrap() - used);
    assert!(used < took / 4, "{used:?} of processor time in {took:?} of waiting");
    assert!(count(&log, "accept.paused") <= 2 + (took.as_millis() / 500) as usize + 5);
    assert_eq!(tony.ask(Request::Ping {}), Reply::Pong {});

    limit_files(&daemon, 1000);
    for stream in waiting {
        let mut late = Client::over(stream);
        late.greet();
        assert!(matches!(late.ask(login("tony")), Reply::LoggedIn(_)));
    }
    assert!(count(&log, "accept.resumed") >= 1);
}

#[test]
fn a_crowd_leaves_descriptors_to_the_store_and_the_log() {
    const FILES: usize = 264;
    let directory = tempfile::tempdir().unwrap();
    let (log, moved) = (directory.path().join("log"), directory.path().join("log.1"));
    let server = command(&directory.path().join("data"), &["--listen", "127.0.0.1:0"]);
    let mut limited = std::process::Command::new("sh");
    limited.args(["-c", &format!("ulimit -n {FILES}; exec \"$0\" \"$@\"")]);
    limited.arg(server.get_program()).args(server.get_args());
    limited.arg("--log-file").arg(&log).stderr(Stdio::null());
    let daemon = Daemon::spawn(limited);
    let pid = daemon.pid();
    let mut tony = daemon.session("tony");
    let crowd: Vec<TcpStream> =
        (0..2 * FILES).map(|_| TcpStream::connect(daemon.address).unwrap()).collect();
    eventually(|| open_files(pid) > 72);
    // Each of these takes a descriptor, or writes through one.
    fs::rename(&log, &moved).unwrap();
    daemon.signal(Signal::HUP);
    eventually(|| log.exists());
    for number in 0..100 {
        assert!(matches!(tony.ask(mail(number, "tony")), Reply::Sent { .. }));
        assert!(open_files(pid) < FILES - 32, "{} are open", open_files(pid));
    }
    assert_eq!(count(&log, "accept.paused") + count(&moved, "accept.paused"), 0);
    drop(crowd);
    eventually(|| open_files(pid) < 40);
    let mut late = daemon.client();
    assert!(matches!(late.ask(login("tony")), Reply::LoggedIn(_)));
}

#[test]
fn listeners_take_nothing_of_the_reserve() {
    const FILES: usize = 264;
    let directory = tempfile::tempdir().unwrap();
    let limited = |listeners: usize| {
        let addresses = (0..listeners).flat_map(|_| ["--listen", "127.0.0.1:0"]);
        let server = command(directory.path(), &addresses.collect::<Vec<_>>());
        let mut limited = std::process::Command::new("sh");
        limited.args(["-c", &format!("ulimit -n {FILES}; exec \"$0\" \"$@\"")]);
        limited.arg(server.get_program()).args(server.get_args());
        limited
    };
    let mut few = limited(60);
    few.stderr(Stdio::null());
    let daemon = Daemon::spawn(few);
    let pid = daemon.pid();
    let mut tony = daemon.session("tony");
    let crowd: Vec<TcpStream> =
        (0..FILES).map(|_| TcpStream::connect(daemon.address).unwrap()).collect();
    for number in 0..100 {
        assert!(matches!(tony.ask(mail(number, "tony")), Reply::Sent { .. }));
        assert!(open_files(pid) < FILES - 32, "{} are open", open_files(pid));
    }
    drop((crowd, daemon));
    let (status, said) = refused(limited(80));
    assert_eq!(status, Some(71), "{said}");
    assert!(said.contains("264 open files") && said.contains("LimitNOFILE="), "{said}");
}
