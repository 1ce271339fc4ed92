//! Takes backups at intervals, on a thread of its own.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel},
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, anyhow};
use tempfile::TempDir;

use super::command::{CommandEnd, OperatorCommand, OperatorCommands};
use crate::{history::Interval, interrupts::Interrupts};

/// Most backups of a run. All of them are on the disk until the load is over.
pub const BACKUPS_MAX: usize = 120;

/// No further backup is taken once all of them have this many bytes.
const BYTES_MAX: u64 = 4 << 30;

/// A backup that was taken, or could not be taken.
#[derive(Debug)]
pub struct TakenBackup {
    /// Its begin and end, since the start of the load.
    pub interval: Interval,
    /// The file and its size in bytes, or why there is none.
    pub made: Result<(PathBuf, u64), String>,
}

/// All backups of a run, in the directory where they are verified.
#[derive(Debug)]
pub struct TakenBackups {
    /// The backups, in their order.
    pub backups: Vec<TakenBackup>,
    /// The directory with the files of the backups, which is removed in the end.
    pub directory: TempDir,
}

/// A thread that takes backups until it is told to stop.
#[derive(Debug)]
pub struct BackupThread {
    /// Dropped to stop the thread.
    stop: Option<Sender<()>>,
    thread: Option<JoinHandle<Result<TakenBackups>>>,
}

/// What the thread works with.
struct Taker {
    commands: OperatorCommands,
    /// The server's data directory.
    data: PathBuf,
    /// The start of the load.
    started: Instant,
    interrupts: Interrupts,
    taken: TakenBackups,
}

impl BackupThread {
    /// Begins to take backups of a data directory, the first one `every` after `started`. A backup
    /// that takes longer than `every` delays the next one: there is never more than one at a time.
    ///
    /// # Errors
    ///
    /// The machine refuses a thread or a temporary directory.
    pub fn start(
        commands: OperatorCommands,
        data: PathBuf,
        every: Duration,
        started: Instant,
        interrupts: Interrupts,
    ) -> Result<Self> {
        let directory = tempfile::tempdir().context("a temporary directory")?;
        let taken = TakenBackups { backups: Vec::new(), directory };
        let taker = Taker { commands, data, started, interrupts, taken };
        let (stop, stopped) = channel();
        let thread = thread::Builder::new()
            .name("backups".to_owned())
            .spawn(move || taker.run(every, &stopped))
            .context("a thread for backups")?;
        Ok(Self { stop: Some(stop), thread: Some(thread) })
    }

    /// Begins no further backup. The backup under way goes on.
    pub fn stop(&mut self) {
        self.stop = None;
    }

    /// Waits for the end of the backup under way. Returns all backups.
    ///
    /// # Errors
    ///
    /// The machine refused a file or a process.
    pub fn finish(mut self) -> Result<TakenBackups> {
        self.stop();
        let thread = self.thread.take().context("the backups have ended before")?;
        thread.join().map_err(|_| anyhow!("the thread for backups has panicked"))?
    }
}

impl Drop for BackupThread {
    fn drop(&mut self) {
        self.stop();
        let _ = self.thread.take().map(JoinHandle::join);
    }
}

impl Taker {
    fn run(mut self, every: Duration, stopped: &Receiver<()>) -> Result<TakenBackups> {
        let mut due = every;
        while self.may_take_more() {
            let wait = due.saturating_sub(self.started.elapsed());
            match stopped.recv_timeout(wait) {
                Err(RecvTimeoutError::Timeout) => {}
                Ok(()) | Err(RecvTimeoutError::Disconnected) => break,
            }
            due = self.started.elapsed().max(due) + every;
            if !self.take()? {
                break;
            }
        }
        Ok(self.taken)
    }

    fn may_take_more(&self) -> bool {
        let sizes = self.taken.backups.iter().filter_map(|backup| backup.made.as_ref().ok());
        let bytes: u64 = sizes.map(|(_, bytes)| bytes).sum();
        self.taken.backups.len() < BACKUPS_MAX && bytes < BYTES_MAX
    }

    /// Takes one backup. Returns false if a signal to the run ended it.
    fn take(&mut self) -> Result<bool> {
        let directory = self.taken.directory.path();
        let file = directory.join(format!("{}.tar.gz", self.taken.backups.len()));
        let log = directory.join("log");
        let began = self.started.elapsed();
        let end = self.commands.run(
            OperatorCommand::Backup(&file),
            &self.data,
            &log,
            &self.interrupts,
        )?;
        let interval = Interval { began, ended: self.started.elapsed() };
        let made = match end {
            CommandEnd::Succeeded => size(&file).map(|bytes| (file, bytes)),
            CommandEnd::Failed(why) => Err(why),
            CommandEnd::Interrupted => return Ok(false),
        };
        self.taken.backups.push(TakenBackup { interval, made });
        Ok(true)
    }
}

fn size(file: &Path) -> Result<u64, String> {
    let metadata = fs::metadata(file);
    metadata.map(|metadata| metadata.len()).map_err(|error| format!("it left no file: {error}"))
}
