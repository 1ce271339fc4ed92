//! Tests of what a user sees on an emulated screen: windows that change their size, long lists and
//! mails, a program that was stopped, a server that stops and comes back.

use std::{process::Command, time::Duration};

use correio_testing::skip;
use rustix::process::Signal;

use crate::support::{
    PASSWORD, Setup,
    screen::{
        CTRL_C, CTRL_D, DOWN, ENTER, ESCAPE, FIRST, HOME, Screen, Start, UP, draft_bodies,
        has_terminal,
    },
};

/// A setup in which Tony has mails, each a subject and a body, on his computer.
fn with_mails(mails: &[(&str, &str)]) -> Setup {
    let setup = Setup::of(&[("tony", "Tony Stark")]);
    setup.deliver("tony", "tony", mails);
    setup
}

/// Mails whose subjects are their numbers.
fn numbered(count: usize) -> Setup {
    let subjects: Vec<String> = (1..=count).map(|number| format!("S{number}")).collect();
    let mails: Vec<_> = subjects.iter().map(|subject| (subject.as_str(), "x")).collect();
    with_mails(&mails)
}

#[test]
fn a_number_typed_at_the_pager_counts_whole_and_the_mail_stays() {
    if !has_terminal() {
        return;
    }
    let setup = numbered(33);
    let mut screen = Start::of(&setup).home();
    screen.press("5");
    screen.sees("Enter or PgDn goes on");
    screen.sees("[1] Tony Stark: S1");
    // Pastes choose nothing here, and neither do they later.
    screen.paste("3\n2\n");
    screen.within(Duration::from_millis(400), |_| false);
    screen.press("32");
    screen.asks("(0 goes back) 32");
    screen.press(ENTER);
    screen.sees("Subject: S32");
    // The mail stays, with nothing after it, until a key is pressed.
    screen.sees("Enter goes back to the list");
    let rows = screen.rows();
    let subject = rows.iter().position(|row| row == "Subject: S32").unwrap();
    assert!(rows[subject..].iter().all(|row| !row.starts_with('[')), "{rows:#?}");
    assert!(
        !screen.within(Duration::from_millis(300), |screen| { screen.contents().contains("S33") })
    );
    screen.press(ENTER);
    // The list is where it was.
    screen.sees("[32] Tony Stark: S32");
    screen.sees("PgUp goes back");
    screen.press("2");
    screen.asks("(0 goes back) 2");
    screen.press(ENTER);
    screen.sees("Subject: S2");
    screen.sees("Enter goes back to the list");
    screen.press(" ");
    screen.sees("[2] Tony Stark: S2");
    screen.press(ESCAPE);
    screen.asks("(0 goes back)");
    screen.press("\x1b[200~1\n2\n\x1b[201~");
    screen.asks("(0 goes back) 1 2");
    screen.press_until(ESCAPE, HOME);
    screen.menu(HOME);
    screen.cancel();
}

#[test]
fn more_than_200_mails_are_all_listed_by_page() {
    if !has_terminal() {
        return;
    }
    let setup = numbered(250);
    assert_eq!(setup.run("tony", &["receive"], "").status, 0);
    let mut screen = Start::of(&setup).home();
    screen.press("7");
    // The newest are seen first, the others by page.
    screen.sees("[250] Tony Stark: S250");
    screen.press("\x1b[5~");
    screen.sees("[205] ");
    screen.sees_no("[250]");
    screen.press("\x1b[H");
    screen.sees("[1] Tony Stark: S1");
    screen.press(DOWN);
    screen.sees_no("[1] ");
    screen.press(UP);
    screen.sees("[1] ");
    screen.press("\x1b[F");
    screen.sees("[250]");
    screen.press(ENTER);
    screen.answer("(0 goes back)", "3");
    screen.sees("Subject: S3");
    screen.sees("Enter goes back to the list");
    screen.press(" ");
    screen.sees("[3] ");
    screen.press(ESCAPE);
    screen.asks("(0 goes back)");
    screen.press(ESCAPE);
    screen.menu(HOME);
    screen.cancel();
    // A script gets all of them.
    let address = setup.address.to_string();
    let lines = format!("3\ntony\n{PASSWORD}\n7\n0\n6\n0\n");
    let done = crate::support::finish(setup.program(&["--server", &address]), &lines);
    assert_eq!(done.out.matches("] Tony Stark: S").count(), 250, "{}", done.out);
}

