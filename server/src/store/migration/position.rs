//! How far a copy has come.

use super::{
    table::MigrationTable,
    value::{MigrationRow, MigrationValue},
};

/// How far a copy has come: the table that it is at, and the last row of that table. The target
/// keeps it, and changes it in the transaction of each batch.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Position {
    /// Index of the table in [`MigrationTable::ALL`]; past the last one once all are copied.
    pub table: usize,
    /// The key of the last row, in the order of the source; empty before the first one.
    pub after: MigrationRow,
}

impl Position {
    /// The table that the copy is at; `None` once all are copied.
    #[must_use]
    pub fn table(&self) -> Option<MigrationTable> {
        MigrationTable::ALL.get(self.table).copied()
    }

    /// The begin of the next table.
    #[must_use]
    pub fn next_table(&self) -> Self {
        Self { table: self.table + 1, after: Vec::new() }
    }

    /// The position after this key of the same table.
    #[must_use]
    pub fn after(&self, key: MigrationRow) -> Self {
        Self { table: self.table, after: key }
    }

    /// The bytes of the key.
    #[must_use]
    pub fn encoded_key(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        self.after.iter().for_each(|value| value.encode(&mut bytes));
        bytes
    }

    /// Reads a position; `None` if the values are none.
    #[must_use]
    pub fn decode(table: i64, mut key: &[u8]) -> Option<Self> {
        let table = usize::try_from(table).ok()?;
        let mut after = Vec::new();
        while !key.is_empty() {
            let (value, rest) = MigrationValue::decode(key)?;
            after.push(value);
            key = rest;
        }
        Some(Self { table, after })
    }
}
