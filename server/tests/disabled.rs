//! Tests of accounts that the operator has disabled.

use std::fs;

use correio_proto::message::{ErrorCode, ErrorReply, Reply};
use correio_server::{
    auth::hashing::{Bcrypt, HashDone, HashJob},
    engine::ServerLimits,
    limits::throttle::ThrottleConfig,
    store::admin::{AccountState, AdminDone, AdminJob, DisabledMail},
};
use correio_testing::{
    admin_jobs::{SharedStore, hour_after, recover, run_admin_job, set_code},
    request::{login, register},
    world::{PipeClient, World, limits_of, session_config},
};

use crate::daemon::{Daemon, code, listening};

/// A server with Tony's account, and the store in which the operator works.
fn world() -> (World, SharedStore) {
    let store = SharedStore::default();
    let mut world = World::with_store(session_config(), 100, Box::new(store.clone()));
    world.register("tony", "Tony Stark");
    (world, store)
}

fn set_state(state: AccountState) -> AdminJob {
    AdminJob::SetState { username: "tony".parse().unwrap(), state }
}

fn disable(store: &SharedStore) {
    let done = store.run_admin_job(set_state(AccountState::Disabled(DisabledMail::Kept)));
    assert!(matches!(done, AdminDone::Changed(Some(_))), "{done:?}");
}

fn enable(store: &SharedStore) {
    let done = store.run_admin_job(set_state(AccountState::Enabled));
    assert!(matches!(done, AdminDone::Changed(Some(_))), "{done:?}");
}

/// The answer to a login that waited for its hash.
fn answer(world: &mut World, client: &mut PipeClient) -> Reply {
    world.hashing.borrow_mut().is_held = false;
    world.settle();
    client.receive();
    client.replies.pop_front().expect("there is a reply").1
}

#[test]
fn the_right_password_of_a_disabled_account_is_told_so_and_a_wrong_one_is_not() {
    let (mut world, store) = world();
    disable(&store);
    let mut client = world.connect_and_greet();
    assert_eq!(client.ask_refused(&mut world, login("tony", 1)), ErrorCode::Disabled);
    assert_eq!(client.ask_refused(&mut world, login("tony", 9)), ErrorCode::BadCredentials);
    enable(&store);
    assert!(matches!(client.ask(&mut world, login("tony", 1)), Reply::LoggedIn(_)));
}

#[test]
fn a_login_under_way_is_refused_where_its_account_was_disabled_meanwhile() {
    let (mut world, store) = world();
    let mut client = world.connect_and_greet();
    world.hashing.borrow_mut().is_held = true;
    client.begin(&mut world, login("tony", 1));
    world.settle();
    disable(&store);
    let reply = answer(&mut world, &mut client);
    assert_eq!(code(&reply), ErrorCode::Disabled);
    // And the other way round: what holds is the state at the end.
    world.hashing.borrow_mut().is_held = true;
    client.begin(&mut world, login("tony", 1));
    world.settle();
    enable(&store);
    let reply = answer(&mut world, &mut client);
    assert!(matches!(reply, Reply::LoggedIn(_)), "{reply:?}");
}

#[test]
fn a_login_whose_password_is_hashed_again_is_refused_where_its_account_was_disabled_meanwhile() {
    let store = SharedStore::default();
    let mut world = World::with_store(session_config(), 100, Box::new(store.clone()));
    let mut client = world.connect_and_greet();
    // The test plays the worker: the account's hash is one of another cost.
    let finish = |world: &mut World, done: HashDone| {
        let (ticket, _) = world.hashing.borrow_mut().jobs.pop_front().unwrap();
        world.hashing.borrow_mut().done.push((ticket, done));
        world.settle();
    };
    world.hashing.borrow_mut().is_held = true;
    client.begin(&mut world, register("tony", "Tony Stark", 1));
    world.settle();
    finish(&mut world, HashDone::Made(Bcrypt { cost: 5 }.dummy()));
    client.receive();
    assert!(matches!(client.replies.pop_front(), Some((_, Reply::Registered {}))));
    client.begin(&mut world, login("tony", 1));
    world.settle();
    finish(&mut world, HashDone::Verified(true));
    let jobs = world.hashing.borrow().jobs.len();
    assert_eq!(jobs, 1, "the password is being hashed again");
    assert!(matches!(world.hashing.borrow().jobs[0].1, HashJob::Make { .. }));
    disable(&store);
    let reply = answer(&mut world, &mut client);
    assert_eq!(code(&reply), ErrorCode::Disabled);
}

#[test]
fn a_session_that_was_open_before_is_asked_nothing_new() {
    // The operator's command ends the sessions; the state itself only refuses logins.
    let (mut world, store) = world();
    let mut tony = world.log_in("tony");
    disable(&store);
    assert_eq!(tony.fetch(&mut world).mails.len(), 0);
    let mut again = world.connect_and_greet();
    assert_eq!(again.ask_refused(&mut world, login("tony", 1)), ErrorCode::Disabled);
}

#[test]
fn a_code_sets_the_password_of_a_disabled_account_and_does_not_enable_it() {
    let (mut world, store) = world();
    disable(&store);
    let given = store.run_admin_job(set_code("tony", 5, hour_after(world.now.wall)));
    assert!(matches!(given, AdminDone::CodeSet { .. }), "{given:?}");
    let mut client = world.connect_and_greet();
    assert_eq!(
        client.ask(&mut world, recover("tony", 5, 2)),
        Reply::Recovered { app_passwords_revoked: Some(0) }
    );
    assert_eq!(client.ask_refused(&mut world, login("tony", 2)), ErrorCode::Disabled);
}

#[test]
fn the_right_password_of_a_disabled_account_counts_as_no_guess() {
    let throttle =
        ThrottleConfig { registrations_per_hour: 0, mails_per_hour: 0, failed_logins: 3 };
    let store = SharedStore::default();
    let limits = ServerLimits { throttle, ..limits_of(100) };
    let mut world = World::limited(limits, session_config(), Box::new(store.clone()));
    world.register("tony", "Tony Stark");
    disable(&store);
    let mut client = world.connect_and_greet();
    for _ in 0..10 {
        let reply = client.ask(&mut world, login("tony", 1));
        let Reply::Error(ErrorReply { code, retry_after, .. }) = reply else { panic!("{reply:?}") };
        assert_eq!((code, retry_after), (ErrorCode::Disabled, None));
    }
}

#[test]
fn a_refused_login_of_a_disabled_account_is_one_line_of_the_log() {
    let directory = tempfile::tempdir().unwrap();
    let (data, log) = (directory.path().join("data"), directory.path().join("log"));
    let daemon = Daemon::start(&data, &[]);
    daemon.session("tony");
    assert!(daemon.stop().success());
    let done = run_admin_job(&data, set_state(AccountState::Disabled(DisabledMail::Refused)));
    assert!(matches!(done, AdminDone::Changed(Some(_))), "{done:?}");
    let mut command = listening(&data);
    command.stderr(fs::File::create(&log).unwrap());
    let daemon = Daemon::spawn(command);
    assert_eq!(code(&daemon.client().ask(login("tony", 1))), ErrorCode::Disabled);
    assert!(daemon.stop().success());
    let text = fs::read_to_string(&log).unwrap();
    let count = |part: &str| text.lines().filter(|line| line.contains(part)).count();
    assert_eq!((count("login.failed username=tony "), count("request.refused")), (1, 0), "{text}");
    assert!(text.contains("reason=\"the account is disabled\""), "{text}");
}
