//! Stores of accounts, mailboxes and idempotency records of mails that were sent.
//!
//! A caller submits a [`StoreJob`]; the store returns a [`StoreDone`], at once or later. The
//! trait assumes neither that a call is fast nor that the data is on this machine, and every job
//! may be submitted again with the same values. A store that several servers share can therefore
//! implement it.
//!
//! The store reports a change only once the change is durable.

use std::sync::Arc;

use correio_proto::{
    directory::Query,
    limits::CONTENT_DEFAULT_MAX,
    mail::{ContentSize, FullName, Mail, MailId, MailRef, Piece, Seq, Timestamp, Username},
    message::{Found, ListChange, ListOverview, MembersPage, Realm},
};

pub use self::{
    account_record::AccountRecord,
    new_mail::{Digest, NewMailRecord, Quota},
};
use self::{
    admin::{AdminDone, AdminJob, AdminRefusal},
    app_password::{AppPasswordDone, AppPasswordJob},
    gateway::{GatewayDone, GatewayJob},
    news::News,
};
use crate::limits::throttle::LoginNews;
pub use crate::limits::throttle::ToLists;
use crate::{
    ids::{AccountId, CodeDigest, InviteId, PasswordHash, Ticket},
    metrics::{Level, SharedStore, StoreCounts},
};

mod account_record;
pub mod admin;
pub mod app_password;
mod directory;
pub mod gateway;
pub mod kind;
mod lists;
pub mod memory;
pub mod migration;
mod new_mail;
pub mod news;
pub mod nodes;
mod page_bytes;
pub mod postgres;
mod reached;
mod retention;
pub mod sqlite;
mod texture;
mod texture_bytes;
mod uploads;

/// Name of the list whose members are all accounts. A new store has it, without an owner. No
/// account and no other list gets this name.
pub const EVERYBODY: &str = "everybody";

/// Bounds of the uploads of large contents that no mail names yet. A piece that would exceed one is
/// refused, unless the idle uploads of its account make room ([`StoreJob::Upload`]). An upload
/// counts with the bytes that it has, and with its whole size for the account and while pieces keep
/// coming ([`correio_proto::limits::UPLOAD_RESERVED_SECONDS`]).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UploadLimits {
    /// Uploads of one account.
    pub uploads: u32,
    /// Bytes of one account's uploads.
    pub account_bytes: u64,
    /// Bytes of all uploads.
    pub bytes: u64,
    /// Bytes of the largest content, for which an upload without a size counts.
    pub content: u64,
}

impl UploadLimits {
    /// Bounds for contents of at most `content_max` bytes, with `bytes` for all uploads together:
    /// an account may have four uploads, and as many bytes as two of the largest contents.
    #[must_use]
    pub fn new(content_max: u64, bytes: u64) -> Self {
        let account_bytes = content_max.saturating_mul(2);
        Self { uploads: 4, account_bytes, bytes, content: content_max }
    }
}

impl Default for UploadLimits {
    /// For contents of the default size, and 1 GiB for all uploads together.
    fn default() -> Self {
        Self::new(CONTENT_DEFAULT_MAX, 1 << 30)
    }
}

/// Whether an empty store is made in a directory that has no store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CreateStore {
    /// Made unless the directory has a key of an earlier server, whose store was lost then.
    Auto,
    /// Never made: a directory without a store is a volume that is not mounted.
    Never,
    /// Made also beside the keys of an earlier server.
    Always,
}

/// Facts about a store's past that the files beside it must agree with.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct History {
    /// Whether the store ever had an account.
    pub had_accounts: bool,
    /// Whether an invite was ever used.
    pub had_invites: bool,
}

/// Why the hash of an account changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HashChange {
    /// Another password was set. All app passwords of the account are revoked.
    NewPassword,
    /// The same password was hashed at another cost.
    NewCost,
}

