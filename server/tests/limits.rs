//! Tests of the limits on guessers, crowds and senders, in memory and with a clock of the test's
//! own.

use std::{cell::Cell, net::SocketAddr, rc::Rc, time::Duration};

use correio_proto::message::{
    Account, ErrorCode, Fetch, Notice, Realm, Register, Reply, Request, Send,
};
use correio_server::{
    auth::invite::RegistrationRules,
    engine::ServerLimits,
    ids::Ticket,
    limits::{admission::AdmissionConfig, throttle::ThrottleConfig},
    session::SessionConfig,
    store::{
        Quota, Store, StoreDone, StoreFailed, StoreJob, Submitted,
        memory::{MemoryLimits, MemoryStore},
    },
};
use correio_testing::{
    request::{credential, hello, id, login, mail, register},
    world::{PipeClient, QUOTA, REALM, World, limits_of, session_config},
};

fn throttled() -> World {
    let throttle =
        ThrottleConfig { registrations_per_hour: 3, mails_per_hour: 3, failed_logins: 5 };
    world(ServerLimits { throttle, ..limits_of(10_000) })
}

fn world(limits: ServerLimits) -> World {
    let store = MemoryStore::new(REALM, QUOTA, MemoryLimits::default());
    World::limited(limits, session_config(), Box::new(store))
}

fn address(last: u32) -> SocketAddr {
    SocketAddr::from(([127, 0, (1 + last / 250) as u8, (last % 250) as u8], 4000))
}

fn greet_from(world: &mut World, peer: SocketAddr) -> PipeClient {
    let mut client = world.connect_from(peer);
    assert!(matches!(client.ask(world, hello()), Reply::Hello(_)));
    client
}

/// The code and the time to wait of a refusal.
fn refusal(reply: Reply) -> (ErrorCode, Option<u32>) {
    match reply {
        Reply::Error(error) => (error.code, error.retry_after),
        other => panic!("a refusal was expected, not {other:?}"),
    }
}

#[test]
fn who_guesses_waits_longer_each_time_and_nothing_is_hashed_for_them() {
    let mut world = throttled();
    world.register("tony", "Tony Stark");
    let mut guesser = greet_from(&mut world, address(1));
    for _ in 0..5 {
        let wrong = guesser.ask(&mut world, login("tony", 9));
        assert_eq!(refusal(wrong), (ErrorCode::BadCredentials, None));
    }
    let mut waits = Vec::new();
    for _ in 0..4 {
        let (code, wait) = refusal(guesser.ask(&mut world, login("tony", 9)));
        assert_eq!(code, ErrorCode::RateLimited);
        let wait = wait.unwrap();
        // Coming back early changes nothing.
        assert_eq!(refusal(guesser.ask(&mut world, login("tony", 1))).1, Some(wait));
        world.pass(Duration::from_secs(u64::from(wait)));
        if guesser.is_closed() {
            guesser = greet_from(&mut world, address(1));
        }
        let wrong = guesser.ask(&mut world, login("tony", 9));
        assert_eq!(refusal(wrong).0, ErrorCode::BadCredentials);
        waits.push(wait);
    }
    assert!(waits.is_sorted_by(|a, b| a < b), "{waits:?}");
    // From another address the owner logs in at once.
    let mut owner = greet_from(&mut world, address(2));
    assert!(matches!(owner.ask(&mut world, login("tony", 1)), Reply::LoggedIn(_)));
}

#[test]
fn an_unknown_username_is_throttled_as_a_known_one() {
    let mut world = throttled();
    world.register("tony", "Tony Stark");
    let answers = |world: &mut World, username: &str, from: u32| -> Vec<_> {
        let mut client = greet_from(world, address(from));
        (0..8).map(|_| refusal(client.ask(world, login(username, 9)))).collect()
    };
    assert_eq!(answers(&mut world, "tony", 1), answers(&mut world, "nobody", 2));
}

#[test]
fn fifty_addresses_that_guess_do_not_keep_the_owner_out() {
    let mut world = throttled();
    world.register("tony", "Tony Stark");
    let mut refused = 0;
    for _ in 0..100 {
        for from in 1..=50 {
            let mut guesser = greet_from(&mut world, address(from));
            let (code, wait) = refusal(guesser.ask(&mut world, login("tony", 9)));
            if code == ErrorCode::RateLimited {
                assert!(wait.unwrap() >= 1);
                refused += 1;
            }
            guesser.hang_up(&mut world);
        }
    }
    assert!(refused > 4900, "{refused} of 5000");
    let mut owner = greet_from(&mut world, address(51));
    assert!(matches!(owner.ask(&mut world, login("tony", 1)), Reply::LoggedIn(_)));
}

