//! The row of this server in the table `node`, which a transaction raises that must write
//! something.
//!
//! A commit that wrote nothing waits for no standby. But what its transaction has read may be a
//! change that only the primary has: one whose own wait was cut off by a restart or by the end of
//! its connection. An answer that rests on such a change would acknowledge what the next primary
//! does not know. After a commit that writes, everything that it could read is replicated, too.

use super::{
    connection::{Connection, Pipeline, Statement},
    error::QueryError,
};

/// The row of this server.
#[derive(Clone, Copy, Debug)]
pub(super) struct Heartbeat {
    /// Its key, which is random.
    pub(super) node: [u8; 16],
}

impl Heartbeat {
    /// Shows that this server is there.
    pub(super) fn beat(self, connection: &mut Connection) -> Result<(), QueryError> {
        connection.execute(beat(), &[&self.node.as_slice()]).map(drop)
    }

    /// Has the transaction of a pipeline write something.
    pub(super) fn add_to(self, pipeline: &mut Pipeline<'_>) {
        pipeline.add(beat(), &[&self.node.as_slice()]);
    }
}

/// The statement that raises the row, whose key is its parameter.
pub(super) fn beat() -> &'static Statement {
    statement!(
        "INSERT INTO node (id) VALUES ($1)
         ON CONFLICT (id) DO UPDATE SET beats = node.beats + 1, seen_at = now()",
        BYTEA
    )
}
