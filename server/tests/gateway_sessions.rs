//! Tests of mail programs that are logged in, beside clients of correio's own protocol.

use std::{cell::Cell, rc::Rc, time::Duration};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use correio_proto::{
    app_password::AppPasswordRequest,
    mail::Content,
    message::{Account, Notice, Realm, Reply, Request, Send},
    tls::Security,
};
use correio_server::{
    engine::connection::Readiness,
    gateway::GatewayConfig,
    ids::Ticket,
    protocol::Service,
    store::{
        Store, StoreDone, StoreFailed, StoreJob, Submitted,
        gateway::GatewayJob,
        memory::{MemoryLimits, MemoryStore},
    },
};
use correio_testing::{
    http::HttpPipe,
    program::Program,
    request::{credential, id},
    world::{PipeClient, QUOTA, REALM, World, limits_of, session_config},
};

const SECOND: Duration = Duration::from_secs(1);

/// A world with Tony Stark, Pepper Potts and gateways in plaintext.
fn world() -> World {
    world_of(Box::new(MemoryStore::new(REALM, QUOTA, MemoryLimits::default())))
}

/// As [`world`], with an empty store.
fn world_of(store: Box<dyn Store>) -> World {
    let mut world = World::limited(limits_of(100), session_config(), store);
    let domain = "mail.example.org".parse().unwrap();
    let config = GatewayConfig { domain, security: Security::Plaintext };
    world.server = world.server.with_gateways(Some(config));
    world.register("tony", "Tony Stark");
    world.register("pepper", "Pepper Potts");
    world
}

fn connect(world: &mut World, service: Service) -> Program {
    let mut program = Program::connect(world, service.in_plaintext(), &Security::Plaintext);
    program.said();
    program
}

/// A new app password of an account.
fn app_password(world: &mut World, username: &str, label: &str) -> String {
    let label = label.parse().unwrap();
    let create = Request::AppPassword(AppPasswordRequest::Create { label });
    match world.log_in(username).ask(world, create) {
        Reply::AppPasswordCreated { password, .. } => password.to_string(),
        reply => panic!("an app password was expected, not {reply:?}"),
    }
}

/// A program of tony's that sends mail.
fn submission(world: &mut World) -> Program {
    let password = app_password(world, "tony", "sending");
    let mut program = connect(world, Service::SUBMISSION);
    program.say(world, "EHLO laptop\r\n");
    let plain = STANDARD.encode(format!("\0tony\0{password}"));
    let said = program.say(world, &format!("AUTH PLAIN {plain}\r\n"));
    assert!(said.starts_with("235 "), "{said:?}");
    program
}

/// A program that receives mail.
fn pop3(world: &mut World, username: &str) -> Program {
    let password = app_password(world, username, "receiving");
    let mut program = connect(world, Service::POP3);
    program.say(world, &format!("USER {username}\r\n"));
    let said = program.say(world, &format!("PASS {password}\r\n"));
    assert!(said.starts_with("+OK"), "{said:?}");
    program
}

fn begin_mail(program: &mut Program, world: &mut World) {
    program.say(world, "MAIL FROM:<tony@mail.example.org>\r\n");
    let said = program.say(world, "RCPT TO:<pepper@mail.example.org>\r\n");
    assert!(said.starts_with("250 "), "{said:?}");
    let said = program.say(world, "DATA\r\n");
    assert!(said.starts_with("354 "), "{said:?}");
}

const HEAD: &str = "From: tony@mail.example.org\r\nTo: pepper@mail.example.org\r\n\
                    Subject: Mark 85\r\n\r\n";

fn notices(client: &mut PipeClient) -> usize {
    client.receive();
    client.notices.drain(..).filter(|notice| matches!(notice, Notice::NewMail(_))).count()
}

#[test]
fn a_mail_of_a_program_is_told_to_correio_s_clients_and_not_to_programs() {
    let mut world = world();
    let mut client = world.log_in("pepper");
    let mut receiving = pop3(&mut world, "pepper");
    let mut sending = submission(&mut world);
    begin_mail(&mut sending, &mut world);
    let said = sending.say(&mut world, &format!("{HEAD}Done.\r\n.\r\n"));
    assert!(said.starts_with("250 "), "{said:?}");
    assert_eq!(notices(&mut client), 1);
    receiving.run(&mut world);
    assert_eq!(receiving.said(), "");
    assert_eq!(client.fetch(&mut world).mails.len(), 1);
}

