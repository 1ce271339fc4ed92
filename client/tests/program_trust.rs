//! Tests of the program with servers that it knows, does not know, or knows by another certificate.

use std::{
    io::{Read, Write},
    net::{Shutdown, SocketAddr, TcpListener, TcpStream},
    thread::{self, JoinHandle},
};

use correio_client::Trust;
use correio_proto::fingerprint::Fingerprint;
use serde_json::json;

use crate::support::{Done, Setup, finish, terminal::Terminal};

fn ping(setup: &Setup, more: &[&str]) -> Done {
    let address = setup.address.to_string();
    let arguments = [&["--lang", "en", "--json", "--server", &address], more, &["ping"]].concat();
    finish(setup.program(&arguments), "")
}

#[test]
fn an_unknown_server_is_refused_where_nobody_can_be_asked_and_accepted_once() {
    let setup = Setup::unknown(&[]);
    let fingerprint = setup.fingerprint().to_string();
    let refused = ping(&setup, &[]);
    assert_eq!((refused.status, &refused.json()["error"]["code"]), (77, &json!("untrusted")));
    let text = refused.json()["error"]["text"].as_str().unwrap().to_owned();
    assert!(text.contains(&fingerprint), "{text}");
    assert!(text.contains(&format!("correio trust {}", setup.address)), "{text}");

    let address = setup.address.to_string();
    let accept = |fingerprint: &str| {
        finish(setup.program(&["--json", "--fingerprint", fingerprint, "trust", &address]), "")
    };
    let wrong = accept(&Fingerprint::of(b"another").to_string());
    assert_eq!((wrong.status, &wrong.json()["error"]["code"]), (77, &json!("untrusted")));
    assert_eq!(setup.known().list().unwrap(), []);
    assert_eq!(accept(&fingerprint).status, 0);
    assert_eq!(ping(&setup, &[]).status, 0);

    let forget = finish(setup.program(&["--json", "trust", "--forget", &address]), "");
    assert_eq!((forget.status, &forget.json()["forgotten"]), (0, &json!(true)));
    assert_eq!(ping(&setup, &[]).status, 77);
}

#[test]
fn after_a_server_is_forgotten_the_next_contact_is_a_first_contact() {
    let setup = Setup::of(&[]);
    let address = setup.address.to_string();
    for (language, said) in [
        ("en", "the next contact is a first contact again"),
        ("pt", "o próximo contato volta a ser um primeiro contato"),
    ] {
        setup.known().remember(&setup.server(), setup.fingerprint()).unwrap();
        let arguments = ["--lang", language, "trust", "--forget", &address];
        let forgotten = finish(setup.program(&arguments), "");
        assert_eq!(forgotten.status, 0);
        assert!(forgotten.out.contains(said), "{forgotten:?}");
        // Without a person to ask, an unknown certificate is refused.
        let refused = ping(&setup, &[]);
        assert_eq!((refused.status, &refused.json()["error"]["code"]), (77, &json!("untrusted")));
    }
}

#[test]
fn a_fingerprint_can_be_stated_in_advance() {
    let setup = Setup::unknown(&[]);
    let fingerprint = setup.fingerprint().to_string();
    assert_eq!(ping(&setup, &["--fingerprint", &fingerprint]).status, 0);
    let other = Fingerprint::of(b"another").to_string();
    let refused = ping(&setup, &["--fingerprint", &other]);
    assert_eq!(refused.status, 77);
    let malformed = ping(&setup, &["--fingerprint", "SHA256:00"]);
    assert_eq!(malformed.status, 64);
    assert!(malformed.out.contains("a fingerprint is SHA256:"), "{malformed:?}");
    assert_eq!(setup.known().list().unwrap(), [], "nothing is accepted by the way");
}

