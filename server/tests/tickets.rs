//! Tests of resume tickets: what a client logs in again with after it has lost its connection.

use std::{fs, os::unix::fs::PermissionsExt, time::Duration};

use correio_proto::{
    capability,
    message::{Account, ErrorCode, GivenTicket, Reply, Request},
    resume::ResumeTicket,
};
use correio_server::{
    auth::resume_ticket::TicketTimes,
    engine::ServerLimits,
    limits::throttle::ThrottleConfig,
    store::admin::{AccountState, AdminDone, AdminJob},
};
use correio_testing::{
    admin_jobs::{SharedStore, disable, hour_after, recover, set_code},
    request::{credential, hello, id, login, register, resume},
    world::{PipeClient, World, limits_of, session_config, with_tickets},
};

use crate::daemon::{self, Daemon};

const MINUTE: Duration = Duration::from_secs(60);

/// A server that gives tickets, and the store in which the operator works. Tony has an account.
fn world() -> (World, SharedStore) {
    let store = SharedStore::default();
    let config = with_tickets(1, TicketTimes::default());
    let mut world = World::with_store(config, 100, Box::new(store.clone()));
    world.register("tony", "Tony Stark");
    (world, store)
}

/// Logs in with a ticket, over a connection that stays.
fn resumed(
    world: &mut World,
    username: &str,
    ticket: &ResumeTicket,
) -> Result<PipeClient, ErrorCode> {
    let mut client = world.connect_and_greet();
    match client.ask(world, resume(username, ticket)) {
        Reply::LoggedIn(_) => Ok(client),
        Reply::Error(error) => Err(error.code),
        reply => panic!("{reply:?}"),
    }
}

/// Whether a ticket logs Tony in. Otherwise it is refused as any wrong one is.
fn is_valid(world: &mut World, ticket: &ResumeTicket) -> bool {
    match resumed(world, "tony", ticket) {
        Ok(mut client) => {
            client.hang_up(world);
            true
        }
        Err(code) => {
            assert_eq!(code, ErrorCode::BadCredentials);
            false
        }
    }
}

/// Asks a session for a ticket.
fn ticket_of(world: &mut World, client: &mut PipeClient) -> GivenTicket {
    match client.ask(world, Request::Ticket {}) {
        Reply::Ticket(given) => given,
        reply => panic!("{reply:?}"),
    }
}

#[test]
fn a_ticket_logs_in_as_the_password_does_and_costs_no_hash() {
    let (mut world, _store) = world();
    let mut first = world.connect_and_greet();
    let by_password = first.ask(&mut world, login("tony", 1));
    let given = ticket_of(&mut world, &mut first);
    assert_eq!(given.expires_in, 3600);
    world.hashing.borrow_mut().is_held = true;
    for _ in 0..2 {
        let mut client = world.connect_and_greet();
        assert_eq!(client.ask(&mut world, resume("TONY", &given.ticket)), by_password);
        assert!(client.fetch(&mut world).mails.is_empty());
    }
    assert!(world.hashing.borrow().jobs.is_empty());
}

#[test]
fn a_server_without_tickets_names_no_capability_and_takes_none() {
    let ticket = world().0.log_in_for_ticket("tony").1;
    for (config, is_offered) in
        [(session_config(), false), (with_tickets(1, TicketTimes::default()), true)]
    {
        let mut world = World::with(config, 10);
        let mut client = world.connect();
        let Reply::Hello(welcome) = client.ask(&mut world, hello()) else { panic!("no greeting") };
        assert_eq!(welcome.capabilities.contains(capability::RESUME), is_offered);
        assert!(welcome.capabilities.contains(capability::FIND), "the others stay");
        world.register("tony", "Tony Stark");
        let expected = if is_offered { ErrorCode::BadCredentials } else { ErrorCode::NotAllowed };
        // Another store has other accounts, and another realm.
        let other = match is_offered {
            true => resume("pepper", &ticket),
            false => resume("tony", &ticket),
        };
        assert_eq!(client.ask_refused(&mut world, other), expected);
        if !is_offered {
            let mut tony = world.log_in("tony");
            let refused = tony.ask_refused(&mut world, Request::Ticket {});
            assert_eq!(refused, ErrorCode::NotAllowed);
        }
    }
}

