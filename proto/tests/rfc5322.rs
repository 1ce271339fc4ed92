//! Mails whose content is a message, as files: fields of our own, then the message.

use std::io::{self, BufReader, Read};

use correio_proto::{
    limits,
    mail::{
        Content, ContentHasher, ContentKind, LargeContent, Mail, Message, Recipients, Seq,
        Timestamp, Username,
    },
    rfc5322::{self, ContentEncoder, ContentReader, LargeInFile, Unreadable},
};
use proptest::prelude::*;

const DOMAIN: &str = "correio.example";

fn mail(content: Content) -> Mail {
    Mail {
        seq: Seq(7),
        id: "01890a5d-ac96-774b-bcce-b302099a8057".parse().unwrap(),
        from: "peter".parse().unwrap(),
        from_name: "Peter Parker".parse().unwrap(),
        to: "tony,pepper".parse().unwrap(),
        sent_at: Timestamp(1_790_000_000_000),
        subject: "Relatório do estágio".parse().unwrap(),
        content,
    }
}

fn message(bytes: &[u8]) -> Mail {
    mail(Content::Message(bytes.try_into().unwrap()))
}

fn read(mut file: &[u8]) -> Result<Mail, String> {
    rfc5322::read(&mut file).map_err(|error| match error {
        Unreadable::Damaged(reason) => reason,
        Unreadable::Io(error) => panic!("{error}"),
    })
}

/// The bytes of a message in its file, as the documentation of the format says.
fn in_file(message: &[u8]) -> Vec<u8> {
    let text: String = message.iter().map(|byte| char::from(*byte)).collect();
    let lines = text.replace("\r\n", "");
    // A CR at the end may be the beginning of a line end in a longer message.
    let is_crlf = text.contains("\r\n") && !lines.trim_end_matches('\r').contains(['\r', '\n']);
    let is_crlf = is_crlf && !text.contains("\r\r");
    let text = if is_crlf { text.replace("\r\n", "\n") } else { text };
    text.chars().map(|c| u8::try_from(c).unwrap()).collect()
}

/// mutt shows the CR at the end of a line whose head begins with lines that end with LF.
#[test]
fn lines_that_end_with_cr_lf_end_with_lf_in_the_file_and_come_back() {
    let bytes = b"From: peter@localhost\r\nSubject: x\r\n\r\nOl\xc3\xa1\r\n--\r\n";
    let end = b"\nX-Correio-Message-Lines: crlf\nX-Correio-Message-Length: 47\n\
                From: peter@localhost\nSubject: x\n\nOl\xc3\xa1\n--\n";
    let file = rfc5322::write(&message(bytes), DOMAIN);
    assert!(file.ends_with(end), "{}", file.escape_ascii());
    assert_eq!(read(&file), Ok(message(bytes)));
    let (mail, stated, file) = large_file(&[bytes[..22].to_vec(), bytes[22..].to_vec()]);
    assert!(file.ends_with(end), "{}", file.escape_ascii());
    assert_eq!(read(&file), Ok(mail));
    let mut rest = &file[..];
    let large = rfc5322::read_head(&mut rest).unwrap().large().unwrap();
    assert_eq!(large.content, stated);
    assert_eq!(read_content(rest, large, 1).unwrap(), bytes);
}

/// A large message is not whole when its file is begun: its first 64 KiB decide.
#[test]
fn a_large_message_whose_lines_end_in_another_way_later_comes_back() {
    let start = b"Subject: x\r\n\r\n".to_vec();
    let lines = b"line\r\n".repeat(20_000);
    for end in [&b"bare\nlines\n"[..], b"\r\r\n\r", b"\n\r\n\r\r"] {
        let pieces = [start.clone(), lines.clone(), end.to_vec()];
        let (_, stated, file) = large_file(&pieces);
        assert!(!file[..60_000].contains(&b'\r'));
        let mut rest = &file[..];
        let large = rfc5322::read_head(&mut rest).unwrap().large().unwrap();
        assert_eq!(large.content, stated);
        assert_eq!(read_content(rest, large, 4096).unwrap(), pieces.concat());
    }
}

