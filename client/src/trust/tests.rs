//! The file of known servers, and the verification of certificates.

use std::{fs, io::Cursor};

use correio_proto::{
    channel::{Channel, ChannelError},
    fingerprint::Fingerprint,
    limits,
    message::{ClientMessage, Realm, Request, ServerMessage},
};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair, date_time_ymd};
use rustls::{
    ServerConfig,
    pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer},
};

use super::*;

fn address(text: &str) -> Address {
    text.parse().unwrap()
}

#[test]
fn what_is_accepted_is_remembered_for_its_address_alone() {
    let directory = tempfile::tempdir().unwrap();
    let known = KnownServers::in_directory(&directory.path().join("new"));
    let (home, other) = (address("mail.example:8888"), address("mail.example:8889"));
    let (first, second) = (Fingerprint::of(b"1"), Fingerprint::of(b"2"));
    assert_eq!(known.trust(&home).unwrap(), Trust::Authorities);
    known.remember(&home, first).unwrap();
    assert_eq!(known.trust(&home).unwrap(), Trust::Fingerprint(first));
    assert_eq!(known.trust(&other).unwrap(), Trust::Authorities);
    known.remember(&other, second).unwrap();
    known.remember(&home, second).unwrap();
    assert_eq!(known.trust(&home).unwrap(), Trust::Fingerprint(second));
    assert_eq!(known.list().unwrap().len(), 2);
    assert!(known.forget(&home).unwrap());
    assert!(!known.forget(&home).unwrap());
    let proof = Proof::Certificate(second);
    assert_eq!(known.list().unwrap(), [KnownServer { address: other, proof, realm: None }]);
}

#[test]
fn a_server_that_claims_the_mail_of_another_gets_no_password() {
    let directory = tempfile::tempdir().unwrap();
    let known = KnownServers::in_directory(directory.path());
    let (home, alias) = (address("mail.example:8888"), address("192.0.2.1:8888"));
    let (own, others) = (Fingerprint::of(b"own"), Fingerprint::of(b"others"));
    let (realm, another) = (Realm([1; 16]), Realm([2; 16]));
    let record = |address, trust, realm| known.record_realm(address, trust, realm).unwrap();
    known.remember(&home, own).unwrap();
    assert_eq!(record(&home, Trust::Fingerprint(own), realm), None);
    // The same server under another name shows the same certificate.
    known.remember(&alias, own).unwrap();
    assert_eq!(record(&alias, Trust::Fingerprint(own), realm), None);

    let elsewhere = address("elsewhere.example:8888");
    known.remember(&elsewhere, others).unwrap();
    assert_eq!(record(&elsewhere, Trust::Fingerprint(others), another), None);
    assert_eq!(record(&elsewhere, Trust::Fingerprint(others), realm), Some(home.clone()));
    // An authority certifies a host name, not a realm.
    let vouched = address("vouched.example:8888");
    assert_eq!(record(&vouched, Trust::Authorities, realm), Some(home.clone()));
    assert_eq!(record(&vouched, Trust::Authorities, Realm([3; 16])), None);
    let third = address("third.example:8888");
    assert_eq!(record(&third, Trust::Authorities, Realm([3; 16])), Some(vouched.clone()));
    // Without TLS no server can prove that it owns the realm, not even at its address.
    assert_eq!(record(&elsewhere, Trust::Plaintext, realm), Some(home.clone()));
    assert_eq!(record(&home, Trust::Plaintext, realm), Some(home.clone()));
    assert_eq!(record(&home, Trust::Plaintext, Realm([9; 16])), None);
    // A stated fingerprint is not trusted later, but still protects the realm.
    let (work, stated) = (address("work.example:8888"), Fingerprint::of(b"stated"));
    assert_eq!(record(&work, Trust::Fingerprint(stated), Realm([5; 16])), None);
    assert_eq!(known.trust(&work).unwrap(), Trust::Authorities);
    assert_eq!(record(&elsewhere, Trust::Fingerprint(others), Realm([5; 16])), Some(work.clone()));
    // A certificate that is stated for one run does not replace the entry of a vouched server.
    assert_eq!(record(&vouched, Trust::Fingerprint(stated), Realm([3; 16])), None);
    assert!(known.was_vouched(&vouched).unwrap());
    // A server that lost its store proves its new realm with its old certificate.
    assert_eq!(record(&home, Trust::Fingerprint(own), Realm([4; 16])), None);
    assert_eq!(known.trust(&home).unwrap(), Trust::Fingerprint(own));
    assert_eq!(known.trust(&third).unwrap(), Trust::Authorities);
}

#[test]
fn that_an_authority_vouches_is_remembered_with_the_realm() {
    let directory = tempfile::tempdir().unwrap();
    let known = KnownServers::in_directory(directory.path());
    let (server, accepted) = (address("mail.example:8888"), Fingerprint::of(b"accepted"));
    let realm = Realm([1; 16]);
    known.vouched(&server).unwrap();
    assert!(known.was_vouched(&server).unwrap());
    known.remember(&server, accepted).unwrap();
    assert_eq!(known.record_realm(&server, Trust::Fingerprint(accepted), realm).unwrap(), None);
    assert!(!known.was_vouched(&server).unwrap());
    known.vouched(&server).unwrap();
    assert_eq!(known.trust(&server).unwrap(), Trust::Authorities);
    assert_eq!(known.list().unwrap()[0].realm, Some(realm));
}