#[test]
fn a_new_password_makes_tickets_void_but_those_that_its_own_session_is_given_then() {
    let (mut world, _store) = world();
    let (mut tony, before) = world.log_in_for_ticket("tony");
    assert!(is_valid(&mut world, &before));
    let change = Request::Account(Account::Password { current: credential(1), new: credential(2) });
    assert_eq!(
        tony.ask(&mut world, change),
        Reply::AccountChanged { app_passwords_revoked: Some(0) }
    );
    assert!(!is_valid(&mut world, &before));
    let after = ticket_of(&mut world, &mut tony).ticket;
    assert!(is_valid(&mut world, &after));
}

#[test]
fn a_new_password_leaves_a_code_that_was_given_out_in_the_tickets_epoch() {
    let (mut world, store) = world();
    let given = store.run_admin_job(set_code("tony", 5, hour_after(world.now.wall)));
    assert!(matches!(given, AdminDone::CodeSet { .. }), "{given:?}");
    let mut tony = world.log_in("tony");
    let change = Request::Account(Account::Password { current: credential(1), new: credential(2) });
    assert_eq!(
        tony.ask(&mut world, change),
        Reply::AccountChanged { app_passwords_revoked: Some(0) }
    );
    let after = ticket_of(&mut world, &mut tony).ticket;
    assert!(is_valid(&mut world, &after));
}

#[test]
fn a_reset_and_a_recovery_make_tickets_void() {
    let (mut world, store) = world();
    let (mut open, before) = world.log_in_for_ticket("tony");
    let given = store.run_admin_job(set_code("tony", 5, hour_after(world.now.wall)));
    assert!(matches!(given, AdminDone::CodeSet { .. }), "{given:?}");
    assert!(!is_valid(&mut world, &before));
    let stale = ticket_of(&mut world, &mut open).ticket;
    assert!(!is_valid(&mut world, &stale), "the session began before the reset");
    let (_, between) = world.log_in_for_ticket("tony");
    assert!(is_valid(&mut world, &between));
    let mut client = world.connect_and_greet();
    assert_eq!(
        client.ask(&mut world, recover("tony", 5, 2)),
        Reply::Recovered { app_passwords_revoked: Some(0) }
    );
    for ticket in [before, stale, between] {
        assert!(!is_valid(&mut world, &ticket));
    }
}

#[test]
fn a_disabled_account_takes_no_ticket_and_an_enabled_one_takes_its_own_again() {
    let (mut world, store) = world();
    let (_, ticket) = world.log_in_for_ticket("tony");
    let disabled = store.run_admin_job(disable("tony"));
    assert!(matches!(disabled, AdminDone::Changed(Some(_))), "{disabled:?}");
    assert_eq!(resumed(&mut world, "tony", &ticket).err(), Some(ErrorCode::Disabled));
    // As the password is.
    let username = "tony".parse().unwrap();
    let enabled =
        store.run_admin_job(AdminJob::SetState { username, state: AccountState::Enabled });
    assert!(matches!(enabled, AdminDone::Changed(Some(_))), "{enabled:?}");
    assert!(is_valid(&mut world, &ticket));
}

#[test]
fn a_deleted_account_s_ticket_opens_no_account_that_gets_its_name() {
    let (mut world, store) = world();
    let (_, ticket) = world.log_in_for_ticket("tony");
    let gone = store.run_admin_job(AdminJob::Delete { username: "tony".parse().unwrap() });
    assert!(matches!(gone, AdminDone::Changed(Some(_))), "{gone:?}");
    assert!(!is_valid(&mut world, &ticket));
    // Even with the same password, whose hash is the same in this test.
    let mut client = world.connect_and_greet();
    let again = match register("tony", "Tony Stark", 1) {
        Request::Register(register) => {
            Request::Register(correio_proto::message::Register { id: id(99), ..register })
        }
        other => panic!("{other:?}"),
    };
    assert_eq!(client.ask(&mut world, again), Reply::Registered {});
    assert!(!is_valid(&mut world, &ticket));
}

