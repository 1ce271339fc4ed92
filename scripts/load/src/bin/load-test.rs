//! `load-test`: puts a server under the load of a scenario and reports the fate of every mail and
//! the latency of every operation.

use std::{
    fmt,
    fs::File,
    io::{self, Write as _},
    net::SocketAddr,
    panic::{AssertUnwindSafe, catch_unwind},
    path::{Path, PathBuf},
    process::ExitCode,
    thread,
    time::Duration,
};

use anyhow::{Context, Result, bail};
use clap::Parser;
use correio_client::Trust;
use correio_load::{
    backups::{BACKUPS_MAX, BackupsToVerify},
    interrupts::Interrupts,
    ledger::MailCounts,
    results::{
        BackupSummary, Condition, Ending, Flaw, Gauges, LedgerSummary, Measures, Recorder, Results,
        Run, compare, have_something_in_common, size,
    },
    run::{self, Database, Options, Progress, RunError, RunReport, Target},
    scenario::{CLIENTS_MAX, Changes, SECONDS_MAX, Scenario},
    user::Phase,
};
use correio_proto::fingerprint::Fingerprint;
use correio_testing::{database_proxy::DatabaseUrl, guard};
use indicatif::{ProgressBar, ProgressStyle};
use signal_hook::{
    consts::{SIGHUP, SIGINT, SIGQUIT, SIGTERM},
    iterator::Signals,
};

const EXAMPLES: &str = "\
Examples:
  scripts/load-test                                    the scenario smoke
  scripts/load-test office --kill-server 5             kills the server five times; the ledger must still close
  scripts/load-test classroom --clients 200 --json after.json
  scripts/load-test office --rate 500 --fail-if 'send.p99 > 50ms'
  scripts/load-test hostile --calm --json calm.json    the same users without the hostile clients
  scripts/load-test large --cut-uploads                uploads of 25 MiB whose links are cut nine times
  scripts/load-test office --server 127.0.0.31:8888 --server 127.0.0.32:8888 --fingerprint SHA256:…
                                                       two nodes of one store
  scripts/load-test office --backup-every 1            a backup every second, each verified
  scripts/load-test office --database postgres://correio@localhost/empty --cut-database
                                                       the connections to the database are cut meanwhile
  scripts/load-test --from after.json --html after.html
  scripts/load-test --compare before.json after.json

Credentials are not stretched with bcrypt as a real client stretches them, so that thousands of
clients cost this machine little; the server hashes them at cost 4. Ctrl-C ends the load early and
reports within seconds; a second Ctrl-C ends the program at once.

A run passes if every operation of the scenario was done, every user was logged in, every mailbox
was emptied, every acknowledged mail arrived, every backup of --backup-every is sound, and no
condition of --fail-if holds.
";

/// Flags of a run, which conflict with saved results.
const OF_A_RUN: [&str; 16] = [
    "scenario",
    "clients",
    "rate",
    "calm",
    "cut_uploads",
    "seconds",
    "server",
    "plaintext",
    "kill_server",
    "lose_one",
    "backup_every",
    "database",
    "cut_database",
    "seed",
    "patience",
    "json",
];

