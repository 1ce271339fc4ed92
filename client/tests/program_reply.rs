//! The commands that attach files, answer and forward mails, and save attachments.

use std::{fs, path::Path};

use correio_client::{Cancel, Drafts, KnownServers, Mailbox, new_mail_id};
use correio_proto::{mail::Content, message::Send};
use correio_testing::proxy::ProxyMode;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::{
    Done, PASSWORD, Setup, finish, password, program,
    screen::{CTRL_C, Start, drafts, has_terminal},
};

const THREE: &[(&str, &str)] =
    &[("tony", "Tony Stark"), ("pepper", "Pepper Potts"), ("peter", "Peter Parker")];

/// Files of several kinds, by their names and bytes.
fn files(directory: &Path) -> Vec<(String, Vec<u8>)> {
    let all_bytes: Vec<u8> = (0..=255).cycle().take(100_000).collect();
    let files = [
        ("relatório.pdf", [b"%PDF-1.7\n".as_slice(), &all_bytes].concat()),
        ("写真.png", all_bytes),
        ("vazio.txt", Vec::new()),
        ("notas.txt", b"linha\r\n.\r\n--fim".to_vec()),
    ];
    let written = files.map(|(name, bytes)| {
        let path = directory.join(name);
        fs::write(&path, &bytes).unwrap();
        (path.to_str().unwrap().to_owned(), bytes)
    });
    written.to_vec()
}

fn english(setup: &Setup, user: &str, arguments: &[&str]) -> Done {
    setup.run(user, &[&["--lang", "en", "--json"], arguments].concat(), "")
}

fn succeeded(setup: &Setup, user: &str, arguments: &[&str]) -> Value {
    let done = english(setup, user, arguments);
    assert_eq!(done.status, 0, "{done:?}");
    done.json()
}

/// Control characters of a path do not reach the terminal.
#[test]
fn paths_with_control_characters_are_shown_as_codes() {
    let setup = Setup::of(THREE);
    let parent = TempDir::new().unwrap();
    let dir = parent.path().join("a\u{1b}[31mb");
    fs::create_dir(&dir).unwrap();
    let file = parent.path().join("nota.txt");
    fs::write(&file, "x").unwrap();
    let attached = ["--body", "x", "--attach", file.to_str().unwrap()];
    let send = [&["send", "--to", "tony", "--subject", "Um"][..], &attached].concat();
    succeeded(&setup, "pepper", &send);

    // The mail is here and new; then a download fails.
    KnownServers::in_directory(&dir).remember(&setup.server(), setup.fingerprint()).unwrap();
    let (service, cancel, tony) = (setup.connect(), Cancel::new(), "tony".parse().unwrap());
    service.login(&tony, &password(), &cancel).unwrap();
    let mut mailbox = Mailbox::open(&dir, &setup.server(), &tony);
    assert_eq!(service.receive(&mut mailbox, &mut |_| {}, &cancel).unwrap().len(), 1);
    let lock = mailbox.directory().join(".correio-lock");
    drop(mailbox);
    fs::remove_file(&lock).unwrap();
    fs::create_dir(&lock).unwrap();
    let address = setup.address.to_string();
    let run = |arguments: &[&str]| {
        let mut command = program(&dir);
        command.args(["--lang", "en", "--server", &address, "--user", "tony"]).args(arguments);
        command.env("CORREIO_PASSWORD", PASSWORD);
        finish(command, "")
    };
    let received = run(&["receive"]);
    assert_eq!((received.status, received.err.contains('\u{1b}')), (74, false), "{received:?}");
    assert!(received.err.contains("is kept in ") && received.err.contains("[31mb/mail/"));

    let saved = run(&["save", "1", "--dir", dir.to_str().unwrap()]);
    assert_eq!((saved.status, saved.out.contains('\u{1b}')), (0, false), "{saved:?}");
    assert!(saved.out.ends_with("[31mb/nota.txt\n"), "{saved:?}");
    assert!(dir.join("nota.txt").exists());
}

fn refused(setup: &Setup, arguments: &[&str]) -> (i32, String) {
    let done = english(setup, "tony", arguments);
    (done.status, done.json()["error"]["code"].as_str().unwrap().to_owned())
}

