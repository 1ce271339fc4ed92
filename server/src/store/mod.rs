//! What the server keeps: accounts, mailboxes and verdicts on mails that were sent.
//!
//! A store is asked with a [`StoreJob`] and answers with a [`StoreDone`], at once or later. The
//! trait assumes neither that a call is fast nor that the data is on this machine, and every job
//! may be submitted again with the same values: a store that several servers share fits behind it.
//!
//! An answer that says that something was changed is given only once the change is durable.

use std::sync::Arc;

use correio_proto::{
    mail::{Body, FullName, Mail, MailId, MailRef, Recipients, Seq, Subject, Timestamp, Username},
    message::Realm,
};
use xxhash_rust::xxh3::Xxh3;

use crate::ids::{AccountId, InviteId, PasswordHash, Ticket};

pub mod kind;
pub mod memory;
pub mod sqlite;

/// An account as it is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccountRecord {
    /// Its number.
    pub id: AccountId,
    /// Its username.
    pub username: Username,
    /// Its full name.
    pub full_name: FullName,
    /// What its credential is checked against.
    pub hash: PasswordHash,
    /// How many mails its mailbox holds.
    pub waiting: u32,
}

/// How much one mailbox may hold; a mail that would pass either is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quota {
    /// Mails.
    pub mails: u32,
    /// Bytes of subjects and bodies.
    pub bytes: u64,
}

/// Whether an empty store is made in a directory that has none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CreateStore {
    /// Unless the directory has a key of an earlier server: its store was lost then.
    Auto,
    /// Never: a directory without a store is a volume that is not mounted.
    Never,
    /// Always, also next to the keys of an earlier server.
    Always,
}

/// What a store has seen since it was made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct History {
    /// Whether it ever had an account.
    pub had_accounts: bool,
    /// Whether an invite was used.
    pub had_invites: bool,
}

/// What a store can be asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StoreJob {
    /// Look an account up. Answer: [`StoreDone::Account`].
    FindAccount {
        /// By its username.
        username: Username,
    },
    /// Make an account. Answer: `Created`, `UsernameTaken` or `InviteUsed`; `CreatedBefore` where
    /// the account of this username was made with the same `register_id`.
    CreateAccount {
        /// Made by the client for this registration.
        register_id: MailId,
        /// Its username.
        username: Username,
        /// Its full name.
        full_name: FullName,
        /// What its credential will be checked against.
        hash: PasswordHash,
        /// The invite that is used up by it, for ever.
        invite: Option<InviteId>,
    },
    /// Change an account's full name. Answer: `Changed` or `NoAccount`.
    SetFullName {
        /// Which account.
        account: AccountId,
        /// The new name.
        full_name: FullName,
    },
    /// Change what an account's credential is checked against, unless that was changed meanwhile.
    /// Answer: `Changed`, `NoAccount`, or `Conflict` where the present hash is neither `old` nor
    /// `new`.
    SetHash {
        /// Which account.
        account: AccountId,
        /// What it must be now.
        old: PasswordHash,
        /// What it becomes.
        new: PasswordHash,
    },
    /// Delete an account, its mailbox and its verdicts, unless its password was changed meanwhile.
    /// Mails it sent stay. Answer: `Changed`, `NoAccount` or `Conflict`.
    DeleteAccount {
        /// Which account.
        account: AccountId,
        /// What its hash must be now.
        hash: PasswordHash,
    },
    /// Put one mail into the mailboxes of all its recipients or of none. Answer: `Sent`,
    /// `SentBefore`, `Conflict`, `UnknownRecipients`, `MailboxesFull` or `NoAccount`.
    Send {
        /// The account that is logged in.
        sender: AccountId,
        /// The mail.
        mail: Arc<NewMailRecord>,
        /// The time that `sent_at` will be.
        now: Timestamp,
    },
    /// Read a page of a mailbox, oldest first. Answer: `Page` or `NoAccount`.
    Fetch {
        /// Whose mailbox.
        account: AccountId,
        /// Only mails with a larger number.
        after: Seq,
        /// At most this many mails.
        mails: u32,
        /// No further mail once the bodies read so far have this many bytes; a page has at least one mail.
        bytes: usize,
    },
    /// Delete the mails named from a mailbox; those that are not there, or whose id is another,
    /// are passed over. Answer: `Confirmed` or `NoAccount`.
    Confirm {
        /// Whose mailbox.
        account: AccountId,
        /// Which mails.
        mails: Vec<MailRef>,
    },
    /// Forget verdicts given before this time. Answer: `Pruned`. Works in bounded steps: to be
    /// submitted again while `more` is true.
    Prune {
        /// The oldest time that is kept.
        before: Timestamp,
    },
}

