//! A store in memory, for laboratories and tests: its data is gone when the server stops.
//!
//! The store does each job at once and needs no thread. The quota bounds each mailbox,
//! [`MemoryLimits`] the whole store.

use std::{
    collections::{BTreeMap, HashSet},
    ops::Bound,
    sync::Arc,
};

use correio_proto::{
    directory::{Person, Query},
    mail::{Content, FullName, MailId, MailRef, Seq, Timestamp, Username},
    message::Realm,
};

use self::{
    app_passwords::AppPasswords,
    contents::{StoredContent, Uploads},
    lists::Lists,
    mailbox::{Mailbox, Names, StoredMail, seen},
    settings::{AccountSettings, RecordedInvites, RetentionDays},
};
use super::{
    AccountRecord, Digest, HashChange, NewMailRecord, Quota, Store, StoreDone, StoreFailed,
    StoreJob, Submitted, ToLists, UploadLimits,
    directory::{self, Directory},
    lists::is_reserved,
    reached::Reached,
    uploads::{self, UploadSize},
};
use crate::ids::{AccountId, InviteId, PasswordHash, Ticket};

mod admin;
mod app_password_jobs;
mod app_passwords;
mod contents;
mod gateway;
mod list_jobs;
mod lists;
mod mailbox;
mod settings;

/// Bounds of a whole [`MemoryStore`].
#[derive(Clone, Copy, Debug)]
pub struct MemoryLimits {
    /// Accounts, and usernames of deleted accounts, which stay since no list gets them.
    pub accounts: usize,
    /// Bytes of subjects and contents, counted once for each recipient.
    pub bytes: u64,
    /// Idempotency records of mails that were sent.
    pub records: usize,
    /// Members of all lists, each counted in each list.
    pub memberships: usize,
    /// App passwords of all accounts.
    pub app_passwords: usize,
    /// The bounds of uploads, whose bytes count besides.
    pub uploads: UploadLimits,
}

impl Default for MemoryLimits {
    /// A million accounts, 4 GiB of mail, ten million idempotency records (about 1 GiB), ten
    /// million members of lists (about 2 GiB), a million app passwords (about 300 MiB), 1 GiB of
    /// uploads.
    fn default() -> Self {
        let uploads = UploadLimits::default();
        Self {
            accounts: 1_000_000,
            bytes: 4 << 30,
            records: 10_000_000,
            memberships: 10_000_000,
            app_passwords: 1_000_000,
            uploads,
        }
    }
}

const FULL_OF_ACCOUNTS: &str = "the memory store is full of accounts";
const FULL_OF_LISTS: &str = "the memory store is full of lists";
const FULL_OF_MAIL: &str = "the memory store is full of mail";

/// Most members of lists that the mails of one iteration of the event loop go through: one mail to
/// the largest lists, or several to smaller ones. All connections wait meanwhile.
const WALKED_MAX: u32 = correio_proto::limits::MEMBERS_MAX;

/// Idempotency records, and uploads, deleted in one step.
const PRUNE_STEP: u32 = 1000;

/// Bytes of names that one find reads, since it is done on the event loop: those of about 250,000
/// accounts. After them, it says that there may be more.
const FIND_BYTES: usize = 8 << 20;

/// The store in memory.
#[derive(Debug)]
pub struct MemoryStore {
    realm: Realm,
    quota: Quota,
    limits: MemoryLimits,
    /// Accounts in the order of their usernames.
    ids: BTreeMap<Username, AccountId>,
    directory: Directory,
    accounts: Accounts,
    /// Invites that were used. Each has made an account.
    invites: HashSet<InviteId>,
    recorded_invites: RecordedInvites,
    app_passwords: AppPasswords,
    retention_days: RetentionDays,
    /// Keys of the idempotency records by their time, those of deleted accounts included. Times are
    /// not in the order of insertion if the clock was set back.
    by_time: BTreeMap<Timestamp, Vec<(AccountId, MailId)>>,
    /// Number of keys in `by_time`.
    records: usize,
    uploads: Uploads,
    lists: Lists,
    /// Members of lists that mails may have reached since the last [`Store::collect`].
    walked: u32,
    bytes: u64,
    last_seq: u64,
}