#[test]
fn a_reply_that_would_be_its_quotation_alone_is_refused() {
    let setup = Setup::of(THREE);
    setup.deliver("pepper", "tony", &[("Um", "Às oito?")]);
    succeeded(&setup, "tony", &["receive"]);
    for body in [&[][..], &["--body", " \n"]] {
        let reply = [&["--lang", "en", "reply", "1"], body].concat();
        let done = setup.run("tony", &reply, "");
        assert_eq!((done.status, &*done.out), (65, ""), "{done:?}");
        assert!(done.err.contains("the body must not be empty"), "{done:?}");
    }
    assert!(drafts(&setup).is_empty());
    let file = setup.data.path().join("nota.txt");
    fs::write(&file, "x").unwrap();
    succeeded(&setup, "tony", &["reply", "1", "--attach", file.to_str().unwrap()]);
}

#[test]
fn attachments_of_all_kinds_come_back_byte_for_byte() {
    let setup = Setup::of(THREE);
    let (from, to) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    let files = files(from.path());
    let mut send = vec!["send", "--to", "pepper,peter", "--subject", "Fotos", "--body", "Aí vão"];
    send.push("--attach");
    send.extend(files.iter().map(|(path, _)| path.as_str()));
    let sent = succeeded(&setup, "tony", &send);
    assert_eq!(sent["attachments"].as_array().unwrap().len(), 4);
    assert_eq!(drafts(&setup).len(), 0, "a mail that was sent leaves no draft");
    let received = succeeded(&setup, "pepper", &["receive"]);
    assert_eq!(received["mails"][0]["body"], "Aí vão\n");
    let read = succeeded(&setup, "pepper", &["read", "1"]);
    let names: Vec<_> =
        read["attachments"].as_array().unwrap().iter().map(|it| &it["name"]).collect();
    assert_eq!(names, ["relatório.pdf", "写真.png", "vazio.txt", "notas.txt"]);
    assert_eq!(read["attachments"][1]["type"], "image/png");
    assert_eq!(read["attachments"][1]["size"], 100_000);
    assert_eq!(read["body_source"], "plain");
    let shown = setup.run("pepper", &["--lang", "en", "read", "1"], "").out;
    assert!(shown.contains("Attachment [2]: 写真.png (image/png, 97.7 KiB)\n"), "{shown}");
    let dir = to.path().to_str().unwrap();
    let saved = succeeded(&setup, "pepper", &["save", "1", "--dir", dir]);
    for (saved, (_, bytes)) in saved["saved"].as_array().unwrap().iter().zip(&files) {
        assert!(fs::read(saved["file"].as_str().unwrap()).unwrap() == *bytes, "{saved}");
    }
    // A second time, no file is replaced.
    let again = setup.run("pepper", &["save", "1", "--dir", dir, "--attachment", "4"], "");
    assert_eq!((again.status, again.out), (0, format!("{dir}/notas (2).txt\n")));
    assert_eq!(fs::read_dir(to.path()).unwrap().count(), 5);
    // The copy of the sender has them, too.
    let own = succeeded(&setup, "tony", &["read", "s1"]);
    assert_eq!(own["attachments"], read["attachments"]);
    assert_eq!(
        succeeded(&setup, "tony", &["list", "--sent", "--has-attachment"])["mails"][0]["number"],
        1
    );
}

