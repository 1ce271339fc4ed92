//! Mail of the operator.

use correio_proto::mail::{FullName, Timestamp, Username};
use rusqlite::{Result, params};

use super::accounts;
use crate::{
    ids::AccountId,
    store::{
        NewMailRecord, StoreDone,
        admin::{self, AdminDone},
        sqlite::{
            account_columns::REFUSES_MAIL,
            mails,
            row::{parsed, to_sql},
            tables::Tables,
        },
    },
};

/// An account that sends a mail, with its names.
type Sender = (AccountId, (Username, FullName));

/// Accounts that one step puts the mail into.
const STEP: usize = 1000;

/// Puts a mail into the mailboxes of the next accounts.
pub(super) fn announce(
    tables: &mut Tables<'_>,
    mail: &NewMailRecord,
    after: Option<&Username>,
    now: Timestamp,
) -> Result<AdminDone> {
    let (sender, from) = match postmaster(tables, now)? {
        Ok(postmaster) => postmaster,
        Err(refusal) => return Ok(refusal),
    };
    let sql = "SELECT id, username FROM account WHERE username > ?1 AND state <> ?2 AND id <> ?3
               ORDER BY username LIMIT ?4";
    let after = after.map_or("", Username::as_str);
    let values = params![after, REFUSES_MAIL, sender.0, to_sql(STEP as u64)];
    let mut select = tables.db.prepare_cached(sql)?;
    let rows = select
        .query_map(values, |row| Ok((AccountId(row.get(0)?), parsed::<Username>(row, 1)?)))?;
    let reached = rows.collect::<Result<Vec<_>>>()?;
    drop(select);
    let next = reached.get(STEP - 1).map(|(_, username)| username.clone());
    let accounts: Vec<AccountId> = reached.into_iter().map(|(id, _)| id).collect();
    // A step is as long as a mail to a list of as many members.
    tables.work += accounts.len();
    match mails::put_once(tables, sender, &from, mail, now, accounts)? {
        StoreDone::Sent { recipients: accounts, .. } => Ok(AdminDone::Announced { accounts, next }),
        // A step that is repeated after a lost answer.
        StoreDone::SentBefore { .. } => Ok(AdminDone::Announced { accounts: Vec::new(), next }),
        other => Ok(AdminDone::Refused(other.into())),
    }
}

/// The account that sends the operator's mail, with its names. Makes it if there is none. Refused
/// if a list has its name, or an account that a client made before the name was kept: a person
/// would speak for the operator.
pub(super) fn postmaster(
    tables: &mut Tables<'_>,
    now: Timestamp,
) -> Result<std::result::Result<Sender, AdminDone>> {
    let (username, full_name) = admin::postmaster();
    if let Some((id, account)) = tables.accounts.by_username(tables.db, &username)? {
        let names = (username.clone(), account.full_name.clone());
        return Ok(match accounts::is_own(tables.db, id)? {
            true => Ok((id, names)),
            false => Err(AdminDone::Taken(vec![username])),
        });
    }
    if accounts::is_taken(tables, &username)? {
        return Ok(Err(AdminDone::Taken(vec![username])));
    }
    let id = accounts::insert(tables, &username, &full_name, now)?;
    Ok(Ok((id, (username, full_name))))
}
