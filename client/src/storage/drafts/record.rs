//! The JSON of a draft's file.

use std::{
    borrow::Cow,
    io::{self, BufReader, Read, Write},
    path::Path,
};

use correio_proto::{limits, mail::MailId};
use serde::{Deserialize, Serialize, Serializer};

use super::{as_text, attachment::DraftAttachment, draft::Draft, origin::DraftOrigin};
use crate::{
    files::durable,
    storage::outgoing::{ContentText, OutgoingMail},
};

/// Largest file that is read, in bytes: the largest content, every byte of it escaped, and the
/// other fields.
const FILE_MAX: u64 = 6 * limits::CONTENT_MAX + (64 << 10);

/// Bytes that are read of a file to find its sequence number, which is written first.
const START_BYTES: u64 = 64;

/// The content of a draft's file.
#[derive(Debug, Deserialize)]
pub(super) struct Record {
    /// Sequence number, which orders drafts by their last writing. Files of older versions have
    /// none.
    #[serde(default)]
    pub(super) sequence: u64,
    #[serde(with = "as_text")]
    pub(super) id: MailId,
    to: String,
    subject: String,
    body: String,
    /// Only drafts with files have these.
    #[serde(default)]
    attachments: Vec<DraftAttachment>,
    #[serde(default)]
    origin: Option<Box<DraftOrigin>>,
}

/// A [`Record`] that is written.
#[derive(Serialize)]
pub(super) struct NewRecord<'a> {
    /// The first field, so that [`sequence`] need not read the body.
    sequence: u64,
    #[serde(with = "as_text")]
    id: MailId,
    to: Cow<'a, str>,
    subject: &'a str,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    attachments: &'a [DraftAttachment],
    #[serde(skip_serializing_if = "Option::is_none")]
    origin: Option<&'a DraftOrigin>,
    body: NewBody<'a>,
}

/// The body of a record that is written.
enum NewBody<'a> {
    Typed(&'a str),
    Content(ContentText<'a>),
}

impl Serialize for NewBody<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Typed(body) => serializer.serialize_str(body),
            Self::Content(content) => serializer.collect_str(content),
        }
    }
}

impl<'a> NewRecord<'a> {
    /// The record of typed text.
    pub(super) fn of(draft: &'a Draft, sequence: u64) -> Self {
        let Draft { id, to, subject, body, attachments, origin } = draft;
        let (id, to, body) = (*id, to.into(), NewBody::Typed(body));
        Self { sequence, id, to, subject, attachments, origin: origin.as_deref(), body }
    }

    /// The record of a mail.
    pub(super) fn of_mail(mail: &'a OutgoingMail, sequence: u64) -> Self {
        let OutgoingMail { id, to, subject, content } = mail;
        let body = NewBody::Content(ContentText::new(content));
        let (id, to, subject) = (*id, to.to_string().into(), subject.as_str());
        Self { sequence, id, to, subject, attachments: &[], origin: None, body }
    }

    /// Writes the record. A content is in memory a piece at a time.
    pub(super) fn write(self, out: &mut impl Write) -> io::Result<()> {
        serde_json::to_writer_pretty(out, &self)?;
        match self.body {
            NewBody::Typed(_) => Ok(()),
            NewBody::Content(content) => content.finish(),
        }
    }
}

impl Record {
    pub(super) fn draft(self) -> Draft {
        let Self { sequence: _, id, to, subject, body, attachments, origin } = self;
        Draft { id, to, subject, body, attachments, origin }
    }

    /// Sort key: the draft written last comes last.
    pub(super) fn order(&self) -> (u64, MailId) {
        (self.sequence, self.id)
    }

    /// Reads a file.
    ///
    /// # Errors
    ///
    /// Why the file is not a draft, in English.
    pub(super) fn read(file: impl Read) -> Result<Self, String> {
        let mut file = BufReader::new(file.take(FILE_MAX + 1));
        let record = serde_json::from_reader(&mut file);
        if file.get_ref().limit() == 0 {
            return Err("larger than any draft".to_owned());
        }
        record.map_err(|error| format!("not a draft of correio: {error}"))
    }
}

/// The sequence number in a file; `None` if it is not a draft.
pub(super) fn sequence(path: &Path) -> Option<u64> {
    let mut start = Vec::new();
    durable::open_file(path).ok()?.take(START_BYTES).read_to_end(&mut start).ok()?;
    let start = String::from_utf8_lossy(&start);
    let number = start.trim_start().strip_prefix('{')?.trim_start().strip_prefix("\"sequence\":");
    let number = number.and_then(|rest| rest.split_once(',')?.0.trim().parse().ok());
    // A user or an older version wrote the fields in another order.
    number.or_else(|| Some(Record::read(durable::open_file(path).ok()?).ok()?.sequence))
}
