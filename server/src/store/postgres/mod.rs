//! Accounts and mail in a PostgreSQL database, which several servers may share.
//!
//! A lane is a thread with one connection to the database. The jobs of a client's connection that
//! are under way share a lane, so that they are done in the order of submission (`lane_choice.rs`).
//! A lane takes the jobs that wait: sends and confirmations share a transaction (`batch/`), and
//! each other job has one of its own. A job that the database could not do because it was
//! restarted, or because the connection broke, is run again until a deadline; all jobs may be
//! submitted several times.
//!
//! Every answer that says that a change holds, also one that found the change made before, follows
//! a commit that wrote something: a commit that wrote nothing waits for no standby, and what it
//! has read might be on the primary alone (`heartbeat.rs`).

use std::{
    convert::Infallible,
    fs,
    path::Path,
    sync::{
        Arc, Mutex,
        atomic::Ordering,
        mpsc::{self, Receiver, RecvTimeoutError, Sender},
    },
    thread::JoinHandle,
    time::Duration,
};

use correio_proto::message::Realm;

use self::{
    breakers::Breakers,
    finished::Finished,
    identity::StoreIdentity,
    lane::Lane,
    lane_choice::LaneChoice,
    news_board::NewsBoard,
    news_thread::NewsThread,
    nodes::{OwnRow, OwnServer},
    open::{Opened, open},
    queue::LaneQueue,
    report::Report,
};
pub use self::{
    connect_error::ConnectError,
    connection::{
        Committed, Connection, Notification, Pipeline, Row, Rows, Statement, Transaction,
    },
    database_url::{DatabaseUrl, DatabaseUrlError, Host, SslMode},
    deadline::Deadline,
    error::{CommitError, ProtocolError, QueryError},
    mail_reader::{MailDatabase, PostgresMailReader},
    migration::{
        PostgresMigrationError, PostgresMigrationReader, PostgresMigrationSource,
        PostgresMigrationTarget, PostgresTargetState,
    },
    node_keys::{Keeper, NodeKeyError, NodeKeys},
    open_error::PostgresOpenError,
    options::{DatabaseConfig, DatabaseSync, PostgresOptions},
};
use super::{
    History, Quota, Store, StoreDone, StoreFailed, StoreHealth, StoreJob, Submitted, news::News,
    nodes::StoreRole,
};
use crate::{
    ids::Ticket,
    limits::throttle::LoginNews,
    metrics::{Level, Reach, SharedStore},
    mutex::lock,
    waker::Wake,
};

#[macro_use]
mod sql_macros;

mod account_columns;
mod account_rows;
mod accounts;
mod admin;
mod app_passwords;
mod batch;
mod breakers;
pub mod bulletin;
mod connect_error;
pub mod connection;
mod contents;
mod context;
mod database_url;
mod deadline;
mod ended_sessions;
mod error;
mod find;
mod finished;
mod gateway;
mod heartbeat;
mod identity;
mod jobs;
mod lane;
mod lane_choice;
mod list_changes;
mod lists;
mod loss;
mod mail_reader;
mod mails;
mod marker;
mod migration;
mod names;
mod news_board;
mod news_thread;
mod node_keys;
mod nodes;
mod open;
mod open_error;
mod options;
mod outlines;
mod password_file;
mod percent;
mod pieces;
mod queue;
mod recipients;
mod report;
mod row;
mod schema;
pub mod sealer;
mod send;
mod uploads;

/// How long a store that is being closed waits for the next result of its lanes. After that the
/// database is taken to be away: the jobs that wait are given up.
const CLOSING: Duration = Duration::from_secs(3);

/// The store in a PostgreSQL database: the handle of its lanes.
#[derive(Debug)]
pub struct PostgresStore {
    realm: Realm,
    history: History,
    options: PostgresOptions,
    lanes: Vec<Arc<LaneQueue>>,
    choice: LaneChoice,
    threads: Vec<JoinHandle<()>>,
    /// Has no sender once all threads have ended.
    ended: Mutex<Receiver<Infallible>>,
    breakers: Arc<Breakers>,
    finished: Arc<Finished>,
    report: Arc<Report>,
    news: Arc<NewsBoard>,
    /// Locked while the store is open: another server on this directory refuses to start.
    _lock: fs::File,
}