#[test]
fn attempts_at_the_same_time_count_before_they_are_answered() {
    let mut world = throttled();
    world.register("tony", "Tony Stark");
    world.hashing.borrow_mut().is_held = true;
    let mut guessers: Vec<_> = (0..50).map(|_| greet_from(&mut world, address(1))).collect();
    for guesser in &mut guessers {
        guesser.begin(&mut world, login("tony", 9));
    }
    world.settle();
    assert_eq!(world.hashing.borrow().jobs.len(), 5);
    // Guessers that leave before they are answered are not charged.
    for guesser in &mut guessers {
        guesser.hang_up(&mut world);
    }
    world.hashing.borrow_mut().is_held = false;
    world.settle();
    let mut guesser = greet_from(&mut world, address(1));
    let wrong = guesser.ask(&mut world, login("tony", 9));
    assert_eq!(refusal(wrong).0, ErrorCode::BadCredentials);
}

#[test]
fn password_checks_that_a_client_abandons_make_its_address_wait() {
    let mut world = throttled();
    world.register("tony", "Tony Stark");
    world.hashing.borrow_mut().is_held = true;
    for _ in 0..5 {
        let mut guesser = greet_from(&mut world, address(1));
        guesser.begin(&mut world, login("tony", 9));
        world.settle();
        // A worker has the job, so the end of the connection cannot cancel it.
        let job = world.hashing.borrow_mut().jobs.pop_front();
        assert!(job.is_some());
        guesser.hang_up(&mut world);
    }
    assert_eq!(world.hashing.borrow().cancelled, 0);
    world.hashing.borrow_mut().is_held = false;
    let mut guesser = greet_from(&mut world, address(1));
    for username in ["tony", "nobody"] {
        let refused = guesser.ask_refused(&mut world, login(username, 9));
        assert_eq!(refused, ErrorCode::RateLimited);
    }
    // The account is not charged.
    let mut owner = greet_from(&mut world, address(2));
    assert!(matches!(owner.ask(&mut world, login("tony", 1)), Reply::LoggedIn(_)));
}

#[test]
fn the_password_cannot_be_guessed_in_an_open_session_either() {
    let mut world = throttled();
    let (mut tony, _pepper) = world.tony_and_pepper();
    let change = |current| {
        let (current, new) = (credential(current), credential(3));
        Request::Account(Account::Password { current, new })
    };
    let codes: Vec<_> = (0..6).map(|_| refusal(tony.ask(&mut world, change(9))).0).collect();
    assert_eq!(codes[..5], [ErrorCode::BadCredentials; 5]);
    assert_eq!(codes[5], ErrorCode::RateLimited);
}

#[test]
fn registrations_of_an_address_are_counted() {
    let mut world = throttled();
    let mut client = greet_from(&mut world, address(1));
    for (number, username) in (1..).zip(["a", "b", "c"]) {
        let reply = client.ask(&mut world, register(username, "Tony Stark", number));
        assert_eq!(reply, Reply::Registered {});
    }
    let (code, wait) = refusal(client.ask(&mut world, register("d", "Tony Stark", 4)));
    assert_eq!((code, wait), (ErrorCode::RateLimited, Some(1200)));
    let mut elsewhere = greet_from(&mut world, address(2));
    let reply = elsewhere.ask(&mut world, register("d", "Tony Stark", 4));
    assert_eq!(reply, Reply::Registered {});
}

#[test]
fn mails_of_an_account_are_counted_whatever_the_connection() {
    let mut world = throttled();
    let (mut tony, mut pepper) = world.tony_and_pepper();
    for number in 1..=3 {
        let sent = tony.ask(&mut world, mail(number, "pepper", "x"));
        assert!(matches!(sent, Reply::Sent { .. }), "{sent:?}");
    }
    let mut again = world.log_in("tony");
    let (code, wait) = refusal(again.ask(&mut world, mail(4, "pepper", "x")));
    assert_eq!((code, wait), (ErrorCode::RateLimited, Some(1200)));
    let sent = pepper.ask(&mut world, mail(5, "tony", "x"));
    assert!(matches!(sent, Reply::Sent { .. }), "{sent:?}");
    assert_eq!(pepper.fetch(&mut world).mails.len(), 3);
}

