//! The process of a server that is started for the load.

use std::{
    fs,
    io::{BufRead, BufReader},
    net::SocketAddr,
    os::unix::process::CommandExt as _,
    path::{Path, PathBuf},
    process::{Child, ChildStdout, Command, Stdio},
    sync::mpsc::{Receiver, RecvTimeoutError, channel},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail, ensure};
use correio_client::Trust;
use correio_testing::guard;
use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

use crate::{
    backups::OperatorCommands,
    interrupts::Interrupts,
    process::{self, last_lines},
    programs::{DOMAIN, ProgramAddresses},
};

/// Longest time from SIGTERM to the server's end, and the same after a signal to the run.
const END_PATIENCE: Duration = Duration::from_secs(30);
const HASTY_END_PATIENCE: Duration = Duration::from_secs(3);

/// Longest time until the server reports its address.
const START_PATIENCE: Duration = Duration::from_secs(60);

/// How often signals are checked in the meantime.
const GLANCE: Duration = Duration::from_millis(50);

/// Text that a panic leaves in the server's log.
const PANIC: &str = "panicked at";

/// How to start the server.
#[derive(Clone, Debug)]
pub struct Start {
    /// The server's program.
    pub program: PathBuf,
    /// The program that becomes the server; see [`guard`].
    pub guard: PathBuf,
    /// Further flags.
    pub flags: Vec<String>,
    /// Whether the server uses TLS.
    pub tls: bool,
    /// Number of clients to come.
    pub clients: usize,
    /// Whether mail programs are among them.
    pub with_programs: WithPrograms,
}

/// Whether a server listens for mail programs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WithPrograms {
    /// It does.
    Yes,
    /// It does not.
    No,
}

/// Where a server listens.
#[derive(Clone, Copy, Debug)]
struct Listening {
    own: SocketAddr,
    trust: Trust,
    programs: Option<ProgramAddresses>,
}

/// A server that was started for the load.
#[derive(Debug)]
pub struct OwnServer {
    start: Start,
    child: Child,
    /// Its address, also after a restart.
    pub address: SocketAddr,
    /// The trust of its clients in the server.
    pub trust: Trust,
    /// Its listeners for mail programs, also after a restart.
    pub programs: Option<ProgramAddresses>,
    directory: TempDir,
    last_cpu: Option<(Instant, f64)>,
}

impl OwnServer {
    /// Starts a server in a temporary directory on a free port of this machine.
    ///
    /// # Errors
    ///
    /// The server does not start; the message holds the end of its log.
    pub fn start(start: Start, interrupts: &Interrupts) -> Result<Self> {
        let directory = tempfile::tempdir().context("a temporary directory")?;
        let (child, listening) = spawn(&start, directory.path(), None, interrupts)?;
        let Listening { own: address, trust, programs } = listening;
        Ok(Self { start, child, address, trust, programs, directory, last_cpu: None })
    }

    /// Kills the server, as a power failure would, and starts it again on its port.
    ///
    /// # Errors
    ///
    /// The server does not start again.
    pub fn kill_and_restart(&mut self, interrupts: &Interrupts) -> Result<()> {
        self.child.kill()?;
        self.child.wait()?;
        let Self { address: own, trust, programs, .. } = *self;
        let before = Listening { own, trust, programs };
        let (child, _) = spawn(&self.start, self.directory.path(), Some(before), interrupts)?;
        self.child = child;
        self.last_cpu = None;
        Ok(())
    }

    /// The server's data directory.
    #[must_use]
    pub fn data(&self) -> PathBuf {
        data_of(self.directory.path())
    }

    /// The program for the commands of the server's operator.
    #[must_use]
    pub fn commands(&self) -> OperatorCommands {
        let Start { program, guard, .. } = self.start.clone();
        OperatorCommands { program, guard }
    }

    /// Describes the server's end if it has ended by itself.
    pub fn failure(&mut self) -> Option<String> {
        match self.child.try_wait() {
            Ok(None) => None,
            Ok(Some(status)) => Some(format!("it ended with {status}: {}", self.log())),
            Err(error) => Some(format!("it cannot be waited for: {error}")),
        }
    }

