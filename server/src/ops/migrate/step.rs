//! The steps of a migration.

use crate::store::migration::MigrationTable;

/// A step of a migration, for the display of its progress.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// A batch of this table was written; so many rows were copied by this command.
    Copied(MigrationTable, u64),
    /// A page of this table was compared; so many rows of the target were read back.
    Compared(MigrationTable, u64),
}
