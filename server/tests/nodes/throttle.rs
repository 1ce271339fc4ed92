//! Failed logins at one server count at the others.

use correio_proto::message::{ErrorCode, Reply};
use correio_testing::{client::Client, postgres::database, request, wait::eventually};

use super::{server, start, stop};
use crate::daemon::{self, Daemon, login, register};

/// Failures that are free at an address.
const FREE: u32 = 3;

/// The answer to a login with Tony's right password, or with a wrong one.
fn try_login(server: &Daemon, is_right: bool) -> Reply {
    let mut client = Client::connect(server.address);
    client.greet();
    client.ask(if is_right { login("tony") } else { request::login("tony", 2) })
}

#[test]
fn a_guesser_who_failed_at_one_server_must_wait_at_the_other() {
    let Some(database) = database() else { return };
    let directories = [(); 2].map(|()| tempfile::tempdir().unwrap());
    let [one, other] = directories.each_ref().map(|directory| {
        let mut command = server(&database, directory.path());
        let failed = FREE.to_string();
        command.args(["--plaintext", "--failed-logins", &failed]);
        start(command)
    });
    let mut tony = Client::connect(one.address);
    tony.greet();
    assert_eq!(tony.ask(register("tony")), Reply::Registered {});
    assert!(matches!(try_login(&other, true), Reply::LoggedIn(_)));
    // Each failure makes the wait longer, so that it can be seen on a slow machine, too.
    eventually(|| {
        try_login(&one, false);
        match try_login(&other, true) {
            Reply::LoggedIn(_) => false,
            refused => daemon::code(&refused) == ErrorCode::RateLimited,
        }
    });
    drop(tony);
    stop(other);
    stop(one);
}
