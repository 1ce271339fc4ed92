//! The open database file: groups of jobs as transactions, upkeep between them, and errors that end
//! the store.

use std::{fs, path::PathBuf, sync::Arc, time::Duration};

use correio_proto::message::ListChange;
use rusqlite::Connection;

use super::{
    cache::AccountCache,
    census::Census,
    checkpoints::{Checkpoints, Commit, Due},
    connection::keep_log,
    content_cache::{ContentCache, Dropped},
    fatal::{Fatal, is_fatal, is_full},
    finder::{Finder, NameChange},
    group::{Group, PAGES_BYTES_MAX, Place},
    index,
    jobs::run_job,
    memtable::{Extent, Memtable, Slice},
    options::SqliteOptions,
    pace::{Load, Pace},
    pieces::{self, Left},
    report::{Report, Stopped},
    room::{Room, Step},
    tables::Tables,
    wal_state,
};
use crate::{
    clock::Clock,
    event::Event,
    store::{Quota, StoreDone, StoreJob, gateway::GatewayJob, page_bytes::page_bytes},
};

/// Free bytes on the disk below which no new mail or account is accepted: enough for a checkpoint
/// of a whole log, and for deletions meanwhile.
const RESERVE: u64 = 64 << 20;

/// How often the free space is measured while no job comes and the report is asked for: a disk that
/// another program fills is reported before the next mail is refused.
const MEASURED_EVERY: Duration = Duration::from_secs(5);

/// A memtable that is this many times over its flush threshold is flushed between groups, and while
/// no job waits, too.
const MEMTABLE_LATE: usize = 2;

/// A memtable that is this many times over its flush threshold is flushed as a whole after its
/// group. If that fails, new mail is refused.
const MEMTABLE_OVERDUE: usize = 8;

/// The open database.
#[derive(Debug)]
pub(super) struct Database {
    connection: Connection,
    checkpoints: Checkpoints,
    /// What the last commit has noted for the checkpoints.
    due: Due,
    quota: Quota,
    memtable: Memtable,
    /// Mails after which the memtable is flushed.
    memtable_mails: usize,
    /// Whether the last flush in a transaction of its own found the disk full.
    flush: Flushed,
    accounts: AccountCache,
    contents: ContentCache,
    /// Changes of names in the open transaction.
    names: Vec<NameChange>,
    finder: Arc<Finder>,
    room: Room,
    deletion: Pace,
    giving_back: Pace,
    census: Census,
    report: Arc<Report>,
    /// When the free space was measured last (uptime).
    measured_at: Duration,
    clock: Clock,
    directory: PathBuf,
    /// The connection's count of changes when the transaction began.
    changes_before: u64,
    /// Counts changes of the file by other programs; 0 before the first transaction.
    data_version: u32,
    /// Locked while the file is open: another server on this directory refuses to start.
    _lock: fs::File,
}

impl Database {
    /// Takes over a connection that was opened and checked, and the memtable that was read with it.
    pub(super) fn new(
        connection: Connection,
        checkpoints: Checkpoints,
        quota: Quota,
        options: SqliteOptions,
        memtable: Memtable,
        directory: PathBuf,
        lock: fs::File,
    ) -> Self {
        let report = Arc::<Report>::default();
        report.counts.given_back_bytes.set(Some(0));
        let finder = Arc::new(Finder::default());
        finder.read(&connection);
        Self {
            names: Vec::new(),
            finder,
            room: Room::new(checkpoints.page_size()),
            deletion: Pace::new(),
            giving_back: Pace::new(),
            connection,
            checkpoints,
            due: Due::Nothing,
            quota,
            memtable,
            memtable_mails: options.memtable_mails,
            flush: Flushed::Slice,
            accounts: AccountCache::default(),
            contents: ContentCache::new(options.uploads),
            census: Census::default(),
            report,
            measured_at: Duration::ZERO,
            clock: Clock::start(),
            directory,
            changes_before: 0,
            data_version: 0,
            _lock: lock,
        }
    }

    /// Looks people up in the names of this database.
    pub(super) fn finder(&self) -> Arc<Finder> {
        self.finder.clone()
    }

    /// What the thread reports to the loop.
    pub(super) fn report(&self) -> Arc<Report> {
        self.report.clone()
    }