/// Files as they were before line ends were exchanged, and statements of no version.
#[test]
fn a_file_that_states_no_line_ends_has_the_bytes_as_they_are() {
    let bytes = b"Subject: x\r\n\r\ntext\r\n";
    let file = rfc5322::write(&message(bytes), DOMAIN);
    let file: Vec<u8> =
        file.split_inclusive(|byte| *byte == b'\n').take(8).collect::<Vec<_>>().concat();
    let file = [&file[..], b"X-Correio-Message-Length: 20\n", bytes].concat();
    assert_eq!(read(&file), Ok(message(bytes)));
    let (_, stated, file) = large_file(&[bytes.to_vec()]);
    let head = file.split_inclusive(|byte| *byte == b'\n').take(9).collect::<Vec<_>>().concat();
    let file = [&head[..], b"X-Correio-Message-Length: 20\n", bytes].concat();
    let mut rest = &file[..];
    let large = rfc5322::read_head(&mut rest).unwrap().large().unwrap();
    assert_eq!(large.content, stated);
    assert_eq!(read_content(rest, large, 7).unwrap(), bytes);
    let unknown = [&head[..], b"X-Correio-Message-Lines: cr\nX-Correio-Message-Length: 20\n"];
    assert!(read(&unknown.concat()).unwrap_err().contains("line ends"));
}

#[test]
fn the_file_of_a_message_is_our_fields_and_its_bytes_as_they_are() {
    let bytes = b"From: Pepper <pepper@correio.example>\r\nSubject: Fora\r\n\r\n\0\xff\n\n";
    let head = "From: \"Peter Parker\" <peter@correio.example>\n\
                X-Correio-Id: 01890a5d-ac96-774b-bcce-b302099a8057\n\
                X-Correio-Seq: 7\n\
                X-Correio-Sent-At: 1790000000000\n\
                X-Correio-From: peter\n\
                X-Correio-From-Name: Peter Parker\n\
                X-Correio-To: tony, pepper\n\
                X-Correio-Subject: =?utf-8?B?UmVsYXTDs3JpbyBkbyBlc3TDoWdpbw==?=\n\
                X-Correio-Message-Length: 60\n";
    let file = rfc5322::write(&message(bytes), DOMAIN);
    let (written, rest) = file.split_at(head.len());
    assert_eq!(std::str::from_utf8(written).unwrap(), head);
    assert_eq!(rest, bytes);
    // The sender and the subject are those of the mail, whatever the message says.
    assert_eq!(read(&file).unwrap(), message(bytes));
}

