//! A lane: a thread with one connection to the database, which does the jobs of its queue.

use std::{
    collections::HashSet,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
    time::Duration,
};

use super::{
    batch::{self, PlainMail},
    connect_error::ConnectError,
    connection::{Connection, Transaction},
    context::Context,
    database_url::DatabaseUrl,
    deadline::Deadline,
    error::{CommitError, QueryError},
    finished::Finished,
    heartbeat::Heartbeat,
    jobs::{run_job, tells_a_change},
    news_board::NewsBoard,
    options::{DatabaseSync, PostgresOptions},
    pieces,
    queue::{LaneQueue, Taken, Waiting},
    report::Report,
};
use crate::{
    clock::Clock,
    store::{Quota, StoreDone, StoreFailed, StoreJob},
    waker::Wake,
};

/// How long a lane waits for a job before it deletes pieces that nothing names any more.
const IDLE: Duration = Duration::from_secs(2);

/// How often a lane looks whether the database waits for a standby, where one is asked for.
const CHECKED_EVERY: Duration = Duration::from_secs(1);

/// First and longest wait before another attempt to reach the database.
const RETRY: (Duration, Duration) = (Duration::from_millis(50), Duration::from_secs(1));

/// How often a transaction is run again that another one has kept from its end: each time, the
/// other one has come to its own.
const REPEATS_MAX: usize = 100;

/// A lane, which [`Lane::serve`] runs.
pub(super) struct Lane {
    pub(super) database: DatabaseUrl,
    pub(super) quota: Quota,
    pub(super) options: PostgresOptions,
    pub(super) queue: Arc<LaneQueue>,
    pub(super) finished: Arc<Finished>,
    pub(super) report: Arc<Report>,
    pub(super) heartbeat: Heartbeat,
    pub(super) news: Arc<NewsBoard>,
    pub(super) wake: Arc<dyn Wake>,
}

/// A lane's connection.
struct Link {
    connection: Connection,
    /// When to look again whether the database waits for a standby; `None` at once.
    next_check: Option<Deadline>,
}

impl Link {
    /// Refuses to work on a database that waits for no standby. An operator, or Patroni without its
    /// strict mode, may have it wait for none at any time: this looks each second.
    fn require_standby(&mut self) -> Result<(), Failure> {
        if self.next_check.is_some_and(|at| !at.has_passed()) {
            return Ok(());
        }
        let statement = statement!("SELECT current_setting('synchronous_standby_names') <> ''");
        if self.connection.query(statement, &[])?.one()?.get(0)? {
            self.next_check = Some(Deadline::after(CHECKED_EVERY));
            return Ok(());
        }
        let text = "the database waits for no standby (synchronous_standby_names is empty)";
        Err(Failure::Reconnect(text.into()))
    }
}

/// Why a job has no result yet.
enum Failure {
    /// Another transaction was in the way; nothing was changed.
    Repeat,
    /// The connection is of no use any more; whether anything was changed is unknown.
    Reconnect(Arc<str>),
    /// The database has no room, or refuses the work; nothing was changed.
    Unavailable(Arc<str>),
    /// The store cannot go on.
    Fatal(Arc<str>),
}

/// Why an attempt was given up.
enum GivenUp {
    /// The database could not be reached in time. Whether anything was changed is unknown.
    Unreachable(Arc<str>),
    /// The database has no room, or refused the work; nothing was changed.
    Refused(Arc<str>),
}

impl Lane {
    /// Does jobs until the queue is closed and empty, or the store has failed for good.
    pub(super) fn serve(self) {
        let ran = catch_unwind(AssertUnwindSafe(|| self.run()));
        let result = ran.unwrap_or_else(|_| Err("a lane of the store panicked".into()));
        if let Err(text) = result {
            self.finished.fail(StoreFailed(text));
            self.wake.wake();
        }
    }

    fn run(&self) -> Result<(), Arc<str>> {
        let mut connection = None;
        loop {
            match self.queue.take(IDLE) {
                Taken::Jobs(jobs) => self.do_all(&mut connection, &jobs)?,
                Taken::Nothing => self.delete_pieces(&mut connection),
                Taken::Closed => return Ok(()),
            }
        }
    }

