//! Tests the client on a pseudo-terminal under a seed and reports the result.

use std::{path::PathBuf, process::ExitCode, time::Duration};

use anyhow::{Context, Result};
use clap::Parser;
use correio_terminal::{Options, Programs, lacks, run};
use correio_testing::guard;

/// Runs the real server and client, and tests the client on a pseudo-terminal for some time: keys,
/// escape sequences of all terminals, pastes, window sizes, signals, broken connections, and
/// deliberate actions.
///
/// Checked all the time: no mail is sent unless it was meant, no account changes, no typed text is
/// lost, the terminal is restored, and the client answers or has ended with a documented status.
/// Exit status: 0 if everything holds; 1 if something does not; 69 if the programs cannot be run.
#[derive(Debug, Parser)]
#[command(name = "simulate-terminal", max_term_width = 100)]
struct Args {
    /// Seed of all actions
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,
    /// Duration in seconds
    #[arg(long, value_name = "S", default_value_t = 60, conflicts_with = "minutes")]
    seconds: u64,
    /// Duration in minutes
    #[arg(long, value_name = "M")]
    minutes: Option<u64>,
    /// End after this many steps, if that is before the time
    #[arg(long, value_name = "N")]
    steps: Option<u64>,
    /// Write every action, with its time, to a file
    #[arg(long, value_name = "FILE")]
    record: Option<PathBuf>,
    /// The directory with the programs correio and correiod [default: that of this program]
    #[arg(long, value_name = "DIR")]
    programs: Option<PathBuf>,
}

fn main() -> ExitCode {
    if let Some(error) = guard::take_over() {
        eprintln!("simulate-terminal: {error:#}");
        return ExitCode::from(69);
    }
    let args = Args::parse();
    if let Some(why) = lacks() {
        eprintln!("simulate-terminal: {why}");
        return ExitCode::from(69);
    }
    let programs = match programs(&args) {
        Ok(programs) => programs,
        Err(error) => {
            eprintln!("simulate-terminal: {error:#}");
            return ExitCode::from(69);
        }
    };
    let seconds = args.minutes.map_or(args.seconds, |minutes| minutes * 60);
    let time = Duration::from_secs(seconds);
    let (steps, record) = (args.steps, args.record);
    let options = Options { seed: args.seed, time, steps, record, programs };
    match run(&options) {
        Ok(report) => {
            println!("seed {} holds: {report}", args.seed);
            ExitCode::SUCCESS
        }
        Err(failure) => {
            println!("{failure}");
            let steps = steps.map(|steps| format!(" --steps {steps}")).unwrap_or_default();
            println!(
                "replay it with: scripts/simulate-terminal --seed {} --seconds {seconds}{steps}",
                args.seed
            );
            ExitCode::FAILURE
        }
    }
}

fn programs(args: &Args) -> Result<Programs> {
    let own = std::env::current_exe().context("the place of this program")?;
    match &args.programs {
        Some(directory) => Programs::in_directory(directory, &own),
        None => Programs::in_directory(own.parent().context("the place of this program")?, &own),
    }
}
