//! Errors of the address book. Their texts are in English.

use std::{io, path::PathBuf};

use correio_proto::mail::Invalid;

use super::{
    lines::{ENTRIES_MAX, PEOPLE_MAX},
    nickname::{InvalidNickname, Nickname},
};

/// Why the address book cannot be read or changed. The file is then unchanged.
#[derive(Debug, thiserror::Error)]
pub enum AddressBookError {
    /// The file, or its directory, cannot be used.
    #[error("{}: {source}", path.display())]
    Io {
        /// The path.
        path: PathBuf,
        /// The error of the operating system.
        source: io::Error,
    },
    /// A line cannot be parsed. No nickname is used then: the line may have been one of its people.
    #[error("line {line} of {} is not `NICKNAME USERNAME [FULL NAME]`: mend or delete it", path.display())]
    Line {
        /// The file.
        path: PathBuf,
        /// The line's number, from 1.
        line: usize,
    },
    /// The file has, or would have, too many entries, or is too large to be an address book.
    #[error("{} may have at most {ENTRIES_MAX} entries: delete those that are not needed", path.display())]
    Full {
        /// The file.
        path: PathBuf,
    },
    /// The nickname has, or would have, more people than a mail may have recipients.
    #[error("{nickname} may stand for at most {PEOPLE_MAX} people")]
    TooMany {
        /// The nickname.
        nickname: Nickname,
    },
    /// Another program has held the file's lock for three seconds.
    #[error("another program keeps {} locked: try again, or end that program", path.display())]
    Locked {
        /// The file that is locked.
        path: PathBuf,
    },
    /// The call was cancelled; see [`super::AddressBook::cancelled_by`].
    #[error("cancelled")]
    Cancelled,
}

/// Why a text names no recipients.
#[derive(Debug, thiserror::Error)]
pub enum RecipientsError {
    /// A username, or the number of recipients, breaks a rule.
    #[error(transparent)]
    Invalid(#[from] Invalid),
    /// A text after the mark `@` is not a nickname.
    #[error(transparent)]
    Nickname(#[from] InvalidNickname),
    /// The address book does not have this nickname.
    #[error("the address book does not have the nickname {0}")]
    Unknown(Nickname),
    /// The address book cannot be read.
    #[error(transparent)]
    AddressBook(#[from] AddressBookError),
}
