//! Everything in memory, gone when the server stops: for laboratories and tests.
//!
//! Answers at once and needs no thread. Bounded by the quota of each mailbox and by
//! [`MemoryLimits`] for the whole.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap, HashSet},
    sync::Arc,
};

use correio_proto::{
    mail::{FullName, Mail, MailId, MailRef, Recipients, Seq, Timestamp, Username},
    message::Realm,
};

use super::{
    AccountId, AccountRecord, Outgoing, PasswordHash, Quota, Store, StoreDone, StoreFailed,
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
    accounts: HashMap<AccountId, Account>,
    /// Those that were used. Each has made an account.
    invites: HashSet<InviteId>,
    verdicts: HashMap<(AccountId, MailId), Verdict>,
    /// The verdicts by their age, whatever the clock did meanwhile; with those of accounts that
    /// are gone.
    given: BTreeSet<(Timestamp, AccountId, MailId)>,
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
    mailbox: BTreeMap<Seq, Arc<Letter>>,
    bytes: u64,
}

/// A mail without its number: one for all of its recipients.
#[derive(Debug)]
struct Letter {
    from: Username,
    from_name: FullName,
    mail: Outgoing,
    sent_at: Timestamp,
    bytes: u64,
}

#[derive(Debug)]
struct Verdict {
    digest: [u8; 32],
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
            accounts: HashMap::new(),
            invites: HashSet::new(),
            verdicts: HashMap::new(),
            given: BTreeSet::new(),
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
        let account = Account { username, full_name, hash, register_id, mailbox, bytes: 0 };
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
        // Its verdicts are forgotten with their time: no account gets its number again.
        StoreDone::Changed
    }

    fn send(&mut self, sender: AccountId, mail: Outgoing, now: Timestamp) -> StoreDone {
        let Some(from) = self.accounts.get(&sender) else {
            return StoreDone::NoAccount;
        };
        let names = (from.username.clone(), from.full_name.clone());
        let digest = mail.digest();
        if let Some(verdict) = self.verdicts.get(&(sender, mail.id)) {
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
        if self.bytes + total > self.limits.bytes || self.verdicts.len() >= self.limits.verdicts {
            return StoreDone::Unavailable("the memory store is full of mail".into());
        }
        self.verdicts.insert((sender, mail.id), Verdict { digest, sent_at: now });
        self.given.insert((now, sender, mail.id));
        self.put(names.clone(), mail, now, &recipients);
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

    fn put(
        &mut self,
        (from, from_name): (Username, FullName),
        mail: Outgoing,
        sent_at: Timestamp,
        recipients: &[AccountId],
    ) {
        let bytes = mail.quota_bytes();
        let letter = Arc::new(Letter { from, from_name, mail, sent_at, bytes });
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
            let oldest = self.given.first().filter(|(sent_at, ..)| *sent_at < before);
            let Some(&(_, sender, id)) = oldest else {
                return StoreDone::Pruned { verdicts, more: false };
            };
            self.given.pop_first();
            self.verdicts.remove(&(sender, id));
            // Those of accounts that are gone were none any more.
            verdicts += u32::from(self.accounts.contains_key(&sender));
        }
        let more = self.given.first().is_some_and(|(sent_at, ..)| *sent_at < before);
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
            account.bytes -= letter.bytes;
            self.bytes -= letter.bytes;
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