/// A store whose queue is full, or that fails, when the test says so.
struct FailingStore {
    store: MemoryStore,
    mode: Rc<Cell<StoreMode>>,
}

#[derive(Clone, Copy)]
enum StoreMode {
    Well,
    Full,
    Failing,
}

impl Store for FailingStore {
    fn realm(&self) -> Realm {
        self.store.realm()
    }

    fn submit(&mut self, ticket: Ticket, job: StoreJob) -> Submitted {
        let is_write = matches!(job, StoreJob::Send { .. } | StoreJob::CreateAccount { .. });
        match self.mode.get() {
            StoreMode::Full if is_write => Submitted::Full,
            StoreMode::Failing if is_write => {
                Submitted::Done(StoreDone::Unavailable("the disk is full".into()))
            }
            StoreMode::Well | StoreMode::Full | StoreMode::Failing => {
                self.store.submit(ticket, job)
            }
        }
    }

    fn collect(&mut self, done: &mut Vec<(Ticket, StoreDone)>) -> Result<(), StoreFailed> {
        self.store.collect(done)
    }

    fn close(self: Box<Self>, done: &mut Vec<(Ticket, StoreDone)>) -> Result<(), StoreFailed> {
        Box::new(self.store).close(done)
    }
}

/// As [`throttled`], with a store that can be told to refuse.
fn failing_store() -> (World, Rc<Cell<StoreMode>>) {
    let throttle =
        ThrottleConfig { registrations_per_hour: 3, mails_per_hour: 3, failed_logins: 5 };
    let mode = Rc::new(Cell::new(StoreMode::Well));
    let quota = Quota { mails: 2, ..QUOTA };
    let store = MemoryStore::new(REALM, quota, MemoryLimits::default());
    let store = FailingStore { store, mode: mode.clone() };
    let limits = ServerLimits { throttle, ..limits_of(10_000) };
    (World::limited(limits, session_config(), Box::new(store)), mode)
}

#[test]
fn a_mail_that_was_not_accepted_is_not_charged_and_neither_is_a_repeated_one() {
    let (mut world, mode) = failing_store();
    let (mut tony, _pepper) = world.tony_and_pepper();
    world.register("steve", "Steve Rogers");
    assert!(matches!(tony.ask(&mut world, mail(1, "pepper", "x")), Reply::Sent { .. }));
    for number in 10..30 {
        for (now, code) in
            [(StoreMode::Full, ErrorCode::Busy), (StoreMode::Failing, ErrorCode::Unavailable)]
        {
            mode.set(now);
            assert_eq!(tony.ask_refused(&mut world, mail(number, "pepper", "x")), code);
        }
        mode.set(StoreMode::Well);
        let refused = tony.ask_refused(&mut world, mail(number, "pepper,nobody", "x"));
        assert_eq!(refused, ErrorCode::UnknownRecipient);
        assert_eq!(tony.ask_refused(&mut world, mail(1, "pepper", "y")), ErrorCode::Conflict);
        // As after a lost answer.
        let repeated = tony.ask(&mut world, mail(1, "pepper", "x"));
        assert!(matches!(repeated, Reply::Sent { .. }), "{repeated:?}");
    }
    assert!(matches!(tony.ask(&mut world, mail(2, "pepper", "x")), Reply::Sent { .. }));
    for number in 40..50 {
        assert_eq!(
            tony.ask_refused(&mut world, mail(number, "pepper", "x")),
            ErrorCode::MailboxFull
        );
    }
    assert!(matches!(tony.ask(&mut world, mail(3, "steve", "x")), Reply::Sent { .. }));
    // Three were accepted, and there is no fourth.
    let (code, wait) = refusal(tony.ask(&mut world, mail(4, "steve", "x")));
    assert_eq!((code, wait), (ErrorCode::RateLimited, Some(1200)));
}

