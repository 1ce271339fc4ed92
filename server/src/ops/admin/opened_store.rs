//! The operator's requests without a server: the command opens the store itself, which locks the
//! data directory, and drives the same state machine. A signal ends work of many steps between two
//! of them.

use std::{
    sync::Arc,
    thread::{self, Thread},
};

use crate::{
    admin::{
        AdminAction, AdminContext, AdminInput, AdminSession, Lifecycle, ServerAnswer,
        reply::{AdminError, AdminErrorCode, AdminReply},
        request::AdminRequest,
    },
    cancel::Cancel,
    clock::Clock,
    ids::{ConnId, Ticket},
    ops::{
        admin_error::AdminCommandError, config::Config, exit::Failure, recorded_store,
        required_files,
    },
    store::{
        CreateStore, Store, StoreDone, StoreJob, Submitted, UploadLimits,
        kind::{OpenError, StoreConfig, StoreOptions},
        nodes::StoreRole,
        sqlite::SqliteOpenError,
    },
    waker::Wake,
};

/// The connection that the session believes it has.
const CONNECTION: ConnId = ConnId { index: 0, generation: 0 };

/// A store without a server.
pub(super) struct OpenedStore<'a> {
    store: Box<dyn Store>,
    session: AdminSession,
    clock: Clock,
    body_max: usize,
    cancel: &'a Cancel,
}

/// Wakes the command's thread when the store has results.
struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(&self) {
        self.0.unpark();
    }
}

impl<'a> OpenedStore<'a> {
    /// Opens the store, and locks the data directory.
    pub(super) fn open(config: &Config, cancel: &'a Cancel) -> Result<Self, Failure> {
        recorded_store::require(config)?;
        if config.store == StoreConfig::Sqlite {
            required_files::require_server(&config.data_dir)?;
        }
        let options = StoreOptions {
            directory: config.data_dir.clone(),
            quota: config.quota,
            uploads: UploadLimits::new(config.content_max, config.upload_bytes),
            queue_jobs: config.store_queue,
            create: CreateStore::Never,
            role: StoreRole::Command,
        };
        let wake: Arc<dyn Wake> = Arc::new(Unpark(thread::current()));
        let (store, _) = config.store.open(options, wake).map_err(|error| match error {
            OpenError::Sqlite(SqliteOpenError::InUse { .. }) => {
                Failure::Admin(AdminCommandError::Locked(error.to_string()))
            }
            error => Failure::Open(error),
        })?;
        let (session, clock) = (AdminSession::default(), Clock::start());
        Ok(Self { store, session, clock, body_max: config.body_max, cancel })
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
                lifecycle: match self.cancel.is_asked() {
                    true => Lifecycle::Stopping,
                    false => Lifecycle::Running,
                },
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

#[cfg(test)]
mod tests {
    use std::sync::atomic::Ordering;

    use super::*;
    use crate::{
        admin::{
            cursor::AnnouncementCursor,
            request::{AdminRequest, NewPerson},
        },
        ops::config::Environment,
    };

    /// Makes an empty store, as a server does, and the settings of its directory.
    fn made(directory: &std::path::Path) -> Config {
        let arguments = ["correiod", "--config", "/dev/null", "--data-dir"].map(Into::into);
        let arguments = arguments.into_iter().chain([directory.as_os_str().to_owned()]);
        let config = Config::load(arguments, &Environment::default()).unwrap();
        let options = StoreOptions {
            directory: directory.to_owned(),
            quota: config.quota,
            uploads: UploadLimits::new(config.content_max, config.upload_bytes),
            queue_jobs: config.store_queue,
            create: CreateStore::Auto,
            role: StoreRole::Command,
        };
        let wake: Arc<dyn Wake> = Arc::new(Unpark(thread::current()));
        let (store, _) = StoreConfig::Sqlite.open(options, wake).unwrap();
        store.close(&mut Vec::new()).unwrap();
        config
    }

    #[test]
    fn a_signal_ends_an_announcement_between_two_steps_and_it_goes_on_from_there() {
        let directory = tempfile::TempDir::new().unwrap();
        let config = made(directory.path());
        let cancel = Cancel::default();
        let mut store = OpenedStore::open(&config, &cancel).unwrap();
        let person = |number| NewPerson {
            username: format!("u{number:04}").parse().unwrap(),
            full_name: "Tony Stark".parse().unwrap(),
        };
        let accounts = (0..1500).map(person).collect();
        let created = store.ask(AdminRequest::Create { accounts, days: 7 }).unwrap();
        assert!(matches!(created, AdminReply::Codes { .. }), "{created:?}");
        let announce = |cursor| AdminRequest::Announce {
            cursor,
            subject: "Maintenance".parse().unwrap(),
            body: "Tonight at ten.".parse().unwrap(),
        };
        let begin = AnnouncementCursor::begin(Clock::start().now()).unwrap();
        cancel.flag().store(2, Ordering::Relaxed);
        let AdminReply::Error(stopped) = store.ask(announce(begin)).unwrap() else {
            panic!("the announcement did not stop")
        };
        assert_eq!(stopped.code, AdminErrorCode::Stopped);
        assert!(stopped.text.contains("told to stop; 1000 mailboxes"), "{}", stopped.text);
        cancel.flag().store(0, Ordering::Relaxed);
        let rest = store.ask(announce(stopped.announcement.unwrap())).unwrap();
        assert_eq!(rest, AdminReply::Announced { accounts: 500 });
        store.close().unwrap();
    }
}
