//! A server, with SQLite or in memory, on a thread of the test's own process.

use std::{
    net::{Ipv4Addr, SocketAddr},
    path::{Path, PathBuf},
    sync::{Arc, mpsc},
    thread::{self, JoinHandle},
    time::Duration,
};

use correio_client::Trust;
use correio_proto::{limits, tls::Security};
use correio_server::{
    auth::{
        hashing::{Bcrypt, HashPool},
        invite::RegistrationRules,
        resume_ticket::{TicketKey, TicketPolicy, TicketTimes, Tickets},
    },
    engine::{Server, ServerLimits},
    gateway::GatewayConfig,
    limits::{admission::AdmissionConfig, throttle::ThrottleConfig},
    ops::{
        certificate::{Certificate, CertificateSource},
        tls,
    },
    protocol::{Protocol, Service, TlsMode},
    reactor::{LoopExit, ReactorBuilder, ReactorWaker, Socket},
    session::{DirectoryPolicy, ListCreation, SessionConfig},
    store::{
        CreateStore, Quota, Store,
        memory::{MemoryLimits, MemoryStore},
        sqlite::SqliteOptions,
    },
    waker::Wake,
};

use crate::{store::open_unlocked, world::REALM};

/// Whether the server uses TLS.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protection {
    /// With TLS and a certificate of its own.
    Tls,
    /// Without TLS.
    Plaintext,
}

/// The mail domain of a server that ordinary mail programs can use.
const MAIL_DOMAIN: &str = "localhost";

/// Settings that some tests change.
#[derive(Clone, Copy)]
struct Policies {
    directory: DirectoryPolicy,
    /// As the setting; 0 is no limit.
    failed_logins: u32,
}

impl Default for Policies {
    fn default() -> Self {
        Self { directory: DirectoryPolicy::Members, failed_logins: 0 }
    }
}

/// A running server; dropping it stops it.
pub struct RunningServer {
    /// The address that it listens on.
    pub address: SocketAddr,
    /// The address for SMTP submission without TLS, and that for POP3. Their mail domain is
    /// `localhost`.
    pub programs: (SocketAddr, SocketAddr),
    /// The trust in the server that its clients need.
    pub trust: Trust,
    waker: Arc<ReactorWaker>,
    thread: Option<JoinHandle<()>>,
}

impl RunningServer {
    /// Starts a server with TLS on a port of this machine; port 0 stands for any.
    pub fn start(data: &Path, port: u16) -> Self {
        Self::start_with(Protection::Tls, data, port)
    }

    /// Starts a server without TLS that keeps everything in memory.
    pub fn in_memory() -> Self {
        Self::run(Trust::Plaintext, Security::Plaintext, 0, None, Policies::default())
    }

    /// As [`RunningServer::in_memory`]; after this many failed logins, further ones must wait.
    pub fn with_failed_logins(failed_logins: u32) -> Self {
        let policies = Policies { failed_logins, ..Policies::default() };
        Self::run(Trust::Plaintext, Security::Plaintext, 0, None, policies)
    }

    /// As [`RunningServer::in_memory`], without a directory of people.
    pub fn without_directory() -> Self {
        let policies = Policies { directory: DirectoryPolicy::Off, ..Policies::default() };
        Self::run(Trust::Plaintext, Security::Plaintext, 0, None, policies)
    }

    /// As [`RunningServer::start`], with or without TLS.
    pub fn start_with(protection: Protection, data: &Path, port: u16) -> Self {
        let data = data.to_owned();
        let (trust, security) = match protection {
            Protection::Plaintext => (Trust::Plaintext, Security::Plaintext),
            Protection::Tls => {
                let certificate = Certificate::open(CertificateSource::Own(data.clone())).unwrap();
                let trust = Trust::Fingerprint(certificate.fingerprint());
                (trust, tls::security(&certificate).unwrap())
            }
        };
        Self::run(trust, security, port, Some(data), Policies::default())
    }

    /// Starts a server with a store in a directory, or in memory.
    fn run(
        trust: Trust,
        security: Security,
        port: u16,
        data: Option<PathBuf>,
        policies: Policies,
    ) -> Self {
        let (started, running) = mpsc::channel();
        let thread = thread::spawn(move || {
            let mut builder = ReactorBuilder::new().unwrap();
            let address =
                builder.listen((Ipv4Addr::LOCALHOST, port).into(), Service::CORREIO).unwrap();
            let mut listen = |protocol| {
                let service = Service { protocol, tls: TlsMode::None };
                builder.listen((Ipv4Addr::LOCALHOST, 0).into(), service).unwrap()
            };
            let programs = (listen(Protocol::Submission), listen(Protocol::Pop3));
            let waker = builder.waker();
            started.send((address, programs, Arc::clone(&waker))).unwrap();
            let wake = waker as Arc<dyn Wake>;
            let server = server(data.as_deref(), security, policies, &wake);
            let mut reactor = builder.build(server, Duration::from_secs(5));
            assert_eq!(reactor.run().unwrap(), LoopExit::End);
            reactor.close().unwrap();
        });
        let (address, programs, waker) = running.recv().unwrap();
        Self { address, programs, trust, waker, thread: Some(thread) }
    }
}

impl Drop for RunningServer {
    fn drop(&mut self) {
        self.waker.stop();
        let ended = self.thread.take().map(JoinHandle::join);
        assert!(thread::panicking() || ended.is_some_and(|ended| ended.is_ok()));
    }
}

fn server(
    data: Option<&Path>,
    security: Security,
    policies: Policies,
    wake: &Arc<dyn Wake>,
) -> Server<Socket> {
    let quota = Quota { mails: 10_000, bytes: 1 << 30 };
    let store: Box<dyn Store> = match data {
        Some(data) => {
            // The directory may hold a certificate already, which is made before the store.
            let options = SqliteOptions { create: CreateStore::Always, ..SqliteOptions::default() };
            Box::new(open_unlocked(data, quota, options, wake))
        }
        None => Box::new(MemoryStore::new(REALM, quota, MemoryLimits::default())),
    };
    let bcrypt = Bcrypt { cost: 4 };
    let hasher = HashPool::start(2, 64, bcrypt, wake).unwrap();
    let tickets = match &security {
        Security::Plaintext => TicketPolicy::Off,
        Security::Client(..) | Security::Server(..) => {
            let key = TicketKey::random().unwrap();
            TicketPolicy::Given(Tickets::new(key, store.realm(), TicketTimes::default()))
        }
    };
    let session = SessionConfig {
        security,
        realm: store.realm(),
        body_max: limits::BODY_DEFAULT_MAX,
        content_max: limits::CONTENT_DEFAULT_MAX,
        piece_min: limits::PIECE_MIN,
        registrations: RegistrationRules::Open,
        directory: policies.directory,
        lists: ListCreation::Members,
        bcrypt,
        tickets,
        login_timeout: Duration::from_secs(30),
        idle_timeout: Duration::from_secs(120),
    };
    let limits = ServerLimits {
        admission: AdmissionConfig {
            connections_max: 1000,
            per_prefix_max: 1000,
            anonymous_max: 1000,
        },
        throttle: ThrottleConfig {
            registrations_per_hour: 0,
            mails_per_hour: 0,
            failed_logins: policies.failed_logins,
        },
        input_max: 64 << 20,
        output_max: 128 << 20,
    };
    let domain = MAIL_DOMAIN.parse().unwrap();
    let gateways = GatewayConfig { domain, security: Security::Plaintext };
    Server::new(limits, session, store, Box::new(hasher)).with_gateways(Some(gateways))
}
