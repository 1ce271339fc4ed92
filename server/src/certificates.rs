//! The daemon's certificates: that of correio's own clients, and that of mail programs.

use std::{
    io::{self, Write},
    sync::Arc,
    thread,
    time::Duration,
};

use correio_proto::tls::Security;
use correio_server::{
    clock::{self, Clock},
    event::Event,
    ops::{
        certificate::{Certificate, CertificateSource},
        config::{Config, SecurityConfig},
        exit::Failure,
        program_certificate::ProgramCertificate,
        renewal::{self, Renewal},
        required_files, tls,
    },
    store::{History, postgres::NodeKeys},
};

/// The certificates of a daemon with TLS.
#[derive(Clone, Debug)]
pub(crate) struct Certificates {
    /// For correio's own clients.
    own: Arc<Certificate>,
    programs: Programs,
}

/// The certificate for mail programs.
#[derive(Clone, Debug)]
enum Programs {
    /// There is no domain for them.
    None,
    /// That of correio's own clients, which an authority has made.
    Same,
    /// One that the server has made.
    Made(Arc<ProgramCertificate>),
}

impl Certificates {
    /// Opens the certificates, if the server uses TLS. `nodes` compares the server's own
    /// certificate with that of other servers; `now` is the time since 1970.
    pub(crate) fn open(
        config: &Config,
        history: History,
        mut nodes: Option<&mut NodeKeys>,
        now: Duration,
    ) -> Result<Option<Self>, Failure> {
        let SecurityConfig::Tls(source) = &config.security else {
            return Ok(None);
        };
        if let CertificateSource::Own(directory) = source {
            required_files::require_certificate(directory, history, nodes.as_deref_mut())?;
        }
        let own = Certificate::open(source.clone()).map_err(|error| match source {
            CertificateSource::Own(_) => {
                required_files::certificate_failure(error, nodes.as_deref_mut())
            }
            CertificateSource::Files { .. } | CertificateSource::Programs(_) => {
                Failure::Certificate(error)
            }
        })?;
        match source {
            CertificateSource::Own(_) => {
                required_files::agree_on_certificate(own.fingerprint(), nodes)?;
            }
            // An authority vouches for each certificate, whichever it is.
            CertificateSource::Files { .. } | CertificateSource::Programs(_) => {}
        }
        let programs = match (&config.mail_domain, source) {
            (None, _) => Programs::None,
            (Some(_), CertificateSource::Files { .. }) => Programs::Same,
            (Some(domain), CertificateSource::Own(directory))
            | (Some(domain), CertificateSource::Programs(directory)) => {
                let opened = ProgramCertificate::open(directory, domain, now);
                Programs::Made(Arc::new(opened.map_err(Failure::Certificate)?))
            }
        };
        Ok(Some(Self { own, programs }))
    }

    /// The security of correio's own connections.
    pub(crate) fn security(&self) -> Result<Security, Failure> {
        tls::security(&self.own).map_err(Failure::Start)
    }

    /// The security of the connections of mail programs.
    pub(crate) fn security_of_gateways(&self) -> Result<Security, Failure> {
        let certificate = match &self.programs {
            Programs::None | Programs::Same => &self.own,
            Programs::Made(programs) => programs.certificate(),
        };
        tls::security_of_gateways(certificate).map_err(Failure::Start)
    }

    /// Renews the certificate for mail programs while the server runs, if the server has made it.
    /// The thread ends when the handle is dropped.
    pub(crate) fn renewal(&self) -> Result<Option<Renewal>, Failure> {
        match &self.programs {
            Programs::None | Programs::Same => Ok(None),
            Programs::Made(programs) => {
                Renewal::start(Arc::clone(programs)).map(Some).map_err(Failure::Start)
            }
        }
    }

    /// Prints the fingerprints to scripts.
    pub(crate) fn print(&self, out: &mut impl Write) -> io::Result<()> {
        writeln!(out, "fingerprint {}", self.own.fingerprint())?;
        match &self.programs {
            Programs::None | Programs::Same => Ok(()),
            Programs::Made(programs) => {
                writeln!(out, "fingerprint {} (mail programs)", programs.fingerprint())
            }
        }
    }

    /// Logs which certificates are in use.
    pub(crate) fn report(&self) {
        let (fingerprint, clients) = match &self.programs {
            Programs::None | Programs::Made(_) => (self.own.fingerprint(), "correio"),
            Programs::Same => (self.own.fingerprint(), "all"),
        };
        Event::CertificateLoaded { fingerprint, clients }.log();
        if let Programs::Made(programs) = &self.programs {
            let fingerprint = programs.fingerprint();
            Event::CertificateLoaded { fingerprint, clients: "programs" }.log();
        }
        let now = i64::try_from(Clock::start().now().wall.0 / 1000).unwrap_or(i64::MAX);
        if let Some(text) = self.own.time_warning(now) {
            Event::ServerWarning { text: &text }.log();
        }
    }

    /// Reloads the certificates on a thread of its own: a slow disk must not block the event loop.
    pub(crate) fn reload(&self) {
        let certificates = self.clone();
        let reload = move || {
            let programs = match &certificates.programs {
                Programs::None | Programs::Same => Ok(()),
                Programs::Made(programs) => programs.certificate().reload(),
            };
            match certificates.own.reload().and(programs) {
                Ok(()) => certificates.report(),
                Err(error) => Event::CertificateKept { text: &error.to_string() }.log(),
            }
            if let (Programs::Made(programs), Some(now)) =
                (&certificates.programs, clock::since_1970())
            {
                renewal::renew(programs, now);
            }
        };
        if let Err(error) = thread::Builder::new().name("certificate".to_owned()).spawn(reload) {
            Event::CertificateKept { text: &error.to_string() }.log();
        }
    }
}
