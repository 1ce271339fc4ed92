//! Tests of lists as clients see them: requests, refusals, notices, and what a mail to a list
//! counts for.

use std::{cell::Cell, rc::Rc, time::Duration};

use correio_proto::{
    capability::LISTS,
    limits::RECIPIENTS_MAX,
    mail::{FullName, Username},
    message::{
        ErrorCode, ErrorReply, ListChange, ListRequest, Notice, Realm, Reply, Request, Role,
        SendPolicy,
    },
};
use correio_server::{
    engine::ServerLimits,
    ids::Ticket,
    limits::throttle::ThrottleConfig,
    session::{DirectoryPolicy, ListCreation, SessionConfig},
    store::{
        Quota, Store, StoreDone, StoreFailed, StoreJob, Submitted,
        memory::{MemoryLimits, MemoryStore},
    },
};
use correio_simulation::store::{SimStore, StoreFaults};
use correio_testing::{
    request::{hello, mail, register},
    world::{PipeClient, QUOTA, REALM, World, limits_of, session_config},
};

use crate::daemon::Daemon;

fn change(list: &str, change: ListChange) -> Request {
    Request::List(ListRequest::Change { name: list.parse().unwrap(), change })
}

fn create(list: &str, senders: SendPolicy) -> Request {
    let title: FullName = "Turma de Redes".parse().unwrap();
    change(list, ListChange::Create { title, senders })
}

fn add(list: &str, members: &str) -> Request {
    let (members, role) = (members.parse().unwrap(), Role::Member {});
    change(list, ListChange::Add { members, role })
}

fn members(list: &str) -> Request {
    Request::List(ListRequest::Members { name: list.parse().unwrap(), after: None })
}

fn refused(reply: Reply) -> ErrorReply {
    match reply {
        Reply::Error(error) => error,
        other => panic!("an error was expected, not {other:?}"),
    }
}

/// Tony's list `turma`, with Pepper.
fn turma(world: &mut World) -> (PipeClient, PipeClient) {
    let (mut tony, pepper) = world.tony_and_pepper();
    for request in [create("turma", SendPolicy::Members {}), add("turma", "pepper")] {
        assert_eq!(tony.ask(world, request), Reply::ListChanged {});
    }
    (tony, pepper)
}

#[test]
fn a_mail_to_a_list_is_told_to_its_members_and_shows_the_list() {
    let mut world = World::new();
    let (mut tony, mut pepper) = turma(&mut world);
    assert!(matches!(tony.ask(&mut world, mail(1, "turma", "Aula")), Reply::Sent { .. }));
    world.settle();
    for client in [&mut tony, &mut pepper] {
        client.receive();
        assert!(matches!(client.notices[..], [Notice::NewMail(_)]), "{:?}", client.notices);
        let page = client.fetch(&mut world);
        assert_eq!((page.mails.len(), page.mails[0].to.to_string()), (1, "turma".to_owned()));
    }
}

#[test]
fn the_server_names_the_capability_and_shows_lists_and_members() {
    let mut world = World::new();
    let Reply::Hello(welcome) = world.connect().ask(&mut world, hello()) else {
        panic!("a greeting was expected");
    };
    assert!(welcome.capabilities.contains(LISTS));
    let (mut tony, mut pepper) = turma(&mut world);
    let Reply::Members(page) = tony.ask(&mut world, members("turma")) else {
        panic!("members were expected");
    };
    let names: Vec<_> = page.members.iter().map(|member| member.username.as_str()).collect();
    assert_eq!((names, page.more), (vec!["pepper", "tony"], false));
    let Reply::Lists { lists } = pepper.ask(&mut world, Request::List(ListRequest::Mine {})) else {
        panic!("lists were expected");
    };
    let names: Vec<_> = lists.iter().map(|list| list.name.as_str()).collect();
    assert_eq!(names, ["everybody", "turma"]);
}

