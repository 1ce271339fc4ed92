//! Tests of reading messages: well-formed ones, and what nobody should send.

use std::{io, thread};

use super::*;

fn read(message: impl AsRef<[u8]>) -> MessageView {
    MessageView::read(message.as_ref()).unwrap()
}

/// The names (or types) and sizes of the attachments.
fn attachments(view: &MessageView) -> Vec<(String, u64)> {
    let name = |of: &Attachment| of.name.clone().unwrap_or(of.media_type.clone());
    view.attachments.iter().map(|attachment| (name(attachment), attachment.size)).collect()
}

fn base64_part(name: &str, encoded: &str) -> String {
    format!(
        "Content-Type: application/pdf; name=\"{name}\"\r\n\
         Content-Transfer-Encoding: base64\r\n\r\n{encoded}"
    )
}

const MIXED: &str = "Content-Type: multipart/mixed; boundary=B\r\n\r\n";

#[test]
fn a_message_is_read_whatever_its_line_ends_are() {
    let pdf = base64_part("a.pdf", "QUJD\r\nREVG");
    let message = format!(
        "From: \"Tony Stark\" <tony@example.org>\r\nTo: steve@example.org,\r\n peter@example.org\r\n\
         Cc: =?utf-8?B?w4lyaWNh?= <erica@example.org>\r\nSubject: =?utf-8?Q?Ol=C3=A1?=\r\n\
         Date: Tue, 1 Dec 2026 10:00:00 -0300\r\nMessage-ID: <1@example.org>\r\n\
         In-Reply-To: <0@example.org>\r\nReferences: <a@x>\r\n <0@example.org>\r\n\
         Content-Type: multipart/mixed; boundary=\"B\"\r\n\r\nText for old programs\r\n--B\r\n\r\n\
         oi\r\n\r\ntudo bem?\r\n--B\r\n{pdf}\r\n--B--\r\nmore\r\n"
    );
    for message in [message.clone(), message.replace("\r\n", "\n")] {
        let view = read(&message);
        let fields = &view.fields;
        assert_eq!(fields.from, "Tony Stark <tony@example.org>");
        assert_eq!(fields.to, "steve@example.org, peter@example.org");
        assert_eq!(fields.cc, "Érica <erica@example.org>");
        assert_eq!(fields.subject, "Olá");
        assert_eq!(fields.date, "2026-12-01T10:00:00-03:00");
        assert_eq!(fields.message_id.as_ref().map(MessageId::as_str), Some("1@example.org"));
        let ids = |ids: &[MessageId]| ids.iter().map(ToString::to_string).collect::<Vec<_>>();
        assert_eq!(ids(&fields.in_reply_to), ["0@example.org"]);
        assert_eq!(ids(&fields.references), ["a@x", "0@example.org"]);
        assert!(!fields.is_cut);
        assert_eq!(fields.from_field(&"tony".parse().unwrap()), FromField::Sender);
        assert_eq!(fields.from_field(&"pepper".parse().unwrap()), FromField::Other);
        assert_eq!(view.text.text, "oi\n\ntudo bem?");
        assert_eq!(view.text.source, TextSource::Plain);
        assert_eq!(attachments(&view), [("a.pdf".to_owned(), 6)]);
        assert_eq!(view.more_parts, 0);
    }
}

#[test]
fn of_alternatives_the_plain_text_is_shown_unless_it_is_blank() {
    let alternative = |plain: &str| {
        format!(
            "Content-Type: multipart/alternative; boundary=B\n\n--B\nContent-Type: text/plain\n\n\
             {plain}\n--B\nContent-Type: multipart/related; boundary=C\n\n--C\n\
             Content-Type: text/html\n\n<p>HTML</p>\n--C\nContent-Type: image/png\n\nx\n--C--\n--B--\n"
        )
    };
    let view = read(alternative("plain"));
    assert_eq!((view.text.text.as_str(), view.text.source), ("plain", TextSource::Plain));
    assert_eq!(attachments(&view), [("image/png".to_owned(), 1)]);
    let view = read(alternative(" "));
    assert_eq!((view.text.text.as_str(), view.text.source), ("HTML", TextSource::Html));
    let view = read("Content-Type: text/html\n\n<p>a</p>b");
    assert_eq!((view.text.text.as_str(), view.text.source), ("a\n\nb", TextSource::Html));
    let view = read("Content-Type: image/png\n\nx");
    assert_eq!((view.text.text.as_str(), view.text.source), ("", TextSource::Nothing));
}

