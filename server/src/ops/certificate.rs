//! The server's certificate, self-signed at the first start or from a CA, and its replacement while
//! the server runs.

use std::{
    fmt, fs, io,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError, RwLock},
};

use correio_proto::fingerprint::Fingerprint;
use rustls::{
    crypto::{CryptoProvider, ring},
    pki_types::{CertificateDer, PrivateKeyDer, pem, pem::PemObject},
    sign::CertifiedKey,
};
use x509_parser::{
    prelude::{FromDer, X509Certificate},
    public_key::PublicKey,
};

use crate::{
    data_directory::{CERTIFICATE, PROGRAM_CERTIFICATE},
    mutex::lock,
    private_file,
};

/// Name in the self-signed certificate. Clients verify its fingerprint, not its name.
const OWN_NAME: &str = "correio";

/// Minimum length of an RSA key, in bits: the minimum of today's TLS libraries.
const RSA_BITS_MIN: usize = 2048;

/// The source of the certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CertificateSource {
    /// A self-signed certificate in this data directory, made there if it does not exist.
    Own(PathBuf),
    /// The server's own certificate for mail programs in this data directory, which
    /// [`super::program_certificate`] makes.
    Programs(PathBuf),
    /// Two files in PEM.
    Files {
        /// The server's certificate, followed by the chain to the CA.
        certificate: PathBuf,
        /// The certificate's key.
        key: PathBuf,
    },
}

impl CertificateSource {
    /// The data directory in which [`Certificate::open`] would make a certificate. `None` if it
    /// would make none.
    #[must_use]
    pub fn makes_in(&self) -> Option<&Path> {
        match self {
            Self::Own(directory) if !directory.join(CERTIFICATE).exists() => Some(directory),
            Self::Own(_) | Self::Programs(_) | Self::Files { .. } => None,
        }
    }
}

/// Why the certificate cannot be used.
#[derive(Debug, thiserror::Error)]
#[allow(missing_docs)] // The messages describe each.
pub enum CertificateError {
    #[error("cannot read {}: {source}; give this user the right to read it", path.display())]
    Unreadable { path: PathBuf, source: io::Error },
    #[error("{} has no certificate in PEM (-----BEGIN CERTIFICATE-----){}", path.display(), Detail(detail))]
    NoCertificate { path: PathBuf, detail: String },
    #[error("{} has no private key in PEM (-----BEGIN PRIVATE KEY-----){}", path.display(), Detail(detail))]
    NoKey { path: PathBuf, detail: String },
    #[error("the key in {} can be read by every user of this machine: chmod o= {}", path.display(), path.display())]
    OpenKey { path: PathBuf },
    #[error("the key in {} is protected by a passphrase, which the server cannot ask for: remove it with openssl pkey -in {} -out NEW.pem, and name the new file", path.display(), path.display())]
    Passphrase { path: PathBuf },
    #[error("the RSA key in {} has {bits} bits, which is too short to protect anything: make one of 2048 bits or more, or an ECDSA key, and get a certificate for it", path.display())]
    ShortKey { path: PathBuf, bits: usize },
    #[error("the certificates in {} are in the wrong order: that of the server, to which the key belongs, must come first, and after it those that lead to the CA", path.display())]
    Order { path: PathBuf },
    #[error("the key in {} does not belong to the certificate in {}: give the two that were made together", key.display(), certificate.display())]
    Mismatch { certificate: PathBuf, key: PathBuf },
    #[error("the key in {} is of a kind that is not supported ({detail}): use ECDSA (P-256, P-384), Ed25519 or RSA", path.display())]
    Unsupported { path: PathBuf, detail: String },
    #[error("cannot make a key and a certificate in {}: {detail}", path.display())]
    Make { path: PathBuf, detail: String },
}

/// A library's message, formatted as the end of a sentence.
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
    /// Locked while the files are read again, so that the files that were read last are used.
    reloading: Mutex<()>,
}

impl Certificate {
    /// Reads the certificate and its key. Makes a self-signed certificate if the data directory has
    /// none.
    ///
    /// # Errors
    ///
    /// See [`CertificateError`]. Files that cannot be used are left as they are.
    pub fn open(source: CertificateSource) -> Result<Arc<Self>, CertificateError> {
        if let CertificateSource::Own(directory) = &source {
            make_own(directory)?;
        }
        let current = RwLock::new(load(&source)?);
        Ok(Arc::new(Self { source, current, reloading: Mutex::new(()) }))
    }

    /// Reads the files again. If they cannot be used, the present certificate stays in use.
    ///
    /// # Errors
    ///
    /// See [`CertificateError`].
    pub fn reload(&self) -> Result<(), CertificateError> {
        let _guard = lock(&self.reloading);
        let new = load(&self.source)?;
        *self.current.write().unwrap_or_else(PoisonError::into_inner) = new;
        Ok(())
    }

    /// Fingerprint of the server's certificate, without the chain to the CA.
    #[must_use]
    pub fn fingerprint(&self) -> Fingerprint {
        Fingerprint::of(self.leaf().as_ref())
    }

    /// A warning if the certificate has expired or is not valid yet: clients that do not know its
    /// fingerprint refuse it. `now` is in seconds since 1970.
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

