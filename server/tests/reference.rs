//! One test for each fault of the prototype that correio replaces.

use correio_proto::{
    mail::{MailRef, Seq},
    message::{Confirm, ErrorCode, Fetch, Reply, Request, Send},
};
use correio_testing::{
    request::{id, login, mail, register},
    world::{REALM, World, session_config},
};

#[test]
fn nobody_reads_a_mailbox_without_logging_in() {
    let mut world = World::new();
    let (mut tony, _pepper) = world.tony_and_pepper();
    tony.ask(&mut world, mail(1, "pepper", "Segredo"));
    let mut stranger = world.connect_and_greet();
    let fetch = Request::Fetch(Fetch::default());
    assert_eq!(stranger.ask_refused(&mut world, fetch.clone()), ErrorCode::NotAuthenticated);
    let mut greeted_not = world.connect();
    assert_eq!(greeted_not.ask_refused(&mut world, fetch), ErrorCode::NotAllowed);
}

#[test]
fn nobody_reads_or_deletes_anothers_mail() {
    let mut world = World::new();
    let (mut tony, mut pepper) = world.tony_and_pepper();
    tony.ask(&mut world, mail(1, "pepper", "Segredo"));
    assert_eq!(tony.fetch(&mut world).mails, []);
    let theirs = pepper.fetch(&mut world).mails[0].reference();
    let nowhere = MailRef { seq: Seq(999), id: id(999) };
    for reference in [theirs, nowhere] {
        let confirm = Request::Confirm(Confirm { mails: vec![reference] });
        assert_eq!(tony.ask(&mut world, confirm), Reply::Confirmed { deleted: 0 });
    }
    assert_eq!(pepper.fetch(&mut world).mails.len(), 1);
}

#[test]
fn a_sender_cannot_be_forged() {
    let mut world = World::new();
    let (mut tony, mut pepper) = world.tony_and_pepper();
    // {"number": 9, "request": {"send": {"from": "pepper", …}}}: the field is one of those that
    // are not known, and skipped.
    let mut value =
        b"\x82\xa6number\x63\xa7request\x81\xa4send\x85\xa4from\xa6pepper\xa2id\xc4\x10".to_vec();
    value.extend_from_slice(id(5).as_bytes());
    value.extend_from_slice(b"\xa2to\x91\xa6pepper\xa7subject\xa1x\xa4body\xa1x");
    let mut bytes = (value.len() as u32).to_be_bytes().to_vec();
    bytes.extend(value);
    tony.write(&mut world, &bytes);
    world.settle();
    tony.receive();
    let (_, reply) = tony.replies.pop_front().unwrap();
    assert!(matches!(reply, Reply::Sent { .. }), "{reply:?}");
    assert_eq!(pepper.fetch(&mut world).mails[0].from.as_str(), "tony");
}

#[test]
fn a_taken_username_is_not_overwritten() {
    let mut world = World::new();
    world.register("tony", "Tony Stark");
    let mut other = world.connect_and_greet();
    let Request::Register(mut request) = register("tony", "Obadiah Stane", 2) else {
        panic!("a registration");
    };
    request.id = id(2);
    assert_eq!(other.ask_refused(&mut world, Request::Register(request)), ErrorCode::UsernameTaken);
    assert!(matches!(other.ask(&mut world, login("tony", 1)), Reply::LoggedIn(_)));
}

#[test]
fn two_mails_within_a_second_are_two_mails() {
    let mut world = World::new();
    let (mut tony, mut pepper) = world.tony_and_pepper();
    tony.begin(&mut world, mail(1, "pepper", "Primeiro"));
    tony.begin(&mut world, mail(2, "pepper", "Segundo"));
    world.settle();
    let page = pepper.fetch(&mut world);
    let subjects: Vec<_> = page.mails.iter().map(|mail| mail.subject.as_str()).collect();
    assert_eq!(subjects, ["Primeiro", "Segundo"]);
}

#[test]
fn a_body_over_a_thousand_bytes_arrives() {
    let mut world = World::new();
    let (mut tony, mut pepper) = world.tony_and_pepper();
    let body = "Senhor Stark, o elevador parou de novo.\n".repeat(1000);
    let send = Send {
        id: id(1),
        to: "pepper".parse().unwrap(),
        subject: "Elevador".parse().unwrap(),
        content: body.parse().unwrap(),
    };
    assert!(matches!(tony.ask(&mut world, Request::Send(send)), Reply::Sent { .. }));
    assert_eq!(pepper.fetch(&mut world).mails[0].content.body().unwrap().as_str(), body);
}

#[test]
fn the_21st_client_is_served_and_those_who_leave_are_gone() {
    let mut world = World::with(session_config(), 10_000);
    // As many sessions each as one account may have.
    let people = ["tony", "pepper", "peter", "steve", "bruce"];
    people.iter().for_each(|username| world.register(username, "Tony Stark"));
    let names = people.iter().cycle().take(500);
    let mut clients: Vec<_> = names.map(|username| world.log_in(username)).collect();
    for client in &mut clients {
        assert!(matches!(client.ask(&mut world, Request::Ping {}), Reply::Pong {}));
    }
    for client in &mut clients {
        client.hang_up(&mut world);
    }
    assert_eq!(world.server.len(), 0);
    assert!(!world.server.has_ready(), "nothing spins");
}

#[test]
fn a_connection_lost_while_mail_is_delivered_loses_no_mail() {
    let mut world = World::new();
    let (mut tony, mut pepper) = world.tony_and_pepper();
    for number in 0..10 {
        tony.ask(&mut world, mail(number, "pepper", &format!("Mail {number}")));
    }
    pepper.set_window(&mut world, 100);
    pepper.begin(&mut world, Request::Fetch(Fetch::default()));
    world.settle();
    pepper.hang_up(&mut world);
    let mut again = world.log_in("pepper");
    let page = again.fetch(&mut world);
    assert_eq!(page.mails.len(), 10);
    let mails = page.mails.iter().map(correio_proto::mail::Mail::reference).collect();
    let confirm = Request::Confirm(Confirm { mails });
    assert_eq!(again.ask(&mut world, confirm), Reply::Confirmed { deleted: 10 });
    assert_eq!(again.fetch(&mut world).mails, []);
}

#[test]
fn what_a_login_sends_is_not_the_password() {
    use correio_proto::{
        credential::{Credential, Password},
        frame,
        message::{ClientMessage, Login},
    };
    let password = Password::new("jarvis-is-here").unwrap();
    let username = "tony".parse().unwrap();
    let credential = Credential::derive_at(4, &password, REALM, &username);
    let request = Request::Login(Login { username, credential });
    let mut bytes = Vec::new();
    frame::encode(&ClientMessage { number: 1, request }, &mut bytes).unwrap();
    assert!(!bytes.windows(6).any(|window| window == b"jarvis"));
}

#[test]
fn a_mail_sent_again_is_one_mail_and_another_with_its_id_is_refused() {
    let mut world = World::new();
    let (mut tony, mut pepper) = world.tony_and_pepper();
    let first = tony.ask(&mut world, mail(1, "pepper", "Uma vez"));
    assert_eq!(tony.ask(&mut world, mail(1, "pepper", "Uma vez")), first);
    assert_eq!(tony.ask_refused(&mut world, mail(1, "pepper", "Outra")), ErrorCode::Conflict);
    assert_eq!(pepper.fetch(&mut world).mails.len(), 1);
}
