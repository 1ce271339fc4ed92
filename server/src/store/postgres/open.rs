//! Opening the store: the connection, the tables, and what the server must know before it serves.

use std::{fs, path::Path, time::Duration};

use correio_proto::message::Realm;

use super::{
    connection::{Connection, Transaction},
    database_url::DatabaseUrl,
    deadline::Deadline,
    ended_sessions::Position,
    error::QueryError,
    heartbeat::Heartbeat,
    marker,
    open_error::PostgresOpenError,
    row::array,
    schema::{STEPS, UPGRADE_LOCK, VERSION},
    sealer,
};
use crate::{
    data_directory,
    store::{CreateStore, History},
};

/// Longest time that a server waits at its start for the database, and for another server that
/// makes the tables.
const PATIENCE: Duration = Duration::from_secs(60);

/// What the server knows of an opened store.
#[derive(Clone, Copy)]
pub(super) struct Opened {
    pub(super) realm: Realm,
    pub(super) history: History,
    pub(super) heartbeat: Heartbeat,
    /// The key of what servers tell each other.
    pub(super) news_key: [u8; sealer::KEY],
    /// How far `ended_session` was read before the first session.
    pub(super) ended: Position,
}

/// Makes and locks the directory of the server's keys and of its admin socket.
pub(super) fn lock(directory: &Path) -> Result<fs::File, PostgresOpenError> {
    let path = directory.to_owned();
    if let Err(source) = data_directory::make(directory) {
        return Err(PostgresOpenError::Directory { path, source });
    }
    data_directory::lock(directory).map_err(|error| match error {
        fs::TryLockError::WouldBlock => PostgresOpenError::InUse { path },
        fs::TryLockError::Error(source) => PostgresOpenError::Directory { path, source },
    })
}

/// Connects once, and makes the tables or brings them to the present version. Several servers that
/// start at the same time do so one after the other.
pub(super) fn open(
    database: &DatabaseUrl,
    create: CreateStore,
) -> Result<Opened, PostgresOpenError> {
    let deadline = Deadline::after(PATIENCE);
    let mut connection = Connection::connect(database, deadline)?;
    connection.set_deadline(deadline);
    let mut transaction = connection.transaction();
    transaction.query(statement!("SELECT pg_advisory_xact_lock($1)", INT8), &[&UPGRADE_LOCK])?;
    if !marker::lock_shared(&mut transaction)? {
        return Err(PostgresOpenError::Migrating);
    }
    if marker::is_in(&mut transaction)? {
        return Err(PostgresOpenError::Unfinished);
    }
    let done = version(&mut transaction)?;
    match done {
        0 if create == CreateStore::Never => return Err(PostgresOpenError::Missing),
        newer if newer > VERSION => {
            return Err(PostgresOpenError::Newer { found: newer, known: VERSION });
        }
        _ => {}
    }
    make_tables(&mut transaction, done, Realm(random()?))?;
    let opened = facts(&mut transaction, Heartbeat { node: random()? })?;
    drop(transaction.commit()?);
    Ok(opened)
}

/// Brings the tables from version `done` to the present one; 0 means that there are none. New ones
/// get this realm.
pub(super) fn make_tables(
    transaction: &mut Transaction<'_>,
    done: i32,
    realm: Realm,
) -> Result<(), QueryError> {
    for (number, step) in (1..).zip(STEPS).skip(usize::try_from(done).unwrap_or(0)) {
        transaction.batch(step)?;
        match number {
            1 => {
                let statement =
                    statement!("INSERT INTO meta (version, realm) VALUES (1, $1)", BYTEA);
                transaction.execute(statement, &[&realm.0.as_slice()])?;
            }
            _ => {
                let statement = statement!("UPDATE meta SET version = $1", INT4);
                transaction.execute(statement, &[&number])?;
            }
        }
    }
    Ok(())
}

/// The version of the tables; 0 if there are none.
pub(super) fn version(transaction: &mut Transaction<'_>) -> Result<i32, QueryError> {
    let statement = statement!("SELECT to_regclass('meta') IS NOT NULL");
    let rows = transaction.query(statement, &[])?;
    if !rows.first().map_or(Ok(false), |row| row.get(0))? {
        return Ok(0);
    }
    let rows = transaction.query(statement!("SELECT version FROM meta"), &[])?;
    rows.first().map_or(Ok(0), |row| row.get(0))
}

fn facts(transaction: &mut Transaction<'_>, heartbeat: Heartbeat) -> Result<Opened, QueryError> {
    let statement = statement!(
        "SELECT realm, EXISTS (SELECT 1 FROM name WHERE kind IN (0, 2)),
             EXISTS (SELECT 1 FROM used_invite), news_key,
             greatest(ended_through, (SELECT coalesce(max(id), 0) FROM ended_session))
         FROM meta"
    );
    let rows = transaction.query(statement, &[])?;
    let Some(row) = rows.first() else {
        return Err(QueryError::Fatal("the table meta is empty".into()));
    };
    let history = History { had_accounts: row.get(1)?, had_invites: row.get(2)? };
    let (realm, news_key) = (Realm(array(&row, 0)?), array(&row, 3)?);
    let ended = Position::at(row.get(4)?);
    Ok(Opened { realm, history, heartbeat, news_key, ended })
}

fn random() -> Result<[u8; 16], PostgresOpenError> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes)
        .map_err(|error| PostgresOpenError::Random { detail: error.to_string() })?;
    Ok(bytes)
}
