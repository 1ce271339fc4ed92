//! Tests of the session: every request in every state, and the effects of requests on other
//! sessions.

use std::{cell::Cell, rc::Rc, time::Duration};

use correio_proto::{
    app_password::AppPasswordRequest,
    invite::Invite,
    mail::{MailRef, Seq, Timestamp},
    message::{
        Account, Confirm, ErrorCode, ErrorReply, Fetch, Hello, ListRequest, NewMail, Notice, Realm,
        Register, RegistrationPolicy, Reply, Request, Software,
    },
};
use correio_server::{
    auth::invite::{InviteKey, RegistrationRules},
    ids::Ticket,
    store::{
        Store, StoreDone, StoreFailed, StoreJob, Submitted,
        memory::{MemoryLimits, MemoryStore},
    },
};
use correio_testing::{
    admin_jobs::recover,
    request::{credential, find, hello, id, login, mail, read, register, upload},
    world::{PipeClient, QUOTA, REALM, World, session_config},
};

fn requests() -> Vec<(&'static str, Request)> {
    vec![
        ("hello", hello()),
        ("register", register("happy", "Happy Hogan", 1)),
        ("login", login("nobody", 1)),
        ("logout", Request::Logout {}),
        ("send", mail(1, "pepper", "x")),
        ("fetch", Request::Fetch(Fetch::default())),
        ("confirm", Request::Confirm(Confirm { mails: vec![] })),
        ("upload", upload(1, 10, 0..10)),
        ("read", read(MailRef { seq: Seq(1), id: id(1) }, 0)),
        (
            "account",
            Request::Account(Account::FullName { full_name: "Tony Stark".parse().unwrap() }),
        ),
        ("find", find("tony")),
        ("list", Request::List(ListRequest::Mine {})),
        ("app_password", Request::AppPassword(AppPasswordRequest::List {})),
        ("recover", recover("nobody", 1, 1)),
        ("ping", Request::Ping {}),
    ]
}

/// The code, if the request was refused because of the state of the session.
fn refusal(reply: &Reply) -> Option<ErrorCode> {
    match reply {
        Reply::Error(ErrorReply {
            code: code @ (ErrorCode::NotAllowed | ErrorCode::NotAuthenticated),
            ..
        }) => Some(*code),
        _ => None,
    }
}

#[test]
fn every_request_in_every_state() {
    use ErrorCode::{NotAllowed, NotAuthenticated};
    // new, anonymous, logged in
    let table = [
        ("hello", [None, Some(NotAllowed), Some(NotAllowed)]),
        ("register", [Some(NotAllowed), None, Some(NotAllowed)]),
        ("login", [Some(NotAllowed), None, Some(NotAllowed)]),
        ("logout", [Some(NotAllowed), Some(NotAuthenticated), None]),
        ("send", [Some(NotAllowed), Some(NotAuthenticated), None]),
        ("fetch", [Some(NotAllowed), Some(NotAuthenticated), None]),
        ("confirm", [Some(NotAllowed), Some(NotAuthenticated), None]),
        ("upload", [Some(NotAllowed), Some(NotAuthenticated), None]),
        ("read", [Some(NotAllowed), Some(NotAuthenticated), None]),
        ("account", [Some(NotAllowed), Some(NotAuthenticated), None]),
        ("find", [Some(NotAllowed), Some(NotAuthenticated), None]),
        ("list", [Some(NotAllowed), Some(NotAuthenticated), None]),
        ("app_password", [Some(NotAllowed), Some(NotAuthenticated), None]),
        ("recover", [Some(NotAllowed), None, Some(NotAllowed)]),
        ("ping", [Some(NotAllowed), None, None]),
    ];
    for ((name, request), (row, expected)) in requests().into_iter().zip(table) {
        assert_eq!(name, row);
        let mut world = World::new();
        let (tony, _) = world.tony_and_pepper();
        let clients = [world.connect(), world.connect_and_greet(), tony];
        for (mut client, expected) in clients.into_iter().zip(expected) {
            let reply = client.ask(&mut world, request.clone());
            assert_eq!(refusal(&reply), expected, "{name}: {reply:?}");
        }
    }
}

#[test]
fn another_version_is_told_which_ones_are_spoken() {
    let mut world = World::new();
    let mut client = world.connect();
    let hello = Hello { version: 2, software: Software::named("test") };
    let Reply::Error(error) = client.ask(&mut world, Request::Hello(hello)) else {
        panic!("an error was expected");
    };
    assert_eq!((error.code, error.versions), (ErrorCode::Version, vec![1]));
    assert!(client.is_closed());
}