#[test]
fn the_last_page_says_that_it_is_the_last() {
    if !has_terminal() {
        return;
    }
    let body: Vec<String> = (1..=50).map(|line| format!("line {line} of 50")).collect();
    let setup = with_mails(&[("Long", &body.join("\n"))]);
    let mut screen = Start::of(&setup).home();
    screen.press("5");
    let keys = "-- r answer, a answer all, f forward, s save files, d delete, i important --";
    let back = "-- (END) n next, p previous, v source, Enter goes back to the list --";
    // Read page by page, the mail ends without another key.
    screen.answer("(0 goes back)", "1");
    for _ in 0..2 {
        screen.sees("-- Enter goes on, Esc goes back --");
        assert_eq!(screen.count("(END)"), 0, "{}", screen.text());
        screen.forget();
        screen.press(" ");
    }
    screen.ends_with(&["line 50 of 50", keys, back]);
    screen.press(" ");
    // The end at once, and up again.
    screen.answer("(0 goes back)", "1");
    screen.sees("-- Enter goes on");
    screen.press("\x1b[F");
    screen.ends_with(&["line 50 of 50", "-- (END) Enter or Esc goes back, PgUp goes up --"]);
    screen.press(UP);
    screen.ends_with(&["line 49 of 50", "-- Enter goes on, Esc goes back --"]);
    screen.press(DOWN);
    screen.ends_with(&["line 50 of 50", "-- (END) Enter or Esc goes back, PgUp goes up --"]);
    screen.press("q");
    screen.ends_with(&["line 50 of 50", keys, back]);
    screen.press(" ");
    // A mail that was left before its end has not ended.
    screen.answer("(0 goes back)", "1");
    screen.sees("-- Enter goes on");
    screen.press("q");
    screen.sees("-- n next, p previous, v source, Enter goes back to the list --");
    screen.cancel();
}

#[test]
fn tabs_and_long_lines_are_paged() {
    if !has_terminal() {
        return;
    }
    let tabs = "\t\t\t\t\t\t\t\t\t\ttab\n".repeat(20);
    let long = "word ".repeat(1000);
    let setup = with_mails(&[("Tabs", &tabs), ("Long", &long)]);
    let mut screen = Start::of(&setup).home();
    screen.press("5");
    for (number, subject) in [("1", "Tabs"), ("2", "Long")] {
        screen.answer("(0 goes back)", number);
        screen.sees("Enter goes on");
        screen.sees("From: Tony Stark <tony>");
        screen.sees(&format!("Subject: {subject}"));
        let rows = screen.rows();
        assert_eq!(rows.len(), 24, "{rows:#?}");
        // Words are not cut.
        assert!(rows.iter().all(|row| !row.ends_with("wor")), "{rows:#?}");
        screen.press(ESCAPE);
        screen.sees("Enter goes back to the list");
        screen.press(" ");
    }
    screen.asks("(0 goes back)");
    screen.press(ESCAPE);
    screen.menu(HOME);
    screen.cancel();
}

#[test]
fn a_menu_is_drawn_for_the_size_that_is() {
    if !has_terminal() {
        return;
    }
    let setup = Setup::of(&[("tony", "Tony Stark")]);
    let mut screen = Start::of(&setup).size(30, 120).home();
    for (rows, columns) in [(30, 20), (30, 120), (8, 120), (30, 120), (5, 12), (24, 80)] {
        screen.resize(rows, columns);
        screen.press(DOWN);
        screen.press(UP);
        screen.until("one menu", |screen| {
            let shown = screen.contents();
            shown.contains("> 4) Send") && shown.matches("4) Send").count() == 1
        });
        screen.press(DOWN);
        screen.current("5) Rec");
        screen.press(UP);
        screen.current("4) Send");
        for choice in ["4) ", "5) ", "7) "] {
            assert_eq!(screen.count(choice).max(1), 1, "{rows}x{columns}:\n{}", screen.text());
        }
    }
    screen.menu(HOME);
    for choice in ["4) ", "5) ", "6) ", "7) ", "8) ", "9) "] {
        assert_eq!(screen.count(choice), 1, "{}", screen.text());
    }
    screen.cancel();
}

