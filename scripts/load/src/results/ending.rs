//! Decides how the program ends: every [`Flaw`] of a run leads to an [`Ending`], and each ending
//! has its exit status here and nowhere else.

use std::{fmt, process::ExitCode};

use super::{
    condition::{Condition, Outcome},
    figures::Results,
    operation::Operation,
};

/// Largest share of scheduled mails that may be missed, in percent: mails that are due before the
/// first user is logged in.
const MISSED_PERCENT_MAX: u64 = 2;

/// How the program ends, from best to worst.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Ending {
    /// The run measured everything, without a flaw.
    Passed,
    /// The run measured less than it should: its figures prove nothing.
    Unmeasured,
    /// A signal ended the run early.
    Interrupted,
    /// The server failed, or a condition of `--fail-if` holds.
    Failed,
    /// The command line, or a file that it names, makes no sense.
    Usage,
    /// The server cannot be started or reached.
    NoServer,
    /// The load generator itself failed.
    Broken,
    /// The results could not be written.
    Output,
}

impl Ending {
    /// Every ending with its description in the help.
    pub const ALL: [(Self, &'static str); 8] = [
        (Self::Passed, "the run passed"),
        (Self::Failed, "the server failed, or a condition of --fail-if holds"),
        (Self::Unmeasured, "the run measured less than it should"),
        (Self::Usage, "wrong usage, or a file that makes no sense"),
        (Self::NoServer, "the server cannot be started or reached"),
        (Self::Broken, "the load generator itself failed"),
        (Self::Output, "the results could not be written"),
        (Self::Interrupted, "ended by a signal; the results so far were reported"),
    ];

    /// The exit status, from sysexits.h if it has one.
    #[must_use]
    pub fn status(self) -> u8 {
        match self {
            Self::Passed => 0,
            Self::Failed => 1,
            Self::Unmeasured => 2,
            Self::Usage => 64,
            Self::NoServer => 69,
            Self::Broken => 70,
            Self::Output => 74,
            Self::Interrupted => 130,
        }
    }

    /// The ending of a run with these flaws.
    #[must_use]
    pub fn of(flaws: &[Flaw]) -> Self {
        flaws.iter().map(Flaw::ending).max().unwrap_or(Self::Passed)
    }
}

impl From<Ending> for ExitCode {
    fn from(ending: Ending) -> Self {
        ending.status().into()
    }
}

/// A flaw of a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Flaw {
    /// A signal ended the run.
    Interrupted,
    /// The server ended by itself, did not come back after a kill, or panicked.
    Server(String),
    /// Copies of mails were lost, doubled, misdelivered or changed.
    Ledger,
    /// This many mailboxes were not emptied, so that their contents could not be checked.
    Unemptied(u64),
    /// Backups that are wrong, of this many.
    Backups(usize, usize),
    /// Backups that were not verified, of this many; 0 of 0 if none was taken.
    UnverifiedBackups(usize, usize),
    /// Users that never logged in, of this many.
    Outside(usize, usize),
    /// Users that were told to wait although their password was right.
    MadeToWait(usize),
    /// Users that logged in with a wrong password.
    LetIn(usize),
    /// Operations of the scenario that were never done.
    NotDone(Vec<Operation>),
    /// Scheduled mails that could not be sent, of this many.
    Missed(u64, u64),
    /// Kills of the server that were done, and kills that were asked for.
    Kills(u32, u32),
    /// Hostile clients that never had a connection.
    Harmless(usize),
    /// A condition of `--fail-if` holds.
    Holds(String),
    /// The figure of a condition was not measured.
    Unmeasured(String),
    /// Two results have no operation in common.
    NothingCompared,
}

impl Flaw {
    fn ending(&self) -> Ending {
        match self {
            Self::Interrupted => Ending::Interrupted,
            Self::Server(_)
            | Self::Ledger
            | Self::Unemptied(_)
            | Self::Backups(..)
            | Self::Outside(..)
            | Self::MadeToWait(_)
            | Self::LetIn(_)
            | Self::Holds(_) => Ending::Failed,
            Self::UnverifiedBackups(..)
            | Self::NotDone(_)
            | Self::Missed(..)
            | Self::Kills(..)
            | Self::Harmless(_)
            | Self::Unmeasured(_)
            | Self::NothingCompared => Ending::Unmeasured,
        }
    }

    /// Whether an early end alone can cause this flaw; an interrupted run is not blamed for such
    /// flaws.
    fn is_of_an_early_end(&self) -> bool {
        match self {
            Self::Unemptied(_)
            | Self::UnverifiedBackups(..)
            | Self::Outside(..)
            | Self::NotDone(_)
            | Self::Missed(..)
            | Self::Kills(..)
            | Self::Harmless(_)
            | Self::Unmeasured(_) => true,
            Self::Interrupted
            | Self::Server(_)
            | Self::Ledger
            | Self::Backups(..)
            | Self::MadeToWait(_)
            | Self::LetIn(_)
            | Self::Holds(_)
            | Self::NothingCompared => false,
        }
    }
}

