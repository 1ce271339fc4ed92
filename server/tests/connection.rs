//! Tests of connections: timeouts, clients that send too much or read too little, and bytes that
//! are not a request.

use std::time::Duration;

use correio_proto::{
    frame,
    message::{
        Account, ClientMessage, ErrorCode, Fetch, Notice, Reply, Request, Send, ServerMessage,
    },
};
use correio_testing::{
    request::{credential, hello, id, login, mail},
    world::{PipeClient, World, session_config},
};

const SECOND: Duration = Duration::from_secs(1);

fn framed(value: &[u8]) -> Vec<u8> {
    let mut bytes = (value.len() as u32).to_be_bytes().to_vec();
    bytes.extend_from_slice(value);
    bytes
}

fn error_code(reply: &Reply) -> ErrorCode {
    match reply {
        Reply::Error(error) => error.code,
        reply => panic!("an error was expected, not {reply:?}"),
    }
}

#[test]
fn lengths_that_no_frame_has_end_the_connection() {
    for (length, code) in
        [(0, ErrorCode::Protocol), (4097, ErrorCode::TooLarge), (u32::MAX, ErrorCode::TooLarge)]
    {
        let mut world = World::new();
        let mut client = world.connect_and_greet();
        client.write(&mut world, &length.to_be_bytes());
        world.settle();
        client.receive();
        assert_eq!(error_code(&client.replies[0].1), code, "{length}");
        assert!(client.is_closed(), "{length}");
    }
}

#[test]
fn three_protocol_errors_end_the_connection() {
    let mut world = World::new();
    let mut client = world.connect_and_greet();
    for count in 1..=3 {
        assert!(!client.is_closed(), "{count}");
        client.write(&mut world, &framed(&[0xc0]));
        world.settle();
    }
    client.receive();
    assert_eq!(client.replies.len(), 3);
    assert!(client.replies.iter().all(|(_, reply)| error_code(reply) == ErrorCode::Protocol));
    assert!(client.is_closed());
}

#[test]
fn a_refused_value_is_no_protocol_error() {
    let mut world = World::new();
    let mut client = world.connect_and_greet();
    for number in 1..=5_u8 {
        // {"number": n, "request": {"login": {"username": "../x"}}}
        let mut value = b"\x82\xa6number".to_vec();
        value.push(number);
        value.extend_from_slice(b"\xa7request\x81\xa5login\x81\xa8username\xa4../x");
        client.write(&mut world, &framed(&value));
        world.settle();
        client.receive();
        let (replied, reply) = client.replies.pop_front().unwrap();
        assert_eq!((replied, error_code(&reply)), (number.into(), ErrorCode::Invalid));
    }
    assert!(!client.is_closed());
}

#[test]
fn other_protocols_get_an_answer_they_can_show() {
    for (sent, expected) in [
        (&b"GET / HTTP/1.1\r\n\r\n"[..], &b"HTTP/1.1 400 "[..]),
        (b"\x16\x03\x01\x02\x00\x01", b"\x15\x03\x01\x00\x02\x02"),
        (b"EHLO example\r\n", b"This is a correio mail server"),
    ] {
        let mut world = World::new();
        let mut client = world.connect();
        client.write(&mut world, sent);
        world.settle();
        assert!(client.take_bytes().starts_with(expected));
        assert!(client.is_closed());
        world.pass(3 * SECOND);
        assert_eq!(world.server.len(), 0);
    }
}

#[test]
fn who_does_not_log_in_is_closed_at_the_deadline() {
    let mut world = World::new();
    world.connect();
    let mut slow = world.connect();
    let mut bytes = Vec::new();
    frame::encode(&ClientMessage { number: 1, request: hello() }, &mut bytes).unwrap();
    // A byte a second does not postpone the deadline.
    for byte in &bytes[..29] {
        slow.write(&mut world, &[*byte]);
        world.pass(SECOND);
        assert_eq!(world.server.len(), 2);
    }
    world.pass(2 * SECOND);
    assert_eq!(world.server.len(), 0);
}

#[test]
fn the_login_timeout_starts_again_at_the_logout() {
    let mut world = World::new();
    let (mut tony, _pepper) = world.tony_and_pepper();
    world.pass(60 * SECOND);
    assert_eq!(tony.ask(&mut world, Request::Logout {}), Reply::LoggedOut {});
    world.pass(25 * SECOND);
    assert_eq!(world.server.len(), 2);
    world.pass(10 * SECOND);
    assert_eq!(world.server.len(), 1, "the one that is logged in is there");
}