    /// Runs a group of jobs, and jobs that arrive meanwhile, and makes their changes durable.
    /// Returns the results of the first jobs, in order; the others must wait until there is room
    /// for further pages of mails.
    pub(super) fn run(&mut self, group: &mut Group<'_>) -> Result<Vec<StoreDone>, Fatal> {
        self.collect_checkpoint()?;
        let intake = self.intake();
        let error = match self.transaction(intake, group) {
            Ok(results) => return Ok(results),
            Err(error) => error,
        };
        self.roll_back(&error)?;
        if is_full(&error) {
            // The log may take room that the disk lacks: a checkpoint empties it.
            self.checkpoints.empty(&self.connection)?;
        }
        // One job may have made the transaction fail, or only some fit on the disk: try each alone.
        let (mut results, mut pages) = (Vec::with_capacity(group.jobs().len()), 0);
        for (_, job) in group.jobs() {
            results.push(match self.alone(intake, job) {
                Ok(result) => result,
                Err(error) => {
                    self.roll_back(&error)?;
                    unavailable(&error)
                }
            });
            pages += results.last().map_or(0, page_bytes);
            if pages >= PAGES_BYTES_MAX {
                break;
            }
        }
        Ok(results)
    }

    /// Learns what the checkpoint thread has done, and reports what it has given back.
    fn collect_checkpoint(&mut self) -> Result<(), Fatal> {
        self.checkpoints.collect()?;
        self.report.counts.given_back_bytes.set(Some(self.checkpoints.given_back()));
        Ok(())
    }

    /// Stops intake if free space falls below [`RESERVE`], or below half of a small disk, and while
    /// an overdue memtable cannot be flushed. If the file system does not report its space, only
    /// failed writes stop intake.
    fn intake(&mut self) -> Intake {
        self.measured_at = self.clock.uptime();
        let intake = self.measured_intake();
        self.report.set_stopped(match intake {
            Intake::Open => None,
            Intake::Stopped(stopped) => Some(stopped),
        });
        intake
    }

    fn measured_intake(&self) -> Intake {
        if self.is_memtable_over(MEMTABLE_OVERDUE) {
            return Intake::Stopped(Stopped::Overdue);
        }
        let Ok(disk) = rustix::fs::statvfs(&self.directory) else {
            return Intake::Open;
        };
        let bytes = |blocks: u64| blocks.saturating_mul(disk.f_frsize);
        let reserve = RESERVE.min(bytes(disk.f_blocks) / 2);
        let free = bytes(disk.f_bavail);
        if free >= reserve || free.saturating_add(self.unused_bytes()) >= reserve {
            return Intake::Open;
        }
        Intake::Stopped(Stopped::DiskFull)
    }

    /// Whether the memtable is at least this many times over its flush threshold.
    fn is_memtable_over(&self, times: usize) -> bool {
        self.memtable.mails() >= self.memtable_mails.saturating_mul(times)
    }

    /// Bytes of free pages in the main file.
    fn unused_bytes(&self) -> u64 {
        let pragma =
            |name| self.connection.pragma_query_value(None, name, |row| row.get::<_, u32>(0));
        let pages = pragma("freelist_count").unwrap_or(0);
        u64::from(pages) * u64::from(pragma("page_size").unwrap_or(0))
    }

    fn transaction(
        &mut self,
        intake: Intake,
        group: &mut Group<'_>,
    ) -> rusqlite::Result<Vec<StoreDone>> {
        self.begin()?;
        let (mut results, mut pages) = (Vec::with_capacity(group.jobs().len()), 0);
        let (mut place, mut work) = (Place::Between, 0);
        while pages < PAGES_BYTES_MAX && place == Place::Between {
            if let Some((_, job)) = group.jobs().get(results.len()) {
                let (result, rows) = self.run_one(intake, job)?;
                work += rows;
                pages += page_bytes(&result);
                place = Place::of(work);
                results.push(result);
            // The same sync makes these durable, too; the group does not wait for them.
            } else if !group.grow() {
                break;
            }
        }
        let slice = match intake {
            Intake::Open if self.has_changed() && self.memtable.is_due(self.memtable_mails) => {
                Some(self.write_slice(Extent::Small)?)
            }
            // On a full disk the memtable stays.
            Intake::Open | Intake::Stopped(_) => None,
        };
        self.due = self.commit(Commit::Group)?;
        self.report.counts.group.observe_number(results.len());
        if let Some(slice) = slice {
            index::flushed(&mut self.memtable, &mut self.accounts, &slice);
        }
        Ok(results)
    }

