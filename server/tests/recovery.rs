//! Tests of passwords that are set by a code of the operator.

use std::{fs, time::Duration};

use correio_proto::{
    capability,
    mail::Timestamp,
    message::{Account, ErrorCode, MailboxUsage, Notice, Reply, Request},
};
use correio_server::{
    engine::ServerLimits,
    limits::throttle::ThrottleConfig,
    session::{DirectoryPolicy, SessionConfig},
    store::{
        Quota,
        admin::{AdminDone, AdminJob, POSTMASTER},
    },
};
use correio_testing::{
    admin_jobs::{SharedStore, create, hour_after, recover, run_admin_job, set_code},
    request::{credential, hello, login, mail, register},
    world::{PipeClient, World, limits_of, session_config},
};

use crate::daemon::{Daemon, code, listening};

/// A server, and the store in which the operator works.
fn world() -> (World, SharedStore) {
    let store = SharedStore::default();
    (World::with_store(session_config(), 100, Box::new(store.clone())), store)
}

/// As [`world`], with Tony's account and a code for it, of the byte 5.
fn with_code() -> (World, SharedStore) {
    let (mut world, store) = world();
    world.register("tony", "Tony Stark");
    give_code(&world, &store, 5);
    (world, store)
}

fn give_code(world: &World, store: &SharedStore, byte: u8) {
    let given = store.run_admin_job(set_code("tony", byte, hour_after(world.now.wall)));
    assert!(matches!(given, AdminDone::CodeSet { .. }), "{given:?}");
}

/// Checks that a password logs Tony in, or that it does not.
fn logs_in(world: &mut World, password: u8, is_right: bool) {
    let reply = world.connect_and_greet().ask(world, login("tony", password));
    match is_right {
        true => assert!(matches!(reply, Reply::LoggedIn(_)), "{reply:?}"),
        false => assert_eq!(code(&reply), ErrorCode::BadCredentials),
    }
}

fn is_refused(world: &mut World, client: &mut PipeClient, request: Request) {
    assert_eq!(client.ask_refused(world, request), ErrorCode::BadCredentials);
}

#[test]
fn a_code_sets_a_password_once_and_does_not_log_in() {
    let (mut world, _store) = with_code();
    let mut client = world.connect_and_greet();
    assert_eq!(
        client.ask(&mut world, recover("TONY", 5, 2)),
        Reply::Recovered { app_passwords_revoked: Some(0) }
    );
    let refused = client.ask_refused(&mut world, mail(1, "tony", "x"));
    assert_eq!(refused, ErrorCode::NotAuthenticated);
    logs_in(&mut world, 2, true);
    logs_in(&mut world, 1, false);
    is_refused(&mut world, &mut client, recover("tony", 5, 3));
    logs_in(&mut world, 2, true);
}

#[test]
fn a_wrong_code_changes_nothing() {
    let (mut world, _store) = with_code();
    let mut client = world.connect_and_greet();
    is_refused(&mut world, &mut client, recover("tony", 6, 2));
    logs_in(&mut world, 1, true);
    // The code is still good.
    assert_eq!(
        client.ask(&mut world, recover("tony", 5, 2)),
        Reply::Recovered { app_passwords_revoked: Some(0) }
    );
}

#[test]
fn a_code_is_good_until_it_expires_or_is_replaced() {
    let (mut world, store) = with_code();
    let mut client = world.connect_and_greet();
    give_code(&world, &store, 6);
    is_refused(&mut world, &mut client, recover("tony", 5, 2));
    world.pass(Duration::from_secs(3600));
    let mut client = world.connect_and_greet();
    is_refused(&mut world, &mut client, recover("tony", 6, 2));
    logs_in(&mut world, 1, true);
    give_code(&world, &store, 7);
    world.pass(Duration::from_secs(3599));
    let mut client = world.connect_and_greet();
    assert_eq!(
        client.ask(&mut world, recover("tony", 7, 2)),
        Reply::Recovered { app_passwords_revoked: Some(0) }
    );
}

#[test]
fn a_code_that_is_replaced_or_expires_while_the_password_is_hashed_sets_nothing() {
    for is_late in [false, true] {
        let (mut world, store) = with_code();
        let mut client = world.connect_and_greet();
        world.hashing.borrow_mut().is_held = true;
        client.begin(&mut world, recover("tony", 5, 2));
        world.settle();
        assert_eq!(world.hashing.borrow().jobs.len(), 1);
        match is_late {
            true => world.now.wall = hour_after(world.now.wall),
            false => give_code(&world, &store, 6),
        }
        world.hashing.borrow_mut().is_held = false;
        world.settle();
        client.receive();
        let (_, reply) = client.replies.pop_front().unwrap();
        assert_eq!(code(&reply), ErrorCode::BadCredentials);
        logs_in(&mut world, 1, true);
    }
}

