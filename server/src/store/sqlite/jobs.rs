//! Runs jobs as SQL within the transaction of their group: the function of each job.

use correio_proto::mail::Timestamp;
use rusqlite::{Connection, Result, params};

use super::{
    accounts, admin, app_password_jobs, contents, gateway, list_changes, lists, mails, row::to_sql,
    tables::Tables, uploads,
};
use crate::store::{StoreDone, StoreJob};

/// Idempotency records deleted in one step.
const PRUNE_STEP: u32 = 1000;

/// Runs one job. Its changes are durable once the transaction is committed.
pub(super) fn run_job(tables: &mut Tables<'_>, job: &StoreJob) -> Result<StoreDone> {
    match job {
        StoreJob::FindAccount { username } => {
            let account = accounts::find(tables, username)?;
            Ok(StoreDone::Account(account.map(Box::new)))
        }
        StoreJob::CreateAccount { register_id, username, full_name, hash, invite } => {
            accounts::create(tables, register_id, username, full_name, hash, *invite)
        }
        StoreJob::SetFullName { account, full_name } => {
            accounts::set_full_name(tables, *account, full_name)
        }
        StoreJob::SetHash { account, old, new, change } => {
            accounts::set_hash(tables.db, *account, old, new, *change)
        }
        StoreJob::DeleteAccount { account, hash } => accounts::delete(tables, *account, hash),
        StoreJob::Send { sender, mail, to_lists, now } => {
            mails::send(tables, *sender, mail, *to_lists, *now)
        }
        StoreJob::Fetch { account, after, mails, bytes } => {
            mails::fetch(tables, *account, *after, *mails, *bytes)
        }
        StoreJob::Confirm { account, mails } => mails::confirm(tables, *account, mails),
        StoreJob::Upload { account, id, size, offset, bytes, now } => {
            uploads::upload(tables, *account, *id, *size, (*offset, bytes), *now)
        }
        StoreJob::Read { account, mail, offset } => {
            contents::read(tables, *account, *mail, *offset)
        }
        StoreJob::Find { .. } => {
            Ok(StoreDone::Unavailable("a find is not for the store thread".into()))
        }
        StoreJob::ListsOf { account } => lists::of(tables, *account),
        StoreJob::Members { account, name, after, members } => {
            lists::members(tables, *account, name, after.as_ref(), *members)
        }
        StoreJob::ChangeList { account, name, change } => {
            list_changes::change(tables, *account, name, change)
        }
        StoreJob::Recover { username, code, hash, now } => {
            accounts::recover(tables, username, code, hash, *now)
        }
        StoreJob::SetUsed { account, now } => accounts::set_used(tables.db, *account, *now),
        StoreJob::AppPassword(job) => app_password_jobs::run_job(tables.db, job),
        StoreJob::Gateway(job) => gateway::run_job(tables, job),
        StoreJob::Admin(job) => admin::run_job(tables, job).map(StoreDone::Admin),
        StoreJob::Prune { before, uploads_before } => {
            let (records, more_records) = prune(tables.db, *before)?;
            let (uploads, more_uploads) = uploads::prune(tables, *uploads_before)?;
            Ok(StoreDone::Pruned { records, uploads, more: more_records || more_uploads })
        }
    }
}

/// Deletes idempotency records. Returns their number, and whether there are more.
fn prune(db: &Connection, before: Timestamp) -> Result<(u32, bool)> {
    // Records of deleted accounts are deleted, too, but not counted.
    let sql = "DELETE FROM verdict WHERE (id, sender) IN
               (SELECT id, sender FROM verdict WHERE sent_at < ?1 ORDER BY sent_at LIMIT ?2)
               RETURNING EXISTS (SELECT 1 FROM account WHERE account.id = sender)";
    let mut delete = db.prepare_cached(sql)?;
    let mut deleted = delete.query(params![to_sql(before.0), PRUNE_STEP])?;
    let mut records = 0;
    while let Some(row) = deleted.next()? {
        records += row.get::<_, u32>(0)?;
    }
    let sql = "SELECT EXISTS (SELECT 1 FROM verdict WHERE sent_at < ?1)";
    let more = db.prepare_cached(sql)?.query_row([to_sql(before.0)], |row| row.get(0))?;
    Ok((records, more))
}