    /// Runs one job in a transaction of its own.
    fn alone(&mut self, intake: Intake, job: &StoreJob) -> rusqlite::Result<StoreDone> {
        self.begin()?;
        let (result, _) = self.run_one(intake, job)?;
        self.commit(Commit::Step)?;
        Ok(result)
    }

    fn begin(&mut self) -> rusqlite::Result<()> {
        self.changes_before = self.connection.total_changes();
        self.names.clear();
        self.connection.prepare_cached("BEGIN")?.execute([])?;
        let version = self
            .connection
            .prepare_cached("PRAGMA data_version")?
            .query_row([], |row| row.get(0))?;
        if self.data_version != version {
            // Another program has changed the file, which makes cache and memtable out of date.
            self.accounts.clear();
            self.contents.clear();
            self.memtable.reload(&self.connection)?;
            if self.data_version > 0 {
                self.finder.read(&self.connection);
            }
            self.data_version = version;
        }
        if self.finder.take_lost_names() {
            self.finder.read(&self.connection);
        }
        Ok(())
    }

    /// Commits the open transaction. Returns what it ends of the log.
    fn commit(&mut self, commit: Commit) -> rusqlite::Result<Due> {
        // Transactions that only read must not need room on the disk.
        let has_changed = self.has_changed() || commit == Commit::Room;
        let due = match has_changed {
            true => self.checkpoints.note(&self.connection, commit)?,
            false => Due::Nothing,
        };
        let begun = self.clock.uptime();
        self.connection.prepare_cached("COMMIT")?.execute([])?;
        self.finder.change(std::mem::take(&mut self.names));
        if has_changed {
            self.report.counts.commit.observe(self.clock.uptime().saturating_sub(begun));
            self.checkpoints.committed();
            self.room.changed();
            self.report_uploads();
        }
        Ok(due)
    }

    /// Whether the open transaction has changed anything.
    fn has_changed(&self) -> bool {
        self.connection.total_changes() > self.changes_before
    }

    /// Runs one job. Returns its result, and its work as [`Tables::work`] counts it.
    fn run_one(&mut self, intake: Intake, job: &StoreJob) -> rusqlite::Result<(StoreDone, usize)> {
        match intake {
            Intake::Stopped(reason) if takes_in(job) => {
                Ok((StoreDone::Unavailable(reason.as_str().into()), 0))
            }
            Intake::Open | Intake::Stopped(_) => {
                let (db, quota) = (&self.connection, self.quota);
                let (memtable, accounts) = (&mut self.memtable, &mut self.accounts);
                let (contents, names) = (&mut self.contents, &mut self.names);
                let work = 0;
                let mut tables = Tables { db, quota, memtable, accounts, contents, names, work };
                let result = run_job(&mut tables, job)?;
                Ok((result, tables.work))
            }
        }
    }

    /// Rolls a failed transaction back. Returns [`Fatal`] if the state on disk is unknown or
    /// damaged.
    fn roll_back(&mut self, error: &rusqlite::Error) -> Result<(), Fatal> {
        if is_fatal(error) {
            return Err(Fatal(error.to_string().into()));
        }
        if !self.connection.is_autocommit() {
            let rolled_back = self.connection.execute_batch("ROLLBACK");
            rolled_back.map_err(|error| Fatal(error.to_string().into()))?;
        }
        // SQLite may have rolled back by itself. Either way caches and memtable are out of date.
        self.accounts.clear();
        self.contents.clear();
        let read = self.memtable.reload(&self.connection);
        read.map_err(|error| Fatal(error.to_string().into()))
    }

    /// Does upkeep between groups: moves the log when it is due, and deletes some dropped pieces.
    /// The memtable is flushed with the groups, unless it is late.
    pub(super) fn tidy(&mut self) -> Result<(), Fatal> {
        self.deletion.group_done();
        self.giving_back.group_done();
        let due = std::mem::take(&mut self.due);
        self.checkpoints.proceed(due, &self.connection)?;
        if self.contents.dropped == Dropped::DiskFull {
            self.contents.dropped = Dropped::Pieces;
        }
        self.delete_dropped()?;
        // A flush of the whole is not tried again on a disk that has no room for it.
        let extent = match std::mem::replace(&mut self.flush, Flushed::Slice) {
            Flushed::Slice if self.is_memtable_over(MEMTABLE_OVERDUE) => Extent::Whole,
            Flushed::Slice | Flushed::DiskFull => Extent::Small,
        };
        if self.is_memtable_over(MEMTABLE_LATE) {
            self.flush_memtable(extent)?;
        }
        self.proceed_with_census();
        self.give_back()
    }

