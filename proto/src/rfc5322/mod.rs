//! Converts a mail to a file (RFC 5322) that any mail program opens, and back without loss.
//!
//! Values without an exact standard field stand in fields of correio's own, `X-Correio-…`. No
//! library is used, because every byte matters: libraries for the format normalise line ends and
//! fold texts.
//!
//! The file of a mail whose content is a message begins with correio's own fields, the last of
//! which states the message's length. The message follows: its own head continues these fields, so
//! that mail programs show it. The message's bytes are in the file as they are, unless its lines
//! end with CR LF: then LF stands for CR LF in the file, and a field states that. Unless the
//! message is known to name the mail's sender as its author, the first field is a `From` with the
//! sender, which mail programs take before the message's own.

use std::{
    fmt::Display,
    io::{self, BufRead, Read},
    str::FromStr,
};

use crate::{
    limits,
    mail::{
        Body, Content, ContentKind, FullName, Invalid, LargeContent, Mail, MailId, Message,
        Recipients, Seq, Subject, Timestamp, Username,
    },
};

mod address_list;
mod author;
mod encoding;
mod fields;
mod file_name;
mod large;
mod line_ends;
mod message_fields;

pub use file_name::{FLAG_SEPARATORS, FileName};
pub use large::{ContentEncoder, ContentReader, LargeInFile};

pub use address_list::{AddressList, Form, Mailbox};
pub use author::{AuthorDomain, is_author};
pub use encoding::header_text;
use encoding::{BodyEncoding, parse_header_text};
pub use fields::{Field, Gap, HeadEnd, HeadLine, MESSAGE_HEAD_MAX, fields, find_head_end};
use line_ends::{LineEndCopier, LineEnds};
use message_fields::{MESSAGE_LENGTH, MESSAGE_LINES, write_message_fields};

/// Largest head of a file, in bytes: twice the size of a hundred recipients at the longest host
/// name.
const HEAD_MAX: u64 = 64 * 1024;

/// Largest file, in bytes: the largest body in base64 or quoted-printable, and a head.
const FILE_MAX: u64 = 2 * limits::BODY_MAX as u64 + HEAD_MAX;

/// Recipients in one line of the field `X-Correio-To`.
const RECIPIENTS_A_LINE: usize = 8;

/// All fields of a mail but its body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Head {
    /// The mail's id.
    pub id: MailId,
    /// The mail's number on its server.
    pub seq: Seq,
    /// The sender.
    pub from: Username,
    /// The sender's full name when the mail was sent.
    pub from_name: FullName,
    /// The recipients.
    pub to: Recipients,
    /// The time when the server took the mail.
    pub sent_at: Timestamp,
    /// The subject.
    pub subject: Subject,
    content: StatedContent,
}

/// What a head states of the mail's content.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum StatedContent {
    Body {
        encoding: BodyEncoding,
        length: usize,
    },
    /// A message of this many bytes, whose line ends may differ in the file.
    Message {
        length: usize,
        line_ends: LineEnds,
    },
    Large(LargeInFile),
}

impl Head {
    /// The size and the digest of a large content, which [`ContentReader`] reads. `None` if the
    /// content is not large.
    #[must_use]
    pub fn large(&self) -> Option<LargeInFile> {
        match self.content {
            StatedContent::Body { .. } | StatedContent::Message { .. } => None,
            StatedContent::Large(large) => Some(large),
        }
    }

    /// The mail with this content.
    fn mail(self, content: Content) -> Mail {
        let Self { id, seq, from, from_name, to, sent_at, subject, content: _ } = self;
        Mail { seq, id, from, from_name, to, sent_at, subject, content }
    }
}

/// Why a file could not be read as a mail.
#[derive(Debug)]
pub enum Unreadable {
    /// An operation of the file system failed.
    Io(io::Error),
    /// The file is not a mail, for this reason.
    Damaged(String),
}