    /// Asks the server to end and waits for it; a server that does not end is killed.
    ///
    /// # Errors
    ///
    /// The server ends with a wrong status, or a thread of it has panicked.
    pub fn stop(mut self, interrupts: &Interrupts) -> Result<()> {
        kill_process(Pid::from_child(&self.child), Signal::TERM)?;
        let asked = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait()? {
                ensure!(status.success(), "it ended with {status}: {}", self.log());
                return match self.panic() {
                    Some(panic) => bail!(panic),
                    None => Ok(()),
                };
            }
            let patience = if interrupts.are_none() { END_PATIENCE } else { HASTY_END_PATIENCE };
            if asked.elapsed() >= patience {
                bail!("it did not end within {patience:?} of SIGTERM: {}", self.log());
            }
            thread::park_timeout(GLANCE);
        }
    }

    fn panic(&self) -> Option<String> {
        let log = BufReader::new(fs::File::open(log_of(self.directory.path())).ok()?);
        log.lines().map_while(Result::ok).find(|line| line.contains(PANIC))
    }

    /// The server's resident memory, in bytes.
    #[must_use]
    pub fn memory(&self) -> Option<u64> {
        process::memory(self.child.id()).ok()
    }

    /// The server's share of a processor since the last call.
    pub fn cpu(&mut self) -> Option<f64> {
        let used = process::processor_seconds(self.child.id())?;
        let now = Instant::now();
        let (before, at) = self.last_cpu.replace((now, used)).map(|(at, used)| (used, at))?;
        Some((used - before) / now.duration_since(at).as_secs_f64().max(0.001))
    }

    fn log(&self) -> String {
        last_lines(&log_of(self.directory.path()))
    }
}

impl Drop for OwnServer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn spawn(
    start: &Start,
    directory: &Path,
    before: Option<Listening>,
    interrupts: &Interrupts,
) -> Result<(Child, Listening)> {
    let many = (start.clients * 2 + 1000).to_string();
    let log = fs::File::options().create(true).append(true).open(log_of(directory))?;
    let mut command = Command::new(&start.program);
    command
        .args(["--config", "/dev/null", "--log-level", "warn"])
        .args(listeners(start, before))
        .arg("--data-dir")
        .arg(data_of(directory))
        // All clients come from one machine and log in at once, which real users would not.
        .args(["--max-connections", &many, "--connections-per-address", &many])
        .args(["--max-anonymous", &many, "--hash-queue", &many, "--bcrypt-cost", "4"])
        .args(["--failed-logins", "0", "--mails-per-hour", "0", "--registrations-per-hour", "0"])
        .args(["--mailbox-mails", "4000000000", "--mailbox-bytes", "1TiB"]);
    // A repeated flag is refused: the scenario's flags replace ours.
    let mut command = without(&command, &start.flags);
    command.args(&start.flags);
    if !start.tls {
        command.arg("--plaintext");
    }
    let mut child = guard::guarded(&start.guard, &command)?
        .env_clear()
        // Ctrl-C on a terminal is for the load generator, which then ends its server.
        .process_group(0)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(log)
        .spawn()
        .with_context(|| format!("cannot start {}", start.program.display()))?;
    match ready(&mut child, start, interrupts) {
        Ok(listening) => Ok((child, listening)),
        Err(error) => {
            let _ = child.kill();
            let _ = child.wait();
            let log = last_lines(&log_of(directory));
            Err(error.context(format!("the server did not start: {log}")))
        }
    }
}

/// The flags for the listeners: on the ports of before, or on any.
fn listeners(start: &Start, before: Option<Listening>) -> Vec<String> {
    let any = SocketAddr::from(([127, 0, 0, 1], 0));
    let mut flags =
        vec!["--listen".to_owned(), before.map_or(any, |before| before.own).to_string()];
    if start.with_programs == WithPrograms::Yes {
        let programs = before.and_then(|before| before.programs);
        let (submission, pop3) = services(start.tls);
        let submission_at = programs.map_or(any, |programs| programs.submission).to_string();
        let pop3_at = programs.map_or(any, |programs| programs.pop3).to_string();
        flags.extend([format!("--{submission}"), submission_at, format!("--{pop3}"), pop3_at]);
        flags.extend(["--mail-domain".to_owned(), DOMAIN.to_owned()]);
    }
    flags
}