/// Each refusal has its code, and a text that says why.
#[test]
fn refusals_about_lists_say_why() {
    let mut world = World::new();
    let (mut tony, mut pepper) = turma(&mut world);
    world.register("steve", "Steve Rogers");
    let mut steve = world.log_in("steve");
    let leave = |who: &str| ListChange::Remove { members: who.parse().unwrap() };
    let cases = [
        (0_usize, add("turma", "turma"), ErrorCode::UnknownRecipient, "no member of a list"),
        (0, add("nada", "pepper"), ErrorCode::NoSuchList, "no such list"),
        (0, change("turma", leave("tony")), ErrorCode::NotAllowed, "no owner"),
        (1, add("turma", "steve"), ErrorCode::NotAllowed, "only an owner"),
        (1, create("turma", SendPolicy::Members {}), ErrorCode::UsernameTaken, "taken"),
        (2, add("turma", "steve"), ErrorCode::NoSuchList, "no such list"),
        (2, members("turma"), ErrorCode::NoSuchList, "no such list"),
        (2, members("everybody"), ErrorCode::NotAllowed, "only an owner"),
        (2, mail(1, "turma,tony", "x"), ErrorCode::MayNotSend, "nobody got the mail"),
        (2, mail(1, "everybody", "x"), ErrorCode::MayNotSend, "nobody got the mail"),
    ];
    let clients = [&mut tony, &mut pepper, &mut steve];
    for (client, request, code, text) in cases {
        let error = refused(clients[client].ask(&mut world, request.clone()));
        assert_eq!(error.code, code, "{request:?}");
        assert!(error.text.contains(text), "{request:?}: {}", error.text);
    }
    let error = refused(steve.ask(&mut world, mail(1, "turma,tony", "x")));
    assert_eq!(error.recipients, ["turma".parse::<Username>().unwrap()]);
    assert_eq!(tony.fetch(&mut world).mails, []);
    let mut other = world.connect_and_greet();
    let taken = other.ask_refused(&mut world, register("turma", "Turma", 3));
    assert_eq!(taken, ErrorCode::UsernameTaken);
}

#[test]
fn a_server_may_let_nobody_make_lists_and_those_that_exist_go_on() {
    let mut world =
        World::with(SessionConfig { lists: ListCreation::Off, ..session_config() }, 100);
    let (mut tony, _) = world.tony_and_pepper();
    let error = refused(tony.ask(&mut world, create("turma", SendPolicy::Members {})));
    assert_eq!(error.code, ErrorCode::NotAllowed);
    assert!(error.text.contains("nobody make lists"), "{}", error.text);
    // Other requests are answered by the store.
    assert_eq!(tony.ask_refused(&mut world, add("turma", "pepper")), ErrorCode::NoSuchList);
    let mine = tony.ask(&mut world, Request::List(ListRequest::Mine {}));
    assert!(matches!(mine, Reply::Lists { .. }), "{mine:?}");
}

/// A list is deleted while a mail to it is on its way: whichever comes first, the mail reaches all
/// members or nobody.
#[test]
fn a_list_that_is_deleted_while_a_mail_is_sent_gets_it_whole_or_not_at_all() {
    for is_deleted_first in [true, false] {
        let mut world = World::new();
        let (mut tony, mut pepper) = turma(&mut world);
        let delete = change("turma", ListChange::Delete {});
        match is_deleted_first {
            true => {
                tony.begin(&mut world, delete);
                pepper.begin(&mut world, mail(1, "turma,pepper", "x"));
            }
            false => {
                pepper.begin(&mut world, mail(1, "turma,pepper", "x"));
                tony.begin(&mut world, delete);
            }
        }
        world.settle();
        pepper.receive();
        tony.receive();
        tony.replies.clear();
        let (_, reply) = pepper.replies.pop_back().unwrap();
        let expected = match reply {
            Reply::Sent { .. } => 1,
            Reply::Error(error) => {
                assert_eq!(error.code, ErrorCode::UnknownRecipient);
                assert_eq!(error.recipients, ["turma".parse::<Username>().unwrap()]);
                0
            }
            other => panic!("{other:?}"),
        };
        for client in [&mut tony, &mut pepper] {
            assert_eq!(client.fetch(&mut world).mails.len(), expected);
        }
    }
}

