//! Tests of `RETR` and `TOP`: what is read from the store, what is sent, and what is held.

use correio_proto::mail::ContentKind;
use proptest::prelude::*;

use super::{
    mailbox::{Failure, Mailbox},
    program::{Program, State, lines, mail},
};
use crate::gateway::{Ending, harness::domain, render::Renderer};

/// A text of this many lines.
fn long(lines: usize) -> String {
    (0..lines).map(|line| format!(".{line}\n")).collect()
}

#[test]
fn a_large_content_is_sent_piece_by_piece() {
    let mut mailbox = Mailbox::new();
    let text = long(200_000);
    mailbox.large(ContentKind::Text {}, text.as_bytes());
    mailbox.piece = 256 * 1024;
    let octets = mailbox.octets()[0];
    let mut program = Program::log_in(&mut mailbox);
    mailbox.jobs.clear();
    let reply = program.say(&mut mailbox, "RETR 1\r\n");
    let first = format!("+OK {octets} octets\r\n");
    assert!(reply.starts_with(&first));
    let received = mail(&reply);
    assert_eq!(received.len() as u64, octets);
    assert!(received.ends_with(&("\r\n\r\n".to_owned() + &text.replace('\n', "\r\n"))));
    let pieces = text.len().div_ceil(256 * 1024);
    assert_eq!(mailbox.jobs.iter().filter(|job| **job == "read").count(), pieces);
    assert!(program.largest <= 128 * 1024, "{} bytes at once", program.largest);
}

#[test]
fn the_next_piece_is_read_when_the_program_has_read_the_last() {
    let mut mailbox = Mailbox::new();
    mailbox.large(ContentKind::Text {}, long(10).as_bytes());
    let mut program = Program::log_in(&mut mailbox);
    mailbox.jobs.clear();
    // The command; the outlines, the mails and the first piece.
    program.begin(&mut mailbox, "RETR 1\r\n", 4);
    // The first piece is sent, and the next is asked for.
    program.begin(&mut mailbox, "", 2);
    assert_eq!(mailbox.jobs, ["outline", "fetch", "read"]);
    program.begin(&mut mailbox, "", 1);
    assert_eq!(mailbox.jobs, ["outline", "fetch", "read", "read"]);
    assert!(program.say(&mut mailbox, "").ends_with("\r\n.\r\n"));
}

#[test]
fn a_mail_that_another_program_deleted_is_refused() {
    let mut mailbox = Mailbox::with_texts(&["a", "b"]);
    mailbox.large(ContentKind::Text {}, b"c");
    let (mut phone, mut laptop) = (Program::log_in(&mut mailbox), Program::log_in(&mut mailbox));
    let reply = laptop.say(&mut mailbox, "DELE 1\r\nDELE 3\r\nQUIT\r\n");
    assert!(reply.ends_with("(mails deleted: 2)\r\n"), "{reply}");
    let gone = "-ERR another program has deleted this mail\r\n";
    for command in ["RETR 1\r\n", "TOP 1 0\r\n", "RETR 3\r\n"] {
        assert_eq!(phone.say(&mut mailbox, command), gone, "{command}");
    }
    assert!(mail(&phone.say(&mut mailbox, "RETR 2\r\n")).ends_with("\r\n\r\nb\r\n"));
    // The program may delete the mail all the same.
    let reply = phone.say(&mut mailbox, "DELE 1\r\nDELE 2\r\nQUIT\r\n");
    assert!(reply.ends_with("(mails deleted: 1)\r\n"), "{reply}");
    assert_eq!(mailbox.mails.len(), 0);
}

#[test]
fn a_large_mail_that_was_read_ahead_and_is_gone_is_refused() {
    let mut mailbox = Mailbox::with_texts(&["a"]);
    mailbox.large(ContentKind::Text {}, b"b");
    let mut program = Program::log_in(&mut mailbox);
    program.say(&mut mailbox, "RETR 1\r\n");
    mailbox.mails.clear();
    let gone = "-ERR another program has deleted this mail\r\n";
    assert_eq!(program.say(&mut mailbox, "RETR 2\r\n"), gone);
    assert_eq!(program.state, State::Open);
}

#[test]
fn another_mail_of_the_number_is_not_taken_for_the_listed_one() {
    let mut mailbox = Mailbox::with_texts(&["a"]);
    let mut program = Program::log_in(&mut mailbox);
    mailbox.mails[0].0.mail.id = "01890a5d-ac96-774b-bcce-b302099a8058".parse().unwrap();
    let reply = program.say(&mut mailbox, "RETR 1\r\nDELE 1\r\nQUIT\r\n");
    assert!(reply.starts_with("-ERR another program has deleted this mail\r\n"), "{reply}");
    assert_eq!(mailbox.mails.len(), 1);
}

