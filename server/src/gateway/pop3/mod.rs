//! POP3 (RFC 1939, RFC 2449, RFC 2595, RFC 3206, RFC 5034).
//!
//! The mailbox is not locked: after a phone has lost its network, a lock would keep its user out
//! until the server closes the old connection. A session lists the mails at its login, by number
//! and id; the store uses neither again. So several programs may read one mailbox at a time, and a
//! mail that another program has deleted since the login is refused.
//!
//! The memory of a session is bounded: a list of at most 3.2 MB, mails of 128 KiB that are read
//! ahead, and while a mail is sent, its text or a piece of it. Replies that may be long are sent in
//! chunks: the connection asks for the next when the program has read enough of the last.
//! `Pop3Session::held` says what a session holds now.

mod authorization;
mod command;
mod deliveries;
mod line;
mod listing;
mod maildrop;
mod refused;
mod reply;
mod retrieval;
mod sender;
mod session;
pub mod stuffing;
mod top;
mod transaction;

pub(crate) use self::session::Pop3Session;

#[cfg(test)]
mod tests;
