//! Tests of app passwords as their owner's client sees them, and of logins with them.

use std::{net::IpAddr, time::Duration};

use correio_proto::{
    app_password::{AppPassword, AppPasswordId, AppPasswordOverview, AppPasswordRequest},
    capability::APP_PASSWORDS,
    limits::APP_PASSWORDS_MAX,
    message::{Account, ErrorCode, Notice, Reply, Request},
};
use correio_server::{
    auth::{
        app_password::digest,
        hashing::{Bcrypt, HashDone, HashJob},
    },
    store::{
        HashChange, StoreDone, StoreJob,
        admin::{AccountState, AdminDone, AdminJob, DisabledMail},
        gateway::{GatewayDone, GatewayJob},
    },
};
use correio_testing::{
    admin_jobs::{SharedStore, hour_after, recover, set_code},
    request::{credential, hello, login},
    world::{PipeClient, World, session_config},
};

/// A server, its store, and Tony, who is logged in.
fn world() -> (World, SharedStore, PipeClient) {
    let store = SharedStore::default();
    let mut world = World::with_store(session_config(), 100, Box::new(store.clone()));
    world.register("tony", "Tony Stark");
    let tony = world.log_in("tony");
    (world, store, tony)
}

fn create(label: &str) -> Request {
    Request::AppPassword(AppPasswordRequest::Create { label: label.parse().unwrap() })
}

fn revoke(id: AppPasswordId) -> Request {
    Request::AppPassword(AppPasswordRequest::Revoke { id })
}

fn made(world: &mut World, client: &mut PipeClient, label: &str) -> (AppPasswordId, AppPassword) {
    match client.ask(world, create(label)) {
        Reply::AppPasswordCreated { id, password } => (id, password),
        other => panic!("an app password was expected, not {other:?}"),
    }
}

fn list(world: &mut World, client: &mut PipeClient) -> Vec<AppPasswordOverview> {
    match client.ask(world, Request::AppPassword(AppPasswordRequest::List {})) {
        Reply::AppPasswords { passwords } => passwords,
        other => panic!("app passwords were expected, not {other:?}"),
    }
}

/// Logs in as a mail program does that was told this text.
fn log_in(store: &SharedStore, world: &World, username: &str, text: &str) -> GatewayDone {
    let Ok(password) = text.parse::<AppPassword>() else {
        return GatewayDone::WrongPassword;
    };
    let job = GatewayJob::LogIn {
        username: username.parse().unwrap(),
        password: digest(&password),
        from: IpAddr::from([192, 0, 2, 7]),
        now: world.now.wall,
    };
    match store.run(StoreJob::Gateway(job)) {
        StoreDone::Gateway(done) => done,
        other => panic!("a login was expected, not {other:?}"),
    }
}

fn opens(store: &SharedStore, world: &World, text: &str) -> bool {
    matches!(log_in(store, world, "tony", text), GatewayDone::LoggedIn(_))
}

#[test]
fn an_app_password_is_given_out_once_and_logs_a_mail_program_in() {
    let (mut world, store, mut tony) = world();
    let Reply::Hello(welcome) = world.connect().ask(&mut world, hello()) else {
        panic!("a greeting was expected");
    };
    assert!(welcome.capabilities.contains(APP_PASSWORDS));
    let (id, password) = made(&mut world, &mut tony, "phone");
    let (_, other) = made(&mut world, &mut tony, "laptop");
    assert_ne!(password, other);
    let shown = list(&mut world, &mut tony);
    let labels: Vec<_> = shown.iter().map(|it| it.label.as_str()).collect();
    assert_eq!((labels, shown[0].id, shown[0].used), (vec!["phone", "laptop"], id, None));
    let text = password.to_string();
    assert!(opens(&store, &world, &text));
    // As a person types it who sees no difference between O and 0.
    assert!(opens(&store, &world, &text.to_lowercase().replace('-', " ").replace('0', "o")));
    assert_eq!(log_in(&store, &world, "nobody", &text), GatewayDone::WrongPassword);
    let used = list(&mut world, &mut tony)[0].used.expect("it was used");
    assert_eq!(used.from, IpAddr::from([192, 0, 2, 7]));
}

#[test]
fn a_wrong_app_password_and_the_account_s_own_log_no_mail_program_in() {
    let (mut world, store, mut tony) = world();
    let (_, password) = made(&mut world, &mut tony, "phone");
    let mut bytes = *password.as_bytes();
    bytes[16] ^= 0x40;
    assert!(!opens(&store, &world, &AppPassword::from(bytes).to_string()));
    assert!(!opens(&store, &world, "jarvis-is-here"));
    assert!(!opens(&store, &world, &format!("{password}0")));
    assert!(opens(&store, &world, &password.to_string()));
}

#[test]
fn what_is_revoked_logs_in_no_more_and_its_owner_stays_logged_in() {
    let (mut world, store, mut tony) = world();
    let mut again = world.log_in("tony");
    let (id, phone) = made(&mut world, &mut tony, "phone");
    let (_, laptop) = made(&mut world, &mut tony, "laptop");
    for _ in 0..2 {
        assert_eq!(tony.ask(&mut world, revoke(id)), Reply::AppPasswordRevoked {});
        assert!(!opens(&store, &world, &phone.to_string()));
    }
    assert!(opens(&store, &world, &laptop.to_string()));
    for client in [&mut tony, &mut again] {
        assert_eq!(list(&mut world, client).len(), 1);
        assert_eq!(client.notices, []);
    }
    // Pepper revokes nothing of Tony's.
    world.register("pepper", "Pepper Potts");
    let mut pepper = world.log_in("pepper");
    let id = list(&mut world, &mut tony)[0].id;
    assert_eq!(pepper.ask(&mut world, revoke(id)), Reply::AppPasswordRevoked {});
    assert!(opens(&store, &world, &laptop.to_string()));
}

