//! Tests of the operator's requests, in memory: what they answer, what they change for others, and
//! what they cannot hold up.

use std::time::Duration;

use correio_proto::{
    mail::Username,
    message::{ErrorCode, Notice, Recover, Reply, Request},
};
use correio_server::{
    admin::{
        cursor::AnnouncementCursor,
        line::LINE_MAX,
        moment::Moment,
        reply::{
            AdminError, AdminErrorCode, AdminReply, CodeView, InviteState, SessionView, StateView,
        },
        request::{
            AdminRequest, Blocked, Bounds, ConnectionName, InviteName, MailPolicy, NewInvite,
            NewPerson, SessionsOf,
        },
    },
    clock::Clock,
    engine::ADMIN_MAX,
    ids::{InviteId, Ticket},
    limits::throttle::ThrottleConfig,
    protocol::Protocol,
    store::{
        Store, StoreDone, StoreFailed, StoreJob, Submitted,
        admin::{AdminDone, AdminJob},
        memory::{MemoryLimits, MemoryStore},
    },
};
use correio_testing::{
    admin::AdminPipe,
    request::{credential, login, mail, register},
    world::{PipeClient, QUOTA, REALM, World, limits_of, session_config},
};

fn name(text: &str) -> Username {
    text.parse().unwrap()
}

fn create(usernames: &[&str], days: u16) -> AdminRequest {
    let person = |username: &&str| NewPerson {
        username: name(username),
        full_name: "Tony Stark".parse().unwrap(),
    };
    AdminRequest::Create { accounts: usernames.iter().map(person).collect(), days }
}

fn announce(text: &str) -> AdminRequest {
    let (subject, body) = ("Maintenance".parse().unwrap(), text.parse().unwrap());
    let now = Clock::start().now();
    AdminRequest::Announce { cursor: AnnouncementCursor::begin(now).unwrap(), subject, body }
}

/// The codes of a reply.
fn codes(reply: AdminReply) -> Vec<CodeView> {
    match reply {
        AdminReply::Codes { codes } => codes,
        other => panic!("{other:?}"),
    }
}

fn error(reply: AdminReply) -> AdminError {
    match reply {
        AdminReply::Error(error) => error,
        other => panic!("{other:?}"),
    }
}

fn sessions(world: &mut World, operator: &AdminPipe) -> Vec<SessionView> {
    match operator.ask(world, &AdminRequest::Sessions { after: None }) {
        AdminReply::Sessions { sessions, more: false } => sessions,
        other => panic!("{other:?}"),
    }
}

/// The notices that a client got since the last call.
fn notices(client: &mut PipeClient) -> Vec<Notice> {
    client.receive();
    std::mem::take(&mut client.notices)
}

/// A request to set the password of [`login`] with a code.
fn recover(username: &str, code: &CodeView, password: u8) -> Request {
    let (username, code) = (name(username), code.code.clone());
    Request::Recover(Recover { username, code, credential: credential(password) })
}

#[test]
fn a_person_sets_a_password_with_the_code_of_the_operator_once() {
    let mut world = World::new();
    let operator = AdminPipe::connect(&mut world);
    let made = codes(operator.ask(&mut world, &create(&["tony"], 7)));
    let expires_at = Moment(correio_proto::mail::Timestamp(world.now.wall.0 + 7 * 86_400_000));
    assert_eq!(made[0].expires_at.to_string(), expires_at.to_string());
    let mut tony = world.connect_and_greet();
    assert_eq!(
        tony.ask(&mut world, recover("tony", &made[0], 1)),
        Reply::Recovered { app_passwords_revoked: Some(0) }
    );
    assert_eq!(
        tony.ask_refused(&mut world, recover("tony", &made[0], 2)),
        ErrorCode::BadCredentials
    );
    assert!(matches!(tony.ask(&mut world, login("tony", 1)), Reply::LoggedIn(_)));

    let reset = AdminRequest::Reset { username: name("tony"), days: 1 };
    let first = codes(operator.ask(&mut world, &reset));
    let second = codes(operator.ask(&mut world, &reset));
    let mut other = world.connect_and_greet();
    assert_eq!(
        other.ask_refused(&mut world, recover("tony", &first[0], 2)),
        ErrorCode::BadCredentials
    );
    world.pass(Duration::from_secs(86_400));
    let mut other = world.connect_and_greet();
    let late = recover("tony", &second[0], 2);
    assert_eq!(other.ask_refused(&mut world, late), ErrorCode::BadCredentials);
}

