//! The messages in frames: requests, replies and notices. Read this module first.
//!
//! On the wire an enum is a map with one entry (the variant's name and its fields), and a struct is
//! a map of its fields. Unknown fields are skipped; optional fields may be left out. PROTOCOL.md
//! shows each message with its bytes.

mod error;
mod greeting;
mod list;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de, ser::SerializeStruct};

pub use self::{
    error::{ErrorCode, ErrorReply},
    greeting::{Hello, Limits, RegistrationPolicy, Software, SoftwareText, Welcome},
    list::{ListChange, ListMember, ListOverview, ListRequest, MembersPage, Role, SendPolicy},
};
pub use crate::realm::Realm;
use crate::{
    app_password::{AppPassword, AppPasswordId, AppPasswordOverview, AppPasswordRequest},
    credential::Credential,
    directory::{Person, Query},
    invite::Invite,
    limits,
    mail::{
        Body, Content, ContentSize, FullName, LargeContent, Mail, MailId, MailRef, Message, Piece,
        Recipients, Seq, Subject, Timestamp, Username, bounded, present,
    },
    recovery::RecoveryCode,
    resume::ResumeTicket,
};

/// A message from the client: a request, and the number that its reply will carry.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClientMessage {
    /// Chosen by the client, from 1 upwards; 0 is for notices and for errors that belong to no
    /// request.
    #[serde(deserialize_with = "numbered")]
    pub number: u32,
    /// The request.
    pub request: Request,
}

fn numbered<'de, D: Deserializer<'de>>(input: D) -> Result<u32, D::Error> {
    match u32::deserialize(input)? {
        0 => Err(de::Error::custom("a request has a number from 1 on")),
        number => Ok(number),
    }
}

/// A message from the server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ServerMessage {
    /// The answer to the request of this number.
    Reply {
        /// The request's number; 0 if the server could not read it, or if the error belongs to no
        /// request.
        number: u32,
        /// The answer.
        reply: Reply,
    },
    /// A message without a request.
    Notice(Notice),
}

/// The requests. `correio-server`'s session and PROTOCOL.md state in which state each is allowed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Request {
    /// The first request of every connection.
    Hello(Hello),
    /// Makes an account.
    Register(Register),
    /// Logs the connection in to an account.
    Login(Login),
    /// Logs the connection in to an account by a ticket of an earlier session. Capability `resume`.
    Resume(Resume),
    /// Sets an account's password by a code of the operator. Capability `recover`.
    Recover(Recover),
    /// Asks for a ticket with which the account that is logged in can be resumed. Capability
    /// `resume`.
    Ticket {},
    /// Logs out; the connection stays.
    Logout {},
    /// Sends a mail.
    Send(Send),
    /// Reads a page of the mailbox; deletes nothing.
    Fetch(Fetch),
    /// Adds a piece to the upload of a large content. Capability `contents`.
    Upload(Upload),
    /// Reads a piece of a large content. Capability `contents`.
    Read(Read),
    /// Deletes mails that are safe on the client.
    Confirm(Confirm),
    /// Changes or deletes the account that is logged in.
    Account(Account),
    /// Looks people up in the server's directory. Capability `find`.
    Find(Find),
    /// Makes, shows, changes or deletes a list of members. Capability `lists`.
    List(ListRequest),
    /// Makes, lists or revokes passwords of mail programs. Capability `app_passwords`.
    AppPassword(AppPasswordRequest),
    /// Shows that the client is alive.
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
            Self::Login(_) | Self::Resume(_) => matches!(reply, Reply::LoggedIn(_)),
            Self::Ticket {} => matches!(reply, Reply::Ticket(_)),
            Self::Recover(_) => matches!(reply, Reply::Recovered { .. }),
            Self::Logout {} => matches!(reply, Reply::LoggedOut {}),
            Self::Send(_) => matches!(reply, Reply::Sent { .. }),
            Self::Fetch(_) => matches!(reply, Reply::Page(_)),
            Self::Upload(_) => matches!(reply, Reply::Uploaded { .. }),
            Self::Read(_) => matches!(reply, Reply::Piece { .. }),
            Self::Confirm(_) => matches!(reply, Reply::Confirmed { .. }),
            Self::Account(_) => matches!(reply, Reply::AccountChanged { .. }),
            Self::Find(_) => matches!(reply, Reply::Found(_)),
            Self::List(ListRequest::Mine {}) => matches!(reply, Reply::Lists { .. }),
            Self::List(ListRequest::Members { .. }) => matches!(reply, Reply::Members(_)),
            Self::List(ListRequest::Change { .. }) => matches!(reply, Reply::ListChanged {}),
            Self::AppPassword(AppPasswordRequest::Create { .. }) => {
                matches!(reply, Reply::AppPasswordCreated { .. })
            }
            Self::AppPassword(AppPasswordRequest::List {}) => {
                matches!(reply, Reply::AppPasswords { .. })
            }
            Self::AppPassword(AppPasswordRequest::Revoke { .. }) => {
                matches!(reply, Reply::AppPasswordRevoked {})
            }
            Self::Ping {} => matches!(reply, Reply::Pong {}),
        }
    }
}