#[test]
fn a_label_is_taken_once_and_there_are_at_most_twenty() {
    let (mut world, _store, mut tony) = world();
    for number in 0..APP_PASSWORDS_MAX {
        made(&mut world, &mut tony, &format!("phone {number}"));
    }
    assert_eq!(tony.ask_refused(&mut world, create("phone 7")), ErrorCode::LabelTaken);
    assert_eq!(tony.ask_refused(&mut world, create("one more")), ErrorCode::AppPasswordsFull);
    assert_eq!(list(&mut world, &mut tony).len(), APP_PASSWORDS_MAX);
}

#[test]
fn a_new_password_ends_all_app_passwords() {
    let (mut world, store, mut tony) = world();
    let (_, password) = made(&mut world, &mut tony, "phone");
    let wrong = Account::Password { current: credential(9), new: credential(2) };
    let refused = tony.ask_refused(&mut world, Request::Account(wrong));
    assert_eq!(refused, ErrorCode::BadCredentials);
    assert!(opens(&store, &world, &password.to_string()));
    let change = Account::Password { current: credential(1), new: credential(2) };
    assert_eq!(
        tony.ask(&mut world, Request::Account(change)),
        Reply::AccountChanged { app_passwords_revoked: Some(1) }
    );
    assert!(!opens(&store, &world, &password.to_string()));
    assert_eq!(list(&mut world, &mut tony), []);
}

#[test]
fn a_reset_and_a_recovery_end_all_app_passwords() {
    let (mut world, store, mut tony) = world();
    let (_, first) = made(&mut world, &mut tony, "phone");
    let reset = store.run_admin_job(set_code("tony", 5, hour_after(world.now.wall)));
    assert!(matches!(reset, AdminDone::CodeSet { revoked: 1, .. }), "{reset:?}");
    assert!(!opens(&store, &world, &first.to_string()));
    let (_, second) = made(&mut world, &mut tony, "phone");
    let mut other = world.connect_and_greet();
    let recovered = Reply::Recovered { app_passwords_revoked: Some(1) };
    assert_eq!(other.ask(&mut world, recover("tony", 5, 2)), recovered);
    assert!(!opens(&store, &world, &second.to_string()));
    world.settle();
    tony.receive();
    assert_eq!(tony.notices, [Notice::SessionEnded {}]);
}

#[test]
fn a_login_that_hashes_the_password_again_keeps_app_passwords() {
    let (mut world, store, mut tony) = world();
    let (_, password) = made(&mut world, &mut tony, "phone");
    let find = StoreJob::FindAccount { username: "tony".parse().unwrap() };
    let hash = || match store.run(find.clone()) {
        StoreDone::Account(Some(account)) => (account.id, account.hash),
        other => panic!("an account was expected, not {other:?}"),
    };
    let job = HashJob::Make { credential: credential(1) };
    let HashDone::Made(costly) = (Bcrypt { cost: 5 }).run(&job) else { panic!("a hash") };
    let (account, old) = hash();
    let (old, new, change) = (old.unwrap(), costly.clone(), HashChange::NewCost);
    let set = store.run(StoreJob::SetHash { account, old, new, change });
    assert_eq!(set, StoreDone::Changed);
    // The hasher compares no real hashes: the test says that the password is right.
    world.hashing.borrow_mut().is_held = true;
    let mut client = world.connect_and_greet();
    client.begin(&mut world, login("tony", 1));
    world.settle();
    let (ticket, _) = world.hashing.borrow_mut().jobs.pop_front().unwrap();
    world.hashing.borrow_mut().done.push((ticket, HashDone::Verified(true)));
    world.hashing.borrow_mut().is_held = false;
    world.settle();
    client.receive();
    let (_, reply) = client.replies.pop_front().unwrap();
    assert!(matches!(reply, Reply::LoggedIn(_)), "{reply:?}");
    assert_ne!(hash().1, Some(costly));
    assert!(opens(&store, &world, &password.to_string()));
}

#[test]
fn a_disabled_account_is_told_apart_and_a_deleted_one_is_not() {
    let (mut world, store, mut tony) = world();
    let (_, password) = made(&mut world, &mut tony, "phone");
    let text = password.to_string();
    let state = AccountState::Disabled(DisabledMail::Kept);
    let disable = AdminJob::SetState { username: "tony".parse().unwrap(), state };
    let disabled = store.run_admin_job(disable);
    assert!(matches!(disabled, AdminDone::Changed(Some(_))), "{disabled:?}");
    let GatewayDone::LoggedIn(account) = log_in(&store, &world, "tony", &text) else {
        panic!("the account is found");
    };
    assert_eq!(account.state, state);
    let delete = Request::Account(Account::Delete { credential: credential(1) });
    assert_eq!(tony.ask(&mut world, delete), Reply::AccountChanged { app_passwords_revoked: None });
    assert_eq!(log_in(&store, &world, "tony", &text), GatewayDone::WrongPassword);
}

#[test]
fn requests_about_app_passwords_count_as_those_about_lists() {
    let (mut world, _store, mut tony) = world();
    for _ in 0..240 {
        list(&mut world, &mut tony);
    }
    assert_eq!(tony.ask_refused(&mut world, create("phone")), ErrorCode::RateLimited);
    world.pass(Duration::from_secs(3));
    made(&mut world, &mut tony, "phone");
}
