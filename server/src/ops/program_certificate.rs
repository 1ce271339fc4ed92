//! The server's own certificate for mail programs. Unlike the certificate that correio's clients
//! pin, it has the name by which programs connect, and an end: some programs refuse a certificate
//! without either.

use std::{
    io,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use correio_proto::fingerprint::Fingerprint;
use jiff::{ToSpan, civil::Date, tz::TimeZone};
use rcgen::{
    CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, KeyPair,
    KeyUsagePurpose, date_time_ymd,
};
use x509_parser::{
    extensions::GeneralName,
    prelude::{FromDer, X509Certificate},
};

use super::certificate::{Certificate, CertificateError, CertificateSource};
use crate::{
    clock,
    data_directory::{self, PROGRAM_CERTIFICATE},
    event::Event,
    gateway::domain::MailDomain,
    private_file,
};

/// Days for which a certificate is valid. Apple's programs accept at most 825.
const VALID_DAYS: i64 = 366;

/// Days before the end of a certificate at which it is renewed.
const RENEWED_DAYS: i64 = 30;

/// Seconds of a day.
const DAY: i64 = 24 * 60 * 60;

/// Longest common name, in bytes (RFC 5280, `ub-common-name`). A longer domain is only in the
/// alternative name, which programs read.
const COMMON_NAME_MAX: usize = 64;

/// See the module's description.
#[derive(Debug)]
pub struct ProgramCertificate {
    certificate: Arc<Certificate>,
    directory: PathBuf,
    domain: MailDomain,
}

impl ProgramCertificate {
    /// Reads the certificate of a data directory. Makes a new certificate if there is none, or if
    /// the present one is due: it has another name, ends within 30 days, or is not valid yet. `now`
    /// is the time since 1970. A present certificate that cannot be replaced stays in use, and the
    /// log says so.
    ///
    /// # Errors
    ///
    /// See [`CertificateError`]. A file that cannot be used is left as it is.
    pub fn open(
        directory: &Path,
        domain: &MailDomain,
        now: Duration,
    ) -> Result<Self, CertificateError> {
        let failed = |error: io::Error| make_failed(directory, error.to_string());
        if !data_directory::has(directory, PROGRAM_CERTIFICATE).map_err(failed)? {
            make(directory, domain, now)?;
        }
        let certificate = Certificate::open(CertificateSource::Programs(directory.to_owned()))?;
        let (directory, domain) = (directory.to_owned(), domain.clone());
        let opened = Self { certificate, directory, domain };
        if let Err(error) = opened.renew(now) {
            Event::CertificateKept { text: &error.to_string() }.log();
        }
        Ok(opened)
    }

    /// Replaces the certificate if it is due, in the data directory and for new connections.
    /// Returns whether it was replaced. While the clock is obviously wrong, only a certificate with
    /// another name is due.
    ///
    /// # Errors
    ///
    /// See [`CertificateError`]. The present certificate stays in use.
    pub fn renew(&self, now: Duration) -> Result<bool, CertificateError> {
        if !is_due(self.certificate.leaf().as_ref(), &self.domain, now) {
            return Ok(false);
        }
        make(&self.directory, &self.domain, now)?;
        self.certificate.reload()?;
        Ok(true)
    }

    /// The certificate that new connections are shown.
    #[must_use]
    pub fn certificate(&self) -> &Arc<Certificate> {
        &self.certificate
    }

    /// The certificate's fingerprint.
    #[must_use]
    pub fn fingerprint(&self) -> Fingerprint {
        self.certificate.fingerprint()
    }
}

/// What people compare a certificate by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// The fingerprint of the certificate.
    pub fingerprint: Fingerprint,
    /// The domain that the certificate names; `None` if it names none.
    pub domain: Option<MailDomain>,
}

/// The certificate for mail programs in a data directory; `None` if it has none.
///
/// # Errors
///
/// See [`CertificateError`].
pub fn identity_in(directory: &Path) -> Result<Option<Identity>, CertificateError> {
    let failed = |error: io::Error| make_failed(directory, error.to_string());
    if !data_directory::has(directory, PROGRAM_CERTIFICATE).map_err(failed)? {
        return Ok(None);
    }
    let certificate = Certificate::open(CertificateSource::Programs(directory.to_owned()))?;
    let domain = domain_in(certificate.leaf().as_ref());
    Ok(Some(Identity { fingerprint: certificate.fingerprint(), domain }))
}

