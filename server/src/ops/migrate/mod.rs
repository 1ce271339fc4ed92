//! `correiod migrate`: copies the store of a data directory into a database, or the reverse.
//! Nothing is deleted at the source.
//!
//! Rows are copied table by table, in batches. Each batch is a transaction of the target, which
//! also records how far the copy has come: however a command has ended, the same command goes on
//! from there. No server serves the target before all of it was read back and found equal to the
//! source.

mod error;
mod place;
mod side;
mod source;
mod step;
mod target;
mod verified;

pub use self::{
    error::MigrateError,
    place::{Migration, MigrationParseError},
    step::Step,
    verified::{Verified, VerifiedTable},
};
use self::{
    side::Side,
    source::Source,
    target::{Target, TargetState},
    verified::compare,
};
use crate::{
    cancel::Cancel,
    store::migration::{BatchLimits, CopyPosition},
};

/// What a migration has done.
#[derive(Debug)]
pub enum Migrated {
    /// The target has the store, which was read back.
    Now(Verified),
    /// The target had the store already, and both were read. Nothing was done.
    Before(Verified),
}

/// Copies a store, or goes on with a copy, and verifies it. `see` is called after each step.
///
/// # Errors
///
/// See [`MigrateError`]. The same migration goes on where this one has ended.
pub fn migrate(
    migration: &Migration,
    limits: BatchLimits,
    cancel: &Cancel,
    see: &mut impl FnMut(Step),
) -> Result<Migrated, MigrateError> {
    let mut source = Source::open(migration, cancel)?;
    let (mut target, position) = match Target::open(migration, source.realm(), cancel)? {
        TargetState::Unfinished(target, position) => (target, position),
        TargetState::Whole(mut there) => {
            let compared = compare(source.side(), there.side(), (limits, cancel), see)?;
            let place = migration.target();
            let verified =
                compared.map_err(|differences| MigrateError::Apart { place, differences })?;
            return Ok(Migrated::Before(verified));
        }
    };
    copy(source.side(), &mut target, position, (limits, cancel), see)?;
    let mut side = source.side();
    target.end(side.settings()?, side.numbers()?)?;
    let compared = compare(source.side(), target.side(), (limits, cancel), see)?;
    let verified = compared.map_err(|differences| MigrateError::Differs { differences })?;
    source.require_unused()?;
    target.finish()?;
    Ok(Migrated::Now(verified))
}

/// Copies all rows after a position.
fn copy(
    mut source: Side<'_>,
    target: &mut Target,
    mut position: CopyPosition,
    (limits, cancel): (BatchLimits, &Cancel),
    see: &mut impl FnMut(Step),
) -> Result<(), MigrateError> {
    let mut copied = 0;
    while let Some(table) = position.table() {
        if cancel.is_asked() {
            return Err(MigrateError::Interrupted);
        }
        let rows = source.page(table, &position.key, limits)?;
        let Some(last) = rows.last() else {
            position = position.next_table();
            continue;
        };
        let key = source.key(table).iter().filter_map(|column| last.get(*column).cloned());
        position = position.after(key.collect());
        target.write(table, &rows, &position)?;
        copied += rows.len() as u64;
        see(Step::Copied(table, copied));
    }
    Ok(())
}