/// Programs that show one author show the first field `From`, as mutt's index and Python do.
#[test]
fn the_first_author_in_a_file_is_the_sender_whatever_the_message_says() {
    let own = b"From: \"Peter Parker\" <peter@correio.example>\n";
    // These name the sender: the message's own field is the only one.
    for head in [
        "From: peter@correio.example\r\n",
        "Subject: x\r\nfrom: Peter Parker\r\n <peter@localhost>\r\n",
        "From: \"Peter Parker\" <Peter@localhost>\n",
        "From: \"Peter \\P\\arker\" <\"peter\"@localhost>\n",
        "From: =?utf-8?B?UGV0ZXIgUGFya2Vy?= <peter@localhost>\n",
    ] {
        let file = rfc5322::write(&message(format!("{head}\ntext").as_bytes()), DOMAIN);
        assert!(file.starts_with(b"X-Correio-Id: "), "{head}");
    }
    for head in [
        "Subject: x\n",
        "From: Peter Parker <steve@localhost>\n",
        "From: Steve Rogers <peter@localhost>\n",
        "From: =?utf-8?B?U3RldmU=?= <peter@localhost>\n",
        "From: \"Steve <peter@localhost>\n",
        "From: steve@localhost, Peter Parker <peter@localhost>\n",
        "From: peter@localhost\nFrom: steve@localhost\n",
        "From: steve@localhost\nFrom: peter@localhost\n",
        "From: peter@localhost\n, steve@localhost\n",
        "From: peter@localhost\n steve@localhost\n",
        // Mutt shows a comment as the name.
        "From: peter@localhost (Steve Rogers)\n",
        "From: <peter@localhost (Steve Rogers)>\n",
        "From: peter@localhost, steve\n",
        "From: \"peter@localhost\n",
        // Heads that programs read in different ways.
        "Subject: a\rFrom: steve@localhost\nFrom: peter@localhost\n",
        "no field\nFrom: peter@localhost\n",
        "From steve\nFrom: peter@localhost\n",
        "Sub ject: x\nFrom: peter@localhost\n",
        "X: \u{e9}\nFrom: steve@localhost\n",
        "\nFrom: peter@localhost\n",
    ] {
        let mail = message(format!("{head}\ntext").as_bytes());
        let file = rfc5322::write(&mail, DOMAIN);
        assert!(file.starts_with(own), "{head}");
        assert_eq!(read(&file).unwrap(), mail);
    }
    // The sender chooses the full name, which another program reads as authors of its own.
    for (name, from) in [
        ("steve@localhost, Peter", "steve@localhost, Peter"),
        ("Steve <steve@localhost>, Peter", "Steve <steve@localhost>, Peter"),
        ("Steve\" <steve@localhost>, \"Peter", "\"Steve\" <steve@localhost>, \"Peter\""),
        ("Peter (Steve Rogers)", "Peter (Steve Rogers)"),
        ("=?utf-8?B?U3RldmU=?=", "\"=?utf-8?B?U3RldmU=?=\""),
    ] {
        let message = message(format!("From: {from} <peter@localhost>\n\ntext").as_bytes());
        let mail = Mail { from_name: name.parse().unwrap(), ..message };
        let file = rfc5322::write(&mail, DOMAIN);
        assert!(file.starts_with(b"From: "), "{from}");
        assert!(!file.starts_with(format!("From: {from}").as_bytes()), "{from}");
        assert_eq!(read(&file).unwrap(), mail);
    }
    for odd in [&b"From: peter@localhost\nX: \xff\n\n"[..], b"From: peter@localhost\n", b"\0"] {
        assert!(rfc5322::write(&message(odd), DOMAIN).starts_with(own));
    }
    let endless = "X: y\n".repeat(20_000) + "From: peter@localhost\n\n";
    assert!(rfc5322::write(&message(endless.as_bytes()), DOMAIN).starts_with(own));
    // The start of a large message is not here when the file is begun.
    let (_, _, large) = large_file(&[b"From: steve@localhost\n\ntext".to_vec()]);
    assert!(large.starts_with(own));
}

/// Messages that end or continue a head where a reader could be led astray.
const ODD: [&[u8]; 13] = [
    b"\n",
    b"\r\n",
    b"\0",
    b"x",
    b" folded\r\n\tagain",
    b"no head and no final newline",
    b"\r\n\r\nno head",
    b"Subject: a\r\r\n\n\rb\r",
    b"X-Correio-Message-Length: 1\n\n",
    b"X-Correio-Id: x\nX-Correio-From: pepper\nX-Correio-Sha256: 00\n\n",
    b"Content-Transfer-Encoding: base64\nX-Correio-Body-Length: 2\n\nAAA=",
    b"From x\n>From y\n.\n",
    b"\xef\xbb\xbfSubject: \xff\xfe\n\n\x80",
];

#[test]
fn odd_messages_come_back() {
    for bytes in ODD {
        let mail = message(bytes);
        assert_eq!(read(&rfc5322::write(&mail, DOMAIN)), Ok(mail), "{}", bytes.escape_ascii());
    }
}

#[test]
fn a_message_of_the_largest_size_comes_back_and_a_larger_one_is_no_mail() {
    let whole = message(&vec![b'\n'; limits::BODY_MAX]);
    let file = rfc5322::write(&whole, DOMAIN);
    assert_eq!(read(&file).as_ref(), Ok(&whole));
    let length = |length: usize| format!("X-Correio-Message-Length: {length}\n");
    let text = String::from_utf8(file).unwrap() + "\n";
    let larger = text.replace(&length(limits::BODY_MAX), &length(limits::BODY_MAX + 1));
    assert!(read(larger.as_bytes()).unwrap_err().contains("too long"));
}

