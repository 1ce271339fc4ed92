//! `correio send` with a body that is typed on a terminal.

use std::{fs, os::unix::fs::PermissionsExt};

use rustix::process::Signal;

use crate::support::{
    PASSWORD, Setup,
    screen::{CTRL_C, CTRL_D, CTRL_X, ENTER, ESCAPE, Screen, Start, draft_bodies, has_terminal},
};

/// Runs the command up to the prompt for the body.
fn typing(setup: &Setup, term: &str) -> Screen {
    typing_with(setup, Start::of(setup).set("TERM", term))
}

fn typing_with(setup: &Setup, start: Start<'_>) -> Screen {
    let address = setup.address.to_string();
    let start = start.set("CORREIO_PASSWORD", PASSWORD);
    let arguments =
        ["--server", &address, "--user", "tony", "send", "--to", "tony", "--subject", "Oi"];
    let mut screen = start.run(&arguments);
    screen.sees("Body (");
    // In the row below.
    screen.until("the cursor", |screen| {
        let (row, _) = screen.cursor_position();
        let row = screen.rows(0, u16::MAX).nth(row.into());
        !screen.hide_cursor() && row.is_some_and(|row| row.trim().is_empty())
    });
    screen
}

fn received(setup: &Setup) -> Vec<String> {
    let received = setup.received();
    let mails = received["mails"].as_array().unwrap();
    mails.iter().map(|mail| mail["body"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn a_typed_body_of_a_command_is_kept_whatever_ends_it() {
    if !has_terminal() {
        return;
    }
    let setup = Setup::of(&[("tony", "Tony Stark")]);
    let mut kept = 0;
    let mut check = |status: i32, expected: i32| {
        assert_eq!(status, expected);
        kept += 1;
        assert_eq!(draft_bodies(&setup), vec!["one\ntwo"; kept]);
    };
    for end in [Some(Signal::HUP), Some(Signal::TERM), Some(Signal::INT), None] {
        let mut screen = typing(&setup, "xterm");
        screen.press("one");
        screen.sees("one");
        screen.press(ENTER);
        screen.press("two");
        screen.ends_with(&["one", "two"]);
        match end {
            Some(signal) => screen.signal(signal),
            None => screen.press(CTRL_C),
        }
        screen.sees("kept as a draft");
        check(screen.end().0, 128 + end.unwrap_or(Signal::INT).as_raw());
    }
    let mut screen = typing(&setup, "xterm");
    screen.press("one");
    screen.sees("one");
    screen.press(ENTER);
    screen.press("two");
    screen.ends_with(&["one", "two"]);
    check(screen.hang_up(), 128 + Signal::HUP.as_raw());
    assert!(received(&setup).is_empty());
}

#[test]
fn a_typed_body_of_a_command_arrives_as_it_was_typed() {
    if !has_terminal() {
        return;
    }
    let setup = Setup::of(&[("tony", "Tony Stark")]);
    // A new pseudo-terminal has no `iutf8`.
    let mut screen = typing(&setup, "xterm");
    screen.press("a\u{e3}\x7fb");
    screen.sees("ab");
    screen.press(CTRL_D);
    screen.sees("E-mail sent");
    assert_eq!(screen.end().0, 0);
    let long = "z".repeat(6000);
    let mut screen = typing(&setup, "xterm");
    screen.press(&long);
    screen.sees(&"z".repeat(70));
    screen.press_until(CTRL_D, "E-mail sent");
    assert_eq!(screen.end().0, 0);
    let mut screen = typing(&setup, "xterm");
    screen.press("text\n.\n6\nend");
    screen.ends_with(&["text", ".", "6", "end"]);
    screen.press_until(CTRL_D, "E-mail sent");
    assert_eq!(screen.end().0, 0);
    assert_eq!(received(&setup), ["ab", &long, "text\n.\n6\nend"]);
    assert!(draft_bodies(&setup).is_empty());
}

#[test]
fn a_typed_body_that_is_not_utf8_is_refused_with_a_message() {
    if !has_terminal() {
        return;
    }
    let setup = Setup::of(&[("tony", "Tony Stark")]);
    let mut screen = typing(&setup, "xterm");
    screen.send(b"n\xe3o");
    screen.sees("not UTF-8");
    screen.press("sim");
    screen.sees("sim");
    screen.press(ESCAPE);
    screen.sees("kept as a draft");
    assert_eq!(screen.end().0, 130);
    assert_eq!(draft_bodies(&setup), ["sim"]);
    // Without keys: a line at a time.
    let mut screen = typing(&setup, "dumb");
    screen.send(b"n\xe3o\r");
    screen.sees("not UTF-8");
    screen.press(&format!("{}\r", "z".repeat(6000)));
    screen.sees("at most 4095 bytes a line");
    screen.press("sim\r");
    screen.within(std::time::Duration::from_millis(200), |_| false);
    screen.press(".\r");
    screen.sees("E-mail sent");
    assert_eq!(screen.end().0, 0);
    assert_eq!(received(&setup), ["sim"]);
}

#[test]
fn a_signal_while_the_editor_of_a_command_runs_keeps_a_draft() {
    if !has_terminal() {
        return;
    }
    let setup = Setup::of(&[("tony", "Tony Stark")]);
    let directory = tempfile::tempdir().unwrap();
    let editor = directory.path().join("editor");
    // The editor has saved a text, and waits for the user.
    let script = "#!/bin/sh\necho edited >>\"$1\"; echo SAVED; read line\n";
    fs::write(&editor, script).unwrap();
    fs::set_permissions(&editor, fs::Permissions::from_mode(0o700)).unwrap();
    let start = Start::of(&setup).set("EDITOR", editor.to_str().unwrap());
    let mut screen = typing_with(&setup, start);
    screen.press("typed");
    screen.sees("typed");
    screen.press(ENTER);
    screen.press(CTRL_X);
    screen.sees("SAVED");
    screen.signal(Signal::TERM);
    assert_eq!(screen.end().0, 128 + Signal::TERM.as_raw());
    let kept = draft_bodies(&setup);
    assert!(kept.len() == 1 && kept[0].starts_with("typed"), "{kept:?}");
}
