//! Pasted text, marked by the terminal or not, in all prompts, on a pseudo-terminal: it is text,
//! and sends and chooses nothing.

use std::time::Duration;

use correio_testing::proxy::ProxyMode;

use crate::support::{
    PASSWORD, Setup,
    screen::{
        CTRL_C, CTRL_D, DOWN, ENTER, FIRST, HOME, Screen, Start, UP, draft_bodies, drafts,
        has_terminal,
    },
};

/// How a terminal sends a paste.
#[derive(Clone, Copy, Debug)]
enum Marks {
    Set,
    None,
}

fn paste(screen: &mut Screen, marks: Marks, text: &str) {
    match marks {
        Marks::Set => screen.paste(text),
        Marks::None => screen.press(text),
    }
}

#[test]
fn a_paste_into_a_body_sends_and_chooses_nothing() {
    if !has_terminal() {
        return;
    }
    let setup = Setup::of(&[("tony", "Tony Stark")]);
    let mut screen = Start::of(&setup).home();
    let deletes = format!("text\n.\n9\n3\ny\n{PASSWORD}\nend\n");
    let texts = ["intro\n.\n9\n1\nMister Evil\nend\n", "ola\n.\n6\nend\n", &deletes];
    let mut kept = Vec::new();
    for marks in [Marks::Set, Marks::None] {
        for text in texts {
            screen.write_to("tony", "Oi");
            paste(&mut screen, marks, text);
            screen.sees("\nend");
            screen.leave_draft();
            kept.push(text.to_owned());
            assert_eq!(draft_bodies(&setup), kept, "{marks:?}");
            screen.forget();
        }
    }
    screen.cancel();
    // The account is there, its name is the same, and it got no mail.
    let received = setup.received();
    assert_eq!(received["mails"].as_array().unwrap().len(), 0);
    let mut screen = Start::of(&setup).home();
    screen.sees("Welcome Tony Stark");
    screen.quit();
}

#[test]
fn a_paste_into_a_line_is_one_line() {
    if !has_terminal() {
        return;
    }
    let setup = Setup::of(&[("tony", "Tony Stark")]);
    let mut screen = Start::of(&setup).home();
    for marks in [Marks::Set, Marks::None] {
        screen.press("4");
        screen.answer("commas): ", "tony");
        screen.asks("Subject: ");
        paste(&mut screen, marks, "two\nlines\n.\n");
        screen.ends_with(&["Subject: two lines ."]);
        screen.leave_draft();
    }
    let subjects: Vec<_> = drafts(&setup).into_iter().map(|draft| draft.subject).collect();
    assert_eq!(subjects, ["two lines .", "two lines ."]);
    screen.cancel();
}

#[test]
fn a_paste_into_a_menu_chooses_nothing() {
    if !has_terminal() {
        return;
    }
    let setup = Setup::of(&[("tony", "Tony Stark")]);
    let mut screen = Start::of(&setup).home();
    let deletes = format!("9\n3\ny\n{PASSWORD}\n");
    // The last three: an end of a paste is in the text, and the rest of the text comes with it.
    let pastes = [
        "hello 6 world",
        "hello\n",
        "hello\r",
        "66",
        "ola\n.\n6\n",
        &deletes,
        "\x1b[200~6\x1b[201~",
        "\x1b[200~6\n9\n\x1b[201~",
        "\x1b[200~x\x1b[201~6",
        "\x1b[200~x\x1b[201~\n",
        "\x1b[200~x\x1b[201~\n6\n\x1b[201~",
    ];
    let choices = ["4) Send", "5) Receive", "6) Log out", "7) E-mails", "8) Drafts", "9) My"];
    let mut current = 0;
    for pasted in pastes {
        screen.press(pasted);
        current += 1;
        screen.press_until(DOWN, &format!("> {}", choices[current % choices.len()]));
    }
    assert_eq!(screen.count("4) Send"), 1, "{}", screen.text());
    screen.press("6");
    screen.menu(FIRST);
    for pasted in ["tony\rjarvis-is-here\r", "0\n0\n", "\x1b[200~0\x1b[201~0"] {
        screen.press(pasted);
        screen.press_until(DOWN, "> ");
    }
    screen.menu(FIRST);
    screen.within(Duration::from_millis(400), |_| false);
    screen.press("0");
    assert_eq!(screen.end().0, 0);
}

#[test]
fn a_long_line_is_pasted_in_linear_time() {
    if !has_terminal() {
        return;
    }
    let setup = Setup::of(&[("tony", "Tony Stark")]);
    let line = "x".repeat(20_000);
    let mut screen = Start::of(&setup).home();
    for marks in [Marks::Set, Marks::None] {
        screen.write_to("tony", "Oi");
        let before = (screen.processor_time(), screen.written.len());
        paste(&mut screen, marks, &line);
        screen.sees(&"x".repeat(70));
        // With the drawings and the draft that follow.
        screen.within(Duration::from_millis(600), |_| false);
        let time = screen.processor_time() - before.0;
        println!("20,000 characters, marks {marks:?}: {time:?} of processor time");
        assert!(time < Duration::from_secs(3), "{time:?}");
        // One drawing of a screen, or a few if the kernel handed the bytes over slowly.
        let drawn = screen.written.len() - before.1;
        assert!(drawn < 20 * 80 * 24, "{drawn}");
        screen.press_until(CTRL_D, "E-mail sent");
        screen.menu(HOME);
        screen.forget();
    }
    screen.quit();
    let received = setup.received();
    for mail in received["mails"].as_array().unwrap() {
        assert_eq!(mail["body"].as_str().unwrap(), line);
    }
}

