//! What was measured: how it is kept, shown, saved and compared. It measures nothing itself.

mod axis;
mod compare;
mod condition;
mod ending;
mod html;
mod plot;
mod plots;
mod recorder;
mod table;
mod timeline;

use std::{collections::BTreeMap, fmt, fs, io::Write, path::Path};

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};

pub use compare::{compare, have_something_in_common};
pub use condition::{Answer, Condition, InvalidCondition, Measures};
pub use ending::{Ending, Flaw};
pub use recorder::{Gauges, Recorder};

/// A share of a processor from which on the generator may have been the limit, not the server.
pub const GENERATOR_BUSY: f64 = 0.95;

/// What is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Operation {
    /// The connection, until it stands.
    Connect,
    /// See the protocol's requests; `Receive` is one page that is fetched.
    Register,
    /// See above.
    Login,
    /// See above.
    Send,
    /// See above.
    Receive,
    /// See above.
    Confirm,
    /// See above.
    Ping,
    /// See above.
    Logout,
}

impl Operation {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::Connect,
        Self::Register,
        Self::Login,
        Self::Send,
        Self::Receive,
        Self::Confirm,
        Self::Ping,
        Self::Logout,
    ];

    /// As it is written.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Connect => "connect",
            Self::Register => "register",
            Self::Login => "login",
            Self::Send => "send",
            Self::Receive => "receive",
            Self::Confirm => "confirm",
            Self::Ping => "ping",
            Self::Logout => "logout",
        }
    }
}

impl fmt::Display for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// Everything about one run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Results {
    /// How it was made.
    pub run: Run,
    /// What was done, by operation.
    pub operations: BTreeMap<Operation, Measured>,
    /// How it went, second by second, in 3,600 points at most.
    pub timeline: Vec<Second>,
}

/// How a run was made and what became of it as a whole.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Run {
    /// The scenario's name.
    pub scenario: String,
    /// When it began, RFC 3339.
    pub began: String,
    /// How long clients acted, in seconds.
    pub seconds: f64,
    /// Clients of all kinds.
    pub clients: usize,
    /// Mails a second by schedule; none where each client waits for its answers.
    pub rate: Option<f64>,
    /// Scheduled mails that nobody could send.
    pub missed: u64,
    /// What the server was and how it was reached.
    pub server: String,
    /// Where it ran: processors and kernel.
    pub machine: String,
    /// What the random choices began with; older results do not say it.
    #[serde(default)]
    pub seed: Option<u64>,
    /// How often the server was killed.
    pub restarts: u32,
    /// When it was killed, in seconds since the start; older results do not say it.
    #[serde(default)]
    pub kills: Vec<f64>,
    /// Whether it was ended early.
    pub interrupted: bool,
    /// What became of the mails.
    pub ledger: LedgerSummary,
    /// What the run had to do, beside the ledger; older results do not say it.
    #[serde(default)]
    pub checks: Checks,
    /// What whoever reads the figures should know.
    pub warnings: Vec<String>,
}

/// What a run had to do, and how far it did: see [`Flaw`].
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Checks {
    /// Operations that must have been done at least once.
    pub operations: Vec<Operation>,
    /// The people.
    pub people: Option<People>,
    /// Mails that were due by schedule.
    pub scheduled: u64,
    /// How often the server was to be killed.
    pub kills: u32,
    /// Clients that mean no good and never had a connection.
    pub harmless: usize,
    /// What the server did that it must not do.
    pub server_failure: Option<String>,
}

/// How many people did what.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct People {
    /// People of the scenario.
    pub expected: usize,
    /// Of them, those that were logged in at least once.
    pub came_in: usize,
    /// Of them, those whose wrong password was refused.
    pub mistyped: usize,
    /// Of them, those that were told to wait when their password was right.
    pub waited: usize,
    /// Of them, those that came in with a wrong password.
    pub let_in: usize,
}

/// What became of the mails, each counted for each of its recipients.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs)] // See [`crate::ledger::Found`].
pub struct LedgerSummary {
    pub acknowledged: u64,
    pub received: u64,
    pub lost: u64,
    pub doubled: u64,
    pub misdelivered: u64,
    pub changed: u64,
    /// Older results do not say it.
    #[serde(default)]
    pub unemptied: u64,
    pub examples: Vec<String>,
}