/// Accounts in the order of their ids, which begin at 1. A deleted account leaves an empty place of
/// 8 bytes; the limit on registrations bounds how fast those grow.
#[derive(Debug, Default)]
struct Accounts {
    places: Vec<Option<Box<Account>>>,
    count: usize,
}

#[derive(Debug)]
struct Account {
    names: Arc<Names>,
    /// `None` if no password was set yet.
    hash: Option<PasswordHash>,
    /// `None` for an account that the operator made.
    register_id: Option<MailId>,
    settings: AccountSettings,
    mailbox: Mailbox,
    /// Idempotency records of the mails that it sent. Clients make ids that grow with the time, so
    /// inserts happen at the end.
    sent: BTreeMap<MailId, IdempotencyRecord>,
}

impl Account {
    /// The idempotency record of a mail that this account sent. A new mail mostly has the highest
    /// id, which needs no search.
    fn record(&self, id: MailId) -> Option<&IdempotencyRecord> {
        let (last, _) = self.sent.last_key_value()?;
        if id > *last { None } else { self.sent.get(&id) }
    }
}

#[derive(Debug)]
struct IdempotencyRecord {
    digest: Digest,
    sent_at: Timestamp,
}

impl MemoryStore {
    /// An empty store.
    #[must_use]
    pub fn new(realm: Realm, quota: Quota, limits: MemoryLimits) -> Self {
        Self {
            realm,
            quota,
            limits,
            ids: BTreeMap::new(),
            directory: Directory::default(),
            accounts: Accounts::default(),
            invites: HashSet::new(),
            recorded_invites: RecordedInvites::default(),
            app_passwords: AppPasswords::default(),
            retention_days: RetentionDays::default(),
            by_time: BTreeMap::new(),
            records: 0,
            uploads: Uploads::new(limits.uploads),
            lists: Lists::new(),
            walked: 0,
            bytes: 0,
            last_seq: 0,
        }
    }

    fn run(&mut self, job: StoreJob) -> StoreDone {
        match job {
            StoreJob::FindAccount { username } => {
                StoreDone::Account(self.find(&username).map(Box::new))
            }
            StoreJob::CreateAccount { register_id, username, full_name, hash, invite } => {
                self.create(register_id, username, full_name, hash, invite)
            }
            StoreJob::SetFullName { account, full_name } => self.set_full_name(account, full_name),
            StoreJob::SetHash { account, old, new, change } => {
                self.set_hash(account, &old, new, change)
            }
            StoreJob::DeleteAccount { account, hash } => self.delete(account, &hash),
            StoreJob::Send { sender, mail, to_lists, now } => {
                self.send(sender, &mail, to_lists, now)
            }
            StoreJob::Fetch { account, after, mails, bytes } => {
                self.fetch(account, after, mails as usize, bytes)
            }
            StoreJob::Confirm { account, mails } => self.confirm(account, &mails),
            StoreJob::Upload { account, id, size, offset, bytes, now } => {
                match self.accounts.get(account).map(|account| account.sent.contains_key(&id)) {
                    None => StoreDone::NoAccount,
                    Some(true) => StoreDone::Uploaded { staged: size.get() },
                    Some(false) => {
                        let size = UploadSize::Stated(size);
                        self.uploads.add((account, id), size, (offset, &bytes), now)
                    }
                }
            }
            StoreJob::Read { account, mail, offset } => self.read(account, mail, offset),
            StoreJob::Find { query, people } => self.look_up(&query, people),
            StoreJob::ListsOf { account } => self.lists_of(account),
            StoreJob::Members { account, name, after, members } => {
                self.members(account, &name, after.as_ref(), members)
            }
            StoreJob::ChangeList { account, name, change } => {
                self.change_list(account, &name, change)
            }
            StoreJob::Recover { username, code, hash, now } => {
                self.recover(&username, code, hash, now)
            }
            StoreJob::SetUsed { account, now } => self.set_used(account, now),
            StoreJob::AppPassword(job) => self.run_app_password_job(job),
            StoreJob::Gateway(job) => self.run_gateway_job(job),
            StoreJob::Admin(job) => StoreDone::Admin(self.run_admin_job(job)),
            StoreJob::Prune { before, uploads_before } => self.prune(before, uploads_before),
        }
    }

