//! Tests of the mail on this computer: sent mail, lists, marks, deletion, search.

use std::{fs, path::PathBuf};

use correio_client::Mailbox;
use correio_proto::mail::{Mail, Seq, Timestamp};
use serde_json::Value;

use crate::support::{
    PASSWORD, Setup, finish,
    screen::{CTRL_D, ENTER, ESCAPE, HOME, Start, drafts, has_terminal},
};

const BOTH: &[(&str, &str)] = &[("tony", "Tony Stark"), ("pepper", "Pepper Potts")];

fn send(setup: &Setup, from: &str, to: &str, subject: &str, body: &str) {
    let send = ["send", "--to", to, "--subject", subject, "--body", body];
    let done = setup.run(from, &send, "");
    assert_eq!((done.status, done.err.as_str()), (0, ""));
}

/// Runs a command for Tony's local mail, with English texts.
fn local(setup: &Setup, arguments: &[&str]) -> crate::support::Done {
    setup.run("tony", &[&["--lang", "en"], arguments].concat(), "")
}

/// Folders and numbers of the mails in an answer.
fn numbers(answer: &Value) -> Vec<String> {
    let number = |mail: &Value| {
        let folder = mail["folder"].as_str().unwrap();
        format!("{}{}", folder.chars().next().unwrap(), mail["number"])
    };
    answer["mails"].as_array().unwrap().iter().map(number).collect()
}

fn maildir(setup: &Setup, user: &str) -> PathBuf {
    let server = fs::read_dir(setup.data.path().join("mail")).unwrap().next();
    server.unwrap().unwrap().path().join(user)
}

#[test]
fn a_sent_mail_is_kept_listed_and_read() {
    let setup = Setup::of(BOTH);
    send(&setup, "tony", "pepper,tony", "Jantar", "Às oito?\n");
    let list = local(&setup, &["list", "--sent"]);
    assert!(
        list.out.starts_with("[s1] ") && list.out.ends_with(" To pepper, tony: Jantar\n"),
        "{list:?}"
    );
    let list = local(&setup, &["--json", "list", "--sent"]).json();
    assert_eq!(numbers(&list), ["s1"]);
    assert_eq!(
        (&list["mails"][0]["status"], &list["mails"][0]["from_name"]),
        (&"read".into(), &"Tony Stark".into())
    );
    let read = local(&setup, &["--json", "read", "s1"]).json();
    assert_eq!((&read["body"], &read["folder"]), (&"Às oito?\n".into(), &"sent".into()));
    // The list of received mail is as it was.
    assert_eq!(local(&setup, &["list"]).out, "There are no e-mails on this computer.\n");
    assert_eq!(local(&setup, &["read", "1"]).status, 65);
    for command in ["read", "delete"] {
        let gone = local(&setup, &[command, "s2"]);
        let said = "correio: there is no e-mail number s2\n";
        assert_eq!((gone.status, gone.err.as_str()), (65, said), "{command}");
    }
    let wrong = local(&setup, &["read", "x2"]);
    assert_eq!(wrong.status, 64);
    assert!(wrong.err.contains("with s before it"), "{wrong:?}");
}

#[test]
fn lists_have_filters_orders_and_pages() {
    let setup = Setup::of(BOTH);
    let subjects: Vec<String> = (1..=60).map(|number| format!("S{number}")).collect();
    let mails: Vec<_> = subjects.iter().map(|subject| (subject.as_str(), "x")).collect();
    setup.deliver("pepper", "tony", &mails);
    setup.deliver("tony", "tony", &[("Nota", "Para mim")]);
    assert_eq!(setup.run("tony", &["receive"], "").status, 0);
    let list = |arguments: &[&str]| {
        numbers(&local(&setup, &[&["--json", "list"], arguments].concat()).json())
    };
    assert_eq!(list(&[]).len(), 61);
    assert_eq!(list(&["--newest-first"])[..2], ["r61", "r60"]);
    assert_eq!(
        list(&["--oldest-first", "--page", "2"]),
        (51..=61).map(|n| format!("r{n}")).collect::<Vec<_>>()
    );
    assert_eq!(list(&["--newest-first", "--page", "2"])[0], "r11");
    assert_eq!(list(&["--from", "STARK"]), ["r61"]);
    assert_eq!(list(&["--from", "pep", "--page", "2"]).len(), 10);
    assert_eq!(list(&["--has-attachment"]), [""; 0]);
    let page = local(&setup, &["--json", "list", "--page", "2"]).json();
    assert_eq!((&page["page"], &page["pages"], &page["total"]), (&2.into(), &2.into(), &61.into()));
    let page = local(&setup, &["list", "--page", "2"]);
    assert!(page.out.ends_with("Page 2 of 2; 61 e-mails\n"), "{page:?}");
    let none = local(&setup, &["--json", "list", "--page", "3"]);
    assert_eq!((none.status, &none.json()["error"]["code"]), (65, &"no_such_page".into()));
    assert_eq!(local(&setup, &["list", "--page", "0"]).status, 64);
    assert_eq!(local(&setup, &["list", "--newest-first", "--oldest-first"]).status, 64);

    let marked = local(&setup, &["mark", "3", "5", "--important"]);
    assert_eq!((marked.status, marked.out.as_str()), (0, "2 e-mails marked.\n"));
    assert_eq!(list(&["--important"]), ["r3", "r5"]);
    assert_eq!(local(&setup, &["mark", "3", "--not-important", "--read"]).status, 0);
    assert_eq!(list(&["--important"]), ["r5"]);
    assert_eq!(list(&["--unread"]).len(), 60);
    assert_eq!(local(&setup, &["mark", "3", "--unread"]).status, 0);
    assert_eq!(list(&["--unread"]).len(), 61);
    assert_eq!(local(&setup, &["mark", "3"]).status, 64);
    assert_eq!(local(&setup, &["mark", "3", "62", "--read"]).status, 65);
    assert_eq!(list(&["--unread"]).len(), 61, "nothing is marked if one number is wrong");
}

