//! Ids of mails: that of a mail and its sender, and the name of a mail in its mailbox.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use uuid::Uuid;

use super::parts::{Field, Invalid, Problem, Seq, Timestamp, unacceptable};

/// Identifies a mail together with its sender's username: a UUID of version 7 (RFC 9562) that the
/// sending client makes, so that it can send the mail again without a duplicate.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MailId([u8; 16]);

impl MailId {
    /// The id with this time, of which 48 bits count, and these bytes after it. Version and variant
    /// take the place of the first four bits of `rest`, and of the first two bits of its third
    /// byte.
    #[must_use]
    pub fn from_parts(Timestamp(millis): Timestamp, rest: [u8; 10]) -> Self {
        Self(uuid::Builder::from_unix_timestamp_millis(millis, &rest).into_uuid().into_bytes())
    }

    /// The time that the id was made with.
    #[must_use]
    pub fn time(&self) -> Timestamp {
        let [a, b, c, d, e, f, ..] = self.0;
        Timestamp(u64::from_be_bytes([0, 0, a, b, c, d, e, f]))
    }

    /// The 16 bytes as they travel.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }
}

impl TryFrom<Uuid> for MailId {
    type Error = Invalid;

    fn try_from(uuid: Uuid) -> Result<Self, Invalid> {
        if uuid.get_version_num() != 7 || uuid.get_variant() != uuid::Variant::RFC4122 {
            return Err(Invalid { field: Field::MailId, problem: Problem::Form });
        }
        Ok(Self(uuid.into_bytes()))
    }
}

impl TryFrom<[u8; 16]> for MailId {
    type Error = Invalid;

    fn try_from(bytes: [u8; 16]) -> Result<Self, Invalid> {
        Uuid::from_bytes(bytes).try_into()
    }
}

impl FromStr for MailId {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        Uuid::try_parse(text)
            .map_err(|_| Invalid { field: Field::MailId, problem: Problem::Form })?
            .try_into()
    }
}

impl fmt::Display for MailId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Uuid::from_bytes(self.0).fmt(f)
    }
}

impl fmt::Debug for MailId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Serialize for MailId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(&self.0)
    }
}

impl<'de> Deserialize<'de> for MailId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let bytes = serde_bytes::ByteArray::<16>::deserialize(deserializer)?;
        Self::try_from(*bytes).map_err(unacceptable)
    }
}

/// Names one mail of the account's mailbox in a `confirm`.
///
/// The number finds the mail, and the id proves that it is the fetched one. So neither a wrong
/// guess nor a store restored from a backup deletes another mail.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct MailRef {
    /// The mail's number in the store.
    pub seq: Seq,
    /// The id its sender gave it.
    pub id: MailId,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mail_ids_are_version_7() {
        assert!("01890a5d-ac96-774b-bcce-b302099a8057".parse::<MailId>().is_ok());
        assert!("01890a5d-ac96-474b-bcce-b302099a8057".parse::<MailId>().is_err());
        assert!("00000000-0000-0000-0000-000000000000".parse::<MailId>().is_err());
    }

    #[test]
    fn an_id_has_its_time_and_the_version_and_variant_whatever_its_other_bytes_are() {
        for rest in [[0; 10], [0xff; 10], *b"tony stark"] {
            let id = MailId::from_parts(Timestamp(0x0123_4567_89ab), rest);
            assert_eq!(id.time(), Timestamp(0x0123_4567_89ab));
            assert_eq!(id.to_string().parse(), Ok(id));
        }
        let longer = MailId::from_parts(Timestamp(u64::MAX), [0; 10]);
        assert_eq!(longer.to_string(), "ffffffff-ffff-7000-8000-000000000000");
    }
}
