//! Invites, with which people register on a server whose registration is by invite.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::base32;

/// Bytes of an invite.
const LENGTH: usize = 20;

/// An invite, written as 32 digits of Crockford's base 32, in groups of four. Only the server that
/// made it can check it. Every holder of an invite can use it, so its `Debug` shows nothing.
#[derive(Clone, PartialEq, Eq)]
pub struct Invite([u8; LENGTH]);

/// Why a text is no [`Invite`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("this is not an invite: it has eight groups of four letters and digits")]
pub struct InvalidInvite;

impl Invite {
    /// The bytes as they travel.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8; LENGTH] {
        &self.0
    }
}

impl From<[u8; LENGTH]> for Invite {
    fn from(bytes: [u8; LENGTH]) -> Self {
        Self(bytes)
    }
}

impl FromStr for Invite {
    type Err = InvalidInvite;

    fn from_str(text: &str) -> Result<Self, InvalidInvite> {
        base32::read(text).map(Self).ok_or(InvalidInvite)
    }
}

impl fmt::Display for Invite {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        base32::write(&self.0, f)
    }
}

impl fmt::Debug for Invite {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Invite(…)")
    }
}

impl Serialize for Invite {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(&self.0)
    }
}

impl<'de> Deserialize<'de> for Invite {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        serde_bytes::ByteArray::<LENGTH>::deserialize(deserializer).map(|bytes| Self(*bytes))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn what_is_written_is_read_back(bytes: [u8; LENGTH]) {
            let invite = Invite(bytes);
            let text = invite.to_string();
            prop_assert_eq!(text.len(), 39);
            prop_assert_eq!(text.parse(), Ok(invite.clone()));
            let sloppy = text.to_lowercase().replace('-', " ").replace('0', "o").replace('1', "l");
            prop_assert_eq!(sloppy.parse(), Ok(invite));
        }
    }

    #[test]
    fn other_texts_are_refused() {
        let text = Invite([7; LENGTH]).to_string();
        let short = text.get(1..).unwrap();
        for text in ["", short, &format!("{text}0"), &text.replace('0', "U"), "ã"] {
            assert_eq!(text.parse::<Invite>(), Err(InvalidInvite), "{text:?}");
        }
    }
}