#[test]
fn a_registration_that_the_server_could_not_do_is_not_charged() {
    let (mut world, mode) = failing_store();
    let mut client = greet_from(&mut world, address(1));
    for _ in 0..20 {
        for (now, code) in
            [(StoreMode::Full, ErrorCode::Busy), (StoreMode::Failing, ErrorCode::Unavailable)]
        {
            mode.set(now);
            assert_eq!(client.ask_refused(&mut world, register("a", "Tony Stark", 1)), code);
        }
        mode.set(StoreMode::Well);
        world.hashing.borrow_mut().queue_max = Some(0);
        assert_eq!(client.ask_refused(&mut world, register("a", "Tony Stark", 1)), ErrorCode::Busy);
        world.hashing.borrow_mut().queue_max = None;
        // A client that leaves before a worker has begun is not charged either.
        world.hashing.borrow_mut().is_held = true;
        let mut gone = greet_from(&mut world, address(1));
        gone.begin(&mut world, register("a", "Tony Stark", 1));
        world.settle();
        gone.hang_up(&mut world);
        world.hashing.borrow_mut().is_held = false;
    }
    for (number, username) in (1..).zip(["a", "b", "c"]) {
        let reply = client.ask(&mut world, register(username, "Tony Stark", number));
        assert_eq!(reply, Reply::Registered {});
    }
    assert_eq!(
        client.ask_refused(&mut world, register("d", "Tony Stark", 4)),
        ErrorCode::RateLimited
    );
}

#[test]
fn registrations_that_make_no_account_are_counted_by_themselves() {
    let (mut world, _mode) = failing_store();
    world.register("tony", "Tony Stark");
    let mut client = greet_from(&mut world, address(1));
    assert_eq!(client.ask(&mut world, register("a", "Tony Stark", 1)), Reply::Registered {});
    // The same request again, as after a lost answer.
    assert_eq!(client.ask(&mut world, register("a", "Tony Stark", 1)), Reply::Registered {});
    let taken = Request::Register(Register {
        id: id(9),
        username: "tony".parse().unwrap(),
        full_name: "Tony Stark".parse().unwrap(),
        invite: None,
        credential: credential(1),
    });
    assert_eq!(client.ask_refused(&mut world, taken.clone()), ErrorCode::UsernameTaken);
    // Neither counts as one of the accounts that are allowed.
    for username in ["b", "c"] {
        let reply = client.ask(&mut world, register(username, "Tony Stark", 1));
        assert_eq!(reply, Reply::Registered {});
    }
    // A client that asks for many usernames must wait: each answer costs a hash and reveals
    // something.
    let mut elsewhere = greet_from(&mut world, address(2));
    for _ in 0..3 {
        assert_eq!(elsewhere.ask_refused(&mut world, taken.clone()), ErrorCode::UsernameTaken);
    }
    let (code, wait) = refusal(elsewhere.ask(&mut world, taken));
    assert_eq!((code, wait), (ErrorCode::RateLimited, Some(1200)));
}

#[test]
fn an_invite_that_is_refused_at_once_is_not_charged() {
    let throttle =
        ThrottleConfig { registrations_per_hour: 1, mails_per_hour: 3, failed_logins: 5 };
    let store = MemoryStore::new(REALM, QUOTA, MemoryLimits::default());
    let session = SessionConfig { registrations: RegistrationRules::Closed, ..session_config() };
    let limits = ServerLimits { throttle, ..limits_of(100) };
    let mut world = World::limited(limits, session, Box::new(store));
    let mut client = greet_from(&mut world, address(1));
    for _ in 0..5 {
        let refused = client.ask_refused(&mut world, register("a", "Tony Stark", 1));
        assert_eq!(refused, ErrorCode::NotAllowed);
    }
}

/// A class's first lesson, all from one address: every student registers, and every third mistypes
/// the password once.
#[test]
fn a_class_behind_one_address_gets_in_although_every_third_mistypes() {
    const STUDENTS: usize = 40;
    let throttle =
        ThrottleConfig { registrations_per_hour: 100, mails_per_hour: 1000, failed_logins: 10 };
    let mut world = world(ServerLimits { throttle, ..limits_of(100) });
    let name = |student: usize| format!("student{student}");
    let mut class: Vec<_> = (0..STUDENTS).map(|_| greet_from(&mut world, address(1))).collect();
    for (student, client) in class.iter_mut().enumerate() {
        let reply = client.ask(&mut world, register(&name(student), "Peter Parker", 1));
        assert_eq!(reply, Reply::Registered {});
    }
    for (student, client) in class.iter_mut().enumerate().filter(|(student, _)| student % 3 == 0) {
        let wrong = client.ask(&mut world, login(&name(student), 9));
        assert_eq!(refusal(wrong), (ErrorCode::BadCredentials, None), "{student}");
    }
    // All at once, and nobody is told to wait.
    for (student, client) in class.iter_mut().enumerate() {
        client.begin(&mut world, login(&name(student), 1));
    }
    world.settle();
    for client in &mut class {
        client.receive();
        let (_, reply) = client.replies.pop_front().unwrap();
        assert!(matches!(reply, Reply::LoggedIn(_)), "{reply:?}");
    }
    // A registration raises no other limit: accounts that were made from elsewhere can be guessed
    // at from here no more often than before.
    world.register("tony", "Tony Stark");
    let mut guesser = greet_from(&mut world, address(1));
    let codes: Vec<_> =
        (0..11).map(|_| guesser.ask_refused(&mut world, login("tony", 9))).collect();
    assert_eq!(codes[..10], [ErrorCode::BadCredentials; 10]);
    assert_eq!(codes[10], ErrorCode::RateLimited);
}