    /// Deletes some dropped pieces, so few that the next group hardly waits for it. On a full disk
    /// they stay until after the next group.
    fn delete_dropped(&mut self) -> Result<(), Fatal> {
        if self.contents.dropped != Dropped::Pieces {
            self.contents.owe_nothing();
            return Ok(());
        }
        let owed = self.contents.owed();
        if owed == 0 && !self.deletion.is_due() {
            return Ok(());
        }
        let rows = pieces::slice_rows(self.deletion.load(), owed);
        let deleted = self.begin().and_then(|()| {
            let deleted = pieces::delete_slice(&self.connection, rows)?;
            Ok((deleted, self.commit(Commit::Group)?))
        });
        self.deletion.slice_done();
        match deleted {
            Ok((deleted, due)) => {
                self.contents.deleted(deleted.rows);
                if deleted.left == Left::Nothing {
                    self.contents.dropped = Dropped::Nothing;
                }
                self.checkpoints.proceed(due, &self.connection)
            }
            Err(error) => {
                self.roll_back(&error)?;
                match is_full(&error) {
                    true => self.contents.dropped = Dropped::DiskFull,
                    // Another program writes.
                    false => self.deletion.slice_failed(),
                }
                Ok(())
            }
        }
    }

    /// How long the thread may wait for jobs until [`Database::tidy_idle`] has something to do;
    /// `None` if nothing but a checkpoint's end.
    pub(super) fn idle_wait(&self) -> Option<Duration> {
        if self.checkpoints.is_cutting() || self.is_flush_due() {
            return Some(Duration::ZERO);
        }
        let is_dropped = self.contents.dropped == Dropped::Pieces;
        let dropped = is_dropped.then(|| self.deletion.wait());
        let room = self.room.wait().map(|wait| wait.max(self.giving_back.wait()));
        let report = self.report.is_watched().then(|| {
            let now = self.clock.uptime();
            self.census.wait(now).min((self.measured_at + MEASURED_EVERY).saturating_sub(now))
        });
        dropped.into_iter().chain(room).chain(report).min()
    }

    /// Whether the memtable is late, and the disk was not full when it was flushed last.
    fn is_flush_due(&self) -> bool {
        self.flush == Flushed::Slice && self.is_memtable_over(MEMTABLE_LATE)
    }

    /// Does upkeep while no job waits.
    pub(super) fn tidy_idle(&mut self) -> Result<(), Fatal> {
        self.collect_checkpoint()?;
        if self.contents.dropped == Dropped::Pieces && self.deletion.is_due() {
            return self.delete_dropped();
        }
        if self.is_flush_due() {
            return self.flush_memtable(Extent::Small);
        }
        let is_old = self.clock.uptime() >= self.measured_at + MEASURED_EVERY;
        if self.report.stopped().is_some() || self.report.is_watched() && is_old {
            self.intake();
        }
        self.proceed_with_census();
        if self.checkpoints.is_cutting() {
            return self.give_back_in(|_, _, _| Ok(()));
        }
        self.give_back()
    }

    /// Counts a slice of the accounts, if one is due and the numbers are asked for.
    fn proceed_with_census(&mut self) {
        let now = self.clock.uptime();
        if self.report.is_watched() && self.census.wait(now).is_zero() {
            self.census.step(&self.connection, &self.report.counts, now);
            self.report_uploads();
        }
    }

    /// Reports the bytes of uploads, which are known already after the first time.
    fn report_uploads(&mut self) {
        if self.report.is_watched() {
            let bytes = self.contents.upload_bytes(&self.connection);
            self.report.counts.upload_bytes.set(bytes.ok());
        }
    }

