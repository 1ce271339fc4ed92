//! Target `maildir`: a line with a file's name, then the file's content.

use std::{
    fs,
    io::Read,
    path::{Path, PathBuf},
    sync::OnceLock,
};

use correio_client::{Cancel, Condition, MailStatus, MailText, Mailbox, MailboxError, Words};
use correio_proto::{
    mail::{Content, ContentKind, Mail, Username},
    rfc5322::{self, ContentEncoder, ContentReader},
};
use tempfile::TempDir;

use crate::message;

/// The name, if the input gives none.
const NAME: &str = "1751366000.123_7_01890a5dac96774bbcceb302099a8057.steve";

/// Longest file name of common file systems, in bytes.
const NAME_MAX: usize = 255;

pub(crate) fn run(data: &[u8]) {
    let end = data.iter().position(|byte| *byte == b'\n').unwrap_or(data.len());
    let (name, content) = (&data[..end], data.get(end + 1..).unwrap_or_default());
    let name = match std::str::from_utf8(name) {
        Ok("") => NAME,
        Ok(name) if name.contains(['/', '\0']) || name.len() > NAME_MAX => return,
        Ok("." | "..") | Err(_) => return,
        Ok(name) => name,
    };
    let (directory, mailbox) = mailbox();
    let path = directory.join("cur").join(name);
    fs::write(&path, content).unwrap();
    let found = read(mailbox, name);
    fs::remove_file(&path).unwrap();
    if let Some((mail, text)) = found {
        message::mail(&mail);
        let stated = stated_length(content, mail.content.kind());
        assert!(stated.is_none_or(|length| length == mail.content.size()));
        match &mail.content {
            Content::Body(body) => {
                assert_eq!(text.map(|text| text.text).as_deref(), Some(body.as_str()));
                kept(mailbox, directory, &mail);
            }
            Content::Message(message) => {
                let source = String::from_utf8_lossy(message.as_bytes());
                assert_eq!(text.map(|text| text.text).as_deref(), Some(&*source));
                kept(mailbox, directory, &mail);
            }
            Content::Large(large) => {
                if let Some(text) = text.filter(|text| !text.is_replaced) {
                    assert_eq!(text.text.len() as u64, large.size.get());
                    kept_in_pieces(&mail, text.text.as_bytes());
                }
            }
        }
    }
}

/// The length of the content that a line in the file's head states.
fn stated_length(content: &[u8], kind: ContentKind) -> Option<u64> {
    let text = String::from_utf8_lossy(content);
    let mut head = text.lines().take_while(|line| !line.is_empty());
    let name = match kind {
        ContentKind::Text {} => "x-correio-body-length:",
        ContentKind::Message {} => "x-correio-message-length:",
    };
    let line = head.find(|line| line.to_ascii_lowercase().starts_with(name))?;
    line[name.len()..].trim().parse().ok()
}

/// Whether a name is one that a mailbox gives:
/// `<seconds>.<milliseconds>_<number>_<id>_<arrival>.<sender>`, or an older one without an arrival,
/// aside from flags and what other programs append.
fn is_ours(name: &str) -> bool {
    let base = name.split([',', ':', ';', '!']).next().unwrap_or(name);
    let mut parts = base.splitn(3, ['.', '_']);
    let seconds = parts.next().is_some_and(is_number);
    let millis = parts.next().is_some_and(|it| it.len() == 3 && it.parse::<u16>().is_ok());
    let mut rest = parts.next().unwrap_or_default().splitn(2, '_');
    let number = rest.next().is_some_and(is_number);
    let (id, sender) = rest.next().and_then(|it| it.split_once('.')).unwrap_or_default();
    let (id, arrival) = id.split_once('_').unwrap_or((id, "1"));
    let arrival = is_number(arrival) && arrival != "0";
    let is_hex = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
    let id = id.len() == 32 && id.bytes().all(is_hex);
    let sender = sender.parse::<Username>().is_ok_and(|it| it.as_str() == sender);
    seconds && millis && number && id && arrival && sender
}

fn is_number(text: &str) -> bool {
    text.parse::<u64>().is_ok_and(|number| number.to_string() == text)
}

/// One mailbox for all runs, empty between them; it is removed with the process.
fn mailbox() -> (&'static Path, &'static Mailbox) {
    static PLACE: OnceLock<(TempDir, PathBuf, Mailbox)> = OnceLock::new();
    let (_, directory, mailbox) = PLACE.get_or_init(|| {
        let data = TempDir::new().unwrap();
        let address = "correio.example".parse().unwrap();
        let mailbox = Mailbox::open(data.path(), &address, &"tony".parse().unwrap());
        let directory = mailbox.directory().to_owned();
        for part in ["tmp", "new", "cur"] {
            fs::create_dir_all(directory.join(part)).unwrap();
        }
        (data, directory, mailbox)
    });
    (directory, mailbox)
}

