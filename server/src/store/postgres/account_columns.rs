//! Columns of the table `account` that several jobs read: state, quota, password and code.

use super::{
    connection::Row,
    error::QueryError,
    row::{array, damaged, timestamp, unsigned},
};
use crate::{
    ids::{CodeDigest, PasswordHash},
    store::{
        Quota,
        admin::{AccountState, CodeRecord, DisabledMail},
    },
};

/// State of accounts that are enabled.
pub(super) const ENABLED: i16 = state_number(AccountState::Enabled);

/// State of accounts whose mailboxes take no mail.
pub(super) const REFUSES_MAIL: i16 = state_number(AccountState::Disabled(DisabledMail::Refused));

/// The number that stands for a state.
pub(super) const fn state_number(state: AccountState) -> i16 {
    match state {
        AccountState::Enabled => 0,
        AccountState::Disabled(DisabledMail::Kept) => 1,
        AccountState::Disabled(DisabledMail::Refused) => 2,
    }
}

/// Reads `state`.
pub(super) fn account_state(row: &Row<'_>, column: usize) -> Result<AccountState, QueryError> {
    match row.get::<i16>(column)? {
        0 => Ok(AccountState::Enabled),
        1 => Ok(AccountState::Disabled(DisabledMail::Kept)),
        2 => Ok(AccountState::Disabled(DisabledMail::Refused)),
        other => Err(damaged(column, &format_args!("the state {other}"))),
    }
}

/// Reads `quota_mails, quota_bytes`: an account's own quota, or `None` for the server's.
pub(super) fn own_quota(row: &Row<'_>, column: usize) -> Result<Option<Quota>, QueryError> {
    if row.get::<Option<i64>>(column)?.is_none() {
        return Ok(None);
    }
    let mails = u32::try_from(unsigned(row, column)?).unwrap_or(u32::MAX);
    Ok(Some(Quota { mails, bytes: unsigned(row, column + 1)? }))
}

/// Reads `hash`, which is empty where no password was set.
pub(super) fn password_hash(
    row: &Row<'_>,
    column: usize,
) -> Result<Option<PasswordHash>, QueryError> {
    let hash: &str = row.get(column)?;
    Ok((!hash.is_empty()).then(|| PasswordHash(hash.into())))
}

/// Reads `code, code_expires_at`.
pub(super) fn code(row: &Row<'_>, column: usize) -> Result<Option<CodeRecord>, QueryError> {
    if row.get::<Option<&[u8]>>(column)?.is_none() {
        return Ok(None);
    }
    let digest = CodeDigest(array(row, column)?);
    Ok(Some(CodeRecord { digest, expires_at: timestamp(row, column + 1)? }))
}
