//! Jobs of the gateways as SQL, within the transaction of their group.

use correio_proto::mail::Username;
use rusqlite::Result;

use super::{lists, outlines, tables::Tables, uploads};
use crate::{
    ids::AccountId,
    store::{
        StoreDone,
        gateway::{GatewayDone, GatewayJob},
    },
};

/// Runs one job. Its changes are durable once the transaction is committed.
pub(super) fn run_job(tables: &mut Tables<'_>, job: &GatewayJob) -> Result<StoreDone> {
    match job {
        GatewayJob::LogIn { .. } => Ok(StoreDone::Unavailable("not built yet".into())),
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