#[test]
fn a_taken_username_stays_its_owners() {
    let mut world = World::new();
    world.register("tony", "Tony Stark");
    let mut other = world.connect_and_greet();
    let mut request = register("tony", "Obadiah Stane", 2);
    if let Request::Register(register) = &mut request {
        register.id = id(77);
    }
    assert_eq!(other.ask_refused(&mut world, request), ErrorCode::UsernameTaken);
    assert_eq!(other.ask_refused(&mut world, login("tony", 2)), ErrorCode::BadCredentials);
    let Reply::LoggedIn(reply) = other.ask(&mut world, login("TONY", 1)) else {
        panic!("the owner logs in");
    };
    assert_eq!(reply.full_name.as_str(), "Tony Stark");
}

#[test]
fn registering_again_after_a_lost_answer_is_no_theft() {
    let mut world = World::new();
    let mut client = world.connect_and_greet();
    for _ in 0..2 {
        let reply = client.ask(&mut world, register("tony", "Tony Stark", 1));
        assert_eq!(reply, Reply::Registered {});
    }
}

/// A registration of this username with an invite.
fn invited(username: &str, invite: &Invite) -> Request {
    match register(username, "Tony Stark", 1) {
        Request::Register(register) => {
            Request::Register(Register { invite: Some(invite.clone()), ..register })
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn an_invite_makes_one_account() {
    let directory = tempfile::tempdir().unwrap();
    let key = InviteKey::open(directory.path()).unwrap();
    let session = correio_server::session::SessionConfig {
        registrations: RegistrationRules::Invited(key.clone()),
        ..session_config()
    };
    let mut world = World::with(session, 10);
    let invite = |minutes: u64| key.make(Timestamp(world.now.wall.0 + minutes * 60_000)).unwrap();
    let (first, second, late) = (invite(1), invite(1), invite(0));
    let mut client = world.connect();
    let welcome = client.ask(&mut world, hello());
    assert!(
        matches!(welcome, Reply::Hello(welcome) if welcome.registration == RegistrationPolicy::Invite {})
    );
    let refused = |world: &mut World, client: &mut PipeClient, request| {
        assert_eq!(client.ask_refused(world, request), ErrorCode::NotAllowed);
    };
    refused(&mut world, &mut client, register("tony", "Tony Stark", 1));
    refused(&mut world, &mut client, invited("tony", &[0; 20].into()));
    refused(&mut world, &mut client, invited("tony", &late));
    assert_eq!(client.ask(&mut world, invited("tony", &first)), Reply::Registered {});
    // The same request again, as after a lost answer.
    assert_eq!(client.ask(&mut world, invited("tony", &first)), Reply::Registered {});
    refused(&mut world, &mut client, invited("pepper", &first));
    // A username that is taken costs no invite.
    let taken = match invited("tony", &second) {
        Request::Register(register) => Request::Register(Register { id: id(99), ..register }),
        other => panic!("{other:?}"),
    };
    assert_eq!(client.ask_refused(&mut world, taken), ErrorCode::UsernameTaken);
    assert_eq!(client.ask(&mut world, invited("pepper", &second)), Reply::Registered {});
    // An account that is gone gives no invite back.
    assert!(matches!(client.ask(&mut world, login("pepper", 1)), Reply::LoggedIn(_)));
    let delete = Request::Account(Account::Delete { credential: credential(1) });
    assert_eq!(
        client.ask(&mut world, delete),
        Reply::AccountChanged { app_passwords_revoked: None }
    );
    refused(&mut world, &mut client, invited("pepper", &second));
}

#[test]
fn a_closed_server_registers_nobody() {
    let session = correio_server::session::SessionConfig {
        registrations: RegistrationRules::Closed,
        ..session_config()
    };
    let mut world = World::with(session, 10);
    let mut client = world.connect_and_greet();
    let request = register("tony", "Tony Stark", 1);
    assert_eq!(client.ask_refused(&mut world, request), ErrorCode::NotAllowed);
}

#[test]
fn unknown_username_and_wrong_password_get_the_same_bytes() {
    let mut world = World::new();
    world.register("tony", "Tony Stark");
    let mut answers = Vec::new();
    for username in ["tony", "nobody"] {
        let mut client = world.connect_and_greet();
        client.begin(&mut world, login(username, 9));
        world.settle();
        answers.push(client.take_bytes());
    }
    assert!(!answers[0].is_empty());
    assert_eq!(answers[0], answers[1]);
}

#[test]
fn an_unknown_username_costs_the_same_work() {
    let mut world = World::new();
    world.register("tony", "Tony Stark");
    for username in ["tony", "nobody"] {
        let mut client = world.connect_and_greet();
        world.hashing.borrow_mut().is_held = true;
        client.begin(&mut world, login(username, 9));
        world.settle();
        assert_eq!(world.hashing.borrow().jobs.len(), 1, "{username}");
        world.hashing.borrow_mut().is_held = false;
        world.settle();
    }
}

#[test]
fn a_full_hash_queue_says_busy_and_when() {
    let mut world = World::new();
    world.register("tony", "Tony Stark");
    let mut tony = world.log_in("tony");
    world.hashing.borrow_mut().is_held = true;
    world.hashing.borrow_mut().queue_max = Some(1);
    let mut first = world.connect_and_greet();
    first.begin(&mut world, login("tony", 1));
    world.settle();
    let mut second = world.connect_and_greet();
    let Reply::Error(error) = second.ask(&mut world, login("tony", 1)) else {
        panic!("an error was expected");
    };
    assert_eq!((error.code, error.retry_after), (ErrorCode::Busy, Some(3)));
    // Clients that are logged in are not affected.
    let reply = tony.ask(&mut world, mail(1, "tony", "still here"));
    assert!(matches!(reply, Reply::Sent { .. }));
}

#[test]
fn a_client_that_leaves_takes_its_hash_along() {
    let mut world = World::new();
    world.register("tony", "Tony Stark");
    world.hashing.borrow_mut().is_held = true;
    let mut client = world.connect_and_greet();
    client.begin(&mut world, login("tony", 1));
    world.settle();
    client.hang_up(&mut world);
    assert_eq!(world.hashing.borrow().cancelled, 1);
    assert_eq!(world.server.len(), 0);
}

#[test]
fn a_late_answer_reaches_nobody_in_the_same_slot() {
    let mut world = World::new();
    world.register("tony", "Tony Stark");
    world.hashing.borrow_mut().is_held = true;
    let mut first = world.connect_and_greet();
    first.begin(&mut world, login("tony", 1));
    world.settle();
    // A worker has begun: it cannot be cancelled any more.
    let begun = world.hashing.borrow_mut().jobs.pop_front().unwrap();
    first.hang_up(&mut world);
    let mut second = world.connect_and_greet();
    assert_eq!(first.id.index, second.id.index);
    world.hashing.borrow_mut().jobs.push_back(begun);
    world.hashing.borrow_mut().is_held = false;
    world.settle();
    second.receive();
    assert!(second.replies.is_empty());
    let request = Request::Fetch(Fetch::default());
    assert_eq!(second.ask_refused(&mut world, request), ErrorCode::NotAuthenticated);
}

#[test]
fn a_new_password_ends_the_other_sessions() {
    let mut world = World::new();
    let (mut tony, mut pepper) = world.tony_and_pepper();
    let mut phone = world.log_in("tony");
    let wrong = Account::Password { current: credential(9), new: credential(2) };
    assert_eq!(tony.ask_refused(&mut world, Request::Account(wrong)), ErrorCode::BadCredentials);
    let change = Account::Password { current: credential(1), new: credential(2) };
    assert_eq!(
        tony.ask(&mut world, Request::Account(change)),
        Reply::AccountChanged { app_passwords_revoked: Some(0) }
    );
    world.settle();
    phone.receive();
    assert_eq!(phone.notices, [Notice::SessionEnded {}]);
    assert!(phone.is_closed());
    assert!(!tony.is_closed() && !pepper.is_closed());
    assert_eq!(pepper.ask(&mut world, Request::Ping {}), Reply::Pong {});
    let mut again = world.connect_and_greet();
    assert_eq!(again.ask_refused(&mut world, login("tony", 1)), ErrorCode::BadCredentials);
    assert!(matches!(again.ask(&mut world, login("tony", 2)), Reply::LoggedIn(_)));
}

/// A store that answers when the test says so.
struct HeldStore {
    store: MemoryStore,
    is_held: Rc<Cell<bool>>,
    queued: Vec<(Ticket, StoreJob)>,
}

impl Store for HeldStore {
    fn realm(&self) -> Realm {
        self.store.realm()
    }

    fn submit(&mut self, ticket: Ticket, job: StoreJob) -> Submitted {
        if !self.is_held.get() {
            return self.store.submit(ticket, job);
        }
        self.queued.push((ticket, job));
        Submitted::Queued
    }

    fn collect(&mut self, done: &mut Vec<(Ticket, StoreDone)>) -> Result<(), StoreFailed> {
        if self.is_held.get() {
            return Ok(());
        }
        for (ticket, job) in self.queued.drain(..) {
            if let Submitted::Done(answer) = self.store.submit(ticket, job) {
                done.push((ticket, answer));
            }
        }
        Ok(())
    }

    fn close(self: Box<Self>, _: &mut Vec<(Ticket, StoreDone)>) -> Result<(), StoreFailed> {
        Ok(())
    }
}

#[test]
fn what_was_done_for_a_client_that_left_has_its_effects() {
    let is_held = Rc::new(Cell::new(false));
    let store = MemoryStore::new(REALM, QUOTA, MemoryLimits::default());
    let held_store = HeldStore { store, is_held: is_held.clone(), queued: vec![] };
    let mut world = World::with_store(session_config(), 10, Box::new(held_store));
    let (mut tony, mut pepper) = world.tony_and_pepper();
    let mut phone = world.log_in("tony");
    is_held.set(true);
    tony.begin(&mut world, mail(1, "pepper", "Jantar?"));
    world.settle();
    tony.hang_up(&mut world);
    is_held.set(false);
    world.settle();
    pepper.receive();
    assert!(matches!(pepper.notices[..], [Notice::NewMail(_)]), "{:?}", pepper.notices);

    // The last step of a change of password, with its client gone.
    let mut tony = world.log_in("tony");
    world.hashing.borrow_mut().is_held = true;
    let change = Account::Password { current: credential(1), new: credential(2) };
    tony.begin(&mut world, Request::Account(change));
    world.settle();
    world.hashing.borrow_mut().is_held = false;
    world.server.process(world.now).unwrap();
    world.hashing.borrow_mut().is_held = true;
    world.settle();
    is_held.set(true);
    world.hashing.borrow_mut().is_held = false;
    world.settle();
    tony.hang_up(&mut world);
    assert!(!phone.is_closed());
    is_held.set(false);
    world.settle();
    phone.receive();
    assert_eq!(phone.notices, [Notice::SessionEnded {}]);
    assert_eq!(world.server.len(), 2, "pepper, and the phone until it has closed");
}

#[test]
fn who_is_gone_while_the_store_works_holds_nothing() {
    let is_held = Rc::new(Cell::new(false));
    let store = MemoryStore::new(REALM, QUOTA, MemoryLimits::default());
    let held_store = HeldStore { store, is_held: is_held.clone(), queued: vec![] };
    let mut world = World::with_store(session_config(), 10, Box::new(held_store));
    let (mut tony, _pepper) = world.tony_and_pepper();
    assert!(matches!(tony.ask(&mut world, mail(1, "tony", "Jantar?")), Reply::Sent { .. }));
    let output = |world: &World| world.server.held().map(|(_, held)| held.output).sum::<usize>();
    tony.set_window(&mut world, 10);
    tony.begin(&mut world, Request::Fetch(Fetch::default()));
    world.settle();
    assert!(output(&world) > 0, "the page is not taken");
    is_held.set(true);
    tony.begin(&mut world, mail(2, "pepper", "Jantar?"));
    world.settle();
    tony.hang_up(&mut world);
    assert_eq!((world.server.len(), output(&world)), (2, 0), "it waits for the store alone");
    is_held.set(false);
    world.settle();
    assert_eq!(world.server.len(), 1);
}

#[test]
fn a_login_under_way_does_not_survive_a_new_password() {
    let mut world = World::new();
    world.register("tony", "Tony Stark");
    let mut tony = world.log_in("tony");
    let mut thief = world.connect_and_greet();
    world.hashing.borrow_mut().is_held = true;
    thief.begin(&mut world, login("tony", 1));
    world.settle();
    let check = world.hashing.borrow_mut().jobs.pop_front().unwrap();
    world.hashing.borrow_mut().is_held = false;
    let change = Account::Password { current: credential(1), new: credential(2) };
    assert_eq!(
        tony.ask(&mut world, Request::Account(change)),
        Reply::AccountChanged { app_passwords_revoked: Some(0) }
    );
    world.hashing.borrow_mut().jobs.push_back(check);
    world.settle();
    thief.receive();
    let Some((_, Reply::Error(error))) = thief.replies.pop_front() else {
        panic!("an error was expected");
    };
    assert_eq!(error.code, ErrorCode::BadCredentials);
}

#[test]
fn a_deleted_account_is_gone_everywhere() {
    let mut world = World::new();
    let (mut tony, mut pepper) = world.tony_and_pepper();
    let mut phone = world.log_in("tony");
    let delete = Account::Delete { credential: credential(1) };
    assert_eq!(
        tony.ask(&mut world, Request::Account(delete)),
        Reply::AccountChanged { app_passwords_revoked: None }
    );
    world.settle();
    assert!(phone.is_closed());
    phone.receive();
    assert_eq!(phone.notices, [Notice::SessionEnded {}]);
    assert_eq!(pepper.ask_refused(&mut world, mail(1, "tony", "x")), ErrorCode::UnknownRecipient);
    assert_eq!(tony.ask_refused(&mut world, mail(2, "pepper", "x")), ErrorCode::NotAuthenticated);
    assert_eq!(tony.ask_refused(&mut world, login("tony", 1)), ErrorCode::BadCredentials);
}

#[test]
fn a_new_name_is_on_later_mails() {
    let mut world = World::new();
    let (mut tony, mut pepper) = world.tony_and_pepper();
    tony.ask(&mut world, mail(1, "pepper", "before"));
    let full_name = "Anthony Stark".parse().unwrap();
    let change = Request::Account(Account::FullName { full_name });
    assert_eq!(tony.ask(&mut world, change), Reply::AccountChanged { app_passwords_revoked: None });
    tony.ask(&mut world, mail(2, "pepper", "after"));
    let names: Vec<_> =
        pepper.fetch(&mut world).mails.iter().map(|mail| mail.from_name.to_string()).collect();
    assert_eq!(names, ["Tony Stark", "Anthony Stark"]);
}

#[test]
fn a_notice_comes_with_the_mail() {
    let mut world = World::new();
    let (mut tony, mut pepper) = world.tony_and_pepper();
    let mut elsewhere = world.log_in("pepper");
    tony.ask(&mut world, mail(1, "pepper", "Jantar?"));
    world.settle();
    for client in [&mut pepper, &mut elsewhere] {
        client.receive();
        let expected = Notice::NewMail(NewMail {
            from: "tony".parse().unwrap(),
            from_name: "Tony Stark".parse().unwrap(),
            subject: "Jantar?".parse().unwrap(),
        });
        assert_eq!(client.notices, [expected]);
    }
    tony.receive();
    assert!(tony.notices.is_empty());
}

#[test]
fn a_notice_reaches_who_has_just_logged_in() {
    let mut world = World::new();
    world.register("tony", "Tony Stark");
    let mut tony = world.connect_and_greet();
    tony.begin(&mut world, login("tony", 1));
    tony.begin(&mut world, mail(1, "tony", "Leite"));
    world.settle();
    tony.receive();
    assert!(matches!(tony.replies[0].1, Reply::LoggedIn(_)), "{:?}", tony.replies);
    assert!(matches!(tony.replies[1].1, Reply::Sent { .. }), "{:?}", tony.replies);
    assert!(matches!(tony.notices[..], [Notice::NewMail(_)]), "{:?}", tony.notices);
}

#[test]
fn logging_out_keeps_the_connection() {
    let mut world = World::new();
    let (mut tony, mut pepper) = world.tony_and_pepper();
    assert_eq!(tony.ask(&mut world, Request::Logout {}), Reply::LoggedOut {});
    pepper.ask(&mut world, mail(1, "tony", "x"));
    world.settle();
    tony.receive();
    assert!(tony.notices.is_empty());
    assert!(matches!(tony.ask(&mut world, login("pepper", 1)), Reply::LoggedIn(_)));
    assert_eq!(tony.fetch(&mut world).mails.len(), 0);
}

#[test]
fn a_stopping_server_finishes_what_is_under_way() {
    let mut world = World::new();
    world.register("tony", "Tony Stark");
    let mut busy = world.connect_and_greet();
    let mut idle = world.log_in("tony");
    world.hashing.borrow_mut().is_held = true;
    busy.begin(&mut world, login("tony", 1));
    world.settle();
    world.server.begin_shutdown(world.now);
    world.settle();
    idle.receive();
    assert_eq!(idle.notices, [Notice::ShuttingDown {}]);
    assert!(idle.is_closed());
    assert!(!busy.is_closed());
    world.hashing.borrow_mut().is_held = false;
    world.settle();
    busy.receive();
    assert!(matches!(busy.replies.pop_front(), Some((_, Reply::LoggedIn(_)))));
    assert_eq!(busy.notices, [Notice::ShuttingDown {}]);
    world.pass(Duration::from_secs(3));
    assert_eq!(world.server.len(), 0);
}
