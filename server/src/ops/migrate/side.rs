//! What a comparison reads of a source and of its copy.

use super::error::MigrateError;
use crate::store::migration::{
    BatchLimits, MigrationNumbers, MigrationRow, MigrationSettings, MigrationTable, MigrationValue,
};

/// A store that can be read as a whole.
pub(super) trait Side {
    /// The columns of a table's key, in the order of reading.
    fn key(&self, table: MigrationTable) -> &'static [usize];

    /// Rows of a table after a key; empty after the last one.
    fn page(
        &mut self,
        table: MigrationTable,
        after: &[MigrationValue],
        limits: BatchLimits,
    ) -> Result<Vec<MigrationRow>, MigrateError>;

    /// What the store has besides rows.
    fn settings(&mut self) -> Result<MigrationSettings, MigrateError>;

    /// The numbers above which new ones are given.
    fn numbers(&mut self) -> Result<MigrationNumbers, MigrateError>;
}
