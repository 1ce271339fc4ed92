//! `load-test`: puts a server under the load of a scenario and says what became of every mail and
//! how long everything took.

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
    process::ExitCode,
    sync::{Arc, atomic::Ordering},
    thread,
    time::Duration,
};

use anyhow::{Context, Result, bail};
use clap::Parser;
use correio_client::Trust;
use correio_load::{
    person::Phase,
    results::{Condition, Gauges, LedgerSummary, Recorder, Results, Run, compare, size},
    run::{self, Interrupts, Options, Outcome, Progress, Target},
    scenario::Scenario,
};
use correio_proto::fingerprint::Fingerprint;
use indicatif::{ProgressBar, ProgressStyle};
use signal_hook::{
    consts::{SIGINT, SIGTERM},
    iterator::Signals,
};

const EXAMPLES: &str = "\
Examples:
  scripts/load-test                                    the scenario smoke
  scripts/load-test office --kill-server 5             the ledger must close all the same
  scripts/load-test classroom --clients 200 --json after.json
  scripts/load-test office --rate 500 --fail-if 'send.p99 > 50ms'
  scripts/load-test hostile --calm --json calm.json    the same people without the others
  scripts/load-test --from after.json --html after.html
  scripts/load-test --compare before.json after.json

Credentials are not stretched by bcrypt as a person's client does it, so that thousands of clients
cost this machine nothing; the server hashes them at cost 4. Ctrl-C ends the load early and still
reports; a second one ends everything.

Exit status: 0 done; 1 a condition of --fail-if holds, the ledger is not closed, or the run failed;
64 wrong usage.";

/// Put a correio server under load, and hold it to every mail that it has acknowledged.
#[derive(Debug, Parser)]
#[command(name = "load-test", after_help = EXAMPLES)]
struct Cli {
    /// A scenario of scripts/load/scenarios, or a file
    #[arg(default_value = "smoke")]
    scenario: String,
    /// List the scenarios
    #[arg(long)]
    list: bool,
    /// So many people in all, each waiting for the answers to what it asks
    #[arg(long, value_name = "N")]
    clients: Option<usize>,
    /// So many mails a second by schedule, besides what the scenario says; times count from the
    /// scheduled moment
    #[arg(long, value_name = "MAILS")]
    rate: Option<f64>,
    /// Leave out the clients that mean no good, to compare the others' times with
    #[arg(long)]
    calm: bool,
    /// How long clients act, in seconds
    #[arg(long, value_name = "SECONDS")]
    seconds: Option<f64>,
    /// A server that is there, on this machine; otherwise one is started in a temporary directory
    #[arg(long, value_name = "ADDR:PORT")]
    server: Option<SocketAddr>,
    /// The fingerprint of that server's certificate
    #[arg(long, value_name = "SHA256:…", requires = "server")]
    fingerprint: Option<Fingerprint>,
    /// Speak without TLS
    #[arg(long)]
    plaintext: bool,
    /// Kill the server so often during the run, without a warning, and start it again
    #[arg(long, value_name = "N", default_value_t = 0, conflicts_with = "server")]
    kill_server: u32,
    /// Have a proxy in between lose one mail that it acknowledges: the run must fail
    #[arg(long, conflicts_with_all = ["server", "kill_server"])]
    lose_one: bool,
    /// What the random choices begin with
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,
    /// Write the results as JSON
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Write a page with the results and their plots, which opens without a network
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,
    /// Take the results from a file of --json instead of a run
    #[arg(long, value_name = "FILE.json", conflicts_with_all = ["scenario", "json", "compare"])]
    from: Option<PathBuf>,
    /// Compare two results instead of making one
    #[arg(long, value_names = ["A.json", "B.json"], num_args = 2)]
    compare: Option<Vec<PathBuf>>,
    /// Fail where this holds, such as 'send.p99 > 50ms'; may be given several times
    #[arg(long, value_name = "CONDITION")]
    fail_if: Vec<Condition>,
    /// The server's program
    #[arg(long, value_name = "FILE", hide = true, default_value = "target/release/correiod")]
    program: PathBuf,
    /// Where the scenarios are
    #[arg(long, value_name = "DIR", hide = true, default_value = "scripts/load/scenarios")]
    scenarios: PathBuf,
}

fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            let _ = error.print();
            return ExitCode::from(if error.use_stderr() { 64 } else { 0 });
        }
    };
    match act(&cli) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("load-test: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Whether all went as it should.
fn act(cli: &Cli) -> Result<bool> {
    if let Some([first, second]) = cli.compare.as_deref() {
        print!("{}", compare(&Results::load(first)?, &Results::load(second)?));
        return Ok(true);
    }
    if cli.list {
        return list(&cli.scenarios).map(|()| true);
    }
    let results = match &cli.from {
        Some(path) => Results::load(path)?,
        None => load(cli)?,
    };
    print!("{}", results.table());
    if let Some(path) = &cli.json {
        results.save(path)?;
    }
    if let Some(path) = &cli.html {
        std::fs::write(path, results.html())
            .with_context(|| format!("cannot write {}", path.display()))?;
    }
    let failed: Vec<_> = cli.fail_if.iter().filter(|condition| condition.holds(&results)).collect();
    for condition in &failed {
        println!("failed: {condition}");
    }
    Ok(failed.is_empty() && results.run.ledger.is_closed())
}

fn list(folder: &Path) -> Result<()> {
    let mut paths: Vec<PathBuf> = std::fs::read_dir(folder)
        .with_context(|| format!("cannot read {}", folder.display()))?
        .filter_map(|entry| Some(entry.ok()?.path()))
        .collect();
    paths.sort();
    for path in paths {
        let scenario = Scenario::read(&path)?;
        let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        println!("{name:<16} {}", scenario.description);
    }
    Ok(())
}

fn load(cli: &Cli) -> Result<Results> {
    let mut scenario = Scenario::read(&path_of(cli))?;
    if let Some(people) = cli.clients {
        scenario = scenario.with_people(people);
    }
    if cli.calm {
        scenario = scenario.calm();
    }
    scenario.seconds = cli.seconds.unwrap_or(scenario.seconds);
    if let Some(rate) = cli.rate
        && !(rate > 0.0 && rate <= 1e6)
    {
        bail!("--rate takes a number of mails a second, up to a million");
    }
    let clients = scenario.clients.iter().map(|group| group.count).sum();
    let server = match cli.server {
        Some(address) => address.to_string(),
        None => {
            format!("its own, {}", if cli.plaintext || cli.lose_one { "plaintext" } else { "TLS" })
        }
    };
    let options = Options { scenario, target: target(cli)?, rate: cli.rate, seed: cli.seed };
    let began = format!("{:.0}", jiff::Timestamp::now());
    let outcome = run::run(options, &interrupts()?, &mut show(cli))?;
    let Outcome { recorder, found, seconds, kills, interrupted, warnings } = outcome;
    Ok(recorder.finish(Run {
        scenario: if cli.calm { format!("{}, calm", cli.scenario) } else { cli.scenario.clone() },
        began,
        seconds,
        clients,
        rate: cli.rate,
        missed: 0,
        server,
        machine: machine(),
        seed: Some(cli.seed),
        restarts: u32::try_from(kills.len()).unwrap_or(u32::MAX),
        kills: kills.iter().map(Duration::as_secs_f64).collect(),
        interrupted,
        ledger: LedgerSummary {
            acknowledged: found.acknowledged,
            received: found.received,
            lost: found.lost,
            doubled: found.doubled,
            misdelivered: found.misdelivered,
            changed: found.changed,
            examples: found.examples,
        },
        warnings,
    }))
}

/// A name of a scenario, or a file.
fn path_of(cli: &Cli) -> PathBuf {
    let named = cli.scenarios.join(format!("{}.toml", cli.scenario));
    if named.exists() { named } else { PathBuf::from(&cli.scenario) }
}

fn target(cli: &Cli) -> Result<Target> {
    let Some(server) = cli.server else {
        return Ok(Target::Own {
            program: cli.program.clone(),
            tls: !cli.plaintext && !cli.lose_one,
            kills: cli.kill_server,
            lose_one: cli.lose_one,
        });
    };
    let trust = match (cli.fingerprint, cli.plaintext) {
        (Some(fingerprint), _) => Trust::Fingerprint(fingerprint),
        (None, true) => Trust::Plaintext,
        (None, false) => bail!("--server takes --fingerprint SHA256:…, or --plaintext"),
    };
    Ok(Target::Other { server, trust })
}

/// Counts Ctrl-C instead of ending the program.
fn interrupts() -> Result<Interrupts> {
    let interrupts = Interrupts::default();
    let counted = Arc::clone(&interrupts);
    let mut signals = Signals::new([SIGINT, SIGTERM])?;
    thread::spawn(move || {
        for _ in signals.forever() {
            counted.fetch_add(1, Ordering::SeqCst);
        }
    });
    Ok(interrupts)
}

/// Shows how far it is, and keeps the gauges.
fn show(cli: &Cli) -> impl FnMut(&mut Recorder, &Progress) + use<> {
    let bar = ProgressBar::new(1);
    if let Ok(style) = ProgressStyle::with_template("{prefix:<9} [{bar:30}] {msg}") {
        bar.set_style(style.progress_chars("=> "));
    }
    println!(
        "{}: {}",
        cli.scenario,
        if cli.rate.is_some() { "scheduled load" } else { "closed load" }
    );
    move |recorder, progress| {
        let gauges = Gauges {
            connections: progress.connections,
            server_memory: progress.server_memory,
            server_cpu: progress.server_cpu,
            generator_cpu: progress.generator_cpu,
        };
        recorder.end_second(progress.now, gauges);
        bar.set_length(progress.until.as_millis() as u64);
        bar.set_position(progress.now.min(progress.until).as_millis() as u64);
        bar.set_prefix(match progress.phase {
            Phase::Acting => "acting",
            Phase::Settling => "settling",
            Phase::Draining => "draining",
        });
        let memory = progress.server_memory.map(size).unwrap_or_default();
        bar.set_message(format!(
            "{:>4.0} s  {} connections  {} copies acknowledged  {} received  {memory}",
            Duration::as_secs_f64(&progress.now),
            progress.connections,
            progress.acknowledged,
            progress.received,
        ));
    }
}

fn machine() -> String {
    let processors = thread::available_parallelism().map_or(1, usize::from);
    let kernel = std::fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    format!("{processors} processors, Linux {}", kernel.trim())
}