/// A text whose parts look like the fields of a message.
#[test]
fn a_text_that_looks_like_these_fields_stays_a_text() {
    for text in [
        "X-Correio-Message-Length: 3\nabc",
        "X-Correio-Message-Length: 0",
        "\nX-Correio-Message-Length: 3\n\nabc",
        "\r\nX-Correio-Subject: x\r\nX-Correio-Message-Length: 1\r\n",
    ] {
        let line = text.replace(['\r', '\n'], " ");
        let line = line.trim();
        let text = Mail {
            subject: line.parse().unwrap(),
            from_name: line.parse().unwrap(),
            ..mail(text.parse().unwrap())
        };
        assert_eq!(read(&rfc5322::write(&text, DOMAIN)), Ok(text.clone()));
        let large = Content::Large(stated(ContentKind::Text {}, b"x"));
        let large = Mail { content: large, ..text };
        let head = rfc5322::read_head(&mut &rfc5322::write(&large, DOMAIN)[..]).unwrap();
        assert_eq!(head.large().map(|large| large.content.kind), Some(ContentKind::Text {}));
    }
}

#[test]
fn a_file_that_is_not_the_message_s_any_more_is_damaged() {
    let whole = "X-Correio-Message-Length: 7\nA: b\n\nc";
    let file = String::from_utf8(rfc5322::write(&message(b"A: b\n\nc"), DOMAIN)).unwrap();
    assert!(file.ends_with(whole));
    let folded = format!("X-Correio-Message-Length: 7\n{}", "A: b\n".repeat(3));
    for damaged in [
        &*folded,
        "X-Correio-Message-Length: 7\nA: b\n\n",
        "X-Correio-Message-Length: 7\nA: b\n\ncd",
        "X-Correio-Message-Length: 7\r\nA: b\r\n\r\nc",
        "X-Correio-Message-Length: 8\nA: b\n\nc",
        "X-Correio-Message-Length: -7\nA: b\n\nc",
        "X-Correio-Message-Length: 18446744073709551616\nA: b\n\nc",
        "X-Correio-Message-Length: 18446744073709551615\nA: b\n\nc",
        "X-Correio-Message-Length:\nA: b\n\nc",
        "X-Correio-Message-Length: 0\n",
        "X-Correio-Message-Length: 7",
        "A: b\n\nc",
    ] {
        let changed = file.replace(whole, damaged);
        assert!(read(changed.as_bytes()).is_err(), "{damaged:?}");
    }
    for field in ["Id", "Seq", "Sent-At", "From", "From-Name", "To", "Subject"] {
        let without = file.replace(&format!("X-Correio-{field}: "), "X-Other: ");
        assert_ne!(without, file);
        assert!(read(without.as_bytes()).is_err(), "{field}");
    }
}

fn stated(kind: ContentKind, content: &[u8]) -> LargeContent {
    let mut hasher = ContentHasher::new();
    hasher.update(content);
    let size = u64::try_from(content.len()).unwrap().try_into().unwrap();
    LargeContent { kind, size, sha256: hasher.finish() }
}

/// Reads a large content after its head, which states this.
fn read_content(file: &[u8], large: LargeInFile, buffer: usize) -> io::Result<Vec<u8>> {
    let mut content = Vec::new();
    let file = BufReader::with_capacity(buffer, file);
    ContentReader::new(file, large).read_to_end(&mut content).map(|_| content)
}

/// The file of a mail with a large message, which comes in these pieces.
fn large_file(pieces: &[Vec<u8>]) -> (Mail, LargeContent, Vec<u8>) {
    let stated = stated(ContentKind::Message {}, &pieces.concat());
    let mail = mail(Content::Large(stated));
    let mut file = rfc5322::write(&mail, DOMAIN);
    let mut encoder = ContentEncoder::new(stated);
    pieces.iter().for_each(|piece| encoder.encode(piece, &mut file));
    encoder.finish(&mut file);
    (mail, stated, file)
}