/// See [`Request::Register`]. Sending it again with the same id and username gives the same answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Register {
    /// Made by the client as for a mail, so that it can repeat the request after a lost reply.
    pub id: MailId,
    /// The username wanted.
    pub username: Username,
    /// The person's name.
    pub full_name: FullName,
    /// Derived from the password; see [`crate::credential`].
    pub credential: Credential,
    /// Required if registration is by invite.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "present")]
    pub invite: Option<Invite>,
}

/// See [`Request::Login`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Login {
    /// Username of the account.
    pub username: Username,
    /// Derived from the password; see [`crate::credential`].
    pub credential: Credential,
}

/// See [`Request::Resume`]. The ticket can be used again until it expires.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Resume {
    /// Username of the account.
    pub username: Username,
    /// A ticket that a session of this account was given.
    pub ticket: ResumeTicket,
}

/// See [`Request::Recover`]. The code is void afterwards.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Recover {
    /// Username of the account.
    pub username: Username,
    /// The code that the operator made for it.
    pub code: RecoveryCode,
    /// Derived from the new password; see [`crate::credential`].
    pub credential: Credential,
}

/// See [`Request::Send`]. The sender is the account that is logged in and is never stated.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Send {
    /// Made by the client. Sending the same mail again with the same id gives the same answer.
    pub id: MailId,
    /// The recipients. All of them get the mail or, with an error, none.
    pub to: Recipients,
    /// The mail's subject.
    pub subject: Subject,
    /// The mail's content. A large content has been uploaded under the same id.
    pub content: Content,
}

/// Wire form of a [`Send`], whose content is one of the last three fields. The rarer ones
/// are boxed, which keeps the decoder's stack small.
#[derive(Deserialize)]
struct SendFields {
    id: MailId,
    to: Recipients,
    subject: Subject,
    #[serde(default, deserialize_with = "present")]
    body: Option<Body>,
    #[serde(default, deserialize_with = "present")]
    message: Option<Box<Message>>,
    #[serde(default, deserialize_with = "present")]
    content: Option<Box<LargeContent>>,
}

impl SendFields {
    fn send<E: de::Error>(self) -> Result<Send, E> {
        let Self { id, to, subject, body, message, content } = self;
        Ok(Send { id, to, subject, content: Content::of_fields(body, message, content)? })
    }
}

impl<'de> Deserialize<'de> for Send {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        SendFields::deserialize(deserializer).and_then(SendFields::send)
    }
}

impl Serialize for Send {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_struct("Send", 4)?;
        map.serialize_field("id", &self.id)?;
        map.serialize_field("to", &self.to)?;
        map.serialize_field("subject", &self.subject)?;
        self.content.serialize_field(&mut map)?;
        map.end()
    }
}

