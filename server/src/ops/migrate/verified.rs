//! Compares a copy with its source.

use super::{error::MigrateError, side::Side, step::Step};
use crate::{
    cancel::Cancel,
    store::migration::{BatchLimits, MigrationRow, MigrationTable, MigrationValue, TableDigest},
};

/// A copy that was found equal to its source.
#[derive(Debug, PartialEq, Eq)]
pub struct Verified {
    /// The tables, in the order in which they were copied.
    pub tables: Vec<VerifiedTable>,
}

/// A table that both sides have with the same values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct VerifiedTable {
    /// The table.
    pub table: MigrationTable,
    /// The number of its rows, and the digest of their values.
    pub digest: TableDigest,
}

impl Verified {
    /// The number of rows of a table.
    #[must_use]
    pub fn rows(&self, table: MigrationTable) -> u64 {
        let of = self.tables.iter().find(|verified| verified.table == table);
        of.map_or(0, |verified| verified.digest.rows)
    }
}

/// Reads and compares all rows of both sides. The inner error names the tables that differ.
pub(super) fn compare(
    mut source: Side<'_>,
    mut target: Side<'_>,
    (limits, cancel): (BatchLimits, &Cancel),
    see: &mut impl FnMut(Step),
) -> Result<Result<Verified, String>, MigrateError> {
    let mut tables = Vec::new();
    let mut differences = Vec::new();
    let mut compared = 0;
    for table in MigrationTable::ALL {
        let key = source.key(table);
        let there = digest(key, cancel, |after| source.page(table, after, limits))?;
        let key = target.key(table);
        let digest = digest(key, cancel, |after| {
            let page = target.page(table, after, limits)?;
            compared += page.len() as u64;
            see(Step::Compared(table, compared));
            Ok(page)
        })?;
        if digest.rows != there.rows {
            let (rows, name) = (digest.rows, table.name());
            differences.push(format!("{name}: {} rows in place of {}", rows, there.rows));
        } else if digest != there {
            let (found, name) = (digest.short(), table.name());
            differences.push(format!("{name}: digest {found} in place of {}", there.short()));
        }
        tables.push(VerifiedTable { table, digest });
    }
    if source.settings()? != target.settings()? {
        differences.push("the days of retention".to_owned());
    }
    if !target.numbers()?.cover(&source.numbers()?) {
        differences.push("the numbers that were given".to_owned());
    }
    Ok(match differences.is_empty() {
        true => Ok(Verified { tables }),
        false => Err(differences.join("; ")),
    })
}

/// The digest of a table that is read page by page.
fn digest(
    key: &[usize],
    cancel: &Cancel,
    mut page: impl FnMut(&[MigrationValue]) -> Result<Vec<MigrationRow>, MigrateError>,
) -> Result<TableDigest, MigrateError> {
    let mut digest = TableDigest::default();
    let mut after = MigrationRow::new();
    loop {
        if cancel.is_asked() {
            return Err(MigrateError::Interrupted);
        }
        let rows = page(&after)?;
        let Some(last) = rows.last() else { return Ok(digest) };
        after = key.iter().filter_map(|column| last.get(*column).cloned()).collect();
        rows.iter().for_each(|row| digest.add(row));
    }
}
