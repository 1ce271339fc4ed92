//! What travels in a frame: requests, replies and notices. Read this first.
//!
//! On the wire every enum here is a map with one entry (the variant's name and its fields), every
//! struct a map of its fields. Fields that are not known are skipped, optional ones may be left
//! out. PROTOCOL.md shows each message with its bytes.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

pub use crate::realm::Realm;
use crate::{
    capability::Capabilities,
    credential::Credential,
    invite::Invite,
    limits,
    mail::{
        Body, Field, FullName, Invalid, Mail, MailId, MailRef, Problem, Recipients, Seq, Subject,
        Timestamp, Username, bounded, unacceptable,
    },
};

/// What a client sends: a request and the number that its reply will carry.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClientMessage {
    /// Chosen by the client, from 1 upwards; 0 is for notices.
    #[serde(deserialize_with = "numbered")]
    pub number: u32,
    /// What is asked.
    pub request: Request,
}

fn numbered<'de, D: Deserializer<'de>>(input: D) -> Result<u32, D::Error> {
    match u32::deserialize(input)? {
        0 => Err(serde::de::Error::custom("a request has a number from 1 on")),
        number => Ok(number),
    }
}

/// What a server sends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ServerMessage {
    /// The answer to the request of this number.
    Reply {
        /// The request's number; 0 where the server could not read it.
        number: u32,
        /// The answer.
        reply: Reply,
    },
    /// Something that was not asked for.
    Notice(Notice),
}

/// Everything a client may ask. Which request is allowed when is stated by `correio-server`'s
/// session and in PROTOCOL.md.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Request {
    /// The first request of every connection.
    Hello(Hello),
    /// Make an account.
    Register(Register),
    /// Become the account's session.
    Login(Login),
    /// Stop being one; the connection stays.
    Logout {},
    /// Hand in a mail.
    Send(Send),
    /// Get a page of the mailbox; nothing is deleted.
    Fetch(Fetch),
    /// Delete mails that are safe on the client.
    Confirm(Confirm),
    /// Change or delete the account that is logged in.
    Account(Account),
    /// Say something, to be known as alive.
    Ping {},
}

impl Request {
    /// Whether a server may answer this request with `reply`: with the reply of its kind, or with
    /// an error.
    ///
    /// A new request does not compile before it is paired here.
    #[must_use]
    pub fn is_answered_by(&self, reply: &Reply) -> bool {
        if matches!(reply, Reply::Error(_)) {
            return true;
        }
        match self {
            Self::Hello(_) => matches!(reply, Reply::Hello(_)),
            Self::Register(_) => matches!(reply, Reply::Registered {}),
            Self::Login(_) => matches!(reply, Reply::LoggedIn(_)),
            Self::Logout {} => matches!(reply, Reply::LoggedOut {}),
            Self::Send(_) => matches!(reply, Reply::Sent { .. }),
            Self::Fetch(_) => matches!(reply, Reply::Page(_)),
            Self::Confirm(_) => matches!(reply, Reply::Confirmed { .. }),
            Self::Account(_) => matches!(reply, Reply::AccountChanged {}),
            Self::Ping {} => matches!(reply, Reply::Pong {}),
        }
    }
}

/// See [`Request::Hello`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hello {
    /// Major version of the protocol that the client speaks.
    pub version: u32,
    /// The client's program.
    pub software: Software,
}

/// A program's name and version, for people to read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Software {
    /// Its name, such as `correio`.
    pub name: SoftwareText,
    /// Its version, such as `0.1.0`.
    pub version: SoftwareText,
}

impl Software {
    /// This crate's version under the name given, cut where it is too long.
    #[must_use]
    pub fn named(name: &'static str) -> Self {
        Self {
            name: SoftwareText::cut(name),
            version: SoftwareText::cut(env!("CARGO_PKG_VERSION")),
        }
    }
}

/// Visible ASCII of at most [`limits::SOFTWARE_MAX`] bytes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct SoftwareText(Box<str>);

impl SoftwareText {
    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    fn cut(text: &str) -> Self {
        Self(text.chars().filter(char::is_ascii_graphic).take(limits::SOFTWARE_MAX).collect())
    }
}

impl<'de> Deserialize<'de> for SoftwareText {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Box::<str>::deserialize(deserializer)?;
        let problem = if text.len() > limits::SOFTWARE_MAX {
            Problem::TooLong(limits::SOFTWARE_MAX)
        } else if let Some(c) = text.chars().find(|c| !c.is_ascii_graphic()) {
            Problem::Character(c)
        } else {
            return Ok(Self(text));
        };
        Err(unacceptable(Invalid { field: Field::Software, problem }))
    }
}