/// A job for a store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StoreJob {
    /// Look an account up. Result: [`StoreDone::Account`].
    FindAccount {
        /// The account's username.
        username: Username,
    },
    /// Make an account, whose username is neither a list's nor [`EVERYBODY`]. Result: `Created`,
    /// `UsernameTaken` or `InviteUsed`; `CreatedBefore` if the account of this username was made
    /// with the same `register_id`.
    CreateAccount {
        /// Made by the client for this registration.
        register_id: MailId,
        /// The new account's username.
        username: Username,
        /// The new account's full name.
        full_name: FullName,
        /// The hash that its credential will be checked against.
        hash: PasswordHash,
        /// The invite, which cannot be used again.
        invite: Option<InviteId>,
    },
    /// Change an account's full name. Result: `Changed` or `NoAccount`.
    SetFullName {
        /// The account.
        account: AccountId,
        /// The new name.
        full_name: FullName,
    },
    /// Change an account's hash, unless it was changed meanwhile. Result: `PasswordSet` for a new
    /// password, `Changed` for a new cost, `NoAccount`, or `Conflict` if the present hash is
    /// neither `old` nor `new`.
    SetHash {
        /// The account.
        account: AccountId,
        /// The expected present hash.
        old: PasswordHash,
        /// The new hash.
        new: PasswordHash,
        /// Why it changes.
        change: HashChange,
    },
    /// Delete an account and its mailbox, unless its password was changed meanwhile. It leaves its
    /// lists, and a list without members is deleted; no list gets its username, although another
    /// account may. Mails that it sent stay. No later job finds its idempotency records; the store
    /// may keep them until they are pruned. Result: `Changed`, `NoAccount` or `Conflict`.
    DeleteAccount {
        /// The account.
        account: AccountId,
        /// The expected present hash.
        hash: PasswordHash,
    },
    /// Put one mail into the mailboxes of all its recipients or of none. A list among the
    /// recipients stands for its members; an account that is named several times gets the mail
    /// once. The accounts that are named come first, then the members of each list in the order of
    /// their usernames. A large content is the sender's upload with the mail's id, or the one that
    /// [`NewMailRecord::staged`] names, which the mail takes over. Result: `Sent`, `SentBefore`,
    /// `Conflict`, `Incomplete`, `UnknownRecipients`, `MayNotSend`, `ListFull`, `ListsHeld`,
    /// `MailboxesFull` or `NoAccount`, the first of these that applies; of the accounts with full
    /// mailboxes, the first [`correio_proto::limits::RECIPIENTS_MAX`] are named.
    Send {
        /// The account that is logged in.
        sender: AccountId,
        /// The mail.
        mail: Arc<NewMailRecord>,
        /// Whether the mail may go to lists now.
        to_lists: ToLists,
        /// The time that becomes `sent_at`.
        now: Timestamp,
    },
    /// Read a page of a mailbox, oldest first. Result: `Page` or `NoAccount`.
    Fetch {
        /// The account of the mailbox.
        account: AccountId,
        /// Only mails with a larger number.
        after: Seq,
        /// At most this many mails.
        mails: u32,
        /// No further mail once the bodies read so far have this many bytes. A page of a mailbox
        /// that is not empty has at least one mail.
        bytes: usize,
    },
    /// Add a piece to an account's upload; the first piece starts the upload. Bytes that the upload
    /// has already are skipped. The result is the first of these that applies: `NoAccount`;
    /// `Uploaded` with the whole size, if a mail with this id was sent; `Conflict` if the upload
    /// has another size, or none, or the piece goes beyond it; `Incomplete` if the piece begins
    /// after the upload's end; `UploadsFull`; `Uploaded`.
    ///
    /// A new upload that would exceed the bounds of its account displaces uploads of this account
    /// that got no piece for [`correio_proto::limits::UPLOAD_RESERVED_SECONDS`]: the store forgets
    /// as many as are needed, the one idle longest first. If they are not enough, or if the room of
    /// all is not, the result is `UploadsFull`, and nothing is forgotten.
    Upload {
        /// The account that is logged in.
        account: AccountId,
        /// The id of the mail that will have this content.
        id: MailId,
        /// Bytes of the whole content.
        size: ContentSize,
        /// Position of the piece in the content.
        offset: u64,
        /// The piece; an empty one starts no upload.
        bytes: Piece,
        /// The time from which the upload is kept, if the piece adds bytes to it.
        now: Timestamp,
    },
    /// Read a piece of a large content: [`correio_proto::limits::PIECE_MAX`] bytes, or fewer at its
    /// end. Result: `Piece`, `NoSuchMail` or `NoAccount`.
    Read {
        /// The account of the mailbox.
        account: AccountId,
        /// The mail.
        mail: MailRef,
        /// Position of the piece in the content; the piece is empty from the content's end on.
        offset: u64,
    },
    /// Delete mails from a mailbox. A content is deleted with the last mail that has it. Mails that
    /// are not there, or have another id, are skipped. Result: `Confirmed` or `NoAccount`.
    Confirm {
        /// The account of the mailbox.
        account: AccountId,
        /// The mails.
        mails: Vec<MailRef>,
    },
    /// Look people up in the directory. Result: `Found`.
    Find {
        /// The part of a username or full name.
        query: Query,
        /// At most this many people.
        people: usize,
    },
    /// Read the lists that an account is a member of, at most [`correio_proto::limits::LISTS_MAX`]:
    /// those that it has made, then those that it owns, and then those that were made first.
    /// Result: `Lists` or `NoAccount`.
    ListsOf {
        /// The account that is logged in.
        account: AccountId,
    },
    /// Read members of a list in the order of their usernames. Owners and members may, and
    /// everybody if the list takes everybody's mail; of the list of all accounts, owners alone.
    /// Result: `Members`, `NoSuchList`, `NotOwner` or `NoAccount`.
    Members {
        /// The account that is logged in.
        account: AccountId,
        /// The list's name.
        name: Username,
        /// Only members whose usernames stand after this one.
        after: Option<Username>,
        /// At most this many members.
        members: usize,
    },
    /// Change a list, as [`ListChange`] describes it. A list goes with its last member, which only
    /// one without an owner can lose. An account makes at most [`correio_proto::limits::LISTS_MAX`]
    /// lists; a list counts for the account that made it until the list is deleted, whoever owns
    /// it. Result: `Changed`, `NoSuchList`, `NotOwner`, `FixedList`, `UsernameTaken`,
    /// `UnknownRecipients`, `ListFull`, `LastOwner` or `NoAccount`.
    ChangeList {
        /// The account that is logged in.
        account: AccountId,
        /// The list's name.
        name: Username,
        /// The change.
        change: ListChange,
    },
    /// Set an account's password by its recovery code, which is void afterwards, and revoke all app
    /// passwords of the account. Result: `Recovered`,
    /// or `WrongCode` if the account has not this code, the code has expired, or there is no
    /// account.
    Recover {
        /// The account's username.
        username: Username,
        /// Digest of the code.
        code: CodeDigest,
        /// The hash of the new password.
        hash: PasswordHash,
        /// The time.
        now: Timestamp,
    },
    /// Record that an account was used, to the day; a later day stays. Result: `Changed` or
    /// `NoAccount`.
    SetUsed {
        /// The account.
        account: AccountId,
        /// The time.
        now: Timestamp,
    },
    /// Make, list or revoke app passwords. Result: [`StoreDone::AppPassword`].
    AppPassword(AppPasswordJob),
    /// Do a job of the operator. Result: [`StoreDone::Admin`].
    Admin(AdminJob),
    /// Do a job of a gateway. Result: [`StoreDone::Gateway`].
    Gateway(GatewayJob),
    /// Delete old idempotency records and uploads, in bounded steps: the job is submitted again
    /// while `more` is true. Result: `Pruned`.
    Prune {
        /// Records from this time on are kept.
        before: Timestamp,
        /// Uploads whose last piece came at this time or later are kept.
        uploads_before: Timestamp,
    },
}

