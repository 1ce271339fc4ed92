//! `correiod`, the daemon: reads its settings, opens the store, listens, and serves until it is
//! told to stop.

mod bound;
mod certificates;

use std::{
    io::{self, Write},
    net::SocketAddr,
    path::Path,
    process::ExitCode,
    sync::Arc,
    time::Duration,
};

use correio_proto::{
    limits::PIECE_MIN,
    message::{Realm, RegistrationPolicy},
    tls::Security,
};
use correio_server::{
    auth::{
        hashing::{Bcrypt, HashPool},
        invite::RegistrationRules,
        resume_ticket::{TicketKey, TicketPolicy, TicketTimes, Tickets},
    },
    cancel::Cancel,
    clock,
    engine::{HTTP_MAX, Server, ServerLimits, connection::Transport},
    event::Event,
    gateway::GatewayConfig,
    metrics::Monitoring,
    ops::{
        admin, allocator,
        certificate::{Certificate, CertificateError, CertificateSource},
        config::{Config, ConfigError, Environment, SecurityConfig, Task},
        data_commands,
        exit::Failure,
        interrupt,
        logging::{Logging, Style},
        manual, program_certificate, recorded_store, required_files,
        sampler::Sampler,
        systemd::{self, InheritError, InheritedListener, ServiceManager},
    },
    reactor::{LoopExit, Reactor, ReactorBuilder, ReactorError, raise_file_limit},
    session::SessionConfig,
    store::{
        History, Store, UploadLimits,
        kind::{StoreConfig, StoreOptions},
        nodes::{NodeName, StoreRole},
        postgres::NodeKeys,
    },
    sysexits,
    waker::Wake,
};

use crate::{bound::Bound, certificates::Certificates};

/// File descriptors that admitted connections may not use: they are for rejected and displaced
/// connections, those of the operator, the store, the log and the loop.
const RESERVED_FILES: u64 = 192;

/// How long the log may take to write its last lines.
const LOG_PATIENCE: Duration = Duration::from_secs(2);

fn main() -> ExitCode {
    // Must come first, while there are no threads.
    let inherited = systemd::inherited();
    allocator::keep_free_memory();
    let config = Environment::of_process()
        .and_then(|environment| Config::load(std::env::args_os(), &environment));
    let config = match config {
        Ok(config) => config,
        Err(ConfigError::Usage(error)) => {
            // Help and version are not errors, and the reader of the output may have gone.
            let _ = error.print();
            return ExitCode::from(if error.use_stderr() { sysexits::USAGE } else { 0 });
        }
        Err(error) => return fail(&Failure::Config(error)),
    };
    match &config.task {
        Task::Serve => serve(&config, inherited),
        Task::Fingerprint => fingerprint(&config),
        Task::Admin(command) => operate(|cancel| admin::run(&config, command, cancel)),
        Task::Operate(operation) => {
            operate(|cancel| data_commands::run(&config, operation, cancel))
        }
        Task::Manual(directory) => done(manual::write(directory)),
    }
}

/// Runs a command of the operator, which a signal ends in order.
fn operate(run: impl FnOnce(&Cancel) -> Result<(), Failure>) -> ExitCode {
    let cancel = match interrupt::cancel_on_signals() {
        Ok(cancel) => cancel,
        Err(error) => return fail(&Failure::Start(error)),
    };
    let result = run(&cancel);
    let is_done = result.is_ok();
    let status = done(result);
    match interrupt::exit_status(&cancel) {
        Some(interrupted) if !is_done => ExitCode::from(interrupted),
        _ => status,
    }
}

fn done(result: Result<(), Failure>) -> ExitCode {
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => fail(&failure),
    }
}