#[test]
fn accounts_are_made_all_or_none() {
    let mut world = World::new();
    let operator = AdminPipe::connect(&mut world);
    world.register("pepper", "Pepper Potts");
    let taken = error(operator.ask(&mut world, &create(&["tony", "pepper"], 7)));
    assert_eq!((taken.code, taken.names), (AdminErrorCode::Taken, vec![name("pepper")]));
    let twice = error(operator.ask(&mut world, &create(&["tony", "tony"], 7)));
    assert_eq!((twice.code, twice.names), (AdminErrorCode::BadRequest, vec![name("tony")]));
    let postmaster = error(operator.ask(&mut world, &create(&["postmaster"], 7)));
    assert_eq!(postmaster.code, AdminErrorCode::Taken);
    for days in [0, 366] {
        assert_eq!(
            error(operator.ask(&mut world, &create(&["tony"], days))).code,
            AdminErrorCode::BadRequest
        );
    }
    let none = error(operator.ask(&mut world, &create(&[], 7)));
    assert_eq!(none.code, AdminErrorCode::TooLarge);
    let show = AdminRequest::Account { username: name("tony") };
    assert_eq!(error(operator.ask(&mut world, &show)).code, AdminErrorCode::NoAccount);
    assert_eq!(codes(operator.ask(&mut world, &create(&["tony", "happy"], 7))).len(), 2);
}