impl LedgerSummary {
    /// Whether every acknowledged mail came exactly once, unchanged, to its addressee, and every
    /// mailbox was emptied to see that.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.lost + self.doubled + self.misdelivered + self.changed + self.unemptied == 0
    }
}

/// The times of one operation, in microseconds.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[allow(missing_docs)] // The names say it.
pub struct Measured {
    pub count: u64,
    /// A second, over the time that clients acted.
    pub rate: f64,
    pub p50: u64,
    pub p90: u64,
    pub p99: u64,
    pub p999: u64,
    pub max: u64,
    /// Quantiles from 0 on, ever closer to 1, and the times that belong to them, the longest last;
    /// older results do not have them.
    #[serde(default)]
    pub quantiles: Vec<(f64, u64)>,
    /// How often it failed, by code.
    pub errors: BTreeMap<String, u64>,
}

/// What happened within one second or so; in a run of more than an hour, within several.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Second {
    /// When it ended, in seconds since the start.
    pub at: f64,
    /// What was done, with times in microseconds.
    pub operations: BTreeMap<Operation, SecondSummary>,
    /// What machine and server were at.
    pub gauges: Gauges,
}

/// The times of one operation within a second, in microseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs)] // The names say it.
pub struct SecondSummary {
    pub count: u64,
    pub errors: u64,
    pub p50: u64,
    pub p99: u64,
    pub max: u64,
}

impl Results {
    /// Writes them as JSON.
    ///
    /// # Errors
    ///
    /// The target does not take all of it.
    pub fn save(&self, target: &mut impl Write) -> Result<()> {
        let text = serde_json::to_string_pretty(self)?;
        Ok(target.write_all((text + "\n").as_bytes())?)
    }

    /// Reads them back.
    ///
    /// # Errors
    ///
    /// The file cannot be read, or is no result of this program.
    pub fn load(path: &Path) -> Result<Self> {
        let text =
            fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
        serde_json::from_str(&text)
            .with_context(|| format!("{} is no result of load-test", path.display()))
    }

    /// All errors of an operation.
    #[must_use]
    pub fn errors(&self, operation: Operation) -> u64 {
        self.operations.get(&operation).map_or(0, |measured| measured.errors.values().sum())
    }

    /// The server's largest resident memory, in bytes.
    #[must_use]
    pub fn server_memory(&self) -> Option<u64> {
        self.timeline.iter().filter_map(|second| second.gauges.server_memory).max()
    }

    /// What each further connection cost the server, in bytes: from the first second to the one
    /// with the most connections. `None` where too few were added to tell.
    #[must_use]
    pub fn memory_per_connection(&self) -> Option<u64> {
        let known = |gauges: &Gauges| Some((gauges.connections as u64, gauges.server_memory?));
        let mut seconds = self.timeline.iter().filter_map(|second| known(&second.gauges));
        let first = seconds.next()?;
        // Of as many the first: what comes later is the work of those who are there.
        let most = seconds.fold(first, |most, next| if next.0 > most.0 { next } else { most });
        let added = most.0 - first.0;
        (added >= CONNECTIONS_TO_TELL).then(|| most.1.saturating_sub(first.1) / added)
    }
}

/// Connections that must have been added before their memory is told from the rest.
const CONNECTIONS_TO_TELL: u64 = 1000;

/// A time for people: microseconds in the unit that suits it.
#[must_use]
pub fn time(microseconds: u64) -> String {
    match microseconds {
        0..1_000 => format!("{microseconds} µs"),
        1_000..1_000_000 => format!("{:.2} ms", microseconds as f64 / 1e3),
        _ => format!("{:.2} s", microseconds as f64 / 1e6),
    }
}

/// A size for people.
#[must_use]
pub fn size(bytes: u64) -> String {
    match bytes {
        0..1_024 => format!("{bytes} B"),
        1_024..1_048_576 => format!("{:.1} KiB", bytes as f64 / 1024.0),
        _ => format!("{:.1} MiB", bytes as f64 / 1_048_576.0),
    }
}

#[cfg(test)]
mod html_tests;
#[cfg(test)]
mod tests;