#[test]
fn a_program_that_sends_a_mail_slowly_stays_and_one_that_sends_bytes_does_not() {
    let mut world = world();
    let mut program = submission(&mut world);
    begin_mail(&mut program, &mut world);
    program.say(&mut world, HEAD);
    let kibibyte = format!("{}\r\n", "x".repeat(62)).repeat(16);
    for _ in 0..5 {
        world.pass(SECOND * 290);
        program.say(&mut world, &kibibyte);
        assert!(!program.is_closed());
    }
    for _ in 0..29 {
        world.pass(SECOND * 10);
        program.say(&mut world, "x\r\n");
    }
    assert!(!program.is_closed());
    world.pass(SECOND * 10);
    program.run(&mut world);
    assert!(program.said().starts_with("421 "));
    assert!(program.is_closed());
}

#[test]
fn a_program_that_is_silent_after_its_login_ends_after_its_protocol_s_time() {
    let mut world = world();
    let (mut sending, mut receiving) = (submission(&mut world), pop3(&mut world, "tony"));
    world.pass(SECOND * 299);
    sending.run(&mut world);
    assert!(!sending.is_closed());
    world.pass(SECOND);
    sending.run(&mut world);
    receiving.run(&mut world);
    assert!(sending.is_closed() && !receiving.is_closed());
    world.pass(SECOND * 300);
    receiving.run(&mut world);
    assert!(receiving.is_closed());
}

#[test]
fn a_large_mail_goes_out_in_parts_to_a_program_that_reads_slowly() {
    let mut world = world();
    let mut client = world.log_in("tony");
    let text = "0123456789\n".repeat(90_000);
    for number in 1..=3 {
        let send = Send {
            id: id(number),
            to: "tony".parse().unwrap(),
            subject: "Large".parse().unwrap(),
            content: Content::Body(text.parse().unwrap()),
        };
        assert!(matches!(client.ask(&mut world, Request::Send(send)), Reply::Sent { .. }));
    }
    let mut program = pop3(&mut world, "tony");
    program.pipe.set_window(10_000);
    program.pipe.write_at_client(b"RETR 1\r\nRETR 2\r\nRETR 3\r\n");
    world.server.note(program.id, Readiness { readable: true, ..Readiness::default() });
    let mut most = 0;
    let mut seen = Vec::new();
    // A minute for every 20,000 bytes: each mail takes an hour.
    while seen.len() < 3 * text.len() || !seen.ends_with(b"\r\n.\r\n") {
        let before = seen.len();
        world.pass(SECOND * 60);
        seen.extend(program.pipe.take_at_client());
        world.server.note(program.id, Readiness { writable: true, ..Readiness::default() });
        world.settle();
        seen.extend(program.pipe.take_at_client());
        assert!(seen.len() > before, "nothing comes after {before} bytes");
        let held = world.server.held().find(|(id, _)| *id == program.id);
        most = most.max(held.map_or(0, |(_, held)| held.output));
    }
    let seen = String::from_utf8(seen).unwrap();
    assert_eq!(seen.matches("0123456789\r\n").count(), 3 * 90_000);
    assert!(program.say(&mut world, "QUIT\r\n").starts_with("+OK"));
    assert!(most > 0 && most < 3 << 20, "{most}");
}

#[test]
fn a_new_password_ends_the_sessions_of_programs() {
    let mut world = world();
    let mut client = world.log_in("tony");
    let (mut sending, mut receiving) = (submission(&mut world), pop3(&mut world, "tony"));
    let change = Account::Password { current: credential(1), new: credential(2) };
    let reply = client.ask(&mut world, Request::Account(change));
    assert!(matches!(reply, Reply::AccountChanged { .. }), "{reply:?}");
    for program in [&mut sending, &mut receiving] {
        program.run(&mut world);
        assert!(program.is_closed());
    }
    assert!(!client.is_closed());
}