/// Put a correio server under load, and check that it delivers every mail that it has acknowledged.
#[derive(Debug, Parser)]
#[command(name = "load-test", after_help = help())]
struct Cli {
    /// A scenario of scripts/load/scenarios, or a file
    #[arg(default_value = "smoke")]
    scenario: String,
    /// List the scenarios
    #[arg(long, conflicts_with_all = OF_A_RUN, conflicts_with_all = ["from", "compare", "fail_if", "html"])]
    list: bool,
    /// Total number of virtual users, in the scenario's proportions; each waits for the answers to
    /// its requests
    #[arg(long, value_name = "N", value_parser = user_count)]
    clients: Option<usize>,
    /// Mails a second by schedule, besides the scenario's; times count from the scheduled moment
    #[arg(long, value_name = "MAILS", value_parser = rate)]
    rate: Option<f64>,
    /// Leave out the hostile and disturbing clients, to compare the times of the others
    #[arg(long)]
    calm: bool,
    /// Cut the link of each upload at every tenth of its content; it must go on from there
    #[arg(long)]
    cut_uploads: bool,
    /// How long clients act, in seconds
    #[arg(long, value_name = "SECONDS", value_parser = seconds)]
    seconds: Option<f64>,
    /// A running server on this machine, instead of one that is started in a temporary directory;
    /// given several times, the clients connect to each in turn, as to nodes of one store
    #[arg(long, value_name = "ADDR:PORT")]
    server: Vec<SocketAddr>,
    /// The fingerprint of that server's certificate
    #[arg(long, value_name = "SHA256:…", requires = "server", conflicts_with = "plaintext")]
    fingerprint: Option<Fingerprint>,
    /// Connect without TLS
    #[arg(long)]
    plaintext: bool,
    /// Kill the server this many times during the run, without a warning, and start it again
    #[arg(long, value_name = "N", default_value_t = 0, conflicts_with = "server", value_parser = clap::value_parser!(u32).range(..=1000))]
    kill_server: u32,
    /// Let a proxy lose one mail that it acknowledges: the run must fail
    #[arg(long, conflicts_with_all = ["server", "kill_server"])]
    lose_one: bool,
    /// Back the server up at this interval while clients act; afterwards each backup must be
    /// restored, check clean, and hold a prefix of the acknowledged mails and confirmations
    #[arg(long, value_name = "SECONDS", value_parser = seconds, conflicts_with_all = ["server", "kill_server", "lose_one"])]
    backup_every: Option<f64>,
    /// Have the server keep its store in this PostgreSQL database, which is empty before the run
    #[arg(long, value_name = "URL", value_parser = database, conflicts_with_all = ["server", "backup_every"])]
    database: Option<String>,
    /// Let a proxy cut the server's connections to the database, each at a random message; the
    /// database is on this machine and asks for no password
    #[arg(long, requires = "database")]
    cut_database: bool,
    /// How long to wait for a silent server after the load has ended, in seconds
    #[arg(long, value_name = "SECONDS", value_parser = seconds, default_value = "30")]
    patience: f64,
    /// Seed of the random choices
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,
    /// Write the results as JSON
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Write an HTML page with the results and their plots, which needs no network
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,
    /// Read the results from a file of --json instead of a run
    #[arg(long, value_name = "FILE.json", conflicts_with_all = OF_A_RUN, conflicts_with = "compare")]
    from: Option<PathBuf>,
    /// Compare two results instead of making a run; conditions apply to the second
    #[arg(long, value_names = ["A.json", "B.json"], num_args = 2, conflicts_with_all = OF_A_RUN, conflicts_with = "html")]
    compare: Option<Vec<PathBuf>>,
    /// Fail if this condition holds, such as 'send.p99 > 50ms'; may be given several times
    #[arg(long, value_name = "CONDITION")]
    fail_if: Vec<Condition>,
    /// The server's program
    #[arg(long, value_name = "FILE", hide = true, default_value = "target/release/correiod")]
    program: PathBuf,
    /// The scenarios' directory
    #[arg(long, value_name = "DIR", hide = true, default_value = "scripts/load/scenarios")]
    scenarios: PathBuf,
}

/// Why the program ends without judging a run.
#[derive(Debug)]
struct Stop {
    ending: Ending,
    error: anyhow::Error,
}

impl Stop {
    fn usage(error: impl Into<anyhow::Error>) -> Self {
        Self { ending: Ending::Usage, error: error.into() }
    }

    fn output(error: impl Into<anyhow::Error>) -> Self {
        Self { ending: Ending::Output, error: error.into() }
    }

    fn broken(error: impl Into<anyhow::Error>) -> Self {
        Self { ending: Ending::Broken, error: error.into() }
    }
}

impl From<RunError> for Stop {
    fn from(error: RunError) -> Self {
        let ending = match error {
            RunError::Usage(_) => Ending::Usage,
            RunError::NoServer(_) => Ending::NoServer,
            RunError::Interrupted => Ending::Interrupted,
            RunError::Broken(_) => Ending::Broken,
        };
        Self { ending, error: error.into() }
    }
}

