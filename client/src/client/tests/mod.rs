//! The client against a scripted server, byte for byte, on a clock of whole seconds.

mod abandoned;
mod peer;
mod tickets;

use correio_proto::{
    capability::Capability,
    mail::{Body, ContentKind, LargeContent, MailId, Message, Piece, Seq, Sha256, Timestamp},
    message::{
        Account, ClientMessage, Confirm, Fetch, LoggedIn, Login, NewMail, Page, Register, Send,
        Upload,
    },
    wrong_protocol::WrongProtocol,
};

use super::*;
use peer::{Peer, welcome};

const FAR: Duration = Duration::from_secs(1000);

fn s(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn client() -> Client {
    Client::new(ClientConfig::default())
}

/// Connects and greets.
fn greet(client: &mut Client, now: Duration, realm: u8) -> Peer {
    greet_with(client, now, &welcome(realm))
}

fn greet_with(client: &mut Client, now: Duration, welcome: &Welcome) -> Peer {
    let mut peer = Peer::new();
    client.connected(now);
    client.drive(now, &mut peer).unwrap();
    assert!(matches!(&peer.heard()[..], [ClientMessage { number: 1, request: Request::Hello(_) }]));
    peer.reply(1, Reply::Hello(welcome.clone()));
    client.drive(now, &mut peer).unwrap();
    assert_eq!(client.poll(), Some(Event::Greeted(welcome.clone())));
    peer
}

fn tony() -> Username {
    "tony".parse().unwrap()
}

fn login(credential: u8) -> Login {
    Login { username: tony(), credential: [credential; 23].into() }
}

fn logged_in() -> Reply {
    Reply::LoggedIn(LoggedIn {
        username: tony(),
        full_name: "Tony Stark".parse().unwrap(),
        waiting: 0,
        usage: None,
    })
}

fn refused(code: ErrorCode) -> Reply {
    Reply::Error(ErrorReply::new(code, "no"))
}

fn id(last: u8) -> MailId {
    let mut bytes = [0; 16];
    (bytes[6], bytes[8], bytes[15]) = (0x70, 0x80, last);
    bytes.try_into().unwrap()
}

fn mail(number: u8) -> Request {
    Request::Send(Send {
        id: id(number),
        to: "pepper".parse().unwrap(),
        subject: "Oi".parse().unwrap(),
        content: "Oi!".parse().unwrap(),
    })
}

/// A client that is logged in, its next request being number 3.
fn session() -> (Client, Peer) {
    let mut client = client();
    let mut peer = greet(&mut client, s(0), 1);
    client.request(Request::Login(login(1)), FAR).unwrap();
    client.drive(s(0), &mut peer).unwrap();
    assert_eq!(peer.heard_requests(), [Request::Login(login(1))]);
    peer.reply(2, logged_in());
    client.drive(s(0), &mut peer).unwrap();
    assert!(matches!(client.poll(), Some(Event::Answer { outcome: Ok(_), .. })));
    (client, peer)
}

fn outcomes(client: &mut Client) -> Vec<(RequestId, Result<Reply, Failure>)> {
    let answers = std::iter::from_fn(|| client.poll()).filter_map(|event| match event {
        Event::Answer { id, outcome, .. } => Some((id, outcome)),
        _ => None,
    });
    answers.collect()
}

#[test]
fn answers_find_their_requests() {
    let (mut client, mut peer) = session();
    let first = client.request(mail(1), FAR).unwrap();
    let second = client.request(Request::Fetch(Fetch::default()), FAR).unwrap();
    client.drive(s(1), &mut peer).unwrap();
    let numbers: Vec<u32> = peer.heard().iter().map(|message| message.number).collect();
    assert_eq!(numbers, [3, 4]);
    let sent = Reply::Sent { sent_at: Timestamp(9) };
    let page = Reply::Page(Page { mails: vec![], more: false });
    peer.reply(3, sent.clone());
    peer.reply(4, page.clone());
    client.drive(s(3), &mut peer).unwrap();
    let took = s(2);
    assert_eq!(client.poll(), Some(Event::Answer { id: first, outcome: Ok(sent), took }));
    assert_eq!(client.poll(), Some(Event::Answer { id: second, outcome: Ok(page), took }));
    assert_eq!(client.poll(), None);
}

#[test]
fn capabilities_are_those_of_the_connection_and_unknown_ones_are_ignored() {
    let mut client = client();
    let mut peer = Peer::new();
    client.connected(s(0));
    client.drive(s(0), &mut peer).unwrap();
    let names = vec!["later".parse().unwrap(), "later_2".parse().unwrap()];
    let capabilities = names.try_into().unwrap();
    peer.reply(1, Reply::Hello(Welcome { capabilities, ..welcome(1) }));
    client.drive(s(0), &mut peer).unwrap();
    assert!(client.is_ready());
    let capabilities = &client.welcome().unwrap().capabilities;
    assert!(capabilities.contains("later_2") && !capabilities.contains("lat"));

    client.disconnected();
    while client.poll().is_some() {}
    greet(&mut client, s(1), 1);
    assert!(!client.welcome().unwrap().capabilities.contains("later_2"));
}

#[test]
fn answers_that_nobody_asked_for_break_the_connection() {
    for (number, reply) in
        [(4, Reply::Sent { sent_at: Timestamp(9) }), (3, Reply::Pong {}), (0, Reply::Pong {})]
    {
        let (mut client, mut peer) = session();
        client.request(mail(1), FAR).unwrap();
        client.drive(s(1), &mut peer).unwrap();
        peer.reply(number, reply);
        let error = client.drive(s(1), &mut peer).unwrap_err();
        assert!(matches!(error, LinkError::Protocol(_)), "{error:?}");
    }
}

#[test]
fn what_has_no_answer_is_sent_again_after_logging_in_again() {
    let (mut client, mut peer) = session();
    let sent = client.request(mail(1), FAR).unwrap();
    client.drive(s(1), &mut peer).unwrap();
    peer.closed = true;
    assert_eq!(client.drive(s(2), &mut peer), Err(LinkError::Closed));
    client.disconnected();
    let fetched = client.request(Request::Fetch(Fetch::default()), FAR).unwrap();

    let mut peer = greet(&mut client, s(3), 1);
    let heard = peer.heard();
    assert_eq!(heard.len(), 1, "nothing before the session is back: {heard:?}");
    assert_eq!(heard[0].request, Request::Login(login(1)));
    peer.reply(2, logged_in());
    client.drive(s(3), &mut peer).unwrap();
    assert_eq!(peer.heard_requests(), [mail(1), Request::Fetch(Fetch::default())]);
    peer.reply(3, Reply::Sent { sent_at: Timestamp(9) });
    peer.reply(4, refused(ErrorCode::Unavailable));
    client.drive(s(4), &mut peer).unwrap();
    let ids: Vec<RequestId> = outcomes(&mut client).iter().map(|(id, _)| *id).collect();
    assert_eq!(ids, [sent, fetched]);
}

#[test]
fn a_credential_that_no_longer_holds_ends_the_session() {
    let (mut client, _) = session();
    let waiting = client.request(mail(1), FAR).unwrap();
    client.disconnected();
    let mut peer = greet(&mut client, s(1), 1);
    peer.heard();
    peer.reply(2, refused(ErrorCode::BadCredentials));
    client.drive(s(1), &mut peer).unwrap();
    assert_eq!(client.poll(), Some(Event::SessionEnded));
    assert_eq!(outcomes(&mut client), [(waiting, Err(Failure::SessionEnded))]);
    assert_eq!(client.request(mail(2), FAR), Err(Failure::SessionEnded));
    assert_eq!(client.username(), None);
    // Requests without a session still work, and a login makes all requests work again.
    client.request(Request::Ping {}, FAR).unwrap();
    client.request(Request::Login(login(2)), FAR).unwrap();
    client.request(mail(2), FAR).unwrap();
    client.drive(s(1), &mut peer).unwrap();
    assert_eq!(peer.heard().len(), 3);
}

#[test]
fn another_store_ends_the_session() {
    let (mut client, _) = session();
    client.disconnected();
    let mut peer = greet(&mut client, s(1), 2);
    assert_eq!(client.poll(), Some(Event::SessionEnded));
    assert_eq!(peer.heard(), []);
}

#[test]
fn a_busy_server_is_asked_again_later_for_the_session() {
    let (mut client, _) = session();
    client.disconnected();
    let mut peer = greet(&mut client, s(1), 1);
    peer.heard();
    let mut busy = ErrorReply::new(ErrorCode::Busy, "later");
    busy.retry_after = Some(7);
    peer.reply(2, Reply::Error(busy));
    client.drive(s(1), &mut peer).unwrap();
    assert_eq!(client.timeout(), Some(s(8)));
    client.handle_timeout(s(7)).unwrap();
    client.drive(s(7), &mut peer).unwrap();
    assert_eq!(peer.heard(), []);
    client.handle_timeout(s(8)).unwrap();
    client.drive(s(8), &mut peer).unwrap();
    assert_eq!(peer.heard_requests(), [Request::Login(login(1))]);
}

fn password_change() -> Request {
    Request::Account(Account::Password { current: [1; 23].into(), new: [2; 23].into() })
}

#[test]
fn a_changed_password_whose_answer_was_lost_is_found_out() {
    let (mut client, mut peer) = session();
    let change = client.request(password_change(), FAR).unwrap();
    client.drive(s(1), &mut peer).unwrap();
    client.disconnected();
    let mut peer = greet(&mut client, s(2), 1);
    assert_eq!(peer.heard_requests(), [Request::Login(login(1))]);
    peer.reply(2, refused(ErrorCode::BadCredentials));
    client.drive(s(2), &mut peer).unwrap();
    assert_eq!(peer.heard_requests(), [Request::Login(login(2))]);
    peer.reply(3, logged_in());
    client.drive(s(2), &mut peer).unwrap();
    assert_eq!(
        outcomes(&mut client),
        [(change, Ok(Reply::AccountChanged { app_passwords_revoked: None }))]
    );
    assert_eq!(peer.heard(), []);
    client.disconnected();
    let mut peer = greet(&mut client, s(3), 1);
    assert_eq!(peer.heard_requests(), [Request::Login(login(2))]);
}

#[test]
fn a_credential_that_was_refused_is_not_tried_again() {
    let (mut client, mut peer) = session();
    client.request(password_change(), FAR).unwrap();
    client.drive(s(1), &mut peer).unwrap();
    client.disconnected();
    let mut peer = greet(&mut client, s(2), 1);
    peer.reply(2, refused(ErrorCode::BadCredentials));
    peer.reply(3, refused(ErrorCode::RateLimited));
    client.drive(s(2), &mut peer).unwrap();
    client.disconnected();
    // The server allows one more try, which the client uses for the credential that may be valid.
    let mut peer = greet(&mut client, s(9), 1);
    assert_eq!(peer.heard_requests(), [Request::Login(login(2))]);
    peer.reply(2, refused(ErrorCode::BadCredentials));
    client.drive(s(9), &mut peer).unwrap();
    assert_eq!(client.username(), None);
}

#[test]
fn a_lost_change_that_was_not_made_is_made_now() {
    let (mut client, mut peer) = session();
    client.request(password_change(), FAR).unwrap();
    client.drive(s(1), &mut peer).unwrap();
    client.disconnected();
    let mut peer = greet(&mut client, s(2), 1);
    peer.heard();
    peer.reply(2, logged_in());
    client.drive(s(2), &mut peer).unwrap();
    assert_eq!(peer.heard_requests(), [password_change()]);
}

#[test]
fn deadlines_pass_with_and_without_a_connection() {
    let (mut client, mut peer) = session();
    let sent = client.request(mail(1), s(10)).unwrap();
    client.drive(s(1), &mut peer).unwrap();
    let next = client.request(mail(2), s(12)).unwrap();
    assert_eq!(client.timeout(), Some(s(10)));
    client.handle_timeout(s(10)).unwrap();
    assert_eq!(outcomes(&mut client), [(sent, Err(Failure::TimedOut))]);
    client.drive(s(10), &mut peer).unwrap();
    // The late answer is dropped, and the answer after it is delivered.
    peer.reply(3, Reply::Sent { sent_at: Timestamp(1) });
    peer.reply(4, Reply::Sent { sent_at: Timestamp(2) });
    client.drive(s(11), &mut peer).unwrap();
    assert_eq!(outcomes(&mut client), [(next, Ok(Reply::Sent { sent_at: Timestamp(2) }))]);

    client.disconnected();
    let waiting = client.request(mail(3), s(20)).unwrap();
    client.handle_timeout(s(20)).unwrap();
    assert_eq!(outcomes(&mut client), [(waiting, Err(Failure::TimedOut))]);
    let mut peer = greet(&mut client, s(21), 1);
    peer.heard();
    peer.reply(2, logged_in());
    client.drive(s(21), &mut peer).unwrap();
    assert_eq!(peer.heard(), []);
}

#[test]
fn pings_are_answered_once_at_a_time() {
    let (mut client, mut peer) = session();
    peer.notice(Notice::Ping {});
    peer.notice(Notice::Ping {});
    client.drive(s(1), &mut peer).unwrap();
    assert_eq!(peer.heard_requests(), [Request::Ping {}]);
    peer.reply(3, Reply::Pong {});
    peer.notice(Notice::Ping {});
    client.drive(s(1), &mut peer).unwrap();
    assert_eq!(peer.heard_requests(), [Request::Ping {}]);
    assert_eq!(client.poll(), None);
}

#[test]
fn a_server_that_is_gone_without_a_word_is_noticed() {
    let (mut client, mut peer) = session();
    assert_eq!(client.timeout(), Some(s(20)));
    client.handle_timeout(s(20)).unwrap();
    client.drive(s(20), &mut peer).unwrap();
    assert_eq!(peer.heard_requests(), [Request::Ping {}]);
    assert_eq!(client.timeout(), Some(s(40)));
    client.handle_timeout(s(39)).unwrap();
    assert_eq!(client.handle_timeout(s(40)), Err(LinkError::Silent));
}

#[test]
fn notices_have_a_maximum() {
    let (mut client, mut peer) = session();
    for number in 0..=100 {
        peer.notice(Notice::NewMail(NewMail {
            from: tony(),
            from_name: "Tony Stark".parse().unwrap(),
            subject: number.to_string().parse().unwrap(),
        }));
    }
    client.drive(s(1), &mut peer).unwrap();
    let subjects: Vec<String> = std::iter::from_fn(|| client.poll())
        .map(|event| match event {
            Event::NewMail(mail) => mail.subject.to_string(),
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(subjects.len(), 100);
    assert_eq!((subjects[0].as_str(), subjects[99].as_str()), ("1", "100"));
}

#[test]
fn a_server_that_stops_gets_no_further_requests() {
    let (mut client, mut peer) = session();
    let before = client.request(mail(1), FAR).unwrap();
    client.drive(s(1), &mut peer).unwrap();
    peer.heard();
    peer.notice(Notice::ShuttingDown {});
    client.drive(s(1), &mut peer).unwrap();
    assert_eq!(client.poll(), Some(Event::ShuttingDown));
    client.request(mail(2), FAR).unwrap();
    peer.reply(3, Reply::Sent { sent_at: Timestamp(1) });
    client.drive(s(1), &mut peer).unwrap();
    assert_eq!(peer.heard(), []);
    assert_eq!(outcomes(&mut client)[0].0, before);
}

#[test]
fn a_session_that_the_server_ends_stays_ended() {
    let (mut client, mut peer) = session();
    peer.notice(Notice::SessionEnded {});
    peer.closed = true;
    assert_eq!(client.drive(s(1), &mut peer), Err(LinkError::Closed));
    client.disconnected();
    assert_eq!(client.poll(), Some(Event::SessionEnded));
    let mut peer = greet(&mut client, s(2), 1);
    assert_eq!(peer.heard(), []);
    assert_eq!(client.request(mail(1), FAR), Err(Failure::SessionEnded));
}

#[test]
fn refused_greetings_say_why() {
    let mut version = ErrorReply::new(ErrorCode::Version, "other");
    version.versions = vec![2, 3];
    let busy = ErrorReply::new(ErrorCode::Busy, "full");
    let cases = [
        (1, version, LinkError::Version(vec![2, 3])),
        (0, busy.clone(), LinkError::Rejected(busy)),
    ];
    for (number, error, expected) in cases {
        let mut client = client();
        let mut peer = Peer::new();
        client.connected(s(0));
        peer.reply(number, Reply::Error(error));
        assert_eq!(client.drive(s(0), &mut peer), Err(expected));
    }
}

#[test]
fn a_peer_that_is_no_server_is_recognised() {
    let mut client = client();
    let mut peer = Peer::new();
    client.connected(s(0));
    peer.to_client.extend(b"HTTP/1.1 400 Bad Request\r\n\r\n");
    let error = client.drive(s(0), &mut peer).unwrap_err();
    assert_eq!(error, LinkError::WrongProtocol(WrongProtocol::Http));
}

#[test]
fn requests_that_cannot_succeed_are_not_sent() {
    let (mut client, _) = session();
    let body: Body = "x".repeat(1001).parse().unwrap();
    let Request::Send(mut large) = mail(1) else { unreachable!() };
    large.content = body.into();
    let too_large = client.request(Request::Send(large), FAR);
    assert_eq!(too_large, Err(Failure::TooLarge { size: 1001, limit: 1000 }));
    for _ in 0..64 {
        client.request(Request::Ping {}, FAR).unwrap();
    }
    assert_eq!(client.request(Request::Ping {}, FAR), Err(Failure::Overloaded));
}

#[test]
fn a_message_needs_a_server_that_takes_it() {
    let sends = |bytes: usize| {
        let Request::Send(send) = mail(1) else { unreachable!() };
        let message = Message::try_from(&vec![0xff; bytes][..]).unwrap();
        let (kind, size) = (ContentKind::Message {}, 1001.try_into().unwrap());
        let large = Content::Large(LargeContent { kind, size, sha256: Sha256([0; 32]) });
        [message.into(), large].map(|content| Request::Send(Send { content, ..send.clone() }))
    };
    let (mut client, _) = session();
    for request in sends(1) {
        assert_eq!(client.request(request, FAR), Err(Failure::NoMessages));
    }
    let capabilities = [Capability::contents(), Capability::messages()].into();
    let mut takes = Welcome { capabilities, ..welcome(1) };
    takes.limits.content = 5000;
    let mut peer = greet_with(&mut client, s(1), &takes);
    peer.reply(2, logged_in());
    client.drive(s(1), &mut peer).unwrap();
    let [above, _] = sends(1001);
    let too_large = Err(Failure::TooLarge { size: 1001, limit: 1000 });
    assert_eq!(client.request(above, FAR), too_large);
    for request in sends(1000) {
        client.request(request, FAR).unwrap();
    }
    client.drive(s(1), &mut peer).unwrap();
    let asked = [vec![Request::Login(login(1))], sends(1000).to_vec()].concat();
    assert_eq!(peer.heard_requests(), asked);
}

#[test]
fn a_large_content_needs_a_server_that_takes_it() {
    let of_size = |size: u64| {
        let size = size.try_into().unwrap();
        let bytes = Piece::empty();
        let upload = Request::Upload(Upload { id: id(1), size, offset: 0, bytes });
        let Request::Send(mut send) = mail(1) else { unreachable!() };
        send.content = Content::Large(LargeContent {
            kind: Default::default(),
            size,
            sha256: Sha256([0; 32]),
        });
        [upload, Request::Send(send)]
    };
    let (mut client, _) = session();
    for request in of_size(1001) {
        assert_eq!(
            client.request(request, FAR),
            Err(Failure::TooLarge { size: 1001, limit: 1000 })
        );
    }
    let capabilities = [Capability::contents()].into();
    let mut takes = Welcome { capabilities, ..welcome(1) };
    takes.limits.content = 5000;
    let mut peer = greet_with(&mut client, s(1), &takes);
    peer.reply(2, logged_in());
    client.drive(s(1), &mut peer).unwrap();
    for request in of_size(5001) {
        assert_eq!(
            client.request(request, FAR),
            Err(Failure::TooLarge { size: 5001, limit: 5000 })
        );
    }
    for request in of_size(5000) {
        client.request(request, FAR).unwrap();
    }
    client.drive(s(1), &mut peer).unwrap();
    let asked = [vec![Request::Login(login(1))], of_size(5000).to_vec()].concat();
    assert_eq!(peer.heard_requests(), asked);
    // A piece without an answer is sent again on the next connection.
    let mut peer = greet_with(&mut client, s(2), &takes);
    peer.reply(2, logged_in());
    client.drive(s(2), &mut peer).unwrap();
    assert_eq!(peer.heard_requests(), asked);
}

#[test]
fn a_request_that_the_server_cannot_read_is_refused_once_and_not_sent_again() {
    let (mut client, mut peer) = session();
    let fetch = client.request(Request::Fetch(Fetch::default()), FAR).unwrap();
    let large = client.request(mail(1), FAR).unwrap();
    let after = client.request(mail(2), FAR).unwrap();
    client.drive(s(1), &mut peer).unwrap();
    let page = Reply::Page(Page { mails: vec![], more: false });
    peer.reply(3, page.clone());
    peer.reply(0, refused(ErrorCode::TooLarge));
    let error = client.drive(s(1), &mut peer).unwrap_err();
    assert!(matches!(error, LinkError::Rejected(_)), "{error:?}");
    client.disconnected();
    let answered = [(fetch, Ok(page)), (large, Ok(refused(ErrorCode::TooLarge)))];
    assert_eq!(outcomes(&mut client), answered);
    let mut peer = greet(&mut client, s(2), 1);
    peer.reply(2, logged_in());
    client.drive(s(2), &mut peer).unwrap();
    assert_eq!(peer.heard_requests(), [Request::Login(login(1)), mail(2)]);
    peer.reply(3, Reply::Sent { sent_at: Timestamp(9) });
    client.drive(s(2), &mut peer).unwrap();
    assert_eq!(outcomes(&mut client), [(after, Ok(Reply::Sent { sent_at: Timestamp(9) }))]);
}

#[test]
fn a_connection_that_is_refused_for_another_reason_refuses_no_request() {
    let (mut client, mut peer) = session();
    client.request(mail(1), FAR).unwrap();
    client.drive(s(1), &mut peer).unwrap();
    peer.reply(0, refused(ErrorCode::Busy));
    client.drive(s(1), &mut peer).unwrap_err();
    client.disconnected();
    assert_eq!(outcomes(&mut client), []);
    let mut peer = greet(&mut client, s(2), 1);
    peer.reply(2, logged_in());
    client.drive(s(2), &mut peer).unwrap();
    assert_eq!(peer.heard_requests(), [Request::Login(login(1)), mail(1)]);
}

#[test]
fn nothing_that_needs_a_session_is_sent_after_a_logout() {
    let (mut client, mut peer) = session();
    client.request(Request::Logout {}, FAR).unwrap();
    assert_eq!(client.request(mail(1), FAR), Err(Failure::SessionEnded));
    client.request(Request::Login(login(1)), FAR).unwrap();
    client.request(mail(2), FAR).unwrap();
    client.drive(s(1), &mut peer).unwrap();
    let expected = [Request::Logout {}, Request::Login(login(1)), mail(2)];
    assert_eq!(peer.heard_requests(), expected);
}

#[test]
fn every_cut_of_the_bytes_gives_the_same() {
    let (mut client, mut peer) = session();
    client.request(Request::Confirm(Confirm { mails: vec![] }), FAR).unwrap();
    client.request(Request::Fetch(Fetch { after: Seq(7), max: 1 }), FAR).unwrap();
    client.drive(s(1), &mut peer).unwrap();
    peer.reply(3, Reply::Confirmed { deleted: 0 });
    peer.notice(Notice::Ping {});
    peer.reply(4, Reply::Page(Page { mails: vec![], more: false }));
    let bytes: Vec<u8> = peer.to_client.drain(..).collect();
    for byte in bytes {
        assert!(client.poll().is_none_or(|event| matches!(event, Event::Answer { .. })));
        peer.to_client.push_back(byte);
        client.drive(s(1), &mut peer).unwrap();
    }
    assert!(matches!(client.poll(), Some(Event::Answer { outcome: Ok(Reply::Page(_)), .. })));
}

#[test]
fn a_registration_is_repeated_with_its_id() {
    let mut client = client();
    let mut peer = greet(&mut client, s(0), 1);
    let register = Request::Register(Register {
        id: id(1),
        username: tony(),
        full_name: "Tony Stark".parse().unwrap(),
        credential: [1; 23].into(),
        invite: None,
    });
    client.request(register.clone(), FAR).unwrap();
    client.drive(s(0), &mut peer).unwrap();
    client.disconnected();
    let mut peer = greet(&mut client, s(1), 1);
    assert_eq!(peer.heard_requests(), [register]);
}