#[test]
fn a_message_within_the_message_is_one_attachment() {
    let inner = "Subject: inner\n\nContent-Type: multipart/mixed; boundary=B\n\n--C\nx";
    let view = read(format!("{MIXED}--B\nContent-Type: message/rfc822\n\n{inner}\n--B--\n"));
    assert_eq!(attachments(&view), [("message/rfc822".to_owned(), inner.len() as u64)]);
    let digest = "Content-Type: multipart/digest; boundary=B\n\n--B\n\nSubject: a\n\nb\n--B--\n";
    assert_eq!(attachments(&read(digest)), [("message/rfc822".to_owned(), 13)]);
}

#[test]
fn what_has_no_head_or_no_end_is_read_too() {
    for (message, expected) in [
        ("", ""),
        ("\n", ""),
        ("\ntext", "text"),
        ("just text\nmore", "just text\nmore"),
        ("Subject: only a head", ""),
        ("From tony Tue Dec  1 10:00:00 2026\nSubject: a\n\ntext", "text"),
        ("Content-Type: multipart/mixed\n\nno boundary", ""),
    ] {
        assert_eq!(read(message).text.text, expected, "{message:?}");
    }
    let view = read(format!("{MIXED}--B\n\nfirst\n--B\nContent-Type: text/plain\n--B\n\nlast\n"));
    assert_eq!(view.text.text, "first\n\nlast\n");
    let view = read(format!("{MIXED}--B\n\none\n--BX\n--B --\ntwo\n--B  \n\nthree\n--B--"));
    assert_eq!(view.text.text, "one\n--BX\n--B --\ntwo\n\nthree");
    let unbounded = read("Content-Type: multipart/mixed\n\nno boundary");
    assert_eq!(attachments(&unbounded), [("multipart/mixed".to_owned(), 11)]);
}

#[test]
fn ten_thousand_parts_are_counted_and_a_thousand_listed() {
    let part = format!("--B\r\n{}\r\n", base64_part("a.pdf", "QQ=="));
    let view = read(format!("{MIXED}{}--B--\r\n", part.repeat(10_000)));
    assert_eq!(view.attachments.len(), ATTACHMENTS_MAX);
    assert_eq!(view.more_parts, 10_000 - ATTACHMENTS_MAX);
    assert_eq!(view.attachments[999].index, 999);
    assert!(view.attachments.iter().all(|of| of.name.as_deref() == Some("a.pdf") && of.size == 1));
}

/// The stack of the program's main thread is larger than this.
const STACK: usize = 2 << 20;

#[test]
fn parts_that_are_nested_a_hundred_thousand_deep_are_read_on_the_stack_of_a_thread() {
    let reader = thread::Builder::new().stack_size(STACK).spawn(|| {
        let mut message = String::new();
        for depth in 0..100_000 {
            message.push_str(&format!(
                "Content-Type: multipart/mixed; boundary=B{depth}\n\n--B{depth}\n"
            ));
        }
        let view = read(message + "\ntext");
        assert_eq!(attachments(&view).len(), 1);
        assert_eq!(view.attachments[0].media_type, "multipart/mixed");

        let view = read("Content-Type: message/rfc822\n\n".repeat(100_000));
        assert_eq!(attachments(&view), [("message/rfc822".to_owned(), 99_999 * 30)]);

        let view = read(format!(
            "Content-Type: text/html\n\n{}text",
            "<div><b><ul><li><blockquote>".repeat(100_000)
        ));
        assert!(view.text.text.ends_with("- text"), "{}", view.text.text);
    });
    reader.unwrap().join().unwrap();
}

#[test]
fn boundaries_that_never_come_cost_no_second_look() {
    // A search for each boundary to the end of the message would take minutes.
    let part = "--B\nContent-Type: multipart/mixed; boundary=nowhere\n\ntext\n";
    let view = read(format!("{MIXED}{}", part.repeat(100_000)));
    assert_eq!(view.text.source, TextSource::Nothing);
}