/// A mail as its sender hands it in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewMailRecord {
    /// Made by the sender's client; unique among the sender's mails.
    pub id: MailId,
    /// Everybody it goes to.
    pub to: Recipients,
    /// Its subject.
    pub subject: Subject,
    /// Its body.
    pub body: Body,
}

impl NewMailRecord {
    /// What it counts for in a mailbox's quota: the bytes of its subject and body.
    #[must_use]
    pub fn quota_bytes(&self) -> u64 {
        (self.subject.as_str().len() + self.body.as_str().len()) as u64
    }

    /// Of everything but the id: a mail that is sent again has the same. Each part goes in behind
    /// its length, so that no two mails have the same parts in other places.
    #[must_use]
    pub fn digest(&self) -> Digest {
        let mut hash = Xxh3::new();
        let mut part = |text: &str| {
            hash.update(&(text.len() as u64).to_be_bytes());
            hash.update(text.as_bytes());
        };
        part(self.subject.as_str());
        part(self.body.as_str());
        for username in self.to.iter() {
            part(username.as_str());
        }
        Digest(hash.digest128().to_be_bytes())
    }
}

/// What tells a mail that is sent again from another one under the same id: XXH3 of 128 bits.
/// Whoever makes two mails with one digest deceives nobody but themselves, so that a faster hash
/// than a cryptographic one will do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Digest(pub [u8; 16]);

/// What a store answers. See [`StoreJob`] for which answers a job has; any job may be answered
/// `Unavailable`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StoreDone {
    /// The account, if there is one.
    Account(Option<AccountRecord>),
    /// The account exists now.
    Created,
    /// This very registration made the account before; nothing was done now.
    CreatedBefore,
    /// Somebody else has this username.
    UsernameTaken,
    /// Somebody has registered with this invite.
    InviteUsed,
    /// The change holds.
    Changed,
    /// The account does not exist (any more).
    NoAccount,
    /// The mail is in all of the mailboxes.
    Sent {
        /// When.
        sent_at: Timestamp,
        /// The recipients' accounts, for notices.
        recipients: Vec<AccountId>,
        /// Sender's names at this time, for notices.
        from: (Username, FullName),
    },
    /// This very mail was put into the mailboxes before; nothing was done now.
    SentBefore {
        /// When it was.
        sent_at: Timestamp,
    },
    /// Something else holds in its place.
    Conflict,
    /// These recipients do not exist; nobody got the mail.
    UnknownRecipients(Vec<Username>),
    /// These recipients' mailboxes would exceed their quota; nobody got the mail.
    MailboxesFull(Vec<Username>),
    /// A page of a mailbox.
    Page {
        /// Oldest first.
        mails: Vec<Mail>,
        /// Whether the mailbox holds more behind them.
        more: bool,
    },
    /// The mails named are deleted.
    Confirmed {
        /// How many were there.
        deleted: u32,
    },
    /// Old verdicts are forgotten.
    Pruned {
        /// How many.
        verdicts: u32,
        /// Whether there are more.
        more: bool,
    },
    /// The store could not do it now, nothing was changed, and the next job may well succeed
    /// (the disk is full, say). The text is for the log.
    Unavailable(Arc<str>),
}

/// What became of a job that was submitted.
#[derive(Debug)]
pub enum Submitted {
    /// It is done already.
    Done(StoreDone),
    /// [`Store::collect`] will have it, after the store has woken the reactor.
    Queued,
    /// The queue is full. The job was not taken.
    Full,
}

/// The store has failed for good: what it would acknowledge from now on might not be durable.
#[derive(Clone, Debug, thiserror::Error)]
#[error("the store has failed: {0}")]
pub struct StoreFailed(pub Arc<str>);

/// See the module's description.
pub trait Store {
    /// The random id made when the store was.
    fn realm(&self) -> Realm;

    /// Hands a job in. Jobs of one connection are done in the order of submission.
    fn submit(&mut self, ticket: Ticket, job: StoreJob) -> Submitted;

    /// Moves everything that is done into `done`.
    ///
    /// # Errors
    ///
    /// The store has failed for good; the server must stop without acknowledging anything more.
    fn collect(&mut self, done: &mut Vec<(Ticket, StoreDone)>) -> Result<(), StoreFailed>;

    /// Does what is queued, makes it durable, and lets go of the data. What was done and not
    /// collected yet is appended to `done`.
    ///
    /// # Errors
    ///
    /// As [`Store::collect`].
    fn close(self: Box<Self>, done: &mut Vec<(Ticket, StoreDone)>) -> Result<(), StoreFailed>;
}
