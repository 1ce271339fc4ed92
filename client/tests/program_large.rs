//! The program and large contents: what it sends, receives, shows and refuses.

use std::{
    fs,
    io::Write,
    os::unix::fs::MetadataExt,
    process::{Command, Stdio},
};

use correio_client::{Draft, Drafts, new_mail_id};
use correio_proto::limits;
use correio_testing::proxy::ProxyMode;
use serde_json::Value;
use tempfile::TempDir;

use crate::support::{
    PASSWORD, Setup,
    plain::{PlainSetup, digest, done, subjects, succeeded},
    screen::{CTRL_C, ENTER, ESCAPE, FIRST, HOME, Screen, Start, has_terminal},
};

/// A text above the server's limit for bodies.
fn large() -> String {
    "É uma linha de um corpo grande.\r\n\tE outra.\n".repeat(limits::BODY_DEFAULT_MAX / 40)
}

#[test]
fn a_large_body_from_a_file_a_pipe_or_standard_input_arrives_as_it_was() {
    let setup = PlainSetup::new();
    let (data, files) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    let text = large();
    let file = files.path().join("body");
    fs::write(&file, &text).unwrap();
    let file = file.to_str().unwrap();
    let send = ["send", "--to", "tony", "--subject", "Grande", "--body-file"];
    done(setup.command(data.path(), &[&send[..], &[file]].concat()));
    for source in ["-", "/dev/stdin"] {
        let mut command = setup.command(data.path(), &[&send[..], &[source]].concat());
        let mut child = command.stdin(Stdio::piped()).spawn().unwrap();
        child.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
        succeeded(&child.wait_with_output().unwrap());
    }
    let received = done(setup.command(data.path(), &["receive"]));
    let mails = received["mails"].as_array().unwrap();
    assert_eq!(mails.len(), 3);
    assert!(mails.iter().all(|mail| mail["body"].as_str() == Some(&text)));
    assert!(mails.iter().all(|mail| mail.get("replaced").is_none()));
    assert_eq!(setup.take_the_rest(), 0);
    let drafts = data.path().join("drafts");
    let kept = fs::read_dir(drafts).unwrap().flatten().flat_map(|it| fs::read_dir(it.path()));
    let kept = kept.flatten().flatten().flat_map(|it| fs::read_dir(it.path())).flatten().count();
    assert_eq!(kept, 0, "a mail that was sent leaves no draft");
}

#[test]
fn a_body_that_cannot_be_sent_is_refused_with_the_limit_or_the_line() {
    let setup = PlainSetup::new();
    let (data, files) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    let file = files.path().join("body");
    let refused = |bytes: &[u8]| -> Value {
        fs::write(&file, bytes).unwrap();
        let file = file.to_str().unwrap();
        let send = ["send", "--to", "tony", "--subject", "Grande", "--body-file", file];
        let output = setup.command(data.path(), &send).output().unwrap();
        assert_eq!(output.status.code(), Some(65), "{output:?}");
        serde_json::from_slice::<Value>(&output.stdout).unwrap()["error"].clone()
    };
    let above = |limit: u64| vec![b'x'; usize::try_from(limit).unwrap() + 1];
    let error = refused(&above(limits::CONTENT_DEFAULT_MAX));
    assert_eq!(error["code"], "too_large");
    let said = "the e-mail has 25.1 MiB, above the server's limit of 25 MiB";
    assert_eq!(error["text"], said);
    let error = refused(&above(limits::CONTENT_MAX));
    assert_eq!(error["code"], "invalid");
    assert_eq!(error["text"], "the body may have at most 64 MiB");
    let text = large();
    let error = refused(&[text.as_bytes(), b"\xe9"].concat());
    assert_eq!(error["code"], "body");
    let line = format!("from line {} on", text.lines().count() + 1);
    assert!(error["text"].as_str().unwrap().contains(&line), "{error}");
    assert!(!data.path().join("drafts").exists(), "what was refused is in its file");
}

#[test]
fn a_body_that_cannot_be_read_is_told_before_a_password_is_asked() {
    if !has_terminal() {
        return;
    }
    let setup = Setup::of(&[("tony", "Tony Stark")]);
    let (address, file) = (setup.address.to_string(), setup.data.path().join("nada.txt"));
    let send = |file: &str| {
        let send = ["send", "--to", "tony", "--subject", "Oi", "--body-file", file];
        Start::of(&setup)
            .size(24, 200)
            .run(&[&["--server", &address, "--user", "tony"], &send[..]].concat())
    };
    let refused = |status: i32, said: &str| {
        let (ended, shown) = send(file.to_str().unwrap()).end();
        assert_eq!(ended, status, "{shown}");
        assert!(shown.contains(said) && !shown.contains("Password"), "{shown}");
    };
    refused(74, &format!("could not read {}: ", file.display()));
    fs::write(&file, " \n").unwrap();
    refused(65, "the body must not be empty");
}