    /// Does jobs, those of each connection in their order, and adds their results. Plain mails come
    /// first and share a transaction, unless their connection has an earlier job here.
    fn do_all(&self, connection: &mut Option<Link>, jobs: &[Waiting]) -> Result<(), Arc<str>> {
        let (mut batch, mut others) = (Vec::new(), Vec::new());
        let mut blocked = HashSet::new();
        for waiting in jobs {
            let client = waiting.ticket.connection;
            match PlainMail::of(&waiting.job).filter(|_| !blocked.contains(&client)) {
                Some(mail) => batch.push((waiting, mail)),
                None => {
                    blocked.insert(client);
                    others.push(waiting);
                }
            }
        }
        match batch.as_slice() {
            [] => {}
            [(waiting, _)] => self.do_one(connection, waiting)?,
            batch => self.send_batch(connection, batch)?,
        }
        for waiting in others {
            self.do_one(connection, waiting)?;
        }
        Ok(())
    }

    /// Sends plain mails in one transaction, and alone those for which that is not enough.
    fn send_batch(
        &self,
        connection: &mut Option<Link>,
        batch: &[(&Waiting, PlainMail<'_>)],
    ) -> Result<(), Arc<str>> {
        let mails: Vec<PlainMail<'_>> = batch.iter().map(|(_, mail)| *mail).collect();
        // The last one has the most time left.
        let deadline = batch.last().map_or(Deadline::NEVER, |(waiting, _)| waiting.deadline);
        let sent = self.persist(connection, deadline, |connection| {
            let clock = Clock::start();
            let done = batch::send(connection.transaction(), self.quota, self.heartbeat, &mails)?;
            self.report.counts.commit.observe(clock.uptime());
            self.report.counts.group.observe_number(mails.len());
            Ok(done)
        })?;
        let results = match sent {
            Ok(results) => results,
            // One of the mails may be the cause.
            Err(GivenUp::Refused(_)) => vec![None; batch.len()],
            Err(GivenUp::Unreachable(text)) => {
                vec![Some(StoreDone::Unavailable(text)); batch.len()]
            }
        };
        let mut alone = Vec::new();
        let mut done = Vec::with_capacity(batch.len());
        for ((waiting, _), result) in batch.iter().zip(results) {
            match result {
                Some(result) => {
                    self.news.committed(&waiting.job, &result);
                    done.push((waiting.ticket, result));
                }
                None => alone.push(*waiting),
            }
        }
        self.finished.add(done);
        self.wake.wake();
        for waiting in alone {
            self.do_one(connection, waiting)?;
        }
        Ok(())
    }

    /// Does one job in a transaction of its own, and adds its result.
    fn do_one(
        &self,
        connection: &mut Option<Link>,
        Waiting { ticket, job, deadline }: &Waiting,
    ) -> Result<(), Arc<str>> {
        let done =
            self.persist(connection, *deadline, |connection| self.transaction(connection, job));
        let done = done?.unwrap_or_else(|given_up| match given_up {
            GivenUp::Unreachable(text) | GivenUp::Refused(text) => StoreDone::Unavailable(text),
        });
        self.news.committed(job, &done);
        self.finished.add([(*ticket, done)]);
        self.wake.wake();
        Ok(())
    }

    /// Attempts something, again and again while the database cannot be reached, until the
    /// deadline. An error of the result is the end of the store.
    fn persist<T>(
        &self,
        connection: &mut Option<Link>,
        deadline: Deadline,
        mut attempt: impl FnMut(&mut Connection) -> Result<T, Failure>,
    ) -> Result<Result<T, GivenUp>, Arc<str>> {
        let (mut repeats, mut wait, mut lost) = (0, RETRY.0, None);
        loop {
            match self.connected(connection).and_then(&mut attempt) {
                Ok(done) => return Ok(Ok(done)),
                Err(Failure::Repeat) if repeats < REPEATS_MAX => repeats += 1,
                Err(Failure::Repeat) => {
                    return Ok(Err(GivenUp::Refused("other transactions were in the way".into())));
                }
                Err(Failure::Reconnect(text)) => {
                    *connection = None;
                    lost.get_or_insert_with(|| self.report.lost());
                    if deadline.has_passed() || self.queue.is_closed() {
                        return Ok(Err(GivenUp::Unreachable(text)));
                    }
                    self.queue
                        .wait_until_closed(deadline.left().map_or(wait, |left| wait.min(left)));
                    wait = (wait * 2).min(RETRY.1);
                }
                Err(Failure::Unavailable(text)) => return Ok(Err(GivenUp::Refused(text))),
                Err(Failure::Fatal(text)) => return Err(text),
            }
        }
    }

    /// Runs one job in a transaction of its own, and commits it.
    fn transaction(
        &self,
        connection: &mut Connection,
        job: &StoreJob,
    ) -> Result<StoreDone, Failure> {
        let mut transaction = connection.transaction();
        let mut context = self.context(&mut transaction);
        let done = run_job(&mut context, job)?;
        if context.is_refused() {
            transaction.rollback()?;
            return Ok(done);
        }
        if tells_a_change(job) {
            context.write_something()?;
        }
        let clock = Clock::start();
        drop(transaction.commit()?);
        self.report.counts.commit.observe(clock.uptime());
        Ok(done)
    }

    fn context<'a, 'c>(&self, transaction: &'a mut Transaction<'c>) -> Context<'a, 'c> {
        Context::new(transaction, self.quota, self.options.uploads, self.heartbeat)
    }

    /// The connection, which is made if there is none, or if the present one is broken.
    fn connected<'a>(&self, link: &'a mut Option<Link>) -> Result<&'a mut Connection, Failure> {
        let deadline = Deadline::after(self.options.patience);
        let present = match link.take().filter(|present| !present.connection.is_broken()) {
            Some(present) => present,
            None => {
                let connection = Connection::connect(&self.database, deadline)?;
                Link { connection, next_check: None }
            }
        };
        let link = link.insert(present);
        link.connection.set_deadline(deadline);
        if self.options.sync == DatabaseSync::Standby {
            link.require_standby()?;
        }
        Ok(&mut link.connection)
    }