/// Reads the mailbox's only file: it is listed or skipped, and the list shows the head of the mail.
/// The text of a large content is `None` if it is damaged.
fn read(mailbox: &Mailbox, name: &str) -> Option<(Mail, Option<MailText>)> {
    let list = mailbox.list(1, usize::MAX).unwrap();
    if name.starts_with('.') {
        assert_eq!((list.total, list.mails.len(), list.skipped.len()), (0, 0, 0));
        return None;
    }
    assert_eq!(list.mails.len() + list.skipped.len(), 1);
    assert!(list.total == 0 || is_ours(name), "{name}");
    searched(mailbox);
    let read = mailbox.read_number(1);
    let Some(stored) = list.mails.first() else {
        let skipped = &list.skipped[0];
        assert!(skipped.path.ends_with(name) && !skipped.reason.is_empty());
        // A skipped file has a number if its name is one that the mailbox gives.
        match read {
            Err(MailboxError::Damaged(again)) => assert_eq!((&again, list.total), (skipped, 1)),
            Err(MailboxError::NoSuchMail(_, 1)) => assert_eq!(list.total, 0),
            other => panic!("{other:?}"),
        }
        return None;
    };
    assert_eq!((stored.number, list.total), (1, 1));
    assert_ne!(stored.status, MailStatus::New);
    match read {
        Ok((again, mail)) => {
            assert_eq!(&again, stored);
            assert_eq!((mail.id, mail.seq, mail.sent_at), (stored.id, stored.seq, stored.sent_at));
            assert_eq!((&mail.from, &mail.from_name), (&stored.from, &stored.from_name));
            assert_eq!(mail.subject, stored.subject);
            assert_eq!(mailbox.read(stored).unwrap(), mail);
            let text = match (mailbox.text(stored), &mail.content) {
                (Ok(text), _) => Some(text),
                (Err(MailboxError::Damaged(_)), Content::Large(_)) => None,
                (Err(other), _) => panic!("{other:?}"),
            };
            Some((mail, text))
        }
        Err(MailboxError::Damaged(_)) => None,
        Err(other) => panic!("{other:?}"),
    }
}

/// Searches the mail: words of its subject find it, whatever its content is.
fn searched(mailbox: &Mailbox) {
    let select = |condition| mailbox.select(&[condition], &Cancel::new()).unwrap();
    let list = mailbox.list(1, usize::MAX).unwrap();
    let subject = list.mails.first().map(|mail| mail.subject.as_str().parse::<Words>());
    if let Some(Ok(words)) = subject {
        assert_eq!(select(Condition::Words(words)).entries.len(), 1);
    }
    // No subject has this word, so that the content is read.
    let unlikely = "procurado-em-todo-o-texto".parse().unwrap();
    let selected = select(Condition::Words(unlikely));
    assert!(selected.entries.len() + selected.skipped.len() <= 1);
    assert!(select(Condition::HasAttachments).entries.len() <= 1);
}

/// Saves a mail as the mailbox does, and reads the same mail back.
fn kept(mailbox: &Mailbox, directory: &Path, mail: &Mail) {
    let (name, content) = mailbox.file_of(mail);
    let is_text = mail.content.kind() == ContentKind::Text {};
    assert!(content.is_ascii() || !is_text, "every program reads it");
    let path = directory.join("new").join(&name);
    fs::write(&path, content).unwrap();
    let unseen = mailbox.unseen().unwrap();
    let read = mailbox.read_number(1);
    fs::remove_file(&path).unwrap();
    assert_eq!(unseen.len(), 1);
    let (stored, again) = read.unwrap();
    assert_eq!((&stored, stored.status), (&unseen[0], MailStatus::New));
    assert_eq!(&again, mail);
}

/// Writes a content as the mailbox does, in pieces of any length, and reads the same content back.
fn kept_in_pieces(mail: &Mail, content: &[u8]) {
    let Content::Large(stated) = mail.content else { return };
    let mut file = rfc5322::write(mail, "correio.example");
    let mut encoder = ContentEncoder::new(stated);
    let length = 1 + content.first().map_or(0, |byte| usize::from(*byte));
    content.chunks(length).for_each(|piece| encoder.encode(piece, &mut file));
    encoder.finish(&mut file);
    let is_text = stated.kind == ContentKind::Text {};
    assert!(file.is_ascii() || !is_text, "every program reads it");
    let mut file = &file[..];
    let large = rfc5322::read_head(&mut file).unwrap().large().unwrap();
    assert_eq!(large.content, stated);
    let mut again = Vec::new();
    ContentReader::new(file, large).read_to_end(&mut again).unwrap();
    assert_eq!(again, content);
}