fn crowded() -> World {
    let admission =
        AdmissionConfig { connections_max: 300, per_prefix_max: 100, anonymous_max: 200 };
    world(ServerLimits { admission, ..limits_of(0) })
}

#[test]
fn a_silent_crowd_keeps_nobody_out_and_ends_at_the_deadline() {
    let mut world = crowded();
    world.register("tony", "Tony Stark");
    for number in 0..1000 {
        // 20 addresses with 50 connections each, more than there is room for.
        world.try_connect_from(address(number % 20));
    }
    world.settle();
    // The last connections are open: each has displaced a connection of the address with the most.
    assert_eq!(world.server.len(), 200);
    let mut tony = greet_from(&mut world, address(500));
    assert!(matches!(tony.ask(&mut world, login("tony", 1)), Reply::LoggedIn(_)));
    world.pass(Duration::from_secs(33));
    assert_eq!(world.server.len(), 1);
    assert_eq!(tony.ask(&mut world, Request::Ping {}), Reply::Pong {});
}

/// One address of each IPv6 network of 64 bits within 2001:db8:1::/48.
fn of_site(network: u32) -> SocketAddr {
    let bits = (0x2001_0db8_0001 << 80) + (u128::from(network) << 64) + 1;
    (std::net::Ipv6Addr::from_bits(bits), 4000).into()
}

#[test]
fn silent_connections_from_a_whole_network_keep_nobody_out() {
    type Addresses = fn(u32) -> SocketAddr;
    let (site, beside): (Addresses, Addresses) = (of_site, |number| of_site(0xff00 + number));
    let (others, elsewhere): (Addresses, Addresses) = (address, |number| address(20_000 + number));
    for (crowd, newcomers) in [(site, elsewhere), (site, beside), (others, elsewhere)] {
        let admission =
            AdmissionConfig { connections_max: 16_384, per_prefix_max: 256, anonymous_max: 1024 };
        let mut world = world(ServerLimits { admission, ..limits_of(0) });
        world.register("tony", "Tony Stark");
        for number in 0..1100 {
            world.try_connect_from(crowd(number));
        }
        world.settle();
        assert_eq!(world.server.len(), 1024);
        for number in 0..72 {
            let mut tony = greet_from(&mut world, newcomers(number));
            // The crowd comes again meanwhile.
            for silent in 0..20 {
                world.try_connect_from(crowd(1100 + 20 * number + silent));
            }
            assert!(matches!(tony.ask(&mut world, login("tony", 1)), Reply::LoggedIn(_)));
        }
    }
}

#[test]
fn connections_that_gave_way_are_bounded() {
    let admission =
        AdmissionConfig { connections_max: 100, per_prefix_max: 100, anonymous_max: 100 };
    let mut world = world(ServerLimits { admission, ..limits_of(0) });
    // Nothing is closed without an iteration of the loop in between.
    let admitted = (0..1000).filter(|it| world.try_connect_from(address(*it)).is_some()).count();
    assert_eq!((admitted, world.server.len()), (100 + 128, 100 + 128));
    world.settle();
    assert_eq!(world.server.len(), 100);
}

#[test]
fn one_address_has_its_share_and_the_others_theirs() {
    let mut world = crowded();
    let mut refused = 0;
    for _ in 0..500 {
        let peer = address(1);
        let wires = world.try_connect_from(peer);
        refused += u32::from(wires.is_none());
    }
    world.settle();
    // A hundred connections are open; some more are being rejected with a reply, and the rest are
    // dropped.
    assert_eq!(world.server.len(), 100 + 64);
    assert_eq!(refused, 336);
    greet_from(&mut world, address(2));
    world.pass(Duration::from_secs(3));
    assert_eq!(world.server.len(), 101);
}

