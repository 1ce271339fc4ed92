//! Invites, with which people register on a server whose registration is by invite.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Digits of the written form (Crockford's base 32), without letters that are mistaken for digits.
const DIGITS: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";

/// Bytes of an invite.
const LENGTH: usize = 20;

/// An invite, written as 32 digits in groups of four. Only the server that made it can check it.
/// Every holder of an invite can use it, so its `Debug` shows nothing.
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
        let mut bytes = [0; LENGTH];
        let mut digits = text.bytes().filter(|byte| *byte != b'-' && !byte.is_ascii_whitespace());
        // Eight digits are five bytes.
        for five in bytes.chunks_mut(5) {
            let mut value: u64 = 0;
            for _ in 0..8 {
                let digit = digits.next().and_then(value_of).ok_or(InvalidInvite)?;
                value = value << 5 | digit;
            }
            for (byte, from) in five.iter_mut().zip(value.to_be_bytes().into_iter().skip(3)) {
                *byte = from;
            }
        }
        if digits.next().is_some() { Err(InvalidInvite) } else { Ok(Self(bytes)) }
    }
}

/// The value of a digit, in any spelling that people use.
fn value_of(digit: u8) -> Option<u64> {
    let digit = match digit.to_ascii_uppercase() {
        b'O' => b'0',
        b'I' | b'L' => b'1',
        other => other,
    };
    DIGITS.iter().position(|known| *known == digit).and_then(|value| u64::try_from(value).ok())
}

impl fmt::Display for Invite {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, five) in self.0.chunks(5).enumerate() {
            let value = five.iter().fold(0_u64, |value, byte| value << 8 | u64::from(*byte));
            f.write_str(if index == 0 { "" } else { "-" })?;
            for place in (0..8).rev() {
                let digit = DIGITS.get((value >> (5 * place) & 31) as usize).copied();
                write!(f, "{}", char::from(digit.unwrap_or(b'?')))?;
                f.write_str(if place == 4 { "-" } else { "" })?;
            }
        }
        Ok(())
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