impl From<io::Error> for Unreadable {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

/// The file of a mail, with this domain in its addresses. Of a mail with a large content, only the
/// start of the file: [`ContentEncoder`] encodes the rest.
#[must_use]
pub fn write(mail: &Mail, domain: &str) -> Vec<u8> {
    match mail.content.kind() {
        ContentKind::Text {} => write_text(mail, domain),
        ContentKind::Message {} => write_message(mail, domain),
    }
}

/// The file of a mail whose content is a message: correio's own fields, and then the message.
fn write_message(mail: &Mail, domain: &str) -> Vec<u8> {
    let mut head = String::with_capacity(1024);
    let mut field = |name: &str, value: &dyn Display| {
        head.push_str(&format!("{name}: {value}\n"));
    };
    let names_sender = match &mail.content {
        Content::Message(message) => {
            is_author(message.as_bytes(), &mail.from, &mail.from_name, AuthorDomain::Any)
        }
        // The message is not at hand.
        Content::Large(_) | Content::Body(_) => false,
    };
    if !names_sender {
        field("From", &author(&mail.from, &mail.from_name, domain));
    }
    field("X-Correio-Id", &mail.id);
    field("X-Correio-Seq", &mail.seq.0);
    field("X-Correio-Sent-At", &mail.sent_at.0);
    field("X-Correio-From", &mail.from);
    field("X-Correio-From-Name", &header_text(mail.from_name.as_str()));
    field("X-Correio-To", &lines(&mail.to, RECIPIENTS_A_LINE, Username::to_string));
    field(SUBJECT, &header_text(mail.subject.as_str()));
    if let Content::Large(large) = &mail.content {
        field(SHA256, &large.sha256);
    }
    let mut file = head.into_bytes();
    if let Content::Message(message) = &mail.content {
        let line_ends = LineEnds::of(message.as_bytes());
        write_message_fields(line_ends, mail.content.size(), &mut file);
        let mut copier = LineEndCopier::new(line_ends);
        copier.copy(message.as_bytes(), &mut file);
        copier.finish(&mut file);
    }
    file
}

/// The file of a mail whose content is a text.
fn write_text(mail: &Mail, domain: &str) -> Vec<u8> {
    let encoding = match &mail.content {
        Content::Body(body) => BodyEncoding::best(body.as_str()),
        Content::Message(_) | Content::Large(_) => BodyEncoding::Base64,
    };
    let mut head = String::with_capacity(1024);
    let mut field = |name: &str, value: &dyn Display| {
        head.push_str(&format!("{name}: {value}\n"));
    };
    field("From", &author(&mail.from, &mail.from_name, domain));
    field("To", &lines(&mail.to, 1, |username| mail_address(username, domain)));
    field("Subject", &header_text(mail.subject.as_str()));
    if let Some(date) = date(mail.sent_at) {
        field("Date", &date);
    }
    field("Message-ID", &format!("<{}>", message_id(mail.id, &mail.from, domain)));
    field("MIME-Version", &"1.0");
    field("Content-Type", &"text/plain; charset=utf-8");
    field("Content-Transfer-Encoding", &encoding.name());
    field("X-Correio-Id", &mail.id);
    field("X-Correio-Seq", &mail.seq.0);
    field("X-Correio-Sent-At", &mail.sent_at.0);
    field("X-Correio-From", &mail.from);
    field("X-Correio-From-Name", &header_text(mail.from_name.as_str()));
    field("X-Correio-To", &lines(&mail.to, RECIPIENTS_A_LINE, Username::to_string));
    field("X-Correio-Body-Length", &mail.content.size());
    if let Content::Large(large) = &mail.content {
        field(SHA256, &large.sha256);
    }
    head.push('\n');

    let mut file = head.into_bytes();
    if let Content::Body(body) = &mail.content {
        file.reserve(body.as_str().len() * 3 / 2);
        encoding.encode(body.as_str(), &mut file);
    }
    file
}

/// The value of a field `From` with this account. Its lines end with LF, and a further line begins
/// with a space.
#[must_use]
pub fn author(username: &Username, full_name: &FullName, domain: &str) -> String {
    let name = header_text(full_name.as_str());
    let address = mail_address(username, domain);
    if name == full_name.as_str() {
        let quoted = name.replace('\\', "\\\\").replace('"', "\\\"");
        format!("\"{quoted}\" <{address}>")
    } else {
        format!("{name}\n <{address}>")
    }
}

/// The Message-ID of a mail, without angle brackets: its id, and the sender's mail address.
#[must_use]
pub fn message_id(id: MailId, sender: &Username, domain: &str) -> String {
    format!("{id}.{}", mail_address(sender, domain)).replace(['"', '\n'], "")
}

/// A username as a mail address. A username that ends with a dot, or has two dots in a row, is
/// quoted.
#[must_use]
pub fn mail_address(username: &Username, domain: &str) -> String {
    let name = username.as_str();
    if name.ends_with('.') || name.contains("..") {
        format!("\"{name}\"@{domain}")
    } else {
        format!("{name}@{domain}")
    }
}

fn lines(to: &Recipients, a_line: usize, show: impl Fn(&Username) -> String) -> String {
    let shown: Vec<String> = to.iter().map(show).collect();
    let lines: Vec<String> = shown.chunks(a_line).map(|line| line.join(", ")).collect();
    lines.join(",\n ")
}

/// A time in the format of a head; `None` if it is outside of the calendar.
#[must_use]
pub fn date(moment: Timestamp) -> Option<String> {
    let millis = i64::try_from(moment.0).ok()?;
    let timestamp = jiff::Timestamp::from_millisecond(millis).ok()?;
    let printer = jiff::fmt::rfc2822::DateTimePrinter::new();
    printer.timestamp_to_string(&timestamp).ok()
}

/// Reads the head of a file, and the empty line after it. Of a mail whose content is a message,
/// reads only the fields before the message.
///
/// # Errors
///
/// See [`Unreadable`].
pub fn read_head(file: &mut impl BufRead) -> Result<Head, Unreadable> {
    let mut head = Fields::default();
    let mut source = file.take(HEAD_MAX);
    let mut line = Vec::new();
    loop {
        line.clear();
        if source.read_until(b'\n', &mut line)? == 0 {
            return Err(damaged("its head does not end"));
        }
        let text = std::str::from_utf8(&line).map_err(|_| damaged("its head is no text"))?;
        match text.trim_end_matches(['\r', '\n']) {
            "" => break,
            text => head.line(text),
        }
        if head.has(MESSAGE_LENGTH) {
            break;
        }
    }
    head.parse()
}

/// Reads a whole file. Of a mail with a large content, reads only the head: [`ContentReader`] reads
/// the rest.
///
/// # Errors
///
/// See [`Unreadable`].
pub fn read(file: &mut impl BufRead) -> Result<Mail, Unreadable> {
    let head = read_head(file)?;
    let (encoding, length) = match head.content {
        StatedContent::Large(large) => return Ok(head.mail(Content::Large(large.content))),
        StatedContent::Message { length, line_ends } => {
            let message = read_message(file, length, line_ends)?;
            return Ok(head.mail(message.into()));
        }
        StatedContent::Body { encoding, length } => (encoding, length),
    };
    let mut encoded = Vec::new();
    let read = file.take(FILE_MAX + 1).read_to_end(&mut encoded)?;
    if u64::try_from(read).unwrap_or(u64::MAX) > FILE_MAX {
        return Err(damaged("it is larger than any mail"));
    }
    let bytes = encoding.decode(&encoded);
    let body = bytes.and_then(|bytes| String::from_utf8(bytes).ok());
    let body = body.ok_or_else(|| damaged("its body cannot be decoded"))?;
    if body.len() != length {
        return Err(damaged("its body has another length than it had"));
    }
    let body = Body::try_from(body).map_err(|error| damaged(&error.to_string()))?;
    Ok(head.mail(body.into()))
}

/// Reads a message of this length, which is the rest of the file.
fn read_message(
    file: &mut impl BufRead,
    length: usize,
    line_ends: LineEnds,
) -> Result<Message, Unreadable> {
    let most = u64::try_from(limits::BODY_MAX).unwrap_or(u64::MAX) + 1;
    let mut bytes = Vec::new();
    file.take(most).read_to_end(&mut bytes)?;
    if line_ends == LineEnds::Exchanged {
        let encoded = std::mem::take(&mut bytes);
        let mut copier = LineEndCopier::new(line_ends);
        copier.copy(&encoded, &mut bytes);
        copier.finish(&mut bytes);
    }
    if bytes.len() != length {
        return Err(damaged("its message has another length than it had"));
    }
    bytes.as_slice().try_into().map_err(|error: Invalid| damaged(&error.to_string()))
}

/// The known fields of a head, unfolded. Of a repeated field, the first counts.
#[derive(Default)]
struct Fields {
    values: [Option<String>; NAMES.len()],
    /// The field that a folded line continues.
    last: Option<usize>,
}

const NAMES: [&str; 13] = [
    "Subject",
    "Content-Transfer-Encoding",
    "X-Correio-Id",
    "X-Correio-Seq",
    "X-Correio-Sent-At",
    "X-Correio-From",
    "X-Correio-From-Name",
    "X-Correio-To",
    "X-Correio-Body-Length",
    SHA256,
    SUBJECT,
    MESSAGE_LINES,
    MESSAGE_LENGTH,
];

/// The subject of a mail whose content is a message. The message may state another subject.
const SUBJECT: &str = "X-Correio-Subject";

/// The field that only mails with a large content have.
const SHA256: &str = "X-Correio-Sha256";

impl Fields {
    /// Takes a line without its end. Lines that are no field are another program's.
    fn line(&mut self, line: &str) {
        match HeadLine::of(line.as_bytes()) {
            HeadLine::Folded => {
                let folded = self.last.and_then(|index| self.values.get_mut(index));
                if let Some(Some(value)) = folded {
                    value.push_str(line);
                }
            }
            HeadLine::Field { name, gap: Gap::Empty } => {
                // The name ends at the colon.
                self.last = self.begin(name, line.get(name.len() + 1..).unwrap_or_default());
            }
            HeadLine::Field { gap: Gap::Blank, .. } | HeadLine::Empty | HeadLine::Other => {
                self.last = None;
            }
        }
    }

