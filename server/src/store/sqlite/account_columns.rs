//! Columns of the table `account` that several jobs read: state, quota, password and code.

use rusqlite::{
    Result, Row,
    types::{FromSqlError, ValueRef},
};

use super::row::{converted, timestamp, unsigned};
use crate::{
    ids::{CodeDigest, PasswordHash},
    store::{
        Quota,
        admin::{AccountState, CodeRecord, DisabledMail},
    },
};

/// State of accounts that are enabled.
pub(super) const ENABLED: i64 = state_number(AccountState::Enabled);

/// State of accounts whose mailboxes take no mail.
pub(super) const REFUSES_MAIL: i64 = state_number(AccountState::Disabled(DisabledMail::Refused));

/// The number that stands for a state.
pub(super) const fn state_number(state: AccountState) -> i64 {
    match state {
        AccountState::Enabled => 0,
        AccountState::Disabled(DisabledMail::Kept) => 1,
        AccountState::Disabled(DisabledMail::Refused) => 2,
    }
}

/// Reads `state`.
pub(super) fn account_state(row: &Row<'_>, column: usize) -> Result<AccountState> {
    converted(row, column, |value| match value.as_i64()? {
        0 => Ok(AccountState::Enabled),
        1 => Ok(AccountState::Disabled(DisabledMail::Kept)),
        2 => Ok(AccountState::Disabled(DisabledMail::Refused)),
        other => Err(FromSqlError::OutOfRange(other)),
    })
}

/// Reads `quota_mails, quota_bytes`: an account's own quota, or `None` for the server's.
pub(super) fn own_quota(row: &Row<'_>, column: usize) -> Result<Option<Quota>> {
    match row.get_ref(column)? {
        ValueRef::Null => Ok(None),
        _ => {
            let (mails, bytes) = (row.get(column)?, unsigned(row, column + 1)?);
            Ok(Some(Quota { mails, bytes }))
        }
    }
}

/// Reads `hash`, which is empty where no password was set.
pub(super) fn password_hash(row: &Row<'_>, column: usize) -> Result<Option<PasswordHash>> {
    let hash: Box<str> = row.get(column)?;
    Ok((!hash.is_empty()).then_some(PasswordHash(hash)))
}

/// Reads `code, code_expires_at`.
pub(super) fn code(row: &Row<'_>, column: usize) -> Result<Option<CodeRecord>> {
    match row.get_ref(column)? {
        ValueRef::Null => Ok(None),
        _ => {
            let digest = CodeDigest(row.get(column)?);
            Ok(Some(CodeRecord { digest, expires_at: timestamp(row, column + 1)? }))
        }
    }
}
