//! People: nicknames, completion of recipients on a pseudo-terminal, and strangers with known
//! names.

use std::fs;

use serde_json::json;

use crate::support::{
    PASSWORD, Setup, finish,
    screen::{CTRL_D, DOWN, ENTER, ESCAPE, HOME, Screen, Start, drafts, has_terminal},
};

/// The key that completes.
const TAB: &str = "\t";

const TO: &str = "To (several, separated by commas): ";

const AVENGERS: [(&str, &str); 4] = [
    ("tony", "Tony Stark"),
    ("steve", "Steve Rogers"),
    ("stella", "Stella"),
    ("pepper", "Pepper Potts"),
];

/// A setup in which Tony has received mail of all others.
fn with_mail_of_all() -> Setup {
    let setup = Setup::of(&AVENGERS);
    for (username, _) in &AVENGERS[1..] {
        setup.deliver(username, "tony", &[("Oi", "x")]);
    }
    assert_eq!(setup.run("tony", &["receive"], "").status, 0);
    setup
}

/// The file of Tony's address book.
fn nicknames(setup: &Setup) -> std::path::PathBuf {
    let server = fs::read_dir(setup.data.path().join("people")).unwrap().next().unwrap().unwrap();
    server.path().join("tony/nicknames")
}

/// The question for recipients of a new mail.
fn asked(setup: &Setup) -> Screen {
    let mut screen = Start::of(setup).home();
    screen.press("4");
    screen.asks(TO);
    screen
}

#[test]
fn a_nickname_is_kept_shown_used_and_removed() {
    let setup = with_mail_of_all();
    let run = |arguments: &[&str]| setup.run("tony", arguments, "");
    assert_eq!(run(&["nickname"]).out, "A agenda está vazia.\n");
    let added = run(&["nickname", "turma", "steve", "PEPPER"]);
    let line = "@turma: Steve Rogers <steve>, Pepper Potts <pepper>\n";
    assert_eq!((added.status, added.out.as_str()), (0, line));
    assert_eq!(run(&["nickname", "@Turma"]).out, line);
    let expected = json!({ "nicknames": [{ "nickname": "turma", "people": [
        { "username": "steve", "full_name": "Steve Rogers" },
        { "username": "pepper", "full_name": "Pepper Potts" },
    ] }] });
    assert_eq!(run(&["--json", "nickname"]).json(), expected);
    // The mail says what the nickname stood for before it is sent.
    let sent = run(&["--json", "send", "--to", "stella,@turma", "--subject", "Oi", "--body", "x"]);
    assert_eq!(sent.json()["to"], json!(["stella", "steve", "pepper"]));
    assert!(sent.err.contains(line.trim()), "{sent:?}");
    assert_eq!(setup.run("steve", &["--json", "receive"], "").json()["mails"][0]["subject"], "Oi");
    assert_eq!(
        run(&["nickname", "turma", "steve", "--remove"]).out,
        "@turma: Pepper Potts <pepper>\n"
    );
    let removed = run(&["--json", "nickname", "turma", "--remove"]);
    assert_eq!(removed.json(), json!({ "nickname": "turma", "people": [] }));
    for arguments in [&["nickname", "turma"][..], &["nickname", "turma", "--remove"]] {
        let unknown = run(arguments);
        assert_eq!((unknown.status, unknown.out.as_str()), (65, ""), "{unknown:?}");
        assert!(unknown.err.contains("a agenda não tem @turma"), "{unknown:?}");
    }
}

#[test]
fn a_nickname_takes_the_place_of_no_username() {
    let setup = with_mail_of_all();
    let run = |arguments: &[&str]| setup.run("tony", arguments, "");
    assert_eq!(run(&["nickname", "steve", "stella"]).status, 0);
    let sent = |to: &str| {
        let sent = run(&["--json", "send", "--to", to, "--subject", "Oi", "--body", "x"]);
        sent.json()["to"].clone()
    };
    assert_eq!(sent("steve"), json!(["steve"]));
    assert_eq!(sent("@steve"), json!(["stella"]));
    // One that the address book does not have is never sent to a username.
    let unknown = run(&["--json", "send", "--to", "@pepper", "--subject", "Oi", "--body", "x"]);
    assert_eq!(unknown.status, 65);
    assert_eq!(unknown.json()["error"]["code"], "no_such_nickname");
}

#[test]
fn a_wrong_line_in_the_address_book_is_named_and_stops_only_nicknames() {
    let setup = with_mail_of_all();
    let run = |arguments: &[&str]| setup.run("tony", arguments, "");
    assert_eq!(run(&["nickname", "turma", "steve"]).status, 0);
    let text = "turma steve Steve Rogers\nturma\n";
    fs::write(nicknames(&setup), text).unwrap();
    for arguments in [
        &["nickname"][..],
        &["nickname", "x", "pepper"],
        &["send", "--to", "@turma", "--subject", "Oi", "--body", "x"],
    ] {
        let refused = run(arguments);
        assert_eq!((refused.status, refused.out.as_str()), (78, ""), "{refused:?}");
        assert!(refused.err.contains("a linha 2 da agenda"), "{refused:?}");
    }
    assert_eq!(fs::read_to_string(nicknames(&setup)).unwrap(), text);
    assert_eq!(run(&["send", "--to", "steve", "--subject", "Oi", "--body", "x"]).status, 0);
    assert_eq!(run(&["list"]).status, 0);
}

