//! An announcement between two steps of the store.

use correio_proto::mail::{Body, Recipients, Subject};

use crate::session::effect::Arrival;

/// An announcement that is being put into mailboxes.
#[derive(Debug)]
pub(super) struct Announcing {
    /// The mail's subject.
    pub(super) subject: Subject,
    /// The mail's text.
    pub(super) body: Body,
    /// The recipients that the mail shows.
    pub(super) to: Recipients,
    /// What sessions are told.
    pub(super) arrival: Arrival,
    /// The id of the first step's mail, as bytes.
    pub(super) id: [u8; 16],
    /// Number of the present step.
    pub(super) step: u32,
    /// Mailboxes that have the mail.
    pub(super) reached: u64,
}