#[test]
fn who_is_logged_in_stays_whatever_the_crowd() {
    let mut world = crowded();
    let (mut tony, mut pepper) = world.tony_and_pepper();
    for number in 0..2000 {
        world.try_connect_from(address(number % 600));
    }
    world.settle();
    tony.ask(&mut world, mail(1, "pepper", "x"));
    assert_eq!(pepper.fetch(&mut world).mails.len(), 1);
}

#[test]
fn replies_that_nobody_takes_share_one_budget() {
    let mut world = world(ServerLimits { output_max: 300 << 10, ..limits_of(100) });
    world.register("tony", "Tony Stark");
    let mut tony = world.log_in("tony");
    let body = "x".repeat(100_000);
    for number in 1..=2 {
        let sent = tony.ask(&mut world, mail(number, "tony", &body[..200]));
        assert!(matches!(sent, Reply::Sent { .. }), "{sent:?}");
    }
    for number in 3..=4 {
        let large = Request::Send(Send {
            id: id(number),
            to: "tony".parse().unwrap(),
            subject: "x".parse().unwrap(),
            content: body.parse().unwrap(),
        });
        assert!(matches!(tony.ask(&mut world, large), Reply::Sent { .. }));
    }
    // Each page has 200 kB; the first deaf reader has room for it, the second has not.
    let mut deaf: Vec<_> = (0..2).map(|_| world.log_in("tony")).collect();
    for reader in &mut deaf {
        reader.set_window(&mut world, 100);
        reader.begin(&mut world, Request::Fetch(Fetch::default()));
        world.settle();
    }
    assert_eq!(world.server.len(), 2);
    assert_eq!(tony.fetch(&mut world).mails.len(), 4);
}

#[test]
fn an_account_has_a_hundred_sessions_and_the_oldest_gives_way() {
    let mut world = World::with(session_config(), 200);
    world.register("tony", "Tony Stark");
    let mut sessions: Vec<_> = (0..150).map(|_| world.log_in("tony")).collect();
    world.settle();
    for session in &mut sessions[..50] {
        session.receive();
        assert_eq!(session.notices, [Notice::SessionEnded {}]);
        assert!(session.is_closed());
    }
    for session in &mut sessions[50..] {
        assert_eq!(session.ask(&mut world, Request::Ping {}), Reply::Pong {});
    }
}

#[test]
fn frames_that_never_end_share_one_budget() {
    let mut world = world(ServerLimits { input_max: 200 << 10, ..limits_of(100) });
    world.register("tony", "Tony Stark");
    // The beginning of a mail of 128 KiB, of which 80 KiB come.
    let mut start = (128_u32 << 10).to_be_bytes().to_vec();
    start.resize(80 << 10, 0);
    let mut senders: Vec<_> = (0..3).map(|_| world.log_in("tony")).collect();
    for sender in &mut senders {
        sender.write(&mut world, &start);
        world.settle();
        sender.receive();
    }
    assert!(!senders[0].is_closed() && !senders[1].is_closed() && !senders[2].is_closed());
    let mut late = world.log_in("tony");
    late.write(&mut world, &start);
    world.settle();
    late.receive();
    let (number, reply) = late.replies.pop_front().unwrap();
    assert_eq!((number, refusal(reply)), (0, (ErrorCode::Busy, Some(10))));
    assert!(late.is_closed());

    // Another client can use what this client gives back; small requests need no budget.
    let mut other = world.log_in("tony");
    assert_eq!(other.ask(&mut world, Request::Ping {}), Reply::Pong {});
    senders.remove(0).hang_up(&mut world);
    other.write(&mut world, &start);
    world.settle();
    assert!(!other.is_closed());
    assert!(!other.notices.contains(&Notice::SessionEnded {}));
}

#[test]
fn connections_that_are_gone_leave_no_deadlines() {
    let mut world = world(limits_of(100));
    world.register("tony", "Tony Stark");
    let mut tony = world.log_in("tony");
    let mut most = 0;
    for _ in 0..5000 {
        let mut passer_by = world.connect();
        world.settle();
        passer_by.hang_up(&mut world);
        most = most.max(world.server.deadlines());
    }
    assert!((1000..=1030).contains(&most), "{most}");
    // The deadlines of open connections remain: a ping comes, and then the end.
    world.pass(Duration::from_secs(160));
    tony.receive();
    assert_eq!(tony.notices, [Notice::Ping {}]);
    world.pass(Duration::from_secs(145));
    assert!(world.server.is_empty());
    assert_eq!(world.server.deadlines(), 0);
}
