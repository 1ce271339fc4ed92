//! Keys of all kinds in all prompts, on a pseudo-terminal: a key that means nothing does nothing.

use std::time::Duration;

use correio_client::Drafts;

use crate::support::{
    PASSWORD, Setup,
    screen::{
        CTRL_C, DISCARD, DOWN, ENTER, ESCAPE, FIRST, HOME, LEFT, Start, UP, draft_bodies,
        has_terminal,
    },
};

/// Sequences that stand for no key of the menus, or for no key at all.
const NOT_FOR_MENUS: [&str; 30] = [
    // Arrows and Delete with Ctrl, Shift, Alt, and with Ctrl and Shift.
    "\x1b[1;5D",
    "\x1b[1;5C",
    "\x1b[3;5~",
    "\x1b[1;6A",
    "\x1b[1;2A",
    "\x1b[1;3A",
    "\x1b\x1b[A",
    // rxvt's forms of them, function keys of xterm, VT220 and the Linux console.
    "\x1b[a",
    "\x1bOa",
    "\x1b[3$",
    "\x1bOP",
    "\x1b[15~",
    "\x1b[24~",
    "\x1b[[E",
    "\x1b[1;5P",
    // Alt with letters, digits, Enter; the keypad in application mode.
    "\x1bx",
    "\x1b6",
    "\x1b\r",
    "\x1bOp",
    "\x1bOv",
    "\x1bOj",
    // kitty's and xterm's forms of letters with modifiers.
    "\x1b[54;5u",
    "\x1b[27;5;54~",
    // Focus, the mouse in three forms, reports of the terminal.
    "\x1b[I",
    "\x1b[O",
    "\x1b[M #6",
    "\x1b[<0;10;6M",
    "\x1b[6;6R",
    "\x1b]11;rgb:6666\x1b\\",
    "\x1b[?6;6c",
];

/// Keys with Ctrl that a terminal may act on by itself: they are keys like any other.
const CONTROLS: [&str; 5] = ["\x1c", "\x13", "\x11", "\x16", "\0"];

#[test]
fn a_sequence_that_is_not_known_chooses_nothing() {
    if !has_terminal() {
        return;
    }
    let setup = Setup::of(&[("tony", "Tony Stark")]);
    setup.deliver("tony", "tony", &[("Oi", "x")]);
    let mut screen = Start::of(&setup).menus();
    screen.current("3) Open");
    for key in NOT_FOR_MENUS.iter().chain(&CONTROLS) {
        screen.press(key);
        // The next key is decoded after it: the menu is the same, and the cursor stands where it
        // did.
        screen.press(UP);
        screen.current("2) Register");
        screen.press(DOWN);
        screen.current("3) Open");
    }
    assert_eq!(screen.count("1) Choose"), 1, "{}", screen.text());
    screen.log_in();
    for key in NOT_FOR_MENUS.iter().chain(&CONTROLS) {
        screen.press(key);
        screen.press(DOWN);
        screen.current("5) Receive");
        screen.press(UP);
        screen.current("4) Send");
    }
    let text = screen.text();
    assert!(!text.contains("e-mails received:") && !text.contains("Goodbye"), "{text}");
    screen.press("6");
    screen.sees("Goodbye");
    screen.menu(FIRST);
    screen.press("0");
    assert_eq!(screen.end().0, 0);
}

#[test]
fn a_sequence_that_is_not_known_is_no_text() {
    if !has_terminal() {
        return;
    }
    let setup = Setup::of(&[("tony", "Tony Stark")]);
    let mut screen = Start::of(&setup).home();
    screen.press("4");
    for (question, typed) in [("commas): ", "tony"), ("Subject: ", "Oi")] {
        screen.asks(question);
        for key in NOT_FOR_MENUS.iter().chain(&CONTROLS) {
            screen.press(key);
        }
        screen.press(typed);
        screen.ends_with(&[&last_row(question, typed)]);
        screen.press(ENTER);
    }
    screen.asks_body();
    screen.press("abc");
    for key in NOT_FOR_MENUS.iter().chain(&CONTROLS) {
        screen.press(key);
    }
    // In the text, arrows move.
    screen.press("\x1bOD\x1bOD\x1bODd\x1b[1;5Ce");
    screen.sees("dabce");
    screen.press(ENTER);
    screen.press("f\x1b[1;5Dg");
    screen.ends_with(&["dabce", "gf"]);
    screen.send_mail();
    screen.cancel();
    let received = setup.received();
    assert_eq!(received["mails"][0]["body"], "dabce\ngf");
    assert_eq!(received["mails"][0]["subject"], "Oi");
}

/// The row of a question that fits on the screen with its answer.
fn last_row(question: &str, typed: &str) -> String {
    let whole = match question {
        "commas): " => "To (several, separated by commas): ",
        question => question,
    };
    format!("{whole}{typed}")
}