fn main() -> ExitCode {
    if let Some(error) = guard::take_over() {
        eprintln!("load-test: {error:#}");
        return Ending::Broken.into();
    }
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            let printed = error.print();
            return match (error.use_stderr(), printed) {
                (true, _) => Ending::Usage.into(),
                (false, Ok(())) => Ending::Passed.into(),
                (false, Err(_)) => Ending::Output.into(),
            };
        }
    };
    // The panic has printed its message; the server was ended while unwinding.
    let acted = catch_unwind(AssertUnwindSafe(|| act(&cli)));
    match acted {
        Ok(Ok(ending)) => ending.into(),
        Ok(Err(Stop { ending, error })) => {
            complain(format_args!("load-test: {error:#}"));
            ending.into()
        }
        Err(_) => Ending::Broken.into(),
    }
}

/// Writes to standard error. A failure is ignored, since the exit status says the same.
fn complain(line: fmt::Arguments<'_>) {
    let _ = writeln!(io::stderr(), "{line}");
}

fn say(text: impl fmt::Display) -> Result<(), Stop> {
    let mut output = io::stdout().lock();
    let said = write!(output, "{text}").and_then(|()| output.flush());
    said.context("standard output cannot be written").map_err(Stop::output)
}

/// Does what the command line asks for, and returns the ending.
fn act(cli: &Cli) -> Result<Ending, Stop> {
    if cli.list {
        return list(&cli.scenarios);
    }
    if let Some([first, second]) = cli.compare.as_deref() {
        let read = |path| Results::load(path).map_err(Stop::usage);
        let (first, second) = (read(first)?, read(second)?);
        say(compare(&first, &second))?;
        let mut flaws = second.flaws(&cli.fail_if);
        flaws.extend((!have_something_in_common(&first, &second)).then_some(Flaw::NothingCompared));
        let of_the_first = report("first: ", &first.flaws(&[]))?;
        return Ok(of_the_first.max(report("second: ", &flaws)?));
    }
    // Output files are created before the run: an hour's run is not lost to a wrong path, and old
    // results cannot pass for those of a failed run.
    let json = cli.json.as_deref().map(Destination::create).transpose()?;
    let html = cli.html.as_deref().map(Destination::create).transpose()?;
    let results = match &cli.from {
        Some(path) => Results::load(path).map_err(Stop::usage)?,
        None => load(cli)?,
    };
    let mut written = say(results.table());
    if let Some(mut target) = json {
        let saved = results.save(&mut target.file).with_context(|| target.context());
        written = written.and(saved.map_err(Stop::output));
    }
    if let Some(mut target) = html {
        let page = results.html(&cli.fail_if);
        let saved = target.file.write_all(page.as_bytes()).with_context(|| target.context());
        written = written.and(saved.map_err(Stop::output));
    }
    let ending = report("", &results.flaws(&cli.fail_if));
    written?;
    ending
}

/// An output file.
struct Destination {
    path: PathBuf,
    file: File,
}

impl Destination {
    fn create(path: &Path) -> Result<Self, Stop> {
        let path = path.to_owned();
        let file = File::create(&path);
        let file = file.with_context(|| format!("cannot write {}", path.display()));
        file.map(|file| Self { path, file }).map_err(Stop::output)
    }

    fn context(&self) -> String {
        format!("cannot write {}", self.path.display())
    }
}

/// Prints the flaws and returns the ending that they lead to.
fn report(whose: &str, flaws: &[Flaw]) -> Result<Ending, Stop> {
    let lines: String = flaws.iter().map(|flaw| format!("failed: {whose}{flaw}\n")).collect();
    say(lines)?;
    Ok(Ending::of(flaws))
}

fn list(folder: &Path) -> Result<Ending, Stop> {
    let named = names(folder).map_err(Stop::usage)?;
    for name in named {
        let path = folder.join(format!("{name}.toml"));
        let scenario = Scenario::read(&path).map_err(Stop::usage)?;
        say(format_args!("{name:<16} {}\n", scenario.description))?;
    }
    Ok(Ending::Passed)
}

/// The names of all scenarios, in order.
fn names(folder: &Path) -> Result<Vec<String>> {
    let entries = std::fs::read_dir(folder);
    let mut names = Vec::new();
    for entry in entries.with_context(|| format!("cannot read {}", folder.display()))? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "toml") {
            names.extend(path.file_stem().map(|stem| stem.to_string_lossy().into_owned()));
        }
    }
    names.sort();
    Ok(names)
}