/// A store in memory whose jobs wait while it is held.
struct HeldStore {
    store: MemoryStore,
    is_held: Rc<Cell<bool>>,
    waiting: Vec<(Ticket, StoreJob)>,
}

impl Store for HeldStore {
    fn realm(&self) -> Realm {
        self.store.realm()
    }

    fn submit(&mut self, ticket: Ticket, job: StoreJob) -> Submitted {
        match self.is_held.get() {
            true => {
                self.waiting.push((ticket, job));
                Submitted::Queued
            }
            false => self.store.submit(ticket, job),
        }
    }

    fn collect(&mut self, done: &mut Vec<(Ticket, StoreDone)>) -> Result<(), StoreFailed> {
        self.store.collect(done)?;
        if !self.is_held.get() {
            for (ticket, job) in self.waiting.drain(..) {
                match self.store.submit(ticket, job) {
                    Submitted::Done(result) => done.push((ticket, result)),
                    other => panic!("{other:?}"),
                }
            }
        }
        Ok(())
    }

    fn close(self: Box<Self>, done: &mut Vec<(Ticket, StoreDone)>) -> Result<(), StoreFailed> {
        Box::new(self.store).close(done)
    }
}

/// A server with this many mails in an hour for each account, and a list of Tony's with so many
/// members. The third value holds its store.
fn throttled_with(
    mails_per_hour: u32,
    quota: Quota,
    members: usize,
) -> (World, PipeClient, Rc<Cell<bool>>) {
    let throttle = ThrottleConfig { mails_per_hour, ..limits_of(100).throttle };
    let limits = ServerLimits { throttle, ..limits_of(100) };
    let store = MemoryStore::new(REALM, quota, MemoryLimits::default());
    let is_held = Rc::new(Cell::new(false));
    let store = HeldStore { store, is_held: is_held.clone(), waiting: Vec::new() };
    let mut world = World::limited(limits, session_config(), Box::new(store));
    let (mut tony, _) = turma(&mut world);
    let names: Vec<_> = (2..members).map(|number| format!("user{number}")).collect();
    for name in &names {
        world.register(name, "Peter Parker");
    }
    for names in names.chunks(RECIPIENTS_MAX) {
        assert_eq!(tony.ask(&mut world, add("turma", &names.join(","))), Reply::ListChanged {});
    }
    (world, tony, is_held)
}

fn throttled(mails_per_hour: u32) -> (World, PipeClient) {
    let (world, tony, _) = throttled_with(mails_per_hour, QUOTA, 20);
    (world, tony)
}

/// Each session is charged the names before, and the members after: without a bound on what is on
/// its way, so many sessions would reach so many times the limit.
#[test]
fn of_an_account_s_mails_to_lists_at_once_one_is_sent_and_persons_get_theirs() {
    let (mut world, _, is_held) = throttled_with(30, QUOTA, 20);
    let mut devices: Vec<_> = (0..4).map(|_| world.log_in("tony")).collect();
    let mut pepper = world.log_in("pepper");
    is_held.set(true);
    for (device, (number, to)) in
        devices.iter_mut().zip([(1, "turma"), (2, "turma"), (3, "pepper"), (4, "turma")])
    {
        device.begin(&mut world, mail(number, to, "x"));
    }
    world.settle();
    is_held.set(false);
    world.settle();
    let replies = devices.iter_mut().map(|device| {
        device.receive();
        match device.replies.pop_back() {
            Some((_, Reply::Sent { .. })) => None,
            Some((_, reply)) => Some((refused(reply.clone()).code, refused(reply).retry_after)),
            None => panic!("a reply was expected"),
        }
    });
    let held = Some((ErrorCode::RateLimited, Some(1)));
    assert_eq!(replies.collect::<Vec<_>>(), [None, held, None, held]);
    assert_eq!(pepper.fetch(&mut world).mails.len(), 2);
    // 19 members and the names of two mails count; those of the others do not.
    for number in 5..14 {
        let sent = devices[0].ask(&mut world, mail(number, "pepper", "x"));
        assert!(matches!(sent, Reply::Sent { .. }), "{number}: {sent:?}");
    }
    let error = refused(devices[0].ask(&mut world, mail(14, "pepper", "x")));
    assert_eq!((error.code, error.retry_after), (ErrorCode::RateLimited, Some(120)));
}

