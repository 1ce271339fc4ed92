//! Crockford's base 32, in which invites, recovery codes and app passwords are written: in groups
//! of four digits, without letters that people mistake for digits.

use std::fmt;

/// The digits by their values.
const DIGITS: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";

/// Reads a text of exactly `digits` digits into bytes. If the digits have fewer bits than the
/// bytes, the last bits are 0. Permits small letters, any grouping, and the letters that people
/// mistake for digits. `None` for another text.
pub(crate) fn read<const LENGTH: usize>(text: &str, digits: usize) -> Option<[u8; LENGTH]> {
    let mut bytes = [0; LENGTH];
    let mut values = text.bytes().filter(|byte| *byte != b'-' && !byte.is_ascii_whitespace());
    for index in 0..digits {
        let value = value_of(values.next()?)?;
        for bit in (0..5).filter(|bit| value >> (4 - bit) & 1 == 1) {
            let place = 5 * index + bit;
            *bytes.get_mut(place / 8)? |= 0x80 >> (place % 8);
        }
    }
    values.next().is_none().then_some(bytes)
}

/// Writes the first `digits` digits of bytes.
pub(crate) fn write(bytes: &[u8], digits: usize, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let bit = |place: usize| {
        let byte = bytes.get(place / 8).copied().unwrap_or_default();
        usize::from(byte >> (7 - place % 8) & 1)
    };
    for index in 0..digits {
        let value = (0..5).fold(0, |value, place| value << 1 | bit(5 * index + place));
        f.write_str(if index > 0 && index % 4 == 0 { "-" } else { "" })?;
        write!(f, "{}", char::from(DIGITS.get(value).copied().unwrap_or(b'?')))?;
    }
    Ok(())
}

/// Clears the bits after the first `digits` digits.
pub(crate) fn trim<const LENGTH: usize>(mut bytes: [u8; LENGTH], digits: usize) -> [u8; LENGTH] {
    for (index, byte) in bytes.iter_mut().enumerate() {
        let kept = (5 * digits).saturating_sub(8 * index).min(8);
        *byte &= !u8::MAX.checked_shr(kept as u32).unwrap_or_default();
    }
    bytes
}

/// The value of a digit, in either case. The letters `O`, `I` and `L` count as digits.
fn value_of(digit: u8) -> Option<usize> {
    let digit = match digit.to_ascii_uppercase() {
        b'O' => b'0',
        b'I' | b'L' => b'1',
        other => other,
    };
    DIGITS.iter().position(|known| *known == digit)
}

/// Makes the type of a secret that is written in base 32, and the type of the error for a text that
/// is not such a secret. `Debug` does not show the secret, and dropping the secret wipes it from
/// memory.
macro_rules! secret {
    (
        $(#[$meta:meta])* $name:ident: $digits:literal digits in $bytes:literal bytes;
        $(#[$error_meta:meta])* $error:ident: $text:literal;
    ) => {
        $(#[$meta])*
        #[derive(Clone, PartialEq, Eq)]
        pub struct $name([u8; $name::LENGTH]);

        $(#[$error_meta])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
        #[error($text)]
        pub struct $error;

        impl $name {
            /// Bytes of the secret in a message.
            pub const LENGTH: usize = $bytes;

            /// Digits of the secret in base 32, besides the `-` after each four.
            const DIGITS: usize = $digits;

            /// The bytes of the secret in a message.
            #[must_use]
            pub fn as_bytes(&self) -> &[u8; Self::LENGTH] {
                &self.0
            }
        }

        impl Drop for $name {
            fn drop(&mut self) {
                zeroize::Zeroize::zeroize(&mut self.0);
            }
        }

        /// Clears the bits after the last digit.
        impl From<[u8; $name::LENGTH]> for $name {
            fn from(bytes: [u8; Self::LENGTH]) -> Self {
                Self($crate::base32::trim(bytes, Self::DIGITS))
            }
        }

        impl std::str::FromStr for $name {
            type Err = $error;

            fn from_str(text: &str) -> Result<Self, $error> {
                $crate::base32::read(text, Self::DIGITS).map(Self).ok_or($error)
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                $crate::base32::write(&self.0, Self::DIGITS, f)
            }
        }

        impl std::fmt::Debug for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(concat!(stringify!($name), "(…)"))
            }
        }

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_bytes(&self.0)
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(input: D) -> Result<Self, D::Error> {
                let bytes: serde_bytes::ByteArray<{ $bytes }> =
                    serde::Deserialize::deserialize(input)?;
                Ok(Self::from(*bytes))
            }
        }
    };
}

pub(crate) use secret;

#[cfg(test)]
mod tests {
    use std::{
        fmt::{Debug, Display},
        str::FromStr,
    };

    use proptest::prelude::*;

    use crate::{app_password::AppPassword, invite::Invite, recovery::RecoveryCode};

    /// Requires that a secret is written with this many characters, and is read back in sloppy
    /// spellings.
    fn is_read_back<S>(secret: &S, characters: usize) -> Result<(), TestCaseError>
    where
        S: FromStr + Display + PartialEq + Debug,
        S::Err: PartialEq + Debug,
    {
        let text = secret.to_string();
        prop_assert_eq!(text.len(), characters);
        let sloppy = text.to_lowercase().replace('-', " ").replace('0', "o").replace('1', "l");
        for text in [text, sloppy] {
            prop_assert_eq!(&text.parse::<S>().unwrap(), secret);
        }
        Ok(())
    }

    proptest! {
        #[test]
        fn secrets_are_read_back(code: [u8; 10], password: [u8; 17], invite: [u8; 20]) {
            is_read_back(&RecoveryCode::from(code), 19)?;
            is_read_back(&AppPassword::from(password), 32)?;
            is_read_back(&Invite::from(invite), 39)?;
        }
    }

    fn is_refused<S: FromStr + Debug>(secret: &impl Display)
    where
        S::Err: Debug,
    {
        let text = secret.to_string();
        let short = text.get(1..).unwrap();
        for text in ["", short, &format!("{text}0"), &text.replace('0', "U"), "ã"] {
            assert!(text.parse::<S>().is_err(), "{text:?}");
        }
    }

    #[test]
    fn other_texts_are_refused() {
        is_refused::<RecoveryCode>(&RecoveryCode::from([7; 10]));
        is_refused::<AppPassword>(&AppPassword::from([7; 17]));
        is_refused::<Invite>(&Invite::from([7; 20]));
    }

    #[test]
    fn a_secret_is_written_in_groups_and_debug_does_not_show_it() {
        let password = AppPassword::from([0xff; 17]);
        assert_eq!(password.to_string(), "ZZZZ-ZZZZ-ZZZZ-ZZZZ-ZZZZ-ZZZZ-ZZ");
        assert_eq!(password.as_bytes().last(), Some(&0b1100_0000));
        assert_eq!(format!("{password:?}"), "AppPassword(…)");
        let code = RecoveryCode::from(std::array::from_fn(|at| at as u8));
        assert_eq!(code.to_string(), "000G-40R4-0M30-E209");
    }
}
