//! The keys that all servers on one database have in common.

use std::{fs, path::Path, process::Command};

use correio_proto::message::{Register, Reply, Request};
use correio_testing::{
    postgres::{Database, database},
    request::resume,
};

use super::{SERVER, server, settings, start, stop};
use crate::daemon::{client_over_tls, login, refused, register};

/// The files that are the same on every server.
const KEYS: [&str; 3] = ["tls.pem", "invite.key", "ticket.key"];

/// A server that gives accounts to those with invites.
fn inviting(database: &Database, directory: &Path) -> Command {
    let mut command = server(database, directory);
    command.args(["--registration", "invite"]);
    command
}

#[test]
fn a_server_without_the_keys_of_the_others_makes_none_and_says_where_they_are() {
    let Some(database) = database() else { return };
    let (first, second) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let _running = start(inviting(&database, first.path()));
    for file in KEYS {
        let (status, said) = refused(inviting(&database, second.path()));
        assert_eq!(status, Some(78), "{said}");
        let from = first.path().join(file);
        assert!(said.contains(&format!("copy {} of the machine", from.display())), "{said}");
        assert!(said.contains(&format!("has no {file},")), "{said}");
        assert!(!second.path().join(file).exists(), "it was not made");
        fs::copy(from, second.path().join(file)).unwrap();
    }
    let _other = start(inviting(&database, second.path()));
}

#[test]
fn a_server_with_other_keys_than_the_first_one_does_not_start() {
    let Some(database) = database() else { return };
    let elsewhere = database_of_another_service();
    let (first, second) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    stop(start(inviting(&elsewhere, second.path())));
    // The first server does not run any more: what it has recorded stays.
    stop(start(inviting(&database, first.path())));
    for file in KEYS {
        let own = fs::read(second.path().join(file)).unwrap();
        let (status, said) = refused(inviting(&database, second.path()));
        assert_eq!(status, Some(78), "{said}");
        let from = first.path().join(file);
        assert!(said.contains(&format!("put {} of the machine", from.display())), "{said}");
        assert!(said.contains(&format!("DELETE FROM node_key WHERE file = '{file}'")), "{said}");
        assert_eq!(fs::read(second.path().join(file)).unwrap(), own, "it was not changed");
        fs::copy(from, second.path().join(file)).unwrap();
    }
    stop(start(inviting(&database, second.path())));
    // Whose invites are valid nowhere are not made.
    fs::remove_file(second.path().join("invite.key")).unwrap();
    let mut invite = Command::new(SERVER);
    invite.env_clear().arg("invite").args(settings(&database, second.path()));
    let (status, said) = refused(invite);
    assert_eq!(status, Some(78), "{said}");
    assert!(said.contains("has no invite.key"), "{said}");
}

#[test]
fn a_server_joins_with_keys_that_were_copied_before_its_first_start() {
    let Some(database) = database() else { return };
    let (first, second) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let one = start(inviting(&database, first.path()));
    let mut invite = Command::new(SERVER);
    invite.env_clear().arg("invite").args(settings(&database, first.path()));
    let invite = String::from_utf8(invite.output().unwrap().stdout).unwrap();
    let invite = Some(invite.trim().parse().unwrap());
    for file in KEYS {
        fs::copy(first.path().join(file), second.path().join(file)).unwrap();
    }
    let other = start(inviting(&database, second.path()));
    // Clients trust the certificate of the first server; its invites and tickets are valid.
    let mut tony = client_over_tls(other.address, first.path());
    let Request::Register(register) = register("tony") else { panic!("a registration") };
    assert_eq!(tony.ask(Request::Register(Register { invite, ..register })), Reply::Registered {});
    let mut tony = client_over_tls(one.address, first.path());
    assert!(matches!(tony.ask(login("tony")), Reply::LoggedIn(_)));
    let Reply::Ticket(given) = tony.ask(Request::Ticket {}) else { panic!("no ticket") };
    let mut again = client_over_tls(other.address, first.path());
    assert!(matches!(again.ask(resume("tony", &given.ticket)), Reply::LoggedIn(_)));
    for file in KEYS {
        let [own, others] = [&first, &second].map(|at| fs::read(at.path().join(file)).unwrap());
        assert_eq!(own, others, "{file} was not changed");
    }
    stop(other);
    stop(one);
}

fn database_of_another_service() -> Database {
    database().expect("there was a server before")
}

#[test]
fn certificates_of_an_authority_may_differ() {
    let Some(database) = database() else { return };
    let (first, second) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let with_files = |directory: &Path, name: &str| {
        let key = rcgen::generate_simple_self_signed([name.to_owned()]).unwrap();
        let (certificate, file) = (directory.join("cert.pem"), directory.join("key.pem"));
        fs::write(&certificate, key.cert.pem()).unwrap();
        fs::write(&file, key.signing_key.serialize_pem()).unwrap();
        private(&file);
        let mut command = server(&database, directory);
        command.arg("--tls-cert").arg(certificate).arg("--tls-key").arg(file);
        command
    };
    let _first = start(with_files(first.path(), "mail.example.org"));
    fs::copy(first.path().join("ticket.key"), second.path().join("ticket.key")).unwrap();
    let _second = start(with_files(second.path(), "mail2.example.org"));
    assert!(!first.path().join("tls.pem").exists());
}

fn private(file: &Path) {
    use std::os::unix::fs::PermissionsExt;
    fs::set_permissions(file, fs::Permissions::from_mode(0o600)).unwrap();
}
