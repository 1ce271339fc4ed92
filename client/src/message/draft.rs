//! Makes a message from a text and files, in a file.
//!
//! mail-builder writes the heads and the text. The bodies of attachments are written here, a piece
//! at a time: the library would have them whole in memory.

use std::{
    borrow::Cow,
    fs,
    io::{self, BufWriter, Write},
    path::Path,
};

use correio_proto::{
    limits::CONTENT_MAX,
    mail::{FullName, MailId, Recipients, Subject, Timestamp, Username},
    rfc5322::{header_text, mail_address},
};
use mail_builder::{
    MessageBuilder,
    headers::{address::Address, content_type::ContentType, date::Date},
    mime::{BodyPart, MimePart},
};

use super::{
    attachment_file::{AttachmentFile, encoded_lines},
    make_error::MakeError,
    message_id::MessageId,
    parameter,
};
use crate::{cancel::Cancel, files::durable};

/// Most files that are attached to one message.
pub(crate) const FILES_MAX: usize = 100;

/// Room for the heads of a message and its parts, beside the text and the files, in bytes.
const HEADS_SIZE: u64 = 256 * 1024;

/// A message that is to be sent: its text and the files that are attached.
#[derive(Clone, Debug)]
pub struct MessageDraft {
    /// The mail's id, from which the message's id is made.
    pub id: MailId,
    /// The sender.
    pub from: Username,
    /// The sender's full name.
    pub from_name: FullName,
    /// The domain of the server's mail addresses ([`crate::Mailbox::domain`]).
    pub domain: String,
    /// The recipients.
    pub to: Recipients,
    /// The subject.
    pub subject: Subject,
    /// The time when the message was written.
    pub date: Timestamp,
    /// The message that this one answers.
    pub in_reply_to: Option<MessageId>,
    /// The messages of the thread ([`super::references`]).
    pub references: Vec<MessageId>,
    /// The text, which may be empty. Its line ends become CR LF.
    pub text: String,
    /// The files, at most 100.
    pub attachments: Vec<AttachmentFile>,
}

impl MessageDraft {
    /// Writes the message into a file, which is created or replaced, and makes it durable. The same
    /// draft and files make the same bytes.
    ///
    /// # Errors
    ///
    /// See [`MakeError`]. After an error, the file is gone.
    pub fn write(&self, path: &Path, cancel: &Cancel) -> Result<(), MakeError> {
        self.check()?;
        let written = self.write_file(path, cancel);
        if written.is_err() {
            // Report the first error.
            let _ = fs::remove_file(path);
        }
        written
    }

    fn check(&self) -> Result<(), MakeError> {
        if self.attachments.len() > FILES_MAX {
            return Err(MakeError::TooMany { max: FILES_MAX });
        }
        let files: u64 = self.attachments.iter().map(AttachmentFile::encoded_size).sum();
        let size = HEADS_SIZE + self.text.len() as u64 + files;
        if size > CONTENT_MAX {
            return Err(MakeError::TooLarge { size, max: CONTENT_MAX });
        }
        Ok(())
    }

    fn write_file(&self, path: &Path, cancel: &Cancel) -> Result<(), MakeError> {
        let failed = |source| MakeError::Write { path: path.to_owned(), source };
        let file = durable::create(path).map_err(failed)?;
        let mut output = BufWriter::new(file);
        let boundary = self.boundary();
        let start = self.start(&boundary)?;
        output.write_all(&start).map_err(failed)?;
        for attachment in &self.attachments {
            let charset = attachment.charset(cancel)?;
            let head = attachment_head(attachment, charset, &boundary).map_err(failed)?;
            output.write_all(&head).map_err(failed)?;
            attachment.encode(&mut output, path, cancel)?;
        }
        if !self.attachments.is_empty() {
            write!(output, "--{boundary}--\r\n").map_err(failed)?;
        }
        let file = output.into_inner().map_err(|error| failed(error.into_error()))?;
        durable::sync(&file).map_err(failed).map(drop)
    }