#[test]
fn what_is_typed_after_alt_and_a_letter_is_not_swallowed_for_long() {
    if !has_terminal() {
        return;
    }
    let setup = Setup::of(&[("tony", "Tony Stark")]);
    let mut screen = Start::of(&setup).home();
    screen.press("4");
    screen.answer("commas): ", "tony");
    screen.asks("Subject: ");
    // Each of them begins a string that only its end would end, which never comes.
    for key in ["\x1bP", "\x1b]", "\x1bX", "\x1b^", "\x1b_"] {
        screen.press(key);
        let is_shown = (0..20).any(|_| {
            screen.press("z");
            let pause = Duration::from_millis(100);
            screen.within(pause, |screen| screen.contents().contains("Subject: z"))
        });
        assert!(is_shown, "{key:?}: {}", screen.text());
        screen.press("\x15");
        screen.ends_with(&["Subject:"]);
    }
    // A string of a terminal stays whole, even if a slow connection takes it apart.
    screen.press("\x1b]11;rgb:");
    screen.within(Duration::from_millis(100), |_| false);
    screen.press("6666\x1b");
    screen.within(Duration::from_millis(100), |_| false);
    screen.press("\\x");
    screen.ends_with(&["Subject: x"]);
    screen.cancel();
}

#[test]
fn a_character_comes_in_pieces() {
    if !has_terminal() {
        return;
    }
    let setup = Setup::of(&[("tony", "Tony Stark")]);
    let mut screen = Start::of(&setup).body();
    let pieces: [&[&[u8]]; 4] = [
        &[b"\xe2\x82", b"\xac"],
        &[b"\xf0\x9f", b"\x98\x80"],
        &[b"\xf0\x9f\x98", b"\x81"],
        &[b"\xc3", b"\xa3"],
    ];
    for (pause, pieces) in [120, 120, 120, 700].into_iter().zip(pieces) {
        for (index, piece) in pieces.iter().enumerate() {
            if index > 0 {
                let shown = screen.within(Duration::from_millis(pause), |screen| {
                    screen.contents().contains('¬') || screen.contents().contains("UTF-8")
                });
                assert!(!shown, "{}", screen.text());
            }
            screen.send(piece);
        }
    }
    screen.sees("€😀😁ã");
    screen.send_mail();
    screen.quit();
    let received = setup.received();
    assert_eq!(received["mails"][0]["body"], "€😀😁ã");
}

#[test]
fn an_arrow_comes_in_pieces() {
    if !has_terminal() {
        return;
    }
    let setup = Setup::of(&[("tony", "Tony Stark")]);
    let mut screen = Start::of(&setup).home();
    screen.press("4");
    screen.answer("commas): ", "tony");
    screen.asks("Subject: ");
    screen.press("bc");
    for pause in [5, 50, 100] {
        screen.press(ESCAPE);
        let is_left = screen.within(Duration::from_millis(pause), vt100::Screen::hide_cursor);
        assert!(!is_left, "{}", screen.text());
        screen.press("[D");
    }
    screen.press("a");
    screen.ends_with(&["Subject: abc"]);
    screen.press(ENTER);
    screen.asks_body();
    screen.press("uno");
    for pause in [5, 50, 100] {
        screen.press(ESCAPE);
        let is_left = screen.within(Duration::from_millis(pause), vt100::Screen::hide_cursor);
        assert!(!is_left, "{}", screen.text());
        screen.press("[");
        screen.within(Duration::from_millis(pause), |_| false);
        screen.press("D");
    }
    screen.press("l");
    screen.sees("luno");
    // Esc alone leaves, and what was typed is a draft.
    screen.leave_draft();
    assert_eq!(draft_bodies(&setup), ["luno"]);
    screen.cancel();
}

#[test]
fn esc_at_the_subject_and_at_the_recipients_keeps_a_draft() {
    if !has_terminal() {
        return;
    }
    let setup = Setup::of(&[("tony", "Tony Stark")]);
    let mut screen = Start::of(&setup).home();
    screen.press("4");
    screen.asks("commas): ");
    screen.press("peter");
    screen.sees("peter");
    screen.leave_draft();
    screen.press("4");
    screen.answer("commas): ", "steve");
    screen.asks("Subject: ");
    screen.press("Shield");
    screen.sees("Shield");
    screen.leave_draft();
    screen.sees("8) Drafts (2)");
    let kept: Vec<_> = crate::support::screen::drafts(&setup)
        .into_iter()
        .map(|mail| (mail.to, mail.subject))
        .collect();
    let expected = [("peter", ""), ("steve", "Shield")].map(|(a, b)| (a.to_owned(), b.to_owned()));
    assert_eq!(kept, expected);
    screen.cancel();
}

