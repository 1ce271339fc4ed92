//! The server's certificate: its own, made at the first start, or that of a CA; and how it is
//! replaced while the server runs. What TLS the server speaks stands here too.

use std::{
    fmt, fs, io,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError, RwLock},
};

use correio_proto::{
    fingerprint::Fingerprint,
    tls::{ALPN, Security},
};
use rustls::{
    ServerConfig,
    crypto::{CryptoProvider, ring},
    pki_types::{CertificateDer, PrivateKeyDer, pem, pem::PemObject},
    server::{ClientHello, NoServerSessionStorage, ResolvesServerCert},
    sign::CertifiedKey,
};
use x509_parser::prelude::{FromDer, X509Certificate};

use crate::{data_directory::CERTIFICATE, private_file};

/// Name in the server's own certificate. Clients know it by its fingerprint, not by its name.
const OWN_NAME: &str = "correio";

/// Where the certificate comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CertificateSource {
    /// From this data directory, made there where it is not there yet.
    Own(PathBuf),
    /// From two files in PEM.
    Files {
        /// The server's certificate, followed by those that lead to the CA's.
        certificate: PathBuf,
        /// Its key.
        key: PathBuf,
    },
}

impl CertificateSource {
    /// The data directory in which [`Certificate::open`] would make a certificate now, if it would.
    #[must_use]
    pub fn makes_in(&self) -> Option<&Path> {
        match self {
            Self::Own(directory) if !directory.join(CERTIFICATE).exists() => Some(directory),
            Self::Own(_) | Self::Files { .. } => None,
        }
    }
}

/// Why there is no certificate.
#[derive(Debug, thiserror::Error)]
#[allow(missing_docs)] // The messages say what each is.
pub enum CertificateError {
    #[error("cannot read {}: {source}; give this user the right to read it", path.display())]
    Unreadable { path: PathBuf, source: io::Error },
    #[error("{} has no certificate in PEM (-----BEGIN CERTIFICATE-----){}", path.display(), Detail(detail))]
    NoCertificate { path: PathBuf, detail: String },
    #[error("{} has no private key in PEM (-----BEGIN PRIVATE KEY-----){}", path.display(), Detail(detail))]
    NoKey { path: PathBuf, detail: String },
    #[error("the key in {} can be read by every user of this machine: chmod o= {}", path.display(), path.display())]
    OpenKey { path: PathBuf },
    #[error("the key in {} does not belong to the certificate in {}: give the two that were made together", key.display(), certificate.display())]
    Mismatch { certificate: PathBuf, key: PathBuf },
    #[error("the key in {} is of a kind that is not supported ({detail}): use ECDSA (P-256, P-384), Ed25519 or RSA", path.display())]
    Unsupported { path: PathBuf, detail: String },
    #[error("cannot make a key and a certificate in {}: {detail}", path.display())]
    Make { path: PathBuf, detail: String },
}

/// What a library has to say besides, as the end of a sentence.
struct Detail<'a>(&'a str);

impl fmt::Display for Detail<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() { Ok(()) } else { write!(f, ": {}", self.0) }
    }
}

/// The certificate that new connections are shown.
#[derive(Debug)]
pub struct Certificate {
    source: CertificateSource,
    current: RwLock<Arc<CertifiedKey>>,
    /// Held while the files are read again, so that what was read last holds.
    reloading: Mutex<()>,
}

impl Certificate {
    /// Reads the certificate and its key, and makes the server's own where there is none yet.
    ///
    /// # Errors
    ///
    /// See [`CertificateError`]. What is there and cannot be used is left as it is.
    pub fn open(source: CertificateSource) -> Result<Arc<Self>, CertificateError> {
        if let CertificateSource::Own(directory) = &source {
            make_own(directory)?;
        }
        let current = RwLock::new(load(&source)?);
        Ok(Arc::new(Self { source, current, reloading: Mutex::new(()) }))
    }

    /// Reads the files again. Where they cannot be used, the certificate stays as it was.
    ///
    /// # Errors
    ///
    /// See [`CertificateError`].
    pub fn reload(&self) -> Result<(), CertificateError> {
        let _turn = self.reloading.lock().unwrap_or_else(PoisonError::into_inner);
        let new = load(&self.source)?;
        *self.current.write().unwrap_or_else(PoisonError::into_inner) = new;
        Ok(())
    }

    /// That of the certificate itself, without those that lead to a CA.
    #[must_use]
    pub fn fingerprint(&self) -> Fingerprint {
        Fingerprint::of(self.leaf().as_ref())
    }

    /// What is wrong with the certificate's time, if anything: clients that do not know its
    /// fingerprint will refuse it. `now` is in seconds since 1970.
    #[must_use]
    pub fn time_warning(&self, now: i64) -> Option<String> {
        let leaf = self.leaf();
        let (_, parsed) = X509Certificate::from_der(leaf.as_ref()).ok()?;
        let validity = parsed.validity();
        if now > validity.not_after.timestamp() {
            return Some(format!(
                "the certificate expired on {}: get a new one and send SIGHUP",
                validity.not_after
            ));
        }
        (now < validity.not_before.timestamp()).then(|| {
            format!(
                "the certificate is not valid before {}: is this machine's clock right?",
                validity.not_before
            )
        })
    }