    /// Gives a slice of room back to the disk, if one is due.
    fn give_back(&mut self) -> Result<(), Fatal> {
        if !self.giving_back.is_due() {
            return Ok(());
        }
        match self.room.step(&self.connection)? {
            Step::Nothing => Ok(()),
            Step::Slice => {
                self.give_back_in(Room::slice)?;
                self.giving_back.slice_done();
                Ok(())
            }
            Step::Cut => {
                self.checkpoints.cut();
                Ok(())
            }
        }
    }

    /// Runs a step for room in a transaction, and has the log moved that it makes.
    fn give_back_in(
        &mut self,
        step: fn(&Room, &Connection, Load) -> rusqlite::Result<()>,
    ) -> Result<(), Fatal> {
        let load = self.giving_back.load();
        let given = self
            .begin()
            .and_then(|()| step(&self.room, &self.connection, load))
            .and_then(|()| self.commit(Commit::Room));
        match given {
            Ok(due) => self.checkpoints.proceed(due, &self.connection),
            Err(error) => {
                match is_full(&error) {
                    true => self.room.give_up(),
                    // Another program writes.
                    false => self.giving_back.slice_failed(),
                }
                self.checkpoints.give_up();
                self.roll_back(&error)
            }
        }
    }

    /// Writes a slice of the memtable to the index, in the open transaction.
    fn write_slice(&mut self, extent: Extent) -> rusqlite::Result<Slice> {
        let slice = self.memtable.next_slice(extent);
        index::flush(&self.connection, &slice)?;
        Ok(slice)
    }

    /// Flushes a slice of the memtable in a transaction of its own. On a full disk it stays, for
    /// another try.
    fn flush_memtable(&mut self, extent: Extent) -> Result<(), Fatal> {
        let flushed = self.begin().and_then(|()| self.write_slice(extent)).and_then(|slice| {
            self.commit(Commit::Step)?;
            Ok(slice)
        });
        match flushed {
            Ok(slice) => {
                index::flushed(&mut self.memtable, &mut self.accounts, &slice);
                self.flush = Flushed::Slice;
                Ok(())
            }
            Err(error) if is_full(&error) => {
                self.flush = Flushed::DiskFull;
                self.roll_back(&error)
            }
            // Memory and file may disagree from now on.
            Err(error) => Err(error.into()),
        }
    }

    /// Flushes the memtable and moves the log, so that the main file is whole without a log. On a
    /// full disk, or while another program reads, the log stays.
    pub(super) fn close(mut self) -> Result<(), Fatal> {
        self.flush = Flushed::Slice;
        while self.memtable.mails() > 0 && self.flush == Flushed::Slice {
            self.flush_memtable(Extent::Whole)?;
        }
        if !self.checkpoints.empty(&self.connection)? {
            Event::StoreWalLeft.log();
            return Ok(());
        }
        let ended = self
            .begin()
            .and_then(|()| wal_state::end(&self.connection))
            .and_then(|()| self.commit(Commit::End));
        if let Err(error) = ended {
            return self.roll_back(&error);
        }
        match self.checkpoints.empty(&self.connection)? {
            true => keep_log(&self.connection, false)?,
            false => Event::StoreWalLeft.log(),
        }
        let Self { connection, checkpoints, .. } = self;
        // The last connection that is closed deletes the log and its index.
        checkpoints.end(connection);
        Ok(())
    }
}

/// Whether new mails and accounts are accepted.
#[derive(Clone, Copy, Debug)]
enum Intake {
    Open,
    /// They are refused, for this reason.
    Stopped(Stopped),
}

/// What a flush in a transaction of its own came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Flushed {
    Slice,
    /// The memtable stays until after the next group.
    DiskFull,
}

/// Whether a job makes the file larger. Other jobs go on when the disk is almost full.
fn takes_in(job: &StoreJob) -> bool {
    match job {
        StoreJob::Send { .. } | StoreJob::CreateAccount { .. } => true,
        StoreJob::ChangeList { change, .. } => {
            matches!(change, ListChange::Create { .. } | ListChange::Add { .. })
        }
        // An empty piece asks how far the upload is.
        StoreJob::Upload { bytes, .. } | StoreJob::Gateway(GatewayJob::Stage { bytes, .. }) => {
            !bytes.as_bytes().is_empty()
        }
        _ => false,
    }
}

fn unavailable(error: &rusqlite::Error) -> StoreDone {
    StoreDone::Unavailable(error.to_string().into())
}
