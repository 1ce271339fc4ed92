//! Tests of mails after `DATA`: their data, heads, recipients, ids and sizes.

use correio_proto::{
    limits::PIECE_MAX,
    mail::{Content, ContentHasher, ContentKind},
};
use proptest::prelude::*;

use super::dialogue::{Answer, Dialogue, HEAD, LOGIN, names};
use crate::{
    gateway::{Ending, Protection},
    store::StoreDone,
};

#[test]
fn the_message_is_stored_as_it_came() {
    let mut dialogue = Dialogue::logged_in();
    let message = format!("{HEAD}\r\n..stuffed\r\ncaf\u{e9}\t\r\n\r\n..");
    assert!(dialogue.mail(&message).starts_with("250 "));
    let expected = format!("{HEAD}\r\n.stuffed\r\ncaf\u{e9}\t\r\n\r\n.\r\n");
    assert_eq!(String::from_utf8(dialogue.content()).unwrap(), expected);
    let mail = &dialogue.mails[0];
    assert_eq!(mail.subject.as_str(), "Suit");
    assert_eq!((mail.to.as_slice(), &*mail.bcc), (&*names("steve"), &[][..]));
    assert!(mail.id.to_string().starts_with("01a21c72-9100-7"), "{}", mail.id);
}

#[test]
fn eight_bit_bytes_need_no_announcement() {
    let mut dialogue = Dialogue::logged_in();
    let message = [HEAD.as_bytes(), b"\r\n\xff\xfe\x80"].concat();
    assert!(dialogue.mail(&message).starts_with("250 "));
    assert_eq!(dialogue.content(), [&message[..], b"\r\n"].concat());
}

#[test]
fn a_mail_with_a_fault_is_read_to_its_end_and_nothing_is_stored() {
    let long = "x".repeat(2047);
    let cases: [(&str, &str); 9] = [
        ("a\nb", "554 5.6.0 a line of the mail ends with CR or LF alone"),
        ("a\rb", "554 5.6.0 "),
        ("a\n.\nMAIL FROM:<tony@mail.example>\nRCPT TO:<steve>\nDATA\nb", "554 5.6.0 "),
        ("a\r.\r\nMAIL FROM:<tony@mail.example>\r\nDATA\r\nb", "554 5.6.0 "),
        ("a\n.\r\nMAIL FROM:<tony@mail.example>\r\nDATA\r\nb", "554 5.6.0 "),
        ("a\r\n.\nMAIL FROM:<tony@mail.example>\r\nDATA\r\nb", "554 5.6.0 "),
        ("a\r\r\nb", "554 5.6.0 "),
        ("a\0b", "554 5.6.0 the mail has a NUL"),
        (&long, "554 5.6.0 a line of the mail has more than 2046 bytes"),
    ];
    for (body, reply) in cases {
        let mut dialogue = Dialogue::logged_in();
        let said = dialogue.mail(format!("{HEAD}\r\n{body}"));
        assert!(said.starts_with(reply), "{body:?}: {said}");
        assert_eq!(said.lines().count(), 1, "{said}");
        assert_eq!(dialogue.jobs, ["log in", "find"]);
        assert!(dialogue.mail(HEAD).starts_with("250 "), "the session goes on");
    }
}

#[test]
fn a_dot_right_after_the_reply_to_data_ends_an_empty_mail() {
    let mut dialogue = Dialogue::in_data();
    assert!(dialogue.say(".\r\n").starts_with("550 5.7.1 From "));
    assert!(dialogue.say("NOOP\r\n").starts_with("250 "));
}

#[test]
fn a_mail_that_is_too_large_is_never_taken_for_commands() {
    let mut dialogue = Dialogue::logged_in();
    dialogue.harness.config.content_max = 2 << 20;
    dialogue.say("MAIL FROM:<>\r\nRCPT TO:<steve>\r\nDATA\r\n");
    dialogue.say(format!("{HEAD}\r\n"));
    let commands = "MAIL FROM:<tony@mail.example>\r\nRCPT TO:<steve@mail.example>\r\nDATA\r\n";
    let many = commands.repeat(1 << 13);
    for _ in 0..6 {
        assert_eq!(dialogue.say(&many), "");
    }
    assert_eq!(dialogue.jobs.last(), Some(&"discard"));
    assert!(dialogue.uploads.is_empty());
    assert_eq!(dialogue.say(".\r\n"), "552 5.3.4 a mail has at most 2096128 bytes\r\n");
    assert!(!dialogue.jobs.contains(&"send"));
    assert!(dialogue.mail(HEAD).starts_with("250 "));
}

