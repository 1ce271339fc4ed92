//! Tests of the commands: what they print on which stream, and their exit status.

use std::{ffi::OsStr, fs, os::unix::ffi::OsStrExt};

use correio_testing::port::free_address;
use serde_json::json;
use tempfile::TempDir;

use crate::support::{PASSWORD, Setup, finish, finish_bytes, program};

const BOTH: &[(&str, &str)] = &[("tony", "Tony Stark"), ("pepper", "Pepper Potts")];

#[test]
fn a_mail_goes_from_command_to_command() {
    let setup = Setup::of(&[]);
    for (username, full_name) in BOTH {
        let done = setup.run(username, &["register", "--name", full_name], "");
        assert_eq!((done.status, done.err.as_str()), (0, ""));
        assert_eq!(done.out, format!("Conta {username} cadastrada.\n"));
    }
    let send = ["send", "--to", "tony,pepper", "--subject", "Jantar"];
    let done = setup.run("pepper", &send, "Às oito?\n");
    assert_eq!((done.status, done.out.as_str()), (0, "E-mail enviado com sucesso\n"));
    let with_body = [&send[..], &["--body", "Às nove?"]].concat();
    assert_eq!(setup.run("pepper", &with_body, "").status, 0);
    let file = setup.data.path().join("corpo.txt");
    fs::write(&file, "Às dez?\r\n").unwrap();
    let with_file = [&send[..], &["--body-file", file.to_str().unwrap()]].concat();
    assert_eq!(setup.run("pepper", &with_file, "").status, 0);

    let done = setup.run("tony", &["receive"], "");
    let lines: Vec<_> = (1..=3).map(|n| format!("[{n}] Pepper Potts: Jantar\n")).collect();
    assert_eq!(done.out, format!("03 e-mails recebidos:\n{}", lines.concat()));
    let done = setup.run("tony", &["receive"], "");
    assert_eq!((done.status, done.out.as_str()), (0, "00 e-mails recebidos\n"));

    // Local mail needs neither server nor password, nor a username while there is one mailbox.
    for (number, body) in ["Às oito?\n", "Às nove?", "Às dez?\r\n"].into_iter().enumerate() {
        let number = (number + 1).to_string();
        let read = finish(setup.program(&["--json", "read", &number]), "");
        assert_eq!(read.json()["body"], body);
        assert_eq!(read.json()["to"], json!(["tony", "pepper"]));
    }
    let list = finish(setup.program(&["list"]), "");
    assert_eq!(list.out.lines().count(), 3);
    let list = finish(setup.program(&["--json", "list"]), "").json();
    assert_eq!(list["mails"][2]["status"], "read");
    assert_eq!(finish(setup.program(&["read", "4"]), "").status, 65);
}

#[test]
fn a_mail_address_in_place_of_a_username_is_refused_with_what_to_write() {
    let setup = Setup::of(&[("tony", "Tony Stark")]);
    let advice = "a username has no @: write the name alone, for example tony in place of \
                  tony@mail.example.org";
    let address = "tony@mail.example.org";
    let of_nobody = ["--lang", "en", "status"];
    for (user, arguments) in [
        (address, &of_nobody[..]),
        ("tony", &["--lang", "en", "send", "--to", address, "--subject", "x", "--body", "y"]),
        ("tony", &["--lang", "en", "list", "add", "avengers", address]),
        ("tony", &["--lang", "en", "nickname", "team", address]),
    ] {
        let done = setup.run(user, arguments, "");
        assert_eq!(done.status, 65, "{arguments:?}: {done:?}");
        assert!(done.err.contains(advice), "{arguments:?}: {done:?}");
    }
}

/// Linux's /dev/full has no room for anything.
#[cfg(target_os = "linux")]
#[test]
fn an_answer_that_cannot_be_written_is_a_failure() {
    let setup = Setup::of(&[("tony", "Tony Stark")]);
    let full = fs::File::options().write(true).open("/dev/full").unwrap();
    let mut ping = setup.program(&["--server", &setup.address.to_string(), "ping"]);
    let done = ping.stdout(full).output().unwrap();
    assert_eq!(done.status.code(), Some(74));
    assert!(!done.stderr.is_empty());
    let mut ping = setup.program(&["--server", &setup.address.to_string(), "ping"]);
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let done = ping.stdout(writer).output().unwrap();
    assert_eq!((done.status.code(), done.stderr.len()), (Some(0), 0), "nobody wants to read it");
}

