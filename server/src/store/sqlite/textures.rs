//! Reads and writes the column `texture` of the tables `mail`, `content` and `upload`: flags, and
//! then numbers, each in groups of seven bits, the lowest group first. The column is null in rows
//! of an earlier version.

use rusqlite::{
    Result, Row,
    types::{FromSqlError, ValueRef},
};

use super::row::converted;
use crate::store::{gateway::Texture, texture::TextureCount};

const IS_ENDED: u64 = 1;
const IS_ASCII: u64 = 2;
/// Set only in the table `upload`.
const IS_AFTER_CR: u64 = 4;

/// The value for a whole content.
pub(super) fn value(texture: &Texture) -> Vec<u8> {
    written(&[flags(texture), texture.bare_ends, texture.nuls, texture.longest_line])
}

/// The value for an upload.
pub(super) fn count_value(count: &TextureCount) -> Vec<u8> {
    let TextureCount { texture, line, is_after_cr } = count;
    let flags = flags(texture) | if *is_after_cr { IS_AFTER_CR } else { 0 };
    written(&[flags, texture.bare_ends, texture.nuls, texture.longest_line, *line])
}

fn flags(texture: &Texture) -> u64 {
    let flag = |is_set: bool, flag: u64| if is_set { flag } else { 0 };
    flag(texture.is_ended, IS_ENDED) | flag(texture.is_ascii, IS_ASCII)
}

fn written(numbers: &[u64]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(8);
    for number in numbers {
        let mut rest = *number;
        while rest >= 0x80 {
            bytes.push(rest.to_le_bytes()[0] | 0x80);
            rest >>= 7;
        }
        bytes.push(rest.to_le_bytes()[0]);
    }
    bytes
}

/// Reads the texture of a whole content.
///
/// # Errors
///
/// The value is damaged.
pub(super) fn texture(row: &Row<'_>, column: usize) -> Result<Option<Texture>> {
    read(row, column, |[flags, bare_ends, nuls, longest_line]: [u64; 4]| {
        (flags & !(IS_ENDED | IS_ASCII) == 0).then(|| parts(flags, [bare_ends, nuls, longest_line]))
    })
}

/// Reads the texture of an upload.
///
/// # Errors
///
/// The value is damaged.
pub(super) fn count(row: &Row<'_>, column: usize) -> Result<Option<TextureCount>> {
    read(row, column, |[flags, bare_ends, nuls, longest_line, line]: [u64; 5]| {
        (flags & !(IS_ENDED | IS_ASCII | IS_AFTER_CR) == 0).then(|| TextureCount {
            texture: parts(flags, [bare_ends, nuls, longest_line]),
            line,
            is_after_cr: flags & IS_AFTER_CR != 0,
        })
    })
}

fn parts(flags: u64, [bare_ends, nuls, longest_line]: [u64; 3]) -> Texture {
    let (is_ended, is_ascii) = (flags & IS_ENDED != 0, flags & IS_ASCII != 0);
    Texture { bare_ends, nuls, longest_line, is_ended, is_ascii }
}

fn read<const NUMBERS: usize, T>(
    row: &Row<'_>,
    column: usize,
    parse: impl FnOnce([u64; NUMBERS]) -> Option<T>,
) -> Result<Option<T>> {
    if row.get_ref(column)? == ValueRef::Null {
        return Ok(None);
    }
    converted(row, column, |value| {
        let parsed = numbers(value.as_blob()?).and_then(parse);
        parsed.map(Some).ok_or(FromSqlError::InvalidType)
    })
}

/// Reads exactly `NUMBERS` numbers. `None` if the bytes are others.
fn numbers<const NUMBERS: usize>(bytes: &[u8]) -> Option<[u64; NUMBERS]> {
    let mut bytes = bytes.iter();
    let mut numbers = [0; NUMBERS];
    for number in &mut numbers {
        // Thirty-five bits: more than the size of any content needs.
        for shift in [0, 7, 14, 21, 28] {
            let byte = bytes.next()?;
            *number |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                break;
            }
            if shift == 28 {
                return None;
            }
        }
    }
    bytes.next().is_none().then_some(numbers)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read_as_they_were_written() {
        for numbers_written in [[0, 1, 127, 128], [3, 64 << 20, (64 << 20) - 1, 300]] {
            assert_eq!(numbers(&written(&numbers_written)), Some(numbers_written));
        }
        let bytes = written(&[1, 2, 3, 300]);
        assert_eq!(numbers::<5>(&bytes), None);
        assert_eq!(numbers::<3>(&bytes), None);
        assert_eq!(numbers::<4>(&bytes[..4]), None);
        assert_eq!(numbers::<1>(&[0xff; 6]), None);
    }
}
