//! Recovery codes: the operator makes one for an account, and its person sets a password with it, once.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use zeroize::Zeroize;

use crate::base32;

/// Bytes of a code: 80 random bits, which nobody guesses over a network.
const LENGTH: usize = 10;

/// A recovery code, written as 16 digits of Crockford's base 32, in groups of four. Its holder can take
/// the account over, so that its `Debug` shows nothing; it is wiped from memory when dropped.
#[derive(Clone, PartialEq, Eq)]
pub struct RecoveryCode([u8; LENGTH]);

/// Why a text is no [`RecoveryCode`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("this is not a recovery code: it has four groups of four letters and digits")]
pub struct InvalidRecoveryCode;

impl RecoveryCode {
    /// The bytes as they travel.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8; LENGTH] {
        &self.0
    }
}

impl Drop for RecoveryCode {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

impl From<[u8; LENGTH]> for RecoveryCode {
    fn from(bytes: [u8; LENGTH]) -> Self {
        Self(bytes)
    }
}

impl FromStr for RecoveryCode {
    type Err = InvalidRecoveryCode;

    fn from_str(text: &str) -> Result<Self, InvalidRecoveryCode> {
        base32::read(text).map(Self).ok_or(InvalidRecoveryCode)
    }
}

impl fmt::Display for RecoveryCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        base32::write(&self.0, f)
    }
}

impl fmt::Debug for RecoveryCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RecoveryCode(…)")
    }
}

impl Serialize for RecoveryCode {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(&self.0)
    }
}

impl<'de> Deserialize<'de> for RecoveryCode {
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
            let code = RecoveryCode(bytes);
            let text = code.to_string();
            prop_assert_eq!(text.len(), 19);
            prop_assert_eq!(text.parse(), Ok(code.clone()));
            let sloppy = text.to_lowercase().replace('-', " ").replace('0', "o").replace('1', "l");
            prop_assert_eq!(sloppy.parse(), Ok(code));
        }
    }

    #[test]
    fn other_texts_are_refused() {
        let text = RecoveryCode([7; LENGTH]).to_string();
        let short = text.get(1..).unwrap();
        for text in ["", short, &format!("{text}0"), &text.replace('0', "U"), "ã"] {
            assert_eq!(text.parse::<RecoveryCode>(), Err(InvalidRecoveryCode), "{text:?}");
        }
    }
}