    fn find(&self, username: &Username) -> Option<AccountRecord> {
        let id = *self.ids.get(username)?;
        let account = self.accounts.get(id)?;
        Some(AccountRecord {
            id,
            username: account.names.username.clone(),
            full_name: account.names.full_name.clone(),
            hash: account.hash.clone(),
            state: account.settings.state,
            code: account.settings.code,
            usage: account.usage(self.quota),
        })
    }

    fn create(
        &mut self,
        register_id: MailId,
        username: Username,
        full_name: FullName,
        hash: PasswordHash,
        invite: Option<InviteId>,
    ) -> StoreDone {
        if let Some(account) = self.ids.get(&username).and_then(|id| self.accounts.get(*id)) {
            return match account.register_id == Some(register_id) {
                true => StoreDone::CreatedBefore,
                false => StoreDone::UsernameTaken,
            };
        }
        if is_reserved(&username) || self.lists.has_name(&username) {
            return StoreDone::UsernameTaken;
        }
        if self.accounts.count + self.lists.retired_names() >= self.limits.accounts {
            return StoreDone::Unavailable(FULL_OF_ACCOUNTS.into());
        }
        if invite.is_some_and(|invite| !self.invites.insert(invite)) {
            return StoreDone::InviteUsed;
        }
        let names = Names { username, full_name };
        self.insert(names, Some(hash), Some(register_id), AccountSettings::default());
        StoreDone::Created
    }

    /// Makes an account, whose name is free.
    fn insert(
        &mut self,
        names: Names,
        hash: Option<PasswordHash>,
        register_id: Option<MailId>,
        settings: AccountSettings,
    ) -> AccountId {
        let (mailbox, sent) = (Mailbox::default(), BTreeMap::new());
        let names = Arc::new(names);
        let username = names.username.clone();
        let account = Account { names: names.clone(), hash, register_id, settings, mailbox, sent };
        let id = self.accounts.add(account);
        self.directory.add(id, &names.username, &names.full_name);
        self.ids.insert(username, id);
        id
    }

    fn set_full_name(&mut self, id: AccountId, full_name: FullName) -> StoreDone {
        let Some(account) = self.accounts.get_mut(id) else {
            return StoreDone::NoAccount;
        };
        let username = account.names.username.clone();
        self.directory.remove(id, &username);
        self.directory.add(id, &username, &full_name);
        account.names = Arc::new(Names { username, full_name });
        StoreDone::Changed
    }

    /// Looks at most `people` people up.
    fn look_up(&self, query: &Query, people: usize) -> StoreDone {
        let part = query.as_str();
        let person = |id: &AccountId| {
            let Names { username, full_name } = &*self.accounts.get(*id)?.names;
            Some(Person { username: username.clone(), full_name: full_name.clone() })
        };
        let first = self
            .ids
            .range::<str, _>((Bound::Included(part), Bound::Unbounded))
            .take_while(|(username, _)| username.as_str().starts_with(part))
            .filter_map(|(_, id)| person(id));
        let search = self.directory.search(query, FIND_BYTES);
        let of = |username: &str| self.ids.get(username).and_then(person);
        StoreDone::Found(directory::find(query, people, first, search, of))
    }

    fn set_hash(
        &mut self,
        id: AccountId,
        old: &PasswordHash,
        new: PasswordHash,
        change: HashChange,
    ) -> StoreDone {
        match self.accounts.get_mut(id) {
            None => StoreDone::NoAccount,
            Some(account) if [Some(old), Some(&new)].contains(&account.hash.as_ref()) => {
                account.hash = Some(new);
                match change {
                    HashChange::NewPassword => {
                        StoreDone::PasswordSet { revoked: self.app_passwords.revoke_all(id) }
                    }
                    HashChange::NewCost => StoreDone::Changed,
                }
            }
            Some(_) => StoreDone::Conflict,
        }
    }

    fn delete(&mut self, id: AccountId, hash: &PasswordHash) -> StoreDone {
        match self.accounts.get(id) {
            None => StoreDone::NoAccount,
            Some(account) if account.hash.as_ref() != Some(hash) => StoreDone::Conflict,
            Some(_) => {
                self.delete_all(id);
                StoreDone::Changed
            }
        }
    }