#[test]
fn a_line_that_says_nothing_is_named_and_kept() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("known_servers");
    let known = KnownServers::in_directory(directory.path());
    known.remember(&address("[::1]:8888"), Fingerprint::of(b"")).unwrap();
    let mut text = "# accepted by hand\n\n".to_owned() + &fs::read_to_string(&file).unwrap();
    fs::write(&file, &text).unwrap();
    assert_eq!(known.list().unwrap().len(), 1);
    text.push_str("mail.example SHA256:00\n");
    fs::write(&file, &text).unwrap();
    for error in [
        known.trust(&address("[::1]:8888")).unwrap_err(),
        known.remember(&address("a:1"), Fingerprint::of(b"")).unwrap_err(),
        known.forget(&address("a:1")).unwrap_err(),
    ] {
        assert!(matches!(error, KnownServersError::Line { line: 4, .. }), "{error}");
    }
    assert_eq!(fs::read_to_string(&file).unwrap(), text);
}

#[test]
fn every_address_has_a_name_for_its_certificate() {
    let name = |text: &str| server_name(&address(text)).to_str().into_owned();
    assert_eq!(name("Mail.Example.:1"), "mail.example");
    assert_eq!(name("192.0.2.1"), "192.0.2.1");
    assert_eq!(name("[::1]:1"), "::1");
    assert_eq!(name("a_b:1"), "a_b");
}

/// An authority that the client trusts in place of the public ones.
struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
    roots: Arc<RootCertStore>,
}

impl Authority {
    fn new() -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
        let mut roots = RootCertStore::empty();
        roots.add(issuer.der().clone()).unwrap();
        Self { issuer, roots: Arc::new(roots) }
    }

    /// A server whose certificate this authority has signed.
    fn server(&self, params: &CertificateParams) -> Shown {
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        Shown::new(certificate.der().clone(), &key)
    }
}

/// A server and the certificate it shows.
struct Shown {
    fingerprint: Fingerprint,
    security: Security,
}

impl Shown {
    fn new(certificate: CertificateDer<'static>, key: &KeyPair) -> Self {
        let fingerprint = Fingerprint::of(&certificate);
        let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.serialize_der()));
        let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_protocol_versions(&[&rustls::version::TLS13])
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![certificate], key)
            .unwrap();
        Self { fingerprint, security: Security::Server(Arc::new(config)) }
    }

    fn self_signed() -> Self {
        let key = KeyPair::generate().unwrap();
        let params = CertificateParams::new(vec!["mail.example".to_owned()]).unwrap();
        Self::new(params.self_signed(&key).unwrap().der().clone(), &key)
    }
}

/// The fate of a client's first request. Bytes that the server reads were sent to it.
fn connect(client: &Security, server: &Shown) -> Result<(), TlsFailure> {
    let mut client = Channel::new(client, limits::REPLY_FRAME_MAX);
    let mut server = Channel::new(&server.security, limits::REPLY_FRAME_MAX);
    client.push(&ClientMessage { number: 1, request: Request::Ping {} }).unwrap();
    for _ in 0..10 {
        pass(&mut client, &mut server);
        pass(&mut server, &mut client);
        let refused = client.next_message::<ServerMessage>();
        let heard = server.next_message::<ClientMessage>();
        match (refused, heard) {
            (Err(ChannelError::Tls(error)), heard) => {
                assert!(!matches!(heard, Ok(Some(_))), "something was said");
                return Err(failure(error));
            }
            (_, Ok(Some(_))) => return Ok(()),
            _ => {}
        }
    }
    panic!("nothing came of it");
}

fn pass(from: &mut Channel, to: &mut Channel) {
    let mut bytes = Vec::new();
    while from.wants_write() {
        from.write_to(&mut bytes).unwrap();
    }
    let mut source = Cursor::new(&bytes);
    while (source.position() as usize) < bytes.len() {
        to.read_from(&mut source).unwrap();
    }
}

fn params() -> CertificateParams {
    CertificateParams::new(vec!["mail.example".to_owned()]).unwrap()
}

#[test]
fn what_an_authority_vouches_for_needs_no_question() {
    let authority = Authority::new();
    let trust = |trust| {
        let roots = Arc::clone(&authority.roots);
        security_with(roots, trust, &address("mail.example:8888"))
    };
    let server = authority.server(&params());
    assert_eq!(connect(&trust(Trust::Authorities), &server), Ok(()));

    let mut expired = params();
    expired.not_before = date_time_ymd(2001, 1, 1);
    expired.not_after = date_time_ymd(2002, 1, 1);
    let mut early = params();
    early.not_before = date_time_ymd(4000, 1, 1);
    let other = CertificateParams::new(vec!["other.example".to_owned()]).unwrap();
    for (params, doubt) in
        [(expired, Doubt::Expired), (early, Doubt::NotYetValid), (other, Doubt::OtherName)]
    {
        let server = authority.server(&params);
        let Err(TlsFailure::Untrusted(untrusted)) = connect(&trust(Trust::Authorities), &server)
        else {
            panic!("{doubt} was not seen");
        };
        assert_eq!(untrusted.distrust, Distrust::Unvouched(doubt));
        assert_eq!(untrusted.found, server.fingerprint);
        // A user who compares the fingerprint may accept it all the same.
        assert_eq!(connect(&trust(Trust::Fingerprint(server.fingerprint)), &server), Ok(()));
    }
}

