//! Tests of input in any pieces, of lines that are no commands, and of stuffing.

use proptest::prelude::*;

use super::{
    mailbox::{Mailbox, PASSWORD},
    program::{Program, State},
};
use crate::gateway::pop3::{stuffing::Stuffer, top::TopCut};

#[test]
fn a_line_of_255_octets_is_a_command_and_a_longer_one_is_not() {
    let mut mailbox = Mailbox::new();
    let mut program = Program::connect(&mut mailbox);
    let line = |octets: usize| format!("USER {}\r\n", "x".repeat(octets - "USER \r\n".len()));
    assert_eq!(line(255).len(), 255);
    assert!(program.say(&mut mailbox, &line(255)).starts_with("+OK "));
    assert_eq!(program.say(&mut mailbox, &line(256)), "-ERR the line is too long\r\n");
    assert_eq!(program.say(&mut mailbox, &line(9000)), "-ERR the line is too long\r\n");
    assert_eq!(program.say(&mut mailbox, "NOOP\r\n"), "+OK nothing to do\r\n");
    assert_eq!(program.say(&mut mailbox, &line(256)), "-ERR the line is too long\r\n");
    assert_eq!(program.state, State::Closed, "after three such lines");
}

#[test]
fn the_rest_of_a_line_that_is_too_long_is_no_command() {
    let mut mailbox = Mailbox::new();
    let mut program = Program::connect(&mut mailbox);
    assert_eq!(program.say(&mut mailbox, &"x".repeat(300)), "");
    assert_eq!(program.say(&mut mailbox, "QUIT"), "");
    let reply = program.say(&mut mailbox, "\r\nNOOP\r\n");
    assert_eq!(reply, "-ERR the line is too long\r\n+OK nothing to do\r\n");
}

#[test]
fn a_line_without_end_closes_the_connection_and_takes_no_memory() {
    let mut mailbox = Mailbox::new();
    let mut program = Program::connect(&mut mailbox);
    let mut replies = String::new();
    for _ in 0..17 {
        replies += &program.say(&mut mailbox, &"x".repeat(1024));
        assert_eq!(program.input_left(), 0);
    }
    assert_eq!(replies, "-ERR the line does not end\r\n");
    assert_eq!(program.state, State::Closed);
}

#[test]
fn three_unknown_commands_or_one_of_http_close_the_connection() {
    let mut mailbox = Mailbox::new();
    for commands in ["GET / HTTP/1.1\r\n", "post /x HTTP/1.0\r\n", "OPTIONS * HTTP/1.1\r\n"] {
        let mut program = Program::connect(&mut mailbox);
        let reply = program.say(&mut mailbox, &format!("{commands}USER tony\r\nPASS x\r\n"));
        assert_eq!(reply, "-ERR this is a mail server\r\n", "{commands}");
        assert_eq!(program.state, State::Closed);
    }
    for line in ["EHLO x\r\n", "\r\n", "\x16\x03\x01\r\n", "NOOP\0\r\n", "USER tony\0\r\n", "é\r\n"]
    {
        let mut program = Program::connect(&mut mailbox);
        let reply = program.say(&mut mailbox, &format!("{line}NOOP\r\n{line}{line}NOOP\r\n"));
        let expected = ["-ERR there is no such command\r\n"; 3];
        let expected = [expected[0], "+OK nothing to do\r\n", expected[1], expected[2]].concat();
        assert_eq!(reply, expected, "{line:?}");
        assert_eq!(program.state, State::Closed);
    }
    let mut program = Program::connect(&mut mailbox);
    let reply = program.send(&mut mailbox, b"\xff\xfe\r\n");
    assert_eq!(reply, b"-ERR there is no such command\r\n");
    assert!(mailbox.jobs.is_empty());
}

#[test]
fn commands_of_other_servers_are_refused_and_count_for_nothing() {
    let mut mailbox = Mailbox::new();
    let mut program = Program::connect(&mut mailbox);
    for command in ["APOP tony x", "LAST", "XTND XMIT", "LANG", "UTF8"] {
        let reply = program.say(&mut mailbox, &format!("{command}\r\n"));
        assert!(reply.starts_with("-ERR the server does not offer this command"), "{reply}");
    }
    assert_eq!(program.state, State::Open);
}

