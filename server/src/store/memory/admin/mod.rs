//! The operator's jobs in the store in memory.

mod lists;
mod retain;

use std::sync::Arc;

use correio_proto::mail::{Content, FullName, Timestamp, Username};

use super::{
    Account, FULL_OF_ACCOUNTS, FULL_OF_MAIL, MemoryStore, mailbox::Names, settings::AccountSettings,
};
use crate::{
    ids::{AccountId, CodeDigest, InviteId, PasswordHash},
    store::{
        NewMailRecord, Quota, StoreDone,
        admin::{
            AccountOverview, AccountState, AdminDone, AdminJob, AdminRefusal, CodeRecord,
            InviteOverview, InviteRecord, InviteStanding, NewAccountRecord, Totals, Usage,
            postmaster,
        },
        lists::is_reserved,
        nodes::Nodes,
        reached::Reached,
    },
};

/// Accounts that one step of an announcement puts the mail into.
const STEP: usize = 1000;

impl Account {
    /// What the mailbox has and may have.
    pub(super) fn usage(&self, quota: Quota) -> Usage {
        Usage {
            mails: self.mailbox.mails() as u64,
            bytes: self.mailbox.bytes(),
            quota: self.settings.quota.unwrap_or(quota),
        }
    }
}

impl MemoryStore {
    /// Does a job of the operator.
    pub(super) fn run_admin_job(&mut self, job: AdminJob) -> AdminDone {
        match job {
            AdminJob::Accounts { after, accounts } => {
                self.page_of_accounts(after.as_ref(), accounts)
            }
            AdminJob::Account { username } => match self.ids.get(&username) {
                Some(id) => self.overview(*id).map_or(AdminDone::NoAccount, |account| {
                    AdminDone::Account(Box::new(account), self.app_passwords.of(*id))
                }),
                None => AdminDone::NoAccount,
            },
            AdminJob::Create { accounts, now } => self.make(accounts, now),
            AdminJob::SetCode { username, code } => {
                let Some(account) = self.ids.get(&username).copied() else {
                    return AdminDone::NoAccount;
                };
                self.set(&username, |account| account.settings.code = Some(code));
                let revoked = self.app_passwords.revoke_all(account);
                AdminDone::CodeSet { account, revoked }
            }
            AdminJob::SetState { username, state } => {
                self.set(&username, |account| account.settings.set_state(state))
            }
            AdminJob::SetQuota { username, quota } => {
                self.set(&username, |account| account.settings.quota = quota)
            }
            AdminJob::Delete { username } => match self.ids.get(&username).copied() {
                None => AdminDone::NoAccount,
                Some(id) => {
                    self.delete_all(id);
                    AdminDone::Changed(Some(id))
                }
            },
            AdminJob::Rename { username, full_name } => match self.ids.get(&username).copied() {
                None => AdminDone::NoAccount,
                Some(id) => {
                    self.set_full_name(id, full_name);
                    AdminDone::Changed(Some(id))
                }
            },
            AdminJob::Lists { after, lists } => self.page_of_lists(after.as_ref(), lists),
            AdminJob::Members { name, after, members } => {
                self.members_for_operator(&name, after.as_ref(), members)
            }
            AdminJob::ChangeList { name, change } => self.change_list_as_operator(&name, change),
            AdminJob::Announce { mail, after, now } => self.announce(&mail, after.as_ref(), now),
            AdminJob::AddInvites { invites } => {
                for invite in invites {
                    let key = (invite.made_at, invite.id.0);
                    self.recorded_invites.entry(key).or_insert((invite, false));
                }
                AdminDone::Changed(None)
            }
            AdminJob::Invites { skip, invites } => self.page_of_invites(skip, invites),
            AdminJob::RevokeInvite { id } => self.revoke(id),
            AdminJob::Totals => AdminDone::Totals(self.totals()),
            AdminJob::Nodes => AdminDone::Nodes(Nodes::One),
            AdminJob::Retain(retention) => self.retain(&retention),
        }
    }

