//! One run: starts the server, drives the clients through all phases, and closes the ledger.

use std::{fmt, net::SocketAddr, path::PathBuf, time::Duration};

use anyhow::{Context as _, Result, ensure};
use correio_client::{Cancel, ConnectOptions, Service, Trust};
use correio_testing::{
    database_proxy::DatabaseUrl,
    proxy::{Proxy, ProxyMode},
};

use crate::{
    backups::{BackupThread, BackupsToVerify, TakenBackups},
    database_cuts::DatabaseCuts,
    driver::{Driver, Finished, Plan},
    history::History,
    interrupts::Interrupts,
    ledger::MailCounts,
    process::{processor_seconds, raise_file_limit},
    results::{Checks, GENERATOR_BUSY, Operation, Recorder},
    scenario::{Group, Scenario},
    target::{OwnServer, Start, WithPrograms},
    user::Phase,
};

/// How often progress is reported and gauges are read.
const TICK: Duration = Duration::from_secs(1);

/// Longest duration of the phases that finish open requests and empty the mailboxes.
const SETTLE_PATIENCE: Duration = Duration::from_secs(70);
const DRAIN_PATIENCE: Duration = Duration::from_secs(300);

/// Both limits after a signal: the report must come within seconds.
const HASTY_PATIENCE: Duration = Duration::from_secs(2);

/// How long a running server may take to answer before the run begins.
const REACH_PATIENCE: Duration = Duration::from_secs(10);

/// The server under load.
#[derive(Clone, Debug)]
pub enum Target {
    /// A server that the run starts, in a temporary directory.
    Own {
        /// The server's program.
        program: PathBuf,
        /// The program that becomes the server; see [`correio_testing::guard`].
        guard: PathBuf,
        /// Whether the server uses TLS.
        tls: bool,
        /// How often the server is killed and started again.
        kills: u32,
        /// Whether a proxy loses a mail.
        lose_one: bool,
        /// The interval of backups; `None` for no backups.
        backup_every: Option<Duration>,
        /// The PostgreSQL database of its store; `None` for a store in its directory.
        database: Option<Box<Database>>,
    },
    /// A server that is already running, or several nodes of one store.
    Other {
        /// The servers' addresses; at least one.
        servers: Vec<SocketAddr>,
        /// The trust of the clients in the servers.
        trust: Trust,
    },
}

/// The PostgreSQL database of a server's store.
#[derive(Clone)]
pub struct Database {
    /// Its address, as the server takes it. It may have a password.
    pub address: String,
    /// Whether a proxy cuts the connections to it; the address has no password then.
    pub cuts: Option<DatabaseUrl>,
}

impl fmt::Debug for Database {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Database").field("cuts", &self.cuts).finish_non_exhaustive()
    }
}

/// The options of a run.
#[derive(Clone, Debug)]
pub struct Options {
    /// The scenario.
    pub scenario: Scenario,
    /// The server.
    pub target: Target,
    /// Mails a second by schedule.
    pub rate: Option<f64>,
    /// Seed of the random choices.
    pub seed: u64,
    /// How long to wait for a silent server after the load has ended.
    pub silence: Duration,
}

/// The progress of a run, about once a second.
#[derive(Clone, Debug)]
pub struct Progress {
    /// The phase.
    pub phase: Phase,
    /// Time since the start.
    pub now: Duration,
    /// When clients stop acting.
    pub until: Duration,
    /// Number of connections.
    pub connections: usize,
    /// The fewest connections since the last report.
    pub fewest_connections: usize,
    /// Copies of mails that were acknowledged.
    pub acknowledged: u64,
    /// Copies of mails that were received.
    pub received: u64,
    /// The server's resident memory, in bytes.
    pub server_memory: Option<u64>,
    /// The server's share of a processor since the last report.
    pub server_cpu: Option<f64>,
    /// The generator's share of a processor since the last report.
    pub generator_cpu: f64,
}

/// The results of a run.
#[derive(Debug)]
pub struct RunReport {
    /// All latencies.
    pub recorder: Recorder,
    /// The ledger's totals.
    pub counts: MailCounts,
    /// The backups, which are to be verified; `None` if none were to be taken.
    pub backups: Option<BackupsToVerify>,
    /// How long clients acted, in seconds.
    pub seconds: f64,
    /// Times of the server's kills, since the start.
    pub kills: Vec<Duration>,
    /// The run's requirements, and how far they were met.
    pub checks: Checks,
    /// Warnings for readers of the figures.
    pub warnings: Vec<String>,
}

/// Why a run did not start or end.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// The options contradict each other.
    #[error("{0}")]
    Usage(&'static str),
    /// The server cannot be started or reached.
    #[error("{0:#}")]
    NoServer(anyhow::Error),
    /// A second signal came, or one before the load began.
    #[error("ended by a signal; nothing is reported")]
    Interrupted,
    /// The machine refuses something.
    #[error("{0:#}")]
    Broken(anyhow::Error),
}

