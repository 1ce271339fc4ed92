//! The table `ended_session`: sessions that must end on all servers. The row is written in the
//! transaction of the change that ends them, so that no failover loses it.

use super::{
    connection::{Connection, Row, Rows},
    context::{Context, Param},
    error::QueryError,
    row::to_sql,
    schema::ENDED_LOCK,
};
use crate::{ids::AccountId, store::news::News};

/// Rows that are read at once.
const PAGE: i64 = 1000;

/// Which sessions of an account end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ended {
    /// All of them.
    All,
    /// Those of mail programs.
    Gateways,
}

/// Has the sessions of an account end on the other servers, once the transaction is committed. On
/// this server, the session that makes the change ends them.
///
/// One transaction at a time adds rows: their numbers become visible in their order, and a server
/// that has read one number has read all lower ones.
pub(super) fn end(
    context: &mut Context<'_, '_>,
    account: AccountId,
    ended: Ended,
) -> Result<(), QueryError> {
    context.query(statement!("SELECT pg_advisory_xact_lock($1)", INT8), &[&ENDED_LOCK])?;
    let statement = statement!(
        "INSERT INTO ended_session (node, account, of_gateways) VALUES ($1, $2, $3)",
        BYTEA,
        INT8,
        BOOL
    );
    let node = context.node();
    let of_gateways = ended == Ended::Gateways;
    context.execute(statement, &[&node.as_slice(), &account.0, &of_gateways]).map(drop)
}

/// Deletes rows that are an hour old. A server that could not read them in that time ends all of
/// its sessions.
pub(super) fn prune(context: &mut Context<'_, '_>) -> Result<(), QueryError> {
    let statement = statement!(
        "WITH old AS (
             DELETE FROM ended_session WHERE ended_at < now() - interval '1 hour' RETURNING id
         )
         UPDATE meta SET ended_through = greatest(ended_through, (SELECT max(id) FROM old))
         WHERE EXISTS (SELECT 1 FROM old)"
    );
    context.execute(statement, &[]).map(drop)
}

/// How far a server has read the table.
#[derive(Clone, Copy, Debug)]
pub(super) struct Position {
    /// The number of the last row that was read.
    last: i64,
    /// The number of the last row of this server that was news for itself.
    last_own: i64,
}

impl Position {
    /// The position after the row of this number, or after its deletion: that of a server that has
    /// no session yet.
    pub(super) fn at(last: i64) -> Self {
        Self { last, last_own: last }
    }

    /// Reads the rows of other servers that were not read yet. All sessions end if the server
    /// cannot know which of them must: rows were deleted before it has read them, or the database
    /// is one of an earlier time, whose numbers are given again. News that was read before an error
    /// is in `news`, and is not read again.
    pub(super) fn read(
        &mut self,
        connection: &mut Connection,
        node: [u8; 16],
        news: &mut Vec<News>,
    ) -> Result<(), QueryError> {
        let statement = statement!(
            "SELECT ended_through, (SELECT coalesce(max(id), 0) FROM ended_session) FROM meta"
        );
        let rows = connection.query(statement, &[])?;
        let row = rows.one()?;
        let (deleted, newest): (i64, i64) = (row.get(0)?, row.get(1)?);
        let newest = newest.max(deleted);
        if self.last < deleted || newest < self.last {
            news.push(News::AllSessionsEnded);
            *self = Self::at(newest);
        }
        loop {
            let rows = page(connection, node, self.last)?;
            for row in rows.iter() {
                let read = EndedRow::read(&row)?;
                self.last = read.number;
                news.extend((read.node == RowNode::Other).then_some(read.news));
            }
            if to_sql(rows.len() as u64) < PAGE {
                return Ok(());
            }
        }
    }

    /// Reads a page of the rows that this server itself has added and has not read yet. They are
    /// news for it after a change whose commit is unknown.
    pub(super) fn read_own(
        &mut self,
        connection: &mut Connection,
        node: [u8; 16],
        news: &mut Vec<News>,
    ) -> Result<(), QueryError> {
        for row in page(connection, node, self.last_own)?.iter() {
            let read = EndedRow::read(&row)?;
            self.last_own = read.number;
            news.extend((read.node == RowNode::This).then_some(read.news));
        }
        Ok(())
    }
}

/// The rows after a number, in their order: at most [`PAGE`].
fn page(connection: &mut Connection, node: [u8; 16], after: i64) -> Result<Rows, QueryError> {
    let statement = statement!(
        "SELECT id, node = $1, account, of_gateways FROM ended_session WHERE id > $2
         ORDER BY id LIMIT $3",
        BYTEA,
        INT8,
        INT8
    );
    let values: [Param<'_>; 3] = [&node.as_slice(), &after, &PAGE];
    connection.query(statement, &values)
}

/// A row of the table.
struct EndedRow {
    number: i64,
    node: RowNode,
    news: News,
}

/// The server that has added a row.
#[derive(Clone, Copy, PartialEq, Eq)]
enum RowNode {
    /// The one that reads it.
    This,
    Other,
}

impl EndedRow {
    fn read(row: &Row<'_>) -> Result<Self, QueryError> {
        let account = AccountId(row.get(2)?);
        Ok(Self {
            number: row.get(0)?,
            node: if row.get(1)? { RowNode::This } else { RowNode::Other },
            news: match row.get(3)? {
                true => News::GatewaySessionsEnded { account },
                false => News::SessionsEnded { account },
            },
        })
    }
}
