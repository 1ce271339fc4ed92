//! The columns of an account that retention reads, and the days that it has counted.

use correio_proto::mail::{Timestamp, Username};
use rusqlite::{Connection, Result, Row, params};

use crate::{
    ids::AccountId,
    store::{
        admin::{POSTMASTER, Retention},
        retention::{ACCOUNTS_STEP, day},
        sqlite::row::{optional_timestamp, parsed, to_sql, unsigned},
    },
};

/// An account, as retention sees it.
#[derive(Debug)]
pub(super) struct RetainedAccount {
    pub(super) id: AccountId,
    pub(super) username: Username,
    /// When it was last used or, if that is not known, when it was made.
    pub(super) last_used: Option<Timestamp>,
    /// The day of the warning that it will be deleted.
    pub(super) warned_on: Option<u64>,
    /// The day of the warning about its mails, and the time before which they were sent.
    pub(super) mails_warned: Option<(u64, Timestamp)>,
    /// Mails in the index of its mailbox.
    pub(super) indexed: u64,
}

/// The next accounts that retention may concern.
pub(super) fn next(db: &Connection, after: Option<AccountId>) -> Result<Vec<RetainedAccount>> {
    let sql = "SELECT id, username, coalesce(used_at, created_at), warned_on, mails_warned_on,
                   mails_warned_before, mails
               FROM account WHERE id > ?1 AND state = 0 AND username <> ?2 ORDER BY id LIMIT ?3";
    let after = after.map_or(0, |AccountId(id)| id);
    let values = params![after, POSTMASTER, to_sql(ACCOUNTS_STEP as u64)];
    let mut select = db.prepare_cached(sql)?;
    select.query_map(values, account)?.collect()
}

fn account(row: &Row<'_>) -> Result<RetainedAccount> {
    let warned_on = optional_timestamp(row, 3)?.map(|Timestamp(day)| day);
    let mails_warned = optional_timestamp(row, 4)?.zip(optional_timestamp(row, 5)?);
    Ok(RetainedAccount {
        id: AccountId(row.get(0)?),
        username: parsed(row, 1)?,
        last_used: optional_timestamp(row, 2)?,
        warned_on,
        mails_warned: mails_warned.map(|(Timestamp(day), before)| (day, before)),
        indexed: unsigned(row, 6)?,
    })
}

/// Counts the day of a first step, unless another step of this day has counted it. Returns the number
/// of days.
pub(super) fn count_day(db: &Connection, retention: &Retention) -> Result<u64> {
    if retention.after.is_none() {
        let sql = "UPDATE meta SET retention_days = retention_days + 1, retention_day = ?1
                   WHERE retention_day IS NOT ?1";
        db.prepare_cached(sql)?.execute([to_sql(day(retention.now))])?;
    }
    db.prepare_cached("SELECT retention_days FROM meta")?.query_row([], |row| unsigned(row, 0))
}