/// One session that does not wait for replies has one mail on its way after the other.
#[test]
fn a_device_that_sends_to_lists_without_waiting_for_replies_is_not_held() {
    let (mut world, mut tony, _) = throttled_with(1000, QUOTA, 20);
    for number in 1..=20 {
        tony.begin(&mut world, mail(number, "turma", "x"));
    }
    world.settle();
    tony.receive();
    let sent = tony.replies.iter().filter(|(_, reply)| matches!(reply, Reply::Sent { .. }));
    assert_eq!(sent.count(), 20);
}

/// The store has looked at the members before it refuses such a mail.
#[test]
fn a_refused_mail_to_a_list_counts_for_its_names_and_a_hundredth_of_the_members() {
    for (members, refusals) in [(20, 29), (120, 15)] {
        let quota = Quota { mails: 1, ..QUOTA };
        let (mut world, mut tony, _) = throttled_with(30, quota, members);
        assert!(matches!(tony.ask(&mut world, mail(1, "pepper", "x")), Reply::Sent { .. }));
        for number in 0..refusals {
            let code = tony.ask_refused(&mut world, mail(100 + number, "turma", "x"));
            assert_eq!(code, ErrorCode::MailboxFull, "{number} of {members}");
        }
        let code = tony.ask_refused(&mut world, mail(2, "turma", "x"));
        assert_eq!(code, ErrorCode::RateLimited);
    }
    let (mut world, _, _) = throttled_with(30, QUOTA, 20);
    world.register("steve", "Steve Rogers");
    let mut steve = world.log_in("steve");
    for number in 0..30 {
        let code = steve.ask_refused(&mut world, mail(number, "turma", "x"));
        assert_eq!(code, ErrorCode::MayNotSend);
    }
    let code = steve.ask_refused(&mut world, mail(30, "turma", "x"));
    assert_eq!(code, ErrorCode::RateLimited);
}

/// Requests about lists that an account may make at once.
const AT_ONCE: usize = 240;

#[test]
fn an_account_asks_about_lists_240_times_at_once_and_every_three_seconds() {
    let mut world = World::new();
    let (mut tony, mut pepper) = turma(&mut world);
    let mut again = world.log_in("tony");
    // Two were asked before.
    for number in 2..AT_ONCE {
        let client = if number % 2 == 0 { &mut tony } else { &mut again };
        let code = client.ask_refused(&mut world, members("nada"));
        assert_eq!(code, ErrorCode::NoSuchList, "{number}");
    }
    let requests = [Request::List(ListRequest::Mine {}), members("turma"), add("turma", "pepper")];
    for request in requests {
        let error = refused(tony.ask(&mut world, request));
        assert_eq!((error.code, error.retry_after), (ErrorCode::RateLimited, Some(3)));
    }
    assert!(matches!(pepper.ask(&mut world, members("turma")), Reply::Members(_)));
    world.pass(Duration::from_secs(3));
    assert!(matches!(tony.ask(&mut world, members("turma")), Reply::Members(_)));
    assert_eq!(again.ask_refused(&mut world, members("turma")), ErrorCode::RateLimited);
}

#[test]
fn a_request_about_lists_that_is_not_answered_is_not_charged() {
    let store = SimStore::immediate(REALM, QUOTA);
    let mut world = World::with_store(session_config(), 100, Box::new(store.clone()));
    let (mut tony, _) = turma(&mut world);
    let faults = store.faults();
    store.set_faults(StoreFaults { unavailable: true, ..faults });
    for _ in 0..2 * AT_ONCE {
        assert_eq!(tony.ask_refused(&mut world, members("turma")), ErrorCode::Unavailable);
    }
    store.set_faults(faults);
    assert!(matches!(tony.ask(&mut world, members("turma")), Reply::Members(_)));
}

