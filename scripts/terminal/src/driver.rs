//! Runs the steps, each decided by the seed and the step's number, and checks their effects.

use std::{
    collections::VecDeque,
    fs::File,
    io::Write,
    path::PathBuf,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, ensure};
use correio_client::{Address, Mailbox};
use correio_testing::proxy::{Proxy, ProxyMode};
use fastrand::Rng;
use tempfile::TempDir;

use crate::{
    ledger::{Ledger, drafts},
    options::Options,
    pty::Pty,
    report::Report,
    sequences::Sequences,
    server::Server,
};

/// Number of actions that a failure reports.
const LAST_ACTIONS: usize = 50;

/// Number of steps between two full checks.
const CHECK_EVERY: u64 = 8;

/// A run.
pub(crate) struct Driver {
    pub(crate) program: PathBuf,
    pub(crate) rng: Rng,
    pub(crate) sequences: Sequences,
    pub(crate) server: Server,
    pub(crate) proxy: Proxy,
    pub(crate) data: TempDir,
    pub(crate) pty: Option<Pty>,
    pub(crate) size: (u16, u16),
    pub(crate) ledger: Ledger,
    pub(crate) report: Report,
    /// Processor time of the step's clients.
    pub(crate) used: Duration,
    /// Processor time that the running client had used when it was last counted.
    pub(crate) before: Duration,
    seed: u64,
    time: Duration,
    steps: Option<u64>,
    started: Instant,
    last: VecDeque<String>,
    record: Option<File>,
    last_screen: Vec<String>,
}

impl Driver {
    pub(crate) fn new(options: &Options) -> Result<Self> {
        let server = Server::start(options.programs.clone())?;
        let proxy = Proxy::start(server.address, ProxyMode::Open)?;
        let record = options.record.as_ref().map(File::create).transpose();
        Ok(Self {
            program: options.programs.client.clone(),
            rng: Rng::with_seed(options.seed),
            sequences: Sequences::kept(),
            server,
            proxy,
            data: TempDir::new()?,
            pty: None,
            size: (24, 80),
            ledger: Ledger::default(),
            report: Report::default(),
            used: Duration::ZERO,
            before: Duration::ZERO,
            seed: options.seed,
            time: options.time,
            steps: options.steps,
            started: Instant::now(),
            last: VecDeque::new(),
            record: record.context("the file for the record")?,
            last_screen: vec![],
        })
    }

    /// The last actions, and the screen.
    pub(crate) fn last(&self) -> (Vec<String>, Vec<String>) {
        let screen = self.pty.as_ref().map_or_else(|| self.last_screen.clone(), Pty::lines);
        (self.last.iter().cloned().collect(), screen)
    }

    pub(crate) fn run(&mut self) -> Result<Report> {
        let steps = self.steps.unwrap_or(u64::MAX);
        while self.started.elapsed() < self.time && self.report.steps < steps {
            self.report.steps += 1;
            // Each step has its own seed, so that one step's random numbers do not shift another's.
            let step = self.report.steps.wrapping_mul(0x9e37_79b9_7f4a_7c15);
            self.rng = Rng::with_seed(self.seed ^ step);
            self.begin_counting();
            self.step()?;
            self.end_counting()?;
            if self.report.steps.is_multiple_of(CHECK_EVERY) {
                self.check()?;
            }
        }
        self.note("the end");
        self.go_home()?;
        self.leave()?;
        self.check()?;
        self.check_received()?;
        (self.report.written, self.report.sent) = self.ledger.counts();
        Ok(self.report)
    }

    fn step(&mut self) -> Result<()> {
        match self.rng.u8(0..20) {
            0..4 => self.monkey_in_the_menu(),
            4 => self.monkey_in_the_account_menu(),
            5..7 => self.monkey_in_a_question(),
            7..14 => self.compose(),
            14 => self.receive(),
            15..17 => self.handle_a_draft(),
            17 => self.restart_the_server(),
            18 => self.break_the_connection(),
            _ => self.end_in_the_menu(),
        }
    }

    /// Records an action.
    pub(crate) fn note(&mut self, action: impl AsRef<str>) {
        self.report.actions += 1;
        let seconds = self.started.elapsed().as_secs_f64();
        let line = format!("{seconds:9.3} [{}] {}", self.report.steps, action.as_ref());
        if let Some(record) = &mut self.record {
            let _ = writeln!(record, "{line}");
        }
        if self.last.len() == LAST_ACTIONS {
            self.last.pop_front();
        }
        self.last.push_back(line);
    }

    /// Keeps the last screen of a client that has ended.
    pub(crate) fn keep_screen(&mut self) {
        self.last_screen = self.pty.as_ref().map_or_else(Vec::new, Pty::lines);
    }

    /// Compares server and drafts with the ledger. The client must have ended or be idle.
    pub(crate) fn check(&mut self) -> Result<()> {
        self.note("check accounts, mails and drafts");
        self.server.look_at_accounts()?;
        let arrived = self.server.take("pepper")?;
        self.ledger.check(&arrived, &drafts(self.data.path()))
    }

    fn check_received(&self) -> Result<()> {
        let address: Address = self.proxy.address.to_string().parse()?;
        let mailbox = Mailbox::open(self.data.path(), &address, &"tony".parse()?);
        let list = mailbox.list(1, usize::MAX)?;
        ensure!(list.skipped.is_empty(), "{:?}", list.skipped);
        let received: Vec<String> =
            list.mails.iter().map(|mail| mail.subject.as_str().to_owned()).collect();
        let left: Vec<String> =
            self.server.take("tony")?.iter().map(|mail| mail.subject.as_str().to_owned()).collect();
        self.ledger.check_received(&received, &left)
    }
}