/// A server with another certificate at an address that is known: it sees the handshake begin, and
/// not a byte of the user's data.
#[test]
fn a_changed_certificate_is_refused_before_any_password() {
    let setup = Setup::of(&[("tony", "Tony Stark")]);
    let expected = Fingerprint::of(b"the one before");
    setup.known().remember(&setup.server(), expected).unwrap();
    let address = setup.address.to_string();
    for command in [&["receive"][..], &["send", "--to", "tony", "--subject", "Oi"]] {
        let arguments = [&["--lang", "en", "--server", &address, "--user", "tony"], command];
        let mut program = setup.program(&arguments.concat());
        program.env("CORREIO_PASSWORD", crate::support::PASSWORD);
        let refused = finish(program, "Olá");
        assert_eq!(refused.status, 77, "{refused:?}");
        assert!(refused.err.contains("HAS CHANGED"), "{refused:?}");
        for fingerprint in [expected, setup.fingerprint()] {
            assert!(refused.err.contains(&fingerprint.to_string()), "{refused:?}");
        }
    }
    // The menus say the same and do not ask.
    let menus = setup.program(&["--lang", "en", "--server", &address]);
    let menus = finish(menus, "y\n0\n");
    assert!(menus.out.contains("HAS CHANGED"), "{menus:?}");
    assert!(!menus.out.contains("Service Available"), "{menus:?}");

    // A deliberate change is accepted by stating the new one.
    let fingerprint = setup.fingerprint().to_string();
    let accept = setup.program(&["--fingerprint", &fingerprint, "trust", &address]);
    assert_eq!(finish(accept, "").status, 0);
    let known = setup.known().trust(&setup.server()).unwrap();
    assert_eq!(known, Trust::Fingerprint(setup.fingerprint()));
    assert_eq!(ping(&setup, &[]).status, 0);
}

/// The answers of `correio trust` to a script, where no user can be asked.
#[test]
fn accepting_without_a_terminal_names_the_option_that_a_script_needs() {
    let setup = Setup::unknown(&[]);
    let (address, fingerprint) = (setup.address.to_string(), setup.fingerprint().to_string());
    let trust = |more: &[&str]| {
        let arguments = [&["--lang", "en"], more, &["trust", &address]].concat();
        finish(setup.program(&arguments), "")
    };
    let advice = format!("correio trust {address} --fingerprint {fingerprint}");
    let first = trust(&[]);
    assert_eq!((first.status, first.err.contains(&advice)), (77, true), "{first:?}");
    assert_eq!(setup.known().list().unwrap(), []);
    assert_eq!(trust(&["--fingerprint", &fingerprint]).status, 0);

    // Accepted already: said, with status 0, and nothing is asked.
    for more in [&[][..], &["--fingerprint", &fingerprint]] {
        let known = trust(more);
        assert_eq!((known.status, known.err.as_str()), (0, ""));
        assert!(known.out.contains("is accepted already"), "{known:?}");
    }

    // If another certificate was accepted before, the message warns and shows both.
    let before = Fingerprint::of(b"the one before");
    setup.known().remember(&setup.server(), before).unwrap();
    let changed = trust(&[]);
    assert_eq!(changed.status, 77);
    for part in ["HAS CHANGED", &fingerprint, &before.to_string(), &advice] {
        assert!(changed.err.contains(part), "{part} in {changed:?}");
    }
    assert_eq!(setup.known().trust(&setup.server()).unwrap(), Trust::Fingerprint(before));
}

#[test]
fn accepting_another_certificate_shows_both_and_asks() {
    let setup = Setup::unknown(&[]);
    let (address, fingerprint) = (setup.address.to_string(), setup.fingerprint().to_string());
    let before = Fingerprint::of(b"the one before");
    setup.known().remember(&setup.server(), before).unwrap();
    for (answer, status, trusted) in [("n\n", 77, before), ("y\n", 0, setup.fingerprint())] {
        let mut terminal = Terminal::start(&setup, &["--lang", "en", "trust", &address]);
        terminal.expect("HAS CHANGED");
        terminal.expect(&before.to_string());
        terminal.expect(&fingerprint);
        terminal.expect("(y/n): ");
        terminal.press(answer);
        let (_, ended) = terminal.end();
        assert_eq!(ended, status);
        assert_eq!(setup.known().trust(&setup.server()).unwrap(), Trust::Fingerprint(trusted));
    }
}

#[test]
fn the_servers_are_listed_where_a_variable_names_one() {
    let setup = Setup::of(&[]);
    let address = setup.address.to_string();
    let mut program = setup.program(&["trust"]);
    program.env("CORREIO_SERVER", &address);
    let listed = finish(program, "");
    assert_eq!(listed.out, format!("{address} {}\n", setup.fingerprint()));
    // The option asks for the server, as an address does.
    let accepted = finish(setup.program(&["--lang", "en", "--server", &address, "trust"]), "");
    assert!(accepted.out.contains("is accepted already"), "{accepted:?}");
}

#[test]
fn a_certificate_that_is_not_the_stated_one_has_not_changed() {
    let setup = Setup::unknown(&[]);
    let stated = Fingerprint::of(b"another").to_string();
    let refused = ping(&setup, &["--fingerprint", &stated]);
    let text = refused.json()["error"]["text"].as_str().unwrap().to_owned();
    assert!(!text.contains("CHANGED") && text.contains("CORREIO_FINGERPRINT"), "{text}");
    assert!(text.contains(&stated) && text.contains(&setup.fingerprint().to_string()), "{text}");
}