#[test]
fn a_head_of_megabytes_is_cut_and_that_is_told() {
    let way = "Received: from a by b; Tue, 1 Dec 2026 10:00:00 +0000\n".repeat(100_000);
    let view = read(format!("{way}Subject: a\n{way}\ntext"));
    assert_eq!((view.fields.subject.as_str(), view.text.text.as_str()), ("a", "text"));
    assert!(!view.fields.is_cut, "fields that are not read do not count");

    let long = "x".repeat(8 << 20);
    let view = read(format!("Subject: {long}\nFrom: tony@example.org\n\ntext"));
    assert!(view.fields.is_cut && view.fields.subject.len() <= 16 * 1024);
    assert_eq!((view.fields.from.as_str(), view.text.text.as_str()), ("tony@example.org", "text"));

    let to = "tony@example.org,\n ".repeat(300_000);
    let view = read(format!("To: {to}\nReferences: {}\n\ntext", "<a@b>\n ".repeat(100_000)));
    assert!(view.fields.is_cut && view.fields.to.len() <= 16 * 1024);
    assert_eq!(view.fields.references.len(), 200);

    // Beyond the room for all heads, a part is an attachment of which nothing is known.
    let part = format!("--B\nContent-Type: text/plain; name=\"{}\"\n\nx\n", "n".repeat(2000));
    let view = read(format!("{MIXED}{}--B--\n", part.repeat(500)));
    assert!(view.fields.is_cut);
    assert_eq!(view.attachments.len(), 500);
    assert_eq!(view.attachments[499].name, None);
    assert_eq!(view.attachments[499].size, 1);
}

#[test]
fn all_carriage_returns_before_a_line_feed_belong_to_the_line_end() {
    for (message, text) in [
        ("\na\r\nb\r\r\nc\r\r\r\n\rd\re\r", "a\nb\nc\n\rd\re\r"),
        ("Content-Type: text/plain; format=flowed; delsp=yes\n\na\r\r \n>b", "a\n> b"),
        (
            "Content-Type: multipart/mixed; boundary=B\n\n--B\n\na\r\r\r\n--B\n\nb\n--B--\n",
            "a\n\nb",
        ),
    ] {
        assert_eq!(read(message).text.text, text, "{message:?}");
    }
}

#[test]
fn a_text_beyond_the_limit_is_cut_and_that_is_told() {
    for message in ["Subject: a\n\n", "Content-Type: text/html\n\n"] {
        let view = read(format!("{message}{}", "0123456789\n".repeat(1 << 20)));
        assert!(view.text.is_cut);
        assert!(
            view.text.text.len() <= text::TEXT_MAX && view.text.text.len() > text::TEXT_MAX - 20
        );
    }
    // A charset that grows when it is decoded.
    let wide = [b"Content-Type: text/plain; charset=iso-8859-1\n\n".to_vec(), vec![0xe9; 6 << 20]];
    let view = read(wide.concat());
    assert!(view.text.is_cut && view.text.text.len() <= text::TEXT_MAX);
    assert!(view.text.text.chars().all(|c| c == 'é'));
}

#[test]
fn a_charset_decides_what_bytes_mean_and_an_unknown_one_loses_nothing() {
    for (charset, bytes, expected, is_replaced) in [
        ("utf-8", "olá".as_bytes(), "olá", false),
        ("us-ascii", "olá".as_bytes(), "olá", false),
        ("iso-8859-1", b"ol\xe1", "olá", false),
        ("ISO-8859-15", b"\xa4", "€", false),
        ("windows-1252", b"\x80", "€", false),
        ("iso-2022-jp", b"\x1b$BF|K\\\x1b(B", "日本", false),
        ("shift_jis", b"\x93\xfa\x96{", "日本", false),
        ("gb18030", b"\xc8\xd5", "日", false),
        ("koi8-r", b"\xc4\xc1", "да", false),
        ("utf-8", b"ol\xe1", "ol\u{fffd}", true),
        ("x-unknown", b"ola", "ola", false),
        ("x-unknown", "olá".as_bytes(), "olá", true),
        ("x-unknown", b"ol\xe1", "olá", true),
        ("", b"ol\xe1", "olá", true),
    ] {
        let stated =
            if charset.is_empty() { String::new() } else { format!("; charset={charset}") };
        let head = format!("Content-Type: text/plain{stated}\n\n");
        let view = read([head.as_bytes(), bytes].concat());
        assert_eq!(view.text.text, expected, "{charset}");
        assert_eq!(view.text.is_replaced, is_replaced, "{charset} {bytes:?}");
    }
}

