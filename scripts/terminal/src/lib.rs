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
mod options;
mod pty;
mod report;
mod screen;
mod sequences;
mod server;
mod texts;

use std::fmt;

pub use correio_testing::skip::lacks_terminal as lacks;
pub use options::{Options, Programs};
pub use report::Report;

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