    /// Takes the beginning of a field. Returns its place, if it is known and the first of its name.
    fn begin(&mut self, name: &str, value: &str) -> Option<usize> {
        let index = NAMES.iter().position(|known| known.eq_ignore_ascii_case(name))?;
        let slot = self.values.get_mut(index).filter(|slot| slot.is_none())?;
        *slot = Some(value.to_owned());
        Some(index)
    }

    fn parse(&self) -> Result<Head, Unreadable> {
        Ok(Head {
            id: self.parsed("X-Correio-Id")?,
            seq: Seq(self.parsed("X-Correio-Seq")?),
            from: self.parsed("X-Correio-From")?,
            from_name: self.text("X-Correio-From-Name")?,
            to: self.parsed("X-Correio-To")?,
            sent_at: Timestamp(self.parsed("X-Correio-Sent-At")?),
            subject: self.text(if self.has(MESSAGE_LENGTH) { SUBJECT } else { "Subject" })?,
            content: self.content()?,
        })
    }

    fn content(&self) -> Result<StatedContent, Unreadable> {
        if self.has(MESSAGE_LENGTH) {
            let (kind, line_ends) = (ContentKind::Message {}, self.line_ends()?);
            return match self.has(SHA256) {
                true => {
                    let content = self.large(kind, MESSAGE_LENGTH)?;
                    Ok(StatedContent::Large(LargeInFile { content, line_ends }))
                }
                false => {
                    let length = self.parsed(MESSAGE_LENGTH)?;
                    Ok(StatedContent::Message { length, line_ends })
                }
            };
        }
        let encoding = BodyEncoding::named(self.value("Content-Transfer-Encoding")?)
            .ok_or_else(|| damaged("its encoding is not known"))?;
        let length = "X-Correio-Body-Length";
        if !self.has(SHA256) {
            return Ok(StatedContent::Body { encoding, length: self.parsed(length)? });
        }
        if encoding != BodyEncoding::Base64 {
            return Err(damaged("its encoding is not that of a large content"));
        }
        let content = self.large(ContentKind::Text {}, length)?;
        Ok(StatedContent::Large(LargeInFile { content, line_ends: LineEnds::Kept }))
    }

