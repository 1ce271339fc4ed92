//! Tests the program `correio` on a pseudo-terminal under a seed, with the real server: keys,
//! escape sequences of all terminals, pastes, window sizes, signals, broken connections, and
//! deliberate actions.
//!
//! Random input (a monkey test) and deliberate actions alternate, so that the expected state is
//! always known exactly. Random input chooses nothing: it consists of sequences, letters, pastes,
//! and control characters except Enter, Esc, Ctrl-C and Ctrl-D; the client must stay on its screen.
//! Deliberate actions make choices and record them in a ledger. The seed decides each step's
//! actions, but not how long the machine takes for them.

mod actions;
mod client;
mod compose;
mod driver;
mod ledger;
mod monkey;
mod proxy;
mod pty;
mod screen;
mod sequences;
mod server;
mod texts;

use std::{
    fmt,
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use anyhow::{Result, ensure};

/// The programs under test.
#[derive(Clone, Debug)]
pub struct Programs {
    /// Path of `correio`.
    pub client: PathBuf,
    /// Path of `correiod`.
    pub server: PathBuf,
}

impl Programs {
    /// Finds the programs in a directory.
    ///
    /// # Errors
    ///
    /// A program is missing.
    pub fn in_directory(directory: &Path) -> Result<Self> {
        let programs =
            Self { client: directory.join("correio"), server: directory.join("correiod") };
        for program in [&programs.client, &programs.server] {
            ensure!(program.is_file(), "{} is not there; build it", program.display());
        }
        Ok(programs)
    }
}

/// Why this machine cannot run the client on a pseudo-terminal; `None` if it can.
pub fn lacks() -> Option<&'static str> {
    let help = Command::new("setsid").arg("--help").output();
    let knows = help.is_ok_and(|help| String::from_utf8_lossy(&help.stdout).contains("--ctty"));
    (!knows).then_some("this takes setsid with --ctty (util-linux)")
}

/// Options of a run.
#[derive(Clone, Debug)]
pub struct Options {
    /// Seed of all actions.
    pub seed: u64,
    /// No step begins later than this.
    pub time: Duration,
    /// Most steps, besides the limit on time.
    pub steps: Option<u64>,
    /// File that gets every action with its time.
    pub record: Option<PathBuf>,
    /// The programs.
    pub programs: Programs,
}

/// Totals of a run that found no failure.
#[derive(Clone, Copy, Debug, Default)]
pub struct Report {
    /// Steps, each a deliberate action or a monkey test.
    pub steps: u64,
    /// Keys, sequences, pastes, signals and the like.
    pub actions: u64,
    /// Mails written.
    pub written: usize,
    /// Mails that the client reported as sent.
    pub sent: usize,
    /// Times that the client was started.
    pub starts: u64,
    /// Most processor time of all clients of one step.
    pub processor_time_max: Duration,
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { steps, actions, written, sent, starts, processor_time_max } = self;
        write!(
            f,
            "{steps} steps, {actions} actions, {written} mails written, {sent} sent, \
             {starts} starts of the client, at most {processor_time_max:?} of processor time a step"
        )
    }
}

/// A failed check, with the last actions and the screen.
#[derive(Debug)]
pub struct Failure {
    why: String,
    actions: Vec<String>,
    screen: Vec<String>,
    seed: u64,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "the last {} actions:", self.actions.len())?;
        self.actions.iter().try_for_each(|action| writeln!(f, "  {action}"))?;
        writeln!(f, "the screen:")?;
        self.screen.iter().try_for_each(|line| writeln!(f, "  |{line}"))?;
        write!(f, "seed {} fails: {}", self.seed, self.why)
    }
}

/// Tests the client.
///
/// # Errors
///
/// A check fails, or the programs do not start.
pub fn run(options: &Options) -> Result<Report, Failure> {
    let failed = |error: &anyhow::Error| Failure {
        why: format!("{error:#}"),
        actions: vec![],
        screen: vec![],
        seed: options.seed,
    };
    let mut driver = driver::Driver::new(options).map_err(|error| failed(&error))?;
    match driver.run() {
        Ok(report) => Ok(report),
        Err(error) => {
            let (actions, screen) = driver.last();
            Err(Failure { actions, screen, ..failed(&error) })
        }
    }
}
