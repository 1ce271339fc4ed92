//! Remembers the accounts whose sessions were ended last.
//!
//! A store that does jobs in parallel, or that other servers change as well, may answer a look-up
//! after it has told of a later change. A login by that answer began after the end of the account's
//! sessions and rests on the state before it; this module finds such a login.

use std::collections::VecDeque;

use crate::ids::AccountId;

/// Ends that are remembered. A login during which there were more counts as ended, and its client
/// logs in again.
const REMEMBERED_MAX: usize = 1_000;

/// A moment between two ends.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct EndMark(u64);

/// The sessions of an account that were ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum EndedSessions {
    /// All of them.
    All,
    /// Those of mail programs.
    Gateways,
}

impl EndedSessions {
    /// Whether sessions with such a client are among them.
    #[must_use]
    pub(crate) fn include(self, client: SessionClient) -> bool {
        match self {
            Self::All => true,
            Self::Gateways => client == SessionClient::MailProgram,
        }
    }
}

/// The client that a session serves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SessionClient {
    /// One that speaks correio's own protocol.
    Correio,
    /// A mail program, through a gateway.
    MailProgram,
}

/// See the module's description.
#[derive(Debug, Default)]
pub(crate) struct RecentEnds {
    /// Number of ends so far.
    count: u64,
    /// The last of them, oldest first.
    last: VecDeque<(AccountId, EndedSessions)>,
}

impl RecentEnds {
    /// Records an end.
    pub(crate) fn add(&mut self, account: AccountId, ended: EndedSessions) {
        if self.last.len() >= REMEMBERED_MAX {
            self.last.pop_front();
        }
        self.count += 1;
        self.last.push_back((account, ended));
    }

    /// Records the end of all sessions of all accounts.
    pub(crate) fn add_all(&mut self) {
        self.count += 1;
        self.last.clear();
    }

    /// The present moment.
    #[must_use]
    pub(crate) fn mark(&self) -> EndMark {
        EndMark(self.count)
    }

    /// Whether sessions of this account with such a client have ended since `mark`.
    #[must_use]
    pub(crate) fn has_ended_since(
        &self,
        EndMark(mark): EndMark,
        account: AccountId,
        client: SessionClient,
    ) -> bool {
        let since = usize::try_from(self.count.saturating_sub(mark)).unwrap_or(usize::MAX);
        let is_of_it =
            |(of, ended): &(AccountId, EndedSessions)| *of == account && ended.include(client);
        since > self.last.len() || self.last.iter().rev().take(since).any(is_of_it)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TONY: AccountId = AccountId(1);
    const PEPPER: AccountId = AccountId(2);

    #[test]
    fn an_end_concerns_the_logins_of_its_account_that_began_before_it() {
        let mut ends = RecentEnds::default();
        let before = ends.mark();
        assert!(!ends.has_ended_since(before, TONY, SessionClient::Correio));
        ends.add(TONY, EndedSessions::All);
        assert!(ends.has_ended_since(before, TONY, SessionClient::Correio));
        assert!(!ends.has_ended_since(before, PEPPER, SessionClient::Correio));
        assert!(!ends.has_ended_since(ends.mark(), TONY, SessionClient::Correio));
    }

    #[test]
    fn an_end_of_programs_concerns_programs_alone() {
        let mut ends = RecentEnds::default();
        let before = ends.mark();
        ends.add(TONY, EndedSessions::Gateways);
        assert!(ends.has_ended_since(before, TONY, SessionClient::MailProgram));
        assert!(!ends.has_ended_since(before, TONY, SessionClient::Correio));
    }

    #[test]
    fn an_end_that_may_be_forgotten_counts_for_every_account() {
        let mut ends = RecentEnds::default();
        let before = ends.mark();
        for _ in 0..REMEMBERED_MAX {
            ends.add(PEPPER, EndedSessions::All);
        }
        assert!(!ends.has_ended_since(before, TONY, SessionClient::Correio));
        let later = ends.mark();
        ends.add(PEPPER, EndedSessions::All);
        assert!(ends.has_ended_since(before, TONY, SessionClient::Correio));
        assert!(!ends.has_ended_since(later, TONY, SessionClient::Correio));
        ends.add_all();
        assert!(ends.has_ended_since(later, TONY, SessionClient::Correio));
        assert!(!ends.has_ended_since(ends.mark(), TONY, SessionClient::Correio));
    }
}
