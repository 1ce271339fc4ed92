//! Errors of the operator's commands.

pub mod bad_rows;
pub mod unanswered;

use std::{fmt, io, path::PathBuf};

use self::{
    bad_rows::BadRows,
    unanswered::{Consequence, NoAnswer},
};
use crate::{
    admin::reply::{AdminError, AdminErrorCode},
    private_file, sysexits,
};

/// Why a command of the operator did not do its work.
#[derive(Debug, thiserror::Error)]
pub enum AdminCommandError {
    /// The request was refused.
    #[error("{}", Refusal(.0))]
    Refused(AdminError),
    /// The socket of a running server cannot be used.
    #[error("cannot ask the server through {}: {source}{}", path.display(), advice(source))]
    Connect {
        /// The socket.
        path: PathBuf,
        /// The cause.
        source: io::Error,
    },
    /// A process of another user listens at the socket.
    #[error("another user's process listens at {}, and was asked nothing: no server of this user, of root, or of the data directory's owner does", .0.display())]
    Stranger(PathBuf),
    /// The server gave no answer.
    #[error("{cause}; {consequence}")]
    Unanswered {
        /// Why there is none.
        cause: NoAnswer,
        /// What may have been done all the same.
        consequence: Consequence,
    },
    /// An import has no answer, and its file of codes stays without codes.
    #[error("{cause}; {} stays, without codes: remove it before another import", path.display())]
    ImportUnanswered {
        /// The file.
        path: PathBuf,
        /// Why there is no answer, and what may hold.
        cause: String,
        /// The exit status of the cause.
        status: u8,
        /// The word of the cause for programs.
        code: &'static str,
    },
    /// The answer is to another request, or a request cannot be written: a bug.
    #[error("the server's answer cannot be read: {0}; it may be of another version")]
    Answer(String),
    /// A signal came before the request was made.
    #[error("stopped by a signal; nothing was changed")]
    Interrupted,
    /// The data directory is locked, but no server listens there.
    #[error("{0}. If a server runs there, it is starting or stopping: try again")]
    Locked(String),
    /// The settings name a store without a file.
    #[error("these commands need --store sqlite: a store in memory locks no directory")]
    Memory,
    /// Rows of a file are wrong.
    #[error("no account was made, because of these rows:{0}")]
    Rows(BadRows),
    /// The file as a whole is wrong.
    #[error("{0}")]
    File(String),
    /// A file cannot be read.
    #[error("cannot read {name}: {source}")]
    Read {
        /// The file's name.
        name: String,
        /// The cause.
        source: io::Error,
    },
    /// The file of codes cannot be made.
    #[error("cannot make {}: {source}; nothing was changed", path.display())]
    Codes {
        /// The file.
        path: PathBuf,
        /// The cause.
        source: io::Error,
    },
    /// The codes cannot be written although their accounts were made.
    #[error("the accounts were made, but their codes cannot be written to {}: {source}; give each person a new code with `correiod account reset`", path.display())]
    CodesLost {
        /// The file.
        path: PathBuf,
        /// The cause.
        source: io::Error,
    },
    /// The result cannot be printed.
    #[error("{done}, but this cannot be printed: {source}")]
    Output {
        /// What was done, and what to do now.
        done: &'static str,
        /// The cause.
        source: io::Error,
    },
    /// Nobody can be asked whether to go on.
    #[error("this cannot be undone, and there is no terminal to ask at: give --yes")]
    NoTerminal,
    /// The operator does not want to go on.
    #[error("nothing was changed")]
    Declined,
    /// The text of an announcement is not valid.
    #[error("the text cannot be sent: {0}")]
    Text(String),
}

/// A refusal, with the names that it is about.
struct Refusal<'a>(&'a AdminError);

impl fmt::Display for Refusal<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.text)?;
        for (index, name) in self.0.names.iter().take(20).enumerate() {
            f.write_str(if index == 0 { ": " } else { ", " })?;
            name.fmt(f)?;
        }
        if self.0.names.len() > 20 {
            write!(f, " and {} more", self.0.names.len() - 20)?;
        }
        Ok(())
    }
}

fn advice(error: &io::Error) -> &'static str {
    match error.kind() {
        io::ErrorKind::WouldBlock => "; the server accepts no connections now: try again",
        _ => private_file::advice(error),
    }
}

impl AdminCommandError {
    /// The reply belongs to another request.
    pub(in crate::ops) fn unexpected() -> Self {
        Self::Answer("it belongs to another request".to_owned())
    }

    /// The exit status, as in sysexits.h.
    #[must_use]
    pub fn exit_status(&self) -> u8 {
        match self {
            Self::Refused(error) => match error.code {
                AdminErrorCode::BadRequest | AdminErrorCode::TooLarge => sysexits::DATA,
                AdminErrorCode::NoAccount | AdminErrorCode::NoList => sysexits::NO_USER,
                AdminErrorCode::Taken => sysexits::CANNOT_CREATE,
                AdminErrorCode::NoSession
                | AdminErrorCode::Refused
                | AdminErrorCode::InviteUsed
                | AdminErrorCode::NotRunning => sysexits::UNAVAILABLE,
                AdminErrorCode::Busy | AdminErrorCode::Stopped => sysexits::TRY_AGAIN,
                AdminErrorCode::Unavailable => sysexits::IO,
            },
            Self::Connect { source, .. } => match source.kind() {
                io::ErrorKind::PermissionDenied => sysexits::NO_PERMISSION,
                io::ErrorKind::WouldBlock => sysexits::TRY_AGAIN,
                _ => sysexits::UNAVAILABLE,
            },
            Self::Stranger(_) => sysexits::NO_PERMISSION,
            Self::Unanswered { cause, .. } => cause.exit_status(),
            Self::ImportUnanswered { status, .. } => *status,
            Self::Locked(_) | Self::Declined | Self::Interrupted => sysexits::UNAVAILABLE,
            Self::Answer(_) | Self::Output { .. } => sysexits::IO,
            Self::Memory => sysexits::CONFIG,
            Self::Rows(_) | Self::File(_) | Self::Text(_) => sysexits::DATA,
            Self::Read { source, .. } => match source.kind() {
                io::ErrorKind::NotFound => sysexits::NO_INPUT,
                _ => sysexits::IO,
            },
            Self::Codes { .. } => sysexits::CANNOT_CREATE,
            Self::CodesLost { .. } => sysexits::IO,
            Self::NoTerminal => sysexits::USAGE,
        }
    }

    /// The word of the error for programs.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Refused(error) => error.code.as_str(),
            Self::Connect { .. } => "connect",
            Self::Stranger(_) => "stranger",
            Self::Unanswered { cause, .. } => cause.code(),
            Self::ImportUnanswered { code, .. } => code,
            Self::Answer(_) => "answer",
            Self::Interrupted => "interrupted",
            Self::Output { .. } => "output",
            Self::Locked(_) => "in_use",
            Self::Memory => "memory",
            Self::Rows(_) => "rows",
            Self::File(_) => "file",
            Self::Read { .. } => "read",
            Self::Codes { .. } => "codes",
            Self::CodesLost { .. } => "codes_lost",
            Self::NoTerminal => "no_terminal",
            Self::Declined => "declined",
            Self::Text(_) => "text",
        }
    }
}
