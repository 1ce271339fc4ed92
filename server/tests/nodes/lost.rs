//! What the log says of the database when it is lost, and when it is back.

use std::{fs, path::Path, process::Command};

use correio_proto::message::Reply;
use correio_testing::{client::Client, postgres::Postgres, wait::eventually};

use super::{SERVER, start, stop};
use crate::daemon::{Daemon, login, mail, register};

/// The password of the address, which the database does not ask for.
const PASSWORD: &str = "hush-hush";

/// The lines of a log about the database.
fn lines(log: &Path) -> Vec<String> {
    let text = fs::read_to_string(log).unwrap();
    assert!(!text.contains(PASSWORD), "{text}");
    text.lines().filter(|line| line.contains(" database.")).map(str::to_owned).collect()
}

fn session(server: &Daemon, username: &str) -> Client {
    let mut session = Client::connect(server.address);
    session.greet();
    assert_eq!(session.ask(register(username)), Reply::Registered {});
    assert!(matches!(session.ask(login(username)), Reply::LoggedIn(_)));
    session
}

#[test]
fn a_loss_of_the_database_is_one_line_and_so_is_its_end() {
    let Some(postgres) = Postgres::start("") else { return };
    let (directory, log) = (tempfile::tempdir().unwrap(), tempfile::NamedTempFile::new().unwrap());
    let (database, log) = (postgres.database(), log.path());
    let login = format!("postgres:{PASSWORD}");
    let address = postgres.tcp_address(&login, "127.0.0.1", &database.name);
    let mut command = Command::new(SERVER);
    command
        .env_clear()
        .args(["--config", "/dev/null", "--store", "postgres", "--database", &address])
        .args(["--bcrypt-cost", "4", "--listen", "127.0.0.1:0", "--plaintext", "--log-file"])
        .arg(log)
        .arg("--data-dir")
        .arg(directory.path());
    let server = start(command);
    // The jobs of several sessions are on several connections.
    let mut sessions: Vec<Client> =
        (0..6).map(|number| session(&server, &format!("tony{number}"))).collect();
    let mut number = 0;
    let mut work = |is_back: &dyn Fn()| {
        number += 1;
        for (session, to) in sessions.iter_mut().zip(["tony1", "tony2"].iter().cycle()) {
            session.begin(mail(number, to));
        }
        is_back();
        for session in &mut sessions {
            assert!(matches!(session.reply(), Some(Reply::Sent { .. })));
        }
    };
    for losses in 1..=2 {
        let has = |event: &str, count: usize| {
            let of_event = |line: &&String| line.contains(&format!(" {event} "));
            lines(log).iter().filter(of_event).count() == count
        };
        // The first time, all connections are in use while it is away; then they are idle.
        postgres.stop();
        let wait_and_restart = || {
            eventually(|| has("database.lost", losses));
            postgres.restart();
        };
        match losses {
            1 => work(&wait_and_restart),
            _ => wait_and_restart(),
        }
        eventually(|| has("database.back", losses));
        // Connections that were idle notice it only now.
        work(&|| {});
        work(&|| {});
        assert_eq!(lines(log).len(), 2 * losses, "{:?}", lines(log));
    }
    let all = lines(log);
    assert!(all[0].contains(" WARN  database.lost "), "{all:?}");
    assert!(all[0].contains("text=\"") && all[1].contains("seconds="), "{all:?}");
    // A server that ends without the database does not say that it is back.
    postgres.kill();
    eventually(|| lines(log).len() == 5);
    stop(server);
    assert!(lines(log)[4].contains("database.lost"), "{:?}", lines(log));
}
