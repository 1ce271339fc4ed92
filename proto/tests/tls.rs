//! Channels with TLS: the pieces never change the messages, and the wire shows no plaintext.

use std::{io::Cursor, sync::Arc};

use correio_proto::{
    channel::{Channel, ChannelError},
    frame::HEADER,
    limits,
    mail::Content,
    message::{ClientMessage, ErrorCode, Reply, Request, ServerMessage},
    tls::{ALPN, Security, TlsError},
    wrong_protocol::WrongProtocol,
};
use proptest::prelude::*;
use rustls::{
    ClientConfig, RootCertStore, ServerConfig,
    crypto::ring,
    pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer, ServerName},
    version::TLS13,
};

use crate::support::{
    self,
    pump::{hand, talk, written},
};

/// The configurations of both ends, for one server.
struct Ends {
    server: Security,
    client: Security,
}

fn ends() -> Ends {
    let made = rcgen::generate_simple_self_signed(["correio".to_owned()]).unwrap();
    let certificate = CertificateDer::from(made.cert);
    let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(made.signing_key.serialize_der()));
    let provider = Arc::new(ring::default_provider());
    let mut server = ServerConfig::builder_with_provider(Arc::clone(&provider))
        .with_protocol_versions(&[&TLS13])
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate.clone()], key)
        .unwrap();
    server.alpn_protocols = vec![ALPN.to_vec()];
    let mut roots = RootCertStore::empty();
    roots.add(certificate).unwrap();
    let mut client = ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&TLS13])
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    client.alpn_protocols = vec![ALPN.to_vec()];
    let name = ServerName::try_from("correio").unwrap();
    Ends {
        server: Security::Server(Arc::new(server)),
        client: Security::Client(Arc::new(client), name),
    }
}

impl Ends {
    fn channels(&self) -> (Channel, Channel) {
        let limit = limits::REPLY_FRAME_MAX;
        (Channel::new(&self.client, limit), Channel::new(&self.server, limit))
    }
}

fn example(name: &str) -> ClientMessage {
    let (_, frame) = support::frames().into_iter().find(|(other, _)| *other == name).unwrap();
    correio_proto::frame::decode(&frame[HEADER..]).unwrap()
}

fn contains(haystack: &[u8], needle: &[u8]) -> bool {
    haystack.windows(needle.len()).any(|window| window == needle)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]

    #[test]
    fn splits_do_not_matter_and_nothing_can_be_read_on_the_way(piece in 1_usize..3000) {
        let (mut client, mut server) = ends().channels();
        let register = example("register");
        let Request::Register(ref asked) = register.request else { panic!("{register:?}") };
        client.push(&register).unwrap();
        let seen = talk(&mut client, &mut server, piece);
        prop_assert_eq!(server.next_message::<ClientMessage>(), Ok(Some(register.clone())));
        prop_assert!(!client.is_handshaking() && !server.is_handshaking());
        prop_assert!(!contains(&seen, asked.full_name.as_str().as_bytes()));
        prop_assert!(!contains(&seen, asked.username.as_str().as_bytes()));
        prop_assert!(!contains(&seen, asked.credential.as_bytes()));
    }
}

#[test]
fn large_messages_go_through_both_ways() {
    let (mut client, mut server) = ends().channels();
    talk(&mut client, &mut server, 4096);
    let mut send = example("send");
    let Request::Send(mail) = &mut send.request else { panic!("{send:?}") };
    mail.content = Content::Body("x".repeat(limits::BODY_DEFAULT_MAX).parse().unwrap());
    client.push(&send).unwrap();
    let pending = client.pending_output();
    assert!(pending > limits::BODY_DEFAULT_MAX);
    talk(&mut client, &mut server, 16 * 1024);
    assert_eq!(client.pending_output(), 0);
    assert_eq!(server.next_message::<ClientMessage>(), Ok(Some(send)));
}

#[test]
fn what_is_held_is_bounded_by_the_frame_and_one_read() {
    let Ends { server, client } = ends();
    let limit = limits::FRAME_BEFORE_LOGIN_MAX;
    let mut server = Channel::new(&server, limit);
    let mut client = Channel::new(&client, limit);
    talk(&mut client, &mut server, 4096);
    for _ in 0..10_000 {
        client.push(&example("ping")).unwrap();
    }
    let bytes = written(&mut client);
    let mut source = Cursor::new(&bytes);
    while server.has_room() {
        assert!(server.read_from(&mut source).unwrap() > 0);
    }
    assert!(server.pending_input() <= 48 * 1024, "{}", server.pending_input());
    assert!((source.position() as usize) < bytes.len());
}

#[test]
fn a_goodbye_is_told_from_a_cut() {
    let (mut client, mut server) = ends().channels();
    talk(&mut client, &mut server, 4096);
    client.push(&example("ping")).unwrap();
    client.close();
    talk(&mut client, &mut server, 4096);
    assert_eq!(server.next_message::<ClientMessage>(), Ok(Some(example("ping"))));
    assert_eq!(server.read_from(&mut Cursor::new(b"")).unwrap(), 0);
    assert!(!server.is_cut_off());
    assert_eq!(server.next_message::<ClientMessage>(), Ok(None));

    let (mut client, mut server) = ends().channels();
    talk(&mut client, &mut server, 4096);
    client.push(&example("ping")).unwrap();
    talk(&mut client, &mut server, 4096);
    let whole = example("send");
    client.push(&whole).unwrap();
    let bytes = written(&mut client);
    hand(&bytes[..bytes.len() - 1], 4096, &mut server);
    assert_eq!(server.next_message::<ClientMessage>(), Ok(Some(example("ping"))));
    assert_eq!(server.read_from(&mut Cursor::new(b"")).unwrap(), 0);
    assert!(server.is_cut_off());
    let cut = server.next_message::<ClientMessage>();
    assert_eq!(cut, Err(ChannelError::Tls(TlsError::Truncated)));
    assert_eq!(server.next_message::<ClientMessage>(), Ok(None));
}

