//! Decides how the program ends: everything that can be wrong with a run is a [`Flaw`], every flaw
//! leads to an [`Ending`], and every ending has its exit status here and nowhere else.

use std::{fmt, process::ExitCode};

use super::{Answer, Condition, Operation, Results};

/// A share of the scheduled mails, in percent, above which a schedule was not kept. Below it are the
/// mails that are due before the first person is logged in.
const MISSED_PERCENT_MAX: u64 = 2;

/// How the program ends, the better first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Ending {
    /// The run measured what it was to measure, and nothing is wrong.
    Passed,
    /// The run measured less than it was to measure: its figures prove nothing.
    Unmeasured,
    /// The run was ended early, by a signal.
    Interrupted,
    /// The server failed, or a condition of `--fail-if` holds.
    Failed,
    /// The command line, or what it names, makes no sense.
    Usage,
    /// The server cannot be started or reached.
    NoServer,
    /// The load generator itself failed.
    Broken,
    /// What came of it could not be written.
    Output,
}

impl Ending {
    /// Every ending with what stands for it in the help.
    pub const ALL: [(Self, &'static str); 8] = [
        (Self::Passed, "the run passed"),
        (Self::Failed, "the server failed, or a condition of --fail-if holds"),
        (Self::Unmeasured, "less was measured than was to be measured"),
        (Self::Usage, "wrong usage, or a file that makes no sense"),
        (Self::NoServer, "the server cannot be started or reached"),
        (Self::Broken, "the load generator itself failed"),
        (Self::Output, "the results could not be written"),
        (Self::Interrupted, "ended by a signal, what there is was reported"),
    ];

    /// The exit status (sysexits.h where it has one).
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

/// What is wrong with a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Flaw {
    /// It was ended by a signal.
    Interrupted,
    /// The server ended by itself, did not come back after a kill, or panicked.
    Server(String),
    /// Copies of mails were lost, doubled, misdelivered or changed.
    Ledger,
    /// So many mailboxes were not emptied: what is in them was not compared with the ledger.
    Unemptied(u64),
    /// So many of all people never came in.
    Outside(usize, usize),
    /// So many people were told to wait although their password was right.
    MadeToWait(usize),
    /// So many people came in with a wrong password.
    LetIn(usize),
    /// Operations that the scenario is about were never done.
    NotDone(Vec<Operation>),
    /// So many of all scheduled mails could not be sent.
    Missed(u64, u64),
    /// The server was killed so often, and was to be killed more often.
    Kills(u32, u32),
    /// So many clients that mean no good never had a connection.
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
            | Self::Outside(..)
            | Self::MadeToWait(_)
            | Self::LetIn(_)
            | Self::Holds(_) => Ending::Failed,
            Self::NotDone(_)
            | Self::Missed(..)
            | Self::Kills(..)
            | Self::Harmless(_)
            | Self::Unmeasured(_)
            | Self::NothingCompared => Ending::Unmeasured,
        }
    }

    /// Whether an early end alone can cause this flaw; such flaws of an interrupted run are
    /// dropped.
    fn is_of_an_early_end(&self) -> bool {
        match self {
            Self::Unemptied(_)
            | Self::Outside(..)
            | Self::NotDone(_)
            | Self::Missed(..)
            | Self::Kills(..)
            | Self::Harmless(_)
            | Self::Unmeasured(_) => true,
            Self::Interrupted
            | Self::Server(_)
            | Self::Ledger
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
            Self::Outside(count, all) => write!(f, "{count} of {all} people never came in"),
            Self::MadeToWait(count) => {
                write!(f, "{count} people with the right password were told to wait")
            }
            Self::LetIn(count) => write!(f, "{count} people came in with a wrong password"),
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
                write!(f, "{count} clients that mean no good never had a connection")
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
    /// Everything that is wrong with the run, by these conditions and by what any run must do.
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
        if let Some(people) = &checks.people {
            let outside = people.expected.saturating_sub(people.came_in);
            flaws.extend((outside > 0).then_some(Flaw::Outside(outside, people.expected)));
            flaws.extend((people.waited > 0).then_some(Flaw::MadeToWait(people.waited)));
            flaws.extend((people.let_in > 0).then_some(Flaw::LetIn(people.let_in)));
        }
        let is_done = |operation| self.operations.get(operation).is_some_and(|one| one.count > 0);
        let expected = checks.operations.iter();
        let not_done: Vec<_> = expected.filter(|operation| !is_done(operation)).copied().collect();
        flaws.extend((!not_done.is_empty()).then_some(Flaw::NotDone(not_done)));
        // Older results do not say how many were scheduled.
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
        flaws.extend(conditions.iter().filter_map(|condition| match condition.answer(self) {
            Answer::Holds => Some(Flaw::Holds(condition.to_string())),
            Answer::DoesNotHold => None,
            Answer::Unmeasured => Some(Flaw::Unmeasured(condition.to_string())),
        }));
        if run.interrupted {
            flaws.retain(|flaw| !flaw.is_of_an_early_end());
            flaws.push(Flaw::Interrupted);
        }
        flaws
    }
}