/// See [`Request::Upload`]. The server keeps the upload for the account that is logged in, for
/// [`limits::UPLOAD_KEPT_SECONDS`] after its last piece.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Upload {
    /// The id of the mail that will have this content.
    pub id: MailId,
    /// Bytes of the whole content: the same number in every piece.
    pub size: ContentSize,
    /// Position of the piece in the content, in bytes. Bytes that the server has already are
    /// skipped, so that a piece may be sent again.
    pub offset: u64,
    /// The piece. An empty one asks how far the upload is.
    pub bytes: Piece,
}

/// See [`Request::Read`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Read {
    /// The mail's number in the store.
    pub seq: Seq,
    /// The id that its sender gave it.
    pub id: MailId,
    /// Position of the piece in the content, in bytes.
    pub offset: u64,
}

/// See [`Request::Fetch`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fetch {
    /// Returns only mails with a larger number; 0, the default, starts at the oldest.
    #[serde(default)]
    pub after: Seq,
    /// Returns at most this many mails; 0, the default, stands for the server's maximum.
    #[serde(default)]
    pub max: u32,
}

/// See [`Request::Confirm`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Confirm {
    /// The mails, at most [`limits::CONFIRM_MAX`]. Mails that are not in the mailbox are ignored.
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
    /// Changes the full name. Mails sent before keep the old name.
    FullName {
        /// The new full name.
        full_name: FullName,
    },
    /// Changes the password. The account's other sessions are closed.
    Password {
        /// Derived from the present password.
        current: Credential,
        /// Derived from the new password.
        new: Credential,
    },
    /// Deletes the account and its mailbox. Its other sessions are closed, and this one is logged
    /// out.
    Delete {
        /// Derived from the present password.
        credential: Credential,
    },
}

/// See [`Request::Find`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Find {
    /// A part of the usernames or full names that are wanted.
    pub text: Query,
}

/// The answer to one request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reply {
    /// To `hello`.
    Hello(Welcome),
    /// To `register`: the account exists now.
    Registered {},
    /// To `login` and `resume`.
    LoggedIn(LoggedIn),
    /// To `ticket`.
    Ticket(GivenTicket),
    /// To `recover`: the password is set.
    Recovered {
        /// App passwords that this has revoked; left out by older servers.
        #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "present")]
        app_passwords_revoked: Option<u32>,
    },
    /// To `logout`.
    LoggedOut {},
    /// To `send`: the mail is in every recipient's mailbox.
    Sent {
        /// When the server accepted the mail (the first time).
        sent_at: Timestamp,
    },
    /// To `fetch`.
    Page(Page),
    /// To `upload`.
    Uploaded {
        /// Bytes from the content's start that the server has now.
        staged: u64,
    },
    /// To `read`.
    Piece {
        /// The content from the offset on: as much as a piece may have, or to the content's end.
        bytes: Piece,
    },
    /// To `confirm`.
    Confirmed {
        /// Number of mails deleted now.
        deleted: u32,
    },
    /// To `account`: the change holds.
    AccountChanged {
        /// App passwords that a changed password has revoked; left out for other changes, and by
        /// older servers.
        #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "present")]
        app_passwords_revoked: Option<u32>,
    },
    /// To `find`.
    Found(Found),
    /// To `list`, for a change: the change holds.
    ListChanged {},
    /// To `list`, for members.
    Members(MembersPage),
    /// To `list`, for the lists of the account that is logged in.
    Lists {
        /// The lists in the order of their names, at most [`limits::LISTS_MAX`].
        #[serde(deserialize_with = "listed")]
        lists: Vec<ListOverview>,
    },
    /// To `app_password`, for a new one.
    AppPasswordCreated {
        /// Its id.
        id: AppPasswordId,
        /// The app password, which the server does not keep: this is the only time that it is sent.
        password: AppPassword,
    },
    /// To `app_password`, for those of the account that is logged in.
    AppPasswords {
        /// The app passwords, oldest first, at most [`limits::APP_PASSWORDS_MAX`].
        #[serde(deserialize_with = "app_passwords")]
        passwords: Vec<AppPasswordOverview>,
    },
    /// To `app_password`, for a revocation: the account has no app password of this id.
    AppPasswordRevoked {},
    /// To `ping`.
    Pong {},
    /// To any request: the request had no effect.
    Error(ErrorReply),
}