#[test]
fn paragraphs_that_were_broken_into_lines_are_joined_when_they_are_shown_and_quoted() {
    let message = "Content-Type: text/plain; charset=utf-8; format=flowed\r\n\
                   Content-Transfer-Encoding: quoted-printable\r\n\r\n\
                   > Vamos=20\r\n> jantar?\r\nClaro, =C3=A0s=20\r\noito.\r\n--=20\r\nTony\r\n";
    let text = read(message).text.text;
    assert_eq!(text, "> Vamos jantar?\nClaro, às oito.\n-- \nTony\n");
    let quoted = quoted_text("x", &text);
    assert_eq!(quoted, "x\n>> Vamos jantar?\n> Claro, às oito.\n> -- \n> Tony\n");
    let japanese =
        "Content-Type: text/plain; charset=utf-8; Format=Flowed; DelSp=Yes\n\n日本 \n語\n";
    assert_eq!(read(japanese).text.text, "日本語\n");
    let fixed = "Content-Type: text/plain; format=fixed\n\na \nb\n";
    assert_eq!(read(fixed).text.text, "a \nb\n");
}

#[test]
fn a_broken_encoding_is_told_and_the_rest_is_there() {
    for (encoded, size, is_damaged) in [
        ("QUJD", 3, false),
        ("QUJDRA", 4, false),
        ("QU*JD", 3, true),
        ("QUJDR", 3, true),
        ("QUJD\nthis is no base64: é", 13, true),
    ] {
        let message = format!("{MIXED}--B\n{}\n--B--\n", base64_part("a.pdf", encoded));
        let view = read(message);
        assert_eq!(view.attachments[0].is_damaged, is_damaged, "{encoded}");
        assert_eq!(view.attachments[0].size, size, "{encoded}");
    }
}

#[test]
fn a_name_is_decoded_in_each_of_the_ways_that_programs_write_it() {
    for field in [
        "Content-Disposition: attachment; filename=\"表.pdf\"",
        "Content-Disposition: attachment; filename=\"=?utf-8?B?6KGoLnBkZg==?=\"",
        "Content-Disposition: attachment; filename*=utf-8''%E8%A1%A8.pdf",
        "Content-Disposition: attachment;\n filename*0*=utf-8''%E8%A1%A8;\n filename*1*=.pdf",
        "Content-Type: application/pdf; name=\"=?iso-2022-jp?B?GyRCST0bKEIucGRm?=\"",
        "Content-Disposition: attachment;\n filename*0*=utf-8''%E8;\n filename*1*=%A1%A8.pdf",
        "Content-Type: application/pdf;\n name*0*=utf-8''%E8%A1;\n name*1*=%A8;\n name*2=.pdf",
    ] {
        let view = read(format!("{MIXED}--B\n{field}\n\nx\n--B--\n"));
        let name = view.attachments[0].name.as_deref();
        assert!(name == Some("表.pdf"), "{field}: {name:?}");
    }
}

/// A source that fails after its first bytes.
struct Failing<'a>(&'a [u8]);

impl io::Read for Failing<'_> {
    fn read(&mut self, room: &mut [u8]) -> io::Result<usize> {
        match self.0.read(room)? {
            0 => Err(io::ErrorKind::InvalidData.into()),
            count => Ok(count),
        }
    }
}

#[test]
fn an_error_of_the_source_is_passed_on() {
    for message in ["", "Subject: a\n", "Subject: a\n\ntext"] {
        let error = MessageView::read(Failing(message.as_bytes())).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::InvalidData, "{message}");
    }
}
