//! Jobs of the operator as SQL, within the transaction of their group.

mod accounts;
mod announce;
mod invites;
mod lists;
mod retain;
mod retained_account;
mod totals;

use rusqlite::Result;

use super::tables::Tables;
use crate::store::{
    admin::{AdminDone, AdminJob},
    nodes::Nodes,
};

/// Runs one job. Its changes are durable once the transaction is committed.
pub(super) fn run_job(tables: &mut Tables<'_>, job: &AdminJob) -> Result<AdminDone> {
    match job {
        AdminJob::Accounts { after, accounts } => accounts::page(tables, after.as_ref(), *accounts),
        AdminJob::Account { username } => accounts::show(tables, username),
        AdminJob::Create { accounts, now } => accounts::create(tables, accounts, *now),
        AdminJob::SetCode { username, code } => accounts::set_code(tables, username, code),
        AdminJob::SetState { username, state } => accounts::set_state(tables, username, *state),
        AdminJob::Delete { username } => accounts::delete(tables, username),
        AdminJob::Rename { username, full_name } => accounts::rename(tables, username, full_name),
        AdminJob::SetQuota { username, quota } => accounts::set_quota(tables, username, *quota),
        AdminJob::Lists { after, lists } => lists::page(tables.db, after.as_ref(), *lists),
        AdminJob::Members { name, after, members } => {
            lists::members(tables.db, name, after.as_ref(), *members)
        }
        AdminJob::ChangeList { name, change } => lists::change(tables, name, change),
        AdminJob::Announce { mail, after, now } => {
            announce::announce(tables, mail, after.as_ref(), *now)
        }
        AdminJob::AddInvites { invites } => invites::add(tables.db, invites),
        AdminJob::Invites { skip, invites } => invites::page(tables.db, *skip, *invites),
        AdminJob::RevokeInvite { id } => invites::revoke(tables.db, *id),
        AdminJob::Totals => totals::totals(tables),
        AdminJob::Nodes => Ok(AdminDone::Nodes(Nodes::One)),
        AdminJob::Retain(retention) => retain::step(tables, retention),
    }
}
