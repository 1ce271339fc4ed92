//! The fields that the server writes: the whole head of a text, and the fields before a message.

use std::fmt::{Display, Write};

use correio_proto::rfc5322;

use crate::store::gateway::{MailOutline, Texture};

/// Longest line of a mail, in bytes without its end (RFC 5322, section 2.1.1).
const LINE_MAX: u64 = 998;

/// The encoding in which a text is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum TextEncoding {
    /// The text as it is, of bytes below 128 alone.
    SevenBit,
    /// The text as it is.
    EightBit,
    /// The text in base64, which can hold any bytes.
    Base64,
}

impl TextEncoding {
    /// The encoding of a text with this texture.
    pub(super) fn of(texture: &Texture) -> Self {
        let is_mail = texture.longest_line <= LINE_MAX && texture.nuls == 0;
        match (is_mail, texture.is_ascii) {
            (true, true) => Self::SevenBit,
            (true, false) => Self::EightBit,
            (false, _) => Self::Base64,
        }
    }

    /// The encoding's name in a head.
    fn name(self) -> &'static str {
        match self {
            Self::SevenBit => "7bit",
            Self::EightBit => "8bit",
            Self::Base64 => "base64",
        }
    }
}

/// A head that grows field by field.
#[derive(Debug, Default)]
pub(super) struct Head(String);

impl Head {
    /// Appends a field. The lines of a folded value end with LF.
    pub(super) fn field(&mut self, name: &str, value: impl Display) {
        self.padded(name, name.len() + 2, value);
    }

    /// Appends a field whose value begins at this column: spaces stand after the colon.
    pub(super) fn padded(&mut self, name: &str, column: usize, value: impl Display) {
        let value = value.to_string().replace('\n', "\r\n");
        let name = format!("{name}:");
        // Writing to a string cannot fail.
        let _ = write!(self.0, "{name:column$}{value}\r\n");
    }

    /// The head without the empty line after it.
    pub(super) fn into_text(self) -> String {
        self.0
    }
}

/// Adds the address of the account that sent the mail, as the return path (RFC 5321, section 4.4).
/// It must be the first field of a head.
pub(super) fn add_return_path(head: &mut Head, outline: &MailOutline, domain: &str) {
    head.field("Return-Path", format_args!("<{}>", rfc5322::mail_address(&outline.from, domain)));
}

/// Adds the time at which the server took the mail. The field has neither the sender's network
/// address nor a recipient.
pub(super) fn add_received(head: &mut Head, outline: &MailOutline, domain: &str) {
    add_received_at(head, outline, domain, rfc5322::date(outline.sent_at).as_deref());
}

fn add_received_at(head: &mut Head, outline: &MailOutline, domain: &str, date: Option<&str>) {
    let id = outline.mail.seq.0;
    let received = format!("by {domain} (correio) id {id:x}");
    match date {
        Some(date) => head.field("Received", format_args!("{received};\n {date}")),
        None => head.field("Received", received),
    }
}

/// The head of a text, with the empty line after it.
pub(super) fn of_text(outline: &MailOutline, domain: &str, encoding: TextEncoding) -> String {
    let mut head = Head::default();
    add_return_path(&mut head, outline, domain);
    let date = rfc5322::date(outline.sent_at);
    add_received_at(&mut head, outline, domain, date.as_deref());
    head.field("From", rfc5322::author(&outline.from, &outline.from_name, domain));
    head.field("To", recipients(outline, domain));
    head.field("Subject", rfc5322::header_text(outline.subject.as_str()));
    if let Some(date) = date {
        head.field("Date", date);
    }
    let id = rfc5322::message_id(outline.mail.id, &outline.from, domain);
    head.field("Message-ID", format_args!("<{id}>"));
    head.field("MIME-Version", "1.0");
    head.field("Content-Type", "text/plain; charset=utf-8");
    head.field("Content-Transfer-Encoding", encoding.name());
    head.into_text() + "\r\n"
}

/// The recipients as the value of `To`, each on a line of its own.
fn recipients(outline: &MailOutline, domain: &str) -> String {
    let addresses: Vec<String> =
        outline.to.iter().map(|username| rfc5322::mail_address(username, domain)).collect();
    match addresses.is_empty() {
        true => "undisclosed-recipients:;".to_owned(),
        false => addresses.join(",\n "),
    }
}