/// The results of a dialogue: the replies, the connection's state, and the number of mails left.
fn spoken(dialogue: &[u8], lengths: &[usize]) -> (Vec<u8>, State, usize) {
    let mut mailbox = Mailbox::with_texts(&["um\n.\ndois", "x"]);
    mailbox.large(correio_proto::mail::ContentKind::Message {}, b"a: b\r\n\r\n..\r\nfim");
    let mut program = Program::connect(&mut mailbox);
    let (mut replies, mut rest) = (Vec::new(), dialogue);
    let mut lengths = lengths.iter().cycle();
    while !rest.is_empty() && program.state == State::Open {
        let length = lengths.next().map_or(rest.len(), |length| rest.len().min(*length));
        let (piece, after) = rest.split_at(length);
        replies.extend(program.send(&mut mailbox, piece));
        rest = after;
    }
    (replies, program.state, mailbox.mails.len())
}

fn unstuffed(stuffed: &[u8]) -> Vec<u8> {
    let lines = stuffed.strip_suffix(b".\r\n").unwrap().split_inclusive(|byte| *byte == b'\n');
    lines.flat_map(|line| line.strip_prefix(b".").unwrap_or(line)).copied().collect()
}

fn pieces(bytes: &[u8], length: usize) -> impl Iterator<Item = &[u8]> {
    bytes.chunks(length)
}

proptest! {
    #[test]
    fn replies_are_the_same_in_whatever_pieces_the_commands_come(
        lines in prop::collection::vec(
            prop_oneof![
                Just(format!("USER tony\r\nPASS {PASSWORD}\r\n")),
                "(USER|PASS|CAPA|STAT|LIST|UIDL|RSET|NOOP|AUTH) ?[ -~]{0,6}\r?\n",
                "(RETR|DELE|LIST|UIDL) [0-4]\r\n",
                "TOP [0-4] [0-3]\r\n",
                "AUTH (PLAIN|LOGIN)\r\n",
                "x{250,270}\r\n",
                "QUIT\r\n",
                any::<String>(),
            ],
            0..12,
        ),
        lengths in prop::collection::vec(1..40_usize, 1..4),
    ) {
        let dialogue = lines.concat();
        let whole = spoken(dialogue.as_bytes(), &[]);
        prop_assert_eq!(spoken(dialogue.as_bytes(), &lengths), whole);
    }

    #[test]
    fn stuffing_is_undone_by_the_program_and_is_the_same_in_any_pieces(
        lines in prop::collection::vec("[.x\r]{0,3}\r\n", 0..9),
        length in 1..9_usize,
    ) {
        let mail = lines.concat();
        let (mut stuffer, mut stuffed) = (Stuffer::new(), Vec::new());
        pieces(mail.as_bytes(), length).for_each(|piece| stuffer.stuff(piece, &mut stuffed));
        stuffer.finish(&mut stuffed);
        let (mut stuffer, mut whole) = (Stuffer::new(), Vec::new());
        stuffer.stuff(mail.as_bytes(), &mut whole);
        stuffer.finish(&mut whole);
        prop_assert_eq!(&stuffed, &whole);
        prop_assert_eq!(unstuffed(&stuffed), mail.as_bytes());
        let last = whole.len() - 3;
        let is_end = |at: &usize| {
            let is_line_start = *at == 0 || whole[at - 1] == b'\n';
            is_line_start && whole[*at..].starts_with(b".\r\n")
        };
        prop_assert_eq!((0..=last).find(is_end), Some(last), "the reply ends at its end");
    }

    #[test]
    fn the_top_of_a_mail_is_the_same_in_any_pieces(
        head in prop::collection::vec("[a-z]{1,3}\r\n", 0..3),
        body in prop::collection::vec("[a-z]{0,3}\r\n", 0..5),
        count in 0..7_usize,
        length in 1..9_usize,
    ) {
        let mail = format!("{}\r\n{}", head.concat(), body.concat());
        let mut cut = TopCut::after(count as u64);
        let mut top = Vec::new();
        for piece in pieces(mail.as_bytes(), length) {
            top.extend_from_slice(cut.pass(piece));
        }
        let body = body[..count.min(body.len())].concat();
        prop_assert_eq!(String::from_utf8(top).unwrap(), format!("{}\r\n{body}", head.concat()));
    }
}
