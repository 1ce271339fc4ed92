//! Several servers of one machine that share a listening socket.

use std::{
    net::{Ipv4Addr, TcpListener},
    os::fd::OwnedFd,
    path::Path,
    process::Command,
    sync::atomic::{AtomicBool, AtomicUsize, Ordering},
    thread,
};

use correio_testing::{
    client::Client,
    postgres::{Database, database},
    request::hello,
    wait::eventually,
};

use super::{SERVER, settings, stop};
use crate::daemon::Daemon;

/// A server with this listening socket as descriptor 3, as a service manager hands it over.
fn on(listener: &TcpListener, database: &Database, directory: &Path) -> Daemon {
    let script = "LISTEN_PID=$$ LISTEN_FDS=1 exec \"$0\" \"$@\" 3<&0 </dev/null";
    let mut command = Command::new("/bin/sh");
    command.env_clear().args(["-c", script, SERVER]).args(settings(database, directory));
    command.args(["--plaintext", "--bcrypt-cost", "4"]);
    command.stdin(OwnedFd::from(listener.try_clone().unwrap()));
    super::start(command)
}

#[test]
fn servers_that_share_a_socket_stop_one_after_the_other_and_no_connection_is_refused() {
    let Some(database) = database() else { return };
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let at = listener.local_addr().unwrap();
    let directories = [(); 3].map(|()| tempfile::tempdir().unwrap());
    let start = |index: usize| on(&listener, &database, directories[index].path());
    let mut servers: Vec<Daemon> = (0..3).map(start).collect();
    assert!(servers.iter().all(|server| server.address == at));
    let (is_over, greeted) = (AtomicBool::new(false), AtomicUsize::new(0));
    thread::scope(|scope| {
        let clients = scope.spawn(|| {
            while !is_over.load(Ordering::Relaxed) {
                let mut client = Client::try_connect(at).expect("a connection that is taken");
                // A server that has accepted a connection and stops before the greeting ends it;
                // the client connects again.
                if client.ask_unless_gone(hello()).is_some() {
                    greeted.fetch_add(1, Ordering::Relaxed);
                }
            }
        });
        let goes_on = || {
            let before = greeted.load(Ordering::Relaxed);
            eventually(|| clients.is_finished() || greeted.load(Ordering::Relaxed) > before + 5);
        };
        for index in 0..3 {
            stop(servers.remove(0));
            goes_on();
            servers.push(start(index));
            goes_on();
        }
        // Each of them serves alone, too.
        while servers.len() > 1 {
            stop(servers.remove(0));
            goes_on();
        }
        is_over.store(true, Ordering::Relaxed);
        clients.join().unwrap();
    });
    assert!(greeted.load(Ordering::Relaxed) > 30);
}
