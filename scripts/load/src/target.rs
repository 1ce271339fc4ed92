//! The server under load: one that is started for it, or one that is there.

use std::{
    fs,
    io::{BufRead, BufReader},
    net::SocketAddr,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail, ensure};
use correio_client::Trust;
use tempfile::TempDir;

/// Ticks of processor time in a second, on every Linux there is.
const TICKS: f64 = 100.0;

/// How long a server may take to end when it is asked to.
const END_PATIENCE: Duration = Duration::from_secs(30);

/// What a server of one's own is started with.
#[derive(Clone, Debug)]
pub struct Start {
    /// The program.
    pub program: PathBuf,
    /// Further flags.
    pub flags: Vec<String>,
    /// Whether it speaks TLS.
    pub tls: bool,
    /// How many clients come.
    pub clients: usize,
}

/// A server that was started for the load.
#[derive(Debug)]
pub struct OwnServer {
    start: Start,
    child: Child,
    /// Where it listens, also after a restart.
    pub address: SocketAddr,
    /// What its clients trust.
    pub trust: Trust,
    directory: TempDir,
    last_cpu: Option<(Instant, f64)>,
}

impl OwnServer {
    /// Starts a server in a temporary directory on a free port of this machine.
    ///
    /// # Errors
    ///
    /// It does not start; its last words are in the message.
    pub fn start(start: Start) -> Result<Self> {
        let directory = tempfile::tempdir().context("a temporary directory")?;
        let (child, address, trust) = spawn(&start, directory.path(), "127.0.0.1:0")?;
        Ok(Self { start, child, address, trust, directory, last_cpu: None })
    }

    /// Ends it without a warning, as a power failure would, and starts it again on its port.
    ///
    /// # Errors
    ///
    /// It does not start again.
    pub fn kill_and_restart(&mut self) -> Result<()> {
        self.child.kill()?;
        self.child.wait()?;
        let (child, ..) = spawn(&self.start, self.directory.path(), &self.address.to_string())?;
        self.child = child;
        self.last_cpu = None;
        Ok(())
    }

    /// Asks it to end and waits for that.
    ///
    /// # Errors
    ///
    /// It ends otherwise than it should.
    pub fn stop(&mut self) -> Result<()> {
        let pid = rustix::process::Pid::from_child(&self.child);
        rustix::process::kill_process(pid, rustix::process::Signal::TERM)?;
        let deadline = Instant::now() + END_PATIENCE;
        loop {
            if let Some(status) = self.child.try_wait()? {
                ensure!(status.success(), "the server ended with {status}: {}", self.log());
                return Ok(());
            }
            if Instant::now() >= deadline {
                bail!("the server did not end: {}", self.log());
            }
            std::thread::park_timeout(Duration::from_millis(20));
        }
    }

    /// Its resident memory, in bytes.
    #[must_use]
    pub fn memory(&self) -> Option<u64> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id())).ok()?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
        Some(line.split_whitespace().next()?.parse::<u64>().ok()? * 1024)
    }

    /// The share of a processor it has used since the last call.
    pub fn cpu(&mut self) -> Option<f64> {
        let used = processor_seconds(self.child.id())?;
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

/// Processor time that a process has used, in seconds (proc(5), `stat`).
#[must_use]
pub fn processor_seconds(pid: u32) -> Option<f64> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name in brackets may hold anything; the fields behind it are numbers.
    let mut fields = stat.rsplit_once(')')?.1.split_whitespace().skip(11);
    let mut ticks = || fields.next()?.parse::<f64>().ok();
    Some((ticks()? + ticks()?) / TICKS)
}

fn spawn(start: &Start, directory: &Path, listen: &str) -> Result<(Child, SocketAddr, Trust)> {
    let many = (start.clients * 2 + 1000).to_string();
    let mut command = Command::new(&start.program);
    let log = fs::File::options().create(true).append(true).open(log_of(directory))?;
    command
        .env_clear()
        .args(["--config", "/dev/null", "--listen", listen, "--log-level", "warn"])
        .arg("--data-dir")
        .arg(directory.join("data"))
        // All clients come from one machine, and log in at once where a person would not.
        .args(["--max-connections", &many, "--connections-per-address", &many])
        .args(["--max-anonymous", &many, "--hash-queue", &many, "--bcrypt-cost", "4"])
        .args(["--failed-logins", "0", "--mails-per-hour", "0", "--registrations-per-hour", "0"])
        .args(["--mailbox-mails", "4000000000", "--mailbox-bytes", "1TiB"]);
    // A flag that is given twice is refused: those of the scenario go before ours.
    let mut command = without(&command, &start.flags);
    command.args(&start.flags);
    if !start.tls {
        command.arg("--plaintext");
    }
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(log)
        .spawn()
        .with_context(|| format!("cannot start {}", start.program.display()))?;
    match ready(&mut child, start.tls) {
        Some((address, trust)) => Ok((child, address, trust)),
        None => {
            let _ = child.kill();
            let _ = child.wait();
            bail!("the server did not start: {}", last_lines(&log_of(directory)))
        }
    }
}

/// The command without the flags that are given anew.
fn without(command: &Command, flags: &[String]) -> Command {
    let mut kept = Command::new(command.get_program());
    kept.env_clear();
    let mut arguments = command.get_args().peekable();
    while let Some(argument) = arguments.next() {
        if flags.iter().any(|flag| argument == flag.as_str())
            && argument.to_string_lossy().starts_with("--")
        {
            // With its value.
            arguments.next();
            continue;
        }
        kept.arg(argument);
    }
    kept
}

/// What it says of itself once it can be used.
fn ready(child: &mut Child, tls: bool) -> Option<(SocketAddr, Trust)> {
    let mut lines = BufReader::new(child.stdout.take()?).lines();
    let mut line = || lines.next()?.ok();
    let listening = line()?;
    let address = listening.strip_prefix("listening on ")?.split(' ').next()?.parse().ok()?;
    let trust = match tls {
        true => Trust::Fingerprint(line()?.strip_prefix("fingerprint ")?.parse().ok()?),
        false => Trust::Plaintext,
    };
    Some((address, trust))
}

fn log_of(directory: &Path) -> PathBuf {
    directory.join("log")
}

fn last_lines(path: &Path) -> String {
    let text = fs::read_to_string(path).unwrap_or_default();
    let lines: Vec<_> = text.lines().collect();
    lines.get(lines.len().saturating_sub(5)..).unwrap_or_default().join("; ")
}
