//! Tests that typed text is kept, with signals, editors, full disks and terminals without keys.

use std::{fs, os::unix::fs::PermissionsExt, path::Path, process::Command};

use correio_client::{Draft, Drafts, new_mail_id};
use rustix::process::Signal;

use crate::support::{
    PASSWORD, Setup,
    screen::{
        CTRL_C, CTRL_D, CTRL_X, DISCARD, ENTER, ESCAPE, FIRST, HOME, Screen, Start, draft_bodies,
        drafts, has_terminal,
    },
};

const LINES: [&str; 3] = ["one", "two", "three"];

/// Types three lines; the last one has no end yet.
fn type_lines(screen: &mut Screen) {
    for (index, line) in LINES.iter().enumerate() {
        if index > 0 {
            screen.press(ENTER);
        }
        screen.press(line);
        screen.ends_with(&LINES[..=index]);
    }
}

#[test]
fn a_signal_while_a_body_is_typed_keeps_a_draft() {
    if !has_terminal() {
        return;
    }
    let setup = Setup::of(&[("tony", "Tony Stark")]);
    let mut kept = 0;
    for signal in [Signal::HUP, Signal::TERM, Signal::INT, Signal::QUIT] {
        let mut screen = Start::of(&setup).body();
        type_lines(&mut screen);
        // No pause: the last characters are kept, too.
        screen.signal(signal);
        let (status, shown) = screen.end();
        assert_eq!(status, 128 + signal.as_raw(), "{shown}");
        kept += 1;
        assert_eq!(draft_bodies(&setup), vec![LINES.join("\n"); kept], "{signal:?}");
    }
}

#[test]
fn a_terminal_that_is_closed_keeps_a_draft() {
    if !has_terminal() {
        return;
    }
    let setup = Setup::of(&[("tony", "Tony Stark")]);
    let mut screen = Start::of(&setup).body();
    type_lines(&mut screen);
    assert_eq!(screen.hang_up(), 128 + Signal::HUP.as_raw());
    assert_eq!(draft_bodies(&setup), [LINES.join("\n")]);
    // In another prompt of a mail, and after a paste.
    let mut screen = Start::of(&setup).home();
    screen.press("4");
    screen.answer("commas): ", "steve");
    screen.asks("Subject: ");
    screen.paste("Shield");
    screen.sees("Shield");
    assert_eq!(screen.hang_up(), 128 + Signal::HUP.as_raw());
    let kept = drafts(&setup).pop().unwrap();
    assert_eq!((kept.to.as_str(), kept.subject.as_str()), ("steve", "Shield"));
}

#[test]
fn killed_at_once_it_has_kept_what_was_typed_a_moment_ago() {
    if !has_terminal() {
        return;
    }
    let setup = Setup::of(&[("tony", "Tony Stark")]);
    let mut screen = Start::of(&setup).body();
    type_lines(&mut screen);
    // The text is saved after a pause in typing, whatever happens then.
    is_on_disk(&mut screen, &setup, "three");
    screen.signal(Signal::KILL);
    drop(screen);
    assert_eq!(draft_bodies(&setup), [LINES.join("\n")]);
}

#[test]
fn a_draft_that_is_opened_and_not_changed_keeps_its_text_and_its_id() {
    if !has_terminal() {
        return;
    }
    let setup = Setup::of(&[("tony", "Tony Stark")]);
    let of_tony = Drafts::open(setup.data.path(), &setup.server(), &"tony".parse().unwrap());
    let refused = ("nobody".to_owned(), "Oi".to_owned());
    let dot: &[&str] = &[".", ENTER];
    for (body, keys) in [("um\ndois\n", dot), ("um\ndois\n", &[CTRL_D]), ("um\ndois", &[CTRL_D])] {
        let (to, subject) = refused.clone();
        let draft = Draft { to, subject, body: body.to_owned(), ..Draft::begin(new_mail_id()) };
        of_tony.save(&draft).unwrap();
        let mut screen = Start::of(&setup).home();
        screen.press("8");
        screen.sees("1) ");
        screen.menu("0) Back");
        screen.press("1");
        screen.sees("2) Change");
        screen.menu("0) Back");
        screen.press("2");
        screen.asks("commas): nobody");
        // An Enter right after the digit would belong to it.
        screen.press_until(ENTER, "Subject: Oi");
        screen.answer("Subject: Oi", "");
        screen.sees("dois");
        for key in keys {
            screen.press(key);
            if *key == "." {
                screen.asks(".");
            }
        }
        screen.sees("No Such Recipient");
        screen.menu(HOME);
        screen.cancel();
        assert_eq!(drafts(&setup), std::slice::from_ref(&draft), "{keys:?}");
        of_tony.delete(draft.id).unwrap();
    }
}