/// See [`Request::Register`]. Sending it again with the same id and username gives the same answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Register {
    /// Made by the client as for a mail, so that a lost answer can be asked for again.
    pub id: MailId,
    /// The username wanted.
    pub username: Username,
    /// The person's name.
    pub full_name: FullName,
    /// Made from the password; see [`crate::credential`].
    pub credential: Credential,
    /// Where registration is by invite.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "present")]
    pub invite: Option<Invite>,
}

/// Reads an optional field that is there: one that is not there is left out, never nil.
fn present<'de, D: Deserializer<'de>, T: Deserialize<'de>>(
    input: D,
) -> Result<Option<T>, D::Error> {
    T::deserialize(input).map(Some)
}

/// See [`Request::Login`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Login {
    /// Whose account.
    pub username: Username,
    /// Made from the password; see [`crate::credential`].
    pub credential: Credential,
}

/// See [`Request::Send`]. The sender is the account that is logged in and is never stated.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Send {
    /// Made by the client. Sending the same mail again with the same id gives the same answer.
    pub id: MailId,
    /// Everybody it goes to: all of them or, with an error, nobody.
    pub to: Recipients,
    /// Its subject.
    pub subject: Subject,
    /// Its body.
    pub body: Body,
}

/// See [`Request::Fetch`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fetch {
    /// Only mails with a larger number; 0, the default, starts at the oldest.
    #[serde(default)]
    pub after: Seq,
    /// At most as many; 0, the default, stands for the most the server allows.
    #[serde(default)]
    pub max: u32,
}

/// See [`Request::Confirm`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Confirm {
    /// The mails, at most [`limits::CONFIRM_MAX`]. Those not in the mailbox are passed over.
    #[serde(deserialize_with = "confirmed")]
    pub mails: Vec<MailRef>,
}

fn confirmed<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<MailRef>, D::Error> {
    bounded(deserializer, limits::CONFIRM_MAX, None)
}

/// See [`Request::Account`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Account {
    /// Change the full name. Mails sent before keep the old one.
    FullName {
        /// The new one.
        full_name: FullName,
    },
    /// Change the password. The account's other sessions are closed.
    Password {
        /// From the password that holds now.
        current: Credential,
        /// From the new password.
        new: Credential,
    },
    /// Delete the account and its mailbox. All of its sessions are closed.
    Delete {
        /// From the password that holds now.
        credential: Credential,
    },
}

/// The answer to one request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reply {
    /// To `hello`.
    Hello(Welcome),
    /// To `register`: the account exists now.
    Registered {},
    /// To `login`.
    LoggedIn(LoggedIn),
    /// To `logout`.
    LoggedOut {},
    /// To `send`: the mail is in every recipient's mailbox.
    Sent {
        /// When the server took it (the first time).
        sent_at: Timestamp,
    },
    /// To `fetch`.
    Page(Page),
    /// To `confirm`.
    Confirmed {
        /// How many mails were deleted now.
        deleted: u32,
    },
    /// To `account`: the change holds.
    AccountChanged {},
    /// To `ping`.
    Pong {},
    /// To any request: it did not do anything.
    Error(ErrorReply),
}

/// See [`Reply::Hello`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Welcome {
    /// Major version of the protocol that the connection now speaks.
    pub version: u32,
    /// The server's program.
    pub software: Software,
    /// Random id of the server's store; credentials are made for it.
    pub realm: Realm,
    /// The maximums that hold on this server.
    pub limits: Limits,
    /// Who may register.
    pub registration: RegistrationPolicy,
    /// The optional parts of the protocol that the server offers.
    pub capabilities: Capabilities,
}

/// Maximums that a server states in its [`Welcome`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limits {
    /// Longest body, in bytes.
    pub body: u32,
    /// Most recipients of one mail.
    pub recipients: u32,
    /// Most mails in a page.
    pub page: u32,
    /// Largest frame that the server sends, in bytes without its length.
    pub frame: u32,
}

/// Who may register on a server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RegistrationPolicy {
    /// Anybody.
    Open {},
    /// Whoever has an invite.
    Invite {},
    /// Nobody, over the network.
    Closed {},
}

/// See [`Reply::LoggedIn`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LoggedIn {
    /// The account's username, as it is folded.
    pub username: Username,
    /// The account's full name.
    pub full_name: FullName,
    /// How many mails are in the mailbox.
    pub waiting: u32,
}

