//! What a correio client is made of, without its screens.
//!
//! [`Service`] is one server as a program uses it: connect, log in, send, receive. Below it,
//! [`client`] knows the requests and has neither socket nor clock, and `network` moves its bytes.
//! [`Mailbox`] and [`Drafts`] are what stays on this computer; [`sanitize()`] makes harmless what other
//! people wrote.
//!
//! Everything that the calls of these take is here, too. What the program `correio` needs beyond
//! the library is its feature `program`, which other programs switch off:
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
//! `client/examples/send_and_receive.rs` also sends and trusts a server's own certificate.

mod address;
mod cancel;
pub mod client;
mod clock;
mod error;
mod id;
pub mod keys;
mod mutex;
mod network;
mod oneshot;
mod sanitize;
mod service;
mod storage;
mod trust;

pub use correio_proto::{
    credential::Password,
    fingerprint::Fingerprint,
    invite::Invite,
    mail::{Body, FullName, Invalid, Mail, MailId, Recipients, Seq, Subject, Timestamp, Username},
    message::{ErrorCode, ErrorReply, LoggedIn, NewMail, Realm, Send, Welcome},
};

pub use address::{Address, InvalidAddress};
pub use cancel::Cancel;
pub use error::{Attempt, ConnectError, ReceiveError, RequestError};
pub use id::new_mail_id;
pub use sanitize::{Layout, sanitize, sanitize_json, sanitize_part};
pub use service::receive::{ReceiveStep, Receiving};
pub use service::{ConnectOptions, NewAccount, Progress, Service, State};
pub use storage::drafts::{Draft, DraftError, DraftFile, DraftList, Drafts, Reopened};
pub use storage::durable::Disk;
pub use storage::mailbox::{
    List, Mailbox, MailboxError, MailboxNote, Saving, Skipped, Status, Stored, read_file,
};
pub use trust::{
    Distrust, Doubt, KnownServer, KnownServers, KnownServersError, Proof, Trust, Untrusted,
};