/// A list of more mails than are in memory at once is written in parts.
#[test]
fn a_long_list_is_the_same_as_its_pages() {
    const COUNT: u32 = 1_100;
    let setup = Setup::of(BOTH);
    let mailbox = Mailbox::open(setup.data.path(), &setup.server(), &"tony".parse().unwrap());
    for directory in ["new", "cur", "tmp"] {
        fs::create_dir_all(mailbox.directory().join(directory)).unwrap();
    }
    for mail in (0..COUNT).map(long_list_mail) {
        let (name, content) = mailbox.file_of(&mail);
        fs::write(mailbox.directory().join("new").join(name), content).unwrap();
    }
    fs::write(mailbox.directory().join("cur/foreign"), "x").unwrap();

    let whole = local(&setup, &["list", "--newest-first"]);
    let json = local(&setup, &["--json", "list", "--newest-first"]);
    assert_eq!((whole.status, whole.err.lines().count()), (0, 1), "{}", whole.err);
    let (mut lines, mut mails) = (Vec::new(), Vec::new());
    for page in 1..=COUNT.div_ceil(50) {
        let page = page.to_string();
        let arguments = ["list", "--newest-first", "--page", &page];
        let shown = local(&setup, &arguments).out;
        let mut shown: Vec<_> = shown.lines().map(str::to_owned).collect();
        // The line with the page's number.
        shown.pop();
        lines.extend(shown);
        let page = local(&setup, &[&["--json"][..], &arguments].concat()).json();
        mails.extend(page["mails"].as_array().unwrap().clone());
    }
    assert_eq!(whole.out.lines().collect::<Vec<_>>(), lines);
    assert_eq!(json.json(), serde_json::json!({ "mails": mails }));
    assert!(lines[0].starts_with("[1100] ") && lines[0].ends_with("Pepper Potts: S1099"));
    assert!(lines[1099].starts_with("[1] "));
    let none = local(&setup, &["list", "--from", "ninguem"]);
    assert_eq!(none.out, "No e-mail was found.\n");
}

fn long_list_mail(number: u32) -> Mail {
    let mut id = [0; 16];
    id[12..].copy_from_slice(&number.to_be_bytes());
    (id[6], id[8]) = (0x70, 0x80);
    Mail {
        seq: Seq(u64::from(number) + 1),
        id: id.try_into().unwrap(),
        from: "pepper".parse().unwrap(),
        from_name: "Pepper Potts".parse().unwrap(),
        to: "tony".parse().unwrap(),
        sent_at: Timestamp(1_790_000_000_000 + u64::from(number) * 1_000),
        subject: format!("S{number}").parse().unwrap(),
        content: "x".parse().unwrap(),
    }
}

