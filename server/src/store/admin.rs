//! Jobs of the operator: accounts, quotas, recovery codes, lists, invites, announcements,
//! retention.
//!
//! They come from the admin socket, or from a command that opens the store without a server. The
//! operator names accounts by their usernames, and never learns or sets a password: a recovery code
//! lets a person set one, once.

use std::sync::Arc;

use correio_proto::{
    app_password::AppPasswordOverview,
    mail::{FullName, Subject, Timestamp, Username},
    message::{ListChange, ListOverview, MembersPage},
};

use super::{
    new_mail::{NewMailRecord, Quota},
    nodes::Nodes,
};
use crate::ids::{AccountId, CodeDigest, InviteId};

/// Username of the account that sends the operator's mail: announcements and warnings. Nobody can
/// register it. The store makes the account, without a password, when it first sends such a mail.
pub const POSTMASTER: &str = "postmaster";

/// The username of [`POSTMASTER`], and the full name with which the store makes its account.
#[must_use]
pub fn postmaster() -> (Username, FullName) {
    let username = POSTMASTER.parse().expect("the constant is a username");
    (username, "Postmaster".parse().expect("the constant is a full name"))
}

/// Most accounts that one job makes.
pub const NEW_ACCOUNTS_MAX: usize = 10_000;

/// A job of the operator.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AdminJob {
    /// Read accounts in the order of their usernames. Result: [`AdminDone::Accounts`].
    Accounts {
        /// Only accounts whose usernames stand after this one.
        after: Option<Username>,
        /// At most this many accounts.
        accounts: usize,
    },
    /// Read an account. Result: `Account` or `NoAccount`.
    Account {
        /// The account's username.
        username: Username,
    },
    /// Make accounts without a password, at most [`NEW_ACCOUNTS_MAX`]: all of them or none. Result:
    /// `Created`, or `Taken` with all usernames that accounts or lists have.
    Create {
        /// The accounts. No username is there twice.
        accounts: Vec<NewAccountRecord>,
        /// The time that becomes their `created_at`.
        now: Timestamp,
    },
    /// Give an account a recovery code in place of an earlier one, and revoke its app passwords.
    /// The password stays until the code is used. Result: `CodeSet` or `NoAccount`.
    SetCode {
        /// The account's username.
        username: Username,
        /// The code.
        code: CodeRecord,
    },
    /// Enable or disable an account; takes warnings of retention back. Result: `Changed` or
    /// `NoAccount`.
    SetState {
        /// The account's username.
        username: Username,
        /// The new state.
        state: AccountState,
    },
    /// Delete an account and its mailbox, as [`super::StoreJob::DeleteAccount`] does. Result:
    /// `Changed` or `NoAccount`.
    Delete {
        /// The account's username.
        username: Username,
    },
    /// Change an account's full name. Result: `Changed` or `NoAccount`.
    Rename {
        /// The account's username.
        username: Username,
        /// The new full name.
        full_name: FullName,
    },
    /// Give an account a quota of its own, or the default. Mails that exceed a lowered quota stay.
    /// Result: `Changed` or `NoAccount`.
    SetQuota {
        /// The account's username.
        username: Username,
        /// The quota; `None` for the server's default.
        quota: Option<Quota>,
    },
    /// Read lists in the order of their names. Result: `Lists`.
    Lists {
        /// Only lists whose names stand after this one.
        after: Option<Username>,
        /// At most this many lists.
        lists: usize,
    },
    /// Read members of a list, as [`super::StoreJob::Members`] does for an owner. Result: `Members`
    /// or `NoList`.
    Members {
        /// The list's name.
        name: Username,
        /// Only members whose usernames stand after this one.
        after: Option<Username>,
        /// At most this many members.
        members: usize,
    },
    /// Change a list as an owner may, and beyond that: owners of the list of all accounts may be
    /// added and removed, and a list may lose its last owner. Result: `Changed`, `NoList`, `Taken`,
    /// or `Refused` as [`super::StoreJob::ChangeList`] would.
    ChangeList {
        /// The list's name.
        name: Username,
        /// The change. `Create` makes a list without an owner.
        change: ListChange,
    },
    /// Put a mail of [`POSTMASTER`] into the mailboxes of accounts whose state takes mail, whatever
    /// their quotas: one step of up to a thousand accounts. The next step has another id, and
    /// begins at the result's `next`. A step that is repeated puts no mail into a mailbox twice.
    /// Result: `Announced`; `Taken` if a list, or a client's account, has the postmaster's name;
    /// `Refused`.
    Announce {
        /// The mail. Its recipients are what the mail shows, usually [`super::EVERYBODY`].
        mail: Arc<NewMailRecord>,
        /// Only accounts whose usernames stand after this one.
        after: Option<Username>,
        /// The time that becomes `sent_at`.
        now: Timestamp,
    },
    /// Record invites that were made. Result: `Changed`.
    AddInvites {
        /// The invites.
        invites: Vec<InviteRecord>,
    },
    /// Read the recorded invites, oldest first. Result: `Invites`.
    Invites {
        /// Only invites that were recorded after this many others.
        skip: usize,
        /// At most this many invites.
        invites: usize,
    },
    /// Make an invite useless, recorded or not. Result: `Changed`, or `InviteUsed` if it made an
    /// account, or if it was not recorded and is useless already.
    RevokeInvite {
        /// The invite.
        id: InviteId,
    },
    /// Count what the store has. Result: `Totals`.
    Totals,
    /// Read the servers that share the store. Result: `Nodes`.
    Nodes,
    /// Do one step of retention. The next step begins at the result's `next`. Result: `Retained`;
    /// `Taken` if a list, or a client's account, has the postmaster's name, so that nobody could be
    /// warned.
    Retain(Retention),
}