#[test]
fn a_mail_that_cannot_be_sent_to_its_end_closes_the_connection() {
    let lost: fn(&mut Mailbox) = |mailbox| mailbox.mails.clear();
    let cut: fn(&mut Mailbox) = |mailbox| mailbox.mails[0].2.truncate(12);
    let grown: fn(&mut Mailbox) = |mailbox| mailbox.mails[0].2.extend_from_slice(b"more");
    let full: fn(&mut Mailbox) =
        |mailbox| mailbox.failing = Some(("read", 0, Failure::Unavailable));
    let busy: fn(&mut Mailbox) = |mailbox| mailbox.failing = Some(("read", 0, Failure::Busy));
    for change in [lost, cut, grown, full, busy] {
        let mut mailbox = Mailbox::new();
        mailbox.large(ContentKind::Text {}, long(11).as_bytes());
        let mut program = Program::log_in(&mut mailbox);
        let mut reply = program.begin(&mut mailbox, "RETR 1\r\n", 5);
        change(&mut mailbox);
        reply += &program.say(&mut mailbox, "NOOP\r\n");
        assert_eq!(program.state, State::Closed);
        assert!(!reply.contains("\r\n.\r\n") && !reply.contains("ERR"), "{reply}");
        assert_eq!(program.harness.counts.mails_delivered, 0);
    }
}

#[test]
fn what_the_store_could_not_read_may_be_asked_for_again() {
    for (job, failure) in [
        ("outline", Failure::Unavailable),
        ("fetch", Failure::Busy),
        ("read", Failure::Unavailable),
    ] {
        let mut mailbox = Mailbox::new();
        mailbox.large(ContentKind::Text {}, b"a");
        let mut program = Program::log_in(&mut mailbox);
        mailbox.failing = Some((job, 0, failure));
        let reply = program.say(&mut mailbox, "RETR 1\r\n");
        let reason = match failure {
            Failure::Busy => "the server has too much to do",
            _ => "the server could not do this now",
        };
        let expected = format!("-ERR [SYS/TEMP] {reason}; try again later\r\n");
        assert_eq!(reply, expected, "{job}");
        mailbox.failing = None;
        assert!(mail(&program.say(&mut mailbox, "RETR 1\r\n")).ends_with("\r\n\r\na\r\n"));
    }
}

#[test]
fn top_sends_the_head_and_the_first_lines() {
    let mut mailbox = Mailbox::with_texts(&["um\n.dois\n\ntrês\n"]);
    mailbox.message(b"Subject: a\n\num\n.dois\n\ntr\xc3\xaas\n");
    mailbox.message(b"Subject: a");
    mailbox.large(ContentKind::Text {}, "um\n.dois\n\ntrês\n".as_bytes());
    let mut program = Program::log_in(&mut mailbox);
    let body = ["um", ".dois", "", "três"];
    for number in [1, 2, 4] {
        for count in 0..6 {
            let reply = program.say(&mut mailbox, &format!("TOP {number} {count}\r\n"));
            let lines = lines(&reply);
            let end = lines.iter().position(|line| line.is_empty()).unwrap();
            assert!(lines[..end].iter().any(|line| line.starts_with("Subject: ")), "{reply}");
            assert_eq!(lines[end + 1..], body[..count.min(4)], "TOP {number} {count}");
        }
        let reply = program.say(&mut mailbox, &format!("TOP {number} 18446744073709551616\r\n"));
        assert!(reply.ends_with("\r\ntrês\r\n.\r\n"), "{reply}");
    }
    let reply = program.say(&mut mailbox, "TOP 3 0\r\n");
    assert!(reply.ends_with("Subject: a\r\n\r\n.\r\n"), "always an end of the head: {reply}");
    assert_eq!(program.harness.counts.mails_delivered, 0, "a top is no delivery");
}

#[test]
fn of_a_large_mail_whose_top_is_wanted_one_piece_is_read() {
    let mut mailbox = Mailbox::new();
    mailbox.large(ContentKind::Text {}, long(1000).as_bytes());
    mailbox.piece = 100;
    let mut program = Program::log_in(&mut mailbox);
    mailbox.jobs.clear();
    let reply = program.say(&mut mailbox, "TOP 1 2\r\n");
    assert!(reply.ends_with("\r\n\r\n..0\r\n..1\r\n.\r\n"), "{reply}");
    assert_eq!(mailbox.jobs, ["outline", "fetch", "read"]);
}