/// The first domain that a certificate in DER names.
fn domain_in(certificate: &[u8]) -> Option<MailDomain> {
    let (_, parsed) = X509Certificate::from_der(certificate).ok()?;
    let names = parsed.subject_alternative_name().ok().flatten()?;
    names.value.general_names.iter().find_map(|name| match name {
        GeneralName::DNSName(name) => name.parse().ok(),
        _ => None,
    })
}

/// Whether a certificate in DER must be replaced.
fn is_due(certificate: &[u8], domain: &MailDomain, now: Duration) -> bool {
    let Ok((_, parsed)) = X509Certificate::from_der(certificate) else {
        return true;
    };
    if !has_name(&parsed, domain) {
        return true;
    }
    if clock::warning(now).is_some() {
        return false;
    }
    let validity = parsed.validity();
    let now = seconds(now);
    let renewed = validity.not_after.timestamp().saturating_sub(RENEWED_DAYS * DAY);
    // A certificate that was made while the clock was ahead is not valid yet.
    now >= renewed || now < validity.not_before.timestamp()
}

fn has_name(certificate: &X509Certificate<'_>, domain: &MailDomain) -> bool {
    let names = certificate.subject_alternative_name().ok().flatten();
    names.is_some_and(|names| {
        let is_domain = |name: &GeneralName<'_>| {
            matches!(name, GeneralName::DNSName(name) if *name == domain.as_str())
        };
        names.value.general_names.iter().any(is_domain)
    })
}

fn seconds(now: Duration) -> i64 {
    i64::try_from(now.as_secs()).unwrap_or(i64::MAX)
}

/// Makes a certificate with a new key, in place of the present certificate.
fn make(directory: &Path, domain: &MailDomain, now: Duration) -> Result<(), CertificateError> {
    let failed = |error: rcgen::Error| make_failed(directory, error.to_string());
    let mut params = CertificateParams::new([domain.as_str().to_owned()]).map_err(failed)?;
    params.distinguished_name = DistinguishedName::new();
    if domain.as_str().len() <= COMMON_NAME_MAX {
        params.distinguished_name.push(DnType::CommonName, domain.as_str());
    }
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    let (first, last) = validity(now);
    let midnight = |date: Date| {
        date_time_ymd(date.year().into(), date.month().unsigned_abs(), date.day().unsigned_abs())
    };
    params.not_before = midnight(first);
    params.not_after = midnight(last);
    let key = KeyPair::generate().map_err(failed)?;
    let certificate = params.self_signed(&key).map_err(failed)?;
    let text = zeroize::Zeroizing::new(key.serialize_pem() + &certificate.pem());
    private_file::replace(directory, PROGRAM_CERTIFICATE, text.as_bytes())
        .map_err(|error| make_failed(directory, error.to_string()))
}

/// The first and the last day of a certificate. It begins a day early, since a program's clock may
/// be slow.
fn validity(now: Duration) -> (Date, Date) {
    let now = seconds(clock::plausible(now));
    let today = jiff::Timestamp::from_second(now).unwrap_or(jiff::Timestamp::MAX);
    let first = today.to_zoned(TimeZone::UTC).date().saturating_sub(1.day());
    (first, first.saturating_add(VALID_DAYS.days()))
}

fn make_failed(directory: &Path, detail: String) -> CertificateError {
    CertificateError::Make { path: directory.to_owned(), detail }
}

#[cfg(test)]
mod tests {
    use std::{fs, os::unix::fs::PermissionsExt};

    use super::*;

    /// 2026-11-27T10:00:00Z.
    const NOW: Duration = Duration::from_secs(1_795_773_600);

    const DAYS: Duration = Duration::from_secs(24 * 60 * 60);

    fn domain() -> MailDomain {
        "mail.example.org".parse().unwrap()
    }

