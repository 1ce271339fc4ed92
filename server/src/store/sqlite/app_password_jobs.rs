//! Jobs about app passwords as SQL, within the transaction of their group.

use rusqlite::{Connection, Result};

use super::{accounts, app_passwords};
use crate::store::{
    StoreDone,
    app_password::{AppPasswordDone, AppPasswordJob},
};

/// Does a job. Its changes are durable once the transaction is committed.
pub(super) fn run_job(db: &Connection, job: &AppPasswordJob) -> Result<StoreDone> {
    let (AppPasswordJob::Create { account, .. }
    | AppPasswordJob::List { account }
    | AppPasswordJob::Revoke { account, .. }) = job;
    if !accounts::exists(db, *account)? {
        return Ok(StoreDone::NoAccount);
    }
    let done = match job {
        AppPasswordJob::Create { account, label, digest, now } => {
            app_passwords::create(db, *account, label, *digest, *now)?
        }
        AppPasswordJob::List { account } => AppPasswordDone::List(app_passwords::of(db, *account)?),
        AppPasswordJob::Revoke { account, id } => app_passwords::revoke(db, *account, *id)?,
    };
    Ok(StoreDone::AppPassword(done))
}