#[test]
fn a_code_of_a_deleted_account_sets_no_password_of_the_next_one() {
    let (mut world, store) = with_code();
    let gone = store.run_admin_job(AdminJob::Delete { username: "tony".parse().unwrap() });
    assert!(matches!(gone, AdminDone::Changed(Some(_))), "{gone:?}");
    let mut client = world.connect_and_greet();
    is_refused(&mut world, &mut client, recover("tony", 5, 2));
    // A person deletes an account that has a code.
    let (mut world, _store) = with_code();
    let mut tony = world.log_in("tony");
    let delete = Request::Account(Account::Delete { credential: credential(1) });
    assert_eq!(tony.ask(&mut world, delete), Reply::AccountChanged { app_passwords_revoked: None });
    is_refused(&mut world, &mut tony, recover("tony", 5, 2));
}

#[test]
fn codes_are_guessed_no_faster_than_passwords() {
    let throttle =
        ThrottleConfig { registrations_per_hour: 0, mails_per_hour: 0, failed_logins: 5 };
    let store = SharedStore::default();
    let limits = ServerLimits { throttle, ..limits_of(100) };
    let mut world = World::limited(limits, session_config(), Box::new(store.clone()));
    world.register("tony", "Tony Stark");
    give_code(&world, &store, 5);
    let mut guesser = world.connect_and_greet();
    for number in 0..5 {
        // Passwords and codes count together.
        let guess = if number % 2 == 0 { recover("tony", 9, 2) } else { login("tony", 9) };
        is_refused(&mut world, &mut guesser, guess);
    }
    for right in [recover("tony", 5, 2), login("tony", 1)] {
        assert_eq!(guesser.ask_refused(&mut world, right), ErrorCode::RateLimited);
    }
    // The account's owner is elsewhere, and does not wait.
    let mut owner = world.connect_from("198.51.100.7:4000".parse().unwrap());
    owner.ask(&mut world, hello());
    assert_eq!(
        owner.ask(&mut world, recover("tony", 5, 2)),
        Reply::Recovered { app_passwords_revoked: Some(0) }
    );
}

#[test]
fn the_account_s_sessions_end_when_a_code_sets_its_password() {
    let (mut world, store) = world();
    let (mut tony, mut pepper) = world.tony_and_pepper();
    give_code(&world, &store, 5);
    let mut thief = world.connect_and_greet();
    world.hashing.borrow_mut().is_held = true;
    thief.begin(&mut world, login("tony", 1));
    world.settle();
    let check = world.hashing.borrow_mut().jobs.pop_front().unwrap();
    world.hashing.borrow_mut().is_held = false;
    let mut client = world.connect_and_greet();
    assert_eq!(
        client.ask(&mut world, recover("tony", 5, 2)),
        Reply::Recovered { app_passwords_revoked: Some(0) }
    );
    world.settle();
    tony.receive();
    assert_eq!(tony.notices, [Notice::SessionEnded {}]);
    assert!(tony.is_closed());
    assert_eq!(pepper.ask(&mut world, Request::Ping {}), Reply::Pong {});
    // A login with the old password that was under way.
    world.hashing.borrow_mut().jobs.push_back(check);
    world.settle();
    thief.receive();
    let (_, reply) = thief.replies.pop_front().unwrap();
    assert_eq!(code(&reply), ErrorCode::BadCredentials);
}

#[test]
fn a_refusal_tells_neither_by_its_bytes_nor_by_its_work_whether_an_account_exists() {
    let (mut world, store) = with_code();
    world.register("pepper", "Pepper Potts");
    let expires_at = hour_after(world.now.wall);
    assert_eq!(
        store.run_admin_job(create("happy", "Happy Hogan", 7, expires_at)),
        AdminDone::Created
    );
    world.hashing.borrow_mut().is_held = true;
    let mut answers = Vec::new();
    for username in ["tony", "pepper", "happy", "nobody"] {
        let mut client = world.connect_and_greet();
        client.begin(&mut world, recover(username, 9, 2));
        world.settle();
        assert_eq!(world.hashing.borrow().jobs.len(), 0, "{username}: nothing is hashed");
        answers.push(client.take_bytes());
    }
    assert!(!answers[0].is_empty());
    assert!(answers.iter().all(|answer| *answer == answers[0]), "{answers:?}");
}

