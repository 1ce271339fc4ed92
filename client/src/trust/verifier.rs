//! Verifies the certificate that a server presents, before anything is sent to it.

use std::sync::Arc;

use correio_proto::fingerprint::Fingerprint;
use rustls::{
    CertificateError, DigitallySignedStruct, Error, OtherError, RootCertStore, SignatureScheme,
    client::{
        WebPkiServerVerifier,
        danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    },
    crypto::{CryptoProvider, WebPkiSupportedAlgorithms, verify_tls13_signature},
    pki_types::{CertificateDer, ServerName, UnixTime},
};

use super::untrusted::{Distrust, Doubt, Untrusted};
use crate::address::Address;

/// Accepts one expected certificate, or those that an authority has signed. In both cases the
/// server must prove that it has the certificate's key.
#[derive(Debug)]
pub(super) struct Verifier {
    address: Address,
    expected: Option<Fingerprint>,
    authorities: Arc<WebPkiServerVerifier>,
    algorithms: WebPkiSupportedAlgorithms,
}

impl Verifier {
    pub(super) fn new(
        address: &Address,
        expected: Option<Fingerprint>,
        roots: Arc<RootCertStore>,
        provider: &Arc<CryptoProvider>,
    ) -> Self {
        let authorities = WebPkiServerVerifier::builder_with_provider(roots, Arc::clone(provider))
            .build()
            .expect("there are roots, and no lists of revoked certificates to be wrong");
        let algorithms = provider.signature_verification_algorithms;
        Self { address: address.clone(), expected, authorities, algorithms }
    }

    fn distrust(
        &self,
        found: Fingerprint,
        vouched: Result<ServerCertVerified, Error>,
    ) -> Option<Distrust> {
        match self.expected {
            Some(expected) if expected == found => None,
            Some(expected) => Some(Distrust::Changed { expected }),
            None => vouched.err().map(|error| Distrust::Unvouched(doubt(&error))),
        }
    }
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let found = Fingerprint::of(end_entity);
        let vouched = self.authorities.verify_server_cert(
            end_entity,
            intermediates,
            server_name,
            ocsp_response,
            now,
        );
        match self.distrust(found, vouched) {
            None => Ok(ServerCertVerified::assertion()),
            Some(distrust) => {
                let untrusted = Untrusted { address: self.address.clone(), found, distrust };
                let other = CertificateError::Other(OtherError(Arc::new(untrusted)));
                Err(Error::InvalidCertificate(other))
            }
        }
    }

    fn verify_tls12_signature(
        &self,
        _message: &[u8],
        _certificate: &CertificateDer<'_>,
        _signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Err(Error::General("only TLS 1.3 is spoken".to_owned()))
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, certificate, signature, &self.algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }
}

fn doubt(error: &Error) -> Doubt {
    use CertificateError::{
        Expired, ExpiredContext, NotValidForName, NotValidForNameContext, NotValidYet,
        NotValidYetContext, UnknownIssuer,
    };
    match error {
        Error::InvalidCertificate(UnknownIssuer) => Doubt::UnknownIssuer,
        Error::InvalidCertificate(Expired | ExpiredContext { .. }) => Doubt::Expired,
        Error::InvalidCertificate(NotValidYet | NotValidYetContext { .. }) => Doubt::NotYetValid,
        Error::InvalidCertificate(NotValidForName | NotValidForNameContext { .. }) => {
            Doubt::OtherName
        }
        other => Doubt::Other(other.to_string()),
    }
}
