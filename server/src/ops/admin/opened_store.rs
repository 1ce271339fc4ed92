//! The operator's requests without a server: the command opens the store itself, which locks the data
//! directory, and drives the same state machine.

use std::{
    sync::Arc,
    thread::{self, Thread},
};

use crate::{
    admin::{
        AdminAction, AdminContext, AdminInput, AdminSession, ServerAnswer,
        reply::{AdminError, AdminErrorCode, AdminReply},
        request::AdminRequest,
    },
    clock::Clock,
    ids::{ConnId, Ticket},
    ops::{admin::error::AdminCommandError, config::Config, exit::Failure, required_files},
    store::{
        CreateStore, Store, StoreDone, StoreJob, Submitted, UploadLimits,
        kind::{OpenError, StoreKind, StoreOptions},
        sqlite::SqliteOpenError,
    },
    waker::Wake,
};

/// The connection that the session believes it has.
const CONNECTION: ConnId = ConnId { index: 0, generation: 0 };

/// A store without a server.
pub(super) struct Stopped {
    store: Box<dyn Store>,
    session: AdminSession,
    clock: Clock,
    body_max: usize,
}

/// Wakes the command's thread when the store has results.
struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(&self) {
        self.0.unpark();
    }
}

impl Stopped {
    /// Opens the store, and locks the data directory.
    pub(super) fn open(config: &Config) -> Result<Self, Failure> {
        required_files::require_server(&config.data_dir)?;
        let options = StoreOptions {
            directory: config.data_dir.clone(),
            quota: config.quota,
            uploads: UploadLimits::new(config.content_max, config.upload_bytes),
            queue_jobs: config.store_queue,
            create: CreateStore::Never,
        };
        let wake: Arc<dyn Wake> = Arc::new(Unpark(thread::current()));
        let (store, _) = StoreKind::Sqlite.open(options, wake).map_err(|error| match error {
            OpenError::Sqlite(SqliteOpenError::InUse { .. }) => {
                Failure::Admin(AdminCommandError::Locked(error.to_string()))
            }
            error => Failure::Open(error),
        })?;
        let (session, clock) = (AdminSession::default(), Clock::start());
        Ok(Self { store, session, clock, body_max: config.body_max })
    }

    /// Makes a request, and waits for its reply.
    pub(super) fn ask(&mut self, request: AdminRequest) -> Result<AdminReply, Failure> {
        // Nobody is connected: effects on other sessions are dropped.
        let mut effects = Vec::new();
        let mut action = None;
        let mut request = Some(request);
        let mut input = None;
        loop {
            let mut context = AdminContext {
                now: self.clock.now(),
                connection: CONNECTION,
                body_max: self.body_max,
                effects: &mut effects,
            };
            if let Some(request) = request.take() {
                action = Some(self.session.handle(&mut context, request));
            } else if let Some((ticket, done)) = input.take() {
                action = self.session.complete(&mut context, ticket, done);
            }
            input = match action.take() {
                Some(AdminAction::Reply(reply)) => return Ok(reply),
                Some(AdminAction::Ask(ticket, _)) => {
                    Some((ticket, AdminInput::Server(ServerAnswer::NotRunning)))
                }
                Some(AdminAction::Store(ticket, job)) => Some((ticket, self.run(ticket, job)?)),
                None => {
                    let text = "the command lost its place";
                    let error = AdminError::new(AdminErrorCode::Unavailable, text);
                    return Ok(AdminReply::Error(error));
                }
            };
            effects.clear();
        }
    }

    /// Runs a job of the store, and waits for its result.
    fn run(&mut self, ticket: Ticket, job: StoreJob) -> Result<AdminInput, Failure> {
        match self.store.submit(ticket, job) {
            Submitted::Done(done) => return Ok(AdminInput::Store(done)),
            Submitted::Full => return Ok(AdminInput::Busy),
            Submitted::Queued => {}
        }
        let mut done: Vec<(Ticket, StoreDone)> = Vec::new();
        loop {
            self.store.collect(&mut done).map_err(Failure::Store)?;
            let mine = done.drain(..).find(|(of, _)| *of == ticket);
            match mine {
                Some((_, done)) => return Ok(AdminInput::Store(done)),
                // The store wakes this thread after each result.
                None => thread::park(),
            }
        }
    }

    /// Closes the store.
    pub(super) fn close(self) -> Result<(), Failure> {
        self.store.close(&mut Vec::new()).map_err(Failure::Store)
    }
}