#[test]
fn bytes_that_are_no_text_are_kept_and_shown_with_a_note() {
    let setup = PlainSetup::new();
    let data = TempDir::new().unwrap();
    let bytes = [large().as_bytes(), b"\x1b[2J Ol\xe1 \xff\n"].concat();
    setup.upload("Latin-1", &bytes, digest(&bytes));
    let received = done(setup.command(data.path(), &["receive"]));
    let shown = large() + "\u{1b}[2J Ol\u{fffd} \u{fffd}\n";
    assert!(received["mails"][0]["body"].as_str() == Some(&shown));
    assert_eq!(received["mails"][0]["replaced"], true);
    let mut read = setup.command(data.path(), &["read", "1"]);
    read.env("CORREIO_LANG", "en");
    let read = read.output().unwrap();
    let read: Value = serde_json::from_slice(&read.stdout).unwrap();
    assert_eq!(read["replaced"], true);
    let mut people = Command::new(env!("CARGO_BIN_EXE_correio"));
    let command = setup.command(data.path(), &["read", "1"]);
    people.args(command.get_args().filter(|argument| *argument != "--json"));
    let said = String::from_utf8(people.output().unwrap().stdout).unwrap();
    assert!(said.contains("not UTF-8"), "{said:.300}");
    assert!(said.ends_with("\\u{1b}[2J Ol\u{fffd} \u{fffd}\n\n"));
}

#[test]
fn a_content_that_arrives_damaged_stays_on_the_server_and_is_told() {
    let setup = PlainSetup::new();
    let data = TempDir::new().unwrap();
    setup.send("Antes", "x");
    setup.upload("Outro", large().as_bytes(), digest(b"another content"));
    setup.send("Depois", "x");
    let output = setup.command(data.path(), &["receive"]).output().unwrap();
    assert_eq!(output.status.code(), Some(65));
    let answer: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(answer["error"]["code"], "damaged");
    assert!(answer["error"]["text"].as_str().unwrap().contains("Outro"), "{answer}");
    assert_eq!(subjects(&answer), ["Antes", "Depois"]);
    let listed = done(setup.command(data.path(), &["list"]));
    assert_eq!(subjects(&listed), ["Antes", "Depois"]);
    let output = setup.command(data.path(), &["receive"]).output().unwrap();
    assert_eq!(output.status.code(), Some(65), "it is still there");
}

#[test]
fn a_content_that_never_arrives_whole_can_be_deleted_on_the_server() {
    let setup = PlainSetup::new();
    let data = TempDir::new().unwrap();
    setup.upload("Outro", large().as_bytes(), digest(b"another content"));
    setup.upload("Grande", large().as_bytes(), digest(large().as_bytes()));
    let output = setup.command(data.path(), &["receive", "--delete-damaged"]).output().unwrap();
    assert_eq!(output.status.code(), Some(0));
    let answer: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(subjects(&answer), ["Grande"]);
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(said.contains("Outro") && !said.contains("Grande"), "{said}");
    let answer = done(setup.command(data.path(), &["receive"]));
    assert!(subjects(&answer).is_empty(), "nothing is left: {answer}");
}

#[test]
fn a_transfer_is_shown_and_ctrl_c_leaves_a_draft_or_the_mail_on_the_server() {
    if !has_terminal() {
        return;
    }
    let setup = Setup::of(&[("tony", "Tony Stark")]);
    let proxy = setup.proxy(ProxyMode::Open);
    let address = proxy.address.to_string();
    let text = "x".repeat(usize::try_from(limits::CONTENT_DEFAULT_MAX).unwrap());
    let file = setup.data.path().join("body");
    fs::write(&file, &text).unwrap();
    let run = |arguments: &[&str]| -> Screen {
        let start = Start::of(&setup).set("CORREIO_PASSWORD", PASSWORD);
        start.run(&[&["--server", &address, "--user", "tony"], arguments].concat())
    };
    let file = file.to_str().unwrap();
    let mut screen = run(&["send", "--to", "tony", "--subject", "Oi", "--body-file", file]);
    screen.sees("/25.00 MiB");
    proxy.hold(true);
    screen.press(CTRL_C);
    screen.sees("kept as a draft");
    let (status, said) = screen.end();
    assert_eq!(status, 130);
    let (failed, kept) = (said.find("cancelled before the e-mail was sent"), said.find("kept as"));
    assert!(failed.is_some() && failed < kept, "{said}");
    proxy.hold(false);
    assert!(drafts_of(&setup, &address) == [text.as_str()]);

    setup.run("tony", &["send", "--to", "tony", "--subject", "Oi", "--body-file", file], "");
    let mut screen = run(&["receive"]);
    screen.sees("/25.00 MiB");
    proxy.hold(true);
    screen.press(CTRL_C);
    assert_eq!(screen.end().0, 130);
    proxy.hold(false);
    assert!(setup.received()["mails"][0]["body"].as_str() == Some(&text));
}

