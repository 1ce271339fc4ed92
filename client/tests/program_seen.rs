//! Tests of mail as a user sees it: its sender, its line ends, and that it is new until it was
//! shown.

use std::{
    fs,
    process::{Output, Stdio},
};

use correio_testing::{
    proxy::{Proxy, ProxyMode},
    wait::eventually,
};
use rustix::process::{Pid, Signal, kill_process};

use crate::support::{PASSWORD, Setup, finish, terminal::Terminal};

#[test]
fn two_people_of_one_name_are_told_apart() {
    let people = [
        ("tony", "Tony Stark"),
        ("loki", "Tony\u{a0}Stark"),
        ("pepper", "Pepper Potts"),
        ("ultron", "Pepper Potts <pepper>"),
    ];
    let setup = Setup::of(&people);
    setup.deliver("pepper", "pepper", &[("Lembrete", "x")]);
    setup.deliver("tony", "pepper", &[("Jantar", "x")]);
    let first = setup.run("pepper", &["receive"], "");
    assert_eq!(
        first.out,
        "02 e-mails recebidos:\n[1] Pepper Potts: Lembrete\n[2] Tony Stark: Jantar\n"
    );
    setup.deliver("loki", "pepper", &[("Senha", "x")]);
    setup.deliver("ultron", "pepper", &[("Oi", "x")]);
    // The mail of the other sender was received before and is not in this list.
    let second = setup.run("pepper", &["receive"], "");
    let expected = "02 e-mails recebidos:\n[3] Tony\u{a0}Stark <loki> (desconhecido): Senha\n\
                    [4] \"Pepper Potts <pepper>\" <ultron>: Oi\n";
    assert_eq!(second.out, expected);
    let list = setup.run("pepper", &["list"], "").out;
    let lines: Vec<_> = list.lines().collect();
    for (line, end) in lines.iter().zip([
        "Pepper Potts: Lembrete",
        "Tony Stark <tony>: Jantar",
        "Tony\u{a0}Stark <loki> (desconhecido): Senha",
        "\"Pepper Potts <pepper>\" <ultron>: Oi",
    ]) {
        assert!(line.ends_with(&format!(" {end}")), "{line}");
    }
    let read = setup.run("pepper", &["read", "4"], "").out;
    assert!(read.starts_with("De: \"Pepper Potts <pepper>\" <ultron>\n"), "{read}");
}

/// Another account takes the full name of the reader.
#[test]
fn the_reader_s_own_name_is_one_of_those_that_are_known() {
    let setup = Setup::of(&[("tony", "Tony Stark"), ("loki", "TONY STARK")]);
    setup.deliver("loki", "tony", &[("Oi", "x")]);
    let done = setup.run("tony", &["receive"], "");
    assert_eq!(done.out, "01 e-mail recebido:\n[1] TONY STARK <loki> (desconhecido): Oi\n");
}

#[test]
fn a_body_is_broken_between_words_on_a_terminal_and_stays_as_it_is_in_a_pipe() {
    let setup = Setup::of(&[("tony", "Tony Stark")]);
    let body = "> uma linha de palavras que não cabe na tela estreita\nfim";
    setup.deliver("tony", "tony", &[("Oi", body)]);
    assert_eq!(setup.run("tony", &["receive"], "").status, 0);
    let piped = setup.run("tony", &["read", "1"], "");
    assert!(piped.out.ends_with(&format!("\n\n{body}\n")), "{piped:?}");
    let terminal = Terminal::start_sized(&setup, (24, 30), &["read", "1"]);
    let (seen, status) = terminal.end();
    let expected = "\r\n\r\n> uma linha de palavras que\r\n> não cabe na tela estreita\r\nfim\r\n";
    assert!(seen.ends_with(expected), "{seen:?}");
    assert_eq!(status, 0);
}

/// Linux's /dev/full has no room for anything.
#[cfg(target_os = "linux")]
#[test]
fn mail_stays_new_until_its_list_is_written() {
    let setup = Setup::of(&[("tony", "Tony Stark")]);
    setup.deliver("tony", "tony", &[("Oi", "Olá")]);
    let address = setup.address.to_string();
    let account = ["--server", &address, "--user", "tony"];
    let full = |command: &[&str]| {
        let full = fs::File::options().write(true).open("/dev/full").unwrap();
        let mut program = setup.program(&[&account[..], command].concat());
        program.env("CORREIO_PASSWORD", PASSWORD).stdout(full).output().unwrap().status.code()
    };
    assert_eq!(full(&["receive"]), Some(74));
    let again = setup.run("tony", &["receive"], "");
    assert_eq!(again.out, "01 e-mail recebido:\n[1] Tony Stark: Oi\n");
    let status = || setup.run("tony", &["--json", "list"], "").json()["mails"][0]["status"].clone();
    assert_eq!(full(&["read", "1"]), Some(74));
    assert_eq!(status(), "unread");
    assert_eq!(setup.run("tony", &["read", "1"], "").status, 0);
    assert_eq!(status(), "read");
}

/// Receives two mails of which the second stops on the way, and cancels that.
fn receive_half(setup: &Setup, more: &[&str]) -> Output {
    let large = "x".repeat(300 * 1024);
    setup.deliver("tony", "tony", &[("Primeiro", &large), ("Segundo", &large)]);
    // The first page has one mail, which passes.
    let proxy = Proxy::start(setup.address, ProxyMode::Stalling(400 * 1024)).unwrap();
    let proxy = proxy.address.to_string();
    let fingerprint = setup.fingerprint().to_string();
    let server = ["--server", &proxy, "--user", "tony", "--fingerprint", &fingerprint];
    let mut program = setup.program(&[&server[..], more, &["receive"]].concat());
    program.env("CORREIO_PASSWORD", PASSWORD);
    let child = program.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();

    let mail = setup.data.path().join("mail");
    let has_one = || {
        let servers = fs::read_dir(&mail).into_iter().flatten().flatten();
        let mut saved = servers
            .filter_map(|server| fs::read_dir(server.path().join("tony").join("new")).ok()?.next());
        saved.next().is_some()
    };
    eventually(has_one);
    let pid = Pid::from_raw(child.id().try_into().unwrap()).unwrap();
    kill_process(pid, Signal::INT).unwrap();
    let done = child.wait_with_output().unwrap();
    assert_eq!(done.status.code(), Some(130), "{done:?}");
    done
}

#[test]
fn what_was_saved_is_listed_when_receiving_fails_half_way() {
    let setup = Setup::of(&[("tony", "Tony Stark")]);
    let done = receive_half(&setup, &[]);
    let out = String::from_utf8(done.stdout).unwrap();
    assert_eq!(out, "01 e-mail recebido:\n[1] Tony Stark: Primeiro\n");
    assert!(String::from_utf8(done.stderr).unwrap().contains("correio: "));
    let list = finish(setup.program(&["--json", "list"]), "").json();
    assert_eq!(list["mails"][0]["status"], "unread", "it was listed");
}

#[test]
fn one_document_has_the_failure_and_what_was_saved() {
    let setup = Setup::of(&[("tony", "Tony Stark")]);
    let done = receive_half(&setup, &["--json"]);
    let document: serde_json::Value = serde_json::from_slice(&done.stdout).unwrap();
    assert_eq!(document["error"]["code"], "cancelled");
    assert_eq!(document["mails"][0]["subject"], "Primeiro");
    assert_eq!(document["mails"].as_array().unwrap().len(), 1);
}
