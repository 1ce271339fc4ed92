//! Resume tickets: asked for, renewed, used, and given up.

use correio_proto::message::{GivenTicket, Resume};

use super::*;

const HOUR: u32 = 3600;

fn ticket(byte: u8) -> correio_proto::resume::ResumeTicket {
    [byte; 53].as_slice().try_into().unwrap()
}

fn given(byte: u8, expires_in: u32) -> Reply {
    Reply::Ticket(GivenTicket { ticket: ticket(byte), expires_in })
}

fn resume(byte: u8) -> Request {
    Request::Resume(Resume { username: tony(), ticket: ticket(byte) })
}

/// A greeting of a server that gives tickets.
fn gives_tickets(realm: u8) -> Welcome {
    Welcome { capabilities: [Capability::resume()].into(), ..welcome(realm) }
}

/// A client that is logged in and was given the ticket 1; its next request has the number 4.
fn with_ticket(expires_in: u32) -> (Client, Peer) {
    let mut client = client();
    let mut peer = greet_with(&mut client, s(0), &gives_tickets(1));
    client.request(Request::Login(login(1)), FAR).unwrap();
    client.drive(s(0), &mut peer).unwrap();
    assert_eq!(peer.heard_requests(), [Request::Login(login(1))]);
    peer.reply(2, logged_in());
    client.drive(s(0), &mut peer).unwrap();
    assert!(matches!(client.poll(), Some(Event::Answer { outcome: Ok(_), .. })));
    assert_eq!(peer.heard_requests(), [Request::Ticket {}]);
    peer.reply(3, given(1, expires_in));
    client.drive(s(0), &mut peer).unwrap();
    assert_eq!(client.poll(), None, "no caller waits for the ticket");
    (client, peer)
}

/// Reconnects, and returns what the client sends after the greeting.
fn again(client: &mut Client, now: Duration, welcome: &Welcome) -> (Peer, Vec<Request>) {
    client.disconnected();
    while client.poll().is_some() {}
    let mut peer = greet_with(client, now, welcome);
    client.drive(now, &mut peer).unwrap();
    let requests = peer.heard_requests();
    (peer, requests)
}

#[test]
fn a_lost_connection_is_resumed_with_the_ticket_and_then_another_is_asked_for() {
    let (mut client, _) = with_ticket(HOUR);
    let (mut peer, requests) = again(&mut client, s(9), &gives_tickets(1));
    assert_eq!(requests, [resume(1)]);
    client.request(mail(1), FAR).unwrap();
    peer.reply(2, logged_in());
    client.drive(s(9), &mut peer).unwrap();
    assert_eq!(peer.heard_requests(), [Request::Ticket {}, mail(1)]);
    peer.reply(3, given(2, HOUR));
    client.drive(s(9), &mut peer).unwrap();
    let (_, requests) = again(&mut client, s(20), &gives_tickets(1));
    assert_eq!(requests, [resume(2)]);
}

#[test]
fn the_ticket_is_renewed_when_half_of_its_time_is_over() {
    let (mut client, mut peer) = with_ticket(100);
    client.drive(s(49), &mut peer).unwrap();
    assert!(peer.heard_requests().is_empty());
    client.drive(s(50), &mut peer).unwrap();
    client.drive(s(51), &mut peer).unwrap();
    assert_eq!(peer.heard_requests(), [Request::Ticket {}], "one at a time");
    peer.reply(4, given(2, 100));
    client.drive(s(51), &mut peer).unwrap();
    let (_, requests) = again(&mut client, s(120), &gives_tickets(1));
    assert_eq!(requests, [resume(2)]);
}

#[test]
fn a_server_that_gives_no_further_ticket_is_asked_no_more_before_the_next_login() {
    let (mut client, mut peer) = with_ticket(100);
    client.drive(s(60), &mut peer).unwrap();
    assert_eq!(peer.heard_requests(), [Request::Ticket {}]);
    peer.reply(4, refused(ErrorCode::NotAllowed));
    client.drive(s(60), &mut peer).unwrap();
    client.drive(s(99), &mut peer).unwrap();
    assert!(peer.heard_requests().is_empty());
    // The last ticket is still good, and the next login begins anew.
    let (mut peer, requests) = again(&mut client, s(99), &gives_tickets(1));
    assert_eq!(requests, [resume(1)]);
    peer.reply(2, logged_in());
    client.drive(s(99), &mut peer).unwrap();
    assert_eq!(peer.heard_requests(), [Request::Ticket {}]);
}