/// Gets the progress of a run.
pub type OnProgress<'a> = dyn FnMut(&mut Recorder, &Progress) + 'a;

/// A run whose server is up and whose clients are made.
pub struct Prepared {
    running: RunInProgress,
    operations: Vec<Operation>,
    warnings: Vec<String>,
}

/// Starts or reaches the server, and makes the clients.
///
/// # Errors
///
/// See [`RunError`].
pub fn prepare(options: Options, interrupts: &Interrupts) -> Result<Prepared, RunError> {
    let Options { scenario, target, rate, seed, silence } = options;
    let warnings = file_warning(scenario.clients.iter().map(|group| group.count).sum());
    let server = TargetServer::open(target, &scenario, interrupts)?;
    let operations = scenario.operations(rate).into_iter().collect();
    let until = Duration::from_secs_f64(scenario.seconds);
    let (servers, trust) = (server.addresses.clone(), server.trust);
    let programs = server.own.as_ref().and_then(|own| own.programs);
    let history = server.backup_every.map(|_| History::default());
    let driver =
        Driver::new(Plan { scenario, servers, trust, programs, rate, seed, silence, history });
    let running = RunInProgress {
        seed,
        driver: driver.map_err(RunError::Broken)?,
        backups: None,
        server,
        meter: Meter::default(),
        phase: Phase::Acting,
        until,
        deadline: until,
        acted: until,
        killed: Vec::new(),
        failure: None,
    };
    Ok(Prepared { running, operations, warnings })
}

impl Prepared {
    /// Runs to the end.
    ///
    /// # Errors
    ///
    /// See [`RunError`]. A failing server is no error: the report names it.
    pub fn run(
        self,
        interrupts: &Interrupts,
        progress: &mut OnProgress<'_>,
    ) -> Result<RunReport, RunError> {
        let Self { mut running, operations, mut warnings } = self;
        running.begin(interrupts).map_err(RunError::Broken)?;
        while running.step(interrupts, progress)? == Step::On {}
        let RunInProgress { driver, backups, server, meter, acted, killed, failure, .. } = running;
        if let Some(cuts) = server.database_cuts {
            warnings.push(format!("{cuts} connections to the database were cut"));
        }
        let Finished { counts, history, recorder, users, scheduled, harmless } = driver.finish();
        // Before the server ends, with whose end its data directory goes.
        let taken = backups.map(BackupThread::finish).transpose().map_err(RunError::Broken)?;
        let commands = server.own.as_ref().map(OwnServer::commands);
        let backups = match (taken, commands, history) {
            (Some(taken), Some(commands), Some(history)) => {
                warnings.extend(few_backups(&taken, server.backup_every, acted));
                Some(BackupsToVerify { taken, commands, history })
            }
            _ => None,
        };
        if meter.busiest > GENERATOR_BUSY {
            warnings.push(format!(
                "the generator used {:.0} % of a processor: it may have been the limit, not the \
                 server",
                meter.busiest * 100.0
            ));
        }
        let kills = server.kills;
        let server_failure = match (failure, server.own) {
            (None, Some(own)) => own.stop(interrupts).err().map(|error| format!("{error:#}")),
            (failure, _) => failure,
        };
        let users = Some(users);
        let checks = Checks { operations, users, scheduled, kills, harmless, server_failure };
        let seconds = acted.as_secs_f64();
        let kills = killed;
        Ok(RunReport { recorder, counts, backups, seconds, kills, checks, warnings })
    }
}

/// The server under load.
struct TargetServer {
    own: Option<OwnServer>,
    /// The addresses that clients connect to.
    addresses: Vec<SocketAddr>,
    trust: Trust,
    /// How often to kill the server.
    kills: u32,
    /// The interval of backups.
    backup_every: Option<Duration>,
    /// The proxy before the database, which cuts connections.
    cutting: Option<DatabaseCuts>,
    /// How many connections to the database were cut, after the end of the cuts.
    database_cuts: Option<u32>,
}