#[test]
fn a_mail_is_read_once_for_its_top_and_for_the_whole() {
    let mut mailbox = Mailbox::with_texts(&["a", "b", "c"]);
    let mut program = Program::log_in(&mut mailbox);
    mailbox.jobs.clear();
    for number in 1..=3 {
        program.say(&mut mailbox, &format!("TOP {number} 0\r\nRETR {number}\r\n"));
    }
    assert_eq!(mailbox.jobs, ["outline", "fetch"]);
    program.say(&mut mailbox, "RETR 1\r\n");
    assert_eq!(mailbox.jobs, ["outline", "fetch", "outline", "fetch"]);
}

#[test]
fn the_longest_text_in_one_request_is_sent_in_parts() {
    let mut mailbox = Mailbox::new();
    mailbox.text(&".\n".repeat(512 * 1024));
    mailbox.text("b");
    let octets = mailbox.octets()[0];
    let mut program = Program::log_in(&mut mailbox);
    let reply = program.say(&mut mailbox, "RETR 1\r\n");
    assert_eq!(mail(&reply).len() as u64, octets);
    assert!(program.largest <= 128 * 1024, "{} bytes at once", program.largest);
}

#[test]
fn what_a_session_holds_is_counted_and_small_while_the_program_is_silent() {
    let mut mailbox = Mailbox::new();
    (0..1000).for_each(|_| mailbox.text("a"));
    mailbox.text(&"x\n".repeat(512 * 1024));
    mailbox.large(ContentKind::Text {}, long(100_000).as_bytes());
    mailbox.piece = 256 * 1024;
    assert_eq!(Program::connect(&mut mailbox).session.held(), 0);
    let mut program = Program::log_in(&mut mailbox);
    let list = program.session.held();
    assert!((32 * 1000..64 * 1100).contains(&list), "{list}");
    for (number, most) in [(1001, 1 << 20), (1002, 256 * 1024), (1, 1)] {
        // The command; the outlines and the mails; of the large content, also the first piece.
        let calls = if number == 1002 { 4 } else { 3 };
        program.begin(&mut mailbox, &format!("RETR {number}\r\n"), calls);
        let held = program.session.held() - list;
        assert!((most..most + 16 * 1024).contains(&held), "{number}: {held}");
        program.say(&mut mailbox, "");
        let held = program.session.held() - list;
        assert!(held < 128 * 1024, "{number}: {held} after it was sent");
    }
}

#[test]
fn the_end_of_a_connection_is_not_told_inside_a_mail() {
    let mut mailbox = Mailbox::new();
    mailbox.large(ContentKind::Text {}, long(10).as_bytes());
    let mut program = Program::log_in(&mut mailbox);
    program.begin(&mut mailbox, "RETR 1\r\n", 5);
    assert_eq!(program.end(Ending::ShuttingDown), "");
    program.say(&mut mailbox, "");
    assert!(program.end(Ending::ShuttingDown).starts_with("-ERR "));
}

proptest! {
    #[test]
    fn a_program_gets_the_rendered_mail_and_nothing_else(
        content in "(\r\n|\n|\r|\\.|\0|x{500}|[ -~]{0,9}|é){1,40}",
        is_message: bool,
        is_large: bool,
        piece in 1..60_usize,
    ) {
        // The store takes no empty content.
        prop_assume!(!content.is_empty());
        let mut mailbox = Mailbox::new();
        mailbox.piece = piece;
        match (is_message, is_large) {
            (true, true) => mailbox.large(ContentKind::Message {}, content.as_bytes()),
            (true, false) => mailbox.message(content.as_bytes()),
            // A text that shows nothing counts as empty.
            (false, _) if content.trim().is_empty() => return Ok(()),
            (false, true) => mailbox.large(ContentKind::Text {}, content.as_bytes()),
            (false, false) => mailbox.text(&content),
        }
        let (outline, ..) = &mailbox.mails[0];
        let mut expected = Vec::new();
        let mut renderer = Renderer::begin(outline, domain().as_str(), &mut expected);
        renderer.render(content.as_bytes(), &mut expected);
        renderer.finish(&mut expected);
        let mut program = Program::log_in(&mut mailbox);
        let reply = program.say(&mut mailbox, "RETR 1\r\n");
        let first = format!("+OK {} octets\r\n", expected.len());
        prop_assert!(reply.starts_with(&first));
        prop_assert_eq!(mail(&reply).into_bytes(), expected);
    }
}