#[test]
fn an_account_without_a_password_takes_none_until_its_code_has_set_one() {
    let (mut world, store) = world();
    let expires_at = hour_after(world.now.wall);
    assert_eq!(
        store.run_admin_job(create("tony", "Tony Stark", 5, expires_at)),
        AdminDone::Created
    );
    let mut client = world.connect_and_greet();
    for password in [0, 1] {
        world.hashing.borrow_mut().is_held = true;
        client.begin(&mut world, login("tony", password));
        world.settle();
        assert_eq!(world.hashing.borrow().jobs.len(), 1, "it costs what a wrong password costs");
        world.hashing.borrow_mut().is_held = false;
        world.settle();
        client.receive();
        let (_, reply) = client.replies.pop_front().unwrap();
        assert_eq!(code(&reply), ErrorCode::BadCredentials);
    }
    let mut pepper = world.connect_and_greet();
    pepper.ask(&mut world, register("pepper", "Pepper Potts", 1));
    pepper.ask(&mut world, login("pepper", 1));
    assert!(matches!(pepper.ask(&mut world, mail(1, "tony", "Oi")), Reply::Sent { .. }));
    assert_eq!(
        client.ask(&mut world, recover("tony", 5, 1)),
        Reply::Recovered { app_passwords_revoked: Some(0) }
    );
    assert_eq!(world.log_in("tony").fetch(&mut world).mails.len(), 1, "its mail has waited");
}

#[test]
fn nobody_registers_the_operator_s_username() {
    let (mut world, _store) = world();
    let mut client = world.connect_and_greet();
    for username in [POSTMASTER, "Postmaster"] {
        let refused = client.ask_refused(&mut world, register(username, "Tony Stark", 1));
        assert_eq!(refused, ErrorCode::UsernameTaken);
    }
    assert_eq!(client.ask_refused(&mut world, login(POSTMASTER, 1)), ErrorCode::BadCredentials);
}

#[test]
fn a_login_says_what_the_mailbox_has_and_may_have() {
    let store = SharedStore::new(Quota { mails: 10, bytes: 1000 });
    let mut world = World::with_store(session_config(), 100, Box::new(store.clone()));
    let (mut tony, _pepper) = world.tony_and_pepper();
    for number in 1..=3 {
        tony.ask(&mut world, mail(number, "pepper", "Oi"));
    }
    let usage = |world: &mut World| match world.connect_and_greet().ask(world, login("pepper", 1)) {
        Reply::LoggedIn(logged_in) => logged_in.usage,
        other => panic!("{other:?}"),
    };
    let expected = MailboxUsage { mails: 3, mails_max: 10, bytes: 15, bytes_max: 1000 };
    assert_eq!(usage(&mut world), Some(expected));
    let quota = Some(Quota { mails: 2, bytes: 50 });
    let own = AdminJob::SetQuota { username: "pepper".parse().unwrap(), quota };
    assert!(matches!(store.run_admin_job(own), AdminDone::Changed(Some(_))));
    let expected = MailboxUsage { mails_max: 2, bytes_max: 50, ..expected };
    assert_eq!(usage(&mut world), Some(expected), "its mails stay above a lowered quota");
}

#[test]
fn every_server_offers_recovery() {
    for directory in [DirectoryPolicy::Members, DirectoryPolicy::Off] {
        let mut world = World::with(SessionConfig { directory, ..session_config() }, 10);
        let mut client = world.connect();
        let Reply::Hello(welcome) = client.ask(&mut world, hello()) else { panic!("no greeting") };
        assert!(welcome.capabilities.contains(capability::RECOVER), "{directory:?}");
    }
}

#[test]
fn each_recovery_is_one_line_of_the_log_without_its_code() {
    let directory = tempfile::tempdir().unwrap();
    let (data, log) = (directory.path().join("data"), directory.path().join("log"));
    let daemon = Daemon::start(&data, &[]);
    daemon.session("tony");
    assert!(daemon.stop().success());
    let given = run_admin_job(&data, set_code("tony", 5, Timestamp(u64::MAX >> 1)));
    assert!(matches!(given, AdminDone::CodeSet { .. }), "{given:?}");
    let mut command = listening(&data);
    command.stderr(fs::File::create(&log).unwrap());
    let daemon = Daemon::spawn(command);
    let mut client = daemon.client();
    for request in [recover("tony", 6, 2), recover("nobody", 6, 2)] {
        assert_eq!(code(&client.ask(request)), ErrorCode::BadCredentials);
    }
    assert_eq!(
        client.ask(recover("tony", 5, 2)),
        Reply::Recovered { app_passwords_revoked: Some(0) }
    );
    assert!(daemon.stop().success());
    let text = fs::read_to_string(&log).unwrap();
    let count = |part: &str| text.lines().filter(|line| line.contains(part)).count();
    let counts = ["login.failed username=tony ", "login.failed username=nobody "].map(count);
    assert_eq!((counts, count("account.recovered username=tony ")), ([1, 1], 1), "{text}");
    assert_eq!(count("request.refused"), 0, "{text}");
    let codes = [5, 6].map(|byte| correio_testing::admin_jobs::code(byte).to_string());
    assert!(codes.iter().all(|code| !text.contains(code)), "{text}");
}