/// Writes an executable script.
fn program(path: &Path, script: &str) {
    fs::write(path, format!("#!/bin/sh\n{script}\n")).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(0o700)).unwrap();
}

#[test]
fn what_an_editor_saved_is_used_however_it_ends() {
    if !has_terminal() {
        return;
    }
    let setup = Setup::of(&[("tony", "Tony Stark")]);
    let directory = tempfile::tempdir().unwrap();
    let editor = directory.path().join("editor");
    for (number, (script, said)) in [
        ("echo edited >>\"$1\"; exit 1", "failed: exit status: 1"),
        ("echo edited >>\"$1\"; kill -9 $$", "failed: "),
        ("echo edited >\"$1.new\"; cat \"$1\" >>\"$1.new\"; mv \"$1.new\" \"$1\"", ""),
    ]
    .into_iter()
    .enumerate()
    {
        program(&editor, script);
        let mut screen = Start::of(&setup).set("EDITOR", editor.to_str().unwrap()).home();
        screen.write_to("tony", "Oi");
        screen.press("typed");
        screen.sees("typed");
        screen.press(ENTER);
        screen.press(CTRL_X);
        screen.sees("edited");
        screen.sees(said);
        // The text stands once on the screen, when it has been drawn anew.
        screen.until("the text, once", |screen| {
            let contents = screen.contents();
            ["edited", "typed"].iter().all(|text| contents.matches(text).count() == 1)
        });
        screen.leave_draft();
        let kept = draft_bodies(&setup);
        assert_eq!(kept.len(), number + 1);
        let last = kept.last().unwrap();
        assert!(last.contains("typed") && last.contains("edited"), "{last:?}");
        screen.menu(HOME);
        screen.cancel();
    }
}

