//! Kills the program between saving mails and confirming them: no mail is lost or kept twice. Also,
//! other programs read the saved mail.

use std::{
    net::SocketAddr,
    path::Path,
    process::{Command, Stdio},
    sync::mpsc,
};

use correio_testing::{
    port::free_address,
    proxy::{Proxy, ProxyMode},
    served::{Protection, RunningServer},
    skip,
    wait::PATIENCE,
};
use tempfile::TempDir;

use crate::support::plain::{correio, done, maildir_of, subjects};

#[test]
fn killed_before_it_confirms_it_shows_each_mail_once() {
    let (server_data, data) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    let running = RunningServer::start_with(Protection::Plaintext, server_data.path(), 0);
    let server = running.address;
    done(correio(server, data.path(), "tony", &["register", "--name", "Tony Stark"]));
    for subject in ["Um", "Dois", "Três"] {
        let send = ["send", "--to", "tony", "--subject", subject, "--body", "Oi."];
        done(correio(server, data.path(), "tony", &send));
    }
    // The mailbox belongs to the address; the killed program must use the same directory.
    let (sender, withheld) = mpsc::channel();
    let proxy = Proxy::start(server, ProxyMode::WithoutConfirm(sender)).unwrap().address;
    let mut receive = correio(proxy, data.path(), "tony", &["receive"]);
    let mut child = receive.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    withheld.recv_timeout(PATIENCE).expect("it saves and wants to confirm");
    child.kill().unwrap();
    child.wait().unwrap();

    let mail = data.path().join("mail");
    let directory = |address: SocketAddr| mail.join(format!("{}_{}", address.ip(), address.port()));
    // Sending has made the directory, for the copies of the sent mails.
    std::fs::remove_dir_all(directory(server)).unwrap();
    std::fs::rename(directory(proxy), directory(server)).unwrap();
    let again = done(correio(server, data.path(), "tony", &["receive"]));
    assert_eq!(subjects(&again), ["Um", "Dois", "Três"]);
    let third = done(correio(server, data.path(), "tony", &["receive"]));
    assert_eq!(subjects(&third), [""; 0]);
    let all = done(correio(server, data.path(), "tony", &["list"]));
    assert_eq!(subjects(&all), ["Um", "Dois", "Três"]);
}

#[test]
fn the_exit_status_says_what_went_wrong() {
    let (server_data, data) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    let running = RunningServer::start_with(Protection::Plaintext, server_data.path(), 0);
    let server = running.address;
    let free = free_address();
    done(correio(server, data.path(), "tony", &["register", "--name", "Tony Stark"]));
    let send = |to: &'static str| ["send", "--to", to, "--subject", "x", "--body", "x"];
    let mut wrong = correio(server, data.path(), "tony", &["receive"]);
    wrong.env("CORREIO_PASSWORD", "wrong-password");
    for (mut command, status, code) in [
        (correio(server, data.path(), "tony", &send("nobody")), 65, "unknown_recipient"),
        (correio(server, data.path(), "tony", &send("../x")), 65, "invalid"),
        (correio(server, data.path(), "tony", &["register", "--name", "x"]), 65, "username_taken"),
        (correio(free, data.path(), "tony", &["ping"]), 69, "refused"),
        (wrong, 77, "bad_credentials"),
        (correio(server, data.path(), "to ny", &["receive"]), 65, "invalid"),
        (correio(server, data.path(), "tony", &["read", "7"]), 65, "no_such_mail"),
    ] {
        let output = command.output().unwrap();
        let answer: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!(answer["error"]["code"], code, "{answer}");
        assert_eq!(output.status.code(), Some(status), "{answer}");
    }
    let usage = correio(server, data.path(), "tony", &["send"]).output().unwrap();
    assert_eq!(usage.status.code(), Some(64));
}

#[test]
fn other_programs_read_the_mailbox() {
    let python = |script: &str, directory: &Path| {
        Command::new("python3").args(["-c", script]).arg(directory).output()
    };
    let (server_data, data) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    if !python("import mailbox", data.path()).is_ok_and(|output| output.status.success()) {
        skip::skipped("there is no python3 here");
        return;
    }
    let running = RunningServer::start_with(Protection::Plaintext, server_data.path(), 0);
    let server = running.address;
    done(correio(server, data.path(), "tony", &["register", "--name", "João Antônio"]));
    let send = ["send", "--to", "tony", "--subject", "Reunião às 9", "--body", "From mim\nação\n"];
    done(correio(server, data.path(), "tony", &send));
    done(correio(server, data.path(), "tony", &["receive"]));
    let directory = maildir_of(server, data.path());
    let script = "import sys, mailbox, email.policy, email\n\
        box = mailbox.Maildir(sys.argv[1], factory=None, create=False)\n\
        for key in box.keys():\n\
        \x20   mail = email.message_from_bytes(box.get_bytes(key), policy=email.policy.default)\n\
        \x20   sys.stdout.buffer.write(f'{mail[\"from\"]}|{mail[\"subject\"]}|{mail.get_content()}'.encode())\n";
    let output = python(script, &directory).unwrap();
    let read = String::from_utf8(output.stdout).unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(read.starts_with("João Antônio <tony@"), "{read} {said}");
    assert!(read.ends_with("|Reunião às 9|From mim\nação\n"), "{read} {said}");
}
