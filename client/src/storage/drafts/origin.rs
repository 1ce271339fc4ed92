//! The mail that a draft answers or forwards.

use correio_proto::mail::{MailId, Username};
use serde::{Deserialize, Serialize};

use super::as_text;
use crate::{
    message::MessageId,
    storage::mailbox::{Flag, Folder},
};

/// What a draft does with the mail that it comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum OriginAction {
    /// It answers the mail.
    Reply,
    /// It forwards the mail.
    Forward,
}

impl OriginAction {
    /// The flag that the mail gets once the draft was sent.
    #[must_use]
    pub fn flag(self) -> Flag {
        match self {
            Self::Reply => Flag::Replied,
            Self::Forward => Flag::Forwarded,
        }
    }
}

/// The mail that a draft answers or forwards, and the thread of an answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DraftOrigin {
    /// What the draft does with the mail.
    pub action: OriginAction,
    /// The folder that has the mail.
    #[serde(with = "folder_text")]
    pub folder: Folder,
    /// The mail's id.
    #[serde(with = "as_text")]
    pub id: MailId,
    /// The mail's sender.
    #[serde(with = "as_text")]
    pub from: Username,
    /// The messages of the thread, that of the mail last ([`crate::references`]). Empty in a draft
    /// that forwards.
    #[serde(default, skip_serializing_if = "Vec::is_empty", with = "ids_text")]
    pub references: Vec<MessageId>,
}

/// Serializes a folder by its name.
mod folder_text {
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    use crate::storage::mailbox::Folder;

    #[derive(Serialize, Deserialize)]
    #[serde(rename_all = "lowercase")]
    enum Name {
        Received,
        Sent,
    }

    pub(super) fn serialize<S: Serializer>(folder: &Folder, out: S) -> Result<S::Ok, S::Error> {
        match folder {
            Folder::Received => Name::Received,
            Folder::Sent => Name::Sent,
        }
        .serialize(out)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(input: D) -> Result<Folder, D::Error> {
        Ok(match Name::deserialize(input)? {
            Name::Received => Folder::Received,
            Name::Sent => Folder::Sent,
        })
    }
}

/// Serializes Message-IDs as texts.
mod ids_text {
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    use crate::message::MessageId;

    pub(super) fn serialize<S: Serializer>(ids: &[MessageId], out: S) -> Result<S::Ok, S::Error> {
        out.collect_seq(ids.iter().map(MessageId::as_str))
    }

    pub(super) fn deserialize<'de, D>(input: D) -> Result<Vec<MessageId>, D::Error>
    where
        D: Deserializer<'de>,
    {
        let texts = Vec::<String>::deserialize(input)?;
        texts.iter().map(|text| text.parse().map_err(D::Error::custom)).collect()
    }
}