#[test]
fn an_answer_quotes_goes_to_all_and_names_its_thread() {
    let setup = Setup::of(THREE);
    setup.deliver("pepper", "tony,peter", &[("Jantar", "Às oito?\n> ou nove")]);
    succeeded(&setup, "tony", &["receive"]);
    let directory = TempDir::new().unwrap();
    let (file, bytes) = files(directory.path()).remove(3);
    let reply = ["reply", "1", "--all", "--body", "Às nove.", "--attach", &file];
    let sent = succeeded(&setup, "tony", &reply);
    assert_eq!(sent["to"], json!(["pepper", "peter"]));
    assert_eq!(sent["subject"], "Re: Jantar");
    let listed = succeeded(&setup, "tony", &["list"]);
    assert_eq!(
        (&listed["mails"][0]["replied"], &listed["mails"][0]["forwarded"]),
        (&true.into(), &false.into())
    );
    succeeded(&setup, "peter", &["receive"]);
    let read = succeeded(&setup, "peter", &["read", "2"]);
    let body = read["body"].as_str().unwrap();
    let quotation = "Pepper Potts <pepper> wrote:\n> Às oito?\n>> ou nove\n\nÀs nove.\n";
    assert!(body.ends_with(quotation), "{body}");
    assert_eq!(read["attachments"][0]["size"], bytes.len());
    // The answer to the answer goes on with the thread, and has one mark.
    let sent = succeeded(&setup, "peter", &["reply", "2", "--body", "Combinado"]);
    assert_eq!((&sent["to"], &sent["subject"]), (&json!(["tony"]), &"Re: Jantar".into()));
    succeeded(&setup, "tony", &["receive"]);
    let maildir = mail_file(&setup, "tony", "peter");
    let text = String::from_utf8(maildir).unwrap();
    let id_of = |field: &str| {
        let value = text.split(&format!("\n{field}: ")).nth(1).unwrap_or_else(|| panic!("{text}"));
        value.lines().take_while(|line| !line.contains(": ")).collect::<Vec<_>>().join("")
    };
    assert_eq!(id_of("In-Reply-To").matches('@').count(), 1, "{text}");
    assert_eq!(id_of("References").matches('@').count(), 2, "{text}");
    assert!(id_of("References").ends_with(id_of("In-Reply-To").trim()), "{text}");
}

/// The file of the mail that a user has received from another.
fn mail_file(setup: &Setup, user: &str, from: &str) -> Vec<u8> {
    let server = fs::read_dir(setup.data.path().join("mail")).unwrap().next().unwrap().unwrap();
    let cur = server.path().join(user).join("cur");
    let mut files = fs::read_dir(cur).unwrap().map(|entry| entry.unwrap().path());
    let file = files.find(|file| file.to_str().unwrap().contains(from));
    fs::read(file.unwrap()).unwrap()
}

#[test]
fn a_mail_is_forwarded_with_its_attachments() {
    let setup = Setup::of(THREE);
    let (from, to) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    let files = files(from.path());
    let mut send = vec!["send", "--to", "tony", "--subject", "Fwd: Fotos", "--body", "Aí vão"];
    send.push("--attach");
    send.extend(files.iter().map(|(path, _)| path.as_str()));
    succeeded(&setup, "pepper", &send);
    succeeded(&setup, "tony", &["receive"]);
    let sent = succeeded(&setup, "tony", &["forward", "1", "--to", "peter", "--body", "Veja"]);
    assert_eq!((&sent["subject"], &sent["to"]), (&"Enc: Fotos".into(), &json!(["peter"])));
    assert_eq!(succeeded(&setup, "tony", &["list"])["mails"][0]["forwarded"], true);
    // Nothing of the files that were made for the draft is left.
    let drafts = setup.data.path().join("drafts");
    let left = walk(&drafts);
    assert!(left.is_empty(), "{left:?}");
    succeeded(&setup, "peter", &["receive"]);
    let read = succeeded(&setup, "peter", &["read", "1"]);
    let body = read["body"].as_str().unwrap();
    assert!(
        body.starts_with(
            "Veja\n\n---------- Forwarded e-mail ----------\nFrom: Pepper Potts <pepper>\n"
        ),
        "{body}"
    );
    assert!(body.ends_with("Aí vão\n"), "{body}");
    let dir = to.path().to_str().unwrap();
    let saved = succeeded(&setup, "peter", &["save", "1", "--dir", dir]);
    assert_eq!(saved["saved"].as_array().unwrap().len(), 4);
    for (saved, (_, bytes)) in saved["saved"].as_array().unwrap().iter().zip(&files) {
        assert!(fs::read(saved["file"].as_str().unwrap()).unwrap() == *bytes, "{saved}");
    }
    // A text is forwarded as a text, and without a body of one's own.
    setup.deliver("pepper", "tony", &[("Nota", "curta")]);
    succeeded(&setup, "tony", &["receive"]);
    succeeded(&setup, "tony", &["forward", "2", "--to", "peter"]);
    let received = succeeded(&setup, "peter", &["receive"]);
    assert!(received["mails"][0].get("attachments").is_none(), "{received}");
}