#[test]
fn a_body_that_cannot_be_read_is_this_computer_s_fault() {
    let setup = Setup::of(&[("tony", "Tony Stark")]);
    let send = ["send", "--to", "tony", "--subject", "Oi", "--body-file", "/não/existe"];
    assert_eq!(setup.run("tony", &send, "").status, 74);
}

#[test]
fn the_password_and_the_body_may_both_come_from_standard_input() {
    let setup = Setup::of(&[("tony", "Tony Stark")]);
    let address = setup.address.to_string();
    let account = ["--server", &address, "--user", "tony", "--password-stdin", "--json"];
    let send = [&account[..], &["send", "--to", "tony", "--subject", "Oi"]].concat();
    let done = finish(setup.program(&send), &format!("{PASSWORD}\nUm.\nDois.\n"));
    assert_eq!((done.status, done.err.as_str()), (0, ""));
    assert_eq!(done.json()["to"], json!(["tony"]));
    let receive = [&account[..], &["receive"]].concat();
    let done = finish(setup.program(&receive), PASSWORD);
    assert_eq!(done.json()["mails"][0]["body"], "Um.\nDois.\n");
    assert_eq!(done.json()["mails"][0]["from_name"], "Tony Stark");
    let done = finish(setup.program(&["--lang", "en", "--server", &address, "ping"]), "");
    assert!(done.out.starts_with("Service Available: "), "{done:?}");
}

#[test]
fn failures_have_their_status_and_their_code() {
    let setup = Setup::of(&[("tony", "Tony Stark")]);
    let send = |to: &'static str| ["--json", "send", "--to", to, "--subject", "Oi", "--body", "x"];
    let cases: &[(&str, &[&str], i32, &str)] = &[
        ("tony", &send("ninguem"), 65, "unknown_recipient"),
        ("tony", &send("a b"), 65, "invalid"),
        ("steve", &send("tony"), 77, "bad_credentials"),
        ("tony", &["--json", "register", "--name", "T"], 65, "username_taken"),
        ("tony", &["--json", "register", "--name", "a\u{1b}b"], 65, "invalid"),
        ("to ny", &["--json", "receive"], 65, "invalid"),
        ("tony", &["--json", "read", "1"], 65, "no_such_mail"),
    ];
    for (user, arguments, status, code) in cases {
        let done = setup.run(user, arguments, "");
        assert_eq!(done.status, *status, "{arguments:?}: {done:?}");
        assert_eq!(done.json()["error"]["code"], *code, "{arguments:?}");
        assert!(done.json()["error"]["text"].as_str().unwrap().len() > 5);
        assert!(done.json().get("mails").is_none());
    }
    // The same as text: nothing on standard output.
    let done =
        setup.run("tony", &["send", "--to", "ninguem", "--subject", "Oi", "--body", "x"], "");
    assert_eq!((done.status, done.out.as_str()), (65, ""));
    assert!(done.err.contains("destinatário inexistente: ninguem"), "{done:?}");
    // A refused mail would be refused again, so it is no draft.
    assert!(!setup.data.path().join("drafts").exists());
}

#[test]
fn a_mail_that_may_be_sent_later_is_a_draft() {
    let data = TempDir::new().unwrap();
    let nobody = free_address().to_string();
    let send = |more: &[&str]| {
        let mut command = program(data.path());
        command.args(["--server", &nobody, "--user", "tony"]).args(more);
        command.args(["send", "--to", "pepper", "--subject", "Oi", "--body", "x"]);
        command.env("CORREIO_PASSWORD", PASSWORD);
        finish(command, "")
    };
    let done = send(&["--json"]);
    assert_eq!((done.status, done.err.as_str()), (69, ""));
    let draft = &done.json()["error"]["draft"];
    let file = draft["file"].as_str().unwrap();
    let kept: serde_json::Value = serde_json::from_slice(&fs::read(file).unwrap()).unwrap();
    assert_eq!((&kept["id"], &kept["subject"]), (&draft["id"], &json!("Oi")));
    let done = send(&[]);
    assert!(done.err.contains("drafts") && done.err.contains(".json"), "{done:?}");
}