#[test]
fn a_large_message_is_in_its_file_as_a_small_one_and_odd_ones_come_back() {
    for bytes in ODD {
        let (mail, stated, file) = large_file(&[bytes.to_vec()]);
        assert!(file.ends_with(&in_file(bytes)));
        assert_eq!(read(&file), Ok(mail));
        let mut rest = &file[..];
        let large = rfc5322::read_head(&mut rest).unwrap().large().unwrap();
        assert_eq!(large.content, stated);
        assert_eq!(read_content(rest, large, 5).unwrap(), bytes);
    }
}

fn any_bytes(most: usize) -> impl Strategy<Value = Vec<u8>> {
    let part = prop_oneof![
        Just(b"\r\n".to_vec()),
        Just(b"\n".to_vec()),
        Just(b"X-Correio-Message-Length: 2\n".to_vec()),
        "[A-Z][a-z-]{0,9}: [ -~]{0,30}".prop_map(String::into_bytes),
        prop::collection::vec(any::<u8>(), 1..40),
    ];
    prop::collection::vec(part, 1..most).prop_map(|parts| parts.concat())
}

proptest! {
    #[test]
    fn any_bytes_come_back_with_every_field(
        bytes in any_bytes(30),
        subject in "(=\\?|\\?=|[ -~]|é|\u{1f600}|\\PC){1,60}",
        to in prop::collection::vec("[a-z0-9][a-z0-9._-]{0,31}", 1..100),
    ) {
        let Ok(subject) = subject.parse() else { return Ok(()) };
        let to: Vec<Username> = to.iter().map(|name| name.parse().unwrap()).collect();
        let mail = Mail { subject, to: Recipients::try_from(to).unwrap(), ..message(&bytes) };
        let file = rfc5322::write(&mail, DOMAIN);
        let in_file = in_file(&bytes);
        prop_assert!(file.ends_with(&in_file));
        prop_assert!(file[..file.len() - in_file.len()].is_ascii());
        prop_assert_eq!(read(&file), Ok(mail));
    }

    #[test]
    fn large_messages_come_back_whatever_the_pieces(
        pieces in prop::collection::vec(any_bytes(5), 1..6),
        buffer in 1..100_usize,
        at in any::<prop::sample::Index>(),
    ) {
        let content = pieces.concat();
        let (mail, stated, file) = large_file(&pieces);
        prop_assert_eq!(read(&file), Ok(mail));
        let mut rest = &file[..];
        let large = rfc5322::read_head(&mut rest).unwrap().large().unwrap();
        prop_assert_eq!(large.content, stated);
        prop_assert_eq!(rest, &in_file(&content));
        prop_assert_eq!(read_content(rest, large, buffer).unwrap(), content);

        // Whatever another program changes is noticed.
        let at = at.index(rest.len());
        let mut changed = rest.to_vec();
        changed[at] ^= 1;
        let mut shorter = rest.to_vec();
        shorter.remove(at);
        let mut longer = rest.to_vec();
        longer.insert(at, b'\n');
        for damaged in [changed, shorter, longer, Vec::new()] {
            let error = read_content(&damaged, large, buffer).unwrap_err();
            prop_assert_eq!(error.kind(), io::ErrorKind::InvalidData);
        }
    }

    #[test]
    fn a_damaged_file_is_a_mail_or_an_error(
        bytes in any_bytes(10),
        at in any::<prop::sample::Index>(),
        byte in any::<u8>(),
    ) {
        let mut file = rfc5322::write(&message(&bytes), DOMAIN);
        let at = at.index(file.len());
        file[at] = byte;
        if let Ok(mail) = read(&file) {
            prop_assert_eq!(read(&rfc5322::write(&mail, DOMAIN)), Ok(mail));
        }
        file.truncate(at);
        prop_assert!(read(&file).is_err());
    }
}

/// A head that states a message is read no further than its limit.
#[test]
fn a_head_without_end_is_damaged() {
    let mut file = b"X: y\n".repeat(20_000);
    file.extend(rfc5322::write(&message(b"x"), DOMAIN));
    assert!(read(&file).unwrap_err().contains("does not end"));
}

#[test]
fn a_message_shares_its_bytes() {
    let message: Message = b"x"[..].try_into().unwrap();
    let clone = message.clone();
    assert!(std::ptr::eq(message.as_bytes(), clone.as_bytes()));
}
