//! The operator's requests.

use std::net::IpAddr;

use correio_proto::{
    mail::{Body, FullName, Subject, Username},
    message::ListChange,
};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use super::{bounded, cursor::AnnouncementCursor, moment::Moment};
use crate::{
    ids::{ConnId, InviteId},
    store::{
        Quota,
        admin::{DisabledMail, NEW_ACCOUNTS_MAX},
    },
};

/// Longest time in which a recovery code can be used, in days.
pub const CODE_DAYS_MAX: u16 = 365;

/// Most invites that one request records.
pub const INVITES_MAX: usize = 1000;

/// A request of the operator.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum AdminRequest {
    /// Accounts in the order of their usernames, a page. Answered by `Accounts`.
    Accounts {
        /// Only accounts whose usernames stand after this one.
        #[serde(default)]
        after: Option<Username>,
    },
    /// One account. Answered by `Account`.
    Account {
        /// The account's username.
        username: Username,
    },
    /// Makes accounts, at most [`NEW_ACCOUNTS_MAX`]: all of them or, with an error,
    /// none. Answered by `Codes`, with a recovery code of each account.
    Create {
        /// The accounts. No username is there twice.
        #[serde(deserialize_with = "bounded::items::<_, _, NEW_ACCOUNTS_MAX>")]
        accounts: Vec<NewPerson>,
        /// How long their codes can be used, in days: 1 to [`CODE_DAYS_MAX`].
        days: u16,
    },
    /// Gives an account a recovery code in place of an earlier one; the password stays until the
    /// code is used. Answered by `Codes`.
    Reset {
        /// The account's username.
        username: Username,
        /// How long the code can be used, in days: 1 to [`CODE_DAYS_MAX`].
        days: u16,
    },
    /// Enables an account. Answered by `Changed`.
    Enable {
        /// The account's username.
        username: Username,
    },
    /// Disables an account, and ends its sessions. Answered by `Changed`.
    Disable {
        /// The account's username.
        username: Username,
        /// What happens to its mail.
        mail: MailPolicy,
    },
    /// Deletes an account with its mailbox, and ends its sessions. Answered by `Changed`.
    Delete {
        /// The account's username.
        username: Username,
    },
    /// Changes an account's full name. Answered by `Changed`.
    Rename {
        /// The account's username.
        username: Username,
        /// The new full name.
        full_name: FullName,
    },
    /// Gives an account a quota of its own, or the server's. Answered by `Changed`.
    SetQuota {
        /// The account's username.
        username: Username,
        /// The quota; the server's, if left out.
        #[serde(default)]
        quota: Option<Bounds>,
    },
    /// Lists in the order of their names, a page. Answered by `Lists`.
    Lists {
        /// Only lists whose names stand after this one.
        #[serde(default)]
        after: Option<Username>,
    },
    /// Members of a list, a page. Answered by `Members`.
    Members {
        /// The list's name.
        name: Username,
        /// Only members whose usernames stand after this one.
        #[serde(default)]
        after: Option<Username>,
    },
    /// Changes a list. Answered by `Changed`.
    ChangeList {
        /// The list's name.
        name: Username,
        /// The change.
        change: ListChange,
    },
    /// Open sessions in the order of their connections' numbers, a page. Answered by `Sessions`.
    Sessions {
        /// Only sessions whose connections' numbers stand after this one.
        #[serde(default)]
        after: Option<ConnectionName>,
    },
    /// Ends sessions. Answered by `Ended`.
    EndSessions {
        /// The sessions.
        of: SessionsOf,
    },
    /// Forgets the failed attempts for which somebody must wait. Answered by `Unblocked`.
    Unblock {
        /// The somebody.
        of: Blocked,
    },
    /// Puts a mail of the postmaster into the mailboxes of all accounts that take mail. Answered by
    /// `Announced`, after the last mailbox has it. An announcement that stops before is answered by
    /// an error with the cursor from which another request goes on.
    Announce {
        /// The announcement's id, and where it begins or goes on. Of each announcement, the steps
        /// that were done are not done again.
        cursor: AnnouncementCursor,
        /// The mail's subject.
        subject: Subject,
        /// The mail's text.
        body: Body,
    },
    /// Records invites that were made, at most [`INVITES_MAX`]. Answered by `Changed`.
    RecordInvites {
        /// The invites.
        #[serde(deserialize_with = "bounded::items::<_, _, INVITES_MAX>")]
        invites: Vec<NewInvite>,
    },
    /// The recorded invites, oldest first, a page. Answered by `Invites`.
    Invites {
        /// Only invites that were recorded after this many others.
        #[serde(default)]
        skip: usize,
    },
    /// Makes an invite useless. Answered by `Changed`.
    RevokeInvite {
        /// The invite.
        id: InviteName,
    },
    /// The state of server and store. Answered by `Status`.
    Status {},
    /// The servers that share the store. Answered by `Nodes`.
    Nodes {},
}

