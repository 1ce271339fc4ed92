//! TLS that begins on a channel in use, as STARTTLS and STLS demand.

use std::{io::Cursor, sync::Arc};

use correio_proto::{
    byte_channel::{ByteChannel, ByteError, StartTlsError},
    tls::{Security, TlsError},
    wrong_protocol::WrongProtocol,
};
use rustls::{
    ClientConfig, RootCertStore, ServerConfig, SupportedProtocolVersion,
    crypto::ring,
    pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer, ServerName},
    version::{TLS12, TLS13},
};

use crate::support::pump::{hand, talk, written};

const INPUT_MAX: usize = 64 * 1024;

/// The configurations of both ends. The server speaks TLS 1.2 and 1.3, the client `versions`.
fn ends(versions: &[&'static SupportedProtocolVersion], name: &'static str) -> [Security; 2] {
    let made = rcgen::generate_simple_self_signed(["mail.example.org".to_owned()]).unwrap();
    let certificate = CertificateDer::from(made.cert);
    let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(made.signing_key.serialize_der()));
    let provider = Arc::new(ring::default_provider());
    let server = ServerConfig::builder_with_provider(Arc::clone(&provider))
        .with_protocol_versions(&[&TLS12, &TLS13])
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate.clone()], key)
        .unwrap();
    let mut roots = RootCertStore::empty();
    roots.add(certificate).unwrap();
    let client = ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(versions)
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let name = ServerName::try_from(name).unwrap();
    [Security::Client(Arc::new(client), name), Security::Server(Arc::new(server))]
}

fn plaintext() -> ByteChannel {
    ByteChannel::new(&Security::Plaintext, INPUT_MAX)
}

/// Takes a channel's input, which must be this.
fn take(channel: &mut ByteChannel, expected: &[u8]) {
    assert_eq!(channel.input(), expected);
    channel.consume(expected.len());
}

#[test]
fn words_before_tls_are_plain_and_those_after_it_are_not() {
    for versions in [&[&TLS12][..], &[&TLS13]] {
        for piece in [1, 7, 16 * 1024] {
            let [client_tls, server_tls] = ends(versions, "mail.example.org");
            let (mut client, mut server) = (plaintext(), plaintext());
            server.output().extend_from_slice(b"220 mail.example.org\r\n");
            client.output().extend_from_slice(b"STARTTLS\r\n");
            let seen = talk(&mut client, &mut server, piece);
            assert!(seen.starts_with(b"STARTTLS\r\n"));
            take(&mut server, b"STARTTLS\r\n");
            take(&mut client, b"220 mail.example.org\r\n");
            server.start_tls(&server_tls).unwrap();
            client.start_tls(&client_tls).unwrap();
            assert!(server.is_handshaking());
            client.output().extend_from_slice(b"AUTH PLAIN secret\r\n");
            let seen = talk(&mut client, &mut server, piece);
            assert!(!server.is_handshaking() && !client.is_handshaking());
            assert!(!seen.windows(6).any(|window| window == b"secret"));
            take(&mut server, b"AUTH PLAIN secret\r\n");
            server.output().extend_from_slice(b"235 welcome\r\n");
            server.close();
            talk(&mut client, &mut server, piece);
            take(&mut client, b"235 welcome\r\n");
            assert_eq!(client.read_from(&mut Cursor::new(b"")).unwrap(), 0);
            assert!(!client.is_cut_off());
        }
    }
}

#[test]
fn input_that_is_left_over_is_never_protected_input() {
    let [_, server_tls] = ends(&[&TLS13], "mail.example.org");
    let mut server = plaintext();
    hand(b"STARTTLS\r\nEHLO mallory\r\n", 100, &mut server);
    server.consume(b"STARTTLS\r\n".len());
    let refused = server.start_tls(&server_tls);
    assert_eq!(refused, Err(StartTlsError::LeftOver { bytes: 14 }));
    assert_eq!(
        (server.input(), server.is_lost(), server.is_handshaking()),
        (&b""[..], true, false)
    );
    assert_eq!(server.start_tls(&server_tls), Err(StartTlsError::NotPlaintext));
}

#[test]
fn plaintext_that_comes_later_is_not_taken_either() {
    let [_, server_tls] = ends(&[&TLS13], "mail.example.org");
    let mut server = plaintext();
    server.start_tls(&server_tls).unwrap();
    hand(b"EHLO mallory\r\n", 100, &mut server);
    assert_eq!(server.input(), b"");
    assert_eq!(server.take_failure(), Some(ByteError::WrongProtocol(WrongProtocol::Text)));
}

#[test]
fn output_without_protection_goes_out_before_tls() {
    let [_, server_tls] = ends(&[&TLS13], "mail.example.org");
    let mut server = plaintext();
    server.output().extend_from_slice(b"220 ready\r\n");
    assert_eq!(server.start_tls(&server_tls), Err(StartTlsError::Unwritten));
    assert_eq!(written(&mut server), b"220 ready\r\n");
    assert_eq!(server.start_tls(&server_tls), Ok(()));
    assert_eq!(server.start_tls(&server_tls), Err(StartTlsError::NotPlaintext));
}

#[test]
fn a_handshake_that_fails_ends_the_stream_and_the_other_side_is_told() {
    let [client_tls, server_tls] = ends(&[&TLS13], "other.example.org");
    let (mut client, mut server) = (plaintext(), plaintext());
    server.start_tls(&server_tls).unwrap();
    client.start_tls(&client_tls).unwrap();
    client.output().extend_from_slice(b"AUTH PLAIN secret\r\n");
    talk(&mut client, &mut server, 4096);
    let refused = client.take_failure();
    assert!(matches!(refused, Some(ByteError::Tls(TlsError::Refused(_)))), "{refused:?}");
    let told = server.take_failure();
    assert!(matches!(told, Some(ByteError::Tls(TlsError::Refused(_)))), "{told:?}");
    assert_eq!(server.input(), b"");
}

/// The beginning of a connection with TLS 1.0 (RFC 2246, section 7.4.1.2).
#[test]
fn a_client_of_tls_1_0_gets_an_alert() {
    let mut hello = vec![0x03, 0x01];
    hello.extend([7; 32]);
    hello.extend([0, 0, 2, 0x00, 0x2f, 1, 0]);
    let mut record = vec![0x16, 0x03, 0x01, 0, hello.len() as u8 + 4, 1, 0, 0, hello.len() as u8];
    record.extend(&hello);
    let [_, server_tls] = ends(&[&TLS12], "mail.example.org");
    let mut server = plaintext();
    server.start_tls(&server_tls).unwrap();
    hand(&record, 4096, &mut server);
    let refused = server.take_failure();
    assert!(matches!(refused, Some(ByteError::Tls(TlsError::Refused(_)))), "{refused:?}");
    // A fatal alert: handshake_failure.
    assert_eq!(written(&mut server)[..], [0x15, 3, 3, 0, 2, 2, 40]);
}