#[test]
fn a_mail_without_an_end_is_cut_off() {
    let mut dialogue = Dialogue::logged_in();
    dialogue.harness.config.content_max = 1 << 20;
    dialogue.say("MAIL FROM:<>\r\nRCPT TO:<steve>\r\nDATA\r\n");
    let part = "x\r\n".repeat(1 << 16);
    let said: String = (0..40).map(|_| dialogue.say(&part)).collect();
    assert!(said.starts_with("552 5.3.4 "), "{said}");
    assert!(dialogue.is_closed);
}

#[test]
fn the_author_must_be_the_account() {
    let cases = [
        ("Subject: x\r\n", "550 5.7.1 From must have exactly one address"),
        ("From: tony\r\nFrom: tony\r\n", "550 5.7.1 "),
        ("From: tony, steve\r\n", "550 5.7.1 "),
        ("From: steve@mail.example\r\n", "550 5.7.1 From must be the account"),
        ("From: tony@elsewhere.example\r\n", "550 5.7.1 "),
        ("From tony@mail.example\r\nFrom: tony\r\n", "550 5.7.1 "),
    ];
    for (head, reply) in cases {
        let mut dialogue = Dialogue::logged_in();
        let said = dialogue.mail(format!("{head}\r\nbody"));
        assert!(said.starts_with(reply), "{head}: {said}");
        assert_eq!(dialogue.jobs, ["log in", "find"]);
    }
}

#[test]
fn a_head_that_does_not_end_is_refused() {
    let mut dialogue = Dialogue::logged_in();
    let said = dialogue.mail(format!("{HEAD}{}", "X-Long: x\r\n".repeat(10_000)));
    assert!(said.starts_with("554 5.6.0 the head"), "{said}");
    assert!(dialogue.held_max < 200 << 10, "{}", dialogue.held_max);
}

#[test]
fn the_limit_of_a_head_does_not_depend_on_the_pieces() {
    // The last line is longer than the rest of the limit, and belongs to the body.
    let head = format!("{HEAD}{}", "X-Long: x\r\n".repeat((65_500 - HEAD.len()) / 11));
    let message = format!("{head}{}", "body ".repeat(100));
    for split in [message.len(), 65_530, 65_540] {
        let mut dialogue = Dialogue::in_data();
        dialogue.say(&message[..split]);
        let said = dialogue.say(format!("{}\r\n.\r\n", &message[split..]));
        assert!(said.starts_with("250 "), "{split}: {said}");
    }
}

#[test]
fn an_end_is_put_after_the_head_where_it_is_missing() {
    let cases = [
        (HEAD.to_owned(), format!("{HEAD}\r\n")),
        (format!("{HEAD}body without an empty line"), {
            format!("{HEAD}\r\nbody without an empty line\r\n")
        }),
        (format!("{HEAD}\r\n"), format!("{HEAD}\r\n\r\n")),
        (HEAD.trim_end().to_owned(), format!("{HEAD}\r\n")),
    ];
    for (message, stored) in cases {
        let mut dialogue = Dialogue::logged_in();
        assert!(dialogue.mail(message).starts_with("250 "));
        assert_eq!(String::from_utf8(dialogue.content()).unwrap(), stored);
    }
}

#[test]
fn recipients_that_are_not_named_stay_hidden() {
    let mut dialogue = Dialogue::logged_in();
    let head =
        HEAD.replace("Subject", "Bcc: natasha@mail.example,\r\n bruce\r\nCc: pepper\r\nSubject");
    dialogue.mail_to("natasha bruce steve pepper", &head);
    let mail = &dialogue.mails[0];
    assert_eq!(mail.to.as_slice(), names("steve pepper natasha bruce"));
    assert_eq!(&*mail.bcc, names("natasha bruce"));
    let stored = String::from_utf8(dialogue.content()).unwrap();
    assert!(!stored.contains("natasha") && !stored.contains("bruce"), "{stored}");
    assert!(stored.contains("Cc: pepper\r\n"));
}

#[test]
fn the_same_mail_has_the_same_id_and_another_mail_has_another() {
    let id_of = |recipients: &str, message: &str| {
        let mut dialogue = Dialogue::logged_in();
        dialogue.harness.now.uptime += std::time::Duration::from_secs(1);
        dialogue.mail_to(recipients, message);
        (dialogue.mails[0].id, dialogue.mails[0].digest())
    };
    let message = format!("{HEAD}\r\nbody");
    let first = id_of("steve", &message);
    assert_eq!(id_of("steve", &message), first);
    // The Message-ID does not count: some programs use one for several mails.
    let others = [
        id_of("pepper", &message).0,
        id_of("steve", &format!("{HEAD}\r\nanother body")).0,
        id_of("steve", &message.replace("10:00:00", "10:00:01")).0,
    ];
    assert!(!others.contains(&first.0));
    // The server adds the same fields to the same mail.
    let bare = "From: tony\r\nDate: Fri, 27 Nov 2026 10:00:00 +0000\r\n\r\nbody";
    assert_eq!(id_of("steve", bare), id_of("steve", bare));
}

