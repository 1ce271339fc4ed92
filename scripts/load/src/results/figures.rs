//! The results of one run, as they are saved.

use std::{collections::BTreeMap, fs, io::Write, path::Path};

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};

use super::{operation::Operation, pauses::Pause};

/// The results of one run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Results {
    /// Parameters and overall results.
    pub run: Run,
    /// Figures by operation.
    pub operations: BTreeMap<Operation, Measured>,
    /// Figures by second, in at most 3,600 points.
    pub timeline: Vec<Second>,
}

/// Parameters and overall results of a run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Run {
    /// The scenario's name.
    pub scenario: String,
    /// When the run began, in RFC 3339.
    pub began: String,
    /// How long clients acted, in seconds.
    pub seconds: f64,
    /// Number of clients of all kinds.
    pub clients: usize,
    /// Mails a second by schedule; `None` for a closed load.
    pub rate: Option<f64>,
    /// Scheduled mails that no user could send.
    pub missed: u64,
    /// The server and how it was reached.
    pub server: String,
    /// The machine: processors and kernel.
    pub machine: String,
    /// Seed of the random choices; missing in older results.
    #[serde(default)]
    pub seed: Option<u64>,
    /// Number of kills of the server.
    pub restarts: u32,
    /// Times of the kills, in seconds since the start; missing in older results.
    #[serde(default)]
    pub kills: Vec<f64>,
    /// Times in which no mail was acknowledged; missing in older results.
    #[serde(default)]
    pub pauses: Vec<Pause>,
    /// Whether a signal ended the run early.
    pub interrupted: bool,
    /// Totals of the ledger.
    pub ledger: LedgerSummary,
    /// The backups that were taken meanwhile; `None` if none were to be taken, and in older
    /// results.
    #[serde(default)]
    pub backups: Option<Vec<BackupSummary>>,
    /// The run's requirements besides the ledger; missing in older results.
    #[serde(default)]
    pub checks: Checks,
    /// Warnings for readers of the figures.
    pub warnings: Vec<String>,
}

/// A run's requirements and how far they were met: see [`super::Flaw`].
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Checks {
    /// Operations that must have been done at least once.
    pub operations: Vec<Operation>,
    /// The virtual users.
    #[serde(rename = "people")]
    pub users: Option<UserCounts>,
    /// Mails that were due by schedule.
    pub scheduled: u64,
    /// Number of kills that were asked for.
    pub kills: u32,
    /// Hostile clients that never had a connection.
    pub harmless: usize,
    /// A failure of the server.
    pub server_failure: Option<String>,
}

/// Numbers of virtual users.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct UserCounts {
    /// Users of the scenario.
    pub expected: usize,
    /// Users that were logged in at least once.
    pub came_in: usize,
    /// Users whose wrong password was refused.
    pub mistyped: usize,
    /// Users that were told to wait although their password was right.
    pub waited: usize,
    /// Users that logged in with a wrong password.
    pub let_in: usize,
}

/// Totals of the ledger; each mail counts once for each of its recipients.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs)] // See [`crate::ledger::MailCounts`].
pub struct LedgerSummary {
    pub acknowledged: u64,
    pub received: u64,
    pub lost: u64,
    pub doubled: u64,
    pub misdelivered: u64,
    pub changed: u64,
    /// Missing in older results.
    #[serde(default)]
    pub unemptied: u64,
    pub examples: Vec<String>,
}

impl LedgerSummary {
    /// Whether every acknowledged mail came exactly once, unchanged, to its recipients, and every
    /// mailbox was emptied to verify that.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.lost + self.doubled + self.misdelivered + self.changed + self.unemptied == 0
    }
}

/// One backup.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct BackupSummary {
    /// When it began, in seconds since the start of the load.
    pub began: f64,
    /// How long it took, in seconds.
    pub seconds: f64,
    /// Size of its file.
    pub bytes: u64,
    /// Mails that the server had accepted, by the restored backup.
    pub mails: u64,
    /// Copies that waited in mailboxes, by the restored backup.
    pub waiting: u64,
    /// What verifying it has shown.
    pub outcome: BackupOutcome,
}