#[test]
fn a_password_that_no_account_has_is_a_wrong_one() {
    let setup = Setup::of(&[("tony", "Tony Stark")]);
    let address = setup.address.to_string();
    let account = ["--server", &address, "--user", "tony", "--password-stdin"];
    for (command, status) in [(&["receive"][..], 77), (&["register", "--name", "T"], 65)] {
        let done = finish(setup.program(&[&account[..], command].concat()), "curta\n");
        assert_eq!(done.status, status, "{done:?}");
    }
}

#[test]
fn an_empty_line_in_place_of_a_password_is_told_and_logs_nobody_in() {
    let setup = Setup::of(&[("tony", "Tony Stark")]);
    let address = setup.address.to_string();
    let account = ["--lang", "en", "--server", &address, "--user", "tony", "--password-stdin"];
    for (command, input) in
        [(&["receive"][..], ""), (&["receive"], "\n"), (&["register", "--name", "T"], "\r\n")]
    {
        let done = finish(setup.program(&[&account[..], command].concat()), input);
        assert_eq!(done.status, 78, "{done:?}");
        assert!(done.err.contains("the first line of standard input"), "{done:?}");
    }
}

/// A file that some editors and shells write begins with a byte-order mark.
#[test]
fn a_byte_order_mark_is_no_part_of_a_password() {
    let setup = Setup::of(&[]);
    let address = setup.address.to_string();
    let account = ["--server", &address, "--user", "tony"];
    let stdin = [&account[..], &["--password-stdin"]].concat();
    let marked = format!("\u{feff}{PASSWORD}\r\n");
    let register = [&stdin[..], &["register", "--name", "Tony Stark"]].concat();
    let done = finish(setup.program(&register), &marked);
    assert_eq!((done.status, done.err.contains("BOM")), (0, true), "{done:?}");
    // The password is the one that a user can type.
    assert_eq!(setup.run("tony", &["receive"], "").status, 0);
    let receive = [&stdin[..], &["receive"]].concat();
    assert_eq!(finish(setup.program(&receive), &marked).status, 0);
    let mut program = setup.program(&[&account[..], &["receive"]].concat());
    program.env("CORREIO_PASSWORD", format!("\u{feff}{PASSWORD}"));
    let done = finish(program, "");
    assert_eq!((done.status, done.err.contains("BOM")), (0, true), "{done:?}");
}

#[test]
fn passwords_and_bodies_that_are_no_utf_8_are_refused_and_never_replaced() {
    let setup = Setup::of(&[("tony", "Tony Stark")]);
    let address = setup.address.to_string();
    let account = ["--lang", "en", "--server", &address, "--user", "tony"];
    let with_bytes = |more: &[&str], set: &[u8], input: &[u8]| {
        let mut program = setup.program(&[&account[..], more].concat());
        program.env("CORREIO_PASSWORD", OsStr::from_bytes(set));
        finish_bytes(program, input)
    };
    let send = ["send", "--to", "tony", "--subject", "Oi"];
    let done = with_bytes(&send, PASSWORD.as_bytes(), b"Ol\xe1\nn\xe3o\n");
    assert_eq!(done.status, 65, "{done:?}");
    assert!(done.err.contains("from line 1 on") && done.err.contains("iconv"), "{done:?}");
    let file = setup.data.path().join("corpo.txt");
    fs::write(&file, b"um\ndois \xe9\n").unwrap();
    let with_file = [&send[..], &["--body-file", file.to_str().unwrap()]].concat();
    let done = with_bytes(&with_file, PASSWORD.as_bytes(), b"");
    assert_eq!((done.status, done.err.contains("from line 2 on")), (65, true), "{done:?}");
    for done in [
        with_bytes(&["receive"], b"jarvis-\xe9", b""),
        with_bytes(&["--password-stdin", "receive"], b"", b"jarvis-\xe9\n"),
    ] {
        assert_eq!(
            (done.status, done.err.contains("password is not UTF-8")),
            (65, true),
            "{done:?}"
        );
    }
    assert_eq!(setup.run("tony", &["receive"], "").out, "00 e-mails recebidos\n");
}

/// The part of the body that is read ends in the middle of a character.
#[test]
fn a_body_that_is_too_long_is_told_so() {
    let setup = Setup::of(&[("tony", "Tony Stark")]);
    let file = setup.data.path().join("corpo.txt");
    for (characters, said) in [
        (14, "o e-mail tem 28 MiB e passa do limite do servidor, de 25 MiB"),
        (33, "o corpo pode ter no máximo 64 MiB"),
    ] {
        fs::write(&file, "ã".repeat(characters << 20)).unwrap();
        let send =
            ["send", "--to", "tony", "--subject", "Oi", "--body-file", file.to_str().unwrap()];
        let done = setup.run("tony", &send, "");
        assert_eq!(done.status, 65);
        assert_eq!(done.err, format!("correio: {said}\n"));
    }
}

