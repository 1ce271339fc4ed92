//! Jobs of the operator as SQL, within the transaction of their job.

mod accounts;
mod announce;
mod invites;
mod lists;
mod retain;
mod retained_account;

use super::{context::Context, error::QueryError, nodes};
use crate::store::admin::{AdminDone, AdminJob};

/// Runs one job. Its changes are durable once the transaction is committed.
pub(super) fn run_job(
    context: &mut Context<'_, '_>,
    job: &AdminJob,
) -> Result<AdminDone, QueryError> {
    match job {
        AdminJob::Accounts { after, accounts } => {
            accounts::page(context, after.as_ref(), *accounts)
        }
        AdminJob::Account { username } => accounts::show(context, username),
        AdminJob::Create { accounts, now } => accounts::create(context, accounts, *now),
        AdminJob::SetCode { username, code } => accounts::set_code(context, username, code),
        AdminJob::SetState { username, state } => accounts::set_state(context, username, *state),
        AdminJob::Delete { username } => accounts::delete(context, username),
        AdminJob::Rename { username, full_name } => accounts::rename(context, username, full_name),
        AdminJob::SetQuota { username, quota } => accounts::set_quota(context, username, *quota),
        AdminJob::Lists { after, lists } => lists::page(context, after.as_ref(), *lists),
        AdminJob::Members { name, after, members } => {
            lists::members(context, name, after.as_ref(), *members)
        }
        AdminJob::ChangeList { name, change } => lists::change(context, name, change),
        AdminJob::Announce { mail, after, now } => {
            announce::announce(context, mail, after.as_ref(), *now)
        }
        AdminJob::AddInvites { invites } => invites::add(context, invites),
        AdminJob::Invites { skip, invites } => invites::page(context, *skip, *invites),
        AdminJob::RevokeInvite { id } => invites::revoke(context, *id),
        AdminJob::Totals => accounts::totals(context),
        AdminJob::Nodes => nodes::all(context).map(AdminDone::Nodes),
        AdminJob::Retain(retention) => retain::step(context, retention),
    }
}