#[test]
fn a_stranger_with_a_known_name_is_marked_in_lists_and_when_read() {
    let setup = Setup::of(&[
        ("tony", "Tony Stark"),
        ("loki", "Steve R\u{43e}gers"),
        ("steve", "Steve Rogers"),
        ("stella", "Stella"),
    ]);
    setup.deliver("steve", "tony", &[("Um", "x")]);
    setup.deliver("stella", "tony", &[("Dois", "x")]);
    setup.deliver("loki", "tony", &[("Tres", "x")]);
    let run = |arguments: &[&str]| setup.run("tony", arguments, "");
    let received = run(&["receive"]).out;
    let loki = "[3] Steve R\u{43e}gers <loki>";
    let lines: Vec<_> = received.lines().collect();
    assert_eq!(lines[1..3], ["[1] Steve Rogers <steve>: Um", "[2] Stella: Dois"]);
    assert_eq!(lines[3], format!("{loki} (desconhecido): Tres"));
    let read = run(&["read", "3"]).out;
    assert!(read.contains("\nAtenção: loki não está na sua agenda,"), "{read}");
    assert!(read.contains("com o de steve, que você conhece.\n\nx\n"), "{read}");
    assert!(!run(&["read", "1"]).out.contains("Atenção"));
    let json = run(&["--json", "list"]).json();
    assert_eq!(json["mails"][2]["resembles"], json!(["steve"]));
    assert_eq!(json["mails"][0]["resembles"], json!(null));
    assert_eq!(run(&["--json", "read", "3"]).json()["resembles"], json!(["steve"]));
    for arguments in [["list", "--from", "loki"], ["list", "--page", "1"], ["search", "--", "tres"]]
    {
        let out = run(&arguments).out;
        assert!(out.contains(&format!("{} (desconhecido): Tres\n", &loki[4..])), "{out}");
        let found = run(&[&["--json"], &arguments[..]].concat()).json();
        let mails = found["mails"].as_array().unwrap();
        assert_eq!(mails.last().unwrap()["resembles"], json!(["steve"]), "{found}");
    }
    // However many mails Loki sends, all of them are marked until Tony writes to Loki.
    setup.deliver("loki", "tony", &[("Quatro", "x"), ("Cinco", "x")]);
    let received = run(&["receive"]).out;
    let expected = [
        format!("[4] {} (desconhecido): Quatro", &loki[4..]),
        format!("[5] {} (desconhecido): Cinco", &loki[4..]),
    ];
    assert_eq!(received.lines().skip(1).collect::<Vec<_>>(), expected);
    assert!(run(&["read", "5"]).out.contains("\nAtenção: loki não está"));
    let resembles = || {
        let list = run(&["--json", "list"]).json();
        (2..5).map(|index| list["mails"][index]["resembles"].clone()).collect::<Vec<_>>()
    };
    assert_eq!(resembles(), [json!(["steve"]), json!(["steve"]), json!(["steve"])]);
    let answer = ["reply", "3", "--body", "x"];
    assert_eq!(run(&answer).status, 0);
    assert_eq!(resembles(), [json!(null), json!(null), json!(null)]);
}

#[test]
fn somebody_of_the_address_book_is_no_stranger() {
    let setup = Setup::of(&[("tony", "Tony Stark"), ("tony2", "Tony Stark")]);
    assert_eq!(setup.run("tony", &["nickname", "eu", "tony2"], "").status, 0);
    setup.deliver("tony2", "tony", &[("Oi", "x")]);
    let received = setup.run("tony", &["receive"], "").out;
    assert_eq!(received, "01 e-mail recebido:\n[1] Tony Stark <tony2>: Oi\n");
}

#[test]
fn a_notice_the_list_and_the_mail_mark_a_stranger_in_the_menus() {
    if !has_terminal() {
        return;
    }
    let setup = Setup::of(&[("tony", "Tony Stark"), ("loki", "TONY STARK")]);
    let mut screen = Start::of(&setup).home();
    setup.deliver("loki", "tony", &[("Oi", "x")]);
    screen.sees("New e-mail from TONY STARK <loki> (unknown): Oi");
    screen.press("5");
    screen.sees("[1] TONY STARK <loki> (unknown): Oi");
    screen.answer("(0 goes back)", "1");
    screen.sees("Warning: loki is neither in your address book ");
    screen.press_until(ESCAPE, "(0 goes back)");
    screen.asks("(0 goes back)");
    screen.press_until(ESCAPE, HOME);
    screen.menu(HOME);
    screen.press("2");
    screen.answer("Words to look for", "oi");
    screen.sees("[1] TONY STARK <loki> (unknown): Oi");
    screen.answer("(0 goes back)", "1");
    screen.sees("Warning: loki is neither in your address book ");
    screen.press_until(ESCAPE, "(0 goes back)");
    screen.asks("(0 goes back)");
    screen.press_until(ESCAPE, HOME);
    screen.menu(HOME);
    // That an account has written before makes it known to nobody.
    setup.deliver("loki", "tony", &[("Ola", "x")]);
    screen.sees("New e-mail from TONY STARK <loki> (unknown): Ola");
    screen.quit();
}

