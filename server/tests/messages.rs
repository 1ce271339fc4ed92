//! Tests of contents that are RFC 5322 messages: the server keeps their bytes, and reads none of
//! them.

use correio_proto::{
    capability::MESSAGES,
    limits::PIECE_MAX,
    mail::{Content, ContentKind},
    message::{ErrorCode, Reply, Request},
};
use correio_testing::{
    request::{content, hello, large_mail, large_message, mail, message, read, upload},
    world::{PipeClient, World, session_config},
};

/// A message that says that another person has sent it.
const FORGED: &[u8] =
    b"From: Pepper <pepper@correio.example>\r\nTo: all\r\nSubject: Fora\r\n\r\n\0\xff";

fn sent(world: &mut World, client: &mut PipeClient, request: Request) {
    let reply = client.ask(world, request);
    assert!(matches!(reply, Reply::Sent { .. }), "{reply:?}");
}

#[test]
fn the_greeting_states_the_capability() {
    let mut world = World::new();
    let Reply::Hello(welcome) = world.connect().ask(&mut world, hello()) else {
        panic!("it is greeted");
    };
    assert!(welcome.capabilities.contains(MESSAGES));
}

#[test]
fn a_message_reaches_each_recipient_to_the_byte_under_its_sender_s_name() {
    let mut world = World::new();
    let (mut tony, mut pepper) = world.tony_and_pepper();
    sent(&mut world, &mut tony, message(1, "tony,pepper", FORGED));
    sent(&mut world, &mut tony, message(1, "tony,pepper", FORGED));
    for client in [&mut tony, &mut pepper] {
        // The recipient has asked for nothing of the capability.
        let [mail] = client.fetch(&mut world).mails.try_into().unwrap();
        assert_eq!(mail.content, Content::Message(FORGED.try_into().unwrap()));
        assert_eq!(mail.from.as_str(), "tony");
        assert_eq!((mail.to.to_string(), mail.subject.as_str()), ("tony, pepper".into(), "Mail 1"));
    }
}

#[test]
fn a_message_and_a_text_of_the_same_bytes_are_a_conflict() {
    let mut world = World::new();
    let (mut tony, mut pepper) = world.tony_and_pepper();
    sent(&mut world, &mut tony, mail(1, "pepper", "Mail 1"));
    let refused = tony.ask(&mut world, message(1, "pepper", b"Mail 1\n"));
    assert!(matches!(&refused, Reply::Error(error) if error.code == ErrorCode::Conflict));
    assert_eq!(pepper.fetch(&mut world).mails.len(), 1);
}

#[test]
fn a_message_above_the_limit_of_a_body_is_refused_and_the_connection_goes_on() {
    let mut world = World::new();
    let (mut tony, mut pepper) = world.tony_and_pepper();
    let most = session_config().body_max;
    sent(&mut world, &mut tony, message(1, "pepper", &vec![b'x'; most]));
    let refused = tony.ask(&mut world, message(2, "pepper", &vec![b'x'; most + 1]));
    assert!(matches!(&refused, Reply::Error(error) if error.code == ErrorCode::TooLarge));
    let [mail] = pepper.fetch(&mut world).mails.try_into().unwrap();
    assert_eq!(mail.content.size(), most as u64);
}

#[test]
fn a_large_content_stays_the_message_or_the_text_that_it_was() {
    const SIZE: u64 = PIECE_MAX as u64 + 1000;
    let mut world = World::new();
    let (mut tony, mut pepper) = world.tony_and_pepper();
    for number in [1, 2] {
        for part in [0..PIECE_MAX as u64, PIECE_MAX as u64..SIZE] {
            let reply = tony.ask(&mut world, upload(number, SIZE, part.clone()));
            assert_eq!(reply, Reply::Uploaded { staged: part.end });
        }
    }
    sent(&mut world, &mut tony, large_message(1, "pepper", SIZE));
    sent(&mut world, &mut tony, large_mail(2, "pepper", SIZE));
    let refused = tony.ask(&mut world, large_mail(1, "pepper", SIZE));
    assert!(matches!(&refused, Reply::Error(error) if error.code == ErrorCode::Conflict));
    let mails = pepper.fetch(&mut world).mails;
    let kinds: Vec<_> = mails.iter().map(|mail| mail.content.kind()).collect();
    assert_eq!(kinds, [ContentKind::Message {}, ContentKind::Text {}]);
    let reply = pepper.ask(&mut world, read(mails[0].reference(), PIECE_MAX as u64));
    let rest = content(1, PIECE_MAX as u64..SIZE);
    assert_eq!(reply, Reply::Piece { bytes: rest.as_slice().try_into().unwrap() });
}
