//! TLS to a database: which certificates are trusted, and what the password's exchange is bound to.

use std::{fs::File, io::Read as _, path::Path, sync::Arc};

use rustls::{
    CertificateError, ClientConfig, ClientConnection, DigitallySignedStruct, Error, RootCertStore,
    SignatureScheme,
    client::{
        WebPkiServerVerifier,
        danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    },
    crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature},
    pki_types::{CertificateDer, ServerName, UnixTime, pem::PemObject as _},
};
use sha2::{Digest as _, Sha256, Sha384, Sha512};
use x509_parser::{certificate::X509Certificate, prelude::FromDer as _};

use crate::store::postgres::{
    connect_error::ConnectError,
    database_url::{DatabaseUrl, SslMode},
};

/// Largest file of certificates, in bytes.
const FILE_MAX: u64 = 8 << 20;

/// The client's end of TLS to a host.
///
/// # Errors
///
/// The file of trusted certificates cannot be used, or no certificate can have the host's name.
pub(super) fn client(
    url: &DatabaseUrl,
    host: &str,
    mode: SslMode,
) -> Result<ClientConnection, ConnectError> {
    let provider = Arc::new(ring::default_provider());
    let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .map_err(|error| ConnectError::Tls { reason: error.to_string() })?;
    let config = match mode {
        SslMode::VerifyFull => {
            let roots = roots(url.root_certificates.as_deref())?;
            builder.with_root_certificates(roots).with_no_client_auth()
        }
        SslMode::VerifyCa => {
            let roots = Arc::new(roots(url.root_certificates.as_deref())?);
            let verifier = WebPkiServerVerifier::builder_with_provider(roots, provider)
                .build()
                .map_err(|error| ConnectError::Tls { reason: error.to_string() })?;
            let verifier = Arc::new(AnyName(verifier));
            builder.dangerous().with_custom_certificate_verifier(verifier).with_no_client_auth()
        }
        SslMode::Require | SslMode::Disable => {
            let verifier = Arc::new(AnyCertificate(provider));
            builder.dangerous().with_custom_certificate_verifier(verifier).with_no_client_auth()
        }
    };
    let name = ServerName::try_from(host.to_owned())
        .map_err(|_| ConnectError::Tls { reason: format!("{host} is no name of a host") })?;
    ClientConnection::new(Arc::new(config), name)
        .map_err(|error| ConnectError::Tls { reason: error.to_string() })
}

/// The trusted certificates of a file, or those of the public authorities.
fn roots(path: Option<&Path>) -> Result<RootCertStore, ConnectError> {
    let mut roots = RootCertStore::empty();
    let Some(path) = path else {
        roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
        return Ok(roots);
    };
    let unusable = |reason: &dyn std::fmt::Display| ConnectError::RootCertificates {
        path: path.to_owned(),
        reason: reason.to_string(),
    };
    let mut text = Vec::new();
    let file = File::open(path).map_err(|error| unusable(&error))?;
    file.take(FILE_MAX).read_to_end(&mut text).map_err(|error| unusable(&error))?;
    for certificate in CertificateDer::pem_slice_iter(&text) {
        let certificate = certificate.map_err(|error| unusable(&error))?;
        roots.add(certificate).map_err(|error| unusable(&error))?;
    }
    if roots.is_empty() {
        return Err(unusable(&"it has no certificate"));
    }
    Ok(roots)
}

/// What the password's exchange is bound to (`tls-server-end-point`, RFC 5929): the digest of the
/// server's certificate by the hash of its signature, and by SHA-256 where that is weaker. `None`
/// without TLS, and for signatures that have no hash of their own.
pub(super) fn channel_binding(tls: Option<&ClientConnection>) -> Option<Vec<u8>> {
    let certificate = tls?.peer_certificates()?.first()?;
    let (_, parsed) = X509Certificate::from_der(certificate).ok()?;
    Some(match parsed.signature_algorithm.algorithm.to_id_string().as_str() {
        // RSA, and ECDSA; MD5 and SHA-1 among them.
        "1.2.840.113549.1.1.4"
        | "1.2.840.113549.1.1.5"
        | "1.2.840.113549.1.1.11"
        | "1.2.840.10045.4.1"
        | "1.2.840.10045.4.3.2" => Sha256::digest(certificate).to_vec(),
        "1.2.840.113549.1.1.12" | "1.2.840.10045.4.3.3" => Sha384::digest(certificate).to_vec(),
        "1.2.840.113549.1.1.13" | "1.2.840.10045.4.3.4" => Sha512::digest(certificate).to_vec(),
        _ => return None,
    })
}

/// Trusts the certificates of an authority whatever name they have.
#[derive(Debug)]
struct AnyName(Arc<WebPkiServerVerifier>);

impl ServerCertVerifier for AnyName {
    fn verify_server_cert(
        &self,
        certificate: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        match self.0.verify_server_cert(certificate, intermediates, name, ocsp, now) {
            // The name is looked at last.
            Err(Error::InvalidCertificate(
                CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. },
            )) => Ok(ServerCertVerified::assertion()),
            result => result,
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.0.verify_tls12_signature(message, certificate, signature)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.0.verify_tls13_signature(message, certificate, signature)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.supported_verify_schemes()
    }
}

/// Trusts every certificate whose key the server has (`sslmode=require`).
#[derive(Debug)]
struct AnyCertificate(Arc<CryptoProvider>);

impl ServerCertVerifier for AnyCertificate {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.0.signature_verification_algorithms;
        verify_tls12_signature(message, certificate, signature, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.0.signature_verification_algorithms;
        verify_tls13_signature(message, certificate, signature, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
