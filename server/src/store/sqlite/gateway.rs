//! Jobs of the gateways as SQL, within the transaction of their group.

use std::net::IpAddr;

use correio_proto::mail::{Timestamp, Username};
use rusqlite::Result;

use super::{accounts, app_passwords, tables::Tables};
use crate::{
    ids::AppPasswordDigest,
    store::{
        StoreDone,
        app_password::record_of_use,
        gateway::{GatewayDone, GatewayJob},
    },
};

/// Runs one job. Its changes are durable once the transaction is committed.
pub(super) fn run_job(tables: &mut Tables<'_>, job: &GatewayJob) -> Result<StoreDone> {
    match job {
        GatewayJob::LogIn { username, password, from, now } => {
            log_in(tables, username, *password, *from, *now).map(StoreDone::Gateway)
        }
        GatewayJob::FindRecipient { .. }
        | GatewayJob::Outline { .. }
        | GatewayJob::Stage { .. }
        | GatewayJob::Discard { .. } => Ok(StoreDone::Unavailable("not built yet".into())),
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