#[test]
fn a_text_of_an_editor_that_is_not_utf8_stays_in_its_file() {
    if !has_terminal() {
        return;
    }
    let setup = Setup::of(&[("tony", "Tony Stark")]);
    let directory = tempfile::tempdir().unwrap();
    let editor = directory.path().join("editor");
    program(&editor, r#"printf 'caf\351' >"$1""#);
    let mut screen = Start::of(&setup).set("EDITOR", editor.to_str().unwrap()).body();
    screen.press("typed");
    screen.sees("typed");
    screen.press(CTRL_X);
    screen.sees("The editor");
    screen.until("the body", |screen| screen.contents().trim_end().ends_with("typed"));
    let shown = screen.text().replace('\n', "");
    let files: Vec<_> = fs::read_dir(setup.data.path().join("editing")).unwrap().collect();
    let file = files[0].as_ref().unwrap().path();
    assert!(shown.contains(file.file_name().unwrap().to_str().unwrap()), "{shown}");
    assert_eq!(fs::read(file).unwrap(), b"caf\xe9");
    screen.leave_draft();
    assert_eq!(draft_bodies(&setup), ["typed"]);
    screen.menu(HOME);
    screen.cancel();
}

#[test]
fn no_text_of_an_editor_stays_of_a_mail_that_is_discarded_or_deleted() {
    if !has_terminal() {
        return;
    }
    let setup = Setup::of(&[("tony", "Tony Stark")]);
    let directory = tempfile::tempdir().unwrap();
    let editor = directory.path().join("editor");
    // The editor leaves a backup, and a text that is not UTF-8, which is set aside.
    program(&editor, r#"cp "$1" "$1~"; printf 'caf\351' >"$1""#);
    let files = || fs::read_dir(setup.data.path().join("editing")).unwrap().count();
    let mut screen = Start::of(&setup).set("EDITOR", editor.to_str().unwrap()).body();
    let open_editor = |screen: &mut Screen, files_after: usize| {
        screen.press(CTRL_X);
        screen.sees("The editor");
        assert_eq!(files(), files_after);
        screen.forget();
    };
    screen.press("first");
    screen.sees("first");
    open_editor(&mut screen, 2);
    screen.leave_draft();
    screen.press("8");
    screen.sees("1) ");
    screen.menu("0) Back");
    screen.press("1");
    screen.sees("3) Delete");
    screen.menu("0) Back");
    screen.press("3");
    screen.sees("Draft deleted.");
    assert_eq!(files(), 0);
    screen.menu(HOME);
    // A reopened draft gets a new id with its first change.
    screen.forget();
    screen.write_to("tony", "Oi");
    screen.press("second");
    screen.sees("second");
    screen.leave_draft();
    screen.forget();
    screen.press("4");
    screen.asks("commas): ");
    screen.press_until(ENTER, "commas): tony");
    screen.answer("commas): tony", "");
    screen.answer("Subject: Oi", "");
    screen.sees("second");
    open_editor(&mut screen, 2);
    screen.press("!");
    screen.sees("second!");
    screen.press_until(ESCAPE, DISCARD);
    screen.menu(DISCARD);
    screen.press("2");
    screen.sees("E-mail discarded.");
    assert_eq!(files(), 0);
    screen.menu(HOME);
    screen.cancel();
}

#[test]
fn a_signal_while_the_editor_runs_keeps_both_texts() {
    if !has_terminal() {
        return;
    }
    let setup = Setup::of(&[("tony", "Tony Stark")]);
    let directory = tempfile::tempdir().unwrap();
    let editor = directory.path().join("editor");
    // The editor has saved a text, and waits for the user.
    program(&editor, "echo edited >>\"$1\"; echo SAVED; read line; exit 0");
    for signal in [Signal::TERM, Signal::HUP] {
        let mut screen = Start::of(&setup).set("EDITOR", editor.to_str().unwrap()).body();
        screen.press("typed");
        screen.sees("typed");
        screen.press(ENTER);
        screen.press(CTRL_X);
        screen.sees("SAVED");
        is_on_disk(&mut screen, &setup, "typed");
        screen.signal(signal);
        let (status, _) = screen.end();
        assert_eq!(status, 128 + signal.as_raw());
        // The next time, the text that the editor had is there.
        let mut screen = Start::of(&setup).home();
        screen.press("4");
        screen.press_until(ENTER, "commas): tony");
        screen.answer("commas): tony", "");
        screen.answer("Subject: Oi", "");
        screen.ends_with(&["typed", "edited"]);
        screen.send_mail();
        screen.cancel();
        assert!(drafts(&setup).is_empty());
    }
}

/// Waits until a text is in the file of a draft, which the program may still have open.
fn is_on_disk(screen: &mut Screen, setup: &Setup, text: &str) {
    let drafts = Drafts::open(setup.data.path(), &setup.server(), &"tony".parse().unwrap());
    for _ in 0..200 {
        let files = fs::read_dir(drafts.directory()).into_iter().flatten().flatten();
        let mut kept = files.filter_map(|file| fs::read_to_string(file.path()).ok());
        if kept.any(|kept| kept.contains(text)) {
            return;
        }
        screen.within(std::time::Duration::from_millis(100), |_| false);
    }
    panic!("{text} is in no draft");
}

#[test]
fn without_a_chosen_editor_a_common_one_is_used_or_a_hint_is_given() {
    if !has_terminal() {
        return;
    }
    let setup = Setup::of(&[("tony", "Tony Stark")]);
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().to_str().unwrap();
    std::os::unix::fs::symlink("/bin/sh", directory.path().join("sh")).unwrap();
    let mut screen = Start::of(&setup).set("EDITOR", "").set("PATH", path).home();
    screen.press("4");
    screen.answer("commas): ", "tony");
    screen.answer("Subject: ", "Oi");
    screen.sees("set EDITOR, for example EDITOR=nano");
    screen.asks_body();
    screen.press("typed");
    screen.sees("typed");
    screen.press(CTRL_X);
    screen.until("the hint again, and the text once", |screen| {
        let shown = screen.contents();
        shown.matches("set EDITOR").count() == 2 && shown.trim_end().ends_with("typed")
    });
    assert_eq!(screen.count("typed"), 1, "{}", screen.text());
    screen.leave_draft();
    program(&directory.path().join("nano"), "echo by nano >>\"$1\"");
    screen.write_to("tony", "Oi");
    screen.sees("Ctrl-X opens nano");
    screen.press(CTRL_X);
    screen.sees("by nano");
    screen.send_mail();
    screen.cancel();
}

#[test]
fn on_a_full_disk_the_text_stays_and_is_shown() {
    if !has_terminal() {
        return;
    }
    let setup = Setup::of(&[("tony", "Tony Stark")]);
    // Files of more than one block cannot be written, which fails as a full disk does.
    let small = ["sh", "-c", r#"trap "" XFSZ; ulimit -f 1; exec "$@""#, "sh"];
    let text: Vec<String> = (1..=16).map(|line| format!("{line:02} {}", "x".repeat(70))).collect();
    for end in [ESCAPE, CTRL_C, "TERM"] {
        let mut screen = Start::of(&setup).size(60, 80).through(&small).body();
        screen.paste(&text.join("\n"));
        screen.sees("could not be kept");
        // The text can be continued.
        screen.press_until("!", "x!");
        screen.sees("could not be kept");
        screen.forget();
        match end {
            "TERM" => screen.signal(Signal::TERM),
            key => screen.press(key),
        }
        screen.sees("The draft could not be kept");
        let last = format!("{}!", text[15]);
        screen.sees(&last);
        for line in &text {
            assert!(screen.count(line) >= 1, "{line}:\n{}", screen.text());
        }
        if end == ESCAPE {
            screen.press_until(CTRL_C, "interrupted");
        }
        let (status, _) = screen.end();
        assert_eq!(status, if end == "TERM" { 143 } else { 130 });
    }
}

#[test]
fn a_thousand_drafts_can_all_be_chosen() {
    if !has_terminal() {
        return;
    }
    let setup = Setup::of(&[("tony", "Tony Stark")]);
    let of_tony = Drafts::open(setup.data.path(), &setup.server(), &"tony".parse().unwrap());
    for number in 1..=1000 {
        let subject = format!("D{number}");
        let (to, body) = ("tony".to_owned(), String::new());
        let mut file = of_tony.begin();
        file.autosave(&Draft { to, subject, body, ..Draft::begin(new_mail_id()) }).unwrap();
    }
    let mut screen = Start::of(&setup).home();
    screen.sees("8) Drafts (1000)");
    screen.press("4");
    // The last one is the one written last.
    screen.sees("There is a draft to tony: \"D1000\".");
    screen.asks("commas): ");
    screen.press(ESCAPE);
    screen.menu(HOME);
    screen.press("8");
    screen.sees(&format!("[1] {} tony: D1000", changed_at(&of_tony, "D1000")));
    screen.press("\x1b[F");
    screen.sees(&format!("[1000] {} tony: D1", changed_at(&of_tony, "D1")));
    screen.press("999");
    screen.asks("(0 goes back) 999");
    screen.press(ENTER);
    screen.menu("0) Back");
    screen.press("3");
    screen.sees("Draft deleted");
    screen.menu(HOME);
    screen.sees("8) Drafts (999)");
    assert!(drafts(&setup).iter().all(|draft| draft.subject != "D2"));
    screen.cancel();
}

/// When the draft with this subject was written last, as the program shows it.
fn changed_at(drafts: &Drafts, subject: &str) -> String {
    let list = drafts.list().unwrap().drafts;
    let draft = list.iter().find(|draft| draft.subject == subject).unwrap();
    let date = Command::new("date")
        .args(["+%Y-%m-%d %H:%M:%S %Z", "-r"])
        .arg(drafts.file(draft.id))
        .output()
        .unwrap();
    String::from_utf8(date.stdout).unwrap().trim_end().to_owned()
}

#[test]
fn a_draft_that_cannot_be_deleted_is_told() {
    if !has_terminal() {
        return;
    }
    let setup = Setup::of(&[("tony", "Tony Stark")]);
    let of_tony = Drafts::open(setup.data.path(), &setup.server(), &"tony".parse().unwrap());
    let (to, subject, body) = ("tony".to_owned(), "Oi".to_owned(), String::new());
    let draft = Draft { to, subject, body, ..Draft::begin(new_mail_id()) };
    of_tony.save(&draft).unwrap();
    let mut screen = Start::of(&setup).home();
    screen.sees("8) Drafts (1)");
    screen.press("8");
    screen.menu("0) Back");
    screen.sees(&format!("1) {} tony: Oi", changed_at(&of_tony, "Oi")));
    screen.press("1");
    screen.sees("3) Delete");
    screen.menu("0) Back");
    // Not even root can remove a directory as a file.
    let file = of_tony.file(draft.id);
    fs::remove_file(&file).unwrap();
    fs::create_dir(&file).unwrap();
    screen.press("3");
    screen.sees("the mailbox on this computer:");
    screen.menu(HOME);
    screen.cancel();
}

/// The menus on a terminal that can only print, up to the body of a mail.
fn dumb(setup: &Setup, address: &str) -> Screen {
    let mut screen = Start::of(setup).set("TERM", "dumb").run(&["--server", address]);
    for (question, answer) in [
        ("Choice: ", "3"),
        ("Username: ", "tony"),
        ("Password: ", PASSWORD),
        ("Choice: ", "4"),
        ("commas): ", "tony"),
        ("Subject: ", "Oi"),
    ] {
        screen.answer(question, answer);
    }
    screen.sees("Body (");
    screen.sees("one dot more):");
    screen
}

#[test]
fn ctrl_c_in_a_body_on_a_terminal_without_keys_keeps_a_draft() {
    if !has_terminal() {
        return;
    }
    let setup = Setup::of(&[("tony", "Tony Stark")]);
    let mut screen = dumb(&setup, &setup.address.to_string());
    screen.press("one\rtwo\r");
    screen.sees("two");
    is_on_disk(&mut screen, &setup, "two");
    screen.press(CTRL_C);
    screen.sees("kept as a draft");
    assert_eq!(screen.end().0, 130);
    assert_eq!(draft_bodies(&setup), ["one\ntwo"]);
}

#[test]
fn a_line_that_a_terminal_cuts_is_told_and_not_sent() {
    if !has_terminal() {
        return;
    }
    let setup = Setup::of(&[("tony", "Tony Stark")]);
    let mut screen = dumb(&setup, &setup.address.to_string());
    screen.press("before\r");
    screen.sees("before");
    screen.press(&format!("{}\r", "z".repeat(6000)));
    screen.sees("at most 4095 bytes a line");
    screen.press("after\r");
    screen.sees("after");
    screen.press(".\r");
    screen.sees("E-mail sent");
    screen.answer("Choice: ", "6");
    screen.sees("Goodbye");
    screen.sees(FIRST);
    screen.answer("Choice: ", "0");
    assert_eq!(screen.end().0, 0);
    let received = setup.received();
    assert_eq!(received["mails"][0]["body"], "before\nafter");
}

#[test]
fn what_is_not_utf8_is_refused_on_a_terminal_without_keys() {
    if !has_terminal() {
        return;
    }
    let setup = Setup::of(&[("tony", "Tony Stark")]);
    let mut screen = dumb(&setup, &setup.address.to_string());
    screen.send(b"n\xe3o\r");
    screen.sees("not UTF-8");
    screen.press("sim\r");
    screen.sees("sim");
    screen.press(".\r");
    screen.sees("E-mail sent");
    screen.answer("Choice: ", "6");
    screen.sees("Goodbye");
    screen.sees(FIRST);
    screen.answer("Choice: ", "0");
    assert_eq!(screen.end().0, 0);
    let received = setup.received();
    assert_eq!(received["mails"][0]["body"], "sim");
}