/// The files below a directory.
fn walk(directory: &Path) -> Vec<std::path::PathBuf> {
    let Ok(entries) = fs::read_dir(directory) else { return Vec::new() };
    let below = entries.map(|entry| entry.unwrap().path()).map(|path| match path.is_dir() {
        true => walk(&path),
        false => vec![path],
    });
    below.flatten().collect()
}

#[test]
fn a_message_of_another_program_is_shown_with_what_must_be_known_of_it() {
    let setup = Setup::of(THREE);
    let (service, cancel) = (setup.connect(), Cancel::new());
    service.login(&"pepper".parse().unwrap(), &password(), &cancel).unwrap();
    let message = "From: Nick Fury <fury@shield.example>\r\nSubject: Outro\r\n\
        Content-Type: text/html\r\n\r\n<p>Oi <b>Tony</b></p><script>x</script>\x1b[2J";
    let mail = Send {
        id: new_mail_id(),
        to: "tony".parse().unwrap(),
        subject: "Oi".parse().unwrap(),
        content: Content::Message(message.as_bytes().try_into().unwrap()),
    };
    service.send(&mail, &cancel).unwrap();
    succeeded(&setup, "tony", &["receive"]);
    let read = succeeded(&setup, "tony", &["read", "1"]);
    assert_eq!((&read["from"], &read["subject"]), (&"pepper".into(), &"Oi".into()));
    assert_eq!(read["other_author"], "Nick Fury <fury@shield.example>");
    assert_eq!(read["body_source"], "html");
    let shown = setup.run("tony", &["--lang", "en", "read", "1"], "").out;
    assert!(shown.contains("names another author: Nick Fury <fury@shield.example>."), "{shown}");
    assert!(shown.contains("made from HTML") && shown.contains("Oi Tony"), "{shown}");
    assert!(!shown.contains('\x1b'), "{shown}");
    // An answer goes to the sender of the mail.
    let sent = succeeded(&setup, "tony", &["reply", "1", "--body", "Oi"]);
    assert_eq!(sent["to"], json!(["pepper"]));
}

#[test]
fn what_cannot_be_attached_saved_or_answered_is_told_before_anything_is_sent() {
    let setup = Setup::of(THREE);
    let directory = setup.data.path().join("files");
    fs::create_dir(&directory).unwrap();
    let send = |file: &str| {
        refused(
            &setup,
            &["send", "--to", "tony", "--subject", "Oi", "--body", "x", "--attach", file],
        )
    };
    let missing = directory.join("nada");
    assert_eq!(send(missing.to_str().unwrap()), (74, "attachment".to_owned()));
    assert_eq!(send(directory.to_str().unwrap()), (74, "attachment".to_owned()));
    let pipe = directory.join("pipe");
    assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    assert_eq!(send(pipe.to_str().unwrap()), (74, "attachment".to_owned()));
    let large = directory.join("grande");
    fs::File::create(&large).unwrap().set_len(60 << 20).unwrap();
    assert_eq!(send(large.to_str().unwrap()), (65, "too_large".to_owned()));
    // Above the limit of this server only.
    fs::File::create(&large).unwrap().set_len(22 << 20).unwrap();
    assert_eq!(send(large.to_str().unwrap()), (65, "too_large".to_owned()));
    assert!(drafts(&setup).is_empty());
    setup.deliver("pepper", "tony", &[("Um", "x")]);
    succeeded(&setup, "tony", &["receive"]);
    assert_eq!(refused(&setup, &["reply", "2", "--body", "x"]), (65, "no_such_mail".to_owned()));
    assert_eq!(
        refused(&setup, &["forward", "2", "--to", "pepper"]),
        (65, "no_such_mail".to_owned())
    );
    assert_eq!(
        refused(&setup, &["forward", "1", "--to", "happy"]),
        (65, "unknown_recipient".to_owned())
    );
    assert_eq!(refused(&setup, &["save", "1"]), (65, "no_attachments".to_owned()));
    let done = setup.run("tony", &["save", "1"], "");
    assert_eq!(done.err, "correio: o e-mail não tem anexos\n");
    let small = directory.join("nota.txt");
    fs::write(&small, "x").unwrap();
    let small = small.to_str().unwrap();
    succeeded(
        &setup,
        "tony",
        &["send", "--to", "tony", "--subject", "Oi", "--body", "x", "--attach", small],
    );
    succeeded(&setup, "tony", &["receive"]);
    assert_eq!(
        refused(&setup, &["save", "2", "--attachment", "2"]),
        (65, "no_such_attachment".to_owned())
    );
    let nowhere = directory.join("sem");
    assert_eq!(
        refused(&setup, &["save", "2", "--dir", nowhere.to_str().unwrap()]),
        (74, "save".to_owned())
    );
}