#[test]
fn a_revoked_app_password_ends_the_sessions_of_programs_and_logs_nobody_in() {
    let mut world = world();
    let password = app_password(&mut world, "tony", "old phone");
    let mut program = pop3(&mut world, "tony");
    let mut client = world.log_in("tony");
    let list = Request::AppPassword(AppPasswordRequest::List {});
    let Reply::AppPasswords { passwords } = client.ask(&mut world, list) else {
        panic!("app passwords were expected")
    };
    for overview in passwords {
        let revoke = AppPasswordRequest::Revoke { id: overview.id };
        let reply = client.ask(&mut world, Request::AppPassword(revoke));
        assert_eq!(reply, Reply::AppPasswordRevoked {});
    }
    program.run(&mut world);
    assert!(program.is_closed());
    assert!(!client.is_closed());
    let mut again = connect(&mut world, Service::POP3);
    again.say(&mut world, "USER tony\r\n");
    let said = again.say(&mut world, &format!("PASS {password}\r\n"));
    assert!(said.starts_with("-ERR [AUTH]"), "{said:?}");
}

/// The first revocation may have succeeded without its answer: a store that cannot know does it
/// again.
#[test]
fn a_revocation_that_finds_nothing_left_ends_the_sessions_of_programs_too() {
    let mut world = world();
    app_password(&mut world, "tony", "old phone");
    let mut client = world.log_in("tony");
    let list = Request::AppPassword(AppPasswordRequest::List {});
    let Reply::AppPasswords { passwords } = client.ask(&mut world, list) else {
        panic!("app passwords were expected")
    };
    let mut revoke = |world: &mut World| {
        let id = passwords.first().unwrap().id;
        let request = Request::AppPassword(AppPasswordRequest::Revoke { id });
        assert_eq!(client.ask(world, request), Reply::AppPasswordRevoked {});
    };
    revoke(&mut world);
    let mut program = pop3(&mut world, "tony");
    revoke(&mut world);
    program.run(&mut world);
    assert!(program.is_closed());
}

/// A store in memory that lists no mailbox while it is told so.
struct Unlisting {
    store: MemoryStore,
    lists: Rc<Cell<bool>>,
}

impl Store for Unlisting {
    fn realm(&self) -> Realm {
        self.store.realm()
    }

    fn submit(&mut self, ticket: Ticket, job: StoreJob) -> Submitted {
        match job {
            StoreJob::Gateway(GatewayJob::Outline { .. }) if !self.lists.get() => Submitted::Full,
            job => self.store.submit(ticket, job),
        }
    }

    fn collect(&mut self, done: &mut Vec<(Ticket, StoreDone)>) -> Result<(), StoreFailed> {
        self.store.collect(done)
    }

    fn close(self: Box<Self>, done: &mut Vec<(Ticket, StoreDone)>) -> Result<(), StoreFailed> {
        Box::new(self.store).close(done)
    }
}

/// The line of the metrics that says how many sessions of POP3 there are.
fn counted(world: &mut World) -> String {
    let page = HttpPipe::connect(world).get(world, "/metrics").body;
    let line = page.lines().find(|line| line.contains("correio_sessions{protocol=\"pop3\"}"));
    line.expect("the metrics have it").to_owned()
}

#[test]
fn a_program_whose_mailbox_cannot_be_listed_counts_as_no_session() {
    let lists = Rc::new(Cell::new(true));
    let store = MemoryStore::new(REALM, QUOTA, MemoryLimits::default());
    let mut world = world_of(Box::new(Unlisting { store, lists: lists.clone() }));
    let none = counted(&mut world);
    let password = app_password(&mut world, "tony", "receiving");
    let mut program = connect(&mut world, Service::POP3);
    let login = format!("USER tony\r\nPASS {password}\r\n");
    lists.set(false);
    let said = program.say(&mut world, &login);
    assert!(said.contains("\r\n-ERR [SYS/TEMP]"), "{said:?}");
    assert_eq!(counted(&mut world), none);
    lists.set(true);
    let said = program.say(&mut world, &login);
    assert!(said.contains("\r\n+OK mails: 0,"), "{said:?}");
    assert_ne!(counted(&mut world), none);
    program.say(&mut world, "QUIT\r\n");
    program.pipe.close_at_client();
    world.server.note(program.id, Readiness { readable: true, writable: true, ended: true });
    world.settle();
    assert_eq!(counted(&mut world), none);
}