/// A job's result. [`StoreJob`] lists the results of each job; any job may have `Unavailable`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StoreDone {
    /// The account, if there is one.
    Account(Option<Box<AccountRecord>>),
    /// The account exists now.
    Created,
    /// The same registration made the account before; nothing was changed now.
    CreatedBefore,
    /// Another account, or a list, has this name.
    UsernameTaken,
    /// The invite was used before.
    InviteUsed,
    /// The change holds.
    Changed,
    /// The account does not exist (any more).
    NoAccount,
    /// The mail is in the mailboxes of all recipients.
    Sent {
        /// When the mail was put there.
        sent_at: Timestamp,
        /// The recipients' accounts, for notices.
        recipients: Vec<AccountId>,
        /// The sender's names at this time, for notices.
        from: (Username, FullName),
    },
    /// The same mail was put into the mailboxes before; nothing was changed now.
    SentBefore {
        /// When the mail was put there.
        sent_at: Timestamp,
    },
    /// The store's hash, or its mail or upload with this id, differs from the job's.
    Conflict,
    /// The upload has this many bytes from the content's start now.
    Uploaded {
        /// Bytes from the content's start.
        staged: u64,
    },
    /// The upload has only this many bytes from the content's start, 0 if there is no upload.
    Incomplete {
        /// Bytes from the content's start.
        staged: u64,
    },
    /// The upload would exceed [`UploadLimits`].
    UploadsFull,
    /// A piece of a large content.
    Piece(Piece),
    /// The mailbox has no such mail, or the mail has no large content.
    NoSuchMail,
    /// These recipients do not exist; no recipient got the mail.
    UnknownRecipients(Vec<Username>),
    /// These lists take no mail of this sender; no recipient got the mail.
    MayNotSend(Vec<Username>),
    /// People that the directory has.
    Found(Found),
    /// Lists.
    Lists(Vec<ListOverview>),
    /// Members of a list.
    Members(MembersPage),
    /// There is no such list, or the account may not see it.
    NoSuchList,
    /// The account does not own the list.
    NotOwner,
    /// The list would have no owner.
    LastOwner,
    /// The list would have too many members, the account has made too many lists, or the lists of a
    /// mail have together too many members.
    ListFull,
    /// The mail names lists, and its job has [`ToLists::Held`]; no recipient got the mail.
    ListsHeld,
    /// All accounts are members of the list, which stays.
    FixedList,
    /// Mailboxes would exceed their quota; no recipient got the mail.
    MailboxesFull {
        /// Whose mailboxes.
        recipients: Vec<Username>,
        /// Members of lists that were looked at, each in each list.
        members: u32,
    },
    /// A page of a mailbox.
    Page {
        /// The mails, oldest first.
        mails: Vec<Mail>,
        /// Whether the mailbox has further mails after these.
        more: bool,
    },
    /// The mails are deleted.
    Confirmed {
        /// Number of mails that were there.
        deleted: u32,
    },
    /// The password is set, and the app passwords are revoked.
    PasswordSet {
        /// Number of app passwords that there were.
        revoked: u32,
    },
    /// The password is set, the code is void, and the app passwords are revoked.
    Recovered {
        /// The account.
        account: AccountId,
        /// Number of app passwords that there were.
        revoked: u32,
    },
    /// The code is not the account's, or has expired.
    WrongCode,
    /// Result of a job about app passwords.
    AppPassword(AppPasswordDone),
    /// Result of a job of the operator.
    Admin(AdminDone),
    /// Result of a job of a gateway.
    Gateway(GatewayDone),
    /// Old idempotency records and uploads are deleted.
    Pruned {
        /// Number of deleted records, without those of deleted accounts.
        records: u32,
        /// Number of deleted uploads.
        uploads: u32,
        /// Whether there are more.
        more: bool,
    },
    /// The store could not do the job now, for example because the disk is full, and the next job
    /// may succeed. Nothing was changed, unless the data is on another machine that could not be
    /// reached: then the job may have been done. The text is for the log.
    Unavailable(Arc<str>),
}

