//! Tests of retention as the server runs it, in memory and with the test's own clock.

use std::{cell::Cell, rc::Rc, time::Duration};

use correio_proto::message::{ErrorCode, Notice, Realm};
use correio_server::{
    ids::Ticket,
    limits::retention::RetentionPolicy,
    session::SessionConfig,
    store::{
        Store, StoreDone, StoreFailed, StoreJob, Submitted,
        memory::{MemoryLimits, MemoryStore},
    },
};
use correio_testing::{
    request::{login, mail},
    world::{QUOTA, REALM, World, session_config},
};

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// A server whose clients may be silent for years.
fn world(policy: RetentionPolicy) -> World {
    world_with(policy, Box::new(MemoryStore::new(REALM, QUOTA, MemoryLimits::default())))
}

fn world_with(policy: RetentionPolicy, store: Box<dyn Store>) -> World {
    let years = 1000 * DAY;
    let session = SessionConfig { idle_timeout: years, ..session_config() };
    let mut world = World::with_store(session, 100, store);
    world.server = world.server.retaining(policy);
    world
}

#[test]
fn an_old_mail_is_deleted_a_week_after_its_recipient_was_told_of_the_warning() {
    let mut world = world(RetentionPolicy { mail_days: Some(30), account_days: None });
    let (mut tony, mut pepper) = world.tony_and_pepper();
    tony.ask(&mut world, mail(1, "pepper", "s"));
    pepper.receive();
    pepper.notices.clear();
    world.pass(21 * DAY);
    pepper.receive();
    assert!(pepper.notices.is_empty());
    world.pass(2 * DAY);
    pepper.receive();
    let is_warning = |notice: &Notice| matches!(notice, Notice::NewMail(mail) if mail.from.as_str() == "postmaster");
    assert!(matches!(&pepper.notices[..], [notice] if is_warning(notice)), "{:?}", pepper.notices);
    world.pass(6 * DAY);
    assert_eq!(pepper.fetch(&mut world).mails.len(), 2);
    world.pass(2 * DAY);
    let mails = pepper.fetch(&mut world).mails;
    assert_eq!(mails.iter().map(|mail| mail.from.as_str()).collect::<Vec<_>>(), ["postmaster"]);
}

#[test]
fn an_account_that_nobody_uses_is_deleted_and_one_with_an_open_session_is_not() {
    let mut world = world(RetentionPolicy { mail_days: None, account_days: Some(30) });
    let (tony, mut pepper) = world.tony_and_pepper();
    let mut tony = tony;
    tony.hang_up(&mut world);
    world.pass(28 * DAY);
    let mut client = world.log_in("pepper");
    assert_eq!(client.fetch(&mut world).mails.len(), 0, "nobody warned her");
    world.pass(10 * DAY);
    assert_eq!(client.ask_refused(&mut world, mail(1, "tony", "s")), ErrorCode::UnknownRecipient);
    assert_eq!(pepper.fetch(&mut world).mails.len(), 0);
    let mut client = world.connect_and_greet();
    assert_eq!(client.ask_refused(&mut world, login("tony", 1)), ErrorCode::BadCredentials);
}

#[test]
fn a_login_after_the_warning_keeps_the_account() {
    let mut world = world(RetentionPolicy { mail_days: None, account_days: Some(30) });
    world.register("tony", "Tony Stark");
    world.pass(25 * DAY);
    let mut tony = world.log_in("tony");
    let mails = tony.fetch(&mut world).mails;
    assert_eq!(mails.iter().map(|mail| mail.from.as_str()).collect::<Vec<_>>(), ["postmaster"]);
    tony.hang_up(&mut world);
    world.pass(20 * DAY);
    world.log_in("tony");
}

/// What a store does with the record of a login.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Recording {
    Works,
    IsFull,
    Fails,
}

/// A store that records logins as the test says, and counts those that it records.
struct Recorder {
    store: MemoryStore,
    recording: Rc<Cell<Recording>>,
    recorded: Rc<Cell<u32>>,
}

impl Store for Recorder {
    fn realm(&self) -> Realm {
        self.store.realm()
    }

    fn submit(&mut self, ticket: Ticket, job: StoreJob) -> Submitted {
        match (&job, self.recording.get()) {
            (StoreJob::SetUsed { .. }, Recording::IsFull) => return Submitted::Full,
            (StoreJob::SetUsed { .. }, Recording::Fails) => {
                return Submitted::Done(StoreDone::Unavailable("the disk is full".into()));
            }
            (StoreJob::SetUsed { .. }, Recording::Works) => {
                self.recorded.set(self.recorded.get() + 1);
            }
            _ => {}
        }
        self.store.submit(ticket, job)
    }

    fn collect(&mut self, done: &mut Vec<(Ticket, StoreDone)>) -> Result<(), StoreFailed> {
        self.store.collect(done)
    }

    fn close(self: Box<Self>, done: &mut Vec<(Ticket, StoreDone)>) -> Result<(), StoreFailed> {
        Box::new(self.store).close(done)
    }
}

#[test]
fn a_login_that_the_store_does_not_record_keeps_the_account_and_is_recorded_later() {
    for refusal in [Recording::IsFull, Recording::Fails] {
        let recording = Rc::new(Cell::new(Recording::Works));
        let recorded = Rc::new(Cell::new(0));
        let store = Recorder {
            store: MemoryStore::new(REALM, QUOTA, MemoryLimits::default()),
            recording: recording.clone(),
            recorded: recorded.clone(),
        };
        let policy = RetentionPolicy { mail_days: None, account_days: Some(30) };
        let mut world = world_with(policy, Box::new(store));
        world.register("tony", "Tony Stark");
        world.pass(25 * DAY);
        recording.set(refusal);
        let mut tony = world.log_in("tony");
        let warned = tony.fetch(&mut world).mails.len();
        assert_eq!((warned, recorded.get()), (1, 0), "{refusal:?}");
        tony.hang_up(&mut world);
        world.pass(15 * DAY);
        recording.set(Recording::Works);
        world.pass(DAY / 12);
        assert_eq!(recorded.get(), 1, "{refusal:?}");
        world.log_in("tony");
    }
}

#[test]
fn without_the_settings_everything_is_kept() {
    let mut world = world(RetentionPolicy::default());
    let (mut tony, mut pepper) = world.tony_and_pepper();
    tony.ask(&mut world, mail(1, "pepper", "s"));
    world.pass(300 * DAY);
    assert_eq!(pepper.fetch(&mut world).mails.len(), 1);
    assert_eq!(tony.fetch(&mut world).mails.len(), 0);
}