#[test]
fn an_upload_that_was_cut_goes_on_from_the_drafts_though_the_files_are_gone() {
    if !has_terminal() {
        return;
    }
    let setup = Setup::of(&[("tony", "Tony Stark")]);
    let proxy = setup.proxy(ProxyMode::Open);
    let address = proxy.address.to_string();
    let bytes: Vec<u8> = (0..=255).cycle().take(12 << 20).collect();
    let file = setup.data.path().join("grande.bin");
    fs::write(&file, &bytes).unwrap();
    let start = Start::of(&setup).set("CORREIO_PASSWORD", PASSWORD);
    let send = ["send", "--to", "tony", "--subject", "Oi", "--body", "x", "--attach"];
    let options = ["--server", &address, "--user", "tony"];
    let file = file.to_str().unwrap();
    let mut screen = start.run(&[&options[..], &send, &[file]].concat());
    screen.sees(" MiB");
    proxy.hold(true);
    screen.signal(rustix::process::Signal::KILL);
    drop(screen);
    proxy.hold(false);
    fs::remove_file(file).unwrap();
    let server = address.parse().unwrap();
    let drafts = Drafts::open(setup.data.path(), &server, &"tony".parse().unwrap());
    let list = drafts.list().unwrap();
    assert_eq!((list.drafts.len(), list.skipped), (1, vec![]));
    // The message was made before, and is the same.
    let menus = |choices: &str| {
        let lines = format!("3\ntony\n{PASSWORD}\n{choices}6\n0\n");
        finish(setup.program(&["--server", &address, "--lang", "en"]), &lines).out
    };
    let sent = menus("8\n1\n1\n");
    assert!(sent.contains("E-mail sent"), "{sent}");
    let sent = menus("8\n");
    assert!(sent.contains("There are no drafts."), "{sent}");
    assert!(walk(drafts.directory()).is_empty());
    let received = setup.received();
    assert_eq!(received["mails"].as_array().unwrap().len(), 1, "{received:.300}");
    let to = TempDir::new().unwrap();
    let saved = succeeded(&setup, "tony", &["save", "1", "--dir", to.path().to_str().unwrap()]);
    assert!(fs::read(saved["saved"][0]["file"].as_str().unwrap()).unwrap() == bytes);
}

#[test]
fn ctrl_c_while_an_attachment_is_uploaded_keeps_the_draft_with_it() {
    if !has_terminal() {
        return;
    }
    let setup = Setup::of(&[("tony", "Tony Stark")]);
    let proxy = setup.proxy(ProxyMode::Open);
    let address = proxy.address.to_string();
    let file = setup.data.path().join("grande.bin");
    fs::write(&file, vec![0xff; 12 << 20]).unwrap();
    let start = Start::of(&setup).set("CORREIO_PASSWORD", PASSWORD);
    let send = ["send", "--to", "tony", "--subject", "Oi", "--body", "x", "--attach"];
    let options = ["--server", &address, "--user", "tony"];
    let mut screen = start.run(&[&options[..], &send, &[file.to_str().unwrap()]].concat());
    screen.sees(" MiB");
    proxy.hold(true);
    screen.press(CTRL_C);
    screen.sees("kept as a draft");
    assert_eq!(screen.end().0, 130);
    proxy.hold(false);
    let server = address.parse().unwrap();
    let drafts = Drafts::open(setup.data.path(), &server, &"tony".parse().unwrap());
    let list = drafts.list().unwrap().drafts;
    assert_eq!((list.len(), list[0].attachments.len()), (1, 1));
    assert!(setup.received()["mails"].as_array().unwrap().is_empty());
}
