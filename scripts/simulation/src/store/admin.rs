//! The operator's jobs in the reference model.

use std::{collections::BTreeSet, sync::Arc};

use correio_proto::mail::{Timestamp, Username};
use correio_server::{
    day::DAY,
    ids::{AccountId, CodeDigest, PasswordHash},
    store::{
        NewMailRecord, Quota, StoreDone,
        admin::{
            AccountOverview, AccountState, AdminDone, AdminJob, DisabledMail, NewAccountRecord,
            Totals, postmaster,
        },
        nodes::Nodes,
    },
};

use super::{
    lists::is_kept,
    settings::Settings,
    state::{Account, State},
};

/// Accounts that one step of an announcement reaches.
const ANNOUNCE_STEP: usize = 1000;

impl State {
    /// Sets a password by a recovery code.
    pub(super) fn recover(
        &mut self,
        username: &Username,
        digest: CodeDigest,
        hash: PasswordHash,
        now: Timestamp,
    ) -> StoreDone {
        let found = self.account(username);
        let Some((id, account)) = found.and_then(|id| Some((id, self.accounts.get_mut(&id)?)))
        else {
            return StoreDone::WrongCode;
        };
        match account.settings.code {
            Some(code) if code.digest == digest && now < code.expires_at => {
                account.settings.code = None;
                account.hash = Some(hash);
                let revoked = self.app_passwords.forget(id);
                StoreDone::Recovered { account: id, revoked }
            }
            _ => StoreDone::WrongCode,
        }
    }

    /// Records the day of a login.
    pub(super) fn set_used(&mut self, id: AccountId, now: Timestamp) -> StoreDone {
        let Some(account) = self.accounts.get_mut(&id) else {
            return StoreDone::NoAccount;
        };
        account.settings.used_at = account.settings.used_at.max(Some(Timestamp(now.0 / DAY * DAY)));
        account.settings.warned_on = None;
        StoreDone::Changed
    }

    /// The usernames of the accounts that are disabled.
    #[must_use]
    pub fn disabled(&self) -> BTreeSet<Username> {
        let accounts = self.accounts.values();
        let disabled = accounts.filter(|it| it.settings.state != AccountState::Enabled);
        disabled.map(|account| account.username.clone()).collect()
    }

    /// The most mails that an account may have, by its own quota or by the one of all.
    #[must_use]
    pub fn mails_max(&self, quota: Quota, id: AccountId) -> u32 {
        self.quota_of(quota, id).mails
    }

    /// Whether mail reaches an account.
    pub(super) fn takes_mail(&self, id: AccountId) -> bool {
        let refuses = AccountState::Disabled(DisabledMail::Refused);
        self.accounts.get(&id).is_some_and(|account| account.settings.state != refuses)
    }

    /// Does a job of the operator.
    pub(super) fn run_admin_job(&mut self, quota: Quota, job: AdminJob) -> AdminDone {
        match job {
            AdminJob::Accounts { after, accounts: max } => {
                let rest = self.by_username().into_iter();
                let rest = rest.filter(|(name, _)| after.as_ref().is_none_or(|after| name > after));
                let found = rest.filter_map(|(_, id)| self.overview(quota, id)).collect();
                let (accounts, more) = cut(found, max);
                AdminDone::Accounts { accounts, more }
            }
            AdminJob::Account { username } => {
                let found = self.account(&username).and_then(|id| self.overview(quota, id));
                found.map_or(AdminDone::NoAccount, |found| {
                    let app_passwords = self.app_passwords.of(found.id);
                    AdminDone::Account(Box::new(found), app_passwords)
                })
            }
            AdminJob::Create { accounts, now } => self.create_all(accounts, now),
            AdminJob::SetCode { username, code } => {
                let Some(account) = self.account(&username) else {
                    return AdminDone::NoAccount;
                };
                let revoked = self.app_passwords.forget(account);
                self.set(&username, |account| account.settings.code = Some(code));
                AdminDone::CodeSet { account, revoked }
            }
            AdminJob::SetState { username, state } => {
                self.set(&username, |account| account.settings.set_state(state))
            }
            AdminJob::SetQuota { username, quota } => {
                self.set(&username, |account| account.settings.quota = quota)
            }
            AdminJob::Rename { username, full_name } => {
                self.set(&username, |account| account.full_name = full_name)
            }
            AdminJob::Delete { username } => match self.account(&username) {
                None => AdminDone::NoAccount,
                Some(id) => {
                    self.delete_all(id);
                    AdminDone::Changed(Some(id))
                }
            },
            job @ (AdminJob::Lists { .. }
            | AdminJob::Members { .. }
            | AdminJob::ChangeList { .. }) => self.administer_lists(job),
            AdminJob::Announce { mail, after, now } => self.announce(&mail, after.as_ref(), now),
            AdminJob::AddInvites { invites } => {
                self.invites.add(invites);
                AdminDone::Changed(None)
            }
            AdminJob::Invites { skip, invites } => {
                let (invites, more) = cut(self.invites.all(skip), invites);
                AdminDone::Invites { invites, more }
            }
            AdminJob::RevokeInvite { id } => match self.invites.revoke(id) {
                true => AdminDone::Changed(None),
                false => AdminDone::InviteUsed,
            },
            AdminJob::Totals => AdminDone::Totals(self.totals(quota)),
            AdminJob::Nodes => AdminDone::Nodes(Nodes::One),
            AdminJob::Retain(retention) => self.retain(&retention),
        }
    }