/// Prints the certificate's fingerprint, whether a server runs or not. Warns if it made the
/// certificate just now: a server that runs already probably has another data directory.
fn fingerprint(config: &Config) -> ExitCode {
    let source = match &config.security {
        SecurityConfig::Tls(source) => source.clone(),
        SecurityConfig::Plaintext => CertificateSource::Own(config.data_dir.clone()),
    };
    let made_in = source.makes_in().map(Path::to_owned);
    if let Some(directory) = &made_in
        && let Err(failure) = required_files::require_server(directory)
    {
        return fail(&failure);
    }
    match Certificate::open(source) {
        Ok(certificate) => {
            let _ = writeln!(io::stdout(), "{}", certificate.fingerprint());
            if let Err(error) = print_program_certificate(config) {
                return fail(&Failure::Certificate(error));
            }
            if let Some(directory) = made_in {
                let _ = writeln!(
                    io::stderr(),
                    "correiod: this certificate was made now, in {}; a server with another \
                     --data-dir has another",
                    directory.display()
                );
            }
            ExitCode::SUCCESS
        }
        Err(error) => fail(&Failure::Certificate(error)),
    }
}

/// Prints the fingerprint of the certificate that the server has made for mail programs, and its
/// domain. The present settings need not name a domain: those of a service may be elsewhere. An
/// authority's certificate is for mail programs, too; then one that was made before is not used.
fn print_program_certificate(config: &Config) -> Result<(), CertificateError> {
    if let SecurityConfig::Tls(CertificateSource::Files { .. }) = config.security {
        return Ok(());
    }
    let Some(identity) = program_certificate::identity_in(&config.data_dir)? else {
        return Ok(());
    };
    let domain = identity.domain.map(|domain| format!(", {domain}")).unwrap_or_default();
    let _ = writeln!(io::stdout(), "{} (mail programs{domain})", identity.fingerprint);
    Ok(())
}

fn serve(config: &Config, inherited: Result<Vec<InheritedListener>, InheritError>) -> ExitCode {
    let (level, format) = (config.log_level, config.log_format);
    let logging = match Logging::start(level, format, config.log_file.as_deref()) {
        Ok(logging) => logging,
        Err(error) => return fail(&Failure::Logging(error)),
    };
    let served =
        inherited.map_err(Failure::Inherit).and_then(|inherited| run(config, inherited, &logging));
    logging.flush(LOG_PATIENCE);
    match served {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => fail(&failure),
    }
}

fn fail(failure: &Failure) -> ExitCode {
    let _ = writeln!(io::stderr(), "{}", Style::of_stderr().failure(failure));
    ExitCode::from(failure.status())
}

fn run(
    config: &Config,
    inherited: Vec<InheritedListener>,
    logging: &Logging,
) -> Result<(), Failure> {
    let now = clock::since_1970().ok_or(Failure::Clock)?;
    let files = raise_file_limit();
    let mut builder = ReactorBuilder::new().map_err(Failure::Start)?;
    builder.register_signals().map_err(Failure::Start)?;
    let waker: Arc<dyn Wake> = builder.waker();
    let (store, history) = open_store(config, &waker)?;
    listen_for_operator(config, &mut builder);
    let Keys { certificates, registrations, tickets } = keys(config, store.realm(), history, now)?;
    let security = certificates.as_ref().map_or(Ok(Security::Plaintext), Certificates::security)?;
    let bcrypt = Bcrypt { cost: config.bcrypt_cost };
    let hasher = HashPool::start(config.hash_workers, config.hash_queue, bcrypt, &waker)
        .map_err(Failure::Start)?;
    let session_config = SessionConfig {
        security,
        realm: store.realm(),
        body_max: config.body_max,
        content_max: config.content_max,
        piece_min: PIECE_MIN,
        registrations,
        directory: config.directory,
        lists: config.lists,
        bcrypt,
        tickets,
        login_timeout: config.login_timeout,
        idle_timeout: config.idle_timeout,
    };
    Event::ServerStarted {
        version: env!("CARGO_PKG_VERSION"),
        store: config.store.kind().name(),
        realm: session_config.realm,
        registration: registration_name(config.registration),
    }
    .log();
    if let Some(certificates) = &certificates {
        certificates.report();
    }
    for text in config.warnings().into_iter().chain(clock::warning(now)) {
        Event::ServerWarning { text: &text }.log();
    }
    let manager = ServiceManager::of_process().map_err(Failure::Start)?;
    let bound = Bound::bind(config, inherited, &mut builder)?;
    let limits = limits(config, files, &bound)?;
    bound.print(certificates.as_ref());
    let server = Server::new(limits, session_config, store, Box::new(hasher))
        .behind(config.proxies.clone())
        .with_gateways(gateways(config, certificates.as_ref())?)
        .listening_on(bound.listeners(certificates.as_ref()))
        .retaining(config.retention);
    let _renewal = certificates.as_ref().map(Certificates::renewal).transpose()?;
    let (server, _sampler) = monitored(server, &bound, config, logging)?;
    let reactor = builder.build(server, config.drain_timeout);
    tell_ready(&manager, &bound.mail);
    match drive(reactor.reporting_to(manager), logging, certificates.as_ref()) {
        Ok(()) => {
            Event::ServerStopped.log();
            Ok(())
        }
        Err(ReactorError::Store(error)) => {
            Event::StoreFailed { text: &error.0 }.log();
            Err(Failure::Store(error))
        }
        Err(ReactorError::Poll(error)) => Err(Failure::Start(error)),
    }
}

