//! An announcement between two steps of the store.

use correio_proto::mail::{Body, Recipients, Subject};

use super::cursor::AnnouncementCursor;
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
    /// Where the present step begins.
    pub(super) cursor: AnnouncementCursor,
    /// How often in a row the store's queue had no room for the present step.
    pub(super) refusals: u32,
    /// Mailboxes that this request has put the mail into.
    pub(super) mailboxes: u64,
}