#[test]
fn a_server_s_own_certificate_is_accepted_by_its_fingerprint_alone() {
    let home = address("mail.example:8888");
    let (server, other) = (Shown::self_signed(), Shown::self_signed());
    let untrusted = |trust: Trust, server: &Shown| match connect(&trust.security(&home), server) {
        Err(TlsFailure::Untrusted(untrusted)) => untrusted,
        other => panic!("{other:?}"),
    };
    let unknown = untrusted(Trust::Authorities, &server);
    assert_eq!(unknown.distrust, Distrust::Unvouched(Doubt::UnknownIssuer));
    assert_eq!((unknown.found, &unknown.address), (server.fingerprint, &home));

    let accepted = Trust::Fingerprint(server.fingerprint);
    assert_eq!(connect(&accepted.security(&home), &server), Ok(()));
    let changed = untrusted(accepted, &other);
    assert_eq!(changed.distrust, Distrust::Changed { expected: server.fingerprint });
}

/// An authority's word does not replace a certificate that the user has accepted.
#[test]
fn a_certificate_that_was_accepted_is_the_only_one() {
    let authority = Authority::new();
    let accepted = Trust::Fingerprint(Shown::self_signed().fingerprint);
    let roots = Arc::clone(&authority.roots);
    let client = security_with(roots, accepted, &address("mail.example:8888"));
    let result = connect(&client, &authority.server(&params()));
    assert!(matches!(result, Err(TlsFailure::Untrusted(_))), "{result:?}");
}

/// The certificate alone is public; without its key nobody can pass for the server.
#[test]
fn the_server_must_have_the_certificate_s_key() {
    let server = Shown::self_signed();
    let key = KeyPair::generate().unwrap();
    let certificate = params().self_signed(&KeyPair::generate().unwrap()).unwrap();
    let fingerprint = Fingerprint::of(certificate.der());
    assert_ne!(fingerprint, server.fingerprint);
    let provider = Arc::new(ring::default_provider());
    let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.serialize_der()));
    let signer = provider.key_provider.load_private_key(key).unwrap();
    let stolen = rustls::sign::CertifiedKey::new(vec![certificate.der().clone()], signer);
    let config = ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS13])
        .unwrap()
        .with_no_client_auth()
        .with_cert_resolver(Arc::new(rustls::sign::SingleCertAndKey::from(stolen)));
    let impostor = Shown { fingerprint, security: Security::Server(Arc::new(config)) };
    let trust = Trust::Fingerprint(fingerprint);
    let result = connect(&trust.security(&address("mail.example:8888")), &impostor);
    assert!(matches!(result, Err(TlsFailure::Other(_))), "{result:?}");
}

#[test]
fn a_lock_that_another_program_keeps_is_waited_for_with_a_deadline() {
    let directory = tempfile::tempdir().unwrap();
    let known = KnownServers::in_directory(directory.path());
    let (home, other) = (address("mail.example"), address("other.example"));
    let (trust, realm) = (Trust::Fingerprint(Fingerprint::of(b"own")), Realm([1; 16]));
    known.record_realm(&home, trust, realm).unwrap();
    let lock = fs::File::open(directory.path().join("known_servers.lock")).unwrap();
    lock.lock().unwrap();
    // A call that changes nothing waits for no lock.
    assert_eq!(known.record_realm(&home, trust, realm).unwrap(), None);
    assert_eq!(known.record_realm(&other, Trust::Plaintext, Realm([2; 16])).unwrap(), None);
    let before = known.list().unwrap();
    let error = known.remember(&other, Fingerprint::of(b"own")).unwrap_err();
    assert!(
        matches!(&error, KnownServersError::Locked { path } if path.ends_with("known_servers.lock"))
    );
    assert!(error.to_string().contains("another program"), "{error}");
    assert_eq!(known.list().unwrap(), before);
    // A cancelled call does not wait for the deadline.
    let cancel = crate::Cancel::new();
    let known = known.cancelled_by(&cancel);
    cancel.cancel();
    for result in [
        known.record_realm(&other, trust, Realm([2; 16])).map(drop),
        known.remember(&other, Fingerprint::of(b"own")),
        known.forget(&home).map(drop),
    ] {
        assert!(matches!(result, Err(KnownServersError::Cancelled)), "{result:?}");
    }
    lock.unlock().unwrap();
    assert!(known.forget(&home).unwrap(), "a lock that is free is taken");
}
