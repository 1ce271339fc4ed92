//! The error that answers a request: its code, and the fields that some codes have.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::{
    limits,
    mail::{Username, bounded, present},
};

/// Why a request had no effect.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ErrorReply {
    /// The reason, for programs.
    pub code: ErrorCode,
    /// The reason, for people, in English. Contains no text of another person.
    pub text: String,
    /// With `busy` and `rate_limited`: seconds after which to try again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_after: Option<u32>,
    /// With `unknown_recipient`, `mailbox_full` and `may_not_send`: the recipients concerned.
    #[serde(
        default,
        skip_serializing_if = "Vec::is_empty",
        deserialize_with = "refused_recipients"
    )]
    pub recipients: Vec<Username>,
    /// With `incomplete`: bytes from the content's start that the server has.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "present")]
    pub staged: Option<u64>,
    /// With `version`: the server's major versions.
    #[serde(default, skip_serializing_if = "Vec::is_empty", deserialize_with = "spoken_versions")]
    pub versions: Vec<u32>,
}

fn refused_recipients<'de, D: Deserializer<'de>>(input: D) -> Result<Vec<Username>, D::Error> {
    bounded(input, limits::RECIPIENTS_MAX, None)
}

fn spoken_versions<'de, D: Deserializer<'de>>(input: D) -> Result<Vec<u32>, D::Error> {
    bounded(input, 16, None)
}

impl ErrorReply {
    /// An error with nothing but its code and text.
    #[must_use]
    pub fn new(code: ErrorCode, text: impl Into<String>) -> Self {
        let (recipients, versions) = (vec![], vec![]);
        Self { code, text: text.into(), retry_after: None, recipients, staged: None, versions }
    }
}

/// The codes of errors. Their words on the wire are stable.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ErrorCode {
    /// Unknown username or wrong password: the same answer for both.
    BadCredentials,
    /// Another account, or a list, has this name.
    UsernameTaken,
    /// One or more recipients do not exist.
    UnknownRecipient,
    /// The mailbox of one or more recipients is full.
    MailboxFull,
    /// A body or a frame above the server's limit.
    TooLarge,
    /// A value breaks a rule; the text says which.
    Invalid,
    /// The operator has disabled the account. Said only after the right password.
    Disabled,
    /// The request needs a login.
    NotAuthenticated,
    /// The request is not allowed in this state or on this server.
    NotAllowed,
    /// The server has too much to do; try again after `retry_after`.
    Busy,
    /// This client asks too often; try again after `retry_after`.
    RateLimited,
    /// The id was used for another mail, or for an upload of another size.
    Conflict,
    /// The upload ends before this offset, or before the content's end: go on from `staged`.
    Incomplete,
    /// The mail is not in the mailbox (any more), or has no content in pieces.
    NoSuchMail,
    /// There is no list of this name, or none that the account that asks may see.
    NoSuchList,
    /// One or more lists take no mail of this account.
    MayNotSend,
    /// The list would have more than [`limits::MEMBERS_MAX`] members, an account would have made
    /// more than [`limits::LISTS_MAX`] lists, or a mail names lists with too many members.
    ListFull,
    /// Another app password of the account has this label.
    LabelTaken,
    /// The account has [`limits::APP_PASSWORDS_MAX`] app passwords.
    AppPasswordsFull,
    /// The server's store or worker failed; the request may be sent again.
    Unavailable,
    /// The bytes were not a message of this protocol.
    Protocol,
    /// The server does not speak the client's version.
    Version,
    /// A code that this version of the crate does not know.
    Other,
}

impl ErrorCode {
    /// Every code that can be sent.
    pub const ALL: [Self; 22] = [
        Self::BadCredentials,
        Self::UsernameTaken,
        Self::UnknownRecipient,
        Self::MailboxFull,
        Self::TooLarge,
        Self::Invalid,
        Self::Disabled,
        Self::NotAuthenticated,
        Self::NotAllowed,
        Self::Busy,
        Self::RateLimited,
        Self::Conflict,
        Self::Incomplete,
        Self::NoSuchMail,
        Self::NoSuchList,
        Self::MayNotSend,
        Self::ListFull,
        Self::LabelTaken,
        Self::AppPasswordsFull,
        Self::Unavailable,
        Self::Protocol,
        Self::Version,
    ];

    /// The word on the wire.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::BadCredentials => "bad_credentials",
            Self::UsernameTaken => "username_taken",
            Self::UnknownRecipient => "unknown_recipient",
            Self::MailboxFull => "mailbox_full",
            Self::TooLarge => "too_large",
            Self::Invalid => "invalid",
            Self::Disabled => "disabled",
            Self::NotAuthenticated => "not_authenticated",
            Self::NotAllowed => "not_allowed",
            Self::Busy => "busy",
            Self::RateLimited => "rate_limited",
            Self::Conflict => "conflict",
            Self::Incomplete => "incomplete",
            Self::NoSuchMail => "no_such_mail",
            Self::NoSuchList => "no_such_list",
            Self::MayNotSend => "may_not_send",
            Self::ListFull => "list_full",
            Self::LabelTaken => "label_taken",
            Self::AppPasswordsFull => "app_passwords_full",
            Self::Unavailable => "unavailable",
            Self::Protocol => "protocol",
            Self::Version => "version",
            Self::Other => "other",
        }
    }
}

impl fmt::Display for ErrorCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Serialize for ErrorCode {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for ErrorCode {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let word = Box::<str>::deserialize(deserializer)?;
        let known = Self::ALL.into_iter().find(|code| code.as_str() == &*word);
        Ok(known.unwrap_or(Self::Other))
    }
}