/// Listens for the operator's commands. Mail matters more: a server whose commands cannot reach it
/// serves all the same. A store in memory locks no directory, so that a socket there may be another
/// server's.
fn listen_for_operator(config: &Config, builder: &mut ReactorBuilder) {
    if config.store != StoreConfig::Memory
        && let Err(error) = builder.listen_for_operator(&config.data_dir)
    {
        let text = format!("commands such as correiod account cannot reach this server: {error}");
        Event::ServerWarning { text: &text }.log();
    }
}

/// Has the server show metrics, if there is an address for them. The sampler ends when it is
/// dropped.
fn monitored<T: Transport>(
    server: Server<T>,
    bound: &Bound,
    config: &Config,
    logging: &Logging,
) -> Result<(Server<T>, Option<Sampler>), Failure> {
    if bound.metrics.is_empty() {
        logging.recent().end();
        return Ok((server, None));
    }
    let sampler = Sampler::start(&config.data_dir, logging).map_err(Failure::Start)?;
    let hosts = config.metrics_host.clone();
    let server =
        server.monitored(Monitoring { hosts, sample: sampler.sample(), recent: logging.recent() });
    Ok((server, Some(sampler)))
}

/// Runs the reactor until the shutdown, and reloads log and certificate on SIGHUP.
fn drive(
    mut reactor: Reactor,
    logging: &Logging,
    certificates: Option<&Certificates>,
) -> Result<(), ReactorError> {
    while reactor.run()? == LoopExit::Reload {
        logging.reopen();
        if let Some(certificates) = certificates {
            certificates.reload();
        }
    }
    Ok(reactor.close()?)
}

/// The server's limits. `files` is the limit on open files, which bounds the connections.
fn limits(config: &Config, files: u64, bound: &Bound) -> Result<ServerLimits, Failure> {
    let listeners = bound.len();
    let http = if bound.metrics.is_empty() { 0 } else { HTTP_MAX };
    let taken = RESERVED_FILES.saturating_add((listeners + http) as u64);
    let room = usize::try_from(files.saturating_sub(taken)).unwrap_or(usize::MAX);
    if room == 0 {
        return Err(Failure::Files { files, listeners });
    }
    let mut admission = config.admission;
    admission.connections_max = admission.connections_max.min(room);
    Ok(ServerLimits {
        admission,
        throttle: config.throttle.clone(),
        input_max: config.input_max,
        output_max: config.output_max,
    })
}

