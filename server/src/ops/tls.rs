//! The server's TLS configuration: its certificate, its tickets and its clock.

use std::{io, sync::Arc};

use correio_proto::tls::{ALPN, Security};
use rustls::{
    ServerConfig, SupportedProtocolVersion,
    crypto::ring,
    pki_types::UnixTime,
    server::{ClientHello, NoServerSessionStorage, ProducesTickets, ResolvesServerCert},
    sign::CertifiedKey,
    time_provider::TimeProvider,
    version::{TLS12, TLS13},
};

use super::certificate::{Certificate, provider};
use crate::clock;

/// The TLS configuration of the channels of correio's own protocol: TLS 1.3 only, since every
/// client is newer.
///
/// # Errors
///
/// The system gives no random bytes.
pub fn security(certificate: &Arc<Certificate>) -> io::Result<Security> {
    let mut config = config(certificate, &[&TLS13])?;
    config.alpn_protocols = vec![ALPN.to_vec()];
    Ok(Security::Server(Arc::new(config)))
}

/// The TLS configuration of the gateways: TLS 1.2, too, and no ALPN, since some mail programs have
/// neither TLS 1.3 nor a name for their protocol.
///
/// # Errors
///
/// As [`security`].
pub fn security_of_gateways(certificate: &Arc<Certificate>) -> io::Result<Security> {
    Ok(Security::Server(Arc::new(config(certificate, &[&TLS13, &TLS12])?)))
}

fn config(
    certificate: &Arc<Certificate>,
    versions: &[&'static SupportedProtocolVersion],
) -> io::Result<ServerConfig> {
    let failed = |error: rustls::Error| io::Error::other(error.to_string());
    let mut config = ServerConfig::builder_with_provider(provider())
        .with_protocol_versions(versions)
        .map_err(failed)?
        .with_no_client_auth()
        .with_cert_resolver(Arc::clone(certificate) as Arc<dyn ResolvesServerCert>);
    // Sessions are resumed with tickets that clients keep; the server stores none.
    config.ticketer = Arc::new(Tickets(ring::Ticketer::new().map_err(failed)?));
    config.time_provider = Arc::new(Time);
    config.session_storage = Arc::new(NoServerSessionStorage {});
    config.send_tls13_tickets = 1;
    Ok(config)
}

/// The clock for TLS. The clock of rustls panics at a time before 1970.
#[derive(Debug)]
struct Time;

impl TimeProvider for Time {
    fn current_time(&self) -> Option<UnixTime> {
        // Without a time rustls would refuse every client.
        Some(UnixTime::since_unix_epoch(clock::since_1970().unwrap_or_default()))
    }
}

/// Tickets to resume sessions with. rustls reads the clock for each ticket and panics at a time
/// before 1970, so no tickets are used then and clients make full handshakes.
#[derive(Debug)]
struct Tickets(Arc<dyn ProducesTickets>);

impl ProducesTickets for Tickets {
    fn enabled(&self) -> bool {
        self.0.enabled()
    }

    fn lifetime(&self) -> u32 {
        self.0.lifetime()
    }

    fn encrypt(&self, plain: &[u8]) -> Option<Vec<u8>> {
        clock::since_1970().and_then(|_| self.0.encrypt(plain))
    }

    fn decrypt(&self, cipher: &[u8]) -> Option<Vec<u8>> {
        clock::since_1970().and_then(|_| self.0.decrypt(cipher))
    }
}

impl ResolvesServerCert for Certificate {
    fn resolve(&self, _hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.current())
    }
}