fn load(cli: &Cli) -> Result<Results, Stop> {
    let changes = Changes {
        users: cli.clients,
        seconds: cli.seconds,
        calm: cli.calm,
        cut_uploads: cli.cut_uploads,
    };
    let scenario = path_of(cli)
        .and_then(|path| Scenario::read(&path))
        .and_then(|scenario| scenario.changed(changes))
        .map_err(Stop::usage)?;
    let measures = Measures {
        operations: scenario.operations(cli.rate),
        server: cli.server.is_empty(),
        schedule: cli.rate.is_some(),
    };
    if let Some(condition) = cli.fail_if.iter().find(|one| !one.is_measured_by(&measures)) {
        return Err(Stop::usage(anyhow::anyhow!(
            "--fail-if '{condition}': this run does not measure that figure"
        )));
    }
    let clients = scenario.clients.iter().map(|group| group.count).sum();
    let server = match cli.server.as_slice() {
        [] => {
            format!("its own, {}", if cli.plaintext || cli.lose_one { "plaintext" } else { "TLS" })
        }
        servers => servers.iter().map(SocketAddr::to_string).collect::<Vec<_>>().join(", "),
    };
    few_enough_backups(cli, &scenario)?;
    let target = target(cli)?;
    let options = Options {
        scenario,
        target,
        rate: cli.rate,
        seed: cli.seed,
        silence: Duration::from_secs_f64(cli.patience),
    };
    let began = format!("{:.0}", jiff::Timestamp::now());
    let interrupts = interrupts().map_err(Stop::broken)?;
    let prepared = run::prepare(options, &interrupts)?;
    let kind = if cli.rate.is_some() { "scheduled load" } else { "closed load" };
    say(format_args!("{}: {kind}\n", cli.scenario))?;
    let report = prepared.run(&interrupts, &mut show())?;
    let RunReport { recorder, counts, backups, seconds, kills, checks, warnings } = report;
    let backups = backups.map(|backups| verify(backups, &interrupts)).transpose()?;
    // A signal may have come while backups were verified.
    let interrupted = !interrupts.are_none();
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
        pauses: Vec::new(),
        interrupted,
        ledger: ledger_summary(counts),
        backups,
        checks,
        warnings,
    }))
}

fn ledger_summary(counts: MailCounts) -> LedgerSummary {
    LedgerSummary {
        acknowledged: counts.acknowledged,
        received: counts.received,
        lost: counts.lost,
        doubled: counts.doubled,
        misdelivered: counts.misdelivered,
        changed: counts.changed,
        unemptied: counts.unemptied,
        examples: counts.examples,
    }
}

/// Refuses a run with more backups than it keeps.
fn few_enough_backups(cli: &Cli, scenario: &Scenario) -> Result<(), Stop> {
    match cli.backup_every.map(|every| (scenario.seconds / every).floor()) {
        Some(count) if count > BACKUPS_MAX as f64 => Err(Stop::usage(anyhow::anyhow!(
            "{count} backups are too many: a run of {} s keeps {BACKUPS_MAX}, one every {} s",
            scenario.seconds,
            (scenario.seconds / BACKUPS_MAX as f64).ceil()
        ))),
        _ => Ok(()),
    }
}

/// Verifies the backups, and shows the progress on a terminal.
fn verify(backups: BackupsToVerify, interrupts: &Interrupts) -> Result<Vec<BackupSummary>, Stop> {
    let bar = bar(backups.taken.backups.len() as u64);
    bar.set_prefix("verifying");
    bar.set_message("backups");
    backups.verify(interrupts, |done| bar.set_position(done as u64)).map_err(Stop::broken)
}

/// A progress bar with a prefix and a message.
fn bar(length: u64) -> ProgressBar {
    let bar = ProgressBar::new(length);
    if let Ok(style) = ProgressStyle::with_template("{prefix:<9} [{bar:30}] {msg}") {
        bar.set_style(style.progress_chars("=> "));
    }
    bar
}

