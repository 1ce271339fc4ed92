//! Resume tickets: with one, a client that lost its connection logs in again without its
//! credential, so that neither side needs bcrypt.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use zeroize::Zeroize;

use crate::limits::TICKET_MAX;

/// A resume ticket: 1 to [`TICKET_MAX`] bytes that only the server can make and read. Until it
/// expires, its holder can log in as its account. `Debug` shows nothing, and the bytes are wiped
/// from memory when dropped.
#[derive(Clone, PartialEq, Eq)]
pub struct ResumeTicket(Box<[u8]>);

/// Why bytes are no [`ResumeTicket`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a resume ticket has 1 to {TICKET_MAX} bytes")]
pub struct InvalidResumeTicket;

impl ResumeTicket {
    /// The bytes as they travel.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl TryFrom<&[u8]> for ResumeTicket {
    type Error = InvalidResumeTicket;

    fn try_from(bytes: &[u8]) -> Result<Self, InvalidResumeTicket> {
        match bytes.len() {
            1..=TICKET_MAX => Ok(Self(bytes.into())),
            _ => Err(InvalidResumeTicket),
        }
    }
}

impl Drop for ResumeTicket {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

impl fmt::Debug for ResumeTicket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ResumeTicket(…)")
    }
}

impl Serialize for ResumeTicket {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(&self.0)
    }
}

impl<'de> Deserialize<'de> for ResumeTicket {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Bytes;

        impl de::Visitor<'_> for Bytes {
            type Value = ResumeTicket;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("bytes")
            }

            fn visit_bytes<E: de::Error>(self, bytes: &[u8]) -> Result<ResumeTicket, E> {
                bytes.try_into().map_err(E::custom)
            }
        }

        deserializer.deserialize_bytes(Bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_resume_ticket_has_bytes_up_to_its_limit_and_does_not_show_them() {
        let ticket = |length: usize| ResumeTicket::try_from(&*vec![65; length]);
        for length in [0, TICKET_MAX + 1] {
            assert_eq!(ticket(length), Err(InvalidResumeTicket), "{length}");
        }
        for length in [1, TICKET_MAX] {
            assert_eq!(ticket(length).unwrap().as_bytes().len(), length);
        }
        assert_eq!(format!("{:?}", ticket(3)), "Ok(ResumeTicket(…))");
    }
}