#[test]
fn a_body_is_drawn_for_the_size_that_is() {
    if !has_terminal() {
        return;
    }
    let setup = Setup::of(&[("tony", "Tony Stark")]);
    let mut screen = Start::of(&setup).size(30, 120).body();
    let body: Vec<String> = (1..=12)
        .map(|line| format!("line {line} of a text that wraps{}", " so".repeat(12)))
        .collect();
    screen.paste(&body.join("\n"));
    screen.sees("line 12 of");
    screen.ends_paste();
    for (rows, columns) in [(30, 20), (30, 120), (8, 120), (30, 40), (2, 10), (1, 1), (30, 120)] {
        screen.resize(rows, columns);
        // The cursor is at the end of the text, and what is around it is seen once.
        screen.press("!");
        screen.until("the end", |screen| {
            let shown = screen.contents();
            columns == 1 || shown.trim_end().ends_with('!') && shown.matches('!').count() < 10
        });
        screen.press("\x7f");
        // A screen without the end is half drawn.
        screen.until("the end without the key", |screen| {
            let shown = screen.contents();
            columns == 1 || shown.trim_end().ends_with("so") && !shown.contains('!')
        });
        let shown = screen.text();
        for line in 8..=12 {
            let count = shown.matches(&format!("line {line} of")).count();
            assert!(count <= 1, "{rows}x{columns}:\n{shown}");
        }
    }
    for line in &body {
        screen.sees(line);
        assert_eq!(screen.count(line), 1);
    }
    screen.leave_draft();
    assert_eq!(draft_bodies(&setup), [body.join("\n")]);
    screen.menu(HOME);
    screen.cancel();
}

#[test]
fn a_pager_is_drawn_for_the_size_that_is() {
    if !has_terminal() {
        return;
    }
    let setup = numbered(60);
    let mut screen = Start::of(&setup).size(30, 120).home();
    screen.press("5");
    screen.sees("Enter or PgDn goes on");
    screen.press("\x1b[H");
    for (rows, columns) in [(8, 120), (30, 120), (30, 100), (24, 90)] {
        screen.resize(rows, columns);
        screen.until("a page of this height", |screen| {
            let shown = screen.contents();
            let shown: Vec<_> = shown.trim_end().lines().collect();
            let last = format!("[{}] ", rows - 1);
            shown.last().is_some_and(|more| more.contains("Enter or PgDn"))
                && shown.iter().filter(|row| row.starts_with(&last)).count() == 1
                && shown.len() == usize::from(rows)
                && shown.iter().filter(|row| row.starts_with("[1] ")).count() == 1
        });
    }
    screen.press("1");
    screen.asks("(0 goes back) 1");
    screen.press(ENTER);
    screen.sees("Enter goes back to the list");
    screen.resize(12, 60);
    screen.until("the mail", |screen| screen.contents().contains("Subject: S1"));
    screen.press(" ");
    screen.sees("Enter or PgDn");
    screen.press(ESCAPE);
    screen.asks("(0 goes back)");
    screen.press(ESCAPE);
    screen.menu(HOME);
    screen.cancel();
}

#[test]
fn a_storm_of_sizes_ends_with_one_screen() {
    if !has_terminal() {
        return;
    }
    let setup = Setup::of(&[("tony", "Tony Stark")]);
    let mut screen = Start::of(&setup).home();
    for _ in 0..20 {
        for (rows, columns) in [(1, 1), (50, 200), (10, 30), (24, 80)] {
            screen.resize(rows, columns);
        }
    }
    screen.press(DOWN);
    screen.current("5) Receive");
    screen.menu(HOME);
    assert_eq!(screen.count("4) Send"), 1, "{}", screen.text());
    screen.cancel();
}

#[test]
fn what_is_typed_stays_readable_in_narrow_windows() {
    if !has_terminal() {
        return;
    }
    let setup = Setup::of(&[("tony", "Tony Stark"), ("pepper", "Pepper Potts")]);
    for columns in [40, 20] {
        let mut screen = Start::of(&setup).home();
        screen.resize(24, columns);
        screen.press("4");
        screen.sees("commas):");
        screen.until("the cursor", |screen| !screen.hide_cursor());
        screen.press("pepper");
        screen.ends_with(&["pepper"]);
        screen.press(&format!("\x15{}", "tony, pepper, ".repeat(8)));
        screen.until("the end of the line", |screen| {
            screen.contents().trim_end().ends_with("pepper,")
        });
        screen.press("\x15tony");
        screen.ends_with(&["tony"]);
        assert_eq!(screen.count("pepper,"), 0, "{}", screen.text());
        screen.press(ENTER);
        screen.sees("Subject:");
        screen.cancel();
    }
}

