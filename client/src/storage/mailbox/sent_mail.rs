//! A mail that was sent, with what its copy needs.

use correio_proto::mail::{FullName, Timestamp, Username};

use crate::storage::outgoing::OutgoingMail;

/// A mail that the server has accepted.
#[derive(Clone, Copy, Debug)]
pub struct SentMail<'a> {
    /// The sender.
    pub from: &'a Username,
    /// The sender's full name.
    pub from_name: &'a FullName,
    /// The mail.
    pub mail: &'a OutgoingMail,
    /// When the server accepted the mail, as [`crate::Service::send_mail`] returns it.
    pub sent_at: Timestamp,
}
