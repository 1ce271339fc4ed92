//! How far a copy has come.

use super::{
    table::MigrationTable,
    value::{MigrationRow, MigrationValue},
};

/// How far a copy has come: the table that it is at, and the last row of that table. The target
/// keeps it, and changes it in the transaction of each batch.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CopyPosition {
    /// Index of the table in [`MigrationTable::ALL`]; past the last one once all are copied.
    pub index: usize,
    /// The key of the last row, in the order of the source; empty before the first one.
    pub key: MigrationRow,
}

impl CopyPosition {
    /// The table that the copy is at; `None` once all are copied.
    #[must_use]
    pub fn table(&self) -> Option<MigrationTable> {
        MigrationTable::ALL.get(self.index).copied()
    }

    /// The beginning of the next table.
    #[must_use]
    pub fn next_table(&self) -> Self {
        Self { index: self.index + 1, key: Vec::new() }
    }

    /// The position after this key of the same table.
    #[must_use]
    pub fn after(&self, key: MigrationRow) -> Self {
        Self { index: self.index, key }
    }

    /// The bytes of the key.
    #[must_use]
    pub fn encoded_key(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        self.key.iter().for_each(|value| value.encode(&mut bytes));
        bytes
    }

    /// Reads a position from the index and the bytes of the key; `None` if they are no position.
    #[must_use]
    pub fn decode(index: i64, mut bytes: &[u8]) -> Option<Self> {
        let index = usize::try_from(index).ok()?;
        let mut key = Vec::new();
        while !bytes.is_empty() {
            let (value, rest) = MigrationValue::decode(bytes)?;
            key.push(value);
            bytes = rest;
        }
        Some(Self { index, key })
    }
}
