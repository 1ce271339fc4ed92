//! A request whose answer did not come, and what this means for the operator.

use std::{fmt, time::Duration};

use crate::{
    admin::{cursor::AnnouncementCursor, request::AdminRequest},
    sysexits,
};

/// Why there is no answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NoAnswer {
    /// The server closed the connection.
    Ended,
    /// The server says nothing for this long.
    Silent(Duration),
    /// A signal has ended the wait.
    Interrupted,
    /// The answer cannot be read.
    Unreadable(String),
}

/// What the server may have done all the same.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Consequence {
    /// The request has only read.
    Nothing,
    /// The change.
    Change,
    /// Accounts were made, or got codes.
    Codes,
    /// The announcement with this cursor goes on, or has stopped somewhere.
    Announcement(AnnouncementCursor),
}

impl NoAnswer {
    /// The exit status, as in sysexits.h. After a signal, the program has another.
    pub(in crate::ops) fn exit_status(&self) -> u8 {
        match self {
            Self::Ended | Self::Interrupted => sysexits::UNAVAILABLE,
            Self::Silent(_) => sysexits::TRY_AGAIN,
            Self::Unreadable(_) => sysexits::IO,
        }
    }

    /// The word of the error for programs.
    pub(in crate::ops) fn code(&self) -> &'static str {
        match self {
            Self::Ended => "ended",
            Self::Silent(_) => "silent",
            Self::Interrupted => "interrupted",
            Self::Unreadable(_) => "answer",
        }
    }
}

impl Consequence {
    /// The consequence of a request that has no answer.
    pub(in crate::ops) fn of(request: &AdminRequest) -> Self {
        match request {
            AdminRequest::Accounts { .. }
            | AdminRequest::Account { .. }
            | AdminRequest::Lists { .. }
            | AdminRequest::Members { .. }
            | AdminRequest::Sessions { .. }
            | AdminRequest::Invites { .. }
            | AdminRequest::Status {}
            | AdminRequest::Nodes {} => Self::Nothing,
            AdminRequest::Create { .. } | AdminRequest::Reset { .. } => Self::Codes,
            AdminRequest::Announce { cursor, .. } => Self::Announcement(cursor.clone()),
            AdminRequest::Enable { .. }
            | AdminRequest::Disable { .. }
            | AdminRequest::Delete { .. }
            | AdminRequest::Rename { .. }
            | AdminRequest::SetQuota { .. }
            | AdminRequest::ChangeList { .. }
            | AdminRequest::EndSessions { .. }
            | AdminRequest::Unblock { .. }
            | AdminRequest::RecordInvites { .. }
            | AdminRequest::RevokeInvite { .. } => Self::Change,
        }
    }

    /// How long the answer may take: an announcement goes through all mailboxes.
    pub(in crate::ops) fn patience(&self) -> Duration {
        match self {
            Self::Announcement(_) => Duration::from_secs(60 * 60),
            Self::Nothing | Self::Change | Self::Codes => Duration::from_secs(2 * 60),
        }
    }
}

impl fmt::Display for NoAnswer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ended => f.write_str(
                "the server ended the connection without an answer: it is stopping, has 8 such \
                 commands at a time already, or runs as another user",
            ),
            Self::Silent(time) => {
                write!(f, "the server has given no answer for {} seconds", time.as_secs())
            }
            Self::Interrupted => f.write_str("stopped by a signal before the server's answer"),
            Self::Unreadable(text) => write!(
                f,
                "the server's answer cannot be read: {text}; it may be of another version"
            ),
        }
    }
}

impl fmt::Display for Consequence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Nothing => f.write_str("nothing was changed"),
            Self::Change => f.write_str("what was asked may be done or not"),
            Self::Codes => f.write_str(
                "what was asked may be done or not: `correiod account list` shows the accounts, and \
                 `correiod account reset` gives one a new code",
            ),
            Self::Announcement(cursor) => write!(
                f,
                "a server that runs goes on with the announcement, and logs announce or \
                 announce_stopped at its end; after a server that was killed, `correiod announce --id` \
                 goes on with the same subject and text from its last announce_step {}/USERNAME in the \
                 log, or from {cursor}",
                cursor.id
            ),
        }
    }
}
