//! The operator's jobs about accounts.

use correio_proto::mail::{FullName, Timestamp, Username};

use crate::{
    ids::AccountId,
    store::{
        Quota,
        admin::{
            AccountOverview, AccountState, AdminDone, CodeRecord, NewAccountRecord, Totals, Usage,
        },
        lists::is_reserved,
        postgres::{
            account_columns::{ENABLED, account_state, own_quota, password_hash, state_number},
            account_rows, accounts, app_passwords,
            connection::{Row, Statement},
            context::{Context, Param},
            ended_sessions::{self, Ended},
            error::QueryError,
            names,
            row::{optional_timestamp, parsed, to_sql, unsigned},
        },
    },
};

/// Reads a page of accounts.
pub(super) fn page(
    context: &mut Context<'_, '_>,
    after: Option<&Username>,
    max: usize,
) -> Result<AdminDone, QueryError> {
    let statement = statement!(
        "SELECT id, username, full_name, hash, mails, bytes, state, code_expires_at, quota_mails,
             quota_bytes, created_at, used_at
         FROM account JOIN mailbox ON account = id
         WHERE username > $1 ORDER BY username LIMIT $2",
        TEXT,
        INT8
    );
    // One more shows whether there are more.
    let wanted = to_sql(max.saturating_add(1) as u64);
    let rows = context.query(statement, &[&after.map_or("", Username::as_str), &wanted])?;
    let accounts = rows.iter().map(|row| overview(context.quota, &row));
    let mut accounts = accounts.collect::<Result<Vec<_>, _>>()?;
    let more = accounts.len() > max;
    accounts.truncate(max);
    Ok(AdminDone::Accounts { accounts, more })
}

/// Reads an account.
pub(super) fn show(
    context: &mut Context<'_, '_>,
    username: &Username,
) -> Result<AdminDone, QueryError> {
    let statement = statement!(
        "SELECT id, username, full_name, hash, mails, bytes, state, code_expires_at, quota_mails,
             quota_bytes, created_at, used_at
         FROM account JOIN mailbox ON account = id WHERE username = $1",
        TEXT
    );
    let rows = context.query(statement, &[&username.as_str()])?;
    let Some(row) = rows.first() else {
        return Ok(AdminDone::NoAccount);
    };
    let account = overview(context.quota, &row)?;
    let app_passwords = app_passwords::of(context, account.id)?;
    Ok(AdminDone::Account(Box::new(account), app_passwords))
}

fn overview(quota: Quota, row: &Row<'_>) -> Result<AccountOverview, QueryError> {
    let own_quota = own_quota(row, 8)?;
    Ok(AccountOverview {
        id: AccountId(row.get(0)?),
        username: parsed(row, 1)?,
        full_name: parsed(row, 2)?,
        state: account_state(row, 6)?,
        has_password: password_hash(row, 3)?.is_some(),
        code_expires_at: optional_timestamp(row, 7)?,
        usage: Usage {
            mails: unsigned(row, 4)?,
            bytes: unsigned(row, 5)?,
            quota: own_quota.unwrap_or(quota),
        },
        has_own_quota: own_quota.is_some(),
        created_at: optional_timestamp(row, 10)?,
        used_at: optional_timestamp(row, 11)?,
    })
}