    /// Deletes some pieces that nothing names any more. If that fails, a later attempt does it.
    fn delete_pieces(&self, connection: &mut Option<Link>) {
        if connection.is_none() {
            return;
        }
        while self.queue.len() == 0 && matches!(self.delete_slice(connection), Ok(true)) {}
    }

    fn delete_slice(&self, connection: &mut Option<Link>) -> Result<bool, Failure> {
        let connection = self.connected(connection)?;
        let mut transaction = connection.transaction();
        let mut context = self.context(&mut transaction);
        let more = pieces::delete_slice(&mut context)?;
        drop(transaction.commit()?);
        Ok(more)
    }
}

impl From<QueryError> for Failure {
    fn from(error: QueryError) -> Self {
        match error {
            QueryError::Repeat(_) => Self::Repeat,
            QueryError::Reconnect(text) => Self::Reconnect(text),
            QueryError::Unavailable(text) => Self::Unavailable(text),
            QueryError::Refused { text, .. } => {
                Self::Unavailable(format!("the database refused a value: {text}").into())
            }
            QueryError::Fatal(text) => Self::Fatal(text),
        }
    }
}

impl From<CommitError> for Failure {
    fn from(error: CommitError) -> Self {
        match error {
            CommitError::Failed(error) => error.into(),
            // The repeated transaction finds what holds, and writes something to be replicated.
            CommitError::NotReplicated(text) | CommitError::Unknown(text) => Self::Reconnect(text),
        }
    }
}

impl From<ConnectError> for Failure {
    /// The database was reached at the start: whatever keeps the lane from it now may end.
    fn from(error: ConnectError) -> Self {
        Self::Reconnect(error.to_string().into())
    }
}