impl TargetServer {
    /// Starts the server, or checks that it answers: a load on nothing measures nothing.
    fn open(
        target: Target,
        scenario: &Scenario,
        interrupts: &Interrupts,
    ) -> Result<Self, RunError> {
        let failed = |error| match interrupts.are_none() {
            true => RunError::NoServer(error),
            false => RunError::Interrupted,
        };
        match target {
            Target::Other { .. } if scenario.clients.iter().any(Group::is_program) => {
                Err(RunError::Usage(
                    "the listeners for mail programs are those of a server that the run starts: leave \
                     out --server",
                ))
            }
            Target::Other { servers: addresses, trust } => {
                for address in &addresses {
                    reach(*address, &trust).map_err(failed)?;
                }
                let (cutting, database_cuts) = (None, None);
                let (own, kills, backup_every) = (None, 0, None);
                Ok(Self { own, addresses, trust, kills, backup_every, cutting, database_cuts })
            }
            Target::Own { tls: true, lose_one: true, .. } => {
                Err(RunError::Usage("the proxy that loses a mail speaks without TLS"))
            }
            Target::Own { kills: 1.., backup_every: Some(_), .. } => Err(RunError::Usage(
                "a killed server cannot start again beside a backup: leave out one of both",
            )),
            Target::Own { backup_every: Some(_), .. }
                if scenario.clients.iter().any(Group::is_program) =>
            {
                Err(RunError::Usage("a backup is not compared with what mail programs do"))
            }
            Target::Own { lose_one: true, backup_every: Some(_), .. } => {
                Err(RunError::Usage("a mail that the proxy loses is in no backup"))
            }
            Target::Own { program, guard, tls, kills, lose_one, backup_every, database } => {
                let clients = scenario.clients.iter().map(|group| group.count).sum();
                let mut flags = scenario.server.clone();
                let cutting = database.as_ref().and_then(|database| database.cuts.as_ref());
                let cutting = cutting.map(DatabaseCuts::start).transpose();
                let cutting = cutting.map_err(RunError::Broken)?;
                if let Some(database) = database {
                    let through = cutting.as_ref().map(|cuts| cuts.url().to_string());
                    flags.extend(["--store".to_owned(), "postgres".to_owned()]);
                    flags.extend(["--database".to_owned(), through.unwrap_or(database.address)]);
                }
                let programs = scenario.clients.iter().any(Group::is_program);
                let with_programs = if programs { WithPrograms::Yes } else { WithPrograms::No };
                let start = Start { program, guard, flags, tls, clients, with_programs };
                let own = OwnServer::start(start, interrupts).map_err(failed)?;
                let (address, trust) = (own.address, own.trust);
                let address = match lose_one {
                    true => {
                        let proxy = Proxy::start(address, ProxyMode::LosingOneMail);
                        proxy.context("a port for the proxy").map_err(RunError::Broken)?.address
                    }
                    false => address,
                };
                let (own, addresses, database_cuts) = (Some(own), vec![address], None);
                Ok(Self { own, addresses, trust, kills, backup_every, cutting, database_cuts })
            }
        }
    }
}

/// Exchanges a greeting with a running server.
fn reach(server: SocketAddr, trust: &Trust) -> Result<()> {
    ensure!(server.ip().is_loopback(), "only a server on this machine is loaded");
    let address = server.to_string().parse().context("the server's address")?;
    let options = ConnectOptions {
        deadline: REACH_PATIENCE,
        request_deadline: REACH_PATIENCE,
        trust: *trust,
        ..ConnectOptions::default()
    };
    let reached = Service::connect(&address, &options, &Cancel::default());
    reached.map(drop).with_context(|| format!("{server} cannot be used"))
}

/// Whether a run goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    On,
    Over,
}

/// A run in progress.
struct RunInProgress {
    seed: u64,
    driver: Driver,
    /// Dropped before the server, whose data directory it reads.
    backups: Option<BackupThread>,
    server: TargetServer,
    meter: Meter,
    phase: Phase,
    /// When clients stop acting.
    until: Duration,
    /// Latest end of the phase.
    deadline: Duration,
    /// How long clients acted.
    acted: Duration,
    killed: Vec<Duration>,
    /// A failure of the server.
    failure: Option<String>,
}

impl RunInProgress {
    /// Starts the load and the backups.
    fn begin(&mut self, interrupts: &Interrupts) -> Result<()> {
        let started = self.driver.begin()?;
        if let (Some(every), Some(own)) = (self.server.backup_every, &self.server.own) {
            let (commands, data) = (own.commands(), own.data());
            let interrupts = interrupts.clone();
            self.backups = Some(BackupThread::start(commands, data, every, started, interrupts)?);
        }
        if let Some(cutting) = &mut self.server.cutting {
            cutting.begin(self.seed)?;
        }
        Ok(())
    }

    /// Ends the phase in which clients act, the backups and the cuts.
    fn stop_acting(&mut self, now: Duration) {
        self.acted = now;
        if let Some(cuts) = self.server.cutting.as_mut().and_then(DatabaseCuts::end) {
            self.server.database_cuts = Some(cuts);
        }
        if let Some(backups) = &mut self.backups {
            backups.stop();
        }
    }

