//! Tests of rendered mails: octets, heads, authors and line ends.

use correio_proto::mail::{FullName, Subject, Timestamp};
use mail_parser::{HeaderValue, MessageParser};
use proptest::prelude::*;

use super::{samples::outline, *};

const DOMAIN: &str = "stark.example";

fn text(content: &str) -> MailOutline {
    outline(ContentKind::Text {}, content.as_bytes())
}

fn message(content: &[u8]) -> MailOutline {
    outline(ContentKind::Message {}, content)
}

/// Renders a content in pieces of these lengths, in rotation, and checks the number of octets.
fn rendered_in(outline: &MailOutline, mut content: &[u8], lengths: &[usize]) -> Vec<u8> {
    let mut output = Vec::new();
    let mut renderer = Renderer::begin(outline, DOMAIN, &mut output);
    let mut lengths = lengths.iter().cycle();
    while !content.is_empty() {
        let length = lengths.next().map_or(content.len(), |length| content.len().min(*length));
        let (piece, rest) = content.split_at(length);
        renderer.render(piece, &mut output);
        content = rest;
    }
    renderer.finish(&mut output);
    assert_eq!(output.len() as u64, octets(outline, DOMAIN), "{}", output.escape_ascii());
    output
}

fn rendered(outline: &MailOutline, content: &[u8]) -> String {
    String::from_utf8(rendered_in(outline, content, &[])).unwrap()
}

/// The authors of a mail as a mail program reads them, of each field `From`.
fn authors(mail: &str) -> Vec<(Option<String>, String)> {
    let message = MessageParser::default().parse(mail.as_bytes()).unwrap();
    let fields = message.headers().iter().filter(|field| field.name().eq_ignore_ascii_case("from"));
    let mut authors = Vec::new();
    for field in fields {
        let HeaderValue::Address(address) = &field.value else { panic!("{field:?}") };
        authors.extend(address.iter().map(|author| {
            (author.name().map(str::to_owned), author.address().unwrap_or_default().to_owned())
        }));
    }
    authors
}

fn tony() -> Vec<(Option<String>, String)> {
    vec![(Some("Tony Stark".to_owned()), "tony@stark.example".to_owned())]
}

#[test]
fn a_text_has_a_head_of_the_mail_s_values() {
    let mail = rendered(&text("Bom dia,\n\nJARVIS"), b"Bom dia,\n\nJARVIS");
    let expected = "Return-Path: <tony@stark.example>\r\n\
        Received: by stark.example (correio) id 2a;\r\n Thu, 1 Jan 2026 00:00:00 -0000\r\n\
        From: \"Tony Stark\" <tony@stark.example>\r\n\
        To: pepper@stark.example,\r\n bruce@stark.example\r\n\
        Subject: Armadura\r\n\
        Date: Thu, 1 Jan 2026 00:00:00 -0000\r\n\
        Message-ID: <01890a5d-ac96-774b-bcce-b302099a8057.tony@stark.example>\r\n\
        MIME-Version: 1.0\r\n\
        Content-Type: text/plain; charset=utf-8\r\n\
        Content-Transfer-Encoding: 7bit\r\n\r\n\
        Bom dia,\r\n\r\nJARVIS\r\n";
    assert_eq!(mail, expected);
}

#[test]
fn a_mail_without_recipients_and_without_a_date_of_the_calendar_is_still_a_mail() {
    let mut mail = text("a");
    mail.to.clear();
    mail.sent_at = Timestamp(u64::MAX);
    let mail = rendered(&mail, b"a");
    assert!(mail.contains("\r\nTo: undisclosed-recipients:;\r\n"), "{mail}");
    assert!(mail.contains("\r\nReceived: by stark.example (correio) id 2a\r\n"), "{mail}");
    assert!(!mail.contains("Date:"), "{mail}");
    assert_eq!(authors(&mail), tony());
}

#[test]
fn a_text_is_in_base64_only_if_its_lines_or_its_nuls_require_it() {
    let encoding = |content: &str| {
        let mail = rendered(&text(content), content.as_bytes());
        let (_, rest) = mail.split_once("Content-Transfer-Encoding: ").unwrap();
        rest.split("\r\n").next().unwrap().to_owned()
    };
    assert_eq!(encoding(&"x".repeat(998)), "7bit");
    assert_eq!(encoding("amanhã"), "8bit");
    assert_eq!(encoding(&"x".repeat(999)), "base64");
    assert_eq!(encoding(&format!("{}\n", "é".repeat(500))), "base64");
    assert_eq!(encoding("a\0b"), "base64");
}