    /// Deletes an account with its mailbox and its uploads.
    fn delete_all(&mut self, id: AccountId) {
        if let Some(account) = self.accounts.get(id) {
            self.ids.remove(&account.names.username);
            self.directory.remove(id, &account.names.username);
            self.lists.forget_account((id, &account.names.username));
            self.bytes -= account.mailbox.bytes();
        }
        self.accounts.remove(id);
        self.uploads.remove_account(id);
        self.app_passwords.revoke_all(id);
        // Its keys in `by_time` stay until they are pruned by age: no account gets its id again.
    }

    /// Sends a mail, as [`StoreJob::Send`] describes it.
    fn send(
        &mut self,
        sender: AccountId,
        mail: &Arc<NewMailRecord>,
        to_lists: ToLists,
        now: Timestamp,
    ) -> StoreDone {
        let done = self.send_or_refuse(sender, mail, to_lists, now);
        if let Some(staged) = mail.staged
            && !matches!(done, StoreDone::Unavailable(_))
        {
            self.uploads.discard(sender, staged);
        }
        done
    }

    fn send_or_refuse(
        &mut self,
        sender: AccountId,
        mail: &Arc<NewMailRecord>,
        to_lists: ToLists,
        now: Timestamp,
    ) -> StoreDone {
        let Some(from) = self.accounts.get(sender) else {
            return StoreDone::NoAccount;
        };
        let names = from.names.clone();
        let (id, digest) = (mail.id, mail.digest());
        if let Some(record) = from.record(id) {
            return match record.digest == digest {
                true => StoreDone::SentBefore { sent_at: record.sent_at },
                false => StoreDone::Conflict,
            };
        }
        if let Content::Large(large) = mail.content {
            let upload = self.uploads.progress(sender, mail.upload_id());
            if let Some(refusal) = uploads::refusal(upload, mail, large.size) {
                return refusal;
            }
        }
        let recipients = match self.recipients(&names.username, mail, to_lists) {
            Ok(recipients) => recipients,
            Err(refusal) => return refusal,
        };
        let total = mail.quota_bytes() * recipients.accounts().len() as u64;
        if self.bytes + total > self.limits.bytes || self.records >= self.limits.records {
            return StoreDone::Unavailable(FULL_OF_MAIL.into());
        }
        let from = (names.username.clone(), names.full_name.clone());
        let content = match mail.content {
            Content::Body(_) | Content::Message(_) => None,
            Content::Large(_) => self.uploads.take(sender, mail.upload_id()),
        };
        self.put(&names, mail, content, now, &recipients);
        self.record(sender, id, digest, now);
        StoreDone::Sent { sent_at: now, recipients: recipients.into_accounts(), from }
    }

    /// Makes the idempotency record of a mail.
    fn record(&mut self, sender: AccountId, id: MailId, digest: Digest, now: Timestamp) {
        if let Some(sender) = self.accounts.get_mut(sender) {
            sender.sent.insert(id, IdempotencyRecord { digest, sent_at: now });
        }
        self.by_time.entry(now).or_default().push((sender, id));
        self.records += 1;
    }

    /// Puts a mail into the mailboxes of the accounts that it reaches, with this content if it is
    /// large.
    fn put(
        &mut self,
        from: &Arc<Names>,
        mail: &Arc<NewMailRecord>,
        content: Option<StoredContent>,
        sent_at: Timestamp,
        reached: &Reached,
    ) {
        let bytes = mail.quota_bytes();
        let content = content.unwrap_or_else(|| StoredContent::of(&mail.content));
        let content = Arc::new(content);
        for (accounts, hidden) in reached.stretches() {
            let stored = StoredMail {
                from: from.clone(),
                mail: mail.clone(),
                to: seen(mail, hidden),
                content: content.clone(),
                sent_at,
            };
            for id in accounts {
                self.last_seq += 1;
                if let Some(account) = self.accounts.get_mut(*id) {
                    account.mailbox.push(Seq(self.last_seq), stored.clone());
                    self.bytes += bytes;
                }
            }
        }
    }