#[test]
fn a_mebibyte_is_pasted() {
    if !has_terminal() {
        return;
    }
    let setup = Setup::of(&[("tony", "Tony Stark")]);
    let mut text: String =
        (0..20_000).map(|line| format!("{line}: {}\n", "y".repeat(45))).collect();
    text.push_str(".\n6\nthe end");
    assert!(text.len() > 1 << 20);
    for marks in [Marks::Set, Marks::None] {
        let mut screen = Start::of(&setup).body();
        paste(&mut screen, marks, &text);
        screen.sees("\n.\n6\nthe end");
        screen.press_until(CTRL_C, "kept as a draft");
        assert_eq!(screen.end().0, 130);
        let kept = draft_bodies(&setup).pop().unwrap();
        assert!(kept == text, "{marks:?}: {} of {} bytes", kept.len(), text.len());
    }
}

#[test]
fn what_is_pasted_is_shown_and_not_obeyed() {
    if !has_terminal() {
        return;
    }
    let setup = Setup::of(&[("tony", "Tony Stark")]);
    let mut screen = Start::of(&setup).body();
    screen.paste("a\0b\x1b[2J\x1b]0;t\x07\x03c\td");
    screen.sees("a\\u{0}b\\u{1b}[2J\\u{1b}]0;t\\u{7}\\u{3}c");
    screen.leave_draft();
    assert_eq!(draft_bodies(&setup), ["a\0b\x1b[2J\x1b]0;t\x07\x03c\td"]);
    screen.menu(HOME);
    screen.cancel();
}

#[test]
fn a_paste_that_is_not_utf8_is_refused_as_a_whole() {
    if !has_terminal() {
        return;
    }
    let setup = Setup::of(&[("tony", "Tony Stark")]);
    let mut screen = Start::of(&setup).body();
    screen.send(b"\x1b[200~n\xe3o\nsim\n.\n\x1b[201~");
    screen.sees("not UTF-8");
    screen.send(b"n\xe3o\nsim\n.\n");
    screen.within(Duration::from_millis(400), |_| false);
    screen.press("z");
    screen.sees_no("not UTF-8");
    screen.leave_draft();
    assert_eq!(draft_bodies(&setup), ["z"]);
    screen.menu(HOME);
    screen.cancel();
}

#[test]
fn a_paste_into_a_password_is_one_line_and_not_shown() {
    if !has_terminal() {
        return;
    }
    let setup = Setup::of(&[("tony", "Tony Stark")]);
    let mut screen = Start::of(&setup).menus();
    screen.press("3");
    screen.answer("Username", "tony");
    for marks in [Marks::Set, Marks::None] {
        screen.asks("Password");
        paste(&mut screen, marks, "secret-line\n6\n");
        screen.sees("a password has one line");
        // The remark goes with the next key.
        screen.press_until("\x7f", "Password:");
        screen.sees_no("a password has one line");
    }
    screen.paste(PASSWORD);
    screen.press_until(ENTER, HOME);
    let written = String::from_utf8_lossy(&screen.written).into_owned();
    assert!(!written.contains("secret-line") && !written.contains(PASSWORD));
    screen.press_until(CTRL_D, "Goodbye");
    assert_eq!(screen.end().0, 0);
}

#[test]
fn answers_that_are_typed_ahead_of_a_password_do_not_show_it() {
    if !has_terminal() {
        return;
    }
    let setup = Setup::of(&[("tony", "Tony Stark")]);
    let mut screen = Start::of(&setup).menus();
    // A user on a slow connection, a password manager, and more than the questions ask for.
    for (typed, has_end) in [
        (format!("tony\r{PASSWORD}\r"), true),
        (format!("tony\t{PASSWORD}\r"), true),
        (format!("tony\r{PASSWORD}\r6\r0\r"), true),
        (format!("tony\r{PASSWORD}"), false),
    ] {
        screen.press("3");
        screen.asks("Username:");
        screen.press(&typed);
        if !has_end {
            screen.asks("Password:");
            screen.press_until(ENTER, HOME);
        }
        screen.menu(HOME);
        assert_eq!(screen.count("Goodbye"), 0, "{}", screen.text());
        screen.forget();
        screen.press_until("6", "Goodbye");
        screen.menu(FIRST);
        screen.forget();
        screen.press(DOWN);
        screen.press(UP);
        screen.current("3) Open");
    }
    screen.press("2");
    screen.asks("Full name:");
    screen.press("Peter Parker\rpeter\rspider-man\rspider-man\r");
    screen.sees("Account peter registered");
    screen.menu(FIRST);
    screen.press(CTRL_D);
    let written = String::from_utf8_lossy(&screen.written).into_owned();
    assert!(!written.contains(PASSWORD) && !written.contains("spider-man"));
    assert_eq!(screen.end().0, 0);
}

