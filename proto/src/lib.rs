//! The correio protocol: its messages, and how they become bytes and bytes become messages.
//!
//! The crate has no socket, no clock and no thread. The client, the server and their tests are
//! built on it. `PROTOCOL.md` in this crate's folder describes the same protocol for programs in
//! other languages.
//!
//! Read in this order:
//!
//! 1. [`message`]: the requests, replies and notices.
//! 2. [`channel`]: one end of a connection, with or without TLS ([`tls`]); a [`byte_channel`] for
//!    the bytes with a [`frame_channel`] for the messages.
//! 3. [`mail`] and [`limits`]: the values in messages, and their bounds.
//! 4. [`credential`]: what a client sends in place of a password.
//!
//! The others are small: [`frame`] encodes one message, [`capability`] names optional parts,
//! [`invite`], [`recovery`], [`app_password`] and [`fingerprint`] are values that people type,
//! [`resume`] has the tickets that clients log in again with,
//! [`rfc5322`] writes a mail as a file, [`wrong_protocol`] detects peers that speak something else.
//!
//! ```
//! use correio_proto::{channel::Channel, limits, message::{ClientMessage, Request}};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let message = ClientMessage { number: 1, request: Request::Ping {} };
//! let mut client = Channel::plaintext(limits::REPLY_FRAME_MAX);
//! client.push(&message)?;
//! let mut wire = Vec::new();
//! client.write_to(&mut wire)?;
//!
//! let mut server = Channel::plaintext(limits::FRAME_BEFORE_LOGIN_MAX);
//! server.read_from(&mut wire.as_slice())?;
//! assert_eq!(server.next_message()?, Some(message));
//! # Ok(())
//! # }
//! ```
//!
//! `examples/frame.rs` decodes a frame that comes in pieces.

pub mod app_password;
mod base32;
mod buffer;
pub mod byte_channel;
pub mod capability;
pub mod channel;
pub mod credential;
pub mod directory;
pub mod fingerprint;
pub mod frame;
pub mod frame_channel;
pub mod invite;
pub mod limits;
pub mod mail;
pub mod message;
mod realm;
pub mod recovery;
pub mod resume;
pub mod rfc5322;
pub mod tls;
pub mod wrong_protocol;

pub use buffer::SpareBuffers;

/// Major version of the protocol that this crate speaks.
pub const VERSION: u32 = 1;

/// TCP port that a server listens on by default.
pub const DEFAULT_PORT: u16 = 8888;