#[test]
fn a_damaged_record_ends_the_stream_and_the_other_side_is_told() {
    let (mut client, mut server) = ends().channels();
    talk(&mut client, &mut server, 4096);
    client.push(&example("ping")).unwrap();
    let mut bytes = written(&mut client);
    *bytes.last_mut().unwrap() ^= 1;
    hand(&bytes, 4096, &mut server);
    let refused = server.next_message::<ClientMessage>();
    assert!(matches!(refused, Err(ChannelError::Tls(TlsError::Refused(_)))), "{refused:?}");
    let alert = written(&mut server);
    hand(&alert, 4096, &mut client);
    let told = client.next_message::<ServerMessage>();
    assert!(matches!(told, Err(ChannelError::Tls(TlsError::Refused(_)))), "{told:?}");
}

#[test]
fn once_tls_has_failed_nothing_but_the_alert_goes_out() {
    let (mut client, mut server) = ends().channels();
    talk(&mut client, &mut server, 4096);
    server.push(&example("ping")).unwrap();
    client.push(&example("ping")).unwrap();
    let mut bytes = written(&mut client);
    *bytes.last_mut().unwrap() ^= 1;
    hand(&bytes, 4096, &mut server);
    server.close();
    assert_eq!(server.pending_output(), 1);
    // A record of one alert, encrypted: 5 + 2 + 1 + 16 bytes.
    assert_eq!(written(&mut server).len(), 24);
    server.push(&example("ping")).unwrap();
    assert!(!server.wants_write());
    assert_eq!((server.pending_output(), server.write_to(&mut Vec::new()).unwrap()), (0, 0));
}

#[test]
fn a_client_without_tls_is_answered_in_words_it_can_read() {
    let Ends { server, .. } = ends();
    for piece in [1, 2, 3, 1000] {
        let mut server = Channel::new(&server, limits::FRAME_BEFORE_LOGIN_MAX);
        let mut client = Channel::plaintext(limits::REPLY_FRAME_MAX);
        client.push(&example("hello")).unwrap();
        let hello = written(&mut client);
        let mut source = Cursor::new(&hello);
        let mut error = None;
        while error.is_none() {
            let mut part = std::io::Read::take(&mut source, piece);
            assert!(server.read_from(&mut part).unwrap() > 0, "it ends before it is known");
            error = server.next_message::<ClientMessage>().err();
        }
        assert_eq!(error, Some(ChannelError::WrongProtocol(WrongProtocol::Plaintext)));
        server.push_answer(WrongProtocol::Plaintext);
        let answer = written(&mut server);
        hand(&answer, 1000, &mut client);
        let Ok(Some(ServerMessage::Reply { number: 0, reply: Reply::Error(error) })) =
            client.next_message()
        else {
            panic!("no error");
        };
        assert_eq!(error.code, ErrorCode::Protocol);
        assert!(error.text.contains("--plaintext"), "{}", error.text);
    }
}

#[test]
fn other_protocols_are_recognised_before_tls() {
    let Ends { server, client } = ends();
    for (start, expected) in [
        (&b"GET / HTTP/1.1\r\n\r\n"[..], ChannelError::WrongProtocol(WrongProtocol::Http)),
        (b"SSH-2.0-x\r\n", ChannelError::WrongProtocol(WrongProtocol::Text)),
        (b"\xff\xff\xff\xff", ChannelError::NotTls),
    ] {
        for security in [&server, &client] {
            let mut channel = Channel::new(security, limits::FRAME_BEFORE_LOGIN_MAX);
            channel.read_from(&mut Cursor::new(start)).unwrap();
            assert!(channel.has_message());
            assert_eq!(channel.next_message::<ClientMessage>(), Err(expected.clone()));
        }
    }
}

#[test]
fn another_protocol_inside_tls_is_refused() {
    let Ends { server, client } = ends();
    let Security::Client(config, name) = client else { panic!("{client:?}") };
    let mut config = (*config).clone();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    let mut client = Channel::new(&Security::Client(Arc::new(config), name), 4096);
    let mut server = Channel::new(&server, 4096);
    talk(&mut client, &mut server, 4096);
    assert!(matches!(server.next_message::<ClientMessage>(), Err(ChannelError::Tls(_))));
    assert!(matches!(client.next_message::<ServerMessage>(), Err(ChannelError::Tls(_))));
}

/// The beginning of a connection with TLS 1.0 (RFC 2246, section 7.4.1.2): no extension names a
/// newer version.
#[test]
fn old_versions_of_tls_are_refused() {
    let mut hello = vec![0x03, 0x01];
    hello.extend([7; 32]);
    hello.extend([0, 0, 2, 0x00, 0x2f, 1, 0]);
    let mut record = vec![0x16, 0x03, 0x01, 0, hello.len() as u8 + 4, 1, 0, 0, hello.len() as u8];
    record.extend(&hello);
    let mut server = Channel::new(&ends().server, 4096);
    hand(&record, 4096, &mut server);
    let refused = server.next_message::<ClientMessage>();
    assert!(matches!(refused, Err(ChannelError::Tls(TlsError::Refused(_)))), "{refused:?}");
    // A fatal alert: handshake_failure.
    assert_eq!(written(&mut server)[..], [0x15, 3, 3, 0, 2, 2, 40]);
}
