//! A cache of the accounts' columns that every mail needs. Only this process writes to the file, so
//! only its own changes can make an entry outdated.

use std::collections::HashMap;

use correio_proto::mail::{FullName, Username};
use foldhash::fast::RandomState;
use rusqlite::{Connection, OptionalExtension, Result, Row};

use super::{
    account_columns::{account_state, own_quota},
    row::{parsed, unsigned},
};
use crate::{
    ids::AccountId,
    store::{Quota, admin::AccountState},
};

/// Most cached accounts. One more empties the cache.
const ACCOUNTS_MAX: usize = 1 << 14;

/// The cache, by id and by username.
#[derive(Debug, Default)]
pub(super) struct AccountCache {
    ids: HashMap<Username, AccountId>,
    accounts: HashMap<AccountId, CachedAccount, RandomState>,
}

/// The cached columns of an account.
#[derive(Clone, Debug)]
pub(super) struct CachedAccount {
    pub(super) username: Username,
    pub(super) full_name: FullName,
    /// Mails in the index of its mailbox.
    pub(super) mails: u32,
    /// Bytes of the subjects and bodies of those mails.
    pub(super) bytes: u64,
    pub(super) state: AccountState,
    /// The account's own quota; `None` for the server's.
    pub(super) quota: Option<Quota>,
}

impl AccountCache {
    /// The account with an id, if there is one.
    ///
    /// # Errors
    ///
    /// The file cannot be read.
    pub(super) fn by_id(
        &mut self,
        db: &Connection,
        id: AccountId,
    ) -> Result<Option<&CachedAccount>> {
        if !self.accounts.contains_key(&id) {
            let sql =
                "SELECT id, username, full_name, mails, bytes, state, quota_mails, quota_bytes
                       FROM account WHERE id = ?1";
            let found = db.prepare_cached(sql)?.query_row([id.0], account).optional()?;
            let Some((id, found)) = found else {
                return Ok(None);
            };
            self.keep(id, found);
        }
        Ok(self.accounts.get(&id))
    }

    /// The account with a username, if there is one.
    ///
    /// # Errors
    ///
    /// The file cannot be read.
    pub(super) fn by_username(
        &mut self,
        db: &Connection,
        username: &Username,
    ) -> Result<Option<(AccountId, &CachedAccount)>> {
        let id = match self.ids.get(username) {
            Some(id) => *id,
            None => {
                let sql = "SELECT id, username, full_name, mails, bytes, state, quota_mails,
                               quota_bytes
                           FROM account WHERE username = ?1";
                let found =
                    db.prepare_cached(sql)?.query_row([username.as_str()], account).optional()?;
                let Some((id, found)) = found else {
                    return Ok(None);
                };
                self.keep(id, found);
                id
            }
        };
        Ok(self.accounts.get(&id).map(|account| (id, account)))
    }

    fn keep(&mut self, id: AccountId, account: CachedAccount) {
        if self.accounts.len() >= ACCOUNTS_MAX {
            self.clear();
        }
        self.ids.insert(account.username.clone(), id);
        self.accounts.insert(id, account);
    }

    /// Drops an account whose row changes.
    pub(super) fn forget(&mut self, id: AccountId) {
        if let Some(account) = self.accounts.remove(&id) {
            self.ids.remove(&account.username);
        }
    }

    /// Empties the cache.
    pub(super) fn clear(&mut self) {
        self.ids.clear();
        self.accounts.clear();
    }
}

fn account(row: &Row<'_>) -> Result<(AccountId, CachedAccount)> {
    let account = CachedAccount {
        username: parsed(row, 1)?,
        full_name: parsed(row, 2)?,
        mails: row.get(3)?,
        bytes: unsigned(row, 4)?,
        state: account_state(row, 5)?,
        quota: own_quota(row, 6)?,
    };
    Ok((AccountId(row.get(0)?), account))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn so_many_accounts_are_kept_and_no_more() {
        let db = Connection::open_in_memory().unwrap();
        db.execute_batch(
            "CREATE TABLE account (id INTEGER PRIMARY KEY, username TEXT UNIQUE, full_name TEXT,
                 mails INTEGER, bytes INTEGER, state INTEGER, quota_mails INTEGER,
                 quota_bytes INTEGER);
             WITH RECURSIVE counted (n) AS
                 (SELECT 1 UNION ALL SELECT n + 1 FROM counted LIMIT 20000)
             INSERT INTO account SELECT n, 'user' || n, 'Tony Stark', n, 2 * n, 0, NULL, NULL FROM counted;",
        )
        .unwrap();
        let (mut cache, mut most) = (AccountCache::default(), 0);
        for number in 1..=20_000_i64 {
            let found = match number % 2 {
                0 => cache.by_id(&db, AccountId(number)).unwrap().cloned(),
                _ => {
                    let username = format!("user{number}").parse().unwrap();
                    let found = cache.by_username(&db, &username).unwrap();
                    found.map(|(_, account)| account.clone())
                }
            };
            assert_eq!(i64::from(found.unwrap().mails), number);
            assert_eq!(cache.ids.len(), cache.accounts.len());
            most = most.max(cache.accounts.len());
        }
        assert_eq!(most, ACCOUNTS_MAX);
    }
}
