//! The digest of a table, whatever the order of its rows.

use sha2::{Digest as _, Sha256};

use super::value::MigrationValue;

/// The number of a table's rows, and a digest of their values: the sum of the rows' SHA-256, each
/// as four numbers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TableDigest {
    /// Rows.
    pub rows: u64,
    sum: [u64; 4],
}

impl TableDigest {
    /// Adds a row.
    pub fn add(&mut self, row: &[MigrationValue]) {
        let mut bytes = Vec::with_capacity(row.iter().map(|value| value.size() + 9).sum());
        row.iter().for_each(|value| value.encode(&mut bytes));
        let digest = Sha256::digest(&bytes);
        for (sum, word) in self.sum.iter_mut().zip(digest.chunks_exact(8)) {
            let word = word.iter().fold(0, |number, byte| number << 8 | u64::from(*byte));
            *sum = sum.wrapping_add(word);
        }
        self.rows += 1;
    }

    /// The digest's first eight bytes as text.
    #[must_use]
    pub fn short(&self) -> String {
        let [first, ..] = self.sum;
        format!("{first:016x}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn digest(rows: &[[i64; 2]]) -> TableDigest {
        let mut digest = TableDigest::default();
        for row in rows {
            digest.add(&row.map(MigrationValue::Number));
        }
        digest
    }

    #[test]
    fn the_order_of_rows_does_not_matter_and_every_value_does() {
        let whole = digest(&[[1, 2], [3, 4]]);
        assert_eq!(whole, digest(&[[3, 4], [1, 2]]));
        for other in [[[1, 2], [3, 5]], [[1, 4], [3, 2]], [[1, 2], [1, 2]]] {
            assert_ne!(whole.short(), digest(&other).short());
        }
    }

    #[test]
    fn text_that_moves_to_the_next_value_changes_the_digest() {
        let text = |text: &str| MigrationValue::Text(text.to_owned());
        let (mut one, mut other) = (TableDigest::default(), TableDigest::default());
        one.add(&[text("ab"), text("c")]);
        other.add(&[text("a"), text("bc")]);
        assert_ne!(one, other);
    }
}