/// An account to be made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewPerson {
    /// Its username.
    pub username: Username,
    /// Its full name.
    pub full_name: FullName,
}

/// An invite that was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewInvite {
    /// Its id.
    pub id: InviteName,
    /// Until when it can be used.
    pub expires_at: Moment,
}

/// What happens to mail for a disabled account.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MailPolicy {
    /// The mailbox takes it.
    Keep,
    /// A mail that names the account is refused.
    Refuse,
}

impl From<MailPolicy> for DisabledMail {
    fn from(policy: MailPolicy) -> Self {
        match policy {
            MailPolicy::Keep => Self::Kept,
            MailPolicy::Refuse => Self::Refused,
        }
    }
}

/// Bounds of a mailbox.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Bounds {
    /// Most mails.
    pub mails: u32,
    /// Most bytes of subjects and contents.
    pub bytes: u64,
}

impl From<Bounds> for Quota {
    fn from(Bounds { mails, bytes }: Bounds) -> Self {
        Self { mails, bytes }
    }
}

impl From<Quota> for Bounds {
    fn from(Quota { mails, bytes }: Quota) -> Self {
        Self { mails, bytes }
    }
}

/// Sessions that the operator ends.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum SessionsOf {
    /// All sessions of an account.
    Account {
        /// The account's username.
        username: Username,
    },
    /// The session of a connection.
    Connection {
        /// The connection.
        connection: ConnectionName,
    },
}

/// Whose failed attempts are forgotten.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Blocked {
    /// Those from an address, and from the networks that it counts for.
    Address {
        /// The address.
        address: IpAddr,
    },
    /// Those to log in to an account, from everywhere.
    Account {
        /// The account's username.
        username: Username,
    },
}

/// A connection, written as in the log: `3.4`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ConnectionName(pub ConnId);

impl std::str::FromStr for ConnectionName {
    type Err = NotAConnection;

    fn from_str(text: &str) -> Result<Self, NotAConnection> {
        let number = |text: &str| {
            let is_number = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
            if is_number { text.parse().map_err(|_| NotAConnection) } else { Err(NotAConnection) }
        };
        let (index, generation) = text.split_once('.').ok_or(NotAConnection)?;
        Ok(Self(ConnId { index: number(index)?, generation: number(generation)? }))
    }
}

impl std::fmt::Display for ConnectionName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

/// The id of an invite, written as 16 hexadecimal digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InviteName(pub InviteId);

impl std::str::FromStr for InviteName {
    type Err = NotAnInvite;

    fn from_str(text: &str) -> Result<Self, NotAnInvite> {
        let is_id = text.len() == 16 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
        let number = u64::from_str_radix(text, 16).map_err(|_| NotAnInvite);
        if is_id {
            number.map(|number| Self(InviteId(number.to_be_bytes())))
        } else {
            Err(NotAnInvite)
        }
    }
}

impl std::fmt::Display for InviteName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:016x}", u64::from_be_bytes(self.0.0))
    }
}

/// A text names no connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("this is not written as a connection (3.4)")]
pub struct NotAConnection;

/// A text names no invite.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("this is no id of an invite: 16 hexadecimal digits, as `correiod invite list` shows them")]
pub struct NotAnInvite;

/// Writes a type as its text, and reads it from there.
macro_rules! as_text {
    ($name:ident) => {
        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = String::deserialize(deserializer)?;
                text.parse().map_err(de::Error::custom)
            }
        }
    };
}

as_text!(AnnouncementCursor);
as_text!(ConnectionName);
as_text!(InviteName);
