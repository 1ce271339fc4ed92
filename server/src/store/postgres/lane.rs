//! A lane: a thread with one connection to the database, which does the jobs of its queue.

use std::{
    collections::HashSet,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
    time::Duration,
};

use super::{
    batch::{self, PlainMail},
    breakers::Breakers,
    connect_error::ConnectError,
    connection::{Connection, Transaction},
    context::Context,
    database_url::DatabaseUrl,
    deadline::Deadline,
    error::{CommitError, QueryError},
    finished::Finished,
    heartbeat::Heartbeat,
    identity::StoreIdentity,
    jobs::{run_job, tells_a_change},
    loss::{LossLog, Outage},
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

/// The first wait before the database is tried again; each further wait is twice as long.
const RETRY_FIRST: Duration = Duration::from_millis(50);

/// The longest wait.
const RETRY_MAX: Duration = Duration::from_secs(1);

/// How often a transaction is run again that another one has kept from its end: each time, the
/// other one has come to its own.
const REPEATS_MAX: usize = 100;

/// How often it is run again in any case, although its deadline has passed.
const REPEATS_MIN: usize = 3;

/// Longest time for the attempt that shows whether the database is back.
const PROBE: Duration = Duration::from_secs(3);

/// A lane, which [`Lane::serve`] runs.
pub(super) struct Lane {
    /// Its number, from 1 on.
    pub(super) number: usize,
    pub(super) database: DatabaseUrl,
    pub(super) quota: Quota,
    pub(super) options: PostgresOptions,
    pub(super) queue: Arc<LaneQueue>,
    pub(super) finished: Arc<Finished>,
    pub(super) report: Arc<Report>,
    pub(super) heartbeat: Heartbeat,
    pub(super) identity: StoreIdentity,
    pub(super) news: Arc<NewsBoard>,
    pub(super) breakers: Arc<Breakers>,
    pub(super) wake: Arc<dyn Wake>,
}

/// A lane's way to the database.
#[derive(Default)]
struct Reach<'a> {
    link: Option<Link>,
    /// Set from a failed attempt to the next commit that wrote something.
    outage: Option<Outage<'a>>,
    /// The error of the last failed attempt; empty before the first.
    last_error: Arc<str>,
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

/// Whether work writes something. A commit that wrote nothing waits for no standby, so that reading
/// does not show that the database takes changes.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Work {
    Reads,
    Writes,
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
    /// The database could not be reached in time, or refused the work after an attempt whose end
    /// is unknown. Whether anything was changed is unknown.
    Unreachable(Arc<str>),
    /// The database has no room, or refused the work; nothing was changed.
    Refused(Arc<str>),
}