#[test]
fn an_expired_ticket_is_not_sent() {
    let (mut client, _) = with_ticket(100);
    let (_, requests) = again(&mut client, s(100), &gives_tickets(1));
    assert_eq!(requests, [Request::Login(login(1))]);
}

#[test]
fn a_refused_ticket_is_forgotten_and_the_credential_is_tried() {
    for code in [ErrorCode::BadCredentials, ErrorCode::Disabled, ErrorCode::NotAllowed] {
        let (mut client, _) = with_ticket(HOUR);
        let (mut peer, requests) = again(&mut client, s(1), &gives_tickets(1));
        assert_eq!(requests, [resume(1)]);
        peer.reply(2, refused(code));
        client.drive(s(1), &mut peer).unwrap();
        assert_eq!(peer.heard_requests(), [Request::Login(login(1))], "{code}");
        assert_eq!(client.username(), Some(&tony()), "the session goes on");
        let (_, requests) = again(&mut client, s(2), &gives_tickets(1));
        assert_eq!(requests, [Request::Login(login(1))]);
    }
}

#[test]
fn a_busy_server_is_sent_the_ticket_later() {
    let (mut client, _) = with_ticket(HOUR);
    let (mut peer, requests) = again(&mut client, s(1), &gives_tickets(1));
    assert_eq!(requests, [resume(1)]);
    peer.reply(2, refused(ErrorCode::Busy));
    client.drive(s(1), &mut peer).unwrap();
    assert!(peer.heard_requests().is_empty());
    let at = client.timeout().unwrap();
    client.handle_timeout(at).unwrap();
    client.drive(at, &mut peer).unwrap();
    assert_eq!(peer.heard_requests(), [resume(1)]);
}

#[test]
fn a_ticket_goes_to_no_other_realm_and_to_no_server_that_takes_none() {
    let (mut client, _) = with_ticket(HOUR);
    let (_, requests) = again(&mut client, s(1), &welcome(1));
    assert_eq!(requests, [Request::Login(login(1))]);
    let (mut client, _) = with_ticket(HOUR);
    let (_, requests) = again(&mut client, s(1), &gives_tickets(2));
    assert_eq!(requests, [], "the session has ended");
}

#[test]
fn a_server_without_tickets_is_asked_for_none() {
    let (mut client, mut peer) = session();
    client.drive(s(1), &mut peer).unwrap();
    assert!(peer.heard_requests().is_empty());
}

#[test]
fn a_logout_forgets_the_ticket() {
    let (mut client, mut peer) = with_ticket(HOUR);
    client.request(Request::Logout {}, FAR).unwrap();
    client.drive(s(1), &mut peer).unwrap();
    assert_eq!(peer.heard_requests(), [Request::Logout {}]);
    peer.reply(4, Reply::LoggedOut {});
    client.drive(s(1), &mut peer).unwrap();
    let (_, requests) = again(&mut client, s(2), &gives_tickets(1));
    assert_eq!(requests, []);
}

#[test]
fn a_new_password_forgets_the_ticket_whether_its_answer_arrives_or_not() {
    let change = || {
        let (current, new) = ([1; 23].into(), [2; 23].into());
        Request::Account(Account::Password { current, new })
    };
    let (mut client, mut peer) = with_ticket(HOUR);
    client.request(change(), FAR).unwrap();
    client.drive(s(1), &mut peer).unwrap();
    assert_eq!(peer.heard_requests(), [change()]);
    peer.reply(4, Reply::AccountChanged { app_passwords_revoked: None });
    client.drive(s(1), &mut peer).unwrap();
    assert_eq!(peer.heard_requests(), [Request::Ticket {}]);
    let (_, requests) = again(&mut client, s(2), &gives_tickets(1));
    assert_eq!(requests, [Request::Login(login(2))]);

    let (mut client, mut peer) = with_ticket(HOUR);
    client.request(change(), FAR).unwrap();
    client.drive(s(1), &mut peer).unwrap();
    let (_, requests) = again(&mut client, s(2), &gives_tickets(1));
    assert_eq!(requests, [Request::Login(login(1))]);
}
