//! Verifies backups: restores each into a temporary directory, checks it, and compares its mails
//! with the history of the run.

use std::{fs, path::Path};

use anyhow::{Context as _, Result};
use correio_proto::mail::MailId;
use rusqlite::{Connection, OpenFlags};

use super::{
    command::{CommandEnd, OperatorCommand, OperatorCommands},
    take::{TakenBackup, TakenBackups},
};
use crate::{
    history::{Differences, HeldMails, History},
    interrupts::Interrupts,
    results::{BackupOutcome, BackupSummary},
};

/// The backups of a run, and everything that verifying them takes.
#[derive(Debug)]
pub struct BackupsToVerify {
    /// The backups.
    pub taken: TakenBackups,
    /// The server's program.
    pub commands: OperatorCommands,
    /// The history of the run.
    pub history: History,
}

/// What one backup turned out to be.
struct Verified {
    outcome: BackupOutcome,
    /// Mails and waiting copies that it holds; 0 if it was not read.
    mails: u64,
    waiting: u64,
}

impl BackupsToVerify {
    /// Verifies one backup after the other, and deletes each afterwards. Calls `done` with the
    /// number of verified backups. After a signal to the run, the others stay unverified.
    ///
    /// # Errors
    ///
    /// The machine refuses a file or a process.
    pub fn verify(
        self,
        interrupts: &Interrupts,
        mut done: impl FnMut(usize),
    ) -> Result<Vec<BackupSummary>> {
        let mut summaries = Vec::new();
        for backup in &self.taken.backups {
            let Verified { outcome, mails, waiting } = self.verify_one(backup, interrupts)?;
            let interval = backup.interval;
            summaries.push(BackupSummary {
                began: interval.began.as_secs_f64(),
                seconds: interval.ended.saturating_sub(interval.began).as_secs_f64(),
                bytes: backup.made.as_ref().map_or(0, |(_, bytes)| *bytes),
                mails,
                waiting,
                outcome,
            });
            done(summaries.len());
        }
        Ok(summaries)
    }

    fn verify_one(&self, backup: &TakenBackup, interrupts: &Interrupts) -> Result<Verified> {
        let unread = |outcome| Ok(Verified { outcome, mails: 0, waiting: 0 });
        let file = match &backup.made {
            Ok((file, _)) => file,
            Err(why) => return unread(BackupOutcome::Wrong(format!("backup: {why}"))),
        };
        if !interrupts.are_none() {
            return unread(BackupOutcome::Unverified);
        }
        let data = self.taken.directory.path().join("restored");
        let outcome = self.restore_and_check(file, &data, interrupts)?;
        fs::remove_file(file).with_context(|| format!("{}", file.display()))?;
        if outcome != BackupOutcome::Sound {
            remove(&data)?;
            return unread(outcome);
        }
        let held = read(&data.join("correio.db"));
        remove(&data)?;
        let held = match held {
            Ok(held) => held,
            Err(error) => return unread(BackupOutcome::Wrong(format!("{error:#}"))),
        };
        let differences = self.history.compare(backup.interval, &held);
        let outcome = match differences.are_none() {
            true => BackupOutcome::Sound,
            false => BackupOutcome::Wrong(described(&differences)),
        };
        let (mails, waiting) = (held.accepted.len() as u64, held.waiting.len() as u64);
        Ok(Verified { outcome, mails, waiting })
    }

    fn restore_and_check(
        &self,
        file: &Path,
        data: &Path,
        interrupts: &Interrupts,
    ) -> Result<BackupOutcome> {
        let log = self.taken.directory.path().join("log");
        match self.commands.run(OperatorCommand::Restore(file), data, &log, interrupts)? {
            CommandEnd::Succeeded => {}
            CommandEnd::Failed(why) => return Ok(BackupOutcome::Wrong(format!("restore: {why}"))),
            CommandEnd::Interrupted => return Ok(BackupOutcome::Unverified),
        }
        Ok(match self.commands.run(OperatorCommand::Check, data, &log, interrupts)? {
            CommandEnd::Succeeded => BackupOutcome::Sound,
            CommandEnd::Failed(why) => BackupOutcome::Wrong(format!("check: {why}")),
            CommandEnd::Interrupted => BackupOutcome::Unverified,
        })
    }
}

/// Removes a restored directory, if there is one.
fn remove(data: &Path) -> Result<()> {
    if data.exists() {
        fs::remove_dir_all(data).with_context(|| format!("{}", data.display()))?;
    }
    Ok(())
}

/// Reads the mails of a restored database: its idempotency records, and the copies that wait.
fn read(path: &Path) -> Result<HeldMails> {
    // The restored directory is a temporary one, in which SQLite may make its files.
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let db = Connection::open_with_flags(path, flags).context("the restored database")?;
    let set = |sql: &str| {
        let mut select = db.prepare(sql)?;
        let mut rows = select.query([])?;
        let mut mails = std::collections::HashSet::new();
        while let Some(row) = rows.next()? {
            let (username, id): (String, [u8; 16]) = (row.get(0)?, row.get(1)?);
            mails.insert((username.parse()?, MailId::try_from(id)?));
        }
        anyhow::Ok(mails)
    };
    let accepted = "SELECT username, verdict.id FROM verdict JOIN account ON account.id = sender";
    let waiting = "SELECT username, mail.id FROM mail JOIN account ON account.id = mail.account";
    Ok(HeldMails {
        accepted: set(accepted).context("the restored idempotency records")?,
        waiting: set(waiting).context("the restored mails")?,
    })
}

/// The differences in a sentence.
fn described(found: &Differences) -> String {
    let Differences { lost, too_new, foreign, lost_copies, returned_copies, examples } = found;
    format!(
        "it holds no prefix of what was acknowledged: {lost} mails lost, {too_new} sent after its \
         end, {foreign} foreign, {lost_copies} copies lost, {returned_copies} copies after their \
         confirmation ({})",
        examples.join("; ")
    )
}