/// Otherwise whoever adds guessed usernames to a list would read the full names there.
#[test]
fn a_server_without_a_directory_shows_no_full_names_of_members() {
    let session = SessionConfig { directory: DirectoryPolicy::Off, ..session_config() };
    let mut world = World::with(session, 100);
    let (mut tony, mut pepper) = turma(&mut world);
    for client in [&mut tony, &mut pepper] {
        let Reply::Members(page) = client.ask(&mut world, members("turma")) else {
            panic!("members were expected");
        };
        let names = page.members.iter().map(|member| member.full_name.as_str());
        assert_eq!(names.collect::<Vec<_>>(), ["pepper", "tony"]);
    }
}

#[test]
fn each_change_of_a_list_has_a_line_in_the_log() {
    let directory = tempfile::tempdir().unwrap();
    let log = directory.path().join("log");
    let arguments = ["--registration", "open", "--lists", "members", "--log-file"];
    let arguments = [&arguments[..], &[log.to_str().unwrap()]].concat();
    let server = Daemon::start(&directory.path().join("mail"), &arguments);
    let mut tony = server.session("tony");
    let (title, senders) = ("Redes".parse().unwrap(), SendPolicy::Owners {});
    for request in [
        create("turma", SendPolicy::Members {}),
        change("turma", ListChange::Set { title, senders }),
        add("turma", "nobody"),
        members("turma"),
        change("turma", ListChange::Delete {}),
        change("turma", ListChange::Delete {}),
    ] {
        tony.ask(request);
    }
    assert!(server.stop().success());
    let log = std::fs::read_to_string(log).unwrap();
    let fields = " username=tony list=turma connection=";
    for (event, count) in [("list.created", 1), ("list.changed", 1), ("list.deleted", 1)] {
        let line = format!("{event}{fields}");
        let lines = log.lines().filter(|logged| logged.contains(&line)).count();
        assert_eq!(lines, count, "{event}: {log}");
    }
}

#[test]
fn a_mail_to_a_list_counts_for_each_member() {
    let (mut world, mut tony) = throttled(30);
    assert!(matches!(tony.ask(&mut world, mail(1, "turma", "x")), Reply::Sent { .. }));
    // Ten are left of thirty, and a refused or repeated mail takes none of them.
    tony.ask_refused(&mut world, mail(2, "turma,nobody", "x"));
    assert!(matches!(tony.ask(&mut world, mail(1, "turma", "x")), Reply::Sent { .. }));
    for number in 3..13 {
        let sent = tony.ask(&mut world, mail(number, "pepper", "x"));
        assert!(matches!(sent, Reply::Sent { .. }), "{number}: {sent:?}");
    }
    let error = refused(tony.ask(&mut world, mail(13, "pepper", "x")));
    assert_eq!((error.code, error.retry_after), (ErrorCode::RateLimited, Some(120)));
}

/// A list with more members than an account may reach in an hour can be used, at the price of an
/// hour.
#[test]
fn a_list_above_the_hour_s_number_can_be_used_and_costs_an_hour() {
    let (mut world, mut tony) = throttled(6);
    assert!(matches!(tony.ask(&mut world, mail(1, "turma", "x")), Reply::Sent { .. }));
    let error = refused(tony.ask(&mut world, mail(2, "pepper", "x")));
    assert_eq!(error.code, ErrorCode::RateLimited);
    let wait = error.retry_after.unwrap();
    assert!((600..=3600 + 600).contains(&wait), "{wait}");
    world.pass(Duration::from_secs(wait.into()));
    let mut tony = world.log_in("tony");
    assert!(matches!(tony.ask(&mut world, mail(2, "pepper", "x")), Reply::Sent { .. }));
}