#[test]
fn who_is_silent_is_pinged_and_then_closed() {
    let mut world = World::new();
    let (mut tony, mut pepper) = world.tony_and_pepper();
    world.pass(160 * SECOND);
    for client in [&mut tony, &mut pepper] {
        client.receive();
        assert_eq!(client.notices, [Notice::Ping {}]);
    }
    assert_eq!(tony.ask(&mut world, Request::Ping {}), Reply::Pong {});
    world.pass(145 * SECOND);
    assert_eq!(world.server.len(), 1, "the one that answered is there");
}

#[test]
fn a_job_that_takes_long_is_no_silence() {
    let mut world = World::new();
    world.register("tony", "Tony Stark");
    let mut client = world.connect_and_greet();
    world.hashing.borrow_mut().is_held = true;
    client.begin(&mut world, login("tony", 1));
    world.pass(25 * SECOND);
    world.hashing.borrow_mut().is_held = false;
    world.settle();
    client.receive();
    assert!(matches!(client.replies[0].1, Reply::LoggedIn(_)));
}

#[test]
fn who_does_not_read_is_not_listened_to() {
    let mut world = World::new();
    let (mut tony, mut pepper) = world.tony_and_pepper();
    let body = "x".repeat(200_000);
    for number in 0..20 {
        let send = Send {
            id: id(number),
            to: "pepper".parse().unwrap(),
            subject: "x".parse().unwrap(),
            content: body.parse().unwrap(),
        };
        tony.ask(&mut world, Request::Send(send));
    }
    pepper.receive();
    pepper.set_window(&mut world, 0);
    for _ in 0..1000 {
        pepper.begin(&mut world, Request::Fetch(Fetch::default()));
    }
    world.settle();
    // One page is encoded; later requests stay unread in the pipe, or undecoded in one buffer.
    assert_eq!(pepper.unread(), 0);
    assert!(pepper.unwritten() > 10_000, "{}", pepper.unwritten());
    // Other clients are served, and this connection is closed at its deadline.
    assert!(matches!(tony.ask(&mut world, mail(99, "pepper", "x")), Reply::Sent { .. }));
    world.pass(299 * SECOND);
    tony.ask(&mut world, Request::Ping {});
    assert_eq!(world.server.len(), 2);
    world.pass(2 * SECOND);
    assert_eq!(world.server.len(), 1);
}

#[test]
fn what_was_not_read_comes_in_order_once_it_is() {
    let mut world = World::new();
    let (mut tony, _pepper) = world.tony_and_pepper();
    tony.set_window(&mut world, 10);
    for _ in 0..300 {
        tony.begin(&mut world, Request::Ping {});
    }
    let mut rounds = 0;
    while tony.replies.len() < 300 {
        world.settle();
        tony.receive();
        tony.set_window(&mut world, 10);
        rounds += 1;
        assert!(rounds < 10_000);
    }
    let numbers: Vec<_> = tony.replies.iter().map(|(number, _)| *number).collect();
    assert!(numbers.is_sorted());
}

#[test]
fn a_flood_of_requests_leaves_time_for_the_others() {
    let mut world = World::new();
    let (mut tony, mut pepper) = world.tony_and_pepper();
    for _ in 0..5000 {
        tony.begin(&mut world, Request::Ping {});
    }
    pepper.begin(&mut world, Request::Ping {});
    world.server.process(world.now).unwrap();
    world.server.process(world.now).unwrap();
    pepper.receive();
    assert_eq!(pepper.replies.len(), 1);
    tony.receive();
    assert!(tony.replies.len() < 1000, "{}", tony.replies.len());
}

#[test]
fn one_too_many_is_told_to_come_back() {
    let mut world = World::with(session_config(), 2);
    let _first = world.connect_and_greet();
    let mut second = world.connect_and_greet();
    let mut third = world.connect();
    world.settle();
    third.receive();
    let (number, reply) = third.replies.pop_front().unwrap();
    let Reply::Error(error) = reply else { panic!("an error was expected") };
    assert_eq!((number, error.code, error.retry_after), (0, ErrorCode::Busy, Some(30)));
    assert!(third.is_closed());
    assert_eq!(second.ask(&mut world, Request::Ping {}), Reply::Pong {});
    second.hang_up(&mut world);
    third.hang_up(&mut world);
    world.connect_and_greet();
}