/// An account that the operator makes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewAccountRecord {
    /// Its username.
    pub username: Username,
    /// Its full name.
    pub full_name: FullName,
    /// The code with which its person sets the password.
    pub code: CodeRecord,
}

/// A recovery code as the store keeps it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CodeRecord {
    /// Digest of the code.
    pub digest: CodeDigest,
    /// The code can be used before this time.
    pub expires_at: Timestamp,
}

/// Whether an account can be used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum AccountState {
    /// Its person can log in.
    #[default]
    Enabled,
    /// Nobody can log in. The mailbox stays.
    Disabled(DisabledMail),
}

impl AccountState {
    /// Whether mail reaches the account.
    pub(super) fn takes_mail(self) -> bool {
        match self {
            Self::Enabled | Self::Disabled(DisabledMail::Kept) => true,
            Self::Disabled(DisabledMail::Refused) => false,
        }
    }
}

/// What happens to mail for a disabled account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DisabledMail {
    /// The mailbox takes it.
    Kept,
    /// A mail that names the account is refused, as if it did not exist. A mail to a list does not
    /// reach the account.
    Refused,
}

/// What a mailbox has and may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Usage {
    /// Number of mails.
    pub mails: u64,
    /// Bytes of their subjects and contents.
    pub bytes: u64,
    /// The quota that holds for the account.
    pub quota: Quota,
}

/// An account as the operator sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccountOverview {
    /// Its id.
    pub id: AccountId,
    /// Its username.
    pub username: Username,
    /// Its full name.
    pub full_name: FullName,
    /// Whether it can be used.
    pub state: AccountState,
    /// Whether it has a password.
    pub has_password: bool,
    /// When its recovery code expires, if it has one.
    pub code_expires_at: Option<Timestamp>,
    /// What its mailbox has and may have.
    pub usage: Usage,
    /// Whether its quota is its own.
    pub has_own_quota: bool,
    /// When it was made; `None` for accounts of older versions.
    pub created_at: Option<Timestamp>,
    /// When its person last logged in, to the day; `None` if that is not known.
    pub used_at: Option<Timestamp>,
}

/// An invite that was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InviteRecord {
    /// Its id.
    pub id: InviteId,
    /// When it was made.
    pub made_at: Timestamp,
    /// Until when it can be used.
    pub expires_at: Timestamp,
}

/// An invite as the operator sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InviteOverview {
    /// The invite.
    pub invite: InviteRecord,
    /// What has become of it.
    pub standing: InviteStanding,
}

/// What has become of an invite. Its time is another matter ([`InviteRecord::expires_at`]).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InviteStanding {
    /// No account was made with it, and it was not revoked.
    Unused,
    /// An account was made with it.
    Used,
    /// It was revoked, and no account can be made with it.
    Revoked,
}

/// What the store has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// Accounts.
    pub accounts: u64,
    /// Accounts that are disabled.
    pub disabled: u64,
    /// Mails in all mailboxes.
    pub mails: u64,
    /// Bytes of their subjects and contents, counted once for each mailbox.
    pub bytes: u64,
    /// Lists.
    pub lists: u64,
    /// Bytes of the files of the store; 0 for one in memory.
    pub file_bytes: u64,
    /// Servers that were seen in the last ten seconds; `None` if the store can have one alone.
    pub nodes: Option<u64>,
}

