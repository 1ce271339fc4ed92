//! Mails whose content is an RFC 5322 message, from the server to the disk.

use std::{fs, io::Read};

use correio_proto::mail::ContentKind;
use tempfile::TempDir;

use crate::support::plain::{PlainSetup, digest, done, subjects};

/// A message that says that another person has sent it, and bytes that are no text.
const MESSAGE: &[u8] =
    b"From: Pepper <pepper@correio.example>\r\nSubject: Outro\r\n\r\nOi\0\xff\r\n";

#[test]
fn messages_arrive_to_the_byte_between_texts_and_leave_the_server() {
    let (setup, data) = (PlainSetup::new(), TempDir::new().unwrap());
    let large = MESSAGE.repeat(6000);
    setup.send("Um", "primeiro");
    setup.send_message("Dois", MESSAGE);
    setup.upload_of(ContentKind::Message {}, "Tres", &large, digest(&large));
    setup.send_message("Quatro", b"\n");
    setup.send("Cinco", "ultimo");
    let received = done(setup.command(data.path(), &["receive"]));
    assert_eq!(subjects(&received), ["Um", "Dois", "Tres", "Quatro", "Cinco"]);
    assert_eq!(setup.take_the_rest(), 0, "all are confirmed");

    let mailbox = setup.mailbox(data.path());
    let listed = mailbox.list(1, usize::MAX).unwrap();
    assert_eq!((listed.mails.len(), listed.skipped.len()), (5, 0));
    let (text, message) = (ContentKind::Text {}, ContentKind::Message {});
    let expected: [(ContentKind, &[u8]); 5] = [
        (text, b"primeiro"),
        (message, MESSAGE),
        (message, &large),
        (message, b"\n"),
        (text, b"ultimo"),
    ];
    for (stored, (kind, bytes)) in listed.mails.iter().zip(expected) {
        let mut content = mailbox.content(stored).unwrap();
        assert_eq!(content.kind(), kind, "{}", stored.subject);
        let mut read = Vec::new();
        content.read_to_end(&mut read).unwrap();
        assert!(read == bytes, "{}", stored.subject);
        assert_eq!(stored.from.as_str(), "tony", "whatever the message says");
        assert_eq!(mailbox.text(stored).unwrap().kind, kind);
    }
}

#[test]
fn a_large_message_with_another_digest_stays_on_the_server() {
    let (setup, data) = (PlainSetup::new(), TempDir::new().unwrap());
    let large = MESSAGE.repeat(6000);
    setup.upload_of(ContentKind::Message {}, "Fotos", &large, digest(b"other"));
    let mut command = setup.command(data.path(), &["receive"]);
    assert_eq!(command.output().unwrap().status.code(), Some(65));
    for part in ["tmp", "new", "cur"] {
        let files = fs::read_dir(setup.maildir(data.path()).join(part)).unwrap();
        assert_eq!(files.count(), 0, "{part}");
    }
}