#[test]
fn a_message_stays_as_it_is_after_the_fields_of_the_server() {
    let content = b"From: Tony Stark <tony@stark.example>\r\nDate: x\r\n\r\n.\r\nFrom: steve\r\n";
    let mail = rendered(&message(content), content);
    let fields = "Return-Path: <tony@stark.example>\r\n\
        X-Correio-Sender:   \"Tony Stark\" <tony@stark.example>\r\n\
        Received: by stark.example (correio) id 2a;\r\n Thu, 1 Jan 2026 00:00:00 -0000\r\n";
    assert_eq!(mail, format!("{fields}{}", std::str::from_utf8(content).unwrap()));
}

#[test]
fn the_author_that_programs_show_is_the_account_that_sent_the_mail() {
    for head in [
        "From: Steve Rogers <steve@stark.example>\nfrom : Tony Stark <tony@stark.example>\n",
        "From: tony@stark.example\nFROM: steve@stark.example\n",
        "From: steve@stark.example\n",
        "From: Steve Rogers <tony@stark.example>\n",
        "From: tony@hydra.example\n",
        "From: tony@stark.example, steve@stark.example\n",
        "From: tony@stark.example (Steve Rogers)\n",
        "\tfolded\nFrom: steve@stark.example\n",
        "no field\nFrom: steve@stark.example\n",
        "Subject: a\n",
        "",
    ] {
        let content = format!("{head}\nFrom: steve\n");
        let mail = rendered(&message(content.as_bytes()), content.as_bytes());
        assert_eq!(authors(&mail), tony(), "{mail}");
        assert!(mail.contains("\r\nFrom:               \"Tony Stark\""), "{mail}");
        assert!(mail.ends_with("\r\n\r\nFrom: steve\r\n"), "the body stays: {mail}");
    }
}

#[test]
fn the_authors_that_are_not_shown_are_still_there() {
    let content = b"To: a\nFrom: Steve <steve@stark.example>\n\n";
    let mail = rendered(&message(content), content);
    assert!(mail.ends_with("To: a\r\nX-By: Steve <steve@stark.example>\r\n\r\n"), "{mail}");
}

#[test]
fn no_sender_is_shown_before_the_author() {
    let cases = [
        ("Sender: steve@stark.example\n", "X-Sent: steve@stark.example\r\n"),
        ("sender\t: Steve\n <steve>\n", "X-Sent\t: Steve\r\n <steve>\r\n"),
        ("Resent-From: steve\n", "X-Resent-By: steve\r\n"),
        ("RESENT-SENDER: steve\n", "X-Resent-Sent: steve\r\n"),
    ];
    for (field, renamed) in cases {
        for content in [
            format!("From: tony@stark.example\n{field}\nSender: text\n"),
            format!("{field}From: tony@stark.example\n\nSender: text\n"),
            format!("\tfolded\n{field}From: tony@stark.example\n\nSender: text\n"),
        ] {
            let mail = rendered(&message(content.as_bytes()), content.as_bytes());
            assert_eq!(authors(&mail), tony(), "{mail}");
            assert!(mail.contains(renamed), "{mail}");
            assert!(mail.contains("X-By: tony@stark.example\r\n"), "{mail}");
            assert!(mail.ends_with("\r\n\r\nSender: text\r\n"), "the body stays: {mail}");
            let pieces = rendered_in(&message(content.as_bytes()), content.as_bytes(), &[1]);
            assert_eq!(String::from_utf8(pieces).unwrap(), mail);
        }
    }
    let other = b"From: tony@stark.example\nSenders: a\nResent-Fro: b\n\nSender: text\n";
    let mail = rendered(&message(other), other);
    assert!(mail.contains("\r\nFrom: tony@stark.example\r\nSenders: a\r\n"), "{mail}");
}

#[test]
fn a_head_always_has_an_end() {
    for content in [&b"Subject: a"[..], b"Subject: a\r\n", b"\0", b"a: b\n\0", b"a: b\n\0\nc", b"x"]
    {
        let mail = rendered(&message(content), content);
        let (head, _) = mail.split_once("\r\n\r\n").unwrap();
        assert!(head.contains("Tony Stark"), "{mail}");
        assert!(!mail.contains('\0'));
    }
    // The author of a message that is only a head counts, too.
    let content = b"From: tony@stark.example";
    let mail = rendered(&message(content), content);
    assert!(mail.ends_with(" -0000\r\nFrom: tony@stark.example\r\n\r\n"), "{mail}");
    assert!(mail.contains("\r\nX-Correio-Sender: \"Tony"), "{mail}");
    assert_eq!(authors(&mail), [(None, "tony@stark.example".to_owned())]);
}

