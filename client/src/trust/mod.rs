//! Which servers are trusted: those that public certificate authorities vouch for, those whose
//! certificate a person has accepted before, or the one whose fingerprint was stated in advance.
//! What TLS the client speaks stands here too.

mod known;
mod untrusted;
mod verifier;

use std::{
    net::IpAddr,
    sync::{Arc, LazyLock},
};

use correio_proto::{
    fingerprint::Fingerprint,
    tls::{ALPN, Security, TlsError},
};
use rustls::{
    AlertDescription, CertificateError, ClientConfig, RootCertStore,
    crypto::{CryptoProvider, ring},
    pki_types::{DnsName, ServerName, UnixTime},
    time_provider::TimeProvider,
};

pub use known::{KnownServer, KnownServers, KnownServersError, Proof};
pub use untrusted::{Distrust, Doubt, Untrusted};

use self::verifier::Verifier;
use crate::{Address, clock};

/// What a server must show before anything is said to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trust {
    /// Nothing: no TLS, so that whoever is in between reads and changes everything.
    Plaintext,
    /// A certificate that public authorities vouch for.
    Authorities,
    /// The certificate with this fingerprint, whatever else is true of it.
    Fingerprint(Fingerprint),
}

/// Why there is no TLS with a server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Failure {
    /// Its certificate is not trusted.
    Untrusted(Untrusted),
    /// It speaks no TLS, or none that is new enough.
    NoTls,
    /// Something else, in English.
    Other(String),
}

/// Sorts the errors of TLS by what a person has to do.
pub(crate) fn failure(error: TlsError) -> Failure {
    use rustls::Error;
    match error {
        TlsError::Refused(Error::InvalidCertificate(CertificateError::Other(error))) => {
            match error.0.downcast_ref::<Untrusted>() {
                Some(untrusted) => Failure::Untrusted(untrusted.clone()),
                None => Failure::Other(error.to_string()),
            }
        }
        TlsError::Refused(
            Error::AlertReceived(AlertDescription::ProtocolVersion) | Error::PeerIncompatible(_),
        ) => Failure::NoTls,
        other => Failure::Other(other.to_string()),
    }
}

impl Trust {
    /// How channels to this server are protected, for who makes them by hand.
    #[must_use]
    pub fn security(self, address: &Address) -> Security {
        security_with(Arc::clone(&ROOTS), self, address)
    }
}

/// How channels to a server are protected, with these authorities.
fn security_with(roots: Arc<RootCertStore>, trust: Trust, address: &Address) -> Security {
    let expected = match trust {
        Trust::Plaintext => return Security::Plaintext,
        Trust::Authorities => None,
        Trust::Fingerprint(fingerprint) => Some(fingerprint),
    };
    let provider: Arc<CryptoProvider> = Arc::new(ring::default_provider());
    let verifier = Verifier::new(address, expected, roots, &provider);
    let mut config = ClientConfig::builder_with_details(provider, Arc::new(Clock))
        .with_protocol_versions(&[&rustls::version::TLS13])
        .expect("the provider has TLS 1.3")
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(verifier))
        .with_no_client_auth();
    config.alpn_protocols = vec![ALPN.to_vec()];
    Security::Client(Arc::new(config), server_name(address))
}

/// This computer's clock. The one of rustls panics where it is set to a time before 1970; here no
/// certificate is valid yet then, and one whose fingerprint is known is trusted as always.
#[derive(Debug)]
struct Clock;

impl TimeProvider for Clock {
    fn current_time(&self) -> Option<UnixTime> {
        Some(UnixTime::since_unix_epoch(clock::since_1970()))
    }
}

static ROOTS: LazyLock<Arc<RootCertStore>> =
    LazyLock::new(|| Arc::new(RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() }));

/// The name that a certificate of this address has.
fn server_name(address: &Address) -> ServerName<'static> {
    if let Some(ip) = address.ip() {
        return ServerName::IpAddress(ip.into());
    }
    let name = address.host();
    match DnsName::try_from(name.trim_end_matches('.').to_owned()) {
        Ok(name) => ServerName::DnsName(name),
        // A name that no certificate can have: it is never vouched for, only accepted.
        Err(_) => ServerName::IpAddress(IpAddr::from([0, 0, 0, 0]).into()),
    }
}

#[cfg(test)]
mod tests;
