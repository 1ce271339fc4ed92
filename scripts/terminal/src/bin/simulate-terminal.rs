//! Tries the client on a pseudo-terminal under a seed and tells what it came to.

use std::{path::PathBuf, process::ExitCode, time::Duration};

use anyhow::{Context, Result};
use clap::Parser;
use correio_terminal::{Options, Programs, lacks, run};

/// Runs the real programs, server and client, and tries the client on a pseudo-terminal for some
/// time: keys, sequences of all terminals, pastes, window sizes, signals, broken connections, and
/// mails that are meant.
///
/// Checked all the time: no mail is sent that was not meant, no account is changed, no text that
/// was typed is lost, the terminal is restored, and the client answers or has ended with a status
/// that is documented. The statuses of this program: 0 all of it holds; 1 it does not; 69 the
/// programs cannot be run.
#[derive(Debug, Parser)]
#[command(name = "simulate-terminal", max_term_width = 100)]
struct Args {
    /// What decides the actions
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,
    /// How long
    #[arg(long, value_name = "S", default_value_t = 60, conflicts_with = "minutes")]
    seconds: u64,
    /// How long, in minutes
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
    match &args.programs {
        Some(directory) => Programs::in_directory(directory),
        None => {
            let own = std::env::current_exe().context("the place of this program")?;
            Programs::in_directory(own.parent().context("the place of this program")?)
        }
    }
}
