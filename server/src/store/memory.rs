//! Everything in memory, gone when the server stops: for laboratories and tests.
//!
//! Answers at once and needs no thread. Bounded by the quota of each mailbox and by
//! [`MemoryLimits`] for the whole.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    sync::Arc,
};

use correio_proto::{
    mail::{FullName, Mail, MailId, MailRef, Recipients, Seq, Timestamp, Username},
    message::Realm,
};
use foldhash::fast::RandomState;

use super::{
    AccountId, AccountRecord, Digest, Outgoing, PasswordHash, Quota, Store, StoreDone, StoreFailed,
    StoreJob, Submitted,
};
use crate::{invite::InviteId, ticket::Ticket};

/// How much a whole [`MemoryStore`] may hold.
#[derive(Clone, Copy, Debug)]
pub struct MemoryLimits {
    /// Accounts.
    pub accounts: usize,
    /// Bytes of subjects and bodies, counted once for each recipient.
    pub bytes: u64,
    /// Verdicts on mails that were sent.
    pub verdicts: usize,
}

impl Default for MemoryLimits {
    /// A million accounts, 4 GiB of mail, ten million verdicts (about 1 GiB).
    fn default() -> Self {
        Self { accounts: 1_000_000, bytes: 4 << 30, verdicts: 10_000_000 }
    }
}

/// Verdicts forgotten in one step.
const PRUNE_STEP: u32 = 1000;

/// See the module's description.
#[derive(Debug)]
pub struct MemoryStore {
    realm: Realm,
    quota: Quota,
    limits: MemoryLimits,
    ids: HashMap<Username, AccountId>,
    /// Nobody outside chooses the number of an account: a fast hash does.
    accounts: HashMap<AccountId, Account, RandomState>,
    /// Those that were used. Each has made an account.
    invites: HashSet<InviteId>,
    /// The verdicts by their age, whatever the clock did meanwhile; with those of accounts that
    /// are gone.
    given: BTreeMap<Timestamp, Vec<(AccountId, MailId)>>,
    /// How many stand there.
    verdicts: usize,
    bytes: u64,
    last_account: i64,
    last_seq: u64,
}

#[derive(Debug)]
struct Account {
    username: Username,
    full_name: FullName,
    hash: PasswordHash,
    register_id: MailId,
    mailbox: BTreeMap<Seq, Letter>,
    bytes: u64,
    /// On the mails it sent. Clients make ids that grow with the time, so that a new one goes to
    /// the end, where the last one went.
    verdicts: BTreeMap<MailId, Verdict>,
}

/// A mail without its number; what its recipients have in common they share.
#[derive(Clone, Debug)]
struct Letter {
    from: Username,
    from_name: FullName,
    mail: Arc<Outgoing>,
    sent_at: Timestamp,
}

