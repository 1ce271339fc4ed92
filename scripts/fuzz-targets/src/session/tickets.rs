//! The replies that requests about resume tickets must get.

use correio_proto::{
    mail::{Timestamp, Username},
    message::{ErrorCode, Reply, Resume},
    resume::ResumeTicket,
};

use super::{
    known_ticket::{KnownTicket, Proof},
    model::Model,
    refusal::refuses,
};

/// How long a ticket is valid, in milliseconds.
const LIFE: u64 = 3_600_000;

/// How long after the password the last ticket ends, in milliseconds.
const FROM_LOGIN: u64 = 24 * LIFE;

impl Model {
    /// Checks the reply to a request for a ticket.
    pub(super) fn answered_ticket(
        &mut self,
        username: &Username,
        proof: Proof,
        now: Timestamp,
        reply: &Reply,
    ) {
        let expires_at = (now.0 + LIFE).min(proof.at.0 + FROM_LOGIN);
        let seconds = expires_at.saturating_sub(now.0) / 1000;
        if seconds == 0 {
            return refuses(reply, ErrorCode::NotAllowed);
        }
        let Reply::Ticket(given) = reply else { panic!("{reply:?}") };
        assert_eq!(u64::from(given.expires_in), seconds);
        let account = self.accounts[username].number;
        let ticket = given.ticket.clone();
        self.tickets.push(KnownTicket { ticket, account, proof, expires_at });
    }

    /// The login that a ticket proves, if it is valid for this account now.
    pub(super) fn proof_of(&self, resume: &Resume, now: Timestamp) -> Option<Proof> {
        let account = self.accounts.get(&resume.username)?;
        let is_valid = |known: &&KnownTicket| {
            known.ticket == resume.ticket
                && known.account == account.number
                && known.proof.credential.as_bytes() == account.credential.as_bytes()
                && now.0 < known.expires_at
        };
        self.tickets.iter().find(is_valid).map(|known| known.proof.clone())
    }

    /// A ticket that was given.
    pub(super) fn ticket(&self, which: u8) -> Option<&ResumeTicket> {
        let which = usize::from(which) % self.tickets.len().max(1);
        self.tickets.get(which).map(|known| &known.ticket)
    }
}