#[test]
fn a_mail_without_a_date_is_a_new_one_each_time() {
    let mut dialogue = Dialogue::logged_in();
    dialogue.mail("From: tony\r\n\r\nthe backup is done");
    dialogue.harness.now.wall.0 += 3_600_000;
    dialogue.mail("From: tony\r\n\r\nthe backup is done");
    // Within the same millisecond.
    dialogue.mail("From: tony\r\n\r\nthe backup is done");
    let [first, second, third] = [0, 1, 2].map(|number| dialogue.mails[number].id);
    assert!(first != second && first != third && second != third);
    let stored = String::from_utf8(dialogue.content()).unwrap();
    let added = format!(
        "From: tony\r\nDate: Fri, 27 Nov 2026 11:00:00 -0000\r\n\
         Message-ID: <{third}.tony@mail.example>\r\n\r\nthe backup is done\r\n"
    );
    assert_eq!(stored, added);
}

/// A message that is larger than a request may be.
fn large(bytes: usize) -> String {
    let line = "abcdefghijklmnopqrstuvwxyz0123456789\r\n";
    format!("{HEAD}Bcc: bruce\r\n\r\n{}", line.repeat(bytes / line.len()))
}

#[test]
fn a_large_mail_is_staged_in_pieces_while_it_arrives() {
    let mut dialogue = Dialogue::logged_in();
    let message = large(5 << 20);
    assert!(dialogue.mail(&message).starts_with("250 "));
    let expected = message.replace("Bcc: bruce\r\n", "") + "\r\n";
    assert_eq!(dialogue.content(), expected.as_bytes());
    let mail = &dialogue.mails[0];
    let Content::Large(content) = &mail.content else { panic!("{:?}", mail.content) };
    assert_eq!(content.kind, ContentKind::Message {});
    let mut hasher = ContentHasher::new();
    hasher.update(expected.as_bytes());
    assert_eq!(content.sha256, hasher.finish());
    let stages = dialogue.jobs.iter().filter(|job| **job == "stage").count();
    assert_eq!(stages, expected.len().div_ceil(PIECE_MAX));
    assert!(dialogue.held_max <= 3 << 20, "{}", dialogue.held_max);
}

#[test]
fn once_a_mail_is_staged_memory_holds_a_piece() {
    let mut dialogue = Dialogue::in_data();
    dialogue.say(large(2 << 20));
    dialogue.held_max = 0;
    for _ in 0..40 {
        dialogue.say("x\r\n".repeat(20_000));
    }
    assert!(dialogue.held_max <= 2 * PIECE_MAX + (64 << 10), "{}", dialogue.held_max);
}

#[test]
fn a_mail_as_large_as_a_request_is_in_its_job() {
    let mut dialogue = Dialogue::logged_in();
    let room = dialogue.harness.config.body_max - 1024;
    let message = |bytes: usize| {
        let body = "x\r\n".repeat((bytes - HEAD.len()) / 3);
        format!("{HEAD}\r\n{body}")
    };
    dialogue.mail(message(room - 10));
    assert!(matches!(dialogue.mails[0].content, Content::Message(_)));
    dialogue.mail(message(room + 10));
    assert!(matches!(dialogue.mails[1].content, Content::Large(_)));
}

/// A dialogue in which only small mails travel in one request.
fn small_requests() -> Dialogue {
    let mut dialogue = Dialogue::logged_in();
    dialogue.harness.config.body_max = 64 << 10;
    dialogue
}

#[test]
fn a_large_mail_that_fails_is_forgotten() {
    let faulty = || large(700 << 10) + "\nend";
    let mut dialogue = small_requests();
    assert!(dialogue.mail(faulty()).starts_with("554 5.6.0 "));
    assert_eq!(dialogue.jobs.last(), Some(&"discard"));
    assert!(dialogue.uploads.is_empty());
    let cases = [
        ("stage", Answer::Done(StoreDone::UploadsFull), "451 4.3.1 "),
        ("stage", Answer::Done(StoreDone::Conflict), "451 4.3.0 "),
        ("stage", Answer::Done(StoreDone::Uploaded { staged: 1 }), "451 4.3.0 "),
        ("stage", Answer::Done(StoreDone::Unavailable("full".into())), "451 4.3.0 "),
        ("stage", Answer::Busy, "451 4.3.2 "),
        ("send", Answer::Done(StoreDone::Unavailable("full".into())), "451 4.3.0 "),
        ("send", Answer::Done(StoreDone::ListsHeld), "451 4.7.1 "),
        ("send", Answer::Busy, "451 4.3.2 "),
    ];
    for (kind, answer, reply) in cases {
        let mut dialogue = small_requests();
        dialogue.script.insert(kind, vec![answer.clone()]);
        let said = dialogue.mail(large(600 << 10));
        assert!(said.starts_with(reply), "{kind} {answer:?}: {said}");
        assert_eq!(said.lines().count(), 1, "{said}");
        assert_eq!(dialogue.jobs.last(), Some(&"discard"), "{kind} {answer:?}");
        assert!(dialogue.uploads.is_empty());
        assert!(dialogue.mail(large(600 << 10)).starts_with("250 "));
    }
    let mut dialogue = small_requests();
    dialogue.script("stage", StoreDone::NoAccount);
    assert!(dialogue.mail(large(600 << 10)).starts_with("550 5.7.1 "));
    assert!(dialogue.is_closed);
}

