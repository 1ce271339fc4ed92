//! Logins and logouts that a caller gave up.

use super::*;

#[test]
fn an_abandoned_login_leaves_no_session() {
    let mut client = client();
    let mut peer = greet(&mut client, s(0), 1);
    let login = client.request(Request::Login(login(1)), FAR).unwrap();
    client.drive(s(0), &mut peer).unwrap();
    peer.heard();
    client.abandon(login);
    peer.reply(2, logged_in());
    client.drive(s(1), &mut peer).unwrap();
    assert_eq!(peer.heard_requests(), [Request::Logout {}]);
    assert_eq!(client.username(), None);
    assert_eq!(client.poll(), None);
}

#[test]
fn an_abandoned_login_that_replaces_a_session_ends_it() {
    let (mut client, mut peer) = session();
    let login = client.request(Request::Login(login(2)), FAR).unwrap();
    client.drive(s(1), &mut peer).unwrap();
    peer.heard();
    client.abandon(login);
    // PROTOCOL.md does not allow this answer within a session.
    peer.reply(3, logged_in());
    client.drive(s(1), &mut peer).unwrap();
    assert_eq!(peer.heard_requests(), [Request::Logout {}]);
    assert_eq!(client.poll(), Some(Event::SessionEnded));
    peer.reply(4, Reply::LoggedOut {});
    client.drive(s(2), &mut peer).unwrap();
    assert_eq!(client.username(), None);
    assert_eq!(client.request(mail(1), FAR), Err(Failure::SessionEnded));
    client.disconnected();
    let mut peer = greet(&mut client, s(3), 1);
    assert_eq!(peer.heard_requests(), [], "there is no session to log in again");
}

#[test]
fn a_login_that_is_granted_beside_an_abandoned_one_ends_with_its_logout() {
    let mut client = client();
    let mut peer = greet(&mut client, s(0), 1);
    let first = client.request(Request::Login(login(1)), FAR).unwrap();
    let second = client.request(Request::Login(login(1)), FAR).unwrap();
    client.drive(s(0), &mut peer).unwrap();
    client.abandon(first);
    peer.reply(2, logged_in());
    // PROTOCOL.md does not allow this answer within a session.
    peer.reply(3, logged_in());
    client.drive(s(1), &mut peer).unwrap();
    assert_eq!(peer.heard_requests().last(), Some(&Request::Logout {}));
    assert!(matches!(client.poll(), Some(Event::Answer { id, .. }) if id == second));
    assert_eq!(client.poll(), Some(Event::SessionEnded));
    assert_eq!(client.username(), None);
}

#[test]
fn a_login_after_one_that_was_given_up_waits_for_its_answer() {
    let mut client = client();
    let mut peer = greet(&mut client, s(0), 1);
    client.request(Request::Login(login(1)), s(5)).unwrap();
    client.drive(s(0), &mut peer).unwrap();
    peer.heard();
    client.handle_timeout(s(5)).unwrap();
    let again = client.request(Request::Login(login(1)), FAR).unwrap();
    client.drive(s(5), &mut peer).unwrap();
    assert_eq!(peer.heard(), [], "the server would refuse it: there may be a session");
    peer.reply(2, logged_in());
    client.drive(s(6), &mut peer).unwrap();
    assert_eq!(peer.heard_requests(), [Request::Logout {}, Request::Login(login(1))]);
    peer.reply(3, Reply::LoggedOut {});
    peer.reply(4, logged_in());
    client.drive(s(7), &mut peer).unwrap();
    let last = outcomes(&mut client).pop().unwrap();
    assert_eq!(last, (again, Ok(logged_in())));
}

#[test]
fn an_abandoned_logout_is_still_sent() {
    let (mut client, mut peer) = session();
    let logout = client.request(Request::Logout {}, FAR).unwrap();
    client.abandon(logout);
    assert_eq!(client.username(), None);
    client.drive(s(1), &mut peer).unwrap();
    assert_eq!(peer.heard_requests(), [Request::Logout {}]);
}
