//! What `correiod migrate` copies from a store of one kind to one of the other: tables, rows in a
//! form that both kinds have, and how far a copy has come.

pub use self::{
    digest::TableDigest,
    position::CopyPosition,
    settings::{MigrationNumbers, MigrationSettings},
    table::{MigrationTable, ValueKind},
    value::{MigrationRow, MigrationValue},
};

mod digest;
mod position;
mod settings;
mod table;
mod value;

/// Bounds of a batch, which is a transaction of the target.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BatchLimits {
    /// Rows.
    pub rows: u32,
    /// Bytes of contents after which a batch ends.
    pub bytes: usize,
}

impl Default for BatchLimits {
    /// 500 rows and 4 MiB: fewer would pay for more commits, and a batch is held in memory.
    fn default() -> Self {
        Self { rows: 500, bytes: 4 << 20 }
    }
}