#[test]
fn many_accounts_are_shown_in_pages() {
    let mut world = World::new();
    let operator = AdminPipe::connect(&mut world);
    let names: Vec<String> = (0..1200).map(|number| format!("u{number:04}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    codes(operator.ask(&mut world, &create(&names, 7)));
    let (mut shown, mut after) = (Vec::new(), None);
    loop {
        match operator.ask(&mut world, &AdminRequest::Accounts { after }) {
            AdminReply::Accounts { accounts, more } => {
                assert!(accounts.len() <= 500);
                shown.extend(accounts.into_iter().map(|account| account.username.to_string()));
                if !more {
                    break;
                }
                after = Some(name(shown.last().unwrap()));
            }
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(shown, names);
}

#[test]
fn who_is_disabled_or_deleted_is_logged_out_everywhere() {
    let mut world = World::new();
    let operator = AdminPipe::connect(&mut world);
    let (mut tony, mut pepper) = world.tony_and_pepper();
    let mut second = world.log_in("tony");
    let disable = AdminRequest::Disable { username: name("tony"), mail: MailPolicy::Refuse };
    assert_eq!(operator.ask(&mut world, &disable), AdminReply::Changed {});
    for client in [&mut tony, &mut second] {
        assert_eq!(notices(client), [Notice::SessionEnded {}]);
        assert!(client.pipe.is_closed_by_server());
    }
    let refused = pepper.ask_refused(&mut world, mail(1, "tony", "Hi"));
    assert_eq!(refused, ErrorCode::UnknownRecipient);
    let mut again = world.connect_and_greet();
    assert_eq!(again.ask_refused(&mut world, login("tony", 1)), ErrorCode::Disabled);
    let show = AdminRequest::Account { username: name("tony") };
    match operator.ask(&mut world, &show) {
        AdminReply::Account { account, .. } => {
            assert_eq!(account.state, StateView::DisabledRefusesMail);
        }
        other => panic!("{other:?}"),
    }
    let enable = AdminRequest::Enable { username: name("tony") };
    assert_eq!(operator.ask(&mut world, &enable), AdminReply::Changed {});
    world.log_in("tony");
    let delete = AdminRequest::Delete { username: name("pepper") };
    assert_eq!(operator.ask(&mut world, &delete), AdminReply::Changed {});
    assert_eq!(notices(&mut pepper), [Notice::SessionEnded {}]);
    assert_eq!(error(operator.ask(&mut world, &delete)).code, AdminErrorCode::NoAccount);
}

#[test]
fn a_reset_leaves_password_and_sessions() {
    let mut world = World::new();
    let operator = AdminPipe::connect(&mut world);
    let (mut tony, _pepper) = world.tony_and_pepper();
    let reset = AdminRequest::Reset { username: name("tony"), days: 7 };
    let code = codes(operator.ask(&mut world, &reset)).remove(0);
    assert!(notices(&mut tony).is_empty());
    let mut second = world.log_in("tony");
    let mut other = world.connect_and_greet();
    assert_eq!(
        other.ask(&mut world, recover("tony", &code, 2)),
        Reply::Recovered { app_passwords_revoked: Some(0) }
    );
    for client in [&mut tony, &mut second] {
        assert_eq!(notices(client), [Notice::SessionEnded {}], "by the new password");
    }
}

#[test]
fn sessions_are_shown_and_ended() {
    let mut world = World::new();
    let (mut tony, mut pepper) = world.tony_and_pepper();
    world.pass(Duration::from_secs(90));
    assert!(matches!(pepper.ask(&mut world, Request::Ping {}), Reply::Pong {}));
    world.pass(Duration::from_secs(5));
    let operator = AdminPipe::connect(&mut world);
    let shown = sessions(&mut world, &operator);
    let of = |username: &str| shown.iter().find(|one| one.username == name(username)).unwrap();
    assert_eq!((of("tony").idle_seconds, of("pepper").idle_seconds), (95, 5));
    assert_eq!(of("tony").protocol, Protocol::Correio);
    let since = world.now.wall.0 - 95_000;
    let since = Moment(correio_proto::mail::Timestamp(since)).to_string();
    assert_eq!(of("pepper").since.to_string(), since);
    assert_eq!(of("tony").address.to_string(), "192.0.2.1:4000");

    let connection = of("tony").connection;
    let end = |of| AdminRequest::EndSessions { of };
    let one = end(SessionsOf::Connection { connection });
    assert_eq!(operator.ask(&mut world, &one), AdminReply::Ended { sessions: 1 });
    assert_eq!(notices(&mut tony), [Notice::SessionEnded {}]);
    let account = end(SessionsOf::Account { username: name("pepper") });
    assert_eq!(operator.ask(&mut world, &account), AdminReply::Ended { sessions: 1 });
    assert_eq!(notices(&mut pepper), [Notice::SessionEnded {}]);
    // What is not a session of an account cannot be ended, the operator's own connection least of
    // all.
    let own = end(SessionsOf::Connection { connection: ConnectionName(operator.id) });
    assert_eq!(error(operator.ask(&mut world, &own)).code, AdminErrorCode::NoSession);
    let nobody = end(SessionsOf::Account { username: name("nobody") });
    assert_eq!(error(operator.ask(&mut world, &nobody)).code, AdminErrorCode::NoAccount);
    world.pass(Duration::from_secs(3));
    assert!(sessions(&mut world, &operator).is_empty());
}

#[test]
fn an_address_or_an_account_is_unblocked() {
    let throttle =
        ThrottleConfig { registrations_per_hour: 0, mails_per_hour: 0, failed_logins: 2 };
    let store = MemoryStore::new(REALM, QUOTA, MemoryLimits::default());
    let mut limits = limits_of(100);
    limits.throttle = throttle;
    let mut world = World::limited(limits, session_config(), Box::new(store));
    let operator = AdminPipe::connect(&mut world);
    codes(operator.ask(&mut world, &create(&["tony"], 7)));
    let unblock = |of| AdminRequest::Unblock { of };
    let address = unblock(Blocked::Address { address: "192.0.2.1".parse().unwrap() });
    let account = unblock(Blocked::Account { username: name("tony") });
    let nothing = AdminReply::Unblocked { forgotten: 0 };
    assert_eq!(operator.ask(&mut world, &address), nothing);
    assert_eq!(operator.ask(&mut world, &account), nothing);

    for of in [&address, &account] {
        let mut guesser = world.connect_and_greet();
        while guesser.ask_refused(&mut world, login("tony", 9)) != ErrorCode::RateLimited {}
        assert_ne!(operator.ask(&mut world, of), nothing);
        if of == &account {
            // The address has failures of its own, for all accounts.
            assert_ne!(operator.ask(&mut world, &address), nothing);
        }
        let refused = guesser.ask_refused(&mut world, login("tony", 9));
        assert_eq!(refused, ErrorCode::BadCredentials, "the attempt is judged again");
        operator.ask(&mut world, &address);
    }
}

#[test]
fn an_announcement_reaches_everybody_in_steps_and_once() {
    let mut world = World::new();
    let operator = AdminPipe::connect(&mut world);
    let (mut tony, mut pepper) = world.tony_and_pepper();
    let names: Vec<String> = (0..2500).map(|number| format!("u{number:04}")).collect();
    codes(
        operator.ask(&mut world, &create(&names.iter().map(String::as_str).collect::<Vec<_>>(), 7)),
    );
    let refuse = AdminRequest::Disable { username: name("u0007"), mail: MailPolicy::Refuse };
    assert_eq!(operator.ask(&mut world, &refuse), AdminReply::Changed {});
    let reached = operator.ask(&mut world, &announce("Tonight at ten."));
    assert_eq!(reached, AdminReply::Announced { accounts: 2501 });
    for client in [&mut tony, &mut pepper] {
        let notices = notices(client);
        assert!(matches!(&notices[..], [Notice::NewMail(mail)] if mail.from == name("postmaster")));
        let page = client.fetch(&mut world);
        assert_eq!(page.mails.len(), 1);
        assert_eq!(page.mails[0].to.to_string(), "everybody");
    }
    // Another announcement is another mail, even with the same text.
    operator.ask(&mut world, &announce("Tonight at ten."));
    assert_eq!(tony.fetch(&mut world).mails.len(), 2);
}

#[test]
fn large_requests_and_replies_of_the_operator_take_no_room_of_mail_clients() {
    let mut limits = limits_of(10);
    (limits.input_max, limits.output_max) = (20_000, 20_000);
    let store = MemoryStore::new(REALM, QUOTA, MemoryLimits::default());
    let mut world = World::limited(limits, session_config(), Box::new(store));
    let operator = AdminPipe::connect(&mut world);
    operator.write(&mut world, &vec![b' '; 1 << 20]);
    let waiting = AdminPipe::connect(&mut world);
    let names: Vec<String> = (0..2000).map(|number| format!("u{number:04}")).collect();
    waiting.pipe.set_window(0);
    waiting.begin(&mut world, &create(&names.iter().map(String::as_str).collect::<Vec<_>>(), 7));
    world.settle();
    assert!(waiting.replies().is_empty(), "its reply is not read");
    // A client still gets what it asks for.
    let mut tony = world.connect_and_greet();
    let registered = tony.ask(&mut world, register("tony", "Tony Stark", 1));
    assert_eq!(registered, Reply::Registered {});
    operator.write(&mut world, b"{\"status\":{}}\n");
    assert!(matches!(operator.replies().as_slice(), [AdminReply::Status(_)]));
    waiting.pipe.set_window(usize::MAX);
    world.server.note(
        waiting.id,
        correio_server::engine::connection::Readiness { writable: true, ..Default::default() },
    );
    world.settle();
    assert_eq!(codes(waiting.replies().remove(0)).len(), 2000);
}

#[test]
fn a_text_that_is_too_long_for_the_server_is_not_announced() {
    let mut config = session_config();
    config.body_max = 20;
    let mut world = World::with(config, 10);
    let operator = AdminPipe::connect(&mut world);
    let refused = error(operator.ask(&mut world, &announce("This is longer than that.")));
    assert_eq!(refused.code, AdminErrorCode::TooLarge);
}

#[test]
fn invites_are_recorded_and_revoked() {
    let mut world = World::new();
    let operator = AdminPipe::connect(&mut world);
    let id = |number: u8| InviteName(InviteId([number; 8]));
    let after =
        |seconds: u64| Moment(correio_proto::mail::Timestamp(world.now.wall.0 + seconds * 1000));
    let invites = vec![
        NewInvite { id: id(1), expires_at: after(60) },
        NewInvite { id: id(2), expires_at: after(600) },
        NewInvite { id: id(3), expires_at: after(600) },
    ];
    let record = AdminRequest::RecordInvites { invites };
    assert_eq!(operator.ask(&mut world, &record), AdminReply::Changed {});
    let revoke = AdminRequest::RevokeInvite { id: id(3) };
    assert_eq!(operator.ask(&mut world, &revoke), AdminReply::Changed {});
    world.pass(Duration::from_secs(100));
    let operator = AdminPipe::connect(&mut world);
    match operator.ask(&mut world, &AdminRequest::Invites { skip: 0 }) {
        AdminReply::Invites { invites, more: false } => {
            let states: Vec<_> = invites.iter().map(|invite| (invite.id, invite.state)).collect();
            let expected = [
                (id(1), InviteState::Expired),
                (id(2), InviteState::Open),
                (id(3), InviteState::Revoked),
            ];
            assert_eq!(states, expected);
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_status_has_server_and_store() {
    let mut world = World::new();
    let (_tony, _pepper) = world.tony_and_pepper();
    world.pass(Duration::from_secs(10));
    let operator = AdminPipe::connect(&mut world);
    let quota = Some(Bounds { mails: 1, bytes: 1000 });
    let set = AdminRequest::SetQuota { username: name("tony"), quota };
    assert_eq!(operator.ask(&mut world, &set), AdminReply::Changed {});
    match operator.ask(&mut world, &AdminRequest::Status {}) {
        AdminReply::Status(status) => {
            let server = status.server.unwrap();
            assert_eq!((server.sessions, server.accounts_online), (2, 2));
            assert_eq!(status.store.accounts, 2);
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_line_that_is_no_request_is_answered_and_the_next_one_is_taken() {
    let mut world = World::new();
    let operator = AdminPipe::connect(&mut world);
    for line in [
        "",
        "{}",
        "[]",
        "\"status\"",
        "{\"status\":{}} {}",
        "{\"shutdown\":{}}",
        "{\"account\":{}}",
        "{\"account\":{\"username\":\"-\"}}",
        "{\"account\":{\"username\":\"tony\",\"password\":\"x\"}}",
        "{\"status\":{\"x\":1}}",
        "\u{fffd}",
    ] {
        operator.write(&mut world, format!("{line}\n").as_bytes());
        let replies = operator.replies();
        assert_eq!(replies.len(), 1, "{line}");
        let refused = error(replies[0].clone());
        assert_eq!(refused.code, AdminErrorCode::BadRequest, "{line}: {refused:?}");
        assert!(!refused.text.contains(|c: char| c.is_control()), "{refused:?}");
    }
    operator.write(&mut world, b"{\"status\":{}}\n{\"status\":{}}\n{\"status\"");
    assert_eq!(operator.replies().len(), 2);
    operator.write(&mut world, b":{}}\n");
    assert_eq!(operator.replies().len(), 1);
}

#[test]
fn a_line_without_an_end_is_refused_at_its_limit() {
    let mut world = World::new();
    let operator = AdminPipe::connect(&mut world);
    for _ in 0..LINE_MAX / (1 << 20) {
        operator.write(&mut world, &vec![b' '; 1 << 20]);
        assert!(operator.replies().is_empty());
    }
    operator.write(&mut world, b"  ");
    let refused = operator.replies().remove(0);
    assert_eq!(error(refused).code, AdminErrorCode::TooLarge);
    assert!(operator.pipe.is_closed_by_server());
}

#[test]
fn operators_have_few_places_and_silent_ones_lose_theirs() {
    let mut world = World::with(session_config(), 2);
    let (mut tony, _pepper) = world.tony_and_pepper();
    let mut operators: Vec<_> = (0..ADMIN_MAX).map(|_| AdminPipe::connect(&mut world)).collect();
    assert!(AdminPipe::try_connect(&mut world).is_none());
    assert!(matches!(tony.ask(&mut world, Request::Ping {}), Reply::Pong {}));
    let busy = operators.remove(0);
    world.pass(Duration::from_secs(29));
    assert!(matches!(busy.ask(&mut world, &AdminRequest::Status {}), AdminReply::Status(_)));
    world.pass(Duration::from_secs(2));
    assert_eq!(world.server.len(), 3, "tony, pepper and the operator who asked");
    assert!(matches!(busy.ask(&mut world, &AdminRequest::Status {}), AdminReply::Status(_)));
    AdminPipe::connect(&mut world);
}

/// A store whose jobs of the operator wait until the test lets one go.
struct SlowStore {
    inner: MemoryStore,
    gate: std::rc::Rc<std::cell::Cell<u32>>,
    waiting: Vec<(Ticket, StoreJob)>,
}

impl Store for SlowStore {
    fn realm(&self) -> correio_proto::message::Realm {
        self.inner.realm()
    }

    fn submit(&mut self, ticket: Ticket, job: StoreJob) -> Submitted {
        match &job {
            StoreJob::Admin(AdminJob::Announce { .. }) => {
                self.waiting.push((ticket, job));
                Submitted::Queued
            }
            _ => self.inner.submit(ticket, job),
        }
    }

    fn collect(&mut self, done: &mut Vec<(Ticket, StoreDone)>) -> Result<(), StoreFailed> {
        while self.gate.get() > 0 && !self.waiting.is_empty() {
            self.gate.set(self.gate.get() - 1);
            let (ticket, job) = self.waiting.remove(0);
            match self.inner.submit(ticket, job) {
                Submitted::Done(result) => done.push((ticket, result)),
                other => panic!("{other:?}"),
            }
        }
        self.inner.collect(done)
    }

    fn close(self: Box<Self>, done: &mut Vec<(Ticket, StoreDone)>) -> Result<(), StoreFailed> {
        Box::new(self.inner).close(done)
    }
}

fn slow_world() -> (World, std::rc::Rc<std::cell::Cell<u32>>) {
    let gate = std::rc::Rc::new(std::cell::Cell::new(0));
    let inner = MemoryStore::new(REALM, QUOTA, MemoryLimits::default());
    let store = SlowStore { inner, gate: gate.clone(), waiting: Vec::new() };
    (World::with_store(session_config(), 10, Box::new(store)), gate)
}

#[test]
fn an_announcement_goes_on_after_its_command_has_gone() {
    let (mut world, gate) = slow_world();
    let operator = AdminPipe::connect(&mut world);
    let names: Vec<String> = (0..2500).map(|number| format!("u{number:04}")).collect();
    codes(
        operator.ask(&mut world, &create(&names.iter().map(String::as_str).collect::<Vec<_>>(), 7)),
    );
    operator.begin(&mut world, &announce("Tonight at ten."));
    world.settle();
    operator.pipe.close_at_client();
    world.server.note(
        operator.id,
        correio_server::engine::connection::Readiness {
            readable: true,
            ended: true,
            ..Default::default()
        },
    );
    world.settle();
    gate.set(10);
    for _ in 0..5 {
        world.settle();
    }
    assert_eq!(gate.get(), 7, "three steps were done");
    assert!(world.server.is_empty());
    let operator = AdminPipe::connect(&mut world);
    let last = AdminRequest::Account { username: name("u2499") };
    match operator.ask(&mut world, &last) {
        AdminReply::Account { account, .. } => assert_eq!(account.mails, 1),
        other => panic!("{other:?}"),
    }
}

#[test]
fn an_operator_who_waits_for_the_store_is_not_closed_for_silence() {
    let (mut world, gate) = slow_world();
    let operator = AdminPipe::connect(&mut world);
    operator.begin(&mut world, &announce("Tonight at ten."));
    world.pass(Duration::from_secs(300));
    assert!(!operator.pipe.is_closed_by_server());
    gate.set(1);
    world.settle();
    assert_eq!(operator.replies(), [AdminReply::Announced { accounts: 0 }]);
}

/// A store that has no room for anything of the operator.
struct FullStore(MemoryStore);

impl Store for FullStore {
    fn realm(&self) -> correio_proto::message::Realm {
        self.0.realm()
    }

    fn submit(&mut self, _: Ticket, job: StoreJob) -> Submitted {
        match job {
            StoreJob::Admin(AdminJob::Totals) => Submitted::Full,
            StoreJob::Admin(AdminJob::Accounts { .. }) => {
                Submitted::Done(StoreDone::Admin(AdminDone::NoList))
            }
            _ => Submitted::Done(StoreDone::Unavailable("no space left on device".into())),
        }
    }

    fn collect(&mut self, _: &mut Vec<(Ticket, StoreDone)>) -> Result<(), StoreFailed> {
        Ok(())
    }

    fn close(self: Box<Self>, done: &mut Vec<(Ticket, StoreDone)>) -> Result<(), StoreFailed> {
        Box::new(self.0).close(done)
    }
}

#[test]
fn a_store_that_cannot_is_said_so() {
    let store = FullStore(MemoryStore::new(REALM, QUOTA, MemoryLimits::default()));
    let mut world = World::with_store(session_config(), 10, Box::new(store));
    let operator = AdminPipe::connect(&mut world);
    let full = error(operator.ask(&mut world, &AdminRequest::Status {}));
    assert_eq!(full.code, AdminErrorCode::Busy);
    for request in [create(&["tony"], 7), announce("Hi")] {
        let refused = error(operator.ask(&mut world, &request));
        assert_eq!(refused.code, AdminErrorCode::Unavailable);
        assert!(refused.text.contains("no space left"), "{refused:?}");
    }
    // An answer to another job is a fault of the store, which ends nothing.
    let accounts = AdminRequest::Accounts { after: None };
    assert_eq!(error(operator.ask(&mut world, &accounts)).code, AdminErrorCode::NoList);
}