/// The configuration of the gateways, if there is a domain for them.
fn gateways(
    config: &Config,
    certificates: Option<&Certificates>,
) -> Result<Option<GatewayConfig>, Failure> {
    let Some(domain) = config.mail_domain.clone() else {
        return Ok(None);
    };
    let security = match certificates {
        Some(certificates) => certificates.security_of_gateways()?,
        None => Security::Plaintext,
    };
    Ok(Some(GatewayConfig { domain, security }))
}

/// What the server does with the keys in its data directory.
struct Keys {
    certificates: Option<Certificates>,
    registrations: RegistrationRules,
    tickets: TicketPolicy,
}

/// Opens the keys in the data directory. On a store with several servers, they are those of the
/// others.
fn keys(config: &Config, realm: Realm, history: History, now: Duration) -> Result<Keys, Failure> {
    let mut nodes = config.store.node_keys(&config.data_dir).map_err(Failure::NodeKey)?;
    let certificates = Certificates::open(config, history, nodes.as_mut(), now)?;
    let registrations = registrations(config, history, nodes.as_mut())?;
    let tickets = tickets(config, realm, nodes.as_mut())?;
    Ok(Keys { certificates, registrations, tickets })
}

/// The rules of registration. Opens the key of invites if registration is by invite.
fn registrations(
    config: &Config,
    history: History,
    nodes: Option<&mut NodeKeys>,
) -> Result<RegistrationRules, Failure> {
    Ok(match config.registration {
        RegistrationPolicy::Open {} => RegistrationRules::Open,
        RegistrationPolicy::Closed {} => RegistrationRules::Closed,
        RegistrationPolicy::Invite {} => {
            let key = required_files::open_invite_key(&config.data_dir, history, nodes)?;
            RegistrationRules::Invited(key)
        }
    })
}

/// Whether sessions are given tickets: not without TLS, where anybody on the path could use them.
/// A store in memory ends with the process, and so does its key.
fn tickets(
    config: &Config,
    realm: Realm,
    nodes: Option<&mut NodeKeys>,
) -> Result<TicketPolicy, Failure> {
    let key = match (&config.security, &config.store) {
        (SecurityConfig::Plaintext, _) => return Ok(TicketPolicy::Off),
        (SecurityConfig::Tls(_), StoreConfig::Memory) => {
            TicketKey::random().map_err(Failure::Key)?
        }
        (SecurityConfig::Tls(_), StoreConfig::Sqlite | StoreConfig::Postgres(_)) => {
            required_files::open_ticket_key(&config.data_dir, nodes)?
        }
    };
    Ok(TicketPolicy::Given(Tickets::new(key, realm, TicketTimes::default())))
}

fn registration_name(registration: RegistrationPolicy) -> &'static str {
    match registration {
        RegistrationPolicy::Open {} => "open",
        RegistrationPolicy::Invite {} => "invite",
        RegistrationPolicy::Closed {} => "closed",
    }
}

fn open_store(
    config: &Config,
    waker: &Arc<dyn Wake>,
) -> Result<(Box<dyn Store>, History), Failure> {
    let options = StoreOptions {
        directory: config.data_dir.clone(),
        quota: config.quota,
        uploads: UploadLimits::new(config.content_max, config.upload_bytes),
        queue_jobs: config.store_queue,
        create: config.create_store,
        role: StoreRole::Server(config.node_name.clone().unwrap_or_else(NodeName::of_process)),
    };
    recorded_store::require(config)?;
    let opened = config.store.open(options, waker.clone()).map_err(Failure::Open)?;
    recorded_store::record(config)?;
    Ok(opened)
}

fn tell_ready(manager: &ServiceManager, bound: &[SocketAddr]) {
    let addresses: Vec<_> = bound.iter().map(SocketAddr::to_string).collect();
    if let Err(error) = manager.ready(&format!("listening on {}", addresses.join(", "))) {
        let text = format!("the service manager cannot be told that the server is ready: {error}");
        Event::ServerWarning { text: &text }.log();
    }
}