#[test]
fn ctrl_c_counts_while_a_draft_is_opened_to_be_sent_and_leaves_it_as_it_was() {
    if !has_terminal() {
        return;
    }
    let setup = Setup::of(&[("tony", "Tony Stark")]);
    let proxy = setup.proxy(ProxyMode::Open);
    let address = proxy.address.to_string();
    let (to, subject, body) = ("tony".to_owned(), "Grande".to_owned(), large());
    let draft = Draft { to, subject, body, ..Draft::begin(new_mail_id()) };
    let drafts =
        Drafts::open(setup.data.path(), &address.parse().unwrap(), &"tony".parse().unwrap());
    drafts.save(&draft).unwrap();
    let inode = || fs::metadata(drafts.file(draft.id)).unwrap().ino();
    let before = inode();
    // The program waits for the text of an editor, as for a slow disk.
    let editing = setup.data.path().join("editing");
    fs::create_dir(&editing).unwrap();
    let pipe = editing.join(format!("{}.txt", draft.id));
    assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    let mut screen = Start::of(&setup).run(&["--server", &address]);
    screen.menu(FIRST);
    screen.log_in();
    screen.press("8");
    screen.sees("Grande");
    screen.menu("0) Back");
    screen.press("1");
    screen.sees("3) Delete");
    screen.menu("0) Back");
    proxy.hold(true);
    screen.press("1");
    screen.sees("Sending…");
    screen.press(CTRL_C);
    drop(fs::OpenOptions::new().write(true).open(&pipe).unwrap());
    screen.sees("cancelled before the e-mail was sent");
    screen.sees("kept as a draft");
    proxy.hold(false);
    screen.menu(HOME);
    assert_eq!(inode(), before, "a draft that has not changed is not written again");
    screen.cancel();
    assert_eq!(drafts.list().unwrap().drafts, [draft]);
    assert!(setup.received()["mails"].as_array().unwrap().is_empty());
}

/// The bodies of Tony's drafts for a server.
fn drafts_of(setup: &Setup, server: &str) -> Vec<String> {
    let drafts =
        Drafts::open(setup.data.path(), &server.parse().unwrap(), &"tony".parse().unwrap());
    drafts.list().unwrap().drafts.into_iter().map(|draft| draft.body).collect()
}

#[test]
fn the_menus_send_a_large_draft_and_show_a_large_mail_by_pages() {
    if !has_terminal() {
        return;
    }
    let setup = Setup::of(&[("tony", "Tony Stark")]);
    let body = format!("primeira\n{}última", large());
    let draft = Draft {
        to: "tony".to_owned(),
        subject: "Grande".to_owned(),
        body: body.clone(),
        ..Draft::begin(new_mail_id())
    };
    let drafts = Drafts::open(setup.data.path(), &setup.server(), &"tony".parse().unwrap());
    drafts.save(&draft).unwrap();
    let mut screen = Start::of(&setup).home();
    screen.press("8");
    screen.sees("Grande");
    screen.menu("0) Back");
    screen.press("1");
    // The menu of the draft ends as the one of the drafts does.
    screen.sees("3) Delete");
    screen.menu("0) Back");
    screen.press("1");
    screen.sees("E-mail sent");
    screen.menu(HOME);
    assert!(drafts.list().unwrap().drafts.is_empty());
    screen.press("5");
    screen.sees("[1] Tony Stark: Grande");
    screen.answer("(0 goes back) ", "1");
    screen.sees("primeira");
    screen.sees("Enter goes on");
    screen.press(END);
    screen.sees("última");
    screen.press(ESCAPE);
    screen.sees("Enter goes back to the list");
    screen.press(ENTER);
    screen.answer("(0 goes back) ", "0");
    screen.menu(HOME);
    screen.cancel();
    assert!(setup.received()["mails"].as_array().unwrap().is_empty());
}

/// The key End.
const END: &str = "\x1b[F";
