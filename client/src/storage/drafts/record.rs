//! The JSON of a draft's file.

use std::{
    io::{self, Read},
    path::Path,
};

use correio_proto::{limits, mail::MailId};
use serde::{Deserialize, Serialize};

use super::draft::Draft;
use crate::files::durable;

/// Largest file that is read, in bytes: the largest content, every byte of it escaped, and the
/// other fields.
const FILE_MAX: u64 = 6 * limits::CONTENT_MAX + (64 << 10);

/// Bytes that are read of a file to find its sequence number, which is written first.
const START_BYTES: u64 = 64;

/// The content of a draft's file.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Record {
    /// Sequence number, which orders drafts by their last writing. Files of older versions have
    /// none. It is the first field, so that [`sequence`] need not read the body.
    #[serde(default)]
    pub(super) sequence: u64,
    #[serde(with = "id_text")]
    pub(super) id: MailId,
    to: String,
    subject: String,
    body: String,
}

impl Record {
    pub(super) fn of(draft: &Draft, sequence: u64) -> Self {
        let Draft { id, to, subject, body } = draft.clone();
        Self { sequence, id, to, subject, body }
    }

    pub(super) fn draft(self) -> Draft {
        let Self { sequence: _, id, to, subject, body } = self;
        Draft { id, to, subject, body }
    }

    /// Sort key: the draft written last comes last.
    pub(super) fn order(&self) -> (u64, MailId) {
        (self.sequence, self.id)
    }

    pub(super) fn json(&self) -> io::Result<Vec<u8>> {
        Ok(serde_json::to_vec_pretty(self)?)
    }

    /// Reads a file.
    ///
    /// # Errors
    ///
    /// Why the file is not a draft, in English.
    pub(super) fn read(file: impl Read) -> Result<Self, String> {
        let mut json = Vec::new();
        let length = file.take(FILE_MAX + 1).read_to_end(&mut json);
        if length.map_err(|error| error.to_string())? as u64 > FILE_MAX {
            return Err("larger than any draft".to_owned());
        }
        serde_json::from_slice(&json).map_err(|error| format!("not a draft of correio: {error}"))
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

/// Serializes an id as text, since users may read the file.
mod id_text {
    use correio_proto::mail::MailId;
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    pub(super) fn serialize<S: Serializer>(id: &MailId, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(id)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(input: D) -> Result<MailId, D::Error> {
        String::deserialize(input)?.parse().map_err(D::Error::custom)
    }
}