#[test]
fn another_account_s_ticket_is_refused() {
    let (mut world, _store) = world();
    world.register("pepper", "Pepper Potts");
    let (_, ticket) = world.log_in_for_ticket("tony");
    let refused = resumed(&mut world, "pepper", &ticket).err();
    assert_eq!(refused, Some(ErrorCode::BadCredentials));
    assert!(is_valid(&mut world, &ticket));
}

#[test]
fn a_ticket_expires_after_an_hour_and_a_resumed_session_is_given_another() {
    let (mut world, _store) = world();
    let (_, first) = world.log_in_for_ticket("tony");
    world.pass(59 * MINUTE);
    let mut again = resumed(&mut world, "tony", &first).unwrap();
    let second = ticket_of(&mut world, &mut again);
    assert_eq!(second.expires_in, 3600);
    world.pass(MINUTE);
    assert!(!is_valid(&mut world, &first));
    assert!(is_valid(&mut world, &second.ticket));
}

#[test]
fn a_day_after_the_password_no_further_ticket_is_given() {
    let (mut world, _store) = world();
    let (_, mut ticket) = world.log_in_for_ticket("tony");
    for _ in 0..47 {
        world.pass(30 * MINUTE);
        let mut client = resumed(&mut world, "tony", &ticket).unwrap();
        ticket = ticket_of(&mut world, &mut client).ticket;
        client.hang_up(&mut world);
    }
    world.pass(29 * MINUTE);
    let mut client = resumed(&mut world, "tony", &ticket).unwrap();
    let last = ticket_of(&mut world, &mut client);
    assert_eq!(last.expires_in, 60);
    world.pass(MINUTE);
    let refused = client.ask_refused(&mut world, Request::Ticket {});
    assert_eq!(refused, ErrorCode::NotAllowed);
    assert!(!is_valid(&mut world, &last.ticket) && !is_valid(&mut world, &ticket));
    // The password begins another day.
    let (_, next) = world.log_in_for_ticket("tony");
    assert!(is_valid(&mut world, &next));
}

#[test]
fn a_refusal_of_a_ticket_tells_neither_by_its_bytes_nor_by_its_work_whether_an_account_exists() {
    let (mut world, store) = world();
    world.register("pepper", "Pepper Potts");
    let (_, expired) = world.log_in_for_ticket("tony");
    world.pass(60 * MINUTE);
    let (_, void) = world.log_in_for_ticket("tony");
    let given = store.run_admin_job(set_code("tony", 5, hour_after(world.now.wall)));
    assert!(matches!(given, AdminDone::CodeSet { .. }), "{given:?}");
    let (_, right) = world.log_in_for_ticket("tony");
    let other_key = {
        let mut other = World::with(with_tickets(2, TicketTimes::default()), 10);
        other.register("tony", "Tony Stark");
        other.log_in_for_ticket("tony").1
    };
    let mut forged = right.as_bytes().to_vec();
    *forged.last_mut().unwrap() ^= 1;
    let forged = forged.as_slice().try_into().unwrap();
    let garbage = b"?"[..].try_into().unwrap();
    world.hashing.borrow_mut().is_held = true;
    let mut answers = Vec::new();
    for (username, ticket) in [
        ("nobody", &right),
        ("pepper", &right),
        ("tony", &void),
        ("tony", &expired),
        ("tony", &forged),
        ("tony", &garbage),
        ("tony", &other_key),
        ("nobody", &other_key),
    ] {
        let mut client = world.connect_and_greet();
        client.begin(&mut world, resume(username, ticket));
        world.settle();
        answers.push(client.take_bytes());
        assert!(world.hashing.borrow().jobs.is_empty(), "{username}");
    }
    assert!(!answers[0].is_empty());
    assert!(answers.iter().all(|answer| *answer == answers[0]), "{answers:?}");
    world.hashing.borrow_mut().is_held = false;
    assert!(is_valid(&mut world, &right));
}

