//! The resume tickets that the server has given, as an observer on the wire knows them.

use std::collections::VecDeque;

use correio_proto::{
    credential::Credential,
    mail::{Timestamp, Username},
    message::{GivenTicket, Resume},
    resume::ResumeTicket,
};

/// Tickets that are remembered: those of the last sessions.
const REMEMBERED_MAX: usize = 1_000;

/// A ticket that was given.
#[derive(Clone, Debug)]
pub(crate) struct KnownTicket {
    pub(crate) username: Username,
    pub(crate) ticket: ResumeTicket,
    /// What the user had logged in with, and had asked to have as a password since.
    pub(crate) credentials: Vec<Credential>,
    /// When the reply was seen, in ticks.
    pub(crate) given_at: u64,
    /// The latest end, by the server's wall clock.
    expires_at: Timestamp,
}

/// See the module's description.
#[derive(Debug, Default)]
pub(crate) struct TicketLedger(VecDeque<KnownTicket>);

impl TicketLedger {
    /// Records a ticket that the session of this user, with these credentials, was given.
    pub(crate) fn note(
        &mut self,
        (username, credentials): (&Username, &[Credential]),
        given: &GivenTicket,
        (given_at, wall): (u64, Timestamp),
    ) {
        // The server rounds seconds down.
        let expires_at = Timestamp(wall.0 + (u64::from(given.expires_in) + 1) * 1000);
        let (username, ticket) = (username.clone(), given.ticket.clone());
        let credentials = credentials.to_vec();
        if self.0.len() >= REMEMBERED_MAX {
            self.0.pop_front();
        }
        self.0.push_back(KnownTicket { username, ticket, credentials, given_at, expires_at });
    }

    /// The ticket with which a user logged in, if it was valid for this user at one of these times
    /// of the server's wall clock. Of tickets that are the same, the last.
    pub(crate) fn used(&self, resume: &Resume, walls: [Timestamp; 2]) -> Option<&KnownTicket> {
        let is_it = |known: &&KnownTicket| {
            known.ticket == resume.ticket
                && known.username == resume.username
                && walls.iter().any(|wall| *wall < known.expires_at)
        };
        self.0.iter().rev().find(is_it)
    }

    /// Whether all tickets are remembered, so that one that is not known was never given.
    pub(crate) fn is_whole(&self) -> bool {
        self.0.len() < REMEMBERED_MAX
    }

    /// A ticket that was given, as a thief may have it.
    pub(crate) fn nth(&self, which: usize) -> Option<&KnownTicket> {
        self.0.get(which)
    }

    /// Number of remembered tickets.
    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }
}
