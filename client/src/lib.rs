//! The library of a correio client, without its screens.
//!
//! Read in this order:
//!
//! 1. [`Service`]: one server, with calls that wait for their answer: connect, log in, send,
//!    receive. Most programs need nothing else for the network.
//!    [`OutgoingMail`] has a text or a file of any size that the server takes.
//! 2. [`Mailbox`] and [`Drafts`]: received, sent and unfinished mail on this computer.
//!    [`AddressBook`] and [`KnownPeople`]: the user's nicknames, and the people known from mail.
//! 3. [`MessageView`] and [`MessageDraft`]: RFC 5322 messages with attachments, read and made.
//! 4. [`Trust`] and [`KnownServers`]: which server certificates are accepted.
//! 5. [`sanitize()`]: makes other people's texts harmless for a terminal.
//! 6. [`client`]: the requests under way on a connection, without socket or clock, for a program
//!    that has its own event loop. `network` drives it for [`Service`].
//! 7. [`keys`]: reads what a terminal sends for a key.
//!
//! The types of `correio_proto` that these calls take are exported here, too. The feature
//! `program` adds what the program `correio` needs; other programs switch it off:
//! `correio-client = { path = "…", default-features = false }`.
//!
//! ```no_run
//! use std::sync::Arc;
//!
//! use correio_client::{Cancel, ConnectOptions, Mailbox, Password, Service};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let (server, username) = ("mail.example.org".parse()?, "tony".parse()?);
//! let password: Arc<Password> = Arc::new("jarvis-is-here".parse()?);
//! let cancel = Cancel::new();
//! let service = Service::connect(&server, &ConnectOptions::default(), &cancel)?;
//! service.login(&username, &password, &cancel)?;
//! let mut mailbox = Mailbox::open("data".as_ref(), &server, &username);
//! for mail in service.receive(&mut mailbox, &mut |_| {}, &cancel)? {
//!     println!("{}: {}", mail.from.as_str(), mail.subject.as_str());
//!     mailbox.mark_shown(&[mail])?;
//! }
//! # Ok(())
//! # }
//! ```
//!
//! `examples/service.rs` is the shortest program; `examples/send_and_receive.rs` also sends mail
//! and trusts a server's own certificate.

mod address;
mod cancel;
pub mod client;
mod clock;
mod error;
mod files;
mod id;
pub mod keys;
mod message;
mod mutex;
mod network;
mod oneshot;
mod options;
mod sanitize;
mod service;
mod storage;
mod trust;

pub use correio_proto::{
    credential::Password,
    fingerprint::Fingerprint,
    invite::Invite,
    mail::{Body, FullName, Invalid, Mail, MailId, Recipients, Seq, Subject, Timestamp, Username},
    message::{ErrorCode, ErrorReply, LoggedIn, MailboxUsage, NewMail, Realm, Send, Welcome},
    recovery::RecoveryCode,
};

pub use address::{Address, InvalidAddress};
pub use cancel::Cancel;
pub use error::{Attempt, ConnectError, ReceiveError, RequestError, SendError};
pub use files::durable::Disk;
pub use id::new_mail_id;
pub use message::{
    ATTACHMENTS_MAX, Attachment, AttachmentFile, AttachmentSaver, Forwarded, FromField,
    InvalidMessageId, MakeError, MessageDraft, MessageFields, MessageId, MessageText, MessageView,
    SaveError, TextSource, forward_subject, forwarded_text, quoted_text, references, reply_subject,
    save_attachment,
};
pub use network::{News, State};
pub use options::ConnectOptions;
pub use sanitize::{WhiteSpace, sanitize, sanitize_json, sanitize_part, write_sanitized_json};
pub use service::receive::{
    ContentProgress, DamagedContents, Progress, ReceiveOptions, ReceiveStep, Received, Receiving,
    ServerCopy,
};
pub use service::send::{LargeMail, SendStep, Sending};
pub use service::{NewAccount, Service};
pub use storage::drafts::{
    Author, Draft, DraftAttachment, DraftError, DraftFile, DraftList, DraftMail, DraftMailError,
    DraftOrigin, Drafts, OriginAction, ReattachError, Reopened, ThreadFields,
};
pub use storage::mailbox::{
    Begun, Completed, Condition, Entries, Entry, Flag, FlagChange, Flags, Folder, InvalidWords,
    List, MailContent, MailSource, MailStatus, MailText, Mailbox, MailboxError, MailboxNote,
    Marked, Numbers, Present, Readable, Saving, Selected, SentMail, Stored, Words, read_file,
};
pub use storage::outgoing::{ContentError, OutgoingContent, OutgoingMail};
pub use storage::people::{
    AddressBook, AddressBookError, BookEntry, BookPerson, InvalidNickname, KnownName, KnownPeople,
    KnownPerson, NICKNAME_MAX, NamedRecipients, Nickname, People, RecipientsError,
};
pub use storage::skipped::Skipped;
pub use trust::{
    Distrust, Doubt, KnownServer, KnownServers, KnownServersError, Proof, Trust, Untrusted,
};