    /// Sets a password by a recovery code.
    pub(super) fn recover(
        &mut self,
        username: &Username,
        code: CodeDigest,
        hash: PasswordHash,
        now: Timestamp,
    ) -> StoreDone {
        let id = self.ids.get(username).copied();
        let Some((id, account)) = id.and_then(|id| Some((id, self.accounts.get_mut(id)?))) else {
            return StoreDone::WrongCode;
        };
        let is_right = |known: CodeRecord| known.digest == code && now < known.expires_at;
        if !account.settings.code.is_some_and(is_right) {
            return StoreDone::WrongCode;
        }
        account.settings.code = None;
        account.hash = Some(hash);
        let revoked = self.app_passwords.revoke_all(id);
        StoreDone::Recovered { account: id, revoked }
    }

    /// Records the day of a login.
    pub(super) fn set_used(&mut self, id: AccountId, now: Timestamp) -> StoreDone {
        match self.accounts.get_mut(id) {
            None => StoreDone::NoAccount,
            Some(account) => {
                account.settings.set_used(now);
                StoreDone::Changed
            }
        }
    }

    /// Whether mail reaches an account.
    pub(super) fn takes_mail(&self, id: AccountId) -> bool {
        let state = self.accounts.get(id).map(|account| account.settings.state);
        state.is_none_or(AccountState::takes_mail)
    }

    fn overview(&self, id: AccountId) -> Option<AccountOverview> {
        let account = self.accounts.get(id)?;
        let Names { username, full_name } = &*account.names;
        Some(AccountOverview {
            id,
            username: username.clone(),
            full_name: full_name.clone(),
            state: account.settings.state,
            has_password: account.hash.is_some(),
            code_expires_at: account.settings.code.map(|code| code.expires_at),
            usage: account.usage(self.quota),
            has_own_quota: account.settings.quota.is_some(),
            created_at: account.settings.created_at,
            used_at: account.settings.used_at,
        })
    }

    fn page_of_accounts(&self, after: Option<&Username>, max: usize) -> AdminDone {
        let is_after = |username: &Username| after.is_none_or(|after| username > after);
        let mut rest = self.ids.iter().filter(|(username, _)| is_after(username));
        let accounts = rest.by_ref().take(max).filter_map(|(_, id)| self.overview(*id)).collect();
        AdminDone::Accounts { accounts, more: rest.next().is_some() }
    }

    fn make(&mut self, accounts: Vec<NewAccountRecord>, now: Timestamp) -> AdminDone {
        let is_taken = |username: &Username| {
            is_reserved(username)
                || self.ids.contains_key(username)
                || self.lists.has_name(username)
        };
        let usernames = accounts.iter().map(|account| &account.username);
        let taken: Vec<_> = usernames.filter(|username| is_taken(username)).cloned().collect();
        if !taken.is_empty() {
            return AdminDone::Taken(taken);
        }
        if self.accounts.count + accounts.len() > self.limits.accounts {
            return refused(FULL_OF_ACCOUNTS);
        }
        for NewAccountRecord { username, full_name, code } in accounts {
            self.insert_without_password(username, full_name, Some(code), now);
        }
        AdminDone::Created
    }

    fn insert_without_password(
        &mut self,
        username: Username,
        full_name: FullName,
        code: Option<CodeRecord>,
        now: Timestamp,
    ) -> AccountId {
        let created_at = Some(now);
        let settings = AccountSettings { code, created_at, ..AccountSettings::default() };
        self.insert(Names { username, full_name }, None, None, settings)
    }

    fn set(&mut self, username: &Username, change: impl FnOnce(&mut Account)) -> AdminDone {
        let id = self.ids.get(username).copied();
        let Some((id, account)) = id.and_then(|id| Some((id, self.accounts.get_mut(id)?))) else {
            return AdminDone::NoAccount;
        };
        change(account);
        AdminDone::Changed(Some(id))
    }