    /// Does a job about lists.
    fn administer_lists(&mut self, job: AdminJob) -> AdminDone {
        match job {
            AdminJob::Lists { after, lists } => {
                let (lists, more) = cut(self.lists.all(after.as_ref(), &self.by_username()), lists);
                AdminDone::Lists { lists, more }
            }
            AdminJob::Members { name, after, members } => {
                let accounts = self.by_username();
                let Some(list) = self.lists.find(&name) else {
                    return AdminDone::NoList;
                };
                let (overview, all) = (list.unread(&accounts), list.members(&accounts));
                AdminDone::Members(self.page(overview, all, after.as_ref(), members))
            }
            AdminJob::ChangeList { name, change } => {
                let accounts = self.by_username();
                match self.lists.change_as_operator(&name, change, &accounts) {
                    None => AdminDone::NoList,
                    Some(StoreDone::Changed) => AdminDone::Changed(None),
                    Some(StoreDone::UsernameTaken) => AdminDone::Taken(vec![name]),
                    Some(refusal) => AdminDone::Refused(refusal.into()),
                }
            }
            _ => AdminDone::NoList,
        }
    }

    fn overview(&self, quota: Quota, id: AccountId) -> Option<AccountOverview> {
        let account = self.accounts.get(&id)?;
        Some(AccountOverview {
            id,
            username: account.username.clone(),
            full_name: account.full_name.clone(),
            state: account.settings.state,
            has_password: account.hash.is_some(),
            code_expires_at: account.settings.code.map(|code| code.expires_at),
            usage: self.usage(quota, id),
            has_own_quota: account.settings.quota.is_some(),
            created_at: account.settings.created_at,
            used_at: account.settings.used_at,
        })
    }

    fn set(&mut self, username: &Username, change: impl FnOnce(&mut Account)) -> AdminDone {
        let found = self.account(username);
        match found.and_then(|id| Some((id, self.accounts.get_mut(&id)?))) {
            None => AdminDone::NoAccount,
            Some((id, account)) => {
                change(account);
                AdminDone::Changed(Some(id))
            }
        }
    }

    fn create_all(&mut self, accounts: Vec<NewAccountRecord>, now: Timestamp) -> AdminDone {
        let is_taken = |name: &&Username| {
            is_kept(name) || self.account(name).is_some() || self.lists.find(name).is_some()
        };
        let names = accounts.iter().map(|account| &account.username);
        let taken: Vec<Username> = names.filter(is_taken).cloned().collect();
        if !taken.is_empty() {
            return AdminDone::Taken(taken);
        }
        for NewAccountRecord { username, full_name, code } in accounts {
            let (code, created_at) = (Some(code), Some(now));
            self.make(username, full_name, Settings { code, created_at, ..Settings::default() });
        }
        AdminDone::Created
    }

    fn announce(
        &mut self,
        mail: &Arc<NewMailRecord>,
        after: Option<&Username>,
        now: Timestamp,
    ) -> AdminDone {
        let sender = match self.postmaster(now) {
            Ok(sender) => sender,
            Err(taken) => return AdminDone::Taken(vec![taken]),
        };
        let rest = self.by_username().into_iter();
        let rest = rest.filter(|(name, id)| {
            after.is_none_or(|after| name > after) && *id != sender && self.takes_mail(*id)
        });
        let reached: Vec<(Username, AccountId)> = rest.take(ANNOUNCE_STEP).collect();
        let is_full = reached.len() == ANNOUNCE_STEP;
        let next = reached.last().filter(|_| is_full).map(|(name, _)| name.clone());
        let ids: Vec<AccountId> = reached.into_iter().map(|(_, id)| id).collect();
        match self.put_once(sender, mail, now, &ids) {
            Ok(accounts) => AdminDone::Announced { accounts, next },
            Err(refusal) => AdminDone::Refused(refusal.into()),
        }
    }

    /// The account that sends the operator's mail; made if there is none. An error is a list's
    /// name.
    pub(super) fn postmaster(&mut self, now: Timestamp) -> Result<AccountId, Username> {
        let (username, full_name) = postmaster();
        match self.account(&username) {
            Some(id) => Ok(id),
            None if self.lists.find(&username).is_some() => Err(username),
            None => {
                let settings = Settings { created_at: Some(now), ..Settings::default() };
                Ok(self.make(username, full_name, settings))
            }
        }
    }

    fn totals(&self, quota: Quota) -> Totals {
        let usages = || self.accounts.keys().map(|id| self.usage(quota, *id));
        let is_disabled = |account: &&Account| account.settings.state != AccountState::Enabled;
        Totals {
            accounts: self.accounts.len() as u64,
            disabled: self.accounts.values().filter(is_disabled).count() as u64,
            mails: usages().map(|usage| usage.mails).sum(),
            bytes: usages().map(|usage| usage.bytes).sum(),
            lists: self.lists.count() as u64,
            file_bytes: 0,
            nodes: None,
        }
    }
}

/// The first entries, and whether there are more.
fn cut<T>(mut all: Vec<T>, max: usize) -> (Vec<T>, bool) {
    let more = all.len() > max;
    all.truncate(max);
    (all, more)
}