#[test]
fn tab_completes_recipients_and_enter_sends_no_guess() {
    if !has_terminal() {
        return;
    }
    let setup = with_mail_of_all();
    assert_eq!(setup.run("tony", &["nickname", "turma", "steve", "pepper"], "").status, 0);
    let mut screen = asked(&setup);
    screen.press("pepper, Ste");
    screen.press_until(TAB, "> Stella <stella>");
    screen.sees("  Steve Rogers <steve>");
    screen.sees("  @turma  Steve Rogers <steve>, Pepper Potts <pepper>");
    screen.sees("Tab and the arrows choose");
    screen.asks(&format!("{TO}pepper, Ste"));
    screen.press(DOWN);
    screen.current("Steve Rogers <steve>");
    // The first Enter takes the choice, the second one ends the answer.
    screen.press(ENTER);
    screen.ends_with(&[&format!("{TO}pepper, steve")]);
    screen.press(", @tu");
    screen.ends_with(&[&format!("{TO}pepper, steve, @tu")]);
    screen.press(TAB);
    screen.current("@turma");
    screen.press(ENTER);
    screen.ends_with(&[&format!("{TO}pepper, steve, @turma")]);
    screen.press(ENTER);
    screen.sees("@turma: Steve Rogers <steve>, Pepper Potts <pepper>");
    screen.answer("Subject: ", "Oi");
    screen.asks_body();
    screen.press("x");
    screen.send_mail();
    screen.quit();
    for username in ["steve", "pepper"] {
        let mails = setup.run(username, &["--json", "receive"], "").json();
        assert_eq!(mails["mails"][0]["to"], json!(["pepper", "steve"]));
        assert_eq!(mails["mails"].as_array().unwrap().len(), 1);
    }
}

#[test]
fn a_list_of_candidates_closes_without_changing_the_answer() {
    if !has_terminal() {
        return;
    }
    let setup = with_mail_of_all();
    let mut screen = asked(&setup);
    screen.press("ste");
    screen.press_until(TAB, "> Stella <stella>");
    screen.press(ESCAPE);
    screen.ends_with(&[&format!("{TO}ste")]);
    // Other keys and pastes close it, too, and are text.
    screen.press(TAB);
    screen.current("Stella");
    screen.press("v");
    screen.ends_with(&[&format!("{TO}stev")]);
    screen.press(TAB);
    screen.current("Steve Rogers");
    screen.paste("e");
    screen.ends_with(&[&format!("{TO}steve")]);
    // Text and Tab that arrive together; nobody has such a name.
    screen.press("xyz\t");
    screen.ends_with(&["Nobody is known by this name."]);
    // What was typed is the answer.
    screen.press_until(ENTER, "Subject: ");
    screen.press(ESCAPE);
    screen.menu("2) Discard it");
    screen.press("1");
    screen.menu(HOME);
    screen.quit();
    assert_eq!(drafts(&setup)[0].to, "stevexyz");
}

#[test]
fn candidates_fit_a_small_window_and_one_that_changes() {
    if !has_terminal() {
        return;
    }
    let setup = with_mail_of_all();
    let mut screen = Start::of(&setup).size(8, 60).home();
    screen.press("4");
    screen.asks("commas): ");
    screen.press_until(TAB, "> ");
    screen.resize(30, 40);
    screen.sees("Steve Rogers <steve>");
    // The key is read after the new window was drawn, so that no row is missing for a moment later.
    screen.press_until(TAB, "> Stella <stella>");
    screen.press(ESCAPE);
    screen.sees_no("Stella <stella>");
    screen.press(ESCAPE);
    screen.menu(HOME);
    screen.press(CTRL_D);
    assert_eq!(screen.end().0, 0);
}

#[test]
fn plain_lines_take_nicknames_and_complete_nothing() {
    let setup = with_mail_of_all();
    assert_eq!(setup.run("tony", &["nickname", "turma", "steve"], "").status, 0);
    let address = setup.address.to_string();
    let lines = format!("3\ntony\n{PASSWORD}\n4\n@turma\nOi\nx\n.\n6\n0\n");
    let done = finish(setup.program(&["--server", &address]), &lines);
    assert!(done.out.contains("E-mail enviado com sucesso"), "{done:?}");
    assert!(done.out.contains("@turma: Steve Rogers <steve>"), "{done:?}");
    let mails = setup.run("steve", &["--json", "receive"], "").json();
    assert_eq!(mails["mails"][0]["to"], json!(["steve"]));
}