#[test]
fn a_reset_in_the_middle_of_a_write_ends_that_connection_only() {
    let mut world = World::new();
    let (mut tony, mut pepper) = world.tony_and_pepper();
    tony.ask(&mut world, mail(1, "pepper", "x"));
    pepper.begin(&mut world, Request::Fetch(Fetch::default()));
    pepper.hang_up(&mut world);
    assert_eq!(world.server.len(), 1);
    assert_eq!(tony.ask(&mut world, Request::Ping {}), Reply::Pong {});
    let mut again = world.log_in("pepper");
    assert_eq!(again.fetch(&mut world).mails.len(), 1, "nothing was confirmed, nothing is gone");
}

#[test]
fn a_frame_may_be_larger_after_login_only() {
    let mut world = World::new();
    let (mut tony, mut pepper) = world.tony_and_pepper();
    let send = |number, bytes: usize| {
        Request::Send(Send {
            id: id(number),
            to: "pepper".parse().unwrap(),
            subject: "x".parse().unwrap(),
            content: "ã".repeat(bytes / 2).parse().unwrap(),
        })
    };
    let max = session_config().body_max;
    assert!(matches!(tony.ask(&mut world, send(1, max)), Reply::Sent { .. }));
    assert_eq!(tony.ask_refused(&mut world, send(2, max + 2)), ErrorCode::TooLarge);
    assert!(!tony.is_closed());
    tony.ask(&mut world, Request::Logout {});
    assert_eq!(tony.ask_refused_unnumbered(&mut world, send(3, 5000)), ErrorCode::TooLarge);
    assert!(tony.is_closed());
    assert_eq!(pepper.fetch(&mut world).mails[0].content.body().unwrap().as_str().len(), max);
}

#[test]
fn messages_of_the_server_are_no_requests() {
    let mut world = World::new();
    let mut client = world.connect_and_greet();
    let mut bytes = Vec::new();
    frame::encode(&ServerMessage::Notice(Notice::Ping {}), &mut bytes).unwrap();
    client.write(&mut world, &bytes);
    world.settle();
    client.receive();
    assert_eq!(error_code(&client.replies[0].1), ErrorCode::Protocol);
}

#[test]
fn a_crowd_that_is_not_logged_in_holds_up_nobody_who_is() {
    let mut world = World::new();
    world.register("tony", "Tony Stark");
    let mut tony = world.log_in("tony");
    let mut crowd: Vec<_> = (0..100).map(|_| world.connect()).collect();
    world.settle();
    for client in &mut crowd {
        client.begin(&mut world, hello());
    }
    tony.begin(&mut world, Request::Ping {});
    world.server.process(world.now).unwrap();
    tony.receive();
    assert_eq!(tony.replies.pop_front().unwrap().1, Reply::Pong {}, "last in line, first served");
    let greeted = |crowd: &mut Vec<PipeClient>| {
        crowd.iter_mut().for_each(PipeClient::receive);
        crowd.iter().filter(|client| !client.replies.is_empty()).count()
    };
    assert!((1..100).contains(&greeted(&mut crowd)), "some of them, not all in one iteration");
    world.settle();
    assert_eq!(greeted(&mut crowd), 100);
}

#[test]
fn a_client_that_logs_out_while_a_mail_arrives_gets_no_notice() {
    let mut world = World::new();
    let (mut tony, mut pepper) = world.tony_and_pepper();
    tony.begin(&mut world, mail(1, "pepper", "Oi"));
    pepper.begin(&mut world, Request::Logout {});
    world.settle();
    pepper.receive();
    assert!(matches!(pepper.replies[0], (_, Reply::LoggedOut {})), "{:?}", pepper.replies);
    assert_eq!(pepper.notices, []);
}

#[test]
fn a_session_that_is_ended_in_the_middle_of_a_change_does_not_stay() {
    let mut world = World::new();
    world.register("tony", "Tony Stark");
    let (mut one, mut other) = (world.log_in("tony"), world.log_in("tony"));
    world.hashing.borrow_mut().is_held = true;
    let credential = credential(1);
    one.begin(&mut world, Request::Account(Account::Delete { credential: credential.clone() }));
    let change = Account::Password { current: credential.clone(), new: credential };
    other.begin(&mut world, Request::Account(change));
    world.settle();
    // Both passwords are checked; the account is deleted while the other's new hash is made.
    world.hashing.borrow_mut().is_held = false;
    world.settle();
    other.receive();
    assert_eq!(other.notices, [Notice::SessionEnded {}]);
    world.pass(5 * SECOND);
    assert_eq!(world.server.len(), 1);
}
