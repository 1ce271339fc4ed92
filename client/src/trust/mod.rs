//! Which server certificates are trusted: those that a public authority has signed, one that the
//! user has accepted, or one whose fingerprint was stated. Also configures the client's TLS.

mod known;
mod policy;
mod untrusted;
mod verifier;

use std::{
    net::IpAddr,
    sync::{Arc, LazyLock},
};

use correio_proto::tls::{ALPN, Security, TlsError};
use rustls::{
    AlertDescription, CertificateError, ClientConfig, RootCertStore,
    crypto::{CryptoProvider, ring},
    pki_types::{DnsName, ServerName, UnixTime},
    time_provider::TimeProvider,
};

pub use known::{KnownServer, KnownServers, KnownServersError, Proof};
pub use policy::Trust;
pub use untrusted::{Distrust, Doubt, Untrusted};

use self::verifier::Verifier;
use crate::{address::Address, clock};

/// Why there is no TLS with a server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum TlsFailure {
    /// Its certificate is not trusted.
    Untrusted(Untrusted),
    /// The server does not speak TLS 1.3.
    NoTls,
    /// Another reason, in English.
    Other(String),
}

/// Classifies errors of TLS by what the user has to do.
pub(crate) fn failure(error: TlsError) -> TlsFailure {
    use rustls::Error;
    match error {
        TlsError::Refused(Error::InvalidCertificate(CertificateError::Other(error))) => {
            match error.0.downcast_ref::<Untrusted>() {
                Some(untrusted) => TlsFailure::Untrusted(untrusted.clone()),
                None => TlsFailure::Other(error.to_string()),
            }
        }
        TlsError::Refused(
            Error::AlertReceived(AlertDescription::ProtocolVersion) | Error::PeerIncompatible(_),
        ) => TlsFailure::NoTls,
        other => TlsFailure::Other(other.to_string()),
    }
}

impl Trust {
    /// The protection of channels to this server, for programs that make channels themselves.
    #[must_use]
    pub fn security(self, address: &Address) -> Security {
        security_with(Arc::clone(&ROOTS), self, address)
    }
}

/// As [`Trust::security`], with these authorities.
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

/// This computer's clock, as rustls needs it. The clock of rustls panics before 1970. With this one
/// no certificate is valid then, and a known fingerprint is still trusted.
#[derive(Debug)]
struct Clock;

impl TimeProvider for Clock {
    fn current_time(&self) -> Option<UnixTime> {
        Some(UnixTime::since_unix_epoch(clock::since_1970()))
    }
}

static ROOTS: LazyLock<Arc<RootCertStore>> =
    LazyLock::new(|| Arc::new(RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() }));

/// The name that a certificate for this address must have.
fn server_name(address: &Address) -> ServerName<'static> {
    if let Some(ip) = address.ip() {
        return ServerName::IpAddress(ip.into());
    }
    let name = address.host();
    match DnsName::try_from(name.trim_end_matches('.').to_owned()) {
        Ok(name) => ServerName::DnsName(name),
        // No certificate can have this name, so only a fingerprint makes it trusted.
        Err(_) => ServerName::IpAddress(IpAddr::from([0, 0, 0, 0]).into()),
    }
}

#[cfg(test)]
mod tests;