/// The names of the services for mail programs.
fn services(tls: bool) -> (&'static str, &'static str) {
    if tls { ("submissions", "pop3s") } else { ("submission", "pop3") }
}

/// The command without the flags that `flags` sets anew.
fn without(command: &Command, flags: &[String]) -> Command {
    let mut kept = Command::new(command.get_program());
    let mut arguments = command.get_args().peekable();
    while let Some(argument) = arguments.next() {
        if flags.iter().any(|flag| argument == flag.as_str())
            && argument.to_string_lossy().starts_with("--")
        {
            // Skips the flag's value, too.
            arguments.next();
            continue;
        }
        kept.arg(argument);
    }
    kept
}

/// Reads the addresses and the fingerprints from the server's output.
fn ready(child: &mut Child, start: &Start, interrupts: &Interrupts) -> Result<Listening> {
    let lines = lines(child.stdout.take().context("its output is not there")?)?;
    let deadline = Instant::now() + START_PATIENCE;
    let line = |prefix: &str| {
        let line = next_line(&lines, deadline, interrupts)?;
        let rest = line.strip_prefix(prefix).map(str::to_owned);
        rest.with_context(|| format!("it says {line:?} where {prefix:?} was expected"))
    };
    let address = |service: &str| {
        let listening = line("listening on ")?;
        let (address, found) = listening.split_once(' ').unwrap_or_default();
        ensure!(found == format!("({service})"), "it listens for {found}, not for {service}");
        anyhow::Ok(address.parse::<SocketAddr>()?)
    };
    // Of a certificate for mail programs, the line says so after the fingerprint.
    let trust = || match start.tls {
        true => {
            let fingerprint = line("fingerprint ")?;
            let fingerprint = fingerprint.split(' ').next().unwrap_or_default();
            anyhow::Ok(Trust::Fingerprint(fingerprint.parse()?))
        }
        false => Ok(Trust::Plaintext),
    };
    let own = address(if start.tls { "tls" } else { "plaintext" })?;
    if start.with_programs == WithPrograms::No {
        return Ok(Listening { own, trust: trust()?, programs: None });
    }
    let (submission, pop3) = services(start.tls);
    let (submission, pop3) = (address(submission)?, address(pop3)?);
    let own_trust = trust()?;
    let programs = ProgramAddresses { submission, pop3, trust: trust()? };
    Ok(Listening { own, trust: own_trust, programs: Some(programs) })
}

/// The lines of the server's output, read by a thread until the output ends.
fn lines(output: ChildStdout) -> Result<Receiver<String>> {
    let (sender, receiver) = channel();
    let read = move || {
        for line in BufReader::new(output).lines().map_while(Result::ok) {
            // Without a receiver the output is read all the same, so that the server never blocks.
            let _ = sender.send(line);
        }
    };
    thread::Builder::new().name("server output".to_owned()).spawn(read)?;
    Ok(receiver)
}

fn next_line(
    lines: &Receiver<String>,
    deadline: Instant,
    interrupts: &Interrupts,
) -> Result<String> {
    loop {
        match lines.recv_timeout(GLANCE) {
            Ok(line) => return Ok(line),
            Err(RecvTimeoutError::Disconnected) => bail!("it ended at once"),
            Err(RecvTimeoutError::Timeout) => {}
        }
        ensure!(interrupts.are_none(), "ended by a signal");
        ensure!(Instant::now() < deadline, "it says nothing for {START_PATIENCE:?}");
    }
}

fn data_of(directory: &Path) -> PathBuf {
    directory.join("data")
}

fn log_of(directory: &Path) -> PathBuf {
    directory.join("log")
}
