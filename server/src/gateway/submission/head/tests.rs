//! Tests of heads as programs write them.

use super::*;

fn domain() -> MailDomain {
    "mail.example".parse().unwrap()
}

fn parse(head: &str) -> Result<Head, HeadFault> {
    Head::parse(head.as_bytes(), &"tony".parse().unwrap(), &domain())
}

/// The head that is stored.
fn written(head: &str) -> String {
    let mut message = Vec::new();
    let date = Timestamp(1_795_773_600_000);
    parse(head).unwrap().write(date, "id@mail.example", &mut message);
    String::from_utf8(message).unwrap()
}

#[test]
fn the_author_is_the_account_that_is_logged_in() {
    for from in [
        "tony@mail.example",
        "Tony Stark <TONY@mail.example>",
        "\"Stark, Tony\" <tony@mail.example>",
        "=?utf-8?Q?T=C3=B4ny?=\r\n <tony@mail.example>",
        "tony@mail.example (Tony)",
        "tony",
    ] {
        assert!(parse(&format!("Subject: x\r\nFrom: {from}\r\n")).is_ok(), "{from}");
    }
}

#[test]
fn another_author_or_none_or_several_are_refused() {
    use HeadFault::{Author, OtherAuthor};
    let cases = [
        ("", Author),
        ("Subject: x\r\n", Author),
        ("From: tony\r\nFrom: tony\r\n", Author),
        ("From: tony\r\nfrom : steve\r\n", Author),
        ("From:\r\n", Author),
        ("From: tony, steve\r\n", Author),
        ("From: tony@mail.example,\r\n steve@mail.example\r\n", Author),
        ("From: us: tony;\r\n", Author),
        ("From: steve@mail.example <tony@mail.example>\r\n", Author),
        ("From: <tony@mail.example> <steve@mail.example>\r\n", Author),
        ("From: steve@mail.example\r\n", OtherAuthor),
        ("From: Tony <tony@elsewhere.example>\r\n", OtherAuthor),
        ("From: Tony Stark\r\n", OtherAuthor),
    ];
    for (head, fault) in cases {
        assert_eq!(parse(head).err(), Some(fault), "{head:?}");
    }
}

#[test]
fn hidden_recipients_are_taken_out_with_their_folded_lines() {
    let head = "From: tony\r\nBcc: steve,\r\n natasha,\r\n\tbruce\r\nSubject: x\r\nbCC : pepper\r\n\
                Resent-Bcc: happy\r\nReturn-Path: <tony>\r\nX-Bcc: y\r\nDate: x\r\nMessage-Id: <y>\r\n";
    let kept = "From: tony\r\nSubject: x\r\nX-Bcc: y\r\nDate: x\r\nMessage-Id: <y>\r\n\r\n";
    assert_eq!(written(head), kept);
}

#[test]
fn senders_beside_the_author_are_taken_out() {
    let head = "From: tony\r\nSender: steve@mail.example\r\nSENDER : Steve\r\n <steve>\r\n\
                Resent-From: steve\r\nResent-Sender: steve\r\nX-Sender: y\r\nDate: x\r\n\
                Message-Id: <y>\r\n";
    let kept = "From: tony\r\nX-Sender: y\r\nDate: x\r\nMessage-Id: <y>\r\n\r\n";
    assert_eq!(written(head), kept);
}

#[test]
fn a_date_and_a_message_id_are_added_where_they_are_missing() {
    let dated = "From: tony\r\nDate: Fri, 27 Nov 2026 10:00:00 +0100\r\n";
    let id = "Message-ID: <id@mail.example>\r\n\r\n";
    assert_eq!(written(dated), format!("{dated}{id}"));
    let named = "From: tony\r\nMESSAGE-ID: <x@y>\r\n";
    assert_eq!(written(named), format!("{named}Date: Fri, 27 Nov 2026 10:00:00 -0000\r\n\r\n"));
    assert!(written("From: tony\r\n").len() < ADDED_MAX);
}

#[test]
fn the_date_is_read_for_the_id() {
    let date = |text: &str| parse(&format!("From: tony\r\nDate: {text}\r\n")).unwrap().date;
    let expected = Some(Timestamp(1_795_770_000_000));
    for text in [
        "Fri, 27 Nov 2026 10:00:00 +0100",
        "27 Nov 2026 09:00:00 GMT",
        "Fri, 27 Nov 2026 10:00:00 +0100 (CET)",
        // Some programs take the wrong day.
        "Mon, 27 Nov 2026 10:00:00 +0100",
    ] {
        assert_eq!(date(text), expected, "{text}");
    }
    for text in ["yesterday", "", "Thu, 1 Jan 1960 00:00:00 +0000"] {
        assert_eq!(date(text), None, "{text}");
    }
}

#[test]
fn recipients_of_this_server_are_named_in_their_order() {
    let head = parse(
        "From: tony\r\nCc: bruce@mail.example\r\nTo: Steve <steve@mail.example>, a@elsewhere.example,\r\n \
         \"Widow, Black\" <natasha>, odd@x <pepper@mail.example>, class: happy;\r\n",
    );
    let names: Vec<String> = head.unwrap().named.iter().map(ToString::to_string).collect();
    assert_eq!(names, ["bruce", "steve", "natasha", "pepper", "happy"]);
    let head = parse("From: tony\r\nTo: undisclosed-recipients:;\r\n").unwrap();
    assert_eq!(head.named, []);
}

#[test]
fn the_first_subject_counts() {
    let subject = |head: &str| parse(head).unwrap().subject.as_str().to_owned();
    assert_eq!(subject("From: tony\r\nSubject: a\r\n b\r\nSubject: c\r\n"), "a b");
    assert_eq!(subject("Subject: =?utf-8?B?T2zDoQ==?=\r\nFrom: tony\r\n"), "Olá");
    assert_eq!(subject("From: tony\r\n"), "(no subject)");
}