#[test]
fn lists_show_what_was_done_with_a_mail_before_all_that_its_sender_chose() {
    let setup = Setup::of(&[("tony", "Tony Stark"), ("pepper", "Pepper Potts"), ("loki", "! r")]);
    setup.deliver("pepper", "tony", &[("Um", "x"), ("Dois !", "x"), ("Três", "x")]);
    setup.deliver("loki", "tony", &[("Quatro", "x")]);
    assert_eq!(setup.run("tony", &["receive"], "").status, 0);
    assert_eq!(local(&setup, &["mark", "1", "3", "--important"]).status, 0);
    assert_eq!(local(&setup, &["reply", "3", "--body", "x"]).status, 0);
    assert_eq!(local(&setup, &["forward", "3", "--to", "pepper"]).status, 0);
    let list = local(&setup, &["list"]).out;
    let without_time = |line: &str| {
        let words: Vec<_> = line.split(' ').collect();
        let time = words.iter().position(|word| word.contains('-') || word.contains('/')).unwrap();
        [&words[..time], &words[time + 3..]].concat().join(" ")
    };
    let expected = [
        "[1] ! Pepper Potts: Um",
        "[2] Pepper Potts: Dois !",
        "[3] !rf Pepper Potts: Três",
        "[4] \"! r\" <loki>: Quatro",
    ];
    assert_eq!(list.lines().map(without_time).collect::<Vec<_>>(), expected);
    let found = local(&setup, &["search", "três"]).out;
    assert!(found.contains("[3] !rf "), "{found}");
    // The menus, and what they change while their lists stay open.
    let address = setup.address.to_string();
    let lines = format!("3\ntony\n{PASSWORD}\n7\ni 2\ni 1\n0\n6\n0\n");
    let out = finish(setup.program(&["--server", &address, "--lang", "en"]), &lines).out;
    let list = out.rfind("[1] ").map(|at| &out[at..]).unwrap();
    assert!(list.starts_with("[1] Pepper Potts: Um\n[2] ! Pepper Potts: Dois !\n"), "{out}");
    assert!(list.contains("[3] !rf Pepper Potts: Três\n[4] \"! r\" <loki>: Quatro\n"), "{out}");
}

#[test]
fn a_mail_deleted_here_does_not_come_back() {
    let setup = Setup::of(BOTH);
    setup.deliver("pepper", "tony", &[("Um", "x"), ("Dois", "x"), ("Três", "x"), ("Quatro", "x")]);
    assert_eq!(setup.run("tony", &["receive"], "").status, 0);
    let deleted = local(&setup, &["--json", "delete", "3", "1", "3"]).json();
    assert_eq!(deleted["deleted"].as_array().unwrap().len(), 2);
    let left = local(&setup, &["list"]);
    assert!(left.out.contains("Dois") && left.out.contains("Quatro"), "{left:?}");
    assert_eq!(left.out.lines().count(), 2);
    assert_eq!(setup.run("tony", &["receive"], "").out, "00 e-mails recebidos\n");
    assert_eq!(local(&setup, &["list"]).out, left.out);
    assert_eq!(local(&setup, &["delete", "2", "3"]).status, 65);
    assert_eq!(local(&setup, &["list"]).out, left.out, "nothing is deleted if one number is wrong");
    // The server has nothing, so that nothing has to be remembered.
    assert!(!maildir(&setup, "tony").join(".correio-deleted").exists());
    send(&setup, "tony", "pepper", "Oi", "x");
    assert_eq!(local(&setup, &["delete", "s1"]).out, "E-mail deleted on this computer.\n");
    assert_eq!(
        local(&setup, &["list", "--sent"]).out,
        "There are no sent e-mails on this computer.\n"
    );
}

#[test]
fn a_search_finds_received_and_sent_mail() {
    let setup = Setup::of(BOTH);
    setup.deliver(
        "pepper",
        "tony",
        &[("Relatório", "Segue o BALANÇO de março."), ("Jantar", "Às oito?")],
    );
    assert_eq!(setup.run("tony", &["receive"], "").status, 0);
    send(&setup, "tony", "pepper", "Re: Relatório", "O balanço está errado.");
    let search = |arguments: &[&str]| {
        let done = local(&setup, &[&["--json", "search"], arguments].concat());
        assert_eq!(done.status, 0, "{done:?}");
        numbers(&done.json())
    };
    assert_eq!(search(&["balanco"]), ["s1", "r1"]);
    assert_eq!(search(&["BALANÇO", "março"]), ["r1"]);
    assert_eq!(search(&["balanco marco"]), ["r1"]);
    assert_eq!(search(&["balanco", "--sent"]), ["s1"]);
    assert_eq!(search(&["balanco", "--received"]), ["r1"]);
    assert_eq!(search(&["--from", "potts"]), ["r2", "r1"]);
    assert_eq!(search(&["--to", "pepper"]), ["s1"]);
    assert_eq!(search(&["--subject", "relatorio", "errado"]), ["s1"]);
    assert_eq!(search(&["--since", "2020-01-01"]).len(), 3);
    assert_eq!(search(&["--until", "2020-01-01"]), [""; 0]);
    assert_eq!(search(&["--since", "2020-01-01", "--until", "9999-12-31"]).len(), 3);
    assert_eq!(search(&["--has-attachment"]), [""; 0]);
    assert_eq!(search(&["x\u{1f600}"]), [""; 0]);
    let found = local(&setup, &["search", "balanco"]);
    let lines: Vec<_> = found.out.lines().collect();
    assert!(
        lines[0].starts_with("[s1] ") && lines[0].ends_with(" To pepper: Re: Relatório"),
        "{found:?}"
    );
    assert!(
        lines[1].starts_with("[1] ") && lines[1].ends_with(" Pepper Potts: Relatório"),
        "{found:?}"
    );
    assert_eq!(local(&setup, &["search", "nada"]).out, "No e-mail was found.\n");
    for (arguments, status) in [
        (&["search"][..], 65),
        (&["search", " "], 65),
        (&["search", &"x".repeat(1001)], 65),
        (&["search", "--from", ""], 65),
        (&["search", "--since", "ontem"], 64),
        (&["search", "x", "--sent", "--received"], 64),
    ] {
        let done = local(&setup, arguments);
        assert_eq!((done.status, done.out.as_str()), (status, ""), "{arguments:?}");
    }
    let done = local(&setup, &["search", "--since", "ontem"]);
    assert!(done.err.contains("year-month-day"), "{done:?}");
}