    /// The TLS that channels are made with: TLS 1.3 alone, since every client is newer than it.
    ///
    /// # Errors
    ///
    /// The machine gives no random bytes.
    pub fn security(self: &Arc<Self>) -> io::Result<Security> {
        let failed = |error: rustls::Error| io::Error::other(error.to_string());
        let mut config = ServerConfig::builder_with_provider(provider())
            .with_protocol_versions(&[&rustls::version::TLS13])
            .map_err(failed)?
            .with_no_client_auth()
            .with_cert_resolver(Arc::clone(self) as Arc<dyn ResolvesServerCert>);
        config.alpn_protocols = vec![ALPN.to_vec()];
        // A client that comes back is known by a ticket that it keeps; nothing is kept here.
        config.ticketer = ring::Ticketer::new().map_err(failed)?;
        config.session_storage = Arc::new(NoServerSessionStorage {});
        config.send_tls13_tickets = 1;
        Ok(Security::Server(Arc::new(config)))
    }

    fn current(&self) -> Arc<CertifiedKey> {
        Arc::clone(&self.current.read().unwrap_or_else(PoisonError::into_inner))
    }

    fn leaf(&self) -> CertificateDer<'static> {
        self.current().cert.first().cloned().unwrap_or_else(|| CertificateDer::from(Vec::new()))
    }
}

impl ResolvesServerCert for Certificate {
    fn resolve(&self, _hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.current())
    }
}

fn provider() -> Arc<CryptoProvider> {
    Arc::new(ring::default_provider())
}

fn load(source: &CertificateSource) -> Result<Arc<CertifiedKey>, CertificateError> {
    let (certificate, key) = match source {
        CertificateSource::Own(directory) => {
            let path = directory.join(CERTIFICATE);
            // A link in the data directory is not followed, least of all by root.
            private_file::read(&path)
                .map_err(|source| CertificateError::Unreadable { path: path.clone(), source })?;
            (path.clone(), path)
        }
        CertificateSource::Files { certificate, key } => (certificate.clone(), key.clone()),
    };
    let chain = read_chain(&certificate)?;
    let der = read_key(&key)?;
    match CertifiedKey::from_der(chain, der, &provider()) {
        Ok(certified) => Ok(Arc::new(certified)),
        Err(rustls::Error::InconsistentKeys(_)) => {
            Err(CertificateError::Mismatch { certificate, key })
        }
        Err(error @ rustls::Error::InvalidCertificate(_)) => {
            let detail = error.to_string();
            Err(CertificateError::NoCertificate { path: certificate, detail })
        }
        Err(error) => Err(CertificateError::Unsupported { path: key, detail: error.to_string() }),
    }
}

fn read(path: &Path) -> Result<Vec<u8>, CertificateError> {
    fs::read(path).map_err(|source| CertificateError::Unreadable { path: path.to_owned(), source })
}

fn read_chain(path: &Path) -> Result<Vec<CertificateDer<'static>>, CertificateError> {
    let none = |detail| CertificateError::NoCertificate { path: path.to_owned(), detail };
    let text = read(path)?;
    let chain: Result<Vec<_>, pem::Error> = CertificateDer::pem_slice_iter(&text).collect();
    let chain = chain.map_err(|error| none(error.to_string()))?;
    if chain.is_empty() { Err(none(String::new())) } else { Ok(chain) }
}

fn read_key(path: &Path) -> Result<PrivateKeyDer<'static>, CertificateError> {
    let unreadable = |source| CertificateError::Unreadable { path: path.to_owned(), source };
    let mode = fs::metadata(path).map_err(unreadable)?.permissions().mode();
    if mode & 0o007 != 0 {
        return Err(CertificateError::OpenKey { path: path.to_owned() });
    }
    let text = zeroize::Zeroizing::new(read(path)?);
    PrivateKeyDer::from_pem_slice(&text).map_err(|error| {
        let detail = match error {
            pem::Error::NoItemsFound => String::new(),
            error => error.to_string(),
        };
        CertificateError::NoKey { path: path.to_owned(), detail }
    })
}

/// Makes the server's own key and certificate where there are none: valid for as long as
/// certificates can be, since it is the fingerprint that is trusted.
fn make_own(directory: &Path) -> Result<(), CertificateError> {
    let path = directory.join(CERTIFICATE);
    if path.exists() {
        return Ok(());
    }
    let failed = |detail: String| CertificateError::Make { path: directory.to_owned(), detail };
    let made = rcgen::generate_simple_self_signed([OWN_NAME.to_owned()])
        .map_err(|error| failed(error.to_string()))?;
    let text = zeroize::Zeroizing::new(made.signing_key.serialize_pem() + &made.cert.pem());
    private_file::make(directory, CERTIFICATE, text.as_bytes())
        .map_err(|error| failed(error.to_string()))
}