/// Makes accounts, all of them or none. Their names are taken in one order, so that two jobs with
/// the same names do not wait for each other.
pub(super) fn create(
    context: &mut Context<'_, '_>,
    accounts: &[NewAccountRecord],
    now: Timestamp,
) -> Result<AdminDone, QueryError> {
    let mut order: Vec<&NewAccountRecord> = accounts.iter().collect();
    order.sort_by(|one, other| one.username.cmp(&other.username));
    let mut taken = Vec::new();
    for NewAccountRecord { username, full_name, code } in order {
        let account = match is_reserved(username) {
            true => None,
            false => insert(context, username, full_name, now)?,
        };
        match account {
            None => taken.push(username),
            Some(account) if taken.is_empty() => {
                let statement = statement!(
                    "UPDATE account SET code = $2, code_expires_at = $3 WHERE id = $1",
                    INT8,
                    BYTEA,
                    INT8
                );
                let values: [Param<'_>; 3] =
                    [&account.0, &code.digest.0.as_slice(), &to_sql(code.expires_at.0)];
                context.execute(statement, &values)?;
            }
            Some(_) => {}
        }
    }
    if taken.is_empty() {
        return Ok(AdminDone::Created);
    }
    let is_taken = |account: &&NewAccountRecord| taken.contains(&&account.username);
    let names = accounts.iter().filter(is_taken).map(|account| account.username.clone()).collect();
    Ok(context.refuse(AdminDone::Taken(names)))
}

/// Makes an account without a password. `None` if an account or a list has its name.
pub(super) fn insert(
    context: &mut Context<'_, '_>,
    username: &Username,
    full_name: &FullName,
    now: Timestamp,
) -> Result<Option<AccountId>, QueryError> {
    match names::take_for_account(context, username)? {
        true => accounts::insert(context, (username, full_name), "", None, Some(now)).map(Some),
        false => Ok(None),
    }
}

/// Gives an account a recovery code, and revokes its app passwords.
pub(super) fn set_code(
    context: &mut Context<'_, '_>,
    username: &Username,
    code: &CodeRecord,
) -> Result<AdminDone, QueryError> {
    let statement = statement!(
        "UPDATE account SET code = $2, code_expires_at = $3 WHERE username = $1 RETURNING id",
        TEXT,
        BYTEA,
        INT8
    );
    let (digest, expires_at) = (code.digest.0.as_slice(), to_sql(code.expires_at.0));
    match change(context, statement, &[&username.as_str(), &digest, &expires_at])? {
        AdminDone::Changed(Some(account)) => {
            let revoked = app_passwords::revoke_all(context, account)?;
            ended_sessions::end(context, account, Ended::Gateways)?;
            Ok(AdminDone::CodeSet { account, revoked })
        }
        done => Ok(done),
    }
}

/// Enables or disables an account. What its owner was warned of before does not count afterwards.
pub(super) fn set_state(
    context: &mut Context<'_, '_>,
    username: &Username,
    state: AccountState,
) -> Result<AdminDone, QueryError> {
    let statement = statement!(
        "UPDATE account SET state = $2, warned_on = NULL, mails_warned_on = NULL,
             mails_warned_before = NULL, mails_warned_seq = NULL
         WHERE username = $1 RETURNING id",
        TEXT,
        INT2
    );
    let changed = change(context, statement, &[&username.as_str(), &state_number(state)])?;
    if let (AdminDone::Changed(Some(account)), AccountState::Disabled(_)) = (&changed, state) {
        ended_sessions::end(context, *account, Ended::All)?;
    }
    Ok(changed)
}

/// Gives an account a quota of its own, or takes it back.
pub(super) fn set_quota(
    context: &mut Context<'_, '_>,
    username: &Username,
    quota: Option<Quota>,
) -> Result<AdminDone, QueryError> {
    let statement = statement!(
        "UPDATE account SET quota_mails = $2, quota_bytes = $3 WHERE username = $1 RETURNING id",
        TEXT,
        INT8,
        INT8
    );
    let mails = quota.map(|quota| i64::from(quota.mails));
    let bytes = quota.map(|quota| to_sql(quota.bytes));
    change(context, statement, &[&username.as_str(), &mails, &bytes])
}

/// Runs a statement that changes one account and returns its id.
fn change(
    context: &mut Context<'_, '_>,
    statement: &'static Statement,
    values: &[Param<'_>],
) -> Result<AdminDone, QueryError> {
    match context.change(statement, values)?.first() {
        Some(row) => Ok(AdminDone::Changed(Some(AccountId(row.get(0)?)))),
        None => Ok(AdminDone::NoAccount),
    }
}

/// Changes an account's full name.
pub(super) fn rename(
    context: &mut Context<'_, '_>,
    username: &Username,
    full_name: &FullName,
) -> Result<AdminDone, QueryError> {
    let Some(account) = account_rows::id_of(context, username)? else {
        return Ok(AdminDone::NoAccount);
    };
    accounts::set_full_name(context, account, full_name)?;
    Ok(AdminDone::Changed(Some(account)))
}

/// Deletes an account and its mailbox.
pub(super) fn delete(
    context: &mut Context<'_, '_>,
    username: &Username,
) -> Result<AdminDone, QueryError> {
    let Some(account) = account_rows::id_of(context, username)? else {
        return Ok(AdminDone::NoAccount);
    };
    accounts::delete_all(context, account)?;
    Ok(AdminDone::Changed(Some(account)))
}

/// Counts accounts, mails and lists.
pub(super) fn totals(context: &mut Context<'_, '_>) -> Result<AdminDone, QueryError> {
    let statement = statement!(
        concat!(
            "SELECT count(*), count(*) FILTER (WHERE state <> $1), coalesce(sum(mails), 0)::bigint,
                 coalesce(sum(bytes), 0)::bigint, (SELECT count(*) FROM list),
                 pg_database_size(current_database()),
                 (SELECT count(*) FROM node WHERE name IS NOT NULL AND ",
            seen_lately!(),
            ") FROM account JOIN mailbox ON account = id"
        ),
        INT2
    );
    let rows = context.query(statement, &[&ENABLED])?;
    let Some(row) = rows.first() else {
        return Ok(AdminDone::Totals(Totals::default()));
    };
    Ok(AdminDone::Totals(Totals {
        accounts: unsigned(&row, 0)?,
        disabled: unsigned(&row, 1)?,
        mails: unsigned(&row, 2)?,
        bytes: unsigned(&row, 3)?,
        lists: unsigned(&row, 4)?,
        file_bytes: unsigned(&row, 5)?,
        nodes: Some(unsigned(&row, 6)?),
    }))
}