    fn fetch(&self, id: AccountId, after: Seq, max: usize, max_bytes: usize) -> StoreDone {
        let Some(account) = self.accounts.get(id) else {
            return StoreDone::NoAccount;
        };
        let mut waiting = account.mailbox.above(after).peekable();
        let mut mails = Vec::new();
        let mut bytes = 0;
        while mails.len() < max && (mails.is_empty() || bytes < max_bytes) {
            let Some((seq, stored)) = waiting.next() else {
                break;
            };
            bytes += stored.mail.content.inline_size();
            mails.push(stored.as_mail(seq));
        }
        StoreDone::Page { mails, more: waiting.peek().is_some() }
    }

    fn read(&self, id: AccountId, mail: MailRef, offset: u64) -> StoreDone {
        let Some(account) = self.accounts.get(id) else {
            return StoreDone::NoAccount;
        };
        match account.mailbox.get(mail).and_then(|stored| stored.content.pieces.as_ref()) {
            Some(pieces) => StoreDone::Piece(pieces.read(offset)),
            None => StoreDone::NoSuchMail,
        }
    }

    /// Deletes old idempotency records and uploads. The numbers are bounded, because this runs on
    /// the event loop.
    fn prune(&mut self, before: Timestamp, uploads_before: Timestamp) -> StoreDone {
        let (records, more_records) = self.prune_records(before);
        let (uploads, more_uploads) = self.uploads.prune(uploads_before, PRUNE_STEP);
        StoreDone::Pruned { records, uploads, more: more_records || more_uploads }
    }

    /// Deletes idempotency records. Returns their number, and whether there are more.
    fn prune_records(&mut self, before: Timestamp) -> (u32, bool) {
        let mut records = 0;
        for _ in 0..PRUNE_STEP {
            let Some(mut oldest) =
                self.by_time.first_entry().filter(|oldest| *oldest.key() < before)
            else {
                return (records, false);
            };
            let record = oldest.get_mut().pop();
            if oldest.get().is_empty() {
                oldest.remove();
            }
            let Some((sender, id)) = record else {
                continue;
            };
            self.records -= 1;
            // Records of deleted accounts were deleted with them and are not counted.
            let sender = self.accounts.get_mut(sender);
            records += u32::from(sender.is_some_and(|it| it.sent.remove(&id).is_some()));
        }
        let more = self.by_time.first_key_value().is_some_and(|(sent_at, _)| *sent_at < before);
        (records, more)
    }

    fn confirm(&mut self, id: AccountId, mails: &[MailRef]) -> StoreDone {
        let Some(account) = self.accounts.get_mut(id) else {
            return StoreDone::NoAccount;
        };
        let mut deleted = 0;
        for mail in mails {
            if let Some(bytes) = account.mailbox.remove(*mail) {
                self.bytes -= bytes;
                deleted += 1;
            }
        }
        StoreDone::Confirmed { deleted }
    }
}

impl Accounts {
    fn get(&self, id: AccountId) -> Option<&Account> {
        self.places.get(place(id)?)?.as_deref()
    }

    fn get_mut(&mut self, id: AccountId) -> Option<&mut Account> {
        self.places.get_mut(place(id)?)?.as_deref_mut()
    }

    /// Inserts an account under the next id.
    fn add(&mut self, account: Account) -> AccountId {
        self.places.push(Some(Box::new(account)));
        self.count += 1;
        AccountId(i64::try_from(self.places.len()).unwrap_or(i64::MAX))
    }

    fn remove(&mut self, id: AccountId) {
        let account = place(id).and_then(|place| self.places.get_mut(place)?.take());
        self.count -= usize::from(account.is_some());
    }
}

/// Index of an account. `None` for an id below 1.
fn place(id: AccountId) -> Option<usize> {
    usize::try_from(id.0).ok()?.checked_sub(1)
}

impl Store for MemoryStore {
    fn realm(&self) -> Realm {
        self.realm
    }

    fn submit(&mut self, _ticket: Ticket, job: StoreJob) -> Submitted {
        match self.has_time_for(&job) {
            true => Submitted::Done(self.run(job)),
            false => Submitted::Full,
        }
    }

    fn collect(&mut self, _done: &mut Vec<(Ticket, StoreDone)>) -> Result<(), StoreFailed> {
        self.walked = 0;
        Ok(())
    }

    fn close(self: Box<Self>, _done: &mut Vec<(Ticket, StoreDone)>) -> Result<(), StoreFailed> {
        Ok(())
    }
}