#[derive(Debug)]
struct Verdict {
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
            ids: HashMap::new(),
            accounts: HashMap::default(),
            invites: HashSet::new(),
            given: BTreeMap::new(),
            verdicts: 0,
            bytes: 0,
            last_account: 0,
            last_seq: 0,
        }
    }

    fn run(&mut self, job: StoreJob) -> StoreDone {
        match job {
            StoreJob::FindAccount { username } => StoreDone::Account(self.find(&username)),
            StoreJob::CreateAccount { register_id, username, full_name, hash, invite } => {
                self.create(register_id, username, full_name, hash, invite)
            }
            StoreJob::SetFullName { account, full_name } => {
                let Some(account) = self.accounts.get_mut(&account) else {
                    return StoreDone::NoAccount;
                };
                account.full_name = full_name;
                StoreDone::Changed
            }
            StoreJob::SetHash { account, old, new } => self.set_hash(account, &old, new),
            StoreJob::DeleteAccount { account, hash } => self.delete(account, &hash),
            StoreJob::Send { sender, mail, now } => self.send(sender, mail, now),
            StoreJob::Fetch { account, after, mails, bytes } => {
                self.fetch(account, after, mails as usize, bytes)
            }
            StoreJob::Confirm { account, mails } => self.confirm(account, &mails),
            StoreJob::Prune { before } => self.prune(before),
        }
    }

    fn find(&self, username: &Username) -> Option<AccountRecord> {
        let id = *self.ids.get(username)?;
        let account = self.accounts.get(&id)?;
        Some(AccountRecord {
            id,
            username: account.username.clone(),
            full_name: account.full_name.clone(),
            hash: account.hash.clone(),
            waiting: u32::try_from(account.mailbox.len()).unwrap_or(u32::MAX),
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
        if let Some(account) = self.ids.get(&username).and_then(|id| self.accounts.get(id)) {
            return match account.register_id == register_id {
                true => StoreDone::Created,
                false => StoreDone::UsernameTaken,
            };
        }
        if self.accounts.len() >= self.limits.accounts {
            return StoreDone::Unavailable("the memory store is full of accounts".into());
        }
        if invite.is_some_and(|invite| !self.invites.insert(invite)) {
            return StoreDone::InviteUsed;
        }
        self.last_account += 1;
        let id = AccountId(self.last_account);
        self.ids.insert(username.clone(), id);
        let mailbox = BTreeMap::new();
        let verdicts = BTreeMap::new();
        let account =
            Account { username, full_name, hash, register_id, mailbox, bytes: 0, verdicts };
        self.accounts.insert(id, account);
        StoreDone::Created
    }

    fn set_hash(&mut self, id: AccountId, old: &PasswordHash, new: PasswordHash) -> StoreDone {
        match self.accounts.get_mut(&id) {
            None => StoreDone::NoAccount,
            Some(account) if account.hash == *old || account.hash == new => {
                account.hash = new;
                StoreDone::Changed
            }
            Some(_) => StoreDone::Conflict,
        }
    }

    fn delete(&mut self, id: AccountId, hash: &PasswordHash) -> StoreDone {
        match self.accounts.get(&id) {
            None => return StoreDone::NoAccount,
            Some(account) if account.hash != *hash => return StoreDone::Conflict,
            Some(account) => {
                self.ids.remove(&account.username);
                self.bytes -= account.bytes;
            }
        }
        self.accounts.remove(&id);
        // What stands in `given` is forgotten with its time: no account gets its number again.
        StoreDone::Changed
    }

    fn send(&mut self, sender: AccountId, mail: Arc<Outgoing>, now: Timestamp) -> StoreDone {
        let Some(from) = self.accounts.get(&sender) else {
            return StoreDone::NoAccount;
        };
        let names = (from.username.clone(), from.full_name.clone());
        let (id, digest) = (mail.id, mail.digest());
        if let Some(verdict) = from.verdicts.get(&id) {
            return match verdict.digest == digest {
                true => StoreDone::SentBefore { sent_at: verdict.sent_at },
                false => StoreDone::Conflict,
            };
        }
        let recipients = match self.recipients(&mail.to, mail.quota_bytes()) {
            Ok(recipients) => recipients,
            Err(refusal) => return refusal,
        };
        let total = mail.quota_bytes() * recipients.len() as u64;
        if self.bytes + total > self.limits.bytes || self.verdicts >= self.limits.verdicts {
            return StoreDone::Unavailable("the memory store is full of mail".into());
        }
        let (from, from_name) = names.clone();
        self.put(&Letter { from, from_name, mail, sent_at: now }, &recipients);
        if let Some(sender) = self.accounts.get_mut(&sender) {
            sender.verdicts.insert(id, Verdict { digest, sent_at: now });
        }
        self.given.entry(now).or_default().push((sender, id));
        self.verdicts += 1;
        StoreDone::Sent { sent_at: now, recipients, from: names }
    }

    /// The accounts of all recipients, or why none of them gets the mail.
    fn recipients(&self, to: &Recipients, bytes: u64) -> Result<Vec<AccountId>, StoreDone> {
        let mut ids = Vec::with_capacity(to.as_slice().len());
        let (mut unknown, mut full) = (Vec::new(), Vec::new());
        for username in to.iter() {
            let Some((id, account)) = self
                .ids
                .get(username)
                .and_then(|id| self.accounts.get(id).map(|account| (*id, account)))
            else {
                unknown.push(username.clone());
                continue;
            };
            if account.mailbox.len() >= self.quota.mails as usize
                || account.bytes + bytes > self.quota.bytes
            {
                full.push(username.clone());
            }
            ids.push(id);
        }
        if !unknown.is_empty() {
            return Err(StoreDone::UnknownRecipients(unknown));
        }
        if !full.is_empty() {
            return Err(StoreDone::MailboxesFull(full));
        }
        Ok(ids)
    }

    fn put(&mut self, letter: &Letter, recipients: &[AccountId]) {
        let bytes = letter.mail.quota_bytes();
        for id in recipients {
            self.last_seq += 1;
            if let Some(account) = self.accounts.get_mut(id) {
                account.mailbox.insert(Seq(self.last_seq), letter.clone());
                account.bytes += bytes;
                self.bytes += bytes;
            }
        }
    }

    fn fetch(&self, id: AccountId, after: Seq, max: usize, max_bytes: usize) -> StoreDone {
        let Some(account) = self.accounts.get(&id) else {
            return StoreDone::NoAccount;
        };
        let first = Seq(after.0.saturating_add(1));
        let mut waiting = account.mailbox.range(first..).peekable();
        let mut mails = Vec::new();
        let mut bytes = 0;
        while mails.len() < max && (mails.is_empty() || bytes < max_bytes) {
            let Some((seq, letter)) = waiting.next() else {
                break;
            };
            bytes += letter.mail.body.as_str().len();
            mails.push(letter.as_mail(*seq));
        }
        StoreDone::Page { mails, more: waiting.peek().is_some() }
    }

    /// Forgets old verdicts, a bounded number at a time: this runs on the loop.
    fn prune(&mut self, before: Timestamp) -> StoreDone {
        let mut verdicts = 0;
        for _ in 0..PRUNE_STEP {
            let Some(mut oldest) = self.given.first_entry().filter(|oldest| *oldest.key() < before)
            else {
                return StoreDone::Pruned { verdicts, more: false };
            };
            let given = oldest.get_mut().pop();
            if oldest.get().is_empty() {
                oldest.remove();
            }
            let Some((sender, id)) = given else {
                continue;
            };
            self.verdicts -= 1;
            // Those of accounts that are gone were none any more.
            let sender = self.accounts.get_mut(&sender);
            verdicts += u32::from(sender.is_some_and(|it| it.verdicts.remove(&id).is_some()));
        }
        let more = self.given.first_key_value().is_some_and(|(sent_at, _)| *sent_at < before);
        StoreDone::Pruned { verdicts, more }
    }

    fn confirm(&mut self, id: AccountId, mails: &[MailRef]) -> StoreDone {
        let Some(account) = self.accounts.get_mut(&id) else {
            return StoreDone::NoAccount;
        };
        let mut deleted = 0;
        for mail in mails {
            let Some(letter) =
                account.mailbox.get(&mail.seq).filter(|letter| letter.mail.id == mail.id)
            else {
                continue;
            };
            let bytes = letter.mail.quota_bytes();
            account.bytes -= bytes;
            self.bytes -= bytes;
            account.mailbox.remove(&mail.seq);
            deleted += 1;
        }
        StoreDone::Confirmed { deleted }
    }
}

impl Letter {
    fn as_mail(&self, seq: Seq) -> Mail {
        Mail {
            seq,
            id: self.mail.id,
            from: self.from.clone(),
            from_name: self.from_name.clone(),
            to: self.mail.to.clone(),
            sent_at: self.sent_at,
            subject: self.mail.subject.clone(),
            body: self.mail.body.clone(),
        }
    }
}

impl Store for MemoryStore {
    fn realm(&self) -> Realm {
        self.realm
    }

    fn submit(&mut self, _ticket: Ticket, job: StoreJob) -> Submitted {
        Submitted::Done(self.run(job))
    }

    fn collect(&mut self, _done: &mut Vec<(Ticket, StoreDone)>) -> Result<(), StoreFailed> {
        Ok(())
    }

    fn close(self: Box<Self>, _done: &mut Vec<(Ticket, StoreDone)>) -> Result<(), StoreFailed> {
        Ok(())
    }
}