/// The file of a scenario, given by name or path.
fn path_of(cli: &Cli) -> Result<PathBuf> {
    let named = cli.scenarios.join(format!("{}.toml", cli.scenario));
    let file = PathBuf::from(&cli.scenario);
    match (named.exists(), file.exists()) {
        (true, _) => Ok(named),
        (false, true) => Ok(file),
        (false, false) => {
            let names = names(&cli.scenarios)?.join(", ");
            bail!(
                "there is no scenario and no file {:?}; the scenarios are {names} (--list says what \
                 each does)",
                cli.scenario
            )
        }
    }
}

fn target(cli: &Cli) -> Result<Target, Stop> {
    if cli.server.is_empty() {
        return Ok(Target::Own {
            program: cli.program.clone(),
            guard: std::env::current_exe().map_err(Stop::broken)?,
            tls: !cli.plaintext && !cli.lose_one,
            kills: cli.kill_server,
            lose_one: cli.lose_one,
            backup_every: cli.backup_every.map(Duration::from_secs_f64),
            database: cli.database.as_ref().map(|address| database_of(cli, address)).transpose()?,
        });
    }
    let trust = match (cli.fingerprint, cli.plaintext) {
        (Some(fingerprint), _) => Trust::Fingerprint(fingerprint),
        (None, true) => Trust::Plaintext,
        (None, false) => {
            return Err(Stop::usage(anyhow::anyhow!(
                "--server takes --fingerprint SHA256:…, or --plaintext"
            )));
        }
    };
    Ok(Target::Other { servers: cli.server.clone(), trust })
}

/// The database of the server's store, with its cuts.
fn database_of(cli: &Cli, address: &str) -> Result<Box<Database>, Stop> {
    let url: DatabaseUrl = address.parse().map_err(Stop::usage)?;
    let cuts = cli.cut_database.then_some(url);
    Ok(Box::new(Database { address: address.to_owned(), cuts }))
}

/// Counts signals instead of ending: the server, which is in a process group of its own, must be
/// ended first.
fn interrupts() -> Result<Interrupts> {
    let interrupts = Interrupts::default();
    let counted = interrupts.clone();
    let mut signals = Signals::new([SIGINT, SIGTERM, SIGHUP, SIGQUIT])?;
    let count = move || {
        for _ in signals.forever() {
            counted.add();
        }
    };
    thread::Builder::new().name("signals".to_owned()).spawn(count)?;
    Ok(interrupts)
}

/// Parses a number of virtual users.
fn user_count(text: &str) -> Result<usize, String> {
    let number = text.parse().ok().filter(|number| (1..=CLIENTS_MAX).contains(number));
    number.ok_or_else(|| format!("it takes a number of users, from 1 to {CLIENTS_MAX}"))
}

/// Parses a number of mails a second.
fn rate(text: &str) -> Result<f64, String> {
    let rate = text.parse().ok().filter(|rate| *rate > 0.0 && *rate <= 1e6);
    rate.ok_or_else(|| "it takes a number of mails a second, up to a million".to_owned())
}

/// Checks the address of a database. The error shows no password.
fn database(text: &str) -> Result<String, String> {
    let parsed: Result<DatabaseUrl, _> = text.parse();
    parsed.map(|_| text.to_owned()).map_err(|error| error.to_string())
}

/// Parses a number of seconds.
fn seconds(text: &str) -> Result<f64, String> {
    let seconds = text.parse().ok().filter(|seconds| *seconds > 0.0 && *seconds <= SECONDS_MAX);
    seconds.ok_or_else(|| format!("it takes a number of seconds, more than 0, up to {SECONDS_MAX}"))
}

/// The end of the help.
fn help() -> String {
    let statuses = Ending::ALL.map(|(ending, text)| format!("{:>5}  {text}\n", ending.status()));
    format!("{EXAMPLES}\nExit status:\n{}", statuses.concat())
}

/// Shows the progress and records the gauges.
fn show() -> impl FnMut(&mut Recorder, &Progress) {
    let bar = bar(1);
    move |recorder, progress| {
        let gauges = Gauges {
            connections: progress.connections,
            fewest_connections: Some(progress.fewest_connections),
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