#[test]
fn the_author_of_a_head_that_is_too_long_does_not_count() {
    for after in ["\nFrom: steve@stark.example\n\nFrom: text\n", "\n\nFrom: text\n", ""] {
        let content = format!("From: tony@stark.example\nX: {}{after}", "x".repeat(64 * 1024));
        let whole = rendered(&message(content.as_bytes()), content.as_bytes());
        assert_eq!(authors(&whole), tony());
        let body = if after.is_empty() { "\r\n\r\n" } else { "\r\n\r\nFrom: text\r\n\r\n" };
        assert!(whole.ends_with(body));
        let pieces = rendered_in(&message(content.as_bytes()), content.as_bytes(), &[7, 9000]);
        assert_eq!(String::from_utf8(pieces).unwrap(), whole);
    }
}

#[test]
fn lines_of_a_head_are_short_for_the_longest_names() {
    let mut mail = text("a");
    mail.from_name = "日".repeat(100).parse().unwrap();
    mail.subject = "ç".repeat(200).parse().unwrap();
    let mail = rendered(&mail, b"a");
    assert!(mail.lines().all(|line| line.len() <= 76), "{mail}");
}

/// Contents of all bytes and words that the rendered form depends on.
fn contents() -> impl Strategy<Value = Vec<u8>> {
    let parts = prop_oneof![
        Just(b"\r".to_vec()),
        Just(b"\n".to_vec()),
        Just(b"\r\n".to_vec()),
        Just(b"\0".to_vec()),
        Just(b".".to_vec()),
        Just(b"From".to_vec()),
        Just(b": ".to_vec()),
        Just(b"tony@stark.example".to_vec()),
        Just(vec![b'x'; 500]),
        "[ -~]{0,20}".prop_map(String::into_bytes),
        "\\PC{0,20}".prop_map(String::into_bytes),
        prop::collection::vec(any::<u8>(), 0..20),
    ];
    prop::collection::vec(parts, 0..30).prop_map(|parts| parts.concat())
}

proptest! {
    #[test]
    fn a_mail_is_the_same_in_any_pieces_and_has_the_octets_that_were_stated(
        content in contents(),
        lengths in prop::collection::vec(1..90_usize, 1..5),
        is_message: bool,
    ) {
        let kind = match is_message {
            true => ContentKind::Message {},
            false => ContentKind::Text {},
        };
        let outline = outline(kind, &content);
        let whole = rendered_in(&outline, &content, &[]);
        prop_assert_eq!(&rendered_in(&outline, &content, &lengths), &whole);
        prop_assert!(whole.ends_with(b"\r\n"));
        prop_assert!(!whole.contains(&0));
        prop_assert!(memchr::memmem::find(&whole, b"\r\n\r\n").is_some());
        let is_alone = |(at, byte): (usize, &u8)| match byte {
            b'\r' => whole.get(at + 1) != Some(&b'\n'),
            b'\n' => whole.get(at - 1) != Some(&b'\r'),
            _ => false,
        };
        prop_assert!(!whole.iter().enumerate().any(is_alone));
    }

    #[test]
    fn a_program_reads_the_values_of_a_text(
        body in "(\r\n|\n|=|\\.|From |[ -~]{1,40}|\\PC|x{998}|\0){1,20}",
        name in "(\"|\\\\|=\\?|[ -~]|é|\\PC){1,30}",
        subject in "(=\\?|[ -~]|é|\u{1f600}|\\PC){1,100}",
    ) {
        let (Ok(name), Ok(subject)) = (name.parse::<FullName>(), subject.parse::<Subject>()) else {
            return Ok(());
        };
        let outline = MailOutline { from_name: name, subject, ..text(&body) };
        let mail = rendered_in(&outline, body.as_bytes(), &[]);
        let read = MessageParser::default().parse(&mail).unwrap();
        prop_assert_eq!(read.subject(), Some(outline.subject.as_str()));
        let author = read.from().and_then(|from| from.first()).unwrap();
        prop_assert_eq!(author.name(), Some(outline.from_name.as_str()));
        prop_assert_eq!(author.address(), Some("tony@stark.example"));
        let to: Vec<_> = read.to().unwrap().iter().map(|to| to.address().unwrap()).collect();
        prop_assert_eq!(to, ["pepper@stark.example", "bruce@stark.example"]);
        let lines = |text: &str| text.replace("\r\n", "\n").trim_end_matches('\n').to_owned();
        prop_assert_eq!(lines(&read.body_text(0).unwrap()), lines(&body));
    }

    #[test]
    fn whatever_a_message_says_its_author_is_the_account(content in contents()) {
        let mail = rendered_in(&message(&content), &content, &[]);
        let end = memchr::memmem::find(&mail, b"\r\n\r\n").unwrap();
        let head = String::from_utf8_lossy(&mail[..end]).to_ascii_lowercase();
        let fields: Vec<&str> = head
            .split("\r\n")
            .filter(|line| line.split_once(':').is_some_and(|(name, _)| name.trim_end() == "from"))
            .collect();
        prop_assert_eq!(fields.len(), 1);
        prop_assert!(fields[0].contains("tony"));
    }
}
