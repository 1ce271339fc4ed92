//! The resume tickets that the server has given, as the model knows them.

use correio_proto::{credential::Credential, mail::Timestamp, resume::ResumeTicket};

/// The login with the password that a session goes back to.
#[derive(Clone, Debug)]
pub(super) struct Proof {
    pub(super) credential: Credential,
    pub(super) at: Timestamp,
}

/// A ticket that the server has given.
#[derive(Clone, Debug)]
pub(super) struct KnownTicket {
    pub(super) ticket: ResumeTicket,
    /// The number of its account.
    pub(super) account: u64,
    pub(super) proof: Proof,
    pub(super) expires_at: u64,
}
