//! Tests of the directory: who may look people up, how often, and what it shows.

use std::time::Duration;

use correio_proto::{
    capability::FIND,
    limits::FOUND_MAX,
    message::{ErrorCode, Found, Reply, Request},
};
use correio_server::session::{DirectoryPolicy, SessionConfig};
use correio_simulation::store::{SimStore, StoreFaults};
use correio_testing::{
    request::{find, hello},
    world::{PipeClient, QUOTA, REALM, World, session_config},
};

/// Finds that an account may make at once, and the seconds until it may make one more.
const AT_ONCE: usize = 60;
const WAIT: u32 = 6;

fn without_directory() -> World {
    World::with(SessionConfig { directory: DirectoryPolicy::Off, ..session_config() }, 100)
}

fn look_up(world: &mut World, client: &mut PipeClient, text: &str) -> Found {
    match client.ask(world, find(text)) {
        Reply::Found(found) => found,
        other => panic!("people were expected, not {other:?}"),
    }
}

fn offers_find(world: &mut World) -> bool {
    let mut client = world.connect();
    match client.ask(world, hello()) {
        Reply::Hello(welcome) => welcome.capabilities.contains(FIND),
        other => panic!("a welcome was expected, not {other:?}"),
    }
}

#[test]
fn members_find_each_other_by_a_part_of_a_name() {
    let mut world = World::new();
    assert!(offers_find(&mut world));
    let (mut tony, _pepper) = world.tony_and_pepper();
    let found = look_up(&mut world, &mut tony, "POTTS");
    let names: Vec<_> = found
        .people
        .iter()
        .map(|person| (person.username.as_str(), person.full_name.as_str()))
        .collect();
    assert_eq!((names, found.more), (vec![("pepper", "Pepper Potts")], false));
    assert_eq!(look_up(&mut world, &mut tony, "banner").people, []);
}

#[test]
fn one_answer_shows_twenty_people_and_says_that_there_are_more() {
    let mut world = World::new();
    for number in 0..=FOUND_MAX {
        world.register(&format!("u{number:02}"), "Tony Stark");
    }
    let mut client = world.log_in("u00");
    for text in ["stark", "u", "to"] {
        let found = look_up(&mut world, &mut client, text);
        assert_eq!((found.people.len(), found.more), (FOUND_MAX, true), "{text}");
    }
}

#[test]
fn nobody_finds_anybody_before_login_or_after_logout() {
    let mut world = World::new();
    let (mut tony, _pepper) = world.tony_and_pepper();
    let mut stranger = world.connect_and_greet();
    let refused = ErrorCode::NotAuthenticated;
    assert_eq!(stranger.ask_refused(&mut world, find("tony")), refused);
    tony.ask(&mut world, Request::Logout {});
    assert_eq!(tony.ask_refused(&mut world, find("tony")), refused);
}

#[test]
fn a_server_without_a_directory_does_not_offer_it_and_refuses() {
    let mut world = without_directory();
    assert!(!offers_find(&mut world));
    let (mut tony, _pepper) = world.tony_and_pepper();
    for _ in 0..2 * AT_ONCE {
        // A refusal is not charged.
        assert_eq!(tony.ask_refused(&mut world, find("pepper")), ErrorCode::NotAllowed);
    }
}

#[test]
fn an_account_finds_sixty_times_at_once_and_six_hundred_times_in_an_hour() {
    let mut world = World::new();
    let (mut tony, mut pepper) = world.tony_and_pepper();
    let mut again = world.log_in("tony");
    for number in 0..AT_ONCE {
        let client = if number % 2 == 0 { &mut tony } else { &mut again };
        look_up(&mut world, client, "pepper");
    }
    for client in [&mut tony, &mut again] {
        let Reply::Error(error) = client.ask(&mut world, find("pepper")) else {
            panic!("a refusal was expected");
        };
        assert_eq!((error.code, error.retry_after), (ErrorCode::RateLimited, Some(WAIT)));
    }
    look_up(&mut world, &mut pepper, "tony");
    world.pass(Duration::from_secs(u64::from(WAIT)));
    look_up(&mut world, &mut tony, "pepper");
    assert_eq!(again.ask_refused(&mut world, find("pepper")), ErrorCode::RateLimited);
}

#[test]
fn a_find_that_is_not_answered_is_not_charged() {
    let store = SimStore::immediate(REALM, QUOTA);
    let mut world = World::with_store(session_config(), 100, Box::new(store.clone()));
    let (mut tony, _pepper) = world.tony_and_pepper();
    let faults = store.faults();
    store.set_faults(StoreFaults { unavailable: true, ..faults });
    for _ in 0..2 * AT_ONCE {
        assert_eq!(tony.ask_refused(&mut world, find("pepper")), ErrorCode::Unavailable);
    }
    store.set_faults(faults);
    for _ in 0..AT_ONCE {
        look_up(&mut world, &mut tony, "pepper");
    }
    assert_eq!(tony.ask_refused(&mut world, find("pepper")), ErrorCode::RateLimited);
}