/// What is typed before an action has ended is dropped by the question after it, except Ctrl-C.
#[test]
fn ctrl_c_that_comes_before_an_action_begins_ends_the_program_after_it() {
    if !has_terminal() {
        return;
    }
    let setup = Setup::of(&[("tony", "Tony Stark")]);
    let mut screen = Start::of(&setup).menus();
    screen.press("3");
    screen.answer("Username", "tony");
    screen.sees("Password:");
    // All in one write: the program reads Ctrl-C before it logs in.
    screen.press(&format!("{PASSWORD}{ENTER}{CTRL_C}"));
    assert_eq!(screen.end().0, 130);
}

#[test]
fn a_mail_can_be_discarded_where_it_is_left_and_is_kept_in_doubt() {
    if !has_terminal() {
        return;
    }
    let setup = Setup::of(&[("tony", "Tony Stark")]);
    let mut screen = Start::of(&setup).body();
    screen.press("not this");
    screen.sees("not this");
    screen.press(ESCAPE);
    screen.menu(DISCARD);
    // It is a draft before it is asked about.
    let of_tony = Drafts::open(setup.data.path(), &setup.server(), &"tony".parse().unwrap());
    assert_eq!(of_tony.list().unwrap().in_use[0].body, "not this");
    screen.press("2");
    screen.sees("E-mail discarded.");
    screen.sees("8) Drafts (0)");
    screen.menu(HOME);
    let list = of_tony.list().unwrap();
    assert!(list.drafts.is_empty() && list.in_use.is_empty());
    // Esc, Enter, a paste and Ctrl-C discard nothing.
    for (number, key) in [ESCAPE, ENTER, CTRL_C].into_iter().enumerate() {
        screen.forget();
        screen.press("4");
        screen.asks("commas): ");
        screen.press("tony");
        screen.sees("commas): tony");
        screen.press(ESCAPE);
        screen.menu(DISCARD);
        screen.press("\x1b[200~2\n\x1b[201~");
        screen.within(Duration::from_millis(200), |_| false);
        screen.press(key);
        screen.sees("kept as a draft");
        let list = of_tony.list().unwrap();
        assert_eq!(list.drafts.len() + list.in_use.len(), number + 1);
    }
    assert_eq!(screen.end().0, 130);
}

#[test]
fn text_that_is_not_utf8_is_refused_with_a_message() {
    if !has_terminal() {
        return;
    }
    let setup = Setup::of(&[("tony", "Tony Stark")]);
    let mut screen = Start::of(&setup).body();
    screen.press("antes ");
    screen.sees("antes");
    screen.send(b"n\xe3o e a\xe7\xe3o");
    screen.sees("not UTF-8");
    screen
        .ends_with(&["antes", "the input is not UTF-8 and was ignored: set the terminal to UTF-8"]);
    screen.press("depois");
    screen.sees("antes depois");
    screen.sees_no("not UTF-8");
    screen.send_mail();
    screen.quit();
    let received = setup.received();
    assert_eq!(received["mails"][0]["body"], "antes depois");
}

#[test]
fn backspace_takes_a_whole_character() {
    if !has_terminal() {
        return;
    }
    let setup = Setup::of(&[("tony", "Tony Stark")]);
    // A new pseudo-terminal has no `iutf8`.
    let mut screen = Start::of(&setup).body();
    screen.press("a\u{e3}\x7f");
    screen.press("b\u{1f468}\u{200d}\u{1f469}\x7f");
    screen.press("ce\u{301}\x08");
    screen.press("d");
    screen.sees("abcd");
    screen.send_mail();
    screen.quit();
    let received = setup.received();
    assert_eq!(received["mails"][0]["body"], "abcd");
}

#[test]
fn a_body_can_be_corrected_anywhere_and_a_draft_as_well() {
    if !has_terminal() {
        return;
    }
    let setup = Setup::of(&[("tony", "Tony Stark")]);
    let mut screen = Start::of(&setup).body();
    screen.press("first lne");
    screen.sees("first lne");
    screen.press(ENTER);
    screen.press("second");
    screen.ends_with(&["first lne", "second"]);
    screen.press(UP);
    // Up keeps the column, which is after "first ".
    screen.press("\x1b[Hnot the ");
    screen.ends_with(&["not the first lne", "second"]);
    screen.leave_draft();
    assert_eq!(draft_bodies(&setup), ["not the first lne\nsecond"]);
    // The draft opened again: Enter alone takes what there was.
    screen.forget();
    screen.press("4");
    screen.press_until(ENTER, "commas): tony");
    screen.asks("commas): tony");
    screen.press(ENTER);
    screen.asks("Subject: Oi");
    screen.press(ENTER);
    screen.ends_with(&["not the first lne", "second"]);
    screen.press(UP);
    screen.press("\x1b[F");
    screen.press(&LEFT.repeat(2));
    screen.press("i");
    screen.ends_with(&["not the first line", "second"]);
    screen.send_mail();
    screen.quit();
    let received = setup.received();
    assert_eq!(received["mails"][0]["body"], "not the first line\nsecond");
}