#[test]
fn a_password_that_is_typed_ahead_of_an_offered_username_is_not_shown() {
    if !has_terminal() {
        return;
    }
    let setup = Setup::of(&[("tony", "Tony Stark")]);
    let mut screen = Start::of(&setup).home();
    screen.press_until("6", "Goodbye");
    screen.menu(FIRST);
    // Together with the Enter that takes the username, with the password's Enter after it, and
    // key by key.
    let together = format!("{ENTER}{PASSWORD}{ENTER}");
    let then_enter = format!("{ENTER}{PASSWORD}");
    for keys in [vec![&*together], vec![&*then_enter, ENTER], vec![ENTER, PASSWORD, ENTER]] {
        screen.forget();
        screen.press("3");
        screen.asks("Username: tony");
        for typed in &keys {
            screen.press(typed);
            screen.within(Duration::from_millis(50), |_| false);
        }
        screen.menu(HOME);
        screen.forget();
        screen.press_until("6", "Goodbye");
        screen.menu(FIRST);
    }
    let written = String::from_utf8_lossy(&screen.written).into_owned();
    assert!(!written.contains(PASSWORD));
    screen.quit();
}

#[test]
fn what_follows_a_username_in_a_paste_or_a_refused_answer_is_dropped() {
    if !has_terminal() {
        return;
    }
    let setup = Setup::of(&[("tony", "Tony Stark")]);
    let mut screen = Start::of(&setup).menus();
    screen.press("3");
    screen.asks("Username:");
    screen.press("not a name\rsecret-line\r");
    screen.sees("the username must not contain");
    screen.asks("Username: not a name");
    screen.press("\x15");
    screen.paste("tony\nsecret-line\n6\n");
    screen.ends_with(&["Username: tony", "only the first line of the pasted text was used"]);
    screen.press_until(ENTER, "Password:");
    screen.press(PASSWORD);
    screen.press(ENTER);
    screen.menu(HOME);
    screen.press(CTRL_C);
    let written = String::from_utf8_lossy(&screen.written).into_owned();
    assert!(!written.contains("secret-line"));
    assert_eq!(screen.end().0, 130);
}

#[test]
fn a_paste_whose_end_is_lost_ends_with_silence() {
    if !has_terminal() {
        return;
    }
    let setup = Setup::of(&[("tony", "Tony Stark")]);
    let mut screen = Start::of(&setup).menus();
    // As Esc [ 2 0 0 ~ would be, too: no choice, and keys work again after a while.
    screen.press("\x1b[200~0\n");
    screen.within(Duration::from_secs(6), |_| false);
    screen.press(DOWN);
    screen.current("0) Quit");
    screen.press("3");
    screen.answer("Username", "tony");
    screen.answer("Password", PASSWORD);
    screen.menu(HOME);
    screen.write_to("tony", "Oi");
    screen.press("\x1b[200~lost\nend");
    screen.ends_with(&["lost", "end"]);
    screen.press_until(CTRL_D, "E-mail sent");
    screen.menu(HOME);
    screen.quit();
}

#[test]
fn a_typed_dot_after_a_paste_ends_the_text() {
    if !has_terminal() {
        return;
    }
    let setup = Setup::of(&[("tony", "Tony Stark")]);
    let mut screen = Start::of(&setup).body();
    screen.paste("pasted\n.\n");
    screen.ends_with(&["pasted", "."]);
    screen.within(Duration::from_millis(400), |_| false);
    screen.press(".");
    screen.ends_with(&["pasted", ".", "."]);
    screen.press(ENTER);
    screen.sees("E-mail sent");
    screen.menu(HOME);
    screen.quit();
    let received = setup.received();
    assert_eq!(received["mails"][0]["body"], "pasted\n.");
}

#[test]
fn what_is_typed_while_mail_is_received_chooses_nothing() {
    if !has_terminal() {
        return;
    }
    let setup = Setup::of(&[("tony", "Tony Stark")]);
    let proxy = setup.proxy(ProxyMode::Open);
    let mut screen = Start::of(&setup).run(&["--server", &proxy.address.to_string()]);
    screen.menu(FIRST);
    screen.log_in();
    for typed in
        ["6", "6\n", "\x1b[200~6\n6\n\x1b[201~", "ola\n.\n6\n", "\x13", "\x1a", "\x1c", "\x1b[1;5D"]
    {
        proxy.hold(true);
        screen.press("5");
        screen.until("the spinner", |screen| {
            screen.contents().contains(|c| matches!(c, '\u{2801}'..='\u{28ff}'))
        });
        screen.press(typed);
        screen.within(Duration::from_millis(300), |_| false);
        proxy.hold(false);
        screen.menu(HOME);
        screen.press_until(DOWN, "> 5) Receive");
        assert!(!screen.text().contains("Goodbye"), "{typed:?}");
        screen.forget();
    }
    screen.cancel();
}