/// One step of retention. Nothing is deleted that its owner was not warned of, by a mail of
/// [`POSTMASTER`]. [`POSTMASTER`] itself and disabled accounts keep all.
///
/// Time before a deletion is counted in days on which retention ran, since a clock may jump:
/// however far it jumps, this is one day. A day that is not after the last that was counted is not
/// counted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Retention {
    /// Only accounts whose ids stand after this one; `None` for the first step.
    pub after: Option<AccountId>,
    /// The time.
    pub now: Timestamp,
    /// Mails that were sent before this time are deleted; `None` keeps all, and takes the warnings
    /// back. A mail was sent no earlier than those before it in its mailbox. A warning is about the
    /// mails that this time will have passed when the warning is over; later ones need another
    /// warning. A mail of [`POSTMASTER`] alone is warned of by none. Mails are looked at from the
    /// oldest on, up to the first that is not concerned.
    pub mails_before: Option<Timestamp>,
    /// Accounts that were last used before this time are deleted; `None` keeps all, and takes the
    /// warnings back. An account whose
    /// use is not known counts from when it was made, or else from the first step of retention. A
    /// login takes the warning back.
    pub accounts_before: Option<Timestamp>,
    /// So many whole days lie between a warning and the deletion.
    pub warning_days: u32,
    /// Accounts with open sessions, in ascending order: they are used now.
    pub in_use: Arc<[AccountId]>,
}

impl Retention {
    /// Whether something is deleted. Otherwise warnings are taken back, and no day is counted.
    #[must_use]
    pub fn is_on(&self) -> bool {
        self.mails_before.is_some() || self.accounts_before.is_some()
    }
}

/// What a warning of retention is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WarningAbout {
    /// So many mails of a mailbox, or more if they are [`WarningAbout::MAILS_MAX`].
    Mails(u32),
    /// The account.
    Account,
}

impl WarningAbout {
    /// Mails that are counted.
    pub const MAILS_MAX: u32 = 1000;
}

/// A warning that retention put into a mailbox.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SentWarning {
    /// The account.
    pub account: AccountId,
    /// Its username.
    pub username: Username,
    /// What it is about.
    pub about: WarningAbout,
    /// Subject of the mail.
    pub subject: Subject,
    /// Full name of [`POSTMASTER`].
    pub from_name: FullName,
}

/// Why a change of a list, or a mail of the operator, was refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AdminRefusal {
    /// Another account, or a list, has the name.
    Taken,
    /// There are no such accounts.
    UnknownAccounts(Vec<Username>),
    /// All accounts are members of the list, which stays.
    FixedList,
    /// The list would have no owner.
    LastOwner,
    /// The list would have too many members.
    ListFull,
    /// Another mail of the postmaster has this id.
    Conflict,
    /// The store could not do the job now. The text is for the log.
    Unavailable(Arc<str>),
}

/// Result of an [`AdminJob`], inside of [`super::StoreDone::Admin`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AdminDone {
    /// Accounts.
    Accounts {
        /// The accounts, in the order of their usernames.
        accounts: Vec<AccountOverview>,
        /// Whether there are more.
        more: bool,
    },
    /// An account, and its app passwords, oldest first.
    Account(Box<AccountOverview>, Vec<AppPasswordOverview>),
    /// The accounts exist now.
    Created,
    /// Accounts or lists have these names already; nothing was made.
    Taken(Vec<Username>),
    /// The change holds. Of a change of one account: its id.
    Changed(Option<AccountId>),
    /// The account has the code, and its app passwords are revoked.
    CodeSet {
        /// The account.
        account: AccountId,
        /// Number of app passwords that there were.
        revoked: u32,
    },
    /// There is no account of this name.
    NoAccount,
    /// Lists, whose `role` is left out.
    Lists {
        /// The lists, in the order of their names.
        lists: Vec<ListOverview>,
        /// Whether there are more.
        more: bool,
    },
    /// Members of a list.
    Members(MembersPage),
    /// There is no list of this name.
    NoList,
    /// The change was refused, for the reason that a member of the list, or a sender, would get.
    Refused(AdminRefusal),
    /// The announcement is in these mailboxes.
    Announced {
        /// The accounts that got the mail now.
        accounts: Vec<AccountId>,
        /// Where the next step begins; `None` after the last.
        next: Option<Username>,
    },
    /// Invites.
    Invites {
        /// The invites, oldest first.
        invites: Vec<InviteOverview>,
        /// Whether there are more.
        more: bool,
    },
    /// The invite has made an account, or it is useless already and was not recorded.
    InviteUsed,
    /// What the store has.
    Totals(Totals),
    /// The servers that share the store.
    Nodes(Nodes),
    /// A step of retention is done.
    Retained {
        /// Mails that were deleted.
        mails: u32,
        /// Accounts that were deleted; their sessions must end.
        accounts: Vec<(AccountId, Username)>,
        /// Warnings that were sent.
        warned: Vec<SentWarning>,
        /// Where the next step begins; `None` after the last.
        next: Option<AccountId>,
    },
}
