//! What a correio client and server say to each other.
//!
//! This crate has no socket, no clock and no thread: bytes go in, messages come out, and the
//! reverse. Both programs are built on it, and so are their tests. `PROTOCOL.md` beside this
//! crate describes the same protocol for those who write a client in another language.
//!
//! Read [`message`] first; the rest serves it.

mod buffer;
pub mod capability;
pub mod channel;
pub mod credential;
pub mod fingerprint;
pub mod frame;
pub mod invite;
pub mod limits;
pub mod mail;
pub mod message;
mod realm;
pub mod tls;
pub mod wrong_protocol;

pub use buffer::SpareBuffers;

/// Major version of the protocol that this crate speaks.
pub const VERSION: u32 = 1;

/// Port that a server listens on when nothing else is said.
pub const DEFAULT_PORT: u16 = 8888;
