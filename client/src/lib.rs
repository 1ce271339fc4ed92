//! What a correio client is made of, without its screens.
//!
//! [`Service`] is one server as a program uses it: connect, log in, send, receive. Below it,
//! [`client`] knows the requests and has neither socket nor clock, and `network` moves its bytes.
//! [`Mailbox`] and [`Drafts`] are what stays on this computer; [`show()`] makes harmless what other
//! people wrote.

mod address;
mod answer;
mod backoff;
mod cancel;
pub mod client;
mod drafts;
mod durable;
mod error;
mod id;
pub mod keys;
mod link;
mod lock;
mod lookup;
mod mailbox;
mod network;
mod place;
mod race;
mod receive;
mod service;
mod show;
mod trust;

pub use address::{Address, InvalidAddress};
pub use cancel::Cancel;
pub use drafts::{Draft, DraftError, DraftFile, DraftList, Drafts, Reopened};
pub use durable::Disk;
pub use error::{Attempt, ConnectError, ReceiveError, RequestError};
pub use id::new_mail_id;
pub use mailbox::{
    List, Mailbox, MailboxError, MailboxNote, Saving, Skipped, Status, Stored, read_file,
};
pub use receive::{ReceiveStep, Receiving};
pub use service::{ConnectOptions, Progress, Registration, Service, State};
pub use show::{Shown, show, show_json, show_split};
pub use trust::{
    Distrust, Doubt, KnownServer, KnownServers, KnownServersError, Proof, Trust, Untrusted,
};
