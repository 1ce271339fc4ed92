//! Tests of announcements in memory: steps that find the store's queue full, a server that stops,
//! and a command that goes on where another one ended.

use std::{cell::Cell, rc::Rc, time::Duration};

use correio_proto::mail::Username;
use correio_server::{
    admin::{
        cursor::AnnouncementCursor,
        reply::{AdminError, AdminErrorCode, AdminReply},
        request::{AdminRequest, NewPerson},
    },
    engine::connection::Readiness,
    ids::Ticket,
    store::{
        Store, StoreDone, StoreFailed, StoreJob, Submitted,
        admin::AdminJob,
        memory::{MemoryLimits, MemoryStore},
    },
};
use correio_testing::{
    admin::AdminPipe,
    world::{QUOTA, REALM, World, session_config},
};

/// Accounts of [`Fixture`], in three steps.
const ACCOUNTS: usize = 2500;

/// What the store does with a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    /// It is done.
    Done,
    /// It is taken, and waits.
    Taken,
    /// The queue is full.
    Full,
    /// The disk is full.
    Unavailable,
}

/// A store whose steps of announcements go as a test says.
struct GatedStore {
    inner: MemoryStore,
    next: Rc<dyn Fn() -> Step>,
    waiting: Vec<(Ticket, StoreJob)>,
}

impl Store for GatedStore {
    fn realm(&self) -> correio_proto::message::Realm {
        self.inner.realm()
    }

    fn submit(&mut self, ticket: Ticket, job: StoreJob) -> Submitted {
        if !matches!(job, StoreJob::Admin(AdminJob::Announce { .. })) {
            return self.inner.submit(ticket, job);
        }
        match (self.next)() {
            Step::Done => self.inner.submit(ticket, job),
            Step::Taken => {
                self.waiting.push((ticket, job));
                Submitted::Queued
            }
            Step::Full => Submitted::Full,
            Step::Unavailable => {
                Submitted::Done(StoreDone::Unavailable("no space left on device".into()))
            }
        }
    }

    fn collect(&mut self, done: &mut Vec<(Ticket, StoreDone)>) -> Result<(), StoreFailed> {
        if !self.waiting.is_empty() && (self.next)() == Step::Done {
            for (ticket, job) in self.waiting.drain(..) {
                match self.inner.submit(ticket, job) {
                    Submitted::Done(result) => done.push((ticket, result)),
                    other => panic!("{other:?}"),
                }
            }
        }
        self.inner.collect(done)
    }

    fn close(self: Box<Self>, done: &mut Vec<(Ticket, StoreDone)>) -> Result<(), StoreFailed> {
        Box::new(self.inner).close(done)
    }
}

/// A server of many accounts, and the first cursor of an announcement.
struct Fixture {
    world: World,
    operator: AdminPipe,
    begin: AnnouncementCursor,
}

fn username(number: usize) -> Username {
    format!("u{number:04}").parse().unwrap()
}

impl Fixture {
    fn new(next: impl Fn() -> Step + 'static) -> Self {
        let inner = MemoryStore::new(REALM, QUOTA, MemoryLimits::default());
        let store = GatedStore { inner, next: Rc::new(next), waiting: Vec::new() };
        let mut world = World::with_store(session_config(), 10, Box::new(store));
        let operator = AdminPipe::connect(&mut world);
        let person = |number| NewPerson {
            username: username(number),
            full_name: "Tony Stark".parse().unwrap(),
        };
        let accounts = (0..ACCOUNTS).map(person).collect();
        let made = operator.ask(&mut world, &AdminRequest::Create { accounts, days: 7 });
        assert!(matches!(made, AdminReply::Codes { .. }), "{made:?}");
        let begin = AnnouncementCursor::begin(world.now).unwrap();
        Self { world, operator, begin }
    }

    fn announce(&mut self, cursor: &AnnouncementCursor) -> AdminReply {
        let operator = AdminPipe::connect(&mut self.world);
        operator.begin(&mut self.world, &request(cursor, "Tonight at ten."));
        self.world.settle();
        for _ in 0..1000 {
            if let Some(reply) = operator.replies().pop() {
                return reply;
            }
            self.world.pass(Duration::from_millis(100));
        }
        panic!("no reply in 100 seconds");
    }

    fn refused(&mut self, cursor: &AnnouncementCursor) -> AdminError {
        match self.announce(cursor) {
            AdminReply::Error(error) => error,
            other => panic!("{other:?}"),
        }
    }

    /// Mails in the mailboxes of these accounts.
    fn mails(&mut self, numbers: impl IntoIterator<Item = usize>) -> Vec<u64> {
        let operator = AdminPipe::connect(&mut self.world);
        let mut mails = |number| {
            let show = AdminRequest::Account { username: username(number) };
            match operator.ask(&mut self.world, &show) {
                AdminReply::Account { account, .. } => account.mails,
                other => panic!("{other:?}"),
            }
        };
        let mails = numbers.into_iter().map(&mut mails).collect();
        operator.pipe.close_at_client();
        self.world.server.abort(operator.id);
        self.world.settle();
        mails
    }

    /// The first and the last accounts of each step have one mail.
    fn assert_all_have_one(&mut self) {
        let mails = self.mails([0, 999, 1000, 1999, 2000, ACCOUNTS - 1]);
        assert_eq!(mails, [1; 6]);
    }
}