/// See [`Reply::LoggedIn`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LoggedIn {
    /// The account's username, folded.
    pub username: Username,
    /// The account's full name.
    pub full_name: FullName,
    /// Number of mails in the mailbox.
    pub waiting: u32,
    /// What the mailbox has and may have.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "present")]
    pub usage: Option<MailboxUsage>,
}

/// See [`Reply::Ticket`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GivenTicket {
    /// The ticket.
    pub ticket: ResumeTicket,
    /// Seconds until it expires.
    pub expires_in: u32,
}

/// What a mailbox has and may have. A mail that would exceed either bound is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MailboxUsage {
    /// Number of mails.
    pub mails: u64,
    /// Most mails.
    pub mails_max: u64,
    /// Bytes of the mails' subjects and contents.
    pub bytes: u64,
    /// Most bytes.
    pub bytes_max: u64,
}

fn listed<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<ListOverview>, D::Error> {
    bounded(deserializer, limits::LISTS_MAX, None)
}

fn app_passwords<'de, D: Deserializer<'de>>(
    input: D,
) -> Result<Vec<AppPasswordOverview>, D::Error> {
    bounded(input, limits::APP_PASSWORDS_MAX, None)
}

/// See [`Reply::Found`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Found {
    /// The people, at most [`limits::FOUND_MAX`]: those whose usernames begin with the part first,
    /// then the others, each in the order of their usernames. If there are more, those whose
    /// usernames begin with it are the first of them in that order, and the others are any.
    #[serde(deserialize_with = "found")]
    pub people: Vec<Person>,
    /// Whether the directory finds more people, or may, since it has not looked at all names.
    pub more: bool,
}

fn found<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Person>, D::Error> {
    bounded(deserializer, limits::FOUND_MAX, None)
}

/// See [`Reply::Page`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Page {
    /// The mails, oldest first.
    pub mails: Vec<Mail>,
    /// Whether the mailbox has more mails after the last of these.
    pub more: bool,
}

/// A message that the server sends without a request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Notice {
    /// A new mail is in the account's mailbox.
    NewMail(NewMail),
    /// The server checks whether the client is alive: answer with any request.
    Ping {},
    /// The session has ended because the account's password was changed or the account deleted;
    /// the server closes the connection.
    SessionEnded {},
    /// The server stops and closes the connection; reconnect after a moment.
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

/// Wire form of a [`ServerMessage`]: a map of `number` and either `reply` or `notice`. Both
/// are boxed, which keeps the decoder's stack small.
#[derive(Deserialize)]
struct ServerMap {
    number: u32,
    #[serde(default)]
    reply: Option<Box<Reply>>,
    #[serde(default)]
    notice: Option<Box<Notice>>,
}

impl ServerMap {
    fn message<E: de::Error>(self) -> Result<ServerMessage, E> {
        match self {
            Self { number, reply: Some(reply), notice: None } => {
                Ok(ServerMessage::Reply { number, reply: *reply })
            }
            Self { number: 0, reply: None, notice: Some(notice) } => {
                Ok(ServerMessage::Notice(*notice))
            }
            _ => Err(E::custom("expected a reply, or a notice with number 0")),
        }
    }
}

impl<'de> Deserialize<'de> for ServerMessage {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        ServerMap::deserialize(deserializer).and_then(ServerMap::message)
    }
}

impl Serialize for ServerMessage {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
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