impl PostgresStore {
    /// Locks the directory of the server's other files, connects to the database, makes its tables
    /// if it has none, and starts the lanes.
    ///
    /// # Errors
    ///
    /// See [`PostgresOpenError`].
    pub fn open(
        database: &DatabaseUrl,
        directory: &Path,
        quota: Quota,
        options: PostgresOptions,
        role: StoreRole,
        wake: &Arc<dyn Wake>,
    ) -> Result<Self, PostgresOpenError> {
        let lock = open::lock(directory)?;
        let opened = open(database, options.create)?;
        let Opened { realm, history, heartbeat, .. } = opened;
        let identity = StoreIdentity { realm };
        let (sender, ended) = mpsc::channel();
        let mut store = Self {
            realm,
            history,
            options,
            lanes: Vec::new(),
            choice: LaneChoice::new(options.lanes),
            threads: Vec::new(),
            ended: Mutex::new(ended),
            breakers: Arc::default(),
            finished: Arc::default(),
            report: Arc::default(),
            news: Arc::default(),
            _lock: lock,
        };
        // Dropped before `store`, whose end waits for the end of all senders.
        let alive = sender;
        let queue_jobs = options.queue_jobs.div_ceil(options.lanes.max(1));
        for number in 1..=options.lanes.max(1) {
            let queue = Arc::new(LaneQueue::new(queue_jobs, options.queue_bytes, options.patience));
            store.lanes.push(queue.clone());
            let lane = Lane {
                number,
                database: database.clone(),
                quota,
                options,
                queue,
                finished: store.finished.clone(),
                heartbeat,
                identity,
                news: store.news.clone(),
                report: store.report.clone(),
                breakers: store.breakers.clone(),
                wake: wake.clone(),
            };
            let alive = alive.clone();
            let thread = std::thread::Builder::new().name(format!("store-{number}"));
            let thread = thread.spawn(move || {
                lane.serve();
                drop(alive);
            });
            // The lanes that were started end when `store` is dropped.
            store.threads.push(thread.map_err(|source| PostgresOpenError::Thread { source })?);
        }
        let server = match role {
            StoreRole::Command => None,
            StoreRole::Server(name) => Some(OwnServer::here(name, directory)),
        };
        let row = OwnRow { node: heartbeat.node, server };
        store.start_news(database, row, &opened, wake, alive)?;
        Ok(store)
    }

    /// Starts the thread that sends and receives news.
    fn start_news(
        &mut self,
        database: &DatabaseUrl,
        row: OwnRow,
        opened: &Opened,
        wake: &Arc<dyn Wake>,
        alive: Sender<Infallible>,
    ) -> Result<(), PostgresOpenError> {
        let Some(queue) = self.lanes.first().cloned() else {
            return Ok(());
        };
        let (database, board, wake) = (database.clone(), self.news.clone(), wake.clone());
        let (breakers, report) = (self.breakers.clone(), self.report.clone());
        let identity = StoreIdentity { realm: opened.realm };
        let (key, ended) = (opened.news_key, opened.ended);
        let news = NewsThread {
            database,
            identity,
            row,
            key,
            ended,
            board,
            queue,
            breakers,
            report,
            wake,
        };
        let thread = std::thread::Builder::new().name("store-news".to_owned());
        let thread = thread.spawn(move || {
            news.serve();
            drop(alive);
        });
        self.threads.push(thread.map_err(|source| PostgresOpenError::Thread { source })?);
        Ok(())
    }

    /// The store's history as of its opening.
    #[must_use]
    pub fn history(&self) -> History {
        self.history
    }

    /// Closes the queues, and waits until the lanes have done the jobs in them and ended. If no job
    /// comes to its end for [`CLOSING`], the jobs that wait are given up.
    fn join(&mut self) {
        for queue in &self.lanes {
            queue.close();
        }
        self.finished.close();
        let mut count = self.finished.count();
        while let Err(RecvTimeoutError::Timeout) = lock(&self.ended).recv_timeout(CLOSING) {
            let before = std::mem::replace(&mut count, self.finished.count());
            if before == count {
                self.breakers.end_all();
                break;
            }
        }
        for thread in self.threads.drain(..) {
            // Panics of jobs were caught and reported.
            let _ = thread.join();
        }
    }
}

impl Store for PostgresStore {
    fn realm(&self) -> Realm {
        self.realm
    }

    fn submit(&mut self, ticket: Ticket, job: StoreJob) -> Submitted {
        let lane = self.choice.of(ticket.connection, &job);
        if self.lanes.get(lane).is_some_and(|queue| queue.push(ticket, job)) {
            self.choice.begin(ticket.connection, lane);
            return Submitted::Queued;
        }
        Submitted::Full
    }

    fn collect(&mut self, done: &mut Vec<(Ticket, StoreDone)>) -> Result<(), StoreFailed> {
        let before = done.len();
        let collected = self.finished.collect(done);
        for (ticket, _) in done.iter().skip(before) {
            self.choice.end(ticket.connection);
        }
        collected
    }

    fn hear(&mut self, news: &mut Vec<News>) {
        self.news.take(news);
    }

    fn tell(&mut self, news: LoginNews) {
        self.news.tell(news);
    }

    fn note_sessions(&mut self, sessions: usize) {
        self.news.sessions.store(sessions as u64, Ordering::Relaxed);
    }

    fn health(&self) -> StoreHealth<'_> {
        let now = self.lanes.iter().map(|lane| lane.len()).sum();
        let level = Level { now, max: self.options.queue_jobs };
        let counts = Some(&self.report.counts);
        let reach = match self.report.losses.has_outage() || !self.news.has_counted_nodes() {
            true => Reach::Lost,
            false => Reach::Reached,
        };
        let ready = match reach {
            Reach::Lost => Err("the database cannot be reached, or has no standby"),
            Reach::Reached if level.now >= level.max => Err("the store's queue is full"),
            Reach::Reached => Ok(()),
        };
        let shared = Some(SharedStore {
            nodes: self.news.nodes.get(),
            reach,
            logins_untold: self.news.logins_dropped(),
        });
        StoreHealth { queue: Some(level), uploads: None, ready, counts, shared }
    }

    fn close(mut self: Box<Self>, done: &mut Vec<(Ticket, StoreDone)>) -> Result<(), StoreFailed> {
        self.join();
        self.collect(done)
    }
}

impl Drop for PostgresStore {
    fn drop(&mut self) {
        self.join();
    }
}