#[test]
fn texts_may_begin_with_a_hyphen() {
    let setup = Setup::of(&[("tony", "Tony Stark")]);
    let send = ["send", "--to", "tony", "--subject", "-1 °C", "--body", "-x"];
    assert_eq!(setup.run("tony", &send, "").status, 0);
    let send = ["send", "--to", "tony", "--subject", "Stdin", "--body-file", "-"];
    assert_eq!(setup.run("tony", &send, "--body\n").status, 0);
    let mails = setup.received()["mails"].clone();
    assert_eq!((&mails[0]["subject"], &mails[0]["body"]), (&json!("-1 °C"), &json!("-x")));
    assert_eq!(mails[1]["body"], "--body\n");
    let register = ["--json", "register", "--name", "-T-"];
    assert_eq!(setup.run("pepper", &register, "").json()["full_name"], "-T-");
}

#[test]
fn servers_that_cannot_be_reached() {
    let setup = Setup::of(&[]);
    let nobody = free_address().to_string();
    for (server, code) in [(nobody.as_str(), "refused"), ("nome.invalid", "name_not_found")] {
        let done = finish(setup.program(&["--json", "--server", server, "ping"]), "");
        assert_eq!((done.status, &done.json()["error"]["code"]), (69, &json!(code)));
    }
}

#[test]
fn wrong_usage_and_bad_configuration() {
    let data = TempDir::new().unwrap();
    let status = |arguments: &[&str], set: &[(&str, &str)]| {
        let mut command = program(data.path());
        command.args(arguments).envs(set.iter().copied());
        finish(command, "").status
    };
    for arguments in [
        &["nada"][..],
        &["--nada"],
        &["read"],
        &["read", "um"],
        &["--json"],
        &["--lang", "fr"],
        &["send", "--to", "tony"],
        &["--server", "a..b", "ping"],
        &["--server", "localhost:99999", "ping"],
    ] {
        assert_eq!(status(arguments, &[]), 64, "{arguments:?}");
    }
    assert_eq!(status(&["ping"], &[("CORREIO_SERVER", "a..b")]), 78);
    assert_eq!(status(&["ping"], &[]), 78);
    assert_eq!(status(&["ping"], &[("CORREIO_SERVER", "")]), 78);
    let account = [("CORREIO_SERVER", "localhost:1"), ("CORREIO_USER", "tony")];
    assert_eq!(status(&["receive"], &account), 78, "no password");
    let register = ["register", "--name", "Tony"];
    for variable in ["CORREIO_FINGERPRINT", "CORREIO_LANG", "CORREIO_INVITE"] {
        let mut command = program(data.path());
        command.args(register).env(variable, "fr");
        let done = finish(command, "");
        let is_named = done.err.contains(&format!("O valor é o de {variable}."));
        assert_eq!((done.status, is_named), (78, true), "{done:?}");
    }
    // An empty variable counts as not set.
    let nothing = [
        ("CORREIO_SERVER", "localhost:1"),
        ("CORREIO_USER", "tony"),
        ("CORREIO_FINGERPRINT", ""),
        ("CORREIO_LANG", ""),
        ("CORREIO_INVITE", ""),
        ("CORREIO_PASSWORD", "jarvis-is-here"),
    ];
    let mut command = program(data.path());
    command.args(register).envs(nothing);
    let done = finish(command, "");
    // The message names the address, which the user has not typed.
    assert_eq!((done.status, done.err.contains(":1)")), (69, true), "{done:?}");
    assert_eq!(status(&["--help"], &[]), 0);
    assert_eq!(status(&["--version"], &[]), 0);

    let mut command = program(data.path());
    command.args(["--json", "read", "um"]);
    let done = finish(command, "");
    assert_eq!((done.status, &done.json()["error"]["code"]), (64, &json!("usage")));
    assert_eq!(done.err, "");
}

