//! A thread that renews the certificate for mail programs while the server runs.

use std::{
    io,
    sync::{
        Arc,
        mpsc::{self, RecvTimeoutError},
    },
    thread,
    time::Duration,
};

use super::program_certificate::ProgramCertificate;
use crate::{clock, event::Event};

/// Time between two checks of the certificate. It is much less than the month in which a
/// certificate is due, so that the operator can mend a full disk or a wrong clock before the end.
const EVERY: Duration = Duration::from_secs(6 * 60 * 60);

/// The handle of the thread. Dropping it ends the thread.
#[derive(Debug)]
pub struct Renewal {
    _ends: mpsc::Sender<()>,
}

impl Renewal {
    /// Starts the thread.
    ///
    /// # Errors
    ///
    /// The thread cannot be started.
    pub fn start(certificate: Arc<ProgramCertificate>) -> io::Result<Self> {
        let (_ends, end) = mpsc::channel();
        thread::Builder::new().name("renewal".to_owned()).spawn(move || {
            while end.recv_timeout(EVERY) == Err(RecvTimeoutError::Timeout) {
                if let Some(now) = clock::since_1970() {
                    renew(&certificate, now);
                }
            }
        })?;
        Ok(Self { _ends })
    }
}

/// Renews a certificate if it is due, and logs a renewal or its failure.
pub fn renew(certificate: &ProgramCertificate, now: Duration) {
    match certificate.renew(now) {
        Ok(true) => {
            let fingerprint = certificate.fingerprint();
            Event::CertificateLoaded { fingerprint, clients: "programs" }.log();
        }
        Ok(false) => {}
        Err(error) => Event::CertificateKept { text: &error.to_string() }.log(),
    }
}
