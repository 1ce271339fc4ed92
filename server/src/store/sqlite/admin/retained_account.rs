//! The columns of an account that retention reads, and the days that it has counted.

use correio_proto::mail::{Seq, Timestamp, Username};
use rusqlite::{Connection, Result, Row, params};

use crate::{
    day::day,
    ids::AccountId,
    store::{
        admin::{POSTMASTER, Retention},
        retention::{ACCOUNTS_STEP, MailsWarning, decision::AccountTimes},
        sqlite::account_columns::ENABLED,
        sqlite::row::{optional_timestamp, parsed, to_sql, unsigned},
    },
};

/// An account, as retention sees it.
#[derive(Debug)]
pub(super) struct RetainedAccount {
    pub(super) id: AccountId,
    pub(super) username: Username,
    pub(super) times: AccountTimes,
    pub(super) mails_warned: Option<MailsWarning>,
    /// Mails in the index of its mailbox.
    pub(super) indexed: u64,
}

/// The next accounts that retention may concern.
pub(super) fn next(db: &Connection, after: Option<AccountId>) -> Result<Vec<RetainedAccount>> {
    let sql = "SELECT id, username, used_at, created_at, warned_on, mails_warned_on,
                   mails_warned_before, mails_warned_seq, mails
               FROM account WHERE id > ?1 AND state = ?2 AND username <> ?3 ORDER BY id LIMIT ?4";
    let after = after.map_or(0, |AccountId(id)| id);
    let values = params![after, ENABLED, POSTMASTER, to_sql(ACCOUNTS_STEP as u64)];
    let mut select = db.prepare_cached(sql)?;
    select.query_map(values, account)?.collect()
}

fn account(row: &Row<'_>) -> Result<RetainedAccount> {
    let times = AccountTimes {
        used_at: optional_timestamp(row, 2)?,
        created_at: optional_timestamp(row, 3)?,
        warned_on: optional_timestamp(row, 4)?.map(|Timestamp(day)| day),
    };
    let mails_warned = match (optional_timestamp(row, 5)?, optional_timestamp(row, 6)?) {
        (Some(Timestamp(on)), Some(before)) => {
            Some(MailsWarning { on, before, last: Seq(unsigned(row, 7)?) })
        }
        _ => None,
    };
    Ok(RetainedAccount {
        id: AccountId(row.get(0)?),
        username: parsed(row, 1)?,
        times,
        mails_warned,
        indexed: unsigned(row, 8)?,
    })
}

/// Counts the day of a first step, unless this day or a later one was counted: a clock that goes to
/// and fro between two days counts each of them once. Returns the number of days.
pub(super) fn count_day(db: &Connection, retention: &Retention) -> Result<u64> {
    if retention.after.is_none() && retention.is_on() {
        let sql = "UPDATE meta SET retention_days = retention_days + 1, retention_day = ?1
                   WHERE retention_day IS NULL OR retention_day < ?1";
        db.prepare_cached(sql)?.execute([to_sql(day(retention.now))])?;
    }
    db.prepare_cached("SELECT retention_days FROM meta")?.query_row([], |row| unsigned(row, 0))
}