    fn open(directory: &Path, now: Duration) -> ProgramCertificate {
        ProgramCertificate::open(directory, &domain(), now).unwrap()
    }

    #[test]
    fn the_certificate_is_what_programs_ask_for() {
        let directory = tempfile::tempdir().unwrap();
        let made = open(directory.path(), NOW);
        let leaf = made.certificate.leaf();
        let (_, parsed) = X509Certificate::from_der(leaf.as_ref()).unwrap();
        assert!(has_name(&parsed, &domain()));
        let usage = parsed.extended_key_usage().unwrap().unwrap().value;
        assert!(usage.server_auth && !usage.client_auth && !usage.any);
        let validity = parsed.validity();
        let (first, last) = (validity.not_before.timestamp(), validity.not_after.timestamp());
        let now = seconds(NOW);
        assert!(first < now && now < last);
        assert_eq!(last - first, VALID_DAYS * DAY);
        let path = directory.path().join(PROGRAM_CERTIFICATE);
        assert_eq!(fs::metadata(path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 1, "no half is left");
        let identity = Identity { fingerprint: made.fingerprint(), domain: Some(domain()) };
        assert_eq!(identity_in(directory.path()).unwrap(), Some(identity));
    }

    #[test]
    fn a_certificate_stays_until_a_month_before_its_end_and_is_renewed_while_it_is_used() {
        let directory = tempfile::tempdir().unwrap();
        let made = open(directory.path(), NOW);
        let first = made.fingerprint();
        assert!(!made.renew(NOW + 330 * DAYS).unwrap());
        assert_eq!(open(directory.path(), NOW + 330 * DAYS).fingerprint(), first);
        assert!(made.renew(NOW + 336 * DAYS).unwrap());
        let second = made.fingerprint();
        assert_ne!(second, first);
        assert!(!made.renew(NOW + 336 * DAYS).unwrap());
        assert_eq!(open(directory.path(), NOW + 337 * DAYS).fingerprint(), second);
        // A server that was off for years begins with a new certificate.
        assert_ne!(open(directory.path(), NOW + 2000 * DAYS).fingerprint(), second);
    }

    #[test]
    fn a_clock_that_jumps_leaves_a_certificate_that_is_valid() {
        let directory = tempfile::tempdir().unwrap();
        let made = open(directory.path(), NOW);
        let first = made.fingerprint();
        // A clock without a battery shows 1970, which changes nothing.
        assert!(!made.renew(DAYS).unwrap());
        assert_eq!(open(directory.path(), DAYS).fingerprint(), first);
        // A clock ten years ahead renews the certificate, and so does its correction.
        assert!(made.renew(NOW + 3650 * DAYS).unwrap());
        assert!(made.renew(NOW).unwrap());
        assert!(!made.renew(NOW + DAYS).unwrap());
    }

    #[test]
    fn with_a_wrong_clock_a_certificate_begins_at_the_end_of_2025() {
        let directory = tempfile::tempdir().unwrap();
        let made = open(directory.path(), DAYS);
        let leaf = made.certificate.leaf();
        let (_, parsed) = X509Certificate::from_der(leaf.as_ref()).unwrap();
        assert!(parsed.validity().not_before.timestamp() > 1_767_000_000);
    }

    #[test]
    fn another_domain_needs_another_certificate() {
        let directory = tempfile::tempdir().unwrap();
        let first = open(directory.path(), NOW).fingerprint();
        let other = "post.example.net".parse().unwrap();
        let second = ProgramCertificate::open(directory.path(), &other, DAYS).unwrap();
        assert_ne!(second.fingerprint(), first);
        let longest: MailDomain = ["a".repeat(60).as_str(); 4].join(".").parse().unwrap();
        ProgramCertificate::open(directory.path(), &longest, NOW).unwrap();
    }

    #[test]
    fn a_file_that_cannot_be_used_is_left_as_it_is() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join(PROGRAM_CERTIFICATE);
        fs::write(&path, "damaged").unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        assert!(ProgramCertificate::open(directory.path(), &domain(), NOW).is_err());
        assert_eq!(fs::read(&path).unwrap(), b"damaged");
    }
}
