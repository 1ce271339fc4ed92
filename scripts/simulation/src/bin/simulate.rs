//! Simulates seeds and reports the results.

use std::{
    collections::BTreeMap,
    io::{self, IsTerminal, Write},
    process::ExitCode,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use clap::Parser;
use correio_simulation::{Check, SeedReport, Violation, simulate, simulate_many};
use signal_hook::consts::SIGINT;

const AFTER: &str = "\
scripts/simulate --mutants [--seeds N] [NAME…] puts in one deliberate bug at a time and counts the \
seeds that find it.";

/// Lines of a failing seed's trace that are shown by default.
const LAST_LINES: usize = 40;

/// How often the progress is redrawn.
const SHOW_EVERY: Duration = Duration::from_millis(200);

/// Runs the server's and the client's core in one thread under one seed, with a simulated clock,
/// network, disks and store, all of which can fail, and checks correio's promises.
///
/// Exit status: 0 if all seeds hold, 1 if a seed fails, 130 after an interrupt.
#[derive(Debug, Parser)]
#[command(name = "simulate", max_term_width = 100, after_help = AFTER)]
struct Args {
    /// Number of seeds
    #[arg(long, value_name = "N", default_value_t = 10_000)]
    seeds: u64,
    /// First seed
    #[arg(long, value_name = "S", default_value_t = 0)]
    from: u64,
    /// Run only this seed
    #[arg(long, value_name = "S", conflicts_with_all = ["seeds", "from", "tally"])]
    seed: Option<u64>,
    /// Print the whole trace; needs --seed
    #[arg(long, requires = "seed")]
    trace: bool,
    /// Number of threads, each with a seed of its own [default: number of processors]
    #[arg(long, value_name = "N")]
    threads: Option<usize>,
    /// Go on after a failing seed, and print one line for programs: how many seeds failed, the
    /// first of them, and the checks that found them
    #[arg(long)]
    tally: bool,
}

/// Totals over many seeds.
#[derive(Debug, Default)]
struct Tally {
    ended: u64,
    steps: u64,
    failed: BTreeMap<u64, Violation>,
}

fn main() -> ExitCode {
    let args = Args::parse();
    match args.seed {
        Some(seed) => one(seed, args.trace),
        None => many(&args),
    }
}

fn one(seed: u64, is_traced: bool) -> ExitCode {
    let report = simulate(seed, true);
    if is_traced {
        show(&report.trace);
    }
    match report.violation {
        None => {
            println!("seed {seed} holds, {} steps", report.steps);
            ExitCode::SUCCESS
        }
        Some(violation) => {
            println!("seed {seed} fails: {violation}");
            ExitCode::FAILURE
        }
    }
}

/// Prints lines. A closed pipe is no error: the reader has seen enough.
fn show(lines: &[String]) {
    let mut output = io::stdout().lock();
    for line in lines {
        if writeln!(output, "{line}").is_err() {
            return;
        }
    }
}

fn many(args: &Args) -> ExitCode {
    let interrupted = Arc::new(AtomicBool::new(false));
    // If the handler cannot be set, the signal ends the program as usual.
    let _ = signal_hook::flag::register(SIGINT, Arc::clone(&interrupted));
    if args.tally {
        // Panics are caught and counted; a thousand messages would help no reader.
        std::panic::set_hook(Box::new(|_| {}));
    }
    let threads = args.threads.or_else(|| Some(thread::available_parallelism().ok()?.get()));
    let seeds = args.from..args.from.saturating_add(args.seeds);
    let started = Instant::now();
    let mut progress = Progress { is_shown: io::stderr().is_terminal(), shown: None };
    let mut tally = Tally::default();
    simulate_many(seeds, threads.unwrap_or(2), |report| {
        tally.take(report);
        progress.show(&tally, args.seeds, started.elapsed());
        let goes_on = args.tally || tally.failed.is_empty();
        goes_on && !interrupted.load(Ordering::Relaxed)
    });
    progress.clear();
    if args.tally {
        println!("{}", tally.line());
    } else {
        tally.report(started.elapsed());
    }
    if !tally.failed.is_empty() {
        ExitCode::FAILURE
    } else if interrupted.load(Ordering::Relaxed) {
        ExitCode::from(130)
    } else {
        ExitCode::SUCCESS
    }
}

/// A progress line that overwrites itself on the terminal.
struct Progress {
    is_shown: bool,
    shown: Option<Duration>,
}

impl Progress {
    fn show(&mut self, tally: &Tally, seeds: u64, elapsed: Duration) {
        let is_due = self.shown.is_none_or(|shown| elapsed >= shown + SHOW_EVERY);
        if self.is_shown && is_due {
            self.shown = Some(elapsed);
            let rate = tally.rate(elapsed);
            eprint!("\r{} of {seeds} seeds, {rate:.0} a second\x1b[K", tally.ended);
        }
    }

    fn clear(&self) {
        if self.shown.is_some() {
            eprint!("\r\x1b[K");
        }
    }
}

impl Tally {
    fn take(&mut self, report: SeedReport) {
        self.ended += 1;
        self.steps += report.steps;
        self.failed.extend(report.violation.map(|violation| (report.seed, violation)));
    }

    fn rate(&self, elapsed: Duration) -> f64 {
        self.ended as f64 / elapsed.as_secs_f64().max(0.001)
    }

    fn report(&self, elapsed: Duration) {
        let Self { ended, steps, .. } = self;
        let seconds = elapsed.as_secs_f64();
        let rate = self.rate(elapsed);
        let hold = match self.failed.len() as u64 {
            0 => format!("{ended} seeds hold"),
            failed => format!("{} of {ended} seeds hold", ended.saturating_sub(failed)),
        };
        println!("{hold}; {steps} steps in {seconds:.1} s, {rate:.1} seeds a second");
        let Some((seed, violation)) = self.failed.first_key_value() else {
            return;
        };
        let trace = simulate(*seed, true).trace;
        println!("\nthe end of seed {seed}:");
        show(trace.get(trace.len().saturating_sub(LAST_LINES)..).unwrap_or_default());
        println!("\nseed {seed} fails: {violation}");
        println!("replay it with: scripts/simulate --seed {seed} --trace");
    }

    /// `seeds failed first checks`, the checks as `letter:count` with commas between.
    fn line(&self) -> String {
        let mut checks: BTreeMap<Check, u64> = BTreeMap::new();
        for violation in self.failed.values() {
            *checks.entry(violation.check).or_default() += 1;
        }
        let checks: Vec<String> =
            checks.iter().map(|(check, count)| format!("{}:{count}", check.letter())).collect();
        let checks = if checks.is_empty() { "-".to_owned() } else { checks.join(",") };
        let first = self.failed.keys().next().map_or("-".to_owned(), u64::to_string);
        format!("{} {} {first} {checks}", self.ended, self.failed.len())
    }
}