    /// Runs for a second, or until the phase ends.
    fn step(
        &mut self,
        interrupts: &Interrupts,
        progress: &mut OnProgress<'_>,
    ) -> Result<Step, RunError> {
        let next = (self.driver.now() + TICK).min(self.deadline);
        self.driver.run_until(next).map_err(RunError::Broken)?;
        let now = self.driver.now();
        let own = self.server.own.as_mut();
        let told = self.meter.read(&mut self.driver, own, self.phase, self.until);
        progress(&mut self.driver.recorder, &told);
        match interrupts.count() {
            0 => self.kill_where_due(now, interrupts),
            1 if self.phase == Phase::Acting => self.deadline = now,
            1 => self.deadline = self.deadline.min(now + HASTY_PATIENCE),
            _ => return Err(RunError::Interrupted),
        }
        if self.failure.is_none()
            && let Some(own) = &mut self.server.own
        {
            self.failure = own.failure();
        }
        if self.failure.is_some() {
            // Later figures would say nothing about the server.
            if self.phase == Phase::Acting {
                self.stop_acting(now);
                self.driver.enter(Phase::Settling);
            }
            return Ok(Step::Over);
        }
        let is_over = self.phase != Phase::Acting && self.driver.is_done();
        let is_given_up = self.phase != Phase::Acting && self.driver.is_server_gone();
        if now < self.deadline && !is_over && !is_given_up {
            return Ok(Step::On);
        }
        let hasty = |patience: Duration| match interrupts.are_none() {
            true => patience,
            false => HASTY_PATIENCE.min(patience),
        };
        self.phase = match self.phase {
            Phase::Acting => {
                self.stop_acting(now);
                self.deadline = now + hasty(SETTLE_PATIENCE);
                Phase::Settling
            }
            // Open requests may still be acknowledged, so that losses could not be counted.
            Phase::Settling if !is_over => return Ok(Step::Over),
            Phase::Settling => {
                self.deadline = now + hasty(DRAIN_PATIENCE);
                Phase::Draining
            }
            Phase::Draining => return Ok(Step::Over),
        };
        self.driver.enter(self.phase);
        Ok(Step::On)
    }

    fn kill_where_due(&mut self, now: Duration, interrupts: &Interrupts) {
        let (done, kills) = (self.killed.len() as f64, f64::from(self.server.kills));
        let is_due = self.phase == Phase::Acting
            && done < kills
            && now >= self.until.mul_f64((done + 1.0) / (kills + 1.0));
        if is_due && let Some(own) = &mut self.server.own {
            self.killed.push(now);
            match own.kill_and_restart(interrupts) {
                Ok(()) => {}
                // The signal ended the restart, too.
                Err(_) if !interrupts.are_none() => self.server.own = None,
                Err(error) => self.failure = Some(format!("after a kill: {error:#}")),
            }
        }
    }
}

/// Raises the limit on open files as far as the machine allows. Returns a warning if that is too
/// low.
fn file_warning(clients: usize) -> Vec<String> {
    let files = raise_file_limit();
    if (clients as u64).saturating_add(100) <= files {
        return Vec::new();
    }
    vec![format!("the limit on open files, {files}, is too low for {clients} clients: ulimit -n")]
}

/// A warning if fewer backups were taken than were due.
fn few_backups(taken: &TakenBackups, every: Option<Duration>, acted: Duration) -> Option<String> {
    let due = (acted.as_secs_f64() / every?.as_secs_f64()).floor() as usize;
    let count = taken.backups.len();
    // The last one is due when the clients stop.
    (count + 1 < due).then(|| {
        format!(
            "{count} backups were taken instead of {due}: they took longer than their interval, or \
             too much room"
        )
    })
}

/// Reads gauges of machine and server.
#[derive(Debug, Default)]
struct Meter {
    last: Option<(Duration, f64)>,
    busiest: f64,
}

impl Meter {
    fn read(
        &mut self,
        driver: &mut Driver,
        own: Option<&mut OwnServer>,
        phase: Phase,
        until: Duration,
    ) -> Progress {
        let now = driver.now();
        let used = processor_seconds(std::process::id()).unwrap_or(0.0);
        let generator_cpu = match self.last {
            Some((at, before)) => (used - before) / now.saturating_sub(at).as_secs_f64().max(0.001),
            None => 0.0,
        };
        // A short interval says nothing, since the kernel counts hundredths of a second.
        let is_long = self.last.is_none_or(|(at, _)| now.saturating_sub(at) > TICK / 2);
        if is_long {
            self.last = Some((now, used));
            if phase == Phase::Acting {
                self.busiest = self.busiest.max(generator_cpu);
            }
        }
        let (server_memory, server_cpu) = own.map_or((None, None), |own| (own.memory(), own.cpu()));
        let fewest_connections = driver.take_fewest();
        let counts = driver.counts();
        Progress {
            phase,
            now,
            until,
            connections: driver.connections(),
            fewest_connections,
            acknowledged: counts.acknowledged,
            received: counts.received,
            server_memory,
            server_cpu,
            generator_cpu,
        }
    }
}
