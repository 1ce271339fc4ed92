//! The program `correio` on a pseudo-terminal under a seed, with the real server: keys, the
//! sequences of all terminals, pastes, window sizes, signals, broken connections, and mails that
//! are meant.
//!
//! Random keys and deliberate actions are kept apart, so that the expected state is always known
//! exactly. The random keys choose nothing: sequences, letters, control characters but
//! Enter, Esc, Ctrl-C and Ctrl-D, pastes of any text; the client must stay where it is. Choices are
//! made by deliberate actions, which enter in a ledger what they ask for. The course is decided by
//! the seed, one number a step; what the machine takes how long is not.

mod chaos;
mod client;
mod compose;
mod driver;
mod errands;
mod ledger;
mod pty;
mod sequences;
mod server;
mod texts;
mod view;

use std::{
    fmt,
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::{Result, ensure};
pub use correio_testing::skip::lacks_terminal as lacks;

/// The programs that are tried.
#[derive(Clone, Debug)]
pub struct Programs {
    /// `correio`.
    pub client: PathBuf,
    /// `correiod`.
    pub server: PathBuf,
}

impl Programs {
    /// The programs of a directory.
    ///
    /// # Errors
    ///
    /// One of them is not there.
    pub fn in_directory(directory: &Path) -> Result<Self> {
        let programs =
            Self { client: directory.join("correio"), server: directory.join("correiod") };
        for program in [&programs.client, &programs.server] {
            ensure!(program.is_file(), "{} is not there; build it", program.display());
        }
        Ok(programs)
    }
}

/// What is tried, and how long.
#[derive(Clone, Debug)]
pub struct Options {
    /// What decides the actions.
    pub seed: u64,
    /// No step begins later than this.
    pub time: Duration,
    /// Most steps, where the time is not all that ends the run.
    pub steps: Option<u64>,
    /// File for every action with its time.
    pub record: Option<PathBuf>,
    /// The programs.
    pub programs: Programs,
}

/// What was done, where all of it holds.
#[derive(Clone, Copy, Debug, Default)]
pub struct Report {
    /// Steps, each an errand or a chapter of chaos.
    pub steps: u64,
    /// Keys, sequences, pastes, signals and the like.
    pub actions: u64,
    /// Mails written.
    pub written: usize,
    /// Mails that the client said it sent.
    pub sent: usize,
    /// Times that the client was started.
    pub starts: u64,
    /// Most processor time that the clients of a step took together.
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

/// What does not hold, the last actions and the screen.
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

/// Tries the client for some time.
///
/// # Errors
///
/// Something does not hold, or the programs do not start.
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