    /// The line ends of a message in this file.
    fn line_ends(&self) -> Result<LineEnds, Unreadable> {
        if !self.has(MESSAGE_LINES) {
            return Ok(LineEnds::Kept);
        }
        let parsed = LineEnds::parse(self.value(MESSAGE_LINES)?);
        parsed.ok_or_else(|| damaged("the line ends of its message are not known"))
    }

    /// A large content whose size the field `length` states.
    fn large(&self, kind: ContentKind, length: &str) -> Result<LargeContent, Unreadable> {
        let size = self.parsed::<u64>(length)?.try_into();
        let size = size.map_err(|_| damaged("its content has no size that it can have"))?;
        Ok(LargeContent { kind, size, sha256: self.parsed(SHA256)? })
    }

    fn has(&self, name: &str) -> bool {
        self.value(name).is_ok()
    }

    fn value(&self, name: &str) -> Result<&str, Unreadable> {
        let index = NAMES.iter().position(|known| *known == name);
        let value = index.and_then(|index| self.values.get(index)?.as_deref());
        let value = value.ok_or_else(|| damaged(&format!("it has no {name}")))?;
        Ok(value.trim_matches([' ', '\t']))
    }

    fn parsed<T: FromStr>(&self, name: &str) -> Result<T, Unreadable> {
        let parsed = self.value(name)?.parse();
        parsed.map_err(|_| damaged(&format!("its {name} is not valid")))
    }

    fn text<T: FromStr>(&self, name: &str) -> Result<T, Unreadable> {
        let text = parse_header_text(self.value(name)?);
        let parsed = text.and_then(|text| text.parse().ok());
        parsed.ok_or_else(|| damaged(&format!("its {name} is not valid")))
    }
}

fn damaged(reason: &str) -> Unreadable {
    Unreadable::Damaged(reason.to_owned())
}