#[test]
fn help_and_errors_are_in_the_language_of_the_option_or_the_environment() {
    let data = TempDir::new().unwrap();
    let run = |arguments: &[&str], set: &[(&str, &str)]| {
        let mut command = program(data.path());
        command.args(arguments).envs(set.iter().copied());
        finish(command, "")
    };
    assert!(run(&["--help"], &[]).out.contains("\nUso: correio [OPÇÕES] [COMANDO]\n"));
    assert!(run(&["--help"], &[]).out.contains("\nStatus de saída: 0 feito; 64 uso errado;"));
    assert!(
        run(&["--help"], &[("LANG", "en_US.UTF-8")]).out.contains("\nUsage: correio [OPTIONS]")
    );
    assert!(run(&["send", "--help", "--lang", "en"], &[]).out.contains("--subject <TEXT>"));
    let wrong = run(&["--lang", "pt", "read", "um"], &[("LANG", "en_US.UTF-8")]);
    assert_eq!(wrong.status, 64);
    assert!(wrong.err.starts_with("correio: \"um\" não serve para <N>: "), "{wrong:?}");
    let wrong = run(&["--nada"], &[("CORREIO_LANG", "en"), ("LANG", "pt_BR.UTF-8")]);
    assert!(wrong.err.starts_with("correio: there is no argument --nada\n"), "{wrong:?}");
}

#[test]
fn what_is_kept_is_for_its_owner_alone() {
    use std::os::unix::fs::PermissionsExt;

    let setup = Setup::of(&[("tony", "Tony Stark")]);
    let address = setup.address.to_string();
    let data = setup.data.path().join("dados");
    let fingerprint = setup.fingerprint().to_string();
    let data_dir = data.to_str().unwrap();
    let arguments = ["--data-dir", data_dir, "--server", &address, "--fingerprint", &fingerprint];
    let run = |more: &[&str], input: &str| {
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_correio"));
        command.args(arguments).args(more).env("CORREIO_PASSWORD", PASSWORD);
        assert_eq!(finish(command, input).status, 0);
    };
    run(&[], "0\n");
    let account = ["--user", "tony"];
    run(&[&account[..], &["send", "--to", "tony", "--subject", "Oi"]].concat(), "Olá");
    run(&[&account[..], &["receive"]].concat(), "");
    let mut folders = vec![data];
    let mut files = 0;
    while let Some(folder) = folders.pop() {
        assert_eq!(fs::metadata(&folder).unwrap().permissions().mode() & 0o777, 0o700);
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let mode = fs::metadata(&path).unwrap().permissions().mode() & 0o777;
            assert_eq!(mode, 0o600, "{}", path.display());
            files += 1;
        }
    }
    assert!(files >= 2, "the server's address and the mail: {files}");
}

#[test]
fn a_mailbox_does_not_depend_on_how_the_server_is_spelled() {
    let setup = Setup::of(&[("tony", "Tony Stark")]);
    setup.deliver("tony", "tony", &[("Oi", "Olá")]);
    assert_eq!(setup.run("tony", &["receive"], "").status, 0);
    let name = format!("localhost:{}", setup.address.port());
    setup.known().remember(&name.parse().unwrap(), setup.fingerprint()).unwrap();
    setup.deliver("tony", "tony", &[("De novo", "Olá")]);
    let run = |arguments: &[&str]| {
        let mut command = setup.program(&["--server", &name, "--json"]);
        command.args(arguments).env("CORREIO_PASSWORD", PASSWORD);
        finish(command, "")
    };
    assert_eq!(run(&["--user", "tony", "receive"]).json()["mails"][0]["subject"], "De novo");
    // By both spellings, with the user and without.
    for arguments in [&["--user", "tony", "list"][..], &["list"]] {
        assert_eq!(run(arguments).json()["mails"].as_array().unwrap().len(), 2);
    }
    let list = setup.run("tony", &["--json", "list"], "");
    assert_eq!(list.json()["mails"].as_array().unwrap().len(), 2);
}

#[test]
fn commands_that_only_read_make_no_directory() {
    let setup = Setup::of(&[]);
    let address = setup.address.to_string();
    let data = setup.data.path().join("new");
    let account = ["--server", &address, "--user", "tony", "--json"];
    for command in [&["list"][..], &["read", "1"], &["ping"]] {
        let fingerprint = setup.fingerprint().to_string();
        let mut program = program(&data);
        program.env("CORREIO_FINGERPRINT", fingerprint).args(account).args(command);
        let done = finish(program, "");
        assert_eq!(done.status, if command[0] == "read" { 65 } else { 0 }, "{done:?}");
        assert!(!data.exists(), "{command:?}");
    }
}
