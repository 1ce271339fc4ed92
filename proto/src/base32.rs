//! Crockford's base 32, in which people write invites and recovery codes: without letters that are
//! mistaken for digits, in groups of four.

use std::fmt;

/// The digits by their values.
const DIGITS: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";

/// Reads a text of exactly as many digits as `bytes` has room for; five bytes are eight digits.
/// Small letters, any grouping, and the letters that people mistake for digits are taken. `None` for
/// another text. `LENGTH` is a multiple of five.
pub(crate) fn read<const LENGTH: usize>(text: &str) -> Option<[u8; LENGTH]> {
    let mut bytes = [0; LENGTH];
    let mut digits = text.bytes().filter(|byte| *byte != b'-' && !byte.is_ascii_whitespace());
    for five in bytes.chunks_mut(5) {
        let mut value: u64 = 0;
        for _ in 0..8 {
            value = value << 5 | value_of(digits.next()?)?;
        }
        for (byte, from) in five.iter_mut().zip(value.to_be_bytes().into_iter().skip(3)) {
            *byte = from;
        }
    }
    digits.next().is_none().then_some(bytes)
}

/// Writes bytes, whose number is a multiple of five.
pub(crate) fn write(bytes: &[u8], f: &mut fmt::Formatter<'_>) -> fmt::Result {
    for (index, five) in bytes.chunks(5).enumerate() {
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

/// The value of a digit, in any spelling that people use.
fn value_of(digit: u8) -> Option<u64> {
    let digit = match digit.to_ascii_uppercase() {
        b'O' => b'0',
        b'I' | b'L' => b'1',
        other => other,
    };
    DIGITS.iter().position(|known| *known == digit).and_then(|value| u64::try_from(value).ok())
}