    /// The certificate and its key.
    pub(super) fn current(&self) -> Arc<CertifiedKey> {
        Arc::clone(&self.current.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// The certificate without the chain to the CA.
    pub(super) fn leaf(&self) -> CertificateDer<'static> {
        self.current().cert.first().cloned().unwrap_or_else(|| CertificateDer::from(Vec::new()))
    }
}

/// The cryptography of TLS.
pub(super) fn provider() -> Arc<CryptoProvider> {
    Arc::new(ring::default_provider())
}

fn load(source: &CertificateSource) -> Result<Arc<CertifiedKey>, CertificateError> {
    let (certificate, key) = match source {
        CertificateSource::Own(directory) => one_file(directory.join(CERTIFICATE))?,
        CertificateSource::Programs(directory) => one_file(directory.join(PROGRAM_CERTIFICATE))?,
        CertificateSource::Files { certificate, key } => (certificate.clone(), key.clone()),
    };
    let chain = read_chain(&certificate)?;
    let der = read_key(&key)?;
    let others: Vec<_> = chain.iter().skip(1).cloned().collect();
    let short = chain.first().and_then(rsa_bits).filter(|bits| *bits < RSA_BITS_MIN);
    match CertifiedKey::from_der(chain, der.clone_key(), &provider()) {
        Ok(certified) => Ok(Arc::new(certified)),
        Err(rustls::Error::InconsistentKeys(_)) => {
            let belongs = |other: CertificateDer<'static>| {
                CertifiedKey::from_der(vec![other], der.clone_key(), &provider()).is_ok()
            };
            match others.into_iter().any(belongs) {
                true => Err(CertificateError::Order { path: certificate }),
                false => Err(CertificateError::Mismatch { certificate, key }),
            }
        }
        Err(rustls::Error::InvalidCertificate(_)) => {
            let detail = "the certificate is damaged or cut off".to_owned();
            Err(CertificateError::NoCertificate { path: certificate, detail })
        }
        Err(error) => Err(match short {
            Some(bits) => CertificateError::ShortKey { path: key, bits },
            None => CertificateError::Unsupported { path: key, detail: error.to_string() },
        }),
    }
}

/// The file of the data directory that has both a certificate and its key.
fn one_file(path: PathBuf) -> Result<(PathBuf, PathBuf), CertificateError> {
    // A symlink in the data directory is refused: the server may run as root.
    match private_file::read(&path) {
        Ok(_) => Ok((path.clone(), path)),
        Err(source) => Err(CertificateError::Unreadable { path, source }),
    }
}

/// The length of a certificate's RSA key, in bits. `None` if the key is of another kind.
fn rsa_bits(certificate: &CertificateDer<'static>) -> Option<usize> {
    let (_, parsed) = X509Certificate::from_der(certificate.as_ref()).ok()?;
    match parsed.public_key().parsed().ok()? {
        PublicKey::RSA(key) => Some(key.key_size()),
        _ => None,
    }
}

/// Describes an error in a PEM file in words. Empty if the file has no such item.
fn in_words(error: pem::Error) -> String {
    match error {
        pem::Error::NoItemsFound => String::new(),
        pem::Error::MissingSectionEnd { end_marker } => {
            let end = String::from_utf8_lossy(&end_marker).into_owned();
            format!("it is cut off before its line -----END {}-----", end.trim())
        }
        pem::Error::IllegalSectionStart { line } => {
            let line = String::from_utf8_lossy(&line).into_owned();
            format!("the line {:?} is no beginning of a section", line.trim())
        }
        pem::Error::Base64Decode(_) => "a character in it is damaged or missing".to_owned(),
        error => error.to_string(),
    }
}

/// Whether a key in PEM is encrypted, in either of the forms of openssl.
fn is_encrypted(text: &[u8]) -> bool {
    let text = String::from_utf8_lossy(text);
    text.contains("-----BEGIN ENCRYPTED PRIVATE KEY-----")
        || text.contains("Proc-Type: 4,ENCRYPTED")
}

fn read(path: &Path) -> Result<Vec<u8>, CertificateError> {
    fs::read(path).map_err(|source| CertificateError::Unreadable { path: path.to_owned(), source })
}

fn read_chain(path: &Path) -> Result<Vec<CertificateDer<'static>>, CertificateError> {
    let none = |detail| CertificateError::NoCertificate { path: path.to_owned(), detail };
    let text = read(path)?;
    let chain: Result<Vec<_>, pem::Error> = CertificateDer::pem_slice_iter(&text).collect();
    let chain = chain.map_err(|error| none(in_words(error)))?;
    if chain.is_empty() { Err(none(String::new())) } else { Ok(chain) }
}

fn read_key(path: &Path) -> Result<PrivateKeyDer<'static>, CertificateError> {
    let unreadable = |source| CertificateError::Unreadable { path: path.to_owned(), source };
    let mode = fs::metadata(path).map_err(unreadable)?.permissions().mode();
    if mode & 0o007 != 0 {
        return Err(CertificateError::OpenKey { path: path.to_owned() });
    }
    let text = zeroize::Zeroizing::new(read(path)?);
    if is_encrypted(&text) {
        return Err(CertificateError::Passphrase { path: path.to_owned() });
    }
    PrivateKeyDer::from_pem_slice(&text)
        .map_err(|error| CertificateError::NoKey { path: path.to_owned(), detail: in_words(error) })
}

/// Makes the self-signed certificate and its key if there are none. It is valid for as long as
/// certificates can be, since clients trust its fingerprint.
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