fn request(cursor: &AnnouncementCursor, text: &str) -> AdminRequest {
    let (subject, body) = ("Maintenance".parse().unwrap(), text.parse().unwrap());
    AdminRequest::Announce { cursor: cursor.clone(), subject, body }
}

/// A number that a test and its store share.
fn counter(start: u32) -> (Rc<Cell<u32>>, Rc<Cell<u32>>) {
    let cell = Rc::new(Cell::new(start));
    (cell.clone(), cell)
}

#[test]
fn a_step_that_finds_the_queue_full_is_submitted_again() {
    let (left, counted) = counter(20);
    // Each step is refused some times, and each try counts.
    let next = move || match counted.get() {
        0 => Step::Done,
        full => {
            counted.set(full - 1);
            if full % 7 == 0 { Step::Done } else { Step::Full }
        }
    };
    let mut fixture = Fixture::new(next);
    let begin = fixture.begin.clone();
    let reply = fixture.announce(&begin);
    assert_eq!(reply, AdminReply::Announced { accounts: ACCOUNTS as u64 });
    assert!(left.get() < 10, "the queue was full");
    fixture.assert_all_have_one();
}

#[test]
fn an_announcement_that_stops_goes_on_from_its_cursor() {
    for (fault, code) in
        [(Step::Full, AdminErrorCode::Busy), (Step::Unavailable, AdminErrorCode::Unavailable)]
    {
        let (room, counted) = counter(1);
        let next = move || match counted.get() {
            0 => fault,
            room => {
                counted.set(room - 1);
                Step::Done
            }
        };
        let mut fixture = Fixture::new(next);
        let begin = fixture.begin.clone();
        let stopped = fixture.refused(&begin);
        assert_eq!(stopped.code, code);
        let cursor = stopped.announcement.unwrap();
        assert_eq!(cursor, AnnouncementCursor { after: Some(username(999)), ..begin.clone() });
        assert!(stopped.text.contains(&format!("announce --id {cursor}")), "{}", stopped.text);
        assert_eq!(fixture.mails([0, 999, 1000]), [1, 1, 0]);
        // One step more, and then the rest.
        room.set(1);
        let stopped = fixture.refused(&cursor);
        assert!(stopped.text.contains("1000 mailboxes"), "{}", stopped.text);
        room.set(9);
        let rest = AdminReply::Announced { accounts: ACCOUNTS as u64 - 2000 };
        assert_eq!(fixture.announce(&stopped.announcement.unwrap()), rest);
        fixture.assert_all_have_one();
    }
}

#[test]
fn an_announcement_that_is_repeated_with_its_id_reaches_nobody_twice() {
    let mut fixture = Fixture::new(|| Step::Done);
    let begin = fixture.begin.clone();
    let all = AdminReply::Announced { accounts: ACCOUNTS as u64 };
    assert_eq!(fixture.announce(&begin), all);
    assert_eq!(fixture.announce(&begin), AdminReply::Announced { accounts: 0 });
    fixture.assert_all_have_one();
    let other = request(&begin, "Another text.");
    match fixture.operator.ask(&mut fixture.world, &other) {
        AdminReply::Error(error) => assert_eq!(error.code, AdminErrorCode::BadRequest),
        other => panic!("{other:?}"),
    }
    fixture.assert_all_have_one();
}

#[test]
fn a_server_that_stops_ends_an_announcement_between_two_steps() {
    let (open, counted) = counter(0);
    let next = move || if counted.get() == 0 { Step::Taken } else { Step::Done };
    let mut fixture = Fixture::new(next);
    let begin = fixture.begin.clone();
    fixture.operator.begin(&mut fixture.world, &request(&begin, "Tonight at ten."));
    fixture.world.settle();
    fixture.world.server.begin_shutdown(fixture.world.now);
    fixture.world.settle();
    assert!(fixture.operator.replies().is_empty(), "the step is under way");
    open.set(1);
    fixture.world.settle();
    match fixture.operator.replies().as_slice() {
        [AdminReply::Error(stopped)] => {
            assert_eq!(stopped.code, AdminErrorCode::Stopped);
            let after = stopped.announcement.clone().unwrap().after;
            assert_eq!(after, Some(username(999)), "the step is counted");
        }
        other => panic!("{other:?}"),
    }
    assert!(fixture.operator.pipe.is_closed_by_server());
}

#[test]
fn an_announcement_without_its_command_waits_for_room_in_the_queue_too() {
    let (open, counted) = counter(0);
    let next = move || if counted.get() == 0 { Step::Full } else { Step::Done };
    let mut fixture = Fixture::new(next);
    let begin = fixture.begin.clone();
    fixture.operator.begin(&mut fixture.world, &request(&begin, "Tonight at ten."));
    fixture.world.settle();
    fixture.operator.pipe.close_at_client();
    let ended = Readiness { readable: true, ended: true, ..Readiness::default() };
    fixture.world.server.note(fixture.operator.id, ended);
    fixture.world.pass(Duration::from_secs(1));
    assert_eq!(fixture.world.server.len(), 1, "it is kept for its announcement");
    open.set(1);
    fixture.world.pass(Duration::from_secs(1));
    assert!(fixture.world.server.is_empty());
    fixture.assert_all_have_one();
}