/// What verifying a backup has shown.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BackupOutcome {
    /// The backup was restored, checked clean, and holds a prefix of the acknowledged mails and
    /// confirmations.
    Sound,
    /// The backup could not be made, restored or checked, or holds no such prefix; the text says
    /// why.
    Wrong(String),
    /// It was not verified.
    Unverified,
}

/// Latencies of one operation, in microseconds.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[allow(missing_docs)] // The names say it.
pub struct Measured {
    pub count: u64,
    /// Operations a second while clients acted.
    pub rate: f64,
    pub p50: u64,
    pub p90: u64,
    pub p99: u64,
    pub p999: u64,
    pub max: u64,
    /// Quantiles from 0 on, ever closer to 1, each with its latency, the longest last; missing in
    /// older results.
    #[serde(default)]
    pub quantiles: Vec<(f64, u64)>,
    /// Number of failures by code.
    pub errors: BTreeMap<String, u64>,
}

/// Figures of about a second; of several seconds in a run of more than an hour.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Second {
    /// End of the second, in seconds since the start.
    pub at: f64,
    /// Operations, with latencies in microseconds.
    pub operations: BTreeMap<Operation, SecondSummary>,
    /// Gauges of machine and server.
    pub gauges: Gauges,
}

/// Latencies of one operation within a second, in microseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs)] // The names say it.
pub struct SecondSummary {
    pub count: u64,
    pub errors: u64,
    pub p50: u64,
    pub p99: u64,
    pub max: u64,
}

/// Gauges of machine and server.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Gauges {
    /// Number of connections.
    pub connections: usize,
    /// The server's resident memory, in bytes.
    pub server_memory: Option<u64>,
    /// The fewest connections since the last reading, which shows a moment without connections;
    /// missing in older results.
    #[serde(default)]
    pub fewest_connections: Option<usize>,
    /// The share of a processor that the server uses.
    pub server_cpu: Option<f64>,
    /// The share of a processor that the generator uses.
    pub generator_cpu: f64,
}

impl Results {
    /// Writes the results as JSON.
    ///
    /// # Errors
    ///
    /// The target cannot be written.
    pub fn save(&self, target: &mut impl Write) -> Result<()> {
        let text = serde_json::to_string_pretty(self)?;
        Ok(target.write_all((text + "\n").as_bytes())?)
    }

    /// Reads results from a file.
    ///
    /// # Errors
    ///
    /// The file cannot be read, or holds no results of this program.
    pub fn load(path: &Path) -> Result<Self> {
        let text =
            fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
        serde_json::from_str(&text)
            .with_context(|| format!("{} is no result of load-test", path.display()))
    }

    /// Number of failures of an operation.
    #[must_use]
    pub fn errors(&self, operation: Operation) -> u64 {
        self.operations.get(&operation).map_or(0, |measured| measured.errors.values().sum())
    }

    /// The server's largest resident memory, in bytes.
    #[must_use]
    pub fn server_memory(&self) -> Option<u64> {
        self.timeline.iter().filter_map(|second| second.gauges.server_memory).max()
    }

    /// The server's memory for each further connection, in bytes: from the first second to the
    /// second with the most connections. `None` if too few connections were added.
    #[must_use]
    pub fn memory_per_connection(&self) -> Option<u64> {
        let known = |gauges: &Gauges| Some((gauges.connections as u64, gauges.server_memory?));
        let mut seconds = self.timeline.iter().filter_map(|second| known(&second.gauges));
        let first = seconds.next()?;
        // Of equal seconds the first counts: later growth is the work of existing connections.
        let most = seconds.fold(first, |most, next| if next.0 > most.0 { next } else { most });
        let added = most.0 - first.0;
        (added >= CONNECTIONS_TO_TELL).then(|| most.1.saturating_sub(first.1) / added)
    }
}

/// Fewest added connections from which the memory for each can be computed.
const CONNECTIONS_TO_TELL: u64 = 1000;
