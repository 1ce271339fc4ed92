//! The reference model of a store: contents and answers, as plain as possible. It shares no code
//! with the server's stores, so that each checks the others.

use std::{collections::BTreeMap, sync::Arc};

use correio_proto::{
    mail::{FullName, Mail, MailId, MailRef, Piece, Seq, Timestamp, Username},
    message::{ListChange, ListMember, ListOverview, MembersPage},
};
use correio_server::{
    ids::{AccountId, InviteId, PasswordHash},
    store::{
        AccountRecord, HashChange, NewMailRecord, Quota, StoreDone, StoreJob,
        admin::{AdminJob, Usage},
        app_password::AppPasswordJob,
        gateway::GatewayJob,
    },
};

use super::lists::{Accounts, Lists, Member, is_kept};
use super::{
    app_passwords::AppPasswords,
    contents::{Bounds, ContentId, Contents, NewPiece, StagedUpload, UploadKey, UploadSize},
    directory,
    settings::{Invites, RetentionDays, Settings},
};

/// Most idempotency records that one [`StoreJob::Prune`] removes.
pub const PRUNE_STEP: usize = 1000;

/// Accounts, mailboxes, large contents, and the idempotency records of sent mails.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct State {
    pub(super) accounts: BTreeMap<AccountId, Account>,
    pub(super) mails: BTreeMap<(AccountId, Seq), StoredMail>,
    pub(super) contents: Contents,
    pub(super) lists: Lists,
    pub(super) records: BTreeMap<(AccountId, MailId), IdempotencyRecord>,
    pub(super) invites: Invites,
    pub(super) app_passwords: AppPasswords,
    pub(super) retention: RetentionDays,
    last_account: i64,
    pub(super) last_seq: u64,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Account {
    /// `None` for an account that the operator made.
    register_id: Option<MailId>,
    pub(super) username: Username,
    pub(super) full_name: FullName,
    /// `None` if no password was set.
    pub(super) hash: Option<PasswordHash>,
    pub(super) settings: Settings,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct StoredMail {
    pub(super) mail: Mail,
    /// The mail's content, if it is large.
    pub(super) content: Option<ContentId>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct IdempotencyRecord {
    pub(super) mail: Arc<NewMailRecord>,
    pub(super) sent_at: Timestamp,
}

impl State {
    /// Does a job within the bounds, and returns its answer. A [`Quota`] alone stands for the
    /// bounds of a server's defaults.
    pub fn run(&mut self, bounds: impl Into<Bounds>, job: StoreJob) -> StoreDone {
        let bounds = bounds.into();
        match job {
            StoreJob::FindAccount { username } => {
                StoreDone::Account(self.record(bounds.quota, &username).map(Box::new))
            }
            StoreJob::CreateAccount { register_id, username, full_name, hash, invite } => {
                let (register_id, hash) = (Some(register_id), Some(hash));
                let settings = Settings::default();
                self.create(Account { register_id, username, full_name, hash, settings }, invite)
            }
            StoreJob::SetFullName { account, full_name } => {
                self.change(account, |_| true, |account| account.full_name = full_name)
            }
            StoreJob::SetHash { account, old, new, change } => {
                let fits =
                    |hash: &Option<PasswordHash>| hash.iter().any(|it| *it == old || *it == new);
                let done = self.change(account, fits, |account| account.hash = Some(new.clone()));
                match (&done, change) {
                    (StoreDone::Changed, HashChange::NewPassword) => {
                        StoreDone::PasswordSet { revoked: self.app_passwords.forget(account) }
                    }
                    _ => done,
                }
            }
            StoreJob::DeleteAccount { account, hash } => self.delete(account, &hash),
            StoreJob::Send { sender, mail, to_lists, now } => {
                self.send(bounds.quota, sender, (mail, to_lists), now)
            }
            StoreJob::Fetch { account, after, mails, bytes } => {
                self.fetch(account, after, mails as usize, bytes)
            }
            StoreJob::Confirm { account, mails } => self.confirm(account, &mails),
            StoreJob::Upload { account, id, size, offset, bytes, now } => {
                let size = UploadSize::Announced(size);
                self.upload(bounds, (account, id), &NewPiece { size, offset, bytes, now })
            }
            StoreJob::Read { account, mail, offset } => {
                self.read(bounds.piece_max, account, mail, offset)
            }
            StoreJob::Find { query, people } => {
                let accounts = self.accounts.values();
                let names = accounts.map(|account| (&account.username, &account.full_name));
                StoreDone::Found(directory::find(names, &query, people))
            }
            StoreJob::ListsOf { account } => match self.username(account) {
                Some(_) => StoreDone::Lists(self.lists.of(account, &self.by_username())),
                None => StoreDone::NoAccount,
            },
            StoreJob::Members { account, name, after, members } => {
                self.page_of_members(account, &name, after.as_ref(), members)
            }
            StoreJob::ChangeList { account, name, change } => match self.username(account) {
                Some(username) => {
                    let accounts = self.by_username();
                    self.lists.change((account, &username), &name, change, &accounts)
                }
                None => StoreDone::NoAccount,
            },
            StoreJob::Recover { username, code, hash, now } => {
                self.recover(&username, code, hash, now)
            }
            StoreJob::SetUsed { account, now } => self.set_used(account, now),
            StoreJob::AppPassword(job) => self.run_app_password_job(job),
            StoreJob::Gateway(job) => self.run_gateway_job(bounds, job),
            StoreJob::Admin(job) => StoreDone::Admin(self.run_admin_job(bounds.quota, job)),
            StoreJob::Prune { before, uploads_before } => self.prune(before, uploads_before),
        }
    }

    /// The account of a username.
    #[must_use]
    pub fn account(&self, username: &Username) -> Option<AccountId> {
        let mut accounts = self.accounts.iter();
        accounts.find(|(_, account)| account.username == *username).map(|(id, _)| *id)
    }

    /// Every account: number, username, full name and hash.
    pub fn accounts(
        &self,
    ) -> impl Iterator<Item = (AccountId, &Username, &FullName, Option<&PasswordHash>)> {
        self.accounts.iter().map(|(id, account)| {
            (*id, &account.username, &account.full_name, account.hash.as_ref())
        })
    }

    /// Every mail of every mailbox.
    pub fn mails(&self) -> impl Iterator<Item = (AccountId, &Mail)> {
        self.mails.iter().map(|((account, _), stored)| (*account, &stored.mail))
    }

    /// Every upload that no mail names yet.
    pub fn uploads(&self) -> impl Iterator<Item = (UploadKey, &StagedUpload)> {
        self.contents.uploads()
    }

    /// Whether there is an idempotency record of this account and id.
    #[must_use]
    pub fn was_sent(&self, key: UploadKey) -> bool {
        self.records.contains_key(&key)
    }

    /// The accounts and ids of all idempotency records.
    pub fn sent(&self) -> impl Iterator<Item = UploadKey> {
        self.records.keys().copied()
    }

    /// Every large content of a mail.
    pub fn contents(&self) -> impl Iterator<Item = (ContentId, &Arc<Vec<u8>>)> {
        self.contents.kept()
    }

    /// The number of the large content that a mail names, and its bytes. The number is `None` for a
    /// mail that names none, the bytes are `None` for a content that is gone.
    #[must_use]
    pub fn content_of(
        &self,
        account: AccountId,
        seq: Seq,
    ) -> (Option<ContentId>, Option<&Arc<Vec<u8>>>) {
        let id = self.mails.get(&(account, seq)).and_then(|stored| stored.content);
        (id, id.and_then(|id| self.contents.content(id)))
    }

    /// The mails of one mailbox, oldest first.
    pub fn mailbox(&self, account: AccountId) -> impl Iterator<Item = &Mail> {
        let range = (account, Seq(0))..=(account, Seq(u64::MAX));
        self.mails.range(range).map(|(_, stored)| &stored.mail)
    }

    /// Whether a job would add something, which a full disk refuses.
    #[must_use]
    pub fn needs_room(&self, job: &StoreJob) -> bool {
        match job {
            StoreJob::CreateAccount { .. }
            | StoreJob::AppPassword(AppPasswordJob::Create { .. }) => true,
            StoreJob::Admin(job) => matches!(
                job,
                AdminJob::Create { .. } | AdminJob::Announce { .. } | AdminJob::AddInvites { .. }
            ),
            StoreJob::ChangeList { change, .. } => {
                matches!(change, ListChange::Create { .. } | ListChange::Add { .. })
            }
            StoreJob::Send { sender, mail, .. } => !self.records.contains_key(&(*sender, mail.id)),
            StoreJob::Gateway(GatewayJob::Stage { account, id, offset, bytes, .. }) => {
                self.contents.grows((*account, *id), *offset, bytes)
            }
            StoreJob::Upload { account, id, offset, bytes, .. } => {
                let key = (*account, *id);
                !self.records.contains_key(&key) && self.contents.grows(key, *offset, bytes)
            }
            _ => false,
        }
    }

    pub(super) fn record(&self, quota: Quota, username: &Username) -> Option<AccountRecord> {
        let id = self.account(username)?;
        let account = self.accounts.get(&id)?;
        Some(AccountRecord {
            id,
            username: account.username.clone(),
            full_name: account.full_name.clone(),
            hash: account.hash.clone(),
            state: account.settings.state,
            code: account.settings.code,
            usage: self.usage(quota, id),
        })
    }

    /// What a mailbox has and may have.
    pub(super) fn usage(&self, quota: Quota, id: AccountId) -> Usage {
        let (mails, bytes) = (self.mailbox(id).count() as u64, self.bytes_of(id));
        Usage { mails, bytes, quota: self.quota_of(quota, id) }
    }

    /// The quota that holds for an account.
    pub(super) fn quota_of(&self, quota: Quota, id: AccountId) -> Quota {
        let account = self.accounts.get(&id);
        account.and_then(|account| account.settings.quota).unwrap_or(quota)
    }

    fn create(&mut self, account: Account, invite: Option<InviteId>) -> StoreDone {
        if let Some(present) = self.account(&account.username) {
            let same = self.accounts.get(&present).and_then(|present| present.register_id);
            return match same.is_some() && same == account.register_id {
                true => StoreDone::CreatedBefore,
                false => StoreDone::UsernameTaken,
            };
        }
        if is_kept(&account.username) || self.lists.find(&account.username).is_some() {
            return StoreDone::UsernameTaken;
        }
        if let Some(InviteId(invite)) = invite
            && !self.invites.used.insert(invite)
        {
            return StoreDone::InviteUsed;
        }
        self.insert(account);
        StoreDone::Created
    }

    fn insert(&mut self, account: Account) -> AccountId {
        self.last_account += 1;
        self.accounts.insert(AccountId(self.last_account), account);
        AccountId(self.last_account)
    }

    /// Makes an account without a password.
    pub(super) fn make(
        &mut self,
        username: Username,
        full_name: FullName,
        settings: Settings,
    ) -> AccountId {
        self.insert(Account { register_id: None, username, full_name, hash: None, settings })
    }

    fn change(
        &mut self,
        id: AccountId,
        fits: impl Fn(&Option<PasswordHash>) -> bool,
        change: impl FnOnce(&mut Account),
    ) -> StoreDone {
        match self.accounts.get_mut(&id) {
            None => StoreDone::NoAccount,
            Some(account) if !fits(&account.hash) => StoreDone::Conflict,
            Some(account) => {
                change(account);
                StoreDone::Changed
            }
        }
    }

    fn delete(&mut self, id: AccountId, hash: &PasswordHash) -> StoreDone {
        let done = self.change(id, |present| present.as_ref() == Some(hash), |_| ());
        if done == StoreDone::Changed {
            self.delete_all(id);
        }
        done
    }

    /// Deletes an account with all that it has.
    pub(super) fn delete_all(&mut self, id: AccountId) {
        if let Some(account) = self.accounts.remove(&id) {
            self.lists.forget(id, account.username);
        }
        self.mails.retain(|(account, _), _| *account != id);
        self.records.retain(|(account, _), _| *account != id);
        self.contents.forget_account(id);
        self.app_passwords.forget(id);
        self.forget_contents();
    }

    /// All accounts by their usernames.
    pub(super) fn by_username(&self) -> Accounts {
        self.accounts.iter().map(|(id, account)| (account.username.clone(), *id)).collect()
    }

    fn username(&self, id: AccountId) -> Option<Username> {
        self.accounts.get(&id).map(|account| account.username.clone())
    }

    /// The members of the list of this name, if there is one.
    #[must_use]
    pub fn members(&self, name: &Username) -> Vec<AccountId> {
        let accounts = self.by_username();
        let members = self.lists.find(name).map(|list| list.members(&accounts));
        members.into_iter().flatten().map(|(_, id, _)| id).collect()
    }

    fn page_of_members(
        &self,
        id: AccountId,
        name: &Username,
        after: Option<&Username>,
        max: usize,
    ) -> StoreDone {
        if !self.accounts.contains_key(&id) {
            return StoreDone::NoAccount;
        }
        let accounts = self.by_username();
        let (list, members) = match self.lists.members(id, name, &accounts) {
            Ok(found) => found,
            Err(refusal) => return refusal,
        };
        StoreDone::Members(self.page(list, members, after, max))
    }

    /// Cuts a page out of the members of a list.
    pub(super) fn page(
        &self,
        list: ListOverview,
        members: Vec<Member<'_>>,
        after: Option<&Username>,
        max: usize,
    ) -> MembersPage {
        let mut rest: Vec<_> = members
            .into_iter()
            .filter(|(username, ..)| after.is_none_or(|after| *username > after))
            .filter_map(|(username, id, role)| {
                let full_name = self.accounts.get(&id)?.full_name.clone();
                Some(ListMember { username: username.clone(), full_name, role })
            })
            .collect();
        let more = rest.len() > max;
        rest.truncate(max);
        MembersPage { list, members: rest, more }
    }

    pub(super) fn is_full(&self, quota: Quota, id: AccountId, more: u64) -> bool {
        let quota = self.quota_of(quota, id);
        self.mailbox(id).count() >= quota.mails as usize || self.bytes_of(id) + more > quota.bytes
    }

    /// Bytes of the subjects and contents of a mailbox.
    fn bytes_of(&self, id: AccountId) -> u64 {
        let bytes = |mail: &Mail| mail.subject.as_str().len() as u64 + mail.content.size();
        self.mailbox(id).map(bytes).sum()
    }

    fn fetch(&self, id: AccountId, after: Seq, max: usize, max_bytes: usize) -> StoreDone {
        if !self.accounts.contains_key(&id) {
            return StoreDone::NoAccount;
        }
        let mut waiting = self.mailbox(id).filter(|mail| mail.seq > after).peekable();
        let (mut mails, mut bytes) = (Vec::new(), 0);
        while mails.len() < max && (mails.is_empty() || bytes < max_bytes) {
            let Some(mail) = waiting.next() else {
                break;
            };
            bytes += mail.content.inline_size();
            mails.push(mail.clone());
        }
        StoreDone::Page { mails, more: waiting.peek().is_some() }
    }

    pub(super) fn confirm(&mut self, id: AccountId, mails: &[MailRef]) -> StoreDone {
        if !self.accounts.contains_key(&id) {
            return StoreDone::NoAccount;
        }
        let before = self.mails.len();
        self.mails.retain(|(account, _), stored| {
            *account != id || !mails.contains(&stored.mail.reference())
        });
        let deleted = u32::try_from(before - self.mails.len()).unwrap_or(u32::MAX);
        self.forget_contents();
        StoreDone::Confirmed { deleted }
    }

    /// Removes the contents that no mail names any more.
    fn forget_contents(&mut self) {
        let named = self.mails.values().filter_map(|stored| stored.content).collect();
        self.contents.keep_only(&named);
    }

    fn upload(&mut self, bounds: Bounds, key: UploadKey, piece: &NewPiece) -> StoreDone {
        if !self.accounts.contains_key(&key.0) {
            return StoreDone::NoAccount;
        }
        // The mail was sent: a client that lost the answer sends again, and needs no upload.
        if self.records.contains_key(&key) {
            return StoreDone::Uploaded { staged: piece.size.bytes() };
        }
        self.contents.upload(bounds.uploads, key, piece)
    }

    fn read(&self, max: usize, id: AccountId, mail: MailRef, offset: u64) -> StoreDone {
        if !self.accounts.contains_key(&id) {
            return StoreDone::NoAccount;
        }
        let stored = self.mails.get(&(id, mail.seq)).filter(|stored| stored.mail.id == mail.id);
        let content = stored.and_then(|stored| self.contents.content(stored.content?));
        let Some(content) = content else {
            return StoreDone::NoSuchMail;
        };
        let rest = usize::try_from(offset).ok().and_then(|start| content.get(start..));
        let rest = rest.unwrap_or_default();
        match Piece::try_from(rest.get(..max).unwrap_or(rest)) {
            Ok(piece) => StoreDone::Piece(piece),
            Err(error) => StoreDone::Unavailable(error.to_string().into()),
        }
    }

    /// Removes the oldest records and uploads first, in whatever order they were added.
    fn prune(&mut self, before: Timestamp, uploads_before: Timestamp) -> StoreDone {
        let (uploads, more_uploads) = self.contents.prune(uploads_before);
        let mut old: Vec<_> = self
            .records
            .iter()
            .filter(|(_, record)| record.sent_at < before)
            .map(|(key, record)| (record.sent_at, *key))
            .collect();
        old.sort_unstable();
        let more = old.len() > PRUNE_STEP;
        old.truncate(PRUNE_STEP);
        for (_, key) in &old {
            self.records.remove(key);
        }
        StoreDone::Pruned {
            records: u32::try_from(old.len()).unwrap_or(u32::MAX),
            uploads,
            more: more || more_uploads,
        }
    }
}
