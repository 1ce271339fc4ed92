//! What a store has to answer, by lists that are searched from end to end: too slow for a server,
//! and plain enough to be believed.

use correio_proto::{
    mail::{FullName, Mail, MailId, MailRef, Seq, Timestamp, Username},
    message::Realm,
};
use correio_server::{
    ids::{AccountId, InviteId, PasswordHash, Ticket},
    store::{
        AccountRecord, NewMailRecord, Quota, Store, StoreDone, StoreFailed, StoreJob, Submitted,
    },
};

/// Verdicts that one [`StoreJob::Prune`] forgets at most.
pub const PRUNE_STEP: usize = 1000;

#[derive(Debug)]
pub struct Model {
    quota: Quota,
    accounts: Vec<Account>,
    /// All mailboxes, in the order of arrival.
    mails: Vec<(AccountId, Mail)>,
    verdicts: Vec<Verdict>,
    invites: Vec<InviteId>,
    last_account: i64,
    last_seq: u64,
}

#[derive(Debug)]
struct Account {
    id: AccountId,
    register_id: MailId,
    username: Username,
    full_name: FullName,
    hash: PasswordHash,
}

#[derive(Debug)]
struct Verdict {
    sender: AccountId,
    mail: NewMailRecord,
    sent_at: Timestamp,
}

impl Model {
    pub fn new(quota: Quota) -> Self {
        Self {
            quota,
            accounts: vec![],
            mails: vec![],
            verdicts: vec![],
            invites: vec![],
            last_account: 0,
            last_seq: 0,
        }
    }

    fn run(&mut self, job: StoreJob) -> StoreDone {
        match job {
            StoreJob::FindAccount { username } => StoreDone::Account(self.record(&username)),
            StoreJob::CreateAccount { register_id, username, full_name, hash, invite } => {
                let id = AccountId(self.last_account + 1);
                self.create(Account { id, register_id, username, full_name, hash }, invite)
            }
            StoreJob::SetFullName { account, full_name } => {
                self.change(account, |_| true, |account| account.full_name = full_name)
            }
            StoreJob::SetHash { account, old, new } => {
                let fits = |hash: &PasswordHash| *hash == old || *hash == new;
                self.change(account, fits, |account| account.hash = new.clone())
            }
            StoreJob::DeleteAccount { account, hash } => self.delete(account, &hash),
            StoreJob::Send { sender, mail, now } => self.send(sender, &mail, now),
            StoreJob::Fetch { account, after, mails, bytes } => {
                self.fetch(account, after, mails as usize, bytes)
            }
            StoreJob::Confirm { account, mails } => self.confirm(account, &mails),
            StoreJob::Prune { before } => self.prune(before),
        }
    }

    fn find(&self, username: &Username) -> Option<&Account> {
        self.accounts.iter().find(|account| account.username == *username)
    }

    fn exists(&self, id: AccountId) -> bool {
        self.accounts.iter().any(|account| account.id == id)
    }

    fn mailbox(&self, id: AccountId) -> impl Iterator<Item = &Mail> {
        self.mails.iter().filter(move |(account, _)| *account == id).map(|(_, mail)| mail)
    }

    fn record(&self, username: &Username) -> Option<AccountRecord> {
        self.find(username).map(|account| AccountRecord {
            id: account.id,
            username: account.username.clone(),
            full_name: account.full_name.clone(),
            hash: account.hash.clone(),
            waiting: u32::try_from(self.mailbox(account.id).count()).unwrap(),
        })
    }

    fn create(&mut self, account: Account, invite: Option<InviteId>) -> StoreDone {
        match self.find(&account.username) {
            Some(present) if present.register_id == account.register_id => {
                return StoreDone::CreatedBefore;
            }
            Some(_) => return StoreDone::UsernameTaken,
            None => {}
        }
        if invite.is_some_and(|invite| self.invites.contains(&invite)) {
            return StoreDone::InviteUsed;
        }
        self.invites.extend(invite);
        self.last_account = account.id.0;
        self.accounts.push(account);
        StoreDone::Created
    }

    fn change(
        &mut self,
        id: AccountId,
        fits: impl Fn(&PasswordHash) -> bool,
        change: impl FnOnce(&mut Account),
    ) -> StoreDone {
        match self.accounts.iter_mut().find(|account| account.id == id) {
            None => StoreDone::NoAccount,
            Some(account) if !fits(&account.hash) => StoreDone::Conflict,
            Some(account) => {
                change(account);
                StoreDone::Changed
            }
        }
    }

