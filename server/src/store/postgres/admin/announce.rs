//! Mail of the operator.

use correio_proto::mail::{FullName, Timestamp, Username};

use super::accounts;
use crate::{
    ids::AccountId,
    store::{
        NewMailRecord, StoreDone,
        admin::{self, AdminDone},
        postgres::{
            account_columns::REFUSES_MAIL,
            context::{Context, Param},
            error::QueryError,
            row::{parsed, to_sql},
            send,
        },
    },
};

/// An account that sends a mail, with its names.
type Sender = (AccountId, (Username, FullName));

/// Accounts that one step puts the mail into.
const STEP: usize = 1000;

/// Puts a mail into the mailboxes of the next accounts.
pub(super) fn announce(
    context: &mut Context<'_, '_>,
    mail: &NewMailRecord,
    after: Option<&Username>,
    now: Timestamp,
) -> Result<AdminDone, QueryError> {
    let (sender, from) = match postmaster(context, now)? {
        Ok(postmaster) => postmaster,
        Err(refusal) => return Ok(refusal),
    };
    let statement = statement!(
        "SELECT id, username FROM account WHERE username > $1 AND state <> $2 AND id <> $3
         ORDER BY username LIMIT $4",
        TEXT,
        INT2,
        INT8,
        INT8
    );
    let after = after.map_or("", Username::as_str);
    let values: [Param<'_>; 4] = [&after, &REFUSES_MAIL, &sender.0, &to_sql(STEP as u64)];
    let rows = context.query(statement, &values)?;
    let mut accounts = Vec::with_capacity(rows.len());
    let mut next = None;
    for row in rows.iter() {
        accounts.push(AccountId(row.get(0)?));
        if accounts.len() == STEP {
            next = Some(parsed(&row, 1)?);
        }
    }
    match send::put_once(context, sender, &from, mail, now, accounts)? {
        StoreDone::Sent { recipients: accounts, .. } => Ok(AdminDone::Announced { accounts, next }),
        // A step that is repeated after a lost answer.
        StoreDone::SentBefore { .. } => Ok(AdminDone::Announced { accounts: Vec::new(), next }),
        other => Ok(AdminDone::Refused(other.into())),
    }
}

/// The account that sends the operator's mail, with its names. Makes it if there is none. Refused
/// if an account that a client made has its name: a person would speak for the operator.
pub(super) fn postmaster(
    context: &mut Context<'_, '_>,
    now: Timestamp,
) -> Result<Result<Sender, AdminDone>, QueryError> {
    let (username, full_name) = admin::postmaster();
    let statement = statement!(
        "SELECT id, full_name, register_id IS NULL FROM account WHERE username = $1",
        TEXT
    );
    let rows = context.query(statement, &[&username.as_str()])?;
    if let Some(row) = rows.first() {
        return Ok(match row.get(2)? {
            true => Ok((AccountId(row.get(0)?), (username, parsed(&row, 1)?))),
            false => Err(AdminDone::Taken(vec![username])),
        });
    }
    match accounts::insert(context, &username, &full_name, now)? {
        Some(id) => Ok(Ok((id, (username, full_name)))),
        None => Ok(Err(AdminDone::Taken(vec![username]))),
    }
}
