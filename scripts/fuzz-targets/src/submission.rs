//! Target `submission`: lengths of pieces, and a stream of SMTP, read as commands and as a mail.
//!
//! Commands are read or refused. A mail ends at the same byte and has the same fault whatever the
//! pieces; one without a fault comes back from its stuffed form. Its head ends at the same byte,
//! and the stored head names no hidden recipient.

use correio_proto::{
    mail::Timestamp,
    rfc5322::{HeadEnd, MESSAGE_HEAD_MAX, find_head_end},
};
use correio_server::gateway::{
    domain::MailDomain,
    submission::{
        command,
        data::{DataFault, DataReader, Progress},
        head::{ADDED_MAX, Head, HeadFault},
    },
};

use crate::{input::Input, pieces::Pieces};

/// Largest mail that is read, in bytes: less than a stream may have.
const MAIL_MAX: u64 = 3000;

/// A mail, and the bytes of the stream that are its own.
#[derive(Debug, PartialEq, Eq)]
struct Mail {
    message: Result<Vec<u8>, DataFault>,
    consumed: usize,
}

pub(crate) fn run(data: &[u8]) {
    let mut input = Input(data);
    let lengths: Vec<usize> = input.take(4).iter().map(|byte| usize::from(*byte)).collect();
    let stream = input.rest();
    for line in stream.split(|byte| *byte == b'\n') {
        let _ = command::parse(line.strip_suffix(b"\r").unwrap_or(line));
    }
    let whole = read(&mut Pieces::new([]), stream);
    assert_eq!(read(&mut Pieces::new(lengths.iter().copied()), stream), whole, "in {lengths:?}");
    assert_eq!(read(&mut Pieces::new([1]), stream), whole, "byte by byte");
    let Some(Mail { message: Ok(message), consumed }) = whole else { return };
    assert!(stream[..consumed].ends_with(b".\r\n"));
    let stuffed = stuffed(&message);
    let again = Mail { consumed: stuffed.len(), message: Ok(message.clone()) };
    assert_eq!(read(&mut Pieces::new([7]), &stuffed), Some(again));
    check_head(&message);
}

/// Reads the mail at the start of the stream; `None` if it does not end.
fn read(pieces: &mut Pieces, stream: &[u8]) -> Option<Mail> {
    let (mut reader, mut message, mut rest) = (DataReader::new(MAIL_MAX), Vec::new(), stream);
    while !rest.is_empty() {
        let (piece, after) = rest.split_at(pieces.length(rest.len()));
        let before = stream.len() - rest.len();
        let progress = reader.read(piece, &mut message);
        assert!(message.len() as u64 <= MAIL_MAX);
        if let Progress::Ended { consumed } = progress {
            let message = reader.fault().map_or(Ok(message), Err);
            return Some(Mail { message, consumed: before + consumed });
        }
        rest = after;
    }
    None
}

/// The form in which a client sends a message.
fn stuffed(message: &[u8]) -> Vec<u8> {
    let lines = message.split_inclusive(|byte| *byte == b'\n');
    let dotted = lines.flat_map(|line| {
        let dot: &[u8] = if line.starts_with(b".") { b"." } else { b"" };
        [dot, line]
    });
    dotted.chain([&b".\r\n"[..]]).flatten().copied().collect()
}

fn check_head(message: &[u8]) {
    let whole = find_head_end(message, &mut 0);
    let mut scanned = 0;
    let found = (0..=message.len()).find_map(|end| find_head_end(&message[..end], &mut scanned));
    assert_eq!(found, whole);
    let nothing = HeadEnd { fields: message.len(), body: message.len() };
    let HeadEnd { fields, body } = whole.unwrap_or(nothing);
    assert!(fields <= body && body <= message.len() && body - fields <= 2);
    let domain: MailDomain = "mail.example".parse().unwrap();
    let sender = "tony".parse().unwrap();
    let head = match Head::parse(&message[..fields], &sender, &domain) {
        Ok(head) => head,
        Err(HeadFault::TooLong) => panic!("any subject can be cut"),
        Err(HeadFault::Author | HeadFault::OtherAuthor) => return,
    };
    let mut stored = Vec::new();
    head.write(Timestamp(1_795_773_600_000), "id@mail.example", &mut stored);
    assert!(stored.len() <= fields + ADDED_MAX && fields <= MESSAGE_HEAD_MAX);
    assert!(stored.ends_with(b"\r\n\r\n") || stored == b"\r\n");
    // The stored head reads as the first, and is not changed again.
    let end = HeadEnd { fields: stored.len() - 2, body: stored.len() };
    assert_eq!(find_head_end(&stored, &mut 0), Some(end));
    let again = Head::parse(&stored[..end.fields], &sender, &domain).unwrap();
    assert_eq!((&again.named, &again.subject), (&head.named, &head.subject));
    let mut twice = Vec::new();
    again.write(Timestamp(0), "other", &mut twice);
    assert_eq!(twice, stored);
    let is_hidden = |line: &[u8]| {
        let name = line.split(|byte| *byte == b':').next().unwrap_or_default();
        let letters = name.iter().copied().filter(u8::is_ascii_graphic).collect::<Vec<u8>>();
        let is_field = line.contains(&b':') && !name.starts_with(b" ") && !name.starts_with(b"\t");
        is_field
            && [&b"bcc"[..], b"resent-bcc", b"sender", b"resent-from", b"resent-sender"]
                .iter()
                .any(|hidden| letters.eq_ignore_ascii_case(hidden))
    };
    assert!(!stored.split(|byte| *byte == b'\n').any(is_hidden));
}