#[test]
fn notices_and_questions_are_broken_between_words() {
    if !has_terminal() {
        return;
    }
    let setup = Setup::of(&[("tony", "Tony Stark")]);
    let mut screen = Start::of(&setup).menus();
    screen.press("3");
    screen.answer("Username", "tony");
    screen.answer("Password", "wrong password");
    screen.menu(FIRST);
    screen.resize(24, 30);
    screen.sees("username or wrong");
    let text = screen.text();
    assert!(text.contains("Login failed: unknown\nusername or wrong password"), "{text}");
    // The question for the password of the username that stands.
    screen.press("3");
    screen.ends_with(&["Password of tony (Esc changes", "the username):"]);
    screen.press(PASSWORD);
    screen.press(ENTER);
    screen.menu(HOME);
    screen.forget();
    screen.press("4");
    screen.ends_with(&["To (several, separated by", "commas):"]);
    screen.press("tony");
    screen.press(ENTER);
    screen.answer("Subject:", "Oi");
    let body = [
        "Body (end with a line that is",
        "a single dot; a line of dots",
        "alone takes one dot more):",
        "(Ctrl-D ends it, too; Ctrl-X",
        "opens true, Ctrl-T attaches a",
        "file)",
    ];
    screen.ends_with(&body);
    screen.cancel();
}

#[test]
fn a_program_that_was_stopped_goes_on_with_its_screen() {
    if !has_terminal() {
        return;
    }
    let setup = Setup::of(&[("tony", "Tony Stark")]);
    let mut screen = Start::of(&setup).home();
    screen.signal(Signal::STOP);
    wait_for_state(&screen, "T");
    // A shell sets the terminal as it likes it, and writes on the screen.
    screen.make_sane();
    screen.signal(Signal::CONT);
    screen.until("one menu", |screen| screen.contents().matches("4) Send").count() == 1);
    screen.press(DOWN);
    screen.current("5) Receive");
    assert!(!screen.text().contains("^["), "{}", screen.text());
    // Here no shell could let it go on after SIGTSTP, which the kernel ignores then, too.
    screen.signal(Signal::TSTP);
    screen.press(DOWN);
    screen.current("6) Log out");
    screen.cancel();
}

/// In a container the program's process group, session and parent may be outside of its PID
/// namespace, where they have no number.
#[test]
fn ctrl_z_ends_no_program_in_a_pid_namespace() {
    if !has_terminal() {
        return;
    }
    const NAMESPACE: [&str; 4] = ["unshare", "--user", "--pid", "--fork"];
    if !skip::works(NAMESPACE[0], &["--user", "--pid", "--fork", "true"]) {
        skip::skipped("this takes unshare and the right to make a PID namespace");
        return;
    }
    let setup = Setup::of(&[("tony", "Tony Stark")]);
    for below in [&[] as &[&str], &["sh", "-c", "\"$@\"; exit", "sh"]] {
        let mut screen = Start::of(&setup).through(&[&NAMESPACE, below].concat()).home();
        screen.press("\x1a");
        screen.press(DOWN);
        screen.current("5) Receive");
        screen.cancel();
    }
}

/// Waits until the program is in a state of `/proc/PID/stat`.
fn wait_for_state(screen: &Screen, state: &str) {
    let pid = screen.process().as_raw_nonzero();
    let script = format!(
        "n=0; until grep -q ') {state} ' /proc/{pid}/stat; do n=$((n+1)); [ $n -lt 5000 ] || exit 1; done"
    );
    assert!(Command::new("sh").args(["-c", &script]).status().unwrap().success());
}

#[test]
fn ctrl_z_and_fg_work_in_a_shell() {
    if !has_terminal() {
        return;
    }
    let setup = Setup::of(&[("tony", "Tony Stark")]);
    // The shell reads from the terminal itself, so that it has jobs.
    let mut screen = Start::of(&setup).set("PS1", "shell> ").shell();
    screen.asks("shell>");
    let address = setup.address.to_string();
    screen.press(&format!("\"$P\" --data-dir \"$D\" --lang en --server {address}\r"));
    screen.menu(FIRST);
    screen.press("\x1a");
    screen.asks("shell>");
    screen.press("fg\r");
    screen.menu(FIRST);
    screen.log_in();
    screen.write_to("tony", "Oi");
    screen.press("before");
    screen.sees("before");
    screen.press("\x1a");
    screen.asks("shell>");
    screen.press("fg; echo status=$?=\r");
    screen.until("the body", |screen| {
        !screen.hide_cursor() && screen.contents().trim_end().ends_with("before")
    });
    screen.press(" after");
    screen.sees("before after");
    screen.send_mail();
    screen.press(CTRL_C);
    screen.sees("status=130=");
    screen.asks("shell>");
    screen.press("exit\r");
    assert_eq!(screen.end().0, 0);
    let received = setup.received();
    assert_eq!(received["mails"][0]["body"], "before after");
}

