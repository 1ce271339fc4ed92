//! The rows of `node` that have a name: the servers on the database.

use std::time::Duration;

use correio_proto::mail::Timestamp;

use super::{
    connection::{Connection, Row, Statement},
    context::Context,
    error::QueryError,
    row::{to_sql, unsigned},
};
use crate::store::nodes::{NodeIdentity, NodeName, NodeRecord, NodeState, Nodes};

/// The row of a server, besides its key.
#[derive(Clone, Debug)]
pub(super) struct OwnRow {
    /// Its key.
    pub(super) node: [u8; 16],
    /// Its name; `None` for a command, whose row is not shown.
    pub(super) name: Option<NodeName>,
}

impl OwnRow {
    /// Records that this server is there, with the number of its sessions. Deletes the rows of
    /// servers that have been gone for a day.
    pub(super) fn show(
        &self,
        connection: &mut Connection,
        sessions: u64,
    ) -> Result<(), QueryError> {
        let statement = statement!(
            "INSERT INTO node (id, name, version, sessions) VALUES ($1, $2, $3, $4)
             ON CONFLICT (id) DO UPDATE SET beats = node.beats + 1, seen_at = now(),
                 name = $2, version = $3, sessions = $4",
            BYTEA,
            TEXT,
            TEXT,
            INT8
        );
        let name = self.name.as_ref().map(NodeName::as_str);
        let version = env!("CARGO_PKG_VERSION");
        let sessions = to_sql(sessions);
        connection.execute(statement, &[&self.node.as_slice(), &name, &version, &sessions])?;
        let statement = statement!("DELETE FROM node WHERE seen_at < now() - interval '1 day'");
        connection.execute(statement, &[]).map(drop)
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