impl From<StoreDone> for AdminRefusal {
    fn from(done: StoreDone) -> Self {
        match done {
            StoreDone::UsernameTaken => Self::Taken,
            StoreDone::UnknownRecipients(names) => Self::UnknownAccounts(names),
            StoreDone::FixedList => Self::FixedList,
            StoreDone::LastOwner => Self::LastOwner,
            StoreDone::ListFull => Self::ListFull,
            StoreDone::Conflict => Self::Conflict,
            StoreDone::Unavailable(text) => Self::Unavailable(text),
            other => Self::Unavailable(format!("an unexpected result: {other:?}").into()),
        }
    }
}

/// Result of submitting a job.
#[derive(Debug)]
pub enum Submitted {
    /// The job is done already.
    Done(StoreDone),
    /// [`Store::collect`] gives the result after the store has woken the reactor.
    Queued,
    /// The queue is full; the job was not taken.
    Full,
}

/// The store has failed for good: a change that it acknowledged from now on might not be durable.
#[derive(Clone, Debug, thiserror::Error)]
#[error("the store has failed: {0}")]
pub struct StoreFailed(pub Arc<str>);

/// What a store reports of itself.
#[derive(Clone, Copy, Debug)]
pub struct StoreHealth<'a> {
    /// Jobs that wait, and most that may; `None` if there is no queue.
    pub queue: Option<Level>,
    /// Bytes of uploads whose mails were not sent yet, and most of them; `None` if that is unknown.
    pub uploads: Option<Level>,
    /// Whether all jobs are taken, or the reason why some are not.
    pub ready: Result<(), &'static str>,
    /// What the store's thread has counted, if it has one.
    pub counts: Option<&'a StoreCounts>,
    /// The database, if the store is in one that servers may share.
    pub shared: Option<SharedStore>,
}

