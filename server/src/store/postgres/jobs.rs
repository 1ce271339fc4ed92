//! Runs a job in its transaction: the function of each job.

use super::{
    accounts, admin, app_passwords, contents, context::Context, error::QueryError, find, gateway,
    list_changes, lists, mails, send, uploads,
};
use crate::store::{StoreDone, StoreJob, gateway::GatewayJob};

/// Runs one job. Its changes are durable once the transaction is committed.
pub(super) fn run_job(
    context: &mut Context<'_, '_>,
    job: &StoreJob,
) -> Result<StoreDone, QueryError> {
    match job {
        StoreJob::FindAccount { username } => {
            let account = accounts::find(context, username)?;
            Ok(StoreDone::Account(account.map(Box::new)))
        }
        StoreJob::CreateAccount { register_id, username, full_name, hash, invite } => {
            accounts::create(context, register_id, username, full_name, hash, *invite)
        }
        StoreJob::SetFullName { account, full_name } => {
            accounts::set_full_name(context, *account, full_name)
        }
        StoreJob::SetHash { account, old, new, change } => {
            accounts::set_hash(context, *account, old, new, *change)
        }
        StoreJob::DeleteAccount { account, hash } => accounts::delete(context, *account, hash),
        StoreJob::Send { sender, mail, to_lists, now } => {
            send::send(context, *sender, mail, *to_lists, *now)
        }
        StoreJob::Fetch { account, after, mails, bytes } => {
            mails::fetch(context, *account, *after, *mails, *bytes)
        }
        StoreJob::Confirm { account, mails } => mails::confirm(context, *account, mails),
        StoreJob::Upload { account, id, size, offset, bytes, now } => {
            uploads::upload(context, *account, *id, *size, (*offset, bytes), *now)
        }
        StoreJob::Read { account, mail, offset } => {
            contents::read(context, *account, *mail, *offset)
        }
        StoreJob::Find { query, people } => {
            find::find(context, query, *people).map(StoreDone::Found)
        }
        StoreJob::ListsOf { account } => lists::of(context, *account),
        StoreJob::Members { account, name, after, members } => {
            lists::members(context, *account, name, after.as_ref(), *members)
        }
        StoreJob::ChangeList { account, name, change } => {
            list_changes::change(context, *account, name, change)
        }
        StoreJob::Recover { username, code, hash, now } => {
            accounts::recover(context, username, code, hash, *now)
        }
        StoreJob::SetUsed { account, now } => accounts::set_used(context, *account, *now),
        StoreJob::AppPassword(job) => app_passwords::run_job(context, job),
        StoreJob::Gateway(job) => gateway::run_job(context, job),
        StoreJob::Admin(job) => admin::run_job(context, job).map(StoreDone::Admin),
        StoreJob::Prune { before, uploads_before } => {
            mails::prune(context, *before, *uploads_before)
        }
    }
}

/// Whether a positive result of the job says that a change holds, which another lane or server may
/// have made. The transaction of such a job writes something, whatever it has found: its commit
/// waits until a standby has the change, too.
pub(super) fn tells_a_change(job: &StoreJob) -> bool {
    match job {
        StoreJob::CreateAccount { .. }
        | StoreJob::SetFullName { .. }
        | StoreJob::SetHash { .. }
        | StoreJob::DeleteAccount { .. }
        | StoreJob::Send { .. }
        | StoreJob::Upload { .. }
        | StoreJob::Confirm { .. }
        | StoreJob::ChangeList { .. }
        | StoreJob::Recover { .. }
        | StoreJob::SetUsed { .. }
        | StoreJob::AppPassword(_)
        | StoreJob::Admin(_)
        | StoreJob::Prune { .. } => true,
        StoreJob::Gateway(job) => match job {
            GatewayJob::Stage { .. } | GatewayJob::Discard { .. } => true,
            GatewayJob::LogIn { .. }
            | GatewayJob::FindRecipient { .. }
            | GatewayJob::Outline { .. } => false,
        },
        StoreJob::FindAccount { .. }
        | StoreJob::Fetch { .. }
        | StoreJob::Read { .. }
        | StoreJob::Find { .. }
        | StoreJob::ListsOf { .. }
        | StoreJob::Members { .. } => false,
    }
}
