//! Runs migrations for tests, and looks at what they have left.

use std::path::Path;

use correio_server::{
    cancel::Cancel,
    ids::AccountId,
    ops::migrate::{MigrateError, Migrated, Migration, Step, Verified, migrate},
    store::{
        migration::BatchLimits,
        nodes::StoreRole,
        postgres::{
            DatabaseUrl, PostgresMigrationError, PostgresOpenError, PostgresOptions, PostgresStore,
        },
        sqlite::{SqliteMigrationError, SqliteSnapshot},
    },
};
use correio_testing::wait::eventually;

use super::{
    migrated_store::{fill, sqlite},
    support::{ROOMY, waker},
};

/// Few rows and bytes, so that a small store has many batches.
pub const SMALL: BatchLimits = BatchLimits { rows: 3, bytes: 10_000 };

pub fn to_database(from: &Path, to: &DatabaseUrl) -> Migration {
    Migration::ToDatabase { from: from.to_owned(), to: Box::new(to.clone()) }
}

pub fn to_directory(from: &DatabaseUrl, to: &Path) -> Migration {
    Migration::ToDirectory { from: Box::new(from.clone()), to: to.to_owned() }
}

/// Runs a migration, and tries again while the end of a store before it is not seen yet: a process
/// that another test starts has a copy of the lock of a directory until it runs its program, and a
/// database takes a moment to notice that a connection has ended.
pub fn run(
    migration: &Migration,
    cancel: &Cancel,
    see: &mut impl FnMut(Step),
) -> Result<Migrated, MigrateError> {
    let is_held = |error: &MigrateError| match error {
        MigrateError::Database(PostgresMigrationError::InUse) => true,
        error => is_locked(error),
    };
    run_unless(is_held, migration, cancel, see)
}

/// Whether a directory or a database is locked.
pub fn is_locked(error: &MigrateError) -> bool {
    matches!(
        error,
        MigrateError::Directory(SqliteMigrationError::InUse { .. })
            | MigrateError::Database(PostgresMigrationError::Busy)
    )
}

/// As [`run`], while errors are of this kind.
pub fn run_unless(
    is_held: impl Fn(&MigrateError) -> bool,
    migration: &Migration,
    cancel: &Cancel,
    see: &mut impl FnMut(Step),
) -> Result<Migrated, MigrateError> {
    let mut result = None;
    eventually(|| {
        let migrated = migrate(migration, SMALL, cancel, see);
        let is_over = !migrated.as_ref().is_err_and(&is_held);
        result = Some(migrated);
        is_over
    });
    result.unwrap()
}

pub fn whole(migration: &Migration) -> Verified {
    match run(migration, &Cancel::default(), &mut |_| {}).unwrap() {
        Migrated::Now(verified) => verified,
        Migrated::Before(_) => panic!("the target has the store already"),
    }
}

pub fn filled(directory: &Path) -> AccountId {
    let mut harness = sqlite(directory);
    let last = fill(&mut harness);
    harness.close();
    last
}

pub fn require_whole(directory: &Path) {
    let snapshot = SqliteSnapshot::open(directory, &Cancel::default()).unwrap();
    let checked = snapshot.check(|_| ()).unwrap();
    assert!(checked.is_whole(), "{checked:?}");
}

/// The refusal of a server that is started on a database.
pub fn open_postgres(database: &DatabaseUrl) -> PostgresOpenError {
    let directory = tempfile::tempdir().unwrap();
    let wake: std::sync::Arc<dyn correio_server::waker::Wake> = waker().0;
    let (options, role) = (PostgresOptions::default(), StoreRole::Command);
    let opened = PostgresStore::open(database, directory.path(), ROOMY, options, role, &wake);
    opened.map(drop).unwrap_err()
}

/// Ends a migration before its rows are compared.
pub fn copy_only(migration: &Migration) {
    let cancel = Cancel::default();
    let mut see = |step| {
        if let Step::Compared(..) = step {
            cancel.flag().store(2, std::sync::atomic::Ordering::Relaxed);
        }
    };
    let ended = run(migration, &cancel, &mut see);
    assert!(matches!(ended, Err(MigrateError::Interrupted)), "{ended:?}");
}
