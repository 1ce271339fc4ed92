//! The mailbox with mails whose content is an RFC 5322 message.

use std::{fs, io::Read};

use correio_proto::mail::{Content, ContentKind, Mail};
use mail_parser::MessageParser;

use super::{
    large_file::Completed,
    tests::{all, large_mail_of, mail, save, save_large, with_mails},
    *,
};
use crate::cancel::Cancel;

/// A message with a head of its own that names another sender, and bytes that are no text.
const MESSAGE: &[u8] = b"From: Pepper <pepper@other.example>\r\nSubject: =?utf-8?Q?A=C3=A7=C3=A3o?=\r\n\
    Message-ID: <1@other.example>\r\nContent-Type: text/plain; charset=utf-8\r\n\r\nOl\xc3\xa1\r\n\xff\0";

fn message_mail(seq: u64) -> Mail {
    Mail { content: Content::Message(MESSAGE.try_into().unwrap()), ..mail(seq, "Fotos", "x") }
}

fn bytes_of(mailbox: &Mailbox, stored: &Stored) -> Vec<u8> {
    let mut content = mailbox.content(stored).unwrap();
    assert_eq!(content.kind(), ContentKind::Message {});
    let mut bytes = Vec::new();
    content.read_to_end(&mut bytes).unwrap();
    assert_eq!(content.size(), bytes.len() as u64);
    bytes
}

#[test]
fn a_message_is_kept_to_the_byte_and_listed_under_its_sender_s_name() {
    let (_data, mailbox) = with_mails(1);
    assert_eq!(save(&mailbox, &[message_mail(2), mail(3, "Texto", "Corpo\n")]), 2);
    assert_eq!(save(&mailbox, &[message_mail(2)]), 0);
    let listed = all(&mailbox);
    let stored = &listed[1];
    assert_eq!((stored.from.as_str(), stored.subject.as_str()), ("steve", "Fotos"));
    assert_eq!(mailbox.read(stored).unwrap(), message_mail(2));
    assert_eq!(bytes_of(&mailbox, stored), MESSAGE);
    let text = mailbox.text(stored).unwrap();
    assert_eq!((text.kind, text.is_replaced), (ContentKind::Message {}, true));
    assert_eq!(text.text, String::from_utf8_lossy(MESSAGE));
    assert_eq!(mailbox.text(&listed[2]).unwrap().kind, ContentKind::Text {});
    mailbox.mark_read(stored).unwrap();
    assert_eq!(bytes_of(&mailbox, stored), MESSAGE);
}

#[test]
fn a_large_message_is_kept_to_the_byte_and_noticed_if_it_was_changed() {
    let (_data, mailbox) = with_mails(0);
    let (mail, pieces) = large_mail_of(1, ContentKind::Message {}, &MESSAGE.repeat(20));
    let mut saving = mailbox.start_saving(&Cancel::new()).unwrap();
    assert_eq!(save_large(&mut saving, &mail, &pieces).unwrap(), Completed::Saved);
    drop(saving);
    let [stored] = all(&mailbox).try_into().unwrap();
    assert_eq!(mailbox.read(&stored).unwrap(), mail);
    assert_eq!(bytes_of(&mailbox, &stored), MESSAGE.repeat(20));
    let path = mailbox.directory().join("new").join(stored.name.base());
    let whole = fs::read(&path).unwrap();
    assert!(!whole.contains(&b'\r'), "its lines end as those of the file");
    let (mut changed, mut longer) = (whole.clone(), whole.clone());
    changed[whole.len() - 1] ^= 1;
    longer.push(0);
    for damaged in [&changed, &longer, &whole[..whole.len() - 1]] {
        fs::write(&path, damaged).unwrap();
        let error = mailbox.text(&stored).unwrap_err();
        assert!(matches!(error, MailboxError::Damaged(_)), "{error}");
    }
    // A message that its sender stated falsely is not saved.
    let (other, _) = large_mail_of(2, ContentKind::Message {}, &MESSAGE.repeat(21));
    let mut saving = mailbox.start_saving(&Cancel::new()).unwrap();
    assert_eq!(save_large(&mut saving, &other, &pieces).unwrap(), Completed::Damaged);
    assert_eq!(all(&mailbox).len(), 1);
}

#[test]
fn another_library_reads_a_message_s_own_head() {
    let (_, file) = with_mails(0).1.file_of(&message_mail(1));
    let parsed = MessageParser::default().parse(&file).unwrap();
    assert_eq!(parsed.subject(), Some("Ação"));
    assert_eq!(parsed.message_id(), Some("1@other.example"));
    let from = parsed.from().unwrap().first().unwrap();
    assert_eq!(from.address(), Some("pepper@other.example"));
    assert!(parsed.body_text(0).unwrap().starts_with("Olá\n"));
}
