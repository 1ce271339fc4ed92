//! Jobs of the gateways as SQL, within the transaction of their group.

use std::net::IpAddr;

use correio_proto::mail::{Timestamp, Username};
use rusqlite::Result;

use super::{accounts, app_passwords, lists, outlines, tables::Tables, uploads};
use crate::{
    ids::{AccountId, AppPasswordDigest},
    store::{
        StoreDone,
        app_password::record_of_use,
        gateway::{GatewayDone, GatewayJob},
    },
};

/// Does a job. Its changes are durable once the transaction is committed.
pub(super) fn run_job(tables: &mut Tables<'_>, job: &GatewayJob) -> Result<StoreDone> {
    match job {
        GatewayJob::LogIn { username, password, from, now } => {
            log_in(tables, username, *password, *from, *now).map(StoreDone::Gateway)
        }
        GatewayJob::FindRecipient { sender, username } => find_recipient(tables, *sender, username),
        GatewayJob::Outline { account, after, mails } => {
            outlines::page(tables, *account, *after, *mails)
        }
        GatewayJob::Stage { account, id, offset, bytes, now } => {
            uploads::stage(tables, *account, *id, (*offset, bytes), *now)
        }
        GatewayJob::Discard { account, id } => {
            if tables.accounts.by_id(tables.db, *account)?.is_none() {
                return Ok(StoreDone::NoAccount);
            }
            uploads::discard(tables, *account, *id)?;
            Ok(StoreDone::Gateway(GatewayDone::Discarded))
        }
    }
}

fn log_in(
    tables: &Tables<'_>,
    username: &Username,
    password: AppPasswordDigest,
    from: IpAddr,
    now: Timestamp,
) -> Result<GatewayDone> {
    let Some((id, used)) = app_passwords::find(tables.db, username, password)? else {
        return Ok(GatewayDone::WrongPassword);
    };
    let Some(account) = accounts::find(tables, username)? else {
        return Ok(GatewayDone::WrongPassword);
    };
    if let Some(used) = record_of_use(used, now, from) {
        app_passwords::set_used(tables.db, id, used)?;
    }
    Ok(GatewayDone::LoggedIn(Box::new(account)))
}

/// Finds a recipient, as [`GatewayJob::FindRecipient`] describes it.
fn find_recipient(
    tables: &mut Tables<'_>,
    sender: AccountId,
    username: &Username,
) -> Result<StoreDone> {
    let Some(from) = tables.accounts.by_id(tables.db, sender)? else {
        return Ok(StoreDone::NoAccount);
    };
    let from = from.username.clone();
    let done = match tables.accounts.by_username(tables.db, username)? {
        Some((_, account)) if account.state.takes_mail() => GatewayDone::Recipient,
        Some(_) => GatewayDone::UnknownRecipient,
        None => match lists::find(tables.db, username, &from)? {
            Some(list) if list.standing.may_send() => GatewayDone::Recipient,
            Some(_) => GatewayDone::MayNotSend,
            None => GatewayDone::UnknownRecipient,
        },
    };
    Ok(StoreDone::Gateway(done))
}