/// See [`Reply::Page`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Page {
    /// The mails, oldest first.
    pub mails: Vec<Mail>,
    /// Whether the mailbox holds more behind the last of them.
    pub more: bool,
}

/// Why a request did nothing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ErrorReply {
    /// The reason, for programs.
    pub code: ErrorCode,
    /// The reason, for people, in English. Holds nothing that another person wrote.
    pub text: String,
    /// With `busy` and `rate_limited`: seconds after which to try again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_after: Option<u32>,
    /// With `unknown_recipient` and `mailbox_full`: which recipients.
    #[serde(
        default,
        skip_serializing_if = "Vec::is_empty",
        deserialize_with = "refused_recipients"
    )]
    pub recipients: Vec<Username>,
    /// With `version`: the major versions that the server speaks.
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
        Self { code, text: text.into(), retry_after: None, recipients: vec![], versions: vec![] }
    }
}

/// The stable words for what can go wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ErrorCode {
    /// Unknown username or wrong password: the same answer for both.
    BadCredentials,
    /// Somebody has this username.
    UsernameTaken,
    /// One or more recipients do not exist.
    UnknownRecipient,
    /// The mailbox of one or more recipients is full.
    MailboxFull,
    /// A body or a frame above the server's limit.
    TooLarge,
    /// A value that breaks a rule; the text says which.
    Invalid,
    /// The request needs a login.
    NotAuthenticated,
    /// The request is not for this session or this server.
    NotAllowed,
    /// The server has too much to do; try again after `retry_after`.
    Busy,
    /// This client asks too often; try again after `retry_after`.
    RateLimited,
    /// The id was used for something else.
    Conflict,
    /// The server's store or worker failed; the request may be sent again.
    Unavailable,
    /// The bytes were no message of this protocol, or one at the wrong moment.
    Protocol,
    /// The server does not speak the client's version.
    Version,
    /// A code that this version does not know.
    Other,
}

impl ErrorCode {
    /// Every code that can be sent.
    pub const ALL: [Self; 14] = [
        Self::BadCredentials,
        Self::UsernameTaken,
        Self::UnknownRecipient,
        Self::MailboxFull,
        Self::TooLarge,
        Self::Invalid,
        Self::NotAuthenticated,
        Self::NotAllowed,
        Self::Busy,
        Self::RateLimited,
        Self::Conflict,
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
            Self::NotAuthenticated => "not_authenticated",
            Self::NotAllowed => "not_allowed",
            Self::Busy => "busy",
            Self::RateLimited => "rate_limited",
            Self::Conflict => "conflict",
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

/// Something that a server says unasked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Notice {
    /// A mail for the account that is logged in is in its mailbox.
    NewMail(NewMail),
    /// The server wants to know whether the client is there: answer with any request.
    Ping {},
    /// The session has ended because the account's password was changed or the account deleted;
    /// the server closes the connection.
    SessionEnded {},
    /// The server stops and closes the connection; connect again after a moment.
    ShuttingDown {},
}

/// See [`Notice::NewMail`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NewMail {
    /// Username of the sender.
    pub from: Username,
    /// Full name of the sender.
    pub from_name: FullName,
    /// The mail's subject.
    pub subject: Subject,
}

/// The map that a [`ServerMessage`] is on the wire: `number`, and either `reply` or `notice`.
#[derive(Deserialize)]
struct ServerMap {
    number: u32,
    #[serde(default)]
    reply: Option<Reply>,
    #[serde(default)]
    notice: Option<Notice>,
}

impl<'de> Deserialize<'de> for ServerMessage {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let map = ServerMap::deserialize(deserializer)?;
        match (map.reply, map.notice) {
            (Some(reply), None) => Ok(Self::Reply { number: map.number, reply }),
            (None, Some(notice)) if map.number == 0 => Ok(Self::Notice(notice)),
            _ => Err(serde::de::Error::custom("expected a reply, or a notice with number 0")),
        }
    }
}

impl Serialize for ServerMessage {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        use serde::ser::SerializeStruct;
        let mut map = serializer.serialize_struct("ServerMessage", 2)?;
        match self {
            Self::Reply { number, reply } => {
                map.serialize_field("number", number)?;
                map.serialize_field("reply", reply)?;
            }
            Self::Notice(notice) => {
                map.serialize_field("number", &0_u32)?;
                map.serialize_field("notice", notice)?;
            }
        }
        map.end()
    }
}
