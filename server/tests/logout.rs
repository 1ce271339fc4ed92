//! Tests of the server's counts after a connection is no longer logged in, in memory.

use correio_proto::message::{Account, Reply, Request};
use correio_server::{
    engine::ServerLimits,
    limits::admission::AdmissionConfig,
    store::memory::{MemoryLimits, MemoryStore},
};
use correio_testing::{
    request::credential,
    world::{QUOTA, REALM, World, limits_of, session_config},
};

/// A server that admits one anonymous connection.
fn with_one_anonymous() -> World {
    let admission = AdmissionConfig { connections_max: 10, per_prefix_max: 10, anonymous_max: 1 };
    let store = MemoryStore::new(REALM, QUOTA, MemoryLimits::default());
    let limits = ServerLimits { admission, ..limits_of(0) };
    World::limited(limits, session_config(), Box::new(store))
}

/// Checks that a new connection displaces a connection that was logged in until this request.
fn gives_way_after(request: Request, expected: &Reply) {
    let mut world = with_one_anonymous();
    world.register("tony", "Tony Stark");
    let mut tony = world.log_in("tony");
    let mut newcomer = world.connect_and_greet();
    assert_eq!(world.server.len(), 2);
    newcomer.hang_up(&mut world);

    assert_eq!(tony.ask(&mut world, request), *expected);
    assert_eq!(tony.ask(&mut world, Request::Ping {}), Reply::Pong {});
    let mut newcomer = world.connect_and_greet();
    assert_eq!(newcomer.ask(&mut world, Request::Ping {}), Reply::Pong {});
    // The newcomer's connection is the only one.
    assert_eq!(world.server.len(), 1);
}

#[test]
fn a_connection_counts_as_anonymous_after_the_logout() {
    gives_way_after(Request::Logout {}, &Reply::LoggedOut {});
}

#[test]
fn a_connection_counts_as_anonymous_after_its_account_is_deleted() {
    let delete = Account::Delete { credential: credential(1) };
    gives_way_after(
        Request::Account(delete),
        &Reply::AccountChanged { app_passwords_revoked: None },
    );
}

#[test]
fn a_connection_is_no_session_of_the_account_after_the_logout() {
    let mut world = World::with(session_config(), 200);
    world.register("tony", "Tony Stark");
    let mut former = world.log_in("tony");
    assert_eq!(former.ask(&mut world, Request::Logout {}), Reply::LoggedOut {});
    // An account has a hundred sessions, and the oldest gives way.
    let mut sessions: Vec<_> = (0..100).map(|_| world.log_in("tony")).collect();
    for client in sessions.iter_mut().chain([&mut former]) {
        assert_eq!(client.ask(&mut world, Request::Ping {}), Reply::Pong {});
    }
}