    /// The boundary between the parts: no line of the text is one.
    fn boundary(&self) -> String {
        // Quoted-printable never has `=_`, nor base64.
        let mut boundary = format!("=_{}", self.id);
        while self.text.contains(&boundary) {
            boundary.push('_');
        }
        boundary
    }

    /// The head and the text, up to the first attachment's boundary.
    fn start(&self, boundary: &str) -> Result<Vec<u8>, MakeError> {
        let address = |username: &Username| mail_address(username, &self.domain);
        let own = MessageId::of_mail(self.id, &self.from, &self.domain)?;
        let mut start = Vec::with_capacity(self.text.len() + 4096);
        let name = folded(&header_phrase(self.from_name.as_str()));
        let subject = folded(&header_text(self.subject.as_str()));
        // mail-builder would fold these fields again, which are folded already.
        let by_hand =
            format!("From: {name}\r\n <{}>\r\nSubject: {subject}\r\n", address(&self.from));
        start.extend_from_slice(by_hand.as_bytes());
        let to = self.to.iter().map(|to| Address::new_address(None::<&str>, address(to)));
        let seconds = i64::try_from(self.date.0 / 1000).unwrap_or_default();
        let mut builder = MessageBuilder::new()
            .to(Address::new_list(to.collect()))
            .date(Date::new(seconds))
            .message_id(own.as_str());
        if let Some(parent) = &self.in_reply_to {
            builder = builder.in_reply_to(parent.as_str());
        }
        if !self.references.is_empty() {
            let references: Vec<&str> = self.references.iter().map(MessageId::as_str).collect();
            builder = builder.references(references);
        }
        let text = text_part(&self.text);
        let body = if self.attachments.is_empty() {
            text
        } else {
            let mixed = ContentType::new("multipart/mixed").attribute("boundary", boundary);
            MimePart::new(mixed, vec![text])
        };
        // Writing to memory does not fail.
        let _ = builder.body(body).write_to(&mut start);
        let end = format!("\r\n--{boundary}--\r\n");
        if start.ends_with(end.as_bytes()) {
            start.truncate(start.len() - end.len());
            start.extend_from_slice(b"\r\n");
        }
        Ok(start)
    }
}

/// A full name as the phrase before an address.
fn header_phrase(name: &str) -> String {
    let encoded = header_text(name);
    if encoded != name {
        return encoded;
    }
    format!("\"{}\"", name.replace('\\', "\\\\").replace('"', "\\\""))
}

/// A field's value with the line ends of a message.
fn folded(value: &str) -> String {
    value.replace('\n', "\r\n")
}

/// The part of the text. Control characters are not for a line of a message, and so are in base64.
fn text_part(text: &str) -> MimePart<'static> {
    let mut lines = text.lines().collect::<Vec<_>>().join("\r\n");
    lines.push_str("\r\n");
    let is_control = |c: char| c.is_control() && !matches!(c, '\r' | '\n' | '\t');
    let content_type = ContentType::new("text/plain").attribute("charset", "utf-8");
    if lines.contains(is_control) || lines.replace("\r\n", "").contains('\r') {
        let encoded = String::from_utf8(encoded_lines(lines.as_bytes())).unwrap_or_default();
        let body = BodyPart::Text(Cow::Owned(encoded));
        return MimePart::new(content_type, body).transfer_encoding("base64");
    }
    MimePart::new(content_type, BodyPart::Text(Cow::Owned(lines)))
}

/// The boundary and the head before an attachment.
fn attachment_head(
    attachment: &AttachmentFile,
    charset: Option<&'static str>,
    boundary: &str,
) -> io::Result<Vec<u8>> {
    let disposition = parameter::disposition(attachment.name());
    let start = format!("--{boundary}\r\nContent-Disposition: {disposition}\r\n");
    let mut head = start.into_bytes();
    let mut content_type = ContentType::new(attachment.media_type());
    if let Some(charset) = charset {
        content_type = content_type.attribute("charset", charset);
    }
    let part = MimePart::new(content_type, BodyPart::Binary(Cow::Borrowed(&[])));
    part.transfer_encoding("base64").write_part(&mut head)?;
    Ok(head)
}