    fn announce(
        &mut self,
        mail: &Arc<NewMailRecord>,
        after: Option<&Username>,
        now: Timestamp,
    ) -> AdminDone {
        let sender = match self.postmaster(now) {
            Ok(sender) => sender,
            Err(refusal) => return refusal,
        };
        let is_after = |username: &Username| after.is_none_or(|after| username > after);
        let reached = self
            .ids
            .iter()
            .filter(|(username, id)| is_after(username) && self.takes_mail(**id) && **id != sender);
        let reached: Vec<_> = reached.take(STEP).map(|(name, id)| (name.clone(), *id)).collect();
        let next = reached.get(STEP - 1).map(|(username, _)| username.clone());
        let mut accounts: Vec<AccountId> = reached.into_iter().map(|(_, id)| id).collect();
        let Some(account) = self.accounts.get(sender) else {
            return AdminDone::NoAccount;
        };
        match account.record(mail.id) {
            // A step that is repeated after a lost answer.
            Some(record) if record.digest == mail.digest() => accounts.clear(),
            Some(_) => return AdminDone::Refused(AdminRefusal::Conflict),
            None => {
                let total = mail.quota_bytes() * accounts.len() as u64;
                let is_large = matches!(mail.content, Content::Large(_));
                if is_large || self.bytes + total > self.limits.bytes {
                    return refused(FULL_OF_MAIL);
                }
                let (from, id, digest) = (account.names.clone(), mail.id, mail.digest());
                let reached = Reached::from(accounts);
                self.put(&from, mail, None, now, &reached);
                accounts = reached.into_accounts();
                self.record(sender, id, digest, now);
            }
        }
        AdminDone::Announced { accounts, next }
    }

    /// The account that sends the operator's mail. Makes it if there is none.
    fn postmaster(&mut self, now: Timestamp) -> Result<AccountId, AdminDone> {
        let (username, full_name) = postmaster();
        match self.ids.get(&username) {
            // No client has made it: its name is kept from the first account on.
            Some(id) => Ok(*id),
            None if self.lists.has_name(&username) => Err(AdminDone::Taken(vec![username])),
            None => Ok(self.insert_without_password(username, full_name, None, now)),
        }
    }

    fn page_of_invites(&self, skip: usize, max: usize) -> AdminDone {
        let mut rest = self.recorded_invites.values().skip(skip);
        // A revoked invite is among the used ones, too, so that no account is made with it.
        let standing = |invite: &InviteRecord, is_revoked| match is_revoked {
            true => InviteStanding::Revoked,
            false if self.invites.contains(&invite.id) => InviteStanding::Used,
            false => InviteStanding::Unused,
        };
        let overview = |(invite, is_revoked): &(InviteRecord, bool)| InviteOverview {
            invite: *invite,
            standing: standing(invite, *is_revoked),
        };
        let invites = rest.by_ref().take(max).map(overview).collect();
        AdminDone::Invites { invites, more: rest.next().is_some() }
    }

    fn revoke(&mut self, id: InviteId) -> AdminDone {
        let mut recorded = self.recorded_invites.values_mut();
        let recorded = recorded.find(|(invite, _)| invite.id == id);
        let is_revoked = recorded.as_ref().is_some_and(|(_, is_revoked)| *is_revoked);
        if !self.invites.insert(id) && !is_revoked {
            return AdminDone::InviteUsed;
        }
        if let Some((_, is_revoked)) = recorded {
            *is_revoked = true;
        }
        AdminDone::Changed(None)
    }

    fn totals(&self) -> Totals {
        let accounts = || self.ids.values().filter_map(|id| self.accounts.get(*id));
        let is_disabled = |account: &&Account| account.settings.state != AccountState::Enabled;
        Totals {
            accounts: self.accounts.count as u64,
            disabled: accounts().filter(is_disabled).count() as u64,
            mails: accounts().map(|account| account.mailbox.mails() as u64).sum(),
            bytes: self.bytes,
            lists: self.lists.len() as u64,
            file_bytes: 0,
            nodes: None,
        }
    }
}

fn refused(text: &str) -> AdminDone {
    AdminDone::Refused(AdminRefusal::Unavailable(text.into()))
}