impl fmt::Display for Flaw {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Interrupted => write!(f, "the run was ended early, by a signal"),
            Self::Server(text) => write!(f, "the server failed: {text}"),
            Self::Ledger => write!(f, "the ledger is not closed"),
            Self::Unemptied(count) => write!(
                f,
                "{count} mailboxes could not be emptied, so that the ledger is not closed"
            ),
            Self::Backups(count, all) => write!(f, "{count} of {all} backups are wrong"),
            Self::UnverifiedBackups(_, 0) => write!(f, "no backup was taken"),
            Self::UnverifiedBackups(count, all) => {
                write!(f, "{count} of {all} backups were not verified")
            }
            Self::Outside(count, all) => write!(f, "{count} of {all} users never came in"),
            Self::MadeToWait(count) => {
                write!(f, "{count} users with the right password were told to wait")
            }
            Self::LetIn(count) => write!(f, "{count} users came in with a wrong password"),
            Self::NotDone(operations) => {
                let names: Vec<_> = operations.iter().map(|operation| operation.as_str()).collect();
                write!(f, "never done, though the scenario is about it: {}", names.join(", "))
            }
            Self::Missed(missed, all) => {
                write!(f, "the schedule was not kept: {missed} of {all} mails could not be sent")
            }
            Self::Kills(done, asked) => {
                write!(f, "the server was killed {done} times instead of {asked}")
            }
            Self::Harmless(count) => {
                write!(f, "{count} hostile clients never had a connection")
            }
            Self::Holds(condition) => write!(f, "{condition}"),
            Self::Unmeasured(condition) => {
                write!(f, "not measured: the figure of {condition}")
            }
            Self::NothingCompared => write!(f, "the two results have no operation in common"),
        }
    }
}

impl Results {
    /// All flaws of the run, by these conditions and by the requirements of every run.
    #[must_use]
    pub fn flaws(&self, conditions: &[Condition]) -> Vec<Flaw> {
        let run = &self.run;
        let (ledger, checks) = (&run.ledger, &run.checks);
        let mut flaws = Vec::new();
        flaws.extend(checks.server_failure.clone().map(Flaw::Server));
        if ledger.lost + ledger.doubled + ledger.misdelivered + ledger.changed > 0 {
            flaws.push(Flaw::Ledger);
        }
        if ledger.unemptied > 0 {
            flaws.push(Flaw::Unemptied(ledger.unemptied));
        }
        if let Some(backups) = &run.backups {
            let ((wrong, unverified), all) = (self.bad_backups(), backups.len());
            flaws.extend((wrong > 0).then_some(Flaw::Backups(wrong, all)));
            let is_unverified = unverified > 0 || all == 0;
            flaws.extend(is_unverified.then_some(Flaw::UnverifiedBackups(unverified, all)));
        }
        if let Some(users) = &checks.users {
            let outside = users.expected.saturating_sub(users.came_in);
            flaws.extend((outside > 0).then_some(Flaw::Outside(outside, users.expected)));
            flaws.extend((users.waited > 0).then_some(Flaw::MadeToWait(users.waited)));
            flaws.extend((users.let_in > 0).then_some(Flaw::LetIn(users.let_in)));
        }
        let is_done = |operation| self.operations.get(operation).is_some_and(|one| one.count > 0);
        let expected = checks.operations.iter();
        let not_done: Vec<_> = expected.filter(|operation| !is_done(operation)).copied().collect();
        flaws.extend((!not_done.is_empty()).then_some(Flaw::NotDone(not_done)));
        // Older results lack the number of scheduled mails.
        let may_be_missed = checks.scheduled.saturating_mul(MISSED_PERCENT_MAX);
        if checks.scheduled > 0 && run.missed.saturating_mul(100) > may_be_missed {
            flaws.push(Flaw::Missed(run.missed, checks.scheduled));
        }
        if run.restarts < checks.kills {
            flaws.push(Flaw::Kills(run.restarts, checks.kills));
        }
        if checks.harmless > 0 {
            flaws.push(Flaw::Harmless(checks.harmless));
        }
        flaws.extend(conditions.iter().filter_map(|condition| match condition.outcome(self) {
            Outcome::Holds => Some(Flaw::Holds(condition.to_string())),
            Outcome::DoesNotHold => None,
            Outcome::Unmeasured => Some(Flaw::Unmeasured(condition.to_string())),
        }));
        if run.interrupted {
            flaws.retain(|flaw| !flaw.is_of_an_early_end());
            flaws.push(Flaw::Interrupted);
        }
        flaws
    }
}
