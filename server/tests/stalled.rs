//! Tests of clients that stop in the middle of a request or a mail, when the memory for incomplete
//! ones is used up. In memory, with a clock of the test's own.

use std::time::Duration;

use correio_proto::{
    message::{ErrorCode, Reply, Request},
    tls::Security,
};
use correio_server::{
    engine::ServerLimits,
    gateway::GatewayConfig,
    store::memory::{MemoryLimits, MemoryStore},
};
use correio_testing::{
    program::Program,
    world::{PipeClient, QUOTA, REALM, World, limits_of, session_config},
};

use crate::gateways::{app_password, in_data};

const SECOND: Duration = Duration::from_secs(1);

/// Bytes that each client sends of its request or mail.
const SENT: usize = 80 << 10;

/// A server with room for three clients that have sent [`SENT`].
fn world() -> World {
    let limits = ServerLimits { input_max: 200 << 10, ..limits_of(100) };
    let store = MemoryStore::new(REALM, QUOTA, MemoryLimits::default());
    let mut world = World::limited(limits, session_config(), Box::new(store));
    let domain = "mail.example.org".parse().unwrap();
    let config = GatewayConfig { domain, security: Security::Plaintext };
    world.server = world.server.with_gateways(Some(config));
    world
}

/// A client that sends the beginning of a request of 128 KiB.
fn begins_frame(world: &mut World) -> PipeClient {
    let mut client = world.log_in("tony");
    let mut start = (128_u32 << 10).to_be_bytes().to_vec();
    start.resize(SENT, 0);
    client.write(world, &start);
    world.settle();
    client.receive();
    client
}

/// A program that sends the beginning of a mail.
fn begins_mail(world: &mut World, password: &str) -> Program {
    let mut program = in_data(world, password);
    let start = "From: tony@mail.example.org\r\n\r\n".to_owned() + &"line\r\n".repeat(SENT / 6);
    program.channel.output().extend_from_slice(start.as_bytes());
    program.run(world);
    program
}

/// Takes the answer of a client that had to give way.
fn gave_way(client: &mut PipeClient) {
    client.receive();
    let Some((0, Reply::Error(error))) = client.replies.pop_front() else {
        panic!("no error was sent");
    };
    assert_eq!((error.code, error.retry_after), (ErrorCode::Busy, Some(10)));
    assert!(client.is_closed());
}

#[test]
fn a_request_that_stalls_gives_way_to_one_that_goes_on_and_none_does_before_ten_seconds() {
    let mut world = world();
    world.register("tony", "Tony Stark");
    let mut stalled = begins_frame(&mut world);
    let mut slow = begins_frame(&mut world);
    let mut other = begins_frame(&mut world);
    world.pass(SECOND * 9);
    gave_way(&mut begins_frame(&mut world));
    slow.write(&mut world, &[0; 1024]);
    world.settle();
    world.pass(SECOND);
    let mut late = begins_frame(&mut world);
    gave_way(&mut stalled);
    let mut last = begins_frame(&mut world);
    gave_way(&mut other);
    for client in [&mut slow, &mut late, &mut last] {
        client.receive();
        assert!(!client.is_closed());
    }
    // Now no program stalls.
    gave_way(&mut begins_frame(&mut world));
}

#[test]
fn mails_that_stop_within_their_data_keep_no_other_mail_out() {
    let mut world = world();
    let (mut tony, _pepper) = world.tony_and_pepper();
    let password = app_password(&mut world, &mut tony);
    let mut stalled = Vec::new();
    let refused = loop {
        let mut program = begins_mail(&mut world, &password);
        match program.said() {
            said if said.is_empty() => stalled.push(program),
            said => break said,
        }
    };
    assert!(refused.starts_with("421 4.3.1") && !stalled.is_empty(), "{refused:?}");
    world.pass(SECOND * 10);
    let said = begins_mail(&mut world, &password).say(&mut world, ".\r\n");
    assert!(said.starts_with("250 "), "{said:?}");
    stalled.iter_mut().for_each(|program| program.run(&mut world));
    let (mut gone, left): (Vec<_>, Vec<_>) = stalled.into_iter().partition(Program::is_closed);
    assert_eq!(gone.len(), 1, "no more mails give way than there must");
    assert!(gone.iter_mut().all(|program| program.said().starts_with("421 4.3.1")));
    assert!(left.iter().all(|program| world.server.transport_mut(program.id).is_some()));
    // A request needs the same room.
    let begun = begins_frame(&mut world);
    assert!(!begun.is_closed());
    assert_eq!(tony.ask(&mut world, Request::Ping {}), Reply::Pong {});
}
