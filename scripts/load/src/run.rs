//! One run: a server, the clients, the ledger, in order.

use std::{
    net::SocketAddr,
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use anyhow::{Result, bail, ensure};
use correio_client::Trust;

use crate::{
    driver::{Driver, Plan},
    ledger::Found,
    person::Phase,
    proxy,
    results::{GENERATOR_BUSY, Recorder},
    scenario::Scenario,
    target::{OwnServer, Start, processor_seconds},
};

/// How often progress is told and gauges are read.
const TICK: Duration = Duration::from_secs(1);

/// How long what is under way may take to be finished, and mailboxes to be emptied.
const SETTLE_PATIENCE: Duration = Duration::from_secs(70);
const DRAIN_PATIENCE: Duration = Duration::from_secs(300);

/// Which server is loaded.
#[derive(Clone, Debug)]
pub enum Target {
    /// One of its own, in a temporary directory.
    Own {
        /// The program.
        program: PathBuf,
        /// Whether it speaks TLS.
        tls: bool,
        /// How often it is killed and started again.
        kills: u32,
        /// Whether a proxy in between loses a mail.
        lose_one: bool,
    },
    /// One that is there.
    Other {
        /// Where.
        server: SocketAddr,
        /// What its clients trust.
        trust: Trust,
    },
}

/// What to do.
#[derive(Clone, Debug)]
pub struct Options {
    /// What clients do.
    pub scenario: Scenario,
    /// Which server is loaded.
    pub target: Target,
    /// Mails a second by schedule.
    pub rate: Option<f64>,
    /// What the random choices begin with.
    pub seed: u64,
}

/// How far a run is, about once a second.
#[derive(Clone, Debug)]
pub struct Progress {
    /// What goes on.
    pub phase: Phase,
    /// Since the start.
    pub now: Duration,
    /// When the clients stop acting.
    pub until: Duration,
    /// Connections that stand.
    pub connections: usize,
    /// Copies of mails that were acknowledged, and received.
    pub acknowledged: u64,
    /// See above.
    pub received: u64,
    /// The server's resident memory, in bytes.
    pub server_memory: Option<u64>,
    /// The share of a processor that the server has used since the last time.
    pub server_cpu: Option<f64>,
    /// The same of the generator.
    pub generator_cpu: f64,
}

/// What came of a run.
#[derive(Debug)]
pub struct Outcome {
    /// All times.
    pub recorder: Recorder,
    /// What became of the mails.
    pub found: Found,
    /// How long clients acted.
    pub seconds: f64,
    /// When the server was killed, since the start.
    pub kills: Vec<Duration>,
    /// Whether it was ended early.
    pub interrupted: bool,
    /// What whoever reads the figures should know.
    pub warnings: Vec<String>,
}

/// Counts the wishes to end: the first ends the load and still reports, the second ends at once.
pub type Interrupts = Arc<AtomicU32>;

/// Runs it.
///
/// # Errors
///
/// The server does not start or go on, or the kernel refuses something.
pub fn run(
    options: Options,
    interrupts: &Interrupts,
    progress: &mut dyn FnMut(&mut Recorder, &Progress),
) -> Result<Outcome> {
    let Options { scenario, target, rate, seed } = options;
    let clients: usize = scenario.clients.iter().map(|group| group.count).sum();
    let mut warnings = file_warning(clients);
    let mut own = None;
    let (server, trust, kills) = match target {
        Target::Other { server, trust } => {
            ensure!(server.ip().is_loopback(), "only a server on this machine is loaded");
            (server, trust, 0)
        }
        Target::Own { program, tls, kills, lose_one } => {
            ensure!(!(tls && lose_one), "the proxy that loses a mail speaks without TLS");
            let flags = scenario.server.clone();
            let started = OwnServer::start(Start { program, flags, tls, clients })?;
            let (address, trust) = (started.address, started.trust);
            own = Some(started);
            let address = if lose_one { proxy::lose_one(address)? } else { address };
            (address, trust, kills)
        }
    };
    let until = Duration::from_secs_f64(scenario.seconds);
    let mut driver = Driver::new(Plan { scenario, server, trust, rate, seed })?;
    let mut meter = Meter::default();
    let mut killed = Vec::new();
    let mut phase = Phase::Acting;
    let mut deadline = until;
    let mut acted = until;
    loop {
        let next = (driver.now() + TICK).min(deadline);
        driver.run_until(next)?;
        let now = driver.now();
        let told = meter.read(&driver, own.as_mut(), phase, until);
        progress(&mut driver.recorder, &told);
        match interrupts.load(Ordering::SeqCst) {
            0 => {}
            1 if phase == Phase::Acting => deadline = now,
            1 => {}
            _ => bail!("interrupted"),
        }
        if phase == Phase::Acting
            && killed.len() < kills as usize
            && now >= until.mul_f64((killed.len() + 1) as f64 / (f64::from(kills) + 1.0))
            && let Some(own) = &mut own
        {
            own.kill_and_restart()?;
            killed.push(now);
        }
        if now < deadline && !(phase != Phase::Acting && driver.is_done()) {
            continue;
        }
        phase = match phase {
            Phase::Acting => {
                acted = now;
                deadline = now + SETTLE_PATIENCE;
                Phase::Settling
            }
            Phase::Settling => {
                deadline = now + DRAIN_PATIENCE;
                Phase::Draining
            }
            Phase::Draining => break,
        };
        driver.enter(phase);
    }
    let (found, left, recorder) = driver.finish();
    if left > 0 {
        warnings.push(format!(
            "{left} mailboxes could not be emptied in time; what is in them is not counted"
        ));
    }
    if meter.busiest > GENERATOR_BUSY {
        warnings.push(format!(
            "the generator used {:.0} % of a processor: it may have been the limit, not the server",
            meter.busiest * 100.0
        ));
    }
    if let Some(mut own) = own {
        own.stop()?;
    }
    let interrupted = interrupts.load(Ordering::SeqCst) > 0;
    let seconds = acted.as_secs_f64();
    Ok(Outcome { recorder, found, seconds, kills: killed, interrupted, warnings })
}

/// Raises the limit on open files as far as the machine allows, and says where that is not enough.
fn file_warning(clients: usize) -> Vec<String> {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit { current: limit.maximum, maximum: limit.maximum };
    let holds = if setrlimit(Resource::Nofile, raised).is_ok() { raised } else { limit };
    let files = holds.current.unwrap_or(u64::MAX);
    if (clients as u64).saturating_add(100) <= files {
        return Vec::new();
    }
    vec![format!("the limit on open files, {files}, is too low for {clients} clients: ulimit -n")]
}

/// Reads what machine and server are at.
#[derive(Debug, Default)]
struct Meter {
    last: Option<(Duration, f64)>,
    busiest: f64,
}

impl Meter {
    fn read(
        &mut self,
        driver: &Driver,
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
        // An interval that is too short says nothing, since the kernel counts in hundredths.
        let is_long = self.last.is_none_or(|(at, _)| now.saturating_sub(at) > TICK / 2);
        if is_long {
            self.last = Some((now, used));
            if phase == Phase::Acting {
                self.busiest = self.busiest.max(generator_cpu);
            }
        }
        let (server_memory, server_cpu) = own.map_or((None, None), |own| (own.memory(), own.cpu()));
        let found = driver.found();
        Progress {
            phase,
            now,
            until,
            connections: driver.connections(),
            acknowledged: found.acknowledged,
            received: found.received,
            server_memory,
            server_cpu,
            generator_cpu,
        }
    }
}
