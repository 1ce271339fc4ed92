//! Answers that a store with several connections gives after it has told of a later change.

use std::{
    cell::{Cell, RefCell},
    rc::Rc,
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use correio_proto::{
    app_password::AppPasswordRequest,
    message::{Account, Realm, Reply, Request},
    tls::Security,
};
use correio_server::{
    auth::resume_ticket::TicketTimes,
    gateway::GatewayConfig,
    ids::{AccountId, Ticket},
    protocol::Service,
    store::{
        Store, StoreDone, StoreFailed, StoreJob, Submitted,
        memory::{MemoryLimits, MemoryStore},
        news::News,
    },
};
use correio_testing::{
    program::Program,
    request::{credential, login, resume},
    world::{PipeClient, QUOTA, REALM, World, limits_of, with_tickets},
};

/// What the test does with the store.
#[derive(Clone, Default)]
struct Control {
    /// Whether the answers of the jobs that come now are held back.
    is_slow: Rc<Cell<bool>>,
    held: Rc<RefCell<Vec<(Ticket, StoreDone)>>>,
    /// Whether the answers that were held back are handed out.
    is_released: Rc<Cell<bool>>,
    /// What another server has changed.
    news: Rc<RefCell<Vec<News>>>,
}

/// A store that does each job at once, and answers some of them late.
struct LateStore {
    store: MemoryStore,
    control: Control,
}

impl Store for LateStore {
    fn realm(&self) -> Realm {
        self.store.realm()
    }

    fn submit(&mut self, ticket: Ticket, job: StoreJob) -> Submitted {
        match (self.store.submit(ticket, job), self.control.is_slow.get()) {
            (Submitted::Done(answer), true) => {
                self.control.held.borrow_mut().push((ticket, answer));
                Submitted::Queued
            }
            (submitted, _) => submitted,
        }
    }

    fn collect(&mut self, done: &mut Vec<(Ticket, StoreDone)>) -> Result<(), StoreFailed> {
        if self.control.is_released.get() {
            done.append(&mut self.control.held.borrow_mut());
        }
        Ok(())
    }

    fn hear(&mut self, news: &mut Vec<News>) {
        news.append(&mut self.control.news.borrow_mut());
    }

    fn close(self: Box<Self>, _: &mut Vec<(Ticket, StoreDone)>) -> Result<(), StoreFailed> {
        Ok(())
    }
}

/// A server that gives tickets and has gateways, and the store's control. Tony has an account, the
/// first of the store.
fn world() -> (World, Control) {
    let control = Control::default();
    let store = MemoryStore::new(REALM, QUOTA, MemoryLimits::default());
    let store = Box::new(LateStore { store, control: control.clone() });
    let config = with_tickets(1, TicketTimes::default());
    let mut world = World::limited(limits_of(100), config, store);
    let domain = "mail.example.org".parse().unwrap();
    let config = GatewayConfig { domain, security: Security::Plaintext };
    world.server = world.server.with_gateways(Some(config));
    world.register("tony", "Tony Stark");
    (world, control)
}

/// Begins a login with the password, up to the last look-up, whose answer is held back.
fn begin_login(world: &mut World, control: &Control) -> PipeClient {
    let mut client = world.connect_and_greet();
    world.hashing.borrow_mut().is_held = true;
    client.begin(world, login("tony", 1));
    world.settle();
    control.is_slow.set(true);
    world.hashing.borrow_mut().is_held = false;
    world.settle();
    control.is_slow.set(false);
    assert_eq!(control.held.borrow().len(), 1);
    client
}

fn release(world: &mut World, control: &Control) {
    control.is_released.set(true);
    world.settle();
}

fn change_password(world: &mut World, client: &mut PipeClient) {
    let change = Account::Password { current: credential(1), new: credential(2) };
    let reply = client.ask(world, Request::Account(change));
    assert!(matches!(reply, Reply::AccountChanged { .. }), "{reply:?}");
}

#[test]
fn a_login_that_is_answered_after_a_later_password_opens_no_session() {
    let (mut world, control) = world();
    let mut tony = world.log_in("tony");
    let thief = begin_login(&mut world, &control);
    change_password(&mut world, &mut tony);
    release(&mut world, &control);
    assert!(thief.is_closed());
    assert!(tony.fetch(&mut world).mails.is_empty(), "the session that changed it goes on");
}

#[test]
fn a_ticket_that_is_answered_after_a_later_password_opens_no_session() {
    let (mut world, control) = world();
    let (mut tony, ticket) = world.log_in_for_ticket("tony");
    let mut thief = world.connect_and_greet();
    control.is_slow.set(true);
    thief.begin(&mut world, resume("tony", &ticket));
    world.settle();
    control.is_slow.set(false);
    change_password(&mut world, &mut tony);
    release(&mut world, &control);
    assert!(thief.is_closed());
}

#[test]
fn a_login_that_is_answered_after_another_server_s_news_opens_no_session() {
    for news in [News::SessionsEnded { account: AccountId(1) }, News::AllSessionsEnded] {
        let (mut world, control) = world();
        let thief = begin_login(&mut world, &control);
        control.news.borrow_mut().push(news);
        world.settle();
        release(&mut world, &control);
        assert!(thief.is_closed());
        world.log_in("tony").fetch(&mut world);
    }
}

#[test]
fn news_of_another_account_or_of_programs_end_no_login_of_a_client() {
    let (mut world, control) = world();
    let mut tony = begin_login(&mut world, &control);
    let of_another = News::SessionsEnded { account: AccountId(2) };
    let of_programs = News::GatewaySessionsEnded { account: AccountId(1) };
    control.news.borrow_mut().extend([of_another, of_programs]);
    world.settle();
    release(&mut world, &control);
    tony.receive();
    assert!(matches!(tony.replies.pop_front(), Some((_, Reply::LoggedIn(_)))));
    assert!(tony.fetch(&mut world).mails.is_empty());
}

#[test]
fn a_program_whose_login_is_answered_after_the_revocation_is_not_logged_in() {
    let (mut world, control) = world();
    let mut tony = world.log_in("tony");
    let create = AppPasswordRequest::Create { label: "sending".parse().unwrap() };
    let reply = tony.ask(&mut world, Request::AppPassword(create));
    let Reply::AppPasswordCreated { id, password, .. } = reply else { panic!("{reply:?}") };
    let service = Service::SUBMISSION.in_plaintext();
    let mut program = Program::connect(&mut world, service, &Security::Plaintext);
    program.say(&mut world, "EHLO laptop\r\n");
    let plain = STANDARD.encode(format!("\0tony\0{password}"));
    control.is_slow.set(true);
    assert_eq!(program.say(&mut world, &format!("AUTH PLAIN {plain}\r\n")), "");
    control.is_slow.set(false);
    let revoke = AppPasswordRequest::Revoke { id };
    let reply = tony.ask(&mut world, Request::AppPassword(revoke));
    assert!(matches!(reply, Reply::AppPasswordRevoked { .. }), "{reply:?}");
    release(&mut world, &control);
    let said = program.say(&mut world, "MAIL FROM:<tony@mail.example.org>\r\n");
    assert!(!said.contains("\r\n250 ") && !said.starts_with("250 "), "{said:?}");
}
