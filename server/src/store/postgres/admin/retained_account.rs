//! The columns of an account that retention reads, and the days that it has counted.

use correio_proto::mail::{Seq, Username};

use crate::{
    day::day,
    ids::AccountId,
    store::{
        admin::{POSTMASTER, Retention},
        postgres::{
            account_columns::ENABLED,
            connection::Row,
            context::{Context, Param},
            error::QueryError,
            row::{optional_timestamp, optional_unsigned, parsed, to_sql, unsigned},
        },
        retention::{ACCOUNTS_STEP, MailsWarning, decision::AccountTimes},
    },
};

/// An account, as retention sees it.
#[derive(Debug)]
pub(super) struct RetainedAccount {
    pub(super) id: AccountId,
    pub(super) username: Username,
    pub(super) times: AccountTimes,
    pub(super) mails_warned: Option<MailsWarning>,
    /// Mails of its mailbox.
    pub(super) mails: u64,
}

/// The next accounts that retention may concern.
pub(super) fn next(
    context: &mut Context<'_, '_>,
    after: Option<AccountId>,
) -> Result<Vec<RetainedAccount>, QueryError> {
    let statement = statement!(
        "SELECT id, username, used_at, created_at, warned_on, mails_warned_on,
             mails_warned_before, mails_warned_seq, mails
         FROM account JOIN mailbox ON account = id
         WHERE id > $1 AND state = $2 AND username <> $3 ORDER BY id LIMIT $4",
        INT8,
        INT2,
        TEXT,
        INT8
    );
    let after = after.map_or(0, |AccountId(id)| id);
    let values: [Param<'_>; 4] = [&after, &ENABLED, &POSTMASTER, &to_sql(ACCOUNTS_STEP as u64)];
    context.query(statement, &values)?.iter().map(|row| account(&row)).collect()
}

fn account(row: &Row<'_>) -> Result<RetainedAccount, QueryError> {
    let times = AccountTimes {
        used_at: optional_timestamp(row, 2)?,
        created_at: optional_timestamp(row, 3)?,
        warned_on: optional_unsigned(row, 4)?,
    };
    let mails_warned = match (optional_unsigned(row, 5)?, optional_timestamp(row, 6)?) {
        (Some(on), Some(before)) => Some(MailsWarning { on, before, last: Seq(unsigned(row, 7)?) }),
        _ => None,
    };
    let (id, username) = (AccountId(row.get(0)?), parsed(row, 1)?);
    Ok(RetainedAccount { id, username, times, mails_warned, mails: unsigned(row, 8)? })
}

/// Counts the day of a first step, unless this day or a later one was counted: a clock that goes to
/// and fro between two days counts each of them once. Returns the number of days.
pub(super) fn count_day(
    context: &mut Context<'_, '_>,
    retention: &Retention,
) -> Result<u64, QueryError> {
    if retention.after.is_none() && retention.is_on() {
        let statement = statement!(
            "UPDATE meta SET retention_days = retention_days + 1, retention_day = $1
             WHERE retention_day IS NULL OR retention_day < $1",
            INT8
        );
        context.execute(statement, &[&to_sql(day(retention.now))])?;
    }
    let rows = context.query(statement!("SELECT retention_days FROM meta"), &[])?;
    rows.first().map_or(Ok(0), |row| unsigned(&row, 0))
}

/// The last number that was given to a mail.
pub(super) fn last_seq(context: &mut Context<'_, '_>) -> Result<Seq, QueryError> {
    let statement =
        statement!("SELECT CASE WHEN is_called THEN last_value ELSE 0 END FROM mail_seq");
    let rows = context.query(statement, &[])?;
    rows.first().map_or(Ok(Seq(0)), |row| unsigned(&row, 0).map(Seq))
}