/// Passes one connection on to a server and keeps everything that went either way.
fn recorded(server: SocketAddr) -> (SocketAddr, JoinHandle<Vec<u8>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let copy = |mut from: TcpStream, mut to: TcpStream| {
        thread::spawn(move || {
            let (mut seen, mut buffer) = (Vec::new(), [0; 4096]);
            while let Ok(count @ 1..) = from.read(&mut buffer) {
                seen.extend_from_slice(&buffer[..count]);
                if to.write_all(&buffer[..count]).is_err() {
                    break;
                }
            }
            let _ = to.shutdown(Shutdown::Write);
            seen
        })
    };
    let proxy = thread::spawn(move || {
        let (client, _) = listener.accept().unwrap();
        let server = TcpStream::connect(server).unwrap();
        let there = copy(client.try_clone().unwrap(), server.try_clone().unwrap());
        let back = copy(server, client);
        [there.join().unwrap(), back.join().unwrap()].concat()
    });
    (address, proxy)
}

#[test]
fn who_listens_on_the_way_learns_neither_password_nor_name() {
    let setup = Setup::unknown(&[]);
    let fingerprint = setup.fingerprint().to_string();
    for command in [&["register", "--name", "Anthony Edward Stark"][..], &["receive"]] {
        let (address, seen) = recorded(setup.address);
        let address = address.to_string();
        let options =
            ["--fingerprint", &fingerprint, "--server", &address, "--user", "tony.the.third"];
        let mut program = setup.program(&[&options[..], command].concat());
        program.env("CORREIO_PASSWORD", crate::support::PASSWORD);
        let done = finish(program, "");
        assert_eq!(done.status, 0, "{done:?}");
        let seen = seen.join().unwrap();
        assert!(seen.len() > 500, "it went through here");
        for secret in [crate::support::PASSWORD, "Anthony", "Stark", "tony.the.third", "credential"]
        {
            let found = seen.windows(secret.len()).any(|window| window == secret.as_bytes());
            assert!(!found, "{secret} was seen");
        }
    }
}

#[test]
fn the_menus_ask_once() {
    let setup = Setup::unknown(&[]);
    let address = setup.address.to_string();
    let menus = |input| finish(setup.program(&["--lang", "en", "--server", &address]), input);
    let no = menus("n\n0\n");
    assert!(no.out.contains(&setup.fingerprint().to_string()), "{no:?}");
    assert!(!no.out.contains("Service Available"), "{no:?}");
    assert_eq!(setup.known().list().unwrap(), []);
    let yes = menus("y\n0\n");
    assert!(yes.out.contains("Service Available"), "{yes:?}");
    let again = menus("0\n");
    assert!(again.out.contains("Service Available"), "{again:?}");
    assert!(!again.out.contains("SHA256"), "{again:?}");
}

#[test]
fn sides_that_do_not_agree_on_tls_are_told_so() {
    let setup = Setup::of(&[]);
    let plaintext = ping(&setup, &["--plaintext"]);
    assert_eq!(plaintext.status, 69, "{plaintext:?}");
    assert!(plaintext.out.contains("speaks TLS only"), "{plaintext:?}");

    // A stand-in that answers the beginning of a handshake as a server without TLS does.
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let server = thread::spawn(move || {
        let (mut socket, _) = listener.accept().unwrap();
        let mut start = [0; 4];
        socket.read_exact(&mut start).unwrap();
        let answer = correio_proto::wrong_protocol::WrongProtocol::detect(&start).unwrap().answer();
        socket.write_all(&answer).unwrap();
    });
    let arguments = ["--lang", "en", "--json", "--server", &address, "ping"];
    let refused = finish(setup.program(&arguments), "");
    server.join().unwrap();
    assert_eq!((refused.status, &refused.json()["error"]["code"]), (69, &json!("no_tls")));
    assert!(refused.out.contains("--plaintext"), "{refused:?}");
}

#[test]
fn a_file_of_known_servers_that_makes_no_sense_is_named() {
    let setup = Setup::of(&[]);
    let file = setup.data.path().join("known_servers");
    std::fs::write(&file, "127.0.0.1 SHA256:00\n").unwrap();
    let refused = ping(&setup, &[]);
    assert_eq!((refused.status, &refused.json()["error"]["code"]), (78, &json!("known_servers")));
    assert!(refused.out.contains("line 1"), "{refused:?}");
}