/// A store of accounts and mail. The [module](self) states its contract.
pub trait Store {
    /// The random id that was made together with the store.
    fn realm(&self) -> Realm;

    /// Submits a job. Jobs of one connection are done in the order of submission, apart from
    /// `Find`, which sees the changes that were answered before it.
    fn submit(&mut self, ticket: Ticket, job: StoreJob) -> Submitted;

    /// Appends all results that are ready to `done`.
    ///
    /// # Errors
    ///
    /// The store has failed for good: the server must stop without acknowledging anything more.
    fn collect(&mut self, done: &mut Vec<(Ticket, StoreDone)>) -> Result<(), StoreFailed>;

    /// Appends what other servers on this store have changed since the last call. The results that
    /// [`Store::collect`] has given before are older.
    fn hear(&mut self, _news: &mut Vec<News>) {}

    /// Takes what the other servers on this store must count. It may be lost.
    fn tell(&mut self, _news: LoginNews) {}

    /// Takes the number of open sessions, for the other servers on this store.
    fn note_sessions(&mut self, _sessions: usize) {}

    /// Reports of itself, without waiting.
    fn health(&self) -> StoreHealth<'_> {
        StoreHealth { queue: None, uploads: None, ready: Ok(()), counts: None, shared: None }
    }

    /// Does the jobs in the queue, makes them durable, and releases the data. Results that were not
    /// collected yet are appended to `done`.
    ///
    /// # Errors
    ///
    /// As [`Store::collect`].
    fn close(self: Box<Self>, done: &mut Vec<(Ticket, StoreDone)>) -> Result<(), StoreFailed>;
}