    fn delete(&mut self, id: AccountId, hash: &PasswordHash) -> StoreDone {
        let done = self.change(id, |present| present == hash, |_| ());
        if done == StoreDone::Changed {
            self.accounts.retain(|account| account.id != id);
            self.mails.retain(|(account, _)| *account != id);
            self.verdicts.retain(|verdict| verdict.sender != id);
        }
        done
    }

    fn send(&mut self, sender: AccountId, mail: &NewMailRecord, now: Timestamp) -> StoreDone {
        let Some(from) = self.accounts.iter().find(|account| account.id == sender) else {
            return StoreDone::NoAccount;
        };
        let from = (from.username.clone(), from.full_name.clone());
        let said = |verdict: &&Verdict| verdict.sender == sender && verdict.mail.id == mail.id;
        if let Some(verdict) = self.verdicts.iter().find(said) {
            return match verdict.mail == *mail {
                true => StoreDone::SentBefore { sent_at: verdict.sent_at },
                false => StoreDone::Conflict,
            };
        }
        let unknown: Vec<_> =
            mail.to.iter().filter(|name| self.find(name).is_none()).cloned().collect();
        if !unknown.is_empty() {
            return StoreDone::UnknownRecipients(unknown);
        }
        let full: Vec<_> =
            mail.to.iter().filter(|name| self.is_full(name, mail)).cloned().collect();
        if !full.is_empty() {
            return StoreDone::MailboxesFull(full);
        }
        let recipients: Vec<_> = mail.to.iter().map(|name| self.find(name).unwrap().id).collect();
        for account in &recipients {
            self.last_seq += 1;
            let mail = Mail {
                seq: Seq(self.last_seq),
                id: mail.id,
                from: from.0.clone(),
                from_name: from.1.clone(),
                to: mail.to.clone(),
                sent_at: now,
                subject: mail.subject.clone(),
                body: mail.body.clone(),
            };
            self.mails.push((*account, mail));
        }
        self.verdicts.push(Verdict { sender, mail: mail.clone(), sent_at: now });
        StoreDone::Sent { sent_at: now, recipients, from }
    }

    /// Whether a mail is more than the mailbox of somebody who exists may hold.
    fn is_full(&self, username: &Username, mail: &NewMailRecord) -> bool {
        let id = self.find(username).unwrap().id;
        let bytes = |subject: &str, body: &str| (subject.len() + body.len()) as u64;
        let held: u64 =
            self.mailbox(id).map(|mail| bytes(mail.subject.as_str(), mail.body.as_str())).sum();
        let more = bytes(mail.subject.as_str(), mail.body.as_str());
        self.mailbox(id).count() >= self.quota.mails as usize || held + more > self.quota.bytes
    }

    fn fetch(&self, id: AccountId, after: Seq, max: usize, max_bytes: usize) -> StoreDone {
        if !self.exists(id) {
            return StoreDone::NoAccount;
        }
        let waiting: Vec<_> = self.mailbox(id).filter(|mail| mail.seq > after).cloned().collect();
        let (mut page, mut bytes) = (vec![], 0);
        for mail in waiting.iter().take(max) {
            if bytes >= max_bytes && !page.is_empty() {
                break;
            }
            bytes += mail.body.as_str().len();
            page.push(mail.clone());
        }
        let more = page.len() < waiting.len();
        StoreDone::Page { mails: page, more }
    }

    fn confirm(&mut self, id: AccountId, mails: &[MailRef]) -> StoreDone {
        if !self.exists(id) {
            return StoreDone::NoAccount;
        }
        let before = self.mails.len();
        self.mails.retain(|(account, mail)| *account != id || !mails.contains(&mail.reference()));
        StoreDone::Confirmed { deleted: u32::try_from(before - self.mails.len()).unwrap() }
    }

    /// Every verdict that is older goes, the oldest first, whenever it was given.
    fn prune(&mut self, before: Timestamp) -> StoreDone {
        self.verdicts.sort_by_key(|verdict| verdict.sent_at);
        let old = self.verdicts.iter().filter(|verdict| verdict.sent_at < before).count();
        let forgotten = old.min(PRUNE_STEP);
        self.verdicts.drain(..forgotten);
        let records = u32::try_from(forgotten).unwrap();
        StoreDone::Pruned { records, more: forgotten < old }
    }
}

impl Store for Model {
    fn realm(&self) -> Realm {
        Realm([0; 16])
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