/// Where the copy cannot be kept, the draft stays; sending it again is the same mail.
#[test]
fn without_room_for_the_copy_the_draft_stays_and_the_mail_is_sent_once() {
    if !has_terminal() {
        return;
    }
    let setup = Setup::of(BOTH);
    setup.deliver("pepper", "tony", &[("Oi", "x")]);
    assert_eq!(setup.run("tony", &["receive"], "").status, 0);
    let folder = maildir(&setup, "tony").join(".Sent");
    fs::write(&folder, "no directory").unwrap();
    let mut screen = Start::of(&setup).home();
    screen.write_to("pepper", "Jantar");
    screen.press("Eight?");
    screen.press(CTRL_D);
    screen.sees("E-mail sent");
    screen.sees("no copy of it could be kept");
    screen.menu(HOME);
    assert_eq!(drafts(&setup).len(), 1);
    fs::remove_file(&folder).unwrap();
    screen.press("8");
    screen.menu("0) Back");
    screen.press("1");
    screen.sees("3) Delete");
    screen.menu("0) Back");
    screen.press("1");
    screen.sees("E-mail sent");
    screen.menu(HOME);
    assert_eq!(drafts(&setup).len(), 0);
    screen.quit();
    assert_eq!(numbers(&local(&setup, &["--json", "list", "--sent"]).json()), ["s1"]);
    let received = setup.run("pepper", &["--json", "receive"], "").json();
    assert_eq!(received["mails"].as_array().unwrap().len(), 1);
}

#[test]
fn the_menus_list_sent_mail_and_search() {
    if !has_terminal() {
        return;
    }
    let setup = Setup::of(BOTH);
    setup.deliver("pepper", "tony", &[("Relatório", "Segue o balanço."), ("Jantar", "Às oito?")]);
    assert_eq!(setup.run("tony", &["receive"], "").status, 0);
    let mut screen = Start::of(&setup).size(40, 80).home();
    screen.press("1");
    screen.sees("There are no sent e-mails");
    screen.menu(HOME);
    screen.write_to("pepper", "Re: Relatório");
    screen.press("O balanço está errado.");
    screen.send_mail();
    screen.press("1");
    screen.sees("[1] To pepper: Re: Relatório");
    screen.answer("(0 goes back)", "1");
    screen.sees("O balanço está errado.");
    screen.press(" ");
    screen.sees("(0 goes back)");
    screen.press(ESCAPE);
    screen.menu(HOME);
    screen.press("2");
    screen.answer("Words to look for", "BALANCO");
    screen.sees("2 e-mails were found:");
    screen.sees("[1] To pepper: Re: Relatório");
    screen.sees("[2] Pepper Potts: Relatório");
    screen.answer("(0 goes back)", "2");
    screen.sees("Segue o balanço.");
    screen.press(" ");
    screen.sees("(0 goes back)");
    screen.press(ENTER);
    screen.menu(HOME);
    screen.press("2");
    screen.answer("Words to look for", "nothing like it");
    screen.sees("No e-mail was found.");
    screen.menu(HOME);
    screen.press("2");
    screen.asks("Words to look for");
    screen.press_until(ESCAPE, HOME);
    screen.menu(HOME);
    screen.quit();
}

#[test]
fn the_menus_without_a_terminal_keep_and_find_mail() {
    let setup = Setup::of(BOTH);
    let address = setup.address.to_string();
    let lines = format!(
        "3\ntony\n{PASSWORD}\n4\npepper\nJantar\nEight?\n.\n1\n0\n2\n\n2\nEIGHT\n1\n\n0\n6\n0\n"
    );
    let done = finish(setup.program(&["--lang", "en", "--server", &address]), &lines);
    assert!(done.out.contains("[1] To pepper: Jantar"), "{done:?}");
    assert!(done.out.contains("One e-mail was found:"), "{done:?}");
    assert!(done.out.contains("Subject: Jantar"), "{done:?}");
}
