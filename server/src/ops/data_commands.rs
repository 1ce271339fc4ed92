//! The operator's commands: runs them, and says what they did.

use std::{
    io::{self, Write},
    path::Path,
};

use super::{
    backup::{self, BackupTarget},
    config::{Config, Operation},
    exit::Failure,
    export::{self, ExportChoice, Exported},
    migrate::{self, Migrated, Migration, Step, VerifiedTable},
    progress::Progress,
    recorded_store, required_files,
    restore::{self, RestoreSource},
    table::Table,
};
use crate::{
    cancel::Cancel,
    counted::Counted,
    store::{
        kind::{OpenError, StoreConfig},
        migration::{BatchLimits, MigrationTable},
        sqlite::{Checked, SqliteSnapshot},
    },
};

/// How much a command lowers its priority (`nice`).
const YIELD: i32 = 10;

/// Runs a command on the store of these settings.
///
/// # Errors
///
/// [`Failure::Backup`], [`Failure::Restore`], [`Failure::Export`], [`Failure::Migrate`];
/// [`Failure::BackupElsewhere`], [`Failure::CheckElsewhere`] and [`Failure::StoreInDatabase`] for a
/// store in PostgreSQL, [`Failure::StoreLeft`] for one of SQLite beside it; of a
/// check [`Failure::Unsound`], [`Failure::Open`] and [`Failure::Snapshot`].
pub fn run(config: &Config, operation: &Operation, cancel: &Cancel) -> Result<(), Failure> {
    // Compressing and checking take a processor's time. A server beside the command goes first.
    let _ = rustix::process::nice(YIELD);
    let directory = &config.data_dir;
    if let StoreConfig::Postgres(_) = config.store {
        match operation {
            Operation::Backup(_) | Operation::Restore(_) => return Err(Failure::BackupElsewhere),
            Operation::Check => return Err(Failure::CheckElsewhere),
            Operation::Export { .. } | Operation::Migrate(_) => {}
        }
    }
    match operation {
        Operation::Backup(_) | Operation::Check | Operation::Export { .. } => {
            recorded_store::require(config)?;
        }
        Operation::Migrate(Migration::ToDirectory { to, .. })
            if recorded_store::is_in_database(to) =>
        {
            return Err(Failure::StoreInDatabase { directory: to.clone() });
        }
        // These say what is in the way of their target.
        Operation::Restore(_) | Operation::Migrate(_) => {}
    }
    match operation {
        Operation::Backup(target) => backup(directory, target, cancel),
        Operation::Restore(source) => restore(directory, source, cancel),
        Operation::Check => check(directory, cancel),
        Operation::Export { choice, target, domain } => {
            export(config, choice, target, domain, cancel)
        }
        Operation::Migrate(migration) => migrate(migration, cancel),
    }
}

fn backup(directory: &Path, target: &BackupTarget, cancel: &Cancel) -> Result<(), Failure> {
    required_files::require_server(directory)?;
    let report = backup::backup(directory, target, cancel)?;
    // Standard output may be the backup itself.
    if let BackupTarget::File { path, .. } = target {
        let (path, content) = (path.display(), content(&report.checked));
        say(&format!("{path} holds {content} as of {}", report.manifest.made_at));
    }
    Ok(())
}

fn restore(directory: &Path, source: &RestoreSource, cancel: &Cancel) -> Result<(), Failure> {
    let restored = restore::restore(source, directory, cancel)?;
    let (directory, content) = (directory.display(), content(&restored.checked));
    say(&format!("{directory} has {content} as of {}", restored.manifest.made_at));
    Ok(())
}

/// Verifies the database, and prints what is wrong, one finding a line.
fn check(directory: &Path, cancel: &Cancel) -> Result<(), Failure> {
    required_files::require_server(directory)?;
    let snapshot = SqliteSnapshot::open(directory, cancel)
        .map_err(|error| Failure::Open(OpenError::Sqlite(error)))?;
    let progress = Progress::new();
    progress.begin_count("checking mails");
    let checked = snapshot.check(|mails| progress.set(mails)).map_err(Failure::Snapshot)?;
    drop(progress);
    for finding in &checked.findings {
        say(&finding.to_string());
    }
    if checked.is_whole() {
        let (directory, content) = (directory.display(), content(&checked));
        say(&format!("{directory} is whole: {content}"));
        return Ok(());
    }
    let found = match checked.is_cut {
        true => format!("more than {} things are", checked.findings.len()),
        false if checked.findings.len() == 1 => "one thing is".to_owned(),
        false => format!("{} things are", checked.findings.len()),
    };
    Err(Failure::Unsound { directory: directory.to_owned(), found })
}

fn export(
    config: &Config,
    choice: &ExportChoice,
    target: &Path,
    domain: &str,
    cancel: &Cancel,
) -> Result<(), Failure> {
    let (store, directory) = (&config.store, &config.data_dir);
    if *store == StoreConfig::Sqlite {
        required_files::require_server(directory)?;
    }
    let Exported { accounts, written, known } =
        export::export(store, directory, choice, target, domain, cancel)?;
    let mails = Counted(written, "mail");
    let known = match known {
        0 => String::new(),
        known => format!("; {} had been written before", Counted(known, "mail")),
    };
    let accounts = Counted(accounts, "account");
    say(&format!("{} has {mails} of {accounts}{known}", target.display()));
    Ok(())
}

/// Copies a store, and prints what was compared.
fn migrate(migration: &Migration, cancel: &Cancel) -> Result<(), Failure> {
    let progress = Progress::new();
    let mut shown = None;
    let mut see = |step: Step| {
        let (doing, table, rows) = match step {
            Step::Copied(table, rows) => ("copying", table, rows),
            Step::Compared(table, rows) => ("comparing", table, rows),
        };
        if shown.replace((doing, table)) != Some((doing, table)) {
            progress.begin_count(&format!("{doing} {}, rows so far:", table.name()));
        }
        progress.set(rows);
    };
    let migrated = migrate::migrate(migration, BatchLimits::default(), cancel, &mut see)?;
    drop(progress);
    let (source, target) = (migration.source(), migration.target());
    let (verified, end) = match migrated {
        Migrated::Now(verified) => (verified, ""),
        Migrated::Before(verified) => (verified, ", as before; nothing was changed"),
    };
    let mut table = Table::new(&["TABLE", "ROWS", "DIGEST"]);
    for VerifiedTable { table: copied, digest } in &verified.tables {
        table.row([copied.name().to_owned(), digest.rows.to_string(), digest.short()]);
    }
    table.lines().iter().for_each(|line| say(line));
    let accounts = Counted(verified.rows(MigrationTable::Account), "account");
    let mails = Counted(verified.rows(MigrationTable::Mail), "waiting mail");
    say(&format!("{target} has all of {source}: {accounts} and {mails}{end}"));
    Ok(())
}

/// Prints a line. The reader of the output may have gone.
fn say(line: &str) {
    let _ = writeln!(io::stdout(), "{line}");
}

fn content(checked: &Checked) -> String {
    match checked.is_older {
        true => "a database of an older correio, of which only the pages were checked".to_owned(),
        false => format!(
            "{} and {} of {}",
            Counted(checked.accounts, "account"),
            Counted(checked.mails, "waiting mail"),
            Counted(checked.bytes, "byte")
        ),
    }
}