/// As [`world`], with three free failures.
fn throttled() -> World {
    let throttle =
        ThrottleConfig { registrations_per_hour: 0, mails_per_hour: 0, failed_logins: 3 };
    let limits = ServerLimits { throttle, ..limits_of(100) };
    let config = with_tickets(1, TicketTimes::default());
    let mut world = World::limited(limits, config, Box::new(SharedStore::default()));
    world.register("tony", "Tony Stark");
    world.register("pepper", "Pepper Potts");
    world
}

#[test]
fn tickets_are_guessed_no_faster_than_passwords() {
    let mut world = throttled();
    let (_, ticket) = world.log_in_for_ticket("pepper");
    let mut guesser = world.connect_and_greet();
    let guess = resume("tony", &ticket);
    for _ in 0..3 {
        let refused = guesser.ask_refused(&mut world, guess.clone());
        assert_eq!(refused, ErrorCode::BadCredentials);
    }
    let limited = |world: &mut World, guesser: &mut PipeClient, request: Request| {
        assert_eq!(guesser.ask_refused(world, request), ErrorCode::RateLimited);
    };
    // The last free one, as for passwords, after which both wait.
    guesser.ask_refused(&mut world, guess.clone());
    limited(&mut world, &mut guesser, guess);
    limited(&mut world, &mut guesser, login("tony", 1));
}

#[test]
fn right_tickets_and_those_that_no_account_can_have_count_as_no_guess() {
    let mut world = throttled();
    let (_, right) = world.log_in_for_ticket("tony");
    let garbage = b"?"[..].try_into().unwrap();
    let other_key = {
        let mut other = World::with(with_tickets(2, TicketTimes::default()), 10);
        other.register("tony", "Tony Stark");
        other.log_in_for_ticket("tony").1
    };
    for _ in 0..10 {
        assert!(is_valid(&mut world, &right));
        assert!(!is_valid(&mut world, &garbage) && !is_valid(&mut world, &other_key));
    }
    assert!(matches!(
        world.connect_and_greet().ask(&mut world, login("tony", 1)),
        Reply::LoggedIn(_)
    ));
}

#[test]
fn a_server_over_tls_keeps_its_private_key_of_tickets_and_one_without_tls_has_none() {
    let directory = tempfile::tempdir().unwrap();
    let (data, log) = (directory.path().join("data"), directory.path().join("log"));
    let start = || {
        let mut command = daemon::command_over_tls(&data);
        command.args(["--listen", "127.0.0.1:0", "--log-file"]).arg(&log);
        Daemon::spawn(command)
    };
    let daemon = start();
    let mut tony = daemon::client_over_tls(daemon.address, &data);
    assert_eq!(tony.ask(register("tony", "Tony Stark", 1)), Reply::Registered {});
    assert!(matches!(tony.ask(login("tony", 1)), Reply::LoggedIn(_)));
    let Reply::Ticket(given) = tony.ask(Request::Ticket {}) else { panic!("no ticket") };
    assert!(daemon.stop().success());
    let key = data.join("ticket.key");
    assert_eq!(fs::metadata(&key).unwrap().permissions().mode() & 0o777, 0o600);

    let daemon = start();
    let mut again = daemon::client_over_tls(daemon.address, &data);
    assert!(matches!(again.ask(resume("tony", &given.ticket)), Reply::LoggedIn(_)));
    assert!(daemon.stop().success());
    let text = fs::read_to_string(&log).unwrap();
    let by = |by: &str| {
        let is_login = |line: &&str| line.contains("login.succeeded username=tony ");
        text.lines().filter(is_login).filter(|line| line.contains(by)).count()
    };
    assert_eq!((by("by=password"), by("by=ticket")), (1, 1), "{text}");

    let plain = directory.path().join("plain");
    let daemon = Daemon::start(&plain, &[]);
    let mut tony = daemon.session("tony");
    assert_eq!(daemon::code(&tony.ask(Request::Ticket {})), ErrorCode::NotAllowed);
    assert!(!plain.join("ticket.key").exists());
}