#[test]
fn after_a_refused_login_the_username_stands_and_blind_typing_does_no_harm() {
    if !has_terminal() {
        return;
    }
    let setup = Setup::of(&[("tony", "Tony Stark")]);
    let mut screen = Start::of(&setup).menus();
    screen.press("3");
    screen.answer("Username", "tony");
    screen.answer("Password", "not-the-password");
    screen.sees("Login failed");
    screen.menu(FIRST);
    screen.current("3) Open");
    // Typed again by habit, in one go or key by key: the cursor is on 3), and a password is
    // never shown.
    screen.press("tony\rblind-6-password\r");
    screen.within(Duration::from_millis(400), |_| false);
    screen.menu(FIRST);
    screen.current("3) Open");
    for letter in ["t", "o", "n", "y"] {
        screen.press(letter);
        screen.within(Duration::from_millis(30), |_| false);
    }
    // An Enter right after it would belong to that text.
    screen.within(Duration::from_millis(700), |_| false);
    screen.press(ENTER);
    screen.asks("Password of tony");
    screen.press(PASSWORD);
    screen.press(ENTER);
    screen.menu(HOME);
    let written = String::from_utf8_lossy(&screen.written).into_owned();
    for secret in ["not-the-password", "blind", PASSWORD] {
        assert!(!written.contains(secret), "{secret}");
    }
    // Another username is one Esc away.
    screen.press("6");
    screen.menu(FIRST);
    screen.press("3");
    screen.asks("Username: tony");
    screen.press(ENTER);
    screen.answer("Password:", "not-the-password");
    screen.sees("Login failed");
    screen.menu(FIRST);
    screen.press("3");
    screen.asks("Password of tony");
    screen.press(ESCAPE);
    screen.asks("Username: tony");
    screen.cancel();
}

#[test]
fn an_empty_enter_at_a_password_asks_for_the_password_again() {
    let house = Setup::of(&[("tony", "Tony Stark")]);
    let mut screen = Start::of(&house).menus();
    screen.press("3");
    screen.sees("Username:");
    screen.press("tony");
    screen.press(ENTER);
    screen.sees("Password:");
    screen.press(ENTER);
    screen.until("the question again", |screen| screen.contents().matches("Password").count() == 2);
    screen.press(PASSWORD);
    screen.press(ENTER);
    screen.menu(HOME);
    screen.quit();
}

#[test]
fn the_menus_start_where_they_were_left() {
    if !has_terminal() {
        return;
    }
    let mut setup = Setup::of(&[("tony", "Tony Stark")]);
    let mut screen = Start::of(&setup).home();
    screen.press(CTRL_D);
    screen.sees("Goodbye");
    assert_eq!(screen.end().0, 0);
    // Without a word of the server: it is there, and the username is offered.
    let mut screen = Start::of(&setup).run(&[]);
    screen.sees("Service Available");
    screen.menu(FIRST);
    screen.current("3) Open");
    screen.press(ENTER);
    screen.answer("Username: tony", "");
    screen.answer("Password", PASSWORD);
    screen.menu(HOME);
    screen.cancel();
    setup.stop();
    let mut screen = Start::of(&setup).run(&[]);
    screen.sees("Service Unavailable: the connection was refused");
    screen.menu(FIRST);
    screen.current("1) Choose");
    screen.press(ENTER);
    screen.asks("Server address: 127.0.0.1");
    screen.cancel();
}

#[test]
fn what_was_said_of_a_server_that_stops_goes_when_it_is_back() {
    if !has_terminal() {
        return;
    }
    let mut setup = Setup::of(&[("tony", "Tony Stark")]);
    let mut screen = Start::of(&setup).home();
    setup.stop();
    screen.sees("The server has said that it stops");
    setup.start_again();
    screen.sees_no("The server has said that it stops");
    screen.menu(HOME);
    setup.deliver("tony", "tony", &[("Oi", "x")]);
    screen.sees("New e-mail from Tony Stark: Oi");
    screen.cancel();
}

#[test]
fn many_arrivals_are_one_line() {
    if !has_terminal() {
        return;
    }
    let setup = Setup::of(&[("tony", "Tony Stark")]);
    let mut screen = Start::of(&setup).home();
    let subjects: Vec<String> = (1..=40).map(|number| format!("S{number}")).collect();
    let mails: Vec<_> = subjects.iter().map(|subject| (subject.as_str(), "x")).collect();
    setup.deliver("tony", "tony", &mails);
    screen.sees("40 new e-mails; the last is from Tony Stark: S40");
    assert_eq!(screen.count("Tony Stark: S"), 1, "{}", screen.text());
    assert_eq!(screen.count("4) Send"), 1, "{}", screen.text());
    screen.cancel();
}
