//! The rows of `node` that have a name: the servers on the database.

use std::{path::Path, time::Duration};

use correio_proto::mail::Timestamp;

use super::{
    connection::{Connection, Row, Statement},
    context::Context,
    error::QueryError,
    row::{to_sql, unsigned},
};
use crate::store::nodes::{NodeIdentity, NodeName, NodeRecord, NodeState, Nodes, host_name};

/// How long two servers may have one name before each warns. A new server may start before the old
/// one is told to end, and the old one then takes up to a minute (`drain-timeout`).
const HANDOVER_MAX: &str = "2 minutes";

/// The row of a server, or of a command, whose row is not shown.
#[derive(Clone, Debug)]
pub(super) struct OwnRow {
    /// Its key.
    pub(super) node: [u8; 16],
    /// `None` for a command.
    pub(super) server: Option<OwnServer>,
}

/// What the row of a server shows.
#[derive(Clone, Debug)]
pub(super) struct OwnServer {
    name: NodeName,
    host: String,
    /// Its data directory, which it has locked.
    directory: String,
}

impl OwnServer {
    /// The server of this name on this machine and in this directory.
    pub(super) fn here(name: NodeName, directory: &Path) -> Self {
        let directory = directory.canonicalize().unwrap_or_else(|_| directory.to_owned());
        Self { name, host: host_name(), directory: directory.display().to_string() }
    }
}

/// Another server that has the name of this one.
pub(super) struct Namesake {
    host: String,
    directory: String,
}

impl Namesake {
    /// What the operator is to do.
    pub(super) fn warning(&self, name: &NodeName) -> String {
        format!(
            "another server on this database has the name {}, too, with the data directory {} on \
             the machine {}: give each server a node-name of its own",
            name.as_str(),
            self.directory,
            self.host
        )
    }
}

impl OwnRow {
    /// The server's name; `None` for a command.
    pub(super) fn name(&self) -> Option<&NodeName> {
        self.server.as_ref().map(|server| &server.name)
    }

    /// Records that this process uses the database, with the number of its sessions and since
    /// when it runs. Deletes rows
    /// that were not renewed for a day, and rows that were not renewed for ten seconds and have
    /// this server's name or directory.
    pub(super) fn renew(
        &self,
        connection: &mut Connection,
        sessions: u64,
        uptime: Duration,
    ) -> Result<(), QueryError> {
        // The row may have been deleted meanwhile.
        let statement = statement!(
            "INSERT INTO node (id, name, host, directory, version, sessions, started_at)
                 VALUES ($1, $2, $3, $4, $5, $6, now() - $7 * interval '1 millisecond')
             ON CONFLICT (id) DO UPDATE SET beats = node.beats + 1, seen_at = now(),
                 name = $2, host = $3, directory = $4, version = $5, sessions = $6",
            BYTEA,
            TEXT,
            TEXT,
            TEXT,
            TEXT,
            INT8,
            INT8
        );
        let node = self.node.as_slice();
        let server = self.server.as_ref();
        let name = server.map(|server| server.name.as_str());
        let host = server.map(|server| server.host.as_str());
        let directory = server.map(|server| server.directory.as_str());
        let version = env!("CARGO_PKG_VERSION");
        let sessions = to_sql(sessions);
        let uptime = i64::try_from(uptime.as_millis()).unwrap_or(i64::MAX);
        connection
            .execute(statement, &[&node, &name, &host, &directory, &version, &sessions, &uptime])?;
        let statement = statement!(
            concat!(
                "DELETE FROM node WHERE id <> $1 AND
                     (seen_at < now() - interval '1 day'
                      OR NOT (",
                seen_lately!(),
                ") AND (name = $2 OR host = $3 AND directory = $4))"
            ),
            BYTEA,
            TEXT,
            TEXT,
            TEXT
        );
        connection.execute(statement, &[&node, &name, &host, &directory]).map(drop)
    }

    /// Deletes the row of the server that used this directory before, even if it was seen lately,
    /// because this server holds the directory's lock. The caller does so once: where two machines
    /// have one name, the row may be that of a running server, which makes it again within a
    /// second. Returns the number of rows.
    pub(super) fn replace_predecessor(
        &self,
        connection: &mut Connection,
    ) -> Result<u64, QueryError> {
        let Some(OwnServer { host, directory, .. }) = &self.server else { return Ok(0) };
        let statement = statement!(
            "DELETE FROM node WHERE id <> $1 AND host = $2 AND directory = $3",
            BYTEA,
            TEXT,
            TEXT
        );
        connection.execute(statement, &[&self.node.as_slice(), host, directory])
    }

    /// Another server of this server's name, if the two have run for [`HANDOVER_MAX`] at once.
    pub(super) fn namesake(
        &self,
        connection: &mut Connection,
    ) -> Result<Option<Namesake>, QueryError> {
        let statement = statement!(
            concat!(
                "SELECT coalesce(other.host, ''), coalesce(other.directory, '')
                 FROM node AS own JOIN node AS other ON other.name = own.name AND other.id <> own.id
                 WHERE own.id = $1 AND ",
                seen_lately!("other."),
                " AND other.seen_at
                     > greatest(own.started_at, other.started_at) + $2::text::interval
                 ORDER BY other.id LIMIT 1"
            ),
            BYTEA,
            TEXT
        );
        let rows = connection.query(statement, &[&self.node.as_slice(), &HANDOVER_MAX])?;
        let read = |row: Row<'_>| {
            let (host, directory): (&str, &str) = (row.get(0)?, row.get(1)?);
            Ok(Namesake { host: host.to_owned(), directory: directory.to_owned() })
        };
        rows.first().map(read).transpose()
    }
}

/// The statement that counts the servers that were seen lately.
pub(super) fn present() -> &'static Statement {
    statement!(concat!("SELECT count(*) FROM node WHERE name IS NOT NULL AND ", seen_lately!()))
}

/// Reads the servers that were seen in the last day and did not end in order.
pub(super) fn all(context: &mut Context<'_, '_>) -> Result<Nodes, QueryError> {
    let node = context.node();
    let statement = statement!(
        concat!(
            "SELECT name, version, (extract(epoch FROM started_at) * 1000)::bigint,
                 (extract(epoch FROM seen_at) * 1000)::bigint,
                 greatest(extract(epoch FROM now() - seen_at) * 1000, 0)::bigint, ",
            seen_lately!(),
            ", sessions, id = $1 FROM node WHERE name IS NOT NULL ORDER BY name, started_at"
        ),
        BYTEA
    );
    let rows = context.query(statement, &[&node.as_slice()])?;
    let record = |row: Row<'_>| {
        let (name, version): (&str, &str) = (row.get(0)?, row.get(1)?);
        Ok(NodeRecord {
            name: name.to_owned(),
            version: version.to_owned(),
            started_at: Timestamp(unsigned(&row, 2)?),
            seen_at: Timestamp(unsigned(&row, 3)?),
            age: Duration::from_millis(unsigned(&row, 4)?),
            state: if row.get(5)? { NodeState::Present } else { NodeState::Gone },
            sessions: unsigned(&row, 6)?,
            identity: if row.get(7)? { NodeIdentity::This } else { NodeIdentity::Other },
        })
    };
    rows.iter().map(record).collect::<Result<_, _>>().map(Nodes::Several)
}