impl GivenUp {
    /// What a refusal means after earlier attempts, of which one may have been committed.
    fn after(is_unknown: bool, text: Arc<str>) -> Self {
        if is_unknown { Self::Unreachable(text) } else { Self::Refused(text) }
    }
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
        let mut reach = Reach::default();
        loop {
            match self.queue.take(IDLE) {
                Taken::Jobs(jobs) => self.do_all(&mut reach, &jobs)?,
                Taken::Nothing if reach.outage.is_none() => self.delete_pieces(&mut reach),
                Taken::Nothing => {}
                Taken::Closed => return Ok(()),
            }
            if reach.outage.is_some() && !self.queue.is_closed() {
                self.probe(&mut reach)?;
            }
        }
    }

    /// Does jobs, those of each connection in their order, and adds their results. Plain mails come
    /// first and share a transaction, unless their connection has an earlier job here.
    fn do_all<'a>(&'a self, reach: &mut Reach<'a>, jobs: &[Waiting]) -> Result<(), Arc<str>> {
        let (mut batch, mut others) = (Vec::new(), Vec::new());
        let mut blocked = HashSet::new();
        for waiting in jobs {
            let client = waiting.ticket.connection;
            match PlainMail::of(client, &waiting.job).filter(|_| !blocked.contains(&client)) {
                Some(mail) => batch.push((waiting, mail)),
                None => {
                    blocked.insert(client);
                    others.push(waiting);
                }
            }
        }
        match batch.as_slice() {
            [] => {}
            [(waiting, _)] => self.do_one(reach, waiting)?,
            batch => self.send_batch(reach, batch)?,
        }
        for waiting in others {
            self.do_one(reach, waiting)?;
        }
        Ok(())
    }

    /// Sends plain mails in one transaction, and alone those for which that is not enough.
    fn send_batch<'a>(
        &'a self,
        reach: &mut Reach<'a>,
        batch: &[(&Waiting, PlainMail<'_>)],
    ) -> Result<(), Arc<str>> {
        let mails: Vec<PlainMail<'_>> = batch.iter().map(|(_, mail)| *mail).collect();
        // The last one has the most time left.
        let deadline = batch.last().map_or(Deadline::NEVER, |(waiting, _)| waiting.deadline);
        let sent = self.persist(reach, deadline, Work::Writes, |connection| {
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
            self.do_one(reach, waiting)?;
        }
        Ok(())
    }

    /// Does one job in a transaction of its own, and adds its result.
    fn do_one<'a>(
        &'a self,
        reach: &mut Reach<'a>,
        Waiting { ticket, job, deadline }: &Waiting,
    ) -> Result<(), Arc<str>> {
        self.finished.wait_for_room();
        let work = if tells_a_change(job) { Work::Writes } else { Work::Reads };
        let done =
            self.persist(reach, *deadline, work, |connection| self.transaction(connection, job));
        let done = done?.unwrap_or_else(|given_up| match given_up {
            GivenUp::Unreachable(text) => {
                self.news.given_up(job);
                StoreDone::Unavailable(text)
            }
            GivenUp::Refused(text) => StoreDone::Unavailable(text),
        });
        self.news.committed(job, &done);
        self.finished.add([(*ticket, done)]);
        self.wake.wake();
        Ok(())
    }

    /// Attempts something, again and again while the database cannot be reached, until the
    /// deadline. During an outage nothing is attempted whose deadline has passed: otherwise each
    /// job of a long queue would wait as long as a host that says nothing is waited for. An error
    /// of the result is the end of the store.
    fn persist<'a, T>(
        &'a self,
        reach: &mut Reach<'a>,
        deadline: Deadline,
        work: Work,
        mut run: impl FnMut(&mut Connection) -> Result<T, Failure>,
    ) -> Result<Result<T, GivenUp>, Arc<str>> {
        let (mut repeats, mut wait) = (0, RETRY_FIRST);
        // Whether an earlier attempt may have been committed.
        let mut is_unknown = false;
        loop {
            let is_over = deadline.has_passed() || self.queue.is_closed();
            if reach.outage.is_some() && is_over {
                return Ok(Err(GivenUp::Unreachable(reach.last_error.clone())));
            }
            let attempt = Clock::start();
            let result = self.connected(reach, deadline).and_then(&mut run);
            let text = match result {
                Err(Failure::Reconnect(text)) => text,
                answered => {
                    if work == Work::Writes {
                        LossLog::works(&mut reach.outage);
                    }
                    match answered {
                        Ok(done) => return Ok(Ok(done)),
                        Err(Failure::Fatal(text)) => return Err(text),
                        Err(Failure::Unavailable(text)) => {
                            return Ok(Err(GivenUp::after(is_unknown, text)));
                        }
                        Err(_) if repeats < self.repeats_max(deadline) => repeats += 1,
                        Err(_) => {
                            let text = "other transactions were in the way";
                            return Ok(Err(GivenUp::after(is_unknown, text.into())));
                        }
                    }
                    continue;
                }
            };
            is_unknown = true;
            self.lose(reach, text, &attempt);
            self.queue.wait_until_closed(deadline.left().map_or(wait, |left| wait.min(left)));
            wait = (wait * 2).min(RETRY_MAX);
        }
    }

    /// How often a transaction with this deadline is run again.
    fn repeats_max(&self, deadline: Deadline) -> usize {
        if deadline.has_passed() { REPEATS_MIN } else { REPEATS_MAX }
    }

    /// Records that an attempt failed that started when `attempt` did, and drops its connection.
    fn lose<'a>(&'a self, reach: &mut Reach<'a>, text: Arc<str>, attempt: &Clock) {
        reach.link = None;
        self.report.losses.failed(&mut reach.outage, &text, attempt);
        reach.last_error = text;
    }

    /// Ends an outage once the database answers a commit.
    fn probe<'a>(&'a self, reach: &mut Reach<'a>) -> Result<(), Arc<str>> {
        let attempt = Clock::start();
        let answer = self.connected(reach, Deadline::after(PROBE)).and_then(|connection| {
            self.heartbeat.beat(connection)?;
            Ok(())
        });
        match answer {
            Err(Failure::Reconnect(text)) => self.lose(reach, text, &attempt),
            Err(Failure::Fatal(text)) => return Err(text),
            Ok(()) | Err(Failure::Repeat | Failure::Unavailable(_)) => {
                LossLog::works(&mut reach.outage);
            }
        }
        Ok(())
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

    /// The connection, which is made if there is none, or if the present one is broken. A statement
    /// may take `patience`, also where its job has waited long; during an outage it may take what
    /// the job has left.
    fn connected<'r>(
        &self,
        reach: &'r mut Reach<'_>,
        job: Deadline,
    ) -> Result<&'r mut Connection, Failure> {
        let deadline = Deadline::after(self.options.patience);
        let deadline = if reach.outage.is_some() { deadline.min(job) } else { deadline };
        let present = match reach.link.take().filter(|present| !present.connection.is_broken()) {
            Some(present) => present,
            None => {
                let mut connection = Connection::connect(&self.database, deadline)?;
                self.breakers.hold(self.number, &connection);
                connection.set_deadline(deadline);
                self.identity.check(&mut connection)?;
                Link { connection, next_check: None }
            }
        };
        let link = reach.link.insert(present);
        link.connection.set_deadline(deadline);
        if self.options.sync == DatabaseSync::Standby {
            link.require_standby()?;
        }
        Ok(&mut link.connection)
    }

    /// Deletes some pieces that nothing names any more. If that fails, a later attempt does it.
    fn delete_pieces(&self, reach: &mut Reach<'_>) {
        if reach.link.is_none() {
            return;
        }
        while self.queue.is_idle() && matches!(self.delete_slice(reach), Ok(true)) {}
    }

    fn delete_slice(&self, reach: &mut Reach<'_>) -> Result<bool, Failure> {
        let connection = self.connected(reach, Deadline::after(self.options.patience))?;
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
