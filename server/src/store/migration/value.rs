//! Values and rows, and their bytes for digests and positions.

/// A value of a column.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MigrationValue {
    /// No value.
    Null,
    /// A number; a truth is 0 or 1.
    Number(i64),
    /// A text.
    Text(String),
    /// Bytes, also those of a body.
    Bytes(Vec<u8>),
}

/// A row, a value for each of its table's columns.
pub type MigrationRow = Vec<MigrationValue>;

const NULL: u8 = 0;
const NUMBER: u8 = 1;
const TEXT: u8 = 2;
const BYTES: u8 = 3;

impl MigrationValue {
    /// The number, if it is one.
    #[must_use]
    pub fn number(&self) -> Option<i64> {
        match self {
            Self::Number(number) => Some(*number),
            _ => None,
        }
    }

    /// The text, if it is one.
    #[must_use]
    pub fn text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }

    /// The bytes, if it has any.
    #[must_use]
    pub fn bytes(&self) -> Option<&[u8]> {
        match self {
            Self::Bytes(bytes) => Some(bytes),
            _ => None,
        }
    }

    /// About how many bytes of memory the value takes.
    #[must_use]
    pub fn size(&self) -> usize {
        match self {
            Self::Null | Self::Number(_) => size_of::<i64>(),
            Self::Text(text) => text.len(),
            Self::Bytes(bytes) => bytes.len(),
        }
    }

    /// Adds the value's bytes: its kind, its length, and itself. Different values have different
    /// bytes, also when they stand after each other.
    pub(super) fn encode(&self, output: &mut Vec<u8>) {
        let (kind, bytes) = match self {
            Self::Null => {
                output.push(NULL);
                return;
            }
            Self::Number(number) => {
                output.push(NUMBER);
                output.extend(number.to_be_bytes());
                return;
            }
            Self::Text(text) => (TEXT, text.as_bytes()),
            Self::Bytes(bytes) => (BYTES, bytes.as_slice()),
        };
        output.push(kind);
        output.extend((bytes.len() as u64).to_be_bytes());
        output.extend(bytes);
    }

    /// Reads what [`MigrationValue::encode`] has written, and returns the rest.
    pub(super) fn decode(input: &[u8]) -> Option<(Self, &[u8])> {
        let (kind, rest) = input.split_first()?;
        if *kind == NULL {
            return Some((Self::Null, rest));
        }
        let (word, rest) = rest.split_first_chunk::<8>()?;
        if *kind == NUMBER {
            return Some((Self::Number(i64::from_be_bytes(*word)), rest));
        }
        let length = usize::try_from(u64::from_be_bytes(*word)).ok()?;
        let (bytes, rest) = rest.split_at_checked(length)?;
        match *kind {
            TEXT => Some((Self::Text(String::from_utf8(bytes.to_vec()).ok()?), rest)),
            BYTES => Some((Self::Bytes(bytes.to_vec()), rest)),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_read_as_they_were_written() {
        let values = [
            MigrationValue::Null,
            MigrationValue::Number(-7),
            MigrationValue::Text("tony".to_owned()),
            MigrationValue::Bytes(vec![0, 255]),
        ];
        let mut bytes = Vec::new();
        values.iter().for_each(|value| value.encode(&mut bytes));
        let mut rest = bytes.as_slice();
        for value in &values {
            let (read, after) = MigrationValue::decode(rest).unwrap();
            assert_eq!(read, *value);
            rest = after;
        }
        assert_eq!(rest, b"");
        for cut in [&[9, 0][..], &[TEXT, 0, 0, 0, 0, 0, 0, 0, 9, b'x'], &[BYTES; 9], &[]] {
            assert_eq!(MigrationValue::decode(cut), None, "{cut:?}");
        }
    }
}