#[test]
fn a_large_mail_that_is_sent_again_is_the_same() {
    let bare = large(2 << 20).replace("Message-ID: <suit@phone>\r\n", "");
    let sent = |connection_up: u64| {
        let mut dialogue = Dialogue::logged_in();
        dialogue.harness.now.uptime += std::time::Duration::from_secs(connection_up);
        dialogue.mail(&bare);
        let mail = dialogue.mails.remove(0);
        (mail.id, mail.digest(), mail.staged)
    };
    let (first, again) = (sent(1), sent(2));
    assert_eq!((first.0, first.1), (again.0, again.1));
    assert_ne!(first.2, again.2, "an upload that was interrupted is not gone on with");
}

/// The replies, the mails and the end of a dialogue whose input comes in pieces of these lengths.
fn observed(input: &[u8], lengths: &[usize]) -> (String, Vec<u8>, bool) {
    let mut dialogue = Dialogue::new(Protection::Protected);
    dialogue.harness.config.body_max = 3000;
    let (mut rest, mut lengths, mut said) = (input, lengths.iter().cycle(), String::new());
    while !rest.is_empty() {
        let length = lengths.next().map_or(rest.len(), |length| (*length).clamp(1, rest.len()));
        let (piece, after) = rest.split_at(length);
        said.push_str(&dialogue.say(piece));
        rest = after;
    }
    let contents: Vec<u8> =
        dialogue.mails.iter().flat_map(|mail| format!("{mail:?}").into_bytes()).collect();
    (said, contents, dialogue.is_closed)
}

proptest! {
    // Fewer cases than by default: each has four dialogues of thousands of bytes.
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn the_pieces_of_a_dialogue_do_not_matter(
        parts in proptest::collection::vec(
            prop_oneof![
                Just("EHLO x\r\n".to_owned()),
                Just(LOGIN.to_owned()),
                Just("MAIL FROM:<>\r\nRCPT TO:<steve>\r\nDATA\r\n".to_owned()),
                Just(HEAD.to_owned()),
                Just("\r\nbody\r\n.\r\n".to_owned()),
                Just("x\r\n".repeat(1500)),
                "[A-Za-z.\\x00 \r\n]{0,12}",
                Just("RSET\r\n".to_owned()),
                Just("QUIT\r\n".to_owned()),
            ],
            0..8,
        ),
        lengths in proptest::collection::vec(1_usize..2000, 1..5),
    ) {
        let begun = format!("EHLO x\r\n{LOGIN}MAIL FROM:<>\r\nRCPT TO:<steve>\r\nDATA\r\n");
        for start in ["", &begun] {
            let input = start.to_owned() + &parts.concat();
            let whole = observed(input.as_bytes(), &[]);
            prop_assert_eq!(observed(input.as_bytes(), &lengths), whole);
        }
    }
}

#[test]
fn a_large_mail_that_is_cut_off_is_given_up() {
    let large = large(3 << 20);
    let mut cut = Dialogue::in_data();
    cut.say(&large);
    assert_eq!(cut.uploads.len(), 1);
    let mut ended = Dialogue::in_data();
    ended.say(&large);
    ended.end(Ending::SessionEnded);
    for mut dialogue in [cut, ended] {
        assert!(dialogue.give_up());
        assert!(dialogue.uploads.is_empty());
        assert!(!dialogue.give_up(), "once");
    }
    let mut small = Dialogue::in_data();
    small.say(HEAD);
    assert!(!small.give_up());
    let mut complete = Dialogue::logged_in();
    assert!(complete.mail(&large).starts_with("250 "));
    assert!(!complete.give_up(), "the mail has the content");
}

#[test]
fn a_large_mail_whose_connection_ends_before_it_is_sent_is_given_up() {
    let mut dialogue = Dialogue::in_data();
    dialogue.say(large(3 << 20));
    dialogue.say_and_leave(b"\r\n.\r\n");
    assert_eq!((dialogue.uploads.len(), dialogue.mails.len()), (1, 0));
    assert!(dialogue.give_up());
    assert!(dialogue.uploads.is_empty());
    assert!(!dialogue.give_up(), "once");
}
