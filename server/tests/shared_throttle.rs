//! Failed logins that servers on one store tell each other of.

use std::{cell::RefCell, rc::Rc};

use correio_proto::{
    app_password::AppPasswordRequest,
    message::{ErrorCode, Realm, Reply, Request},
    tls::Security,
};
use correio_server::{
    admin::request::{AdminRequest, Blocked},
    engine::ServerLimits,
    gateway::GatewayConfig,
    ids::Ticket,
    limits::throttle::{FailedLogin, FailureScope, LoginNews, SecretKind, ThrottleConfig},
    protocol::Service,
    store::{Store, StoreDone, StoreFailed, StoreJob, Submitted, news::News},
};
use correio_testing::{
    admin::AdminPipe,
    admin_jobs::SharedStore,
    program::Program,
    request::login,
    world::{World, limits_of, session_config},
};

/// Failures that are free.
const FREE: u32 = 3;

/// A store for two servers: what one tells, the other hears.
struct Linked {
    store: SharedStore,
    told: Rc<RefCell<Vec<LoginNews>>>,
    heard: Rc<RefCell<Vec<LoginNews>>>,
}

impl Store for Linked {
    fn realm(&self) -> Realm {
        self.store.realm()
    }

    fn submit(&mut self, ticket: Ticket, job: StoreJob) -> Submitted {
        self.store.submit(ticket, job)
    }

    fn collect(&mut self, done: &mut Vec<(Ticket, StoreDone)>) -> Result<(), StoreFailed> {
        self.store.collect(done)
    }

    fn hear(&mut self, news: &mut Vec<News>) {
        let heard = std::mem::take(&mut *self.heard.borrow_mut());
        if !heard.is_empty() {
            news.push(News::Logins(heard));
        }
    }

    fn tell(&mut self, news: LoginNews) {
        self.told.borrow_mut().push(news);
    }

    fn close(self: Box<Self>, _: &mut Vec<(Ticket, StoreDone)>) -> Result<(), StoreFailed> {
        Ok(())
    }
}

/// Two servers with gateways in plaintext, and what the first has told that the other has not heard
/// yet. Tony has an account.
fn servers() -> (World, World, Rc<RefCell<Vec<LoginNews>>>) {
    let store = SharedStore::default();
    let [first, second] = [(); 2].map(|()| Rc::new(RefCell::default()));
    let world = |told: &Rc<RefCell<_>>, heard: &Rc<RefCell<_>>| {
        let throttle = ThrottleConfig { failed_logins: FREE, ..limits_of(100).throttle };
        let limits = ServerLimits { throttle, ..limits_of(100) };
        let (told, heard) = (told.clone(), heard.clone());
        let store = Box::new(Linked { store: store.clone(), told, heard });
        let mut world = World::limited(limits, session_config(), store);
        let domain = "mail.example.org".parse().unwrap();
        let config = GatewayConfig { domain, security: Security::Plaintext };
        world.server = world.server.with_gateways(Some(config));
        world
    };
    let (mut one, other) = (world(&first, &second), world(&second, &first));
    one.register("tony", "Tony Stark");
    (one, other, first)
}

/// The answer to a login with a password that is right, or not, over a new connection.
fn try_login(world: &mut World, is_right: bool) -> Result<(), ErrorCode> {
    let password = if is_right { 1 } else { 2 };
    match world.connect_and_greet().ask(world, login("tony", password)) {
        Reply::LoggedIn(_) => Ok(()),
        Reply::Error(error) => Err(error.code),
        reply => panic!("{reply:?}"),
    }
}

/// The answer to a login of a mail program at the address of correio's own clients of these tests.
fn try_program(world: &mut World, password: &str) -> String {
    let service = Service::POP3.in_plaintext();
    let mut program =
        Program::connect_from(world, service, &Security::Plaintext, "192.0.2.1:4000").unwrap();
    program.said();
    program.say(world, "USER tony\r\n");
    program.say(world, &format!("PASS {password}\r\n"))
}

#[test]
fn failures_at_one_server_make_a_guesser_wait_at_the_other() {
    let (mut one, mut other, told) = servers();
    for _ in 0..FREE {
        assert_eq!(try_login(&mut one, false), Err(ErrorCode::BadCredentials));
    }
    assert_eq!(told.borrow().len(), FREE as usize);
    assert_eq!(try_login(&mut other, true), Err(ErrorCode::RateLimited));
    assert!(told.borrow().is_empty(), "the other server has heard all");
    // The right password is not told, and neither is an attempt that was not judged.
    assert_eq!(try_login(&mut one, true), Err(ErrorCode::RateLimited));
    assert!(told.borrow().is_empty());
}

#[test]
fn failures_of_a_mail_program_at_one_server_do_not_make_its_owner_wait_at_the_other() {
    let (mut one, mut other, told) = servers();
    assert_eq!(try_login(&mut other, true), Ok(()));
    let create = AppPasswordRequest::Create { label: "telephone".parse().unwrap() };
    let created = one.log_in("tony").ask(&mut one, Request::AppPassword(create));
    let Reply::AppPasswordCreated { password, .. } = created else { panic!("{created:?}") };
    let right = password.to_string();
    for _ in 0..FREE {
        let said = try_program(&mut one, "aaaaa-aaaaa-aaaaa-aaaaa-aaaaa-aaaaa");
        assert!(said.starts_with("-ERR"), "{said:?}");
    }
    assert_eq!(told.borrow().len(), FREE as usize);
    for news in told.borrow().iter() {
        let LoginNews::Failed(FailedLogin { secret, scope, .. }) = news else { panic!("{news:?}") };
        assert_eq!((*secret, *scope), (SecretKind::AppPassword, FailureScope::Pair));
    }
    let said = try_program(&mut other, &right);
    assert!(said.starts_with("-ERR"), "{said:?}");
    assert_eq!(try_login(&mut other, true), Ok(()));
}

#[test]
fn the_operator_s_unblock_at_one_server_reaches_the_other() {
    let address = Blocked::Address { address: "192.0.2.1".parse().unwrap() };
    let account = Blocked::Account { username: "tony".parse().unwrap() };
    // An address from which Tony has logged in has failures for his account alone.
    for (is_proven, of) in [(false, address), (true, account)] {
        let (mut one, mut other, _) = servers();
        assert!(!is_proven || try_login(&mut other, true).is_ok());
        for _ in 0..FREE {
            assert_eq!(try_login(&mut other, false), Err(ErrorCode::BadCredentials));
        }
        assert_eq!(try_login(&mut other, true), Err(ErrorCode::RateLimited));
        AdminPipe::connect(&mut one).ask(&mut one, &AdminRequest::Unblock { of });
        assert_eq!(try_login(&mut other, true), Ok(()));
    }
}
