//! Jobs of the gateways as SQL, within the transaction of their job.

use std::net::IpAddr;

use correio_proto::mail::{Timestamp, Username};

use super::{
    account_columns::account_state, account_rows, accounts, app_passwords, context::Context,
    error::QueryError, lists, outlines, uploads,
};
use crate::{
    ids::{AccountId, AppPasswordDigest},
    store::{
        StoreDone,
        app_password::record_of_use,
        gateway::{GatewayDone, GatewayJob},
    },
};

/// Runs one job. Its changes are durable once the transaction is committed.
pub(super) fn run_job(
    context: &mut Context<'_, '_>,
    job: &GatewayJob,
) -> Result<StoreDone, QueryError> {
    match job {
        GatewayJob::LogIn { username, password, from, now } => {
            log_in(context, username, *password, *from, *now).map(StoreDone::Gateway)
        }
        GatewayJob::FindRecipient { sender, username } => {
            find_recipient(context, *sender, username)
        }
        GatewayJob::Outline { account, after, mails } => {
            outlines::page(context, *account, *after, *mails)
        }
        GatewayJob::Stage { account, id, offset, bytes, now } => {
            uploads::stage(context, *account, *id, (*offset, bytes), *now)
        }
        GatewayJob::Discard { account, id } => {
            if !account_rows::lock(context, *account)? {
                return Ok(StoreDone::NoAccount);
            }
            uploads::discard(context, *account, *id)?;
            Ok(StoreDone::Gateway(GatewayDone::Discarded))
        }
    }
}

fn log_in(
    context: &mut Context<'_, '_>,
    username: &Username,
    password: AppPasswordDigest,
    from: IpAddr,
    now: Timestamp,
) -> Result<GatewayDone, QueryError> {
    let Some((id, used)) = app_passwords::find(context, username, password)? else {
        return Ok(GatewayDone::WrongPassword);
    };
    let Some(account) = accounts::find(context, username)? else {
        return Ok(GatewayDone::WrongPassword);
    };
    if let Some(used) = record_of_use(used, now, from) {
        app_passwords::set_used(context, id, used)?;
    }
    Ok(GatewayDone::LoggedIn(Box::new(account)))
}

/// Finds a recipient, as [`GatewayJob::FindRecipient`] describes it.
fn find_recipient(
    context: &mut Context<'_, '_>,
    sender: AccountId,
    username: &Username,
) -> Result<StoreDone, QueryError> {
    let Some((from, _)) = account_rows::names_of(context, sender)? else {
        return Ok(StoreDone::NoAccount);
    };
    let statement = statement!("SELECT state FROM account WHERE username = $1", TEXT);
    let rows = context.query(statement, &[&username.as_str()])?;
    let done = match rows.first() {
        Some(row) if account_state(&row, 0)?.takes_mail() => GatewayDone::Recipient,
        Some(_) => GatewayDone::UnknownRecipient,
        None => match lists::find(context, username, &from)? {
            Some(list) if list.standing.may_send() => GatewayDone::Recipient,
            Some(_) => GatewayDone::MayNotSend,
            None => GatewayDone::UnknownRecipient,
        },
    };
    Ok(StoreDone::Gateway(done))
}
