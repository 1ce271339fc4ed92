//! `correiod`, the daemon: reads its settings, opens the store, listens, and serves until it is
//! told to stop.

use std::{
    io::{self, Write},
    net::SocketAddr,
    path::Path,
    process::ExitCode,
    sync::Arc,
    thread,
    time::Duration,
};

use correio_proto::{
    limits::PIECE_MIN, mail::Timestamp, message::RegistrationPolicy, tls::Security,
};
use correio_server::{
    auth::{
        hashing::{Bcrypt, HashPool},
        invite::{InviteKey, RegistrationRules},
    },
    clock::{self, Clock},
    engine::{Server, ServerLimits},
    event::Event,
    ops::{
        allocator,
        certificate::{Certificate, CertificateSource},
        config::{Config, ConfigError, Environment, Listen, Operation, SecurityConfig, Task},
        exit::Failure,
        interrupt,
        logging::{Logging, Style},
        manual, operator, required_files,
        systemd::{self, InheritError, InheritedListener, ServiceManager},
        tls,
    },
    protocol::Protocol,
    reactor::{LoopExit, Reactor, ReactorBuilder, ReactorError, raise_file_limit},
    session::SessionConfig,
    store::{History, Store, UploadLimits, kind::StoreOptions},
    sysexits,
    waker::Wake,
};

/// File descriptors that admitted connections may not use: they are for rejected and displaced
/// connections, the store, the log and the loop.
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
        Task::Invite { count, days } => done(invite(&config, *count, *days)),
        Task::Operate(operation) => operate(&config.data_dir, operation),
        Task::Manual(directory) => done(manual::write(directory)),
    }
}

/// Runs a command of the operator, which a signal ends in order.
fn operate(directory: &Path, operation: &Operation) -> ExitCode {
    let cancel = match interrupt::cancel_on_signals() {
        Ok(cancel) => cancel,
        Err(error) => return fail(&Failure::Start(error)),
    };
    let result = operator::run(directory, operation, &cancel);
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

/// Makes invites and prints them, one a line.
fn invite(config: &Config, count: u32, days: u32) -> Result<(), Failure> {
    required_files::require_server(&config.data_dir)?;
    let key = InviteKey::open(&config.data_dir).map_err(Failure::Invite)?;
    let lifetime = u64::from(days) * 24 * 60 * 60 * 1000;
    let end = Timestamp(Clock::start().now().wall.0.saturating_add(lifetime));
    let mut out = io::stdout().lock();
    for _ in 0..count {
        let invite = key.make(end).map_err(Failure::Invite)?;
        // The reader of the output may have gone.
        let _ = writeln!(out, "{invite}");
    }
    if config.registration != (RegistrationPolicy::Invite {}) {
        let text = "a server asks for these codes if it runs with --registration invite";
        let _ = writeln!(io::stderr(), "correiod: {text}");
    }
    Ok(())
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
    let certificate = open_certificate(config, history)?;
    let security = match &certificate {
        Some(certificate) => tls::security(certificate).map_err(Failure::Start)?,
        None => Security::Plaintext,
    };
    let bcrypt = Bcrypt { cost: config.bcrypt_cost };
    let hasher = HashPool::start(config.hash_workers, config.hash_queue, bcrypt, &waker)
        .map_err(Failure::Start)?;
    let session_config = SessionConfig {
        security,
        realm: store.realm(),
        body_max: config.body_max,
        content_max: config.content_max,
        piece_min: PIECE_MIN,
        registrations: registrations(config, history)?,
        directory: config.directory,
        lists: config.lists,
        bcrypt,
        login_timeout: config.login_timeout,
        idle_timeout: config.idle_timeout,
    };
    Event::ServerStarted {
        version: env!("CARGO_PKG_VERSION"),
        store: config.store.name(),
        realm: session_config.realm,
        registration: registration_name(config.registration),
    }
    .log();
    if let Some(certificate) = &certificate {
        report(certificate);
    }
    for text in config.warnings().into_iter().chain(clock::warning(now)) {
        Event::ServerWarning { text: &text }.log();
    }
    let manager = ServiceManager::of_process().map_err(Failure::Start)?;
    let bound = match inherited.is_empty() {
        true => listen(&config.listen, &mut builder)?,
        false => adopt(inherited, &config.listen, &mut builder)?,
    };
    let limits = limits(config, files, bound.len())?;
    print_addresses(&bound, certificate.as_deref());
    let server = Server::new(limits, session_config, store, Box::new(hasher))
        .behind(config.proxies.clone())
        .retaining(config.retention);
    let reactor = builder.build(server, config.drain_timeout);
    tell_ready(&manager, &bound);
    match drive(reactor.reporting_to(manager), logging, certificate.as_ref()) {
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

/// Runs the reactor until the shutdown, and reloads log and certificate on SIGHUP.
fn drive(
    mut reactor: Reactor,
    logging: &Logging,
    certificate: Option<&Arc<Certificate>>,
) -> Result<(), ReactorError> {
    while reactor.run()? == LoopExit::Reload {
        logging.reopen();
        if let Some(certificate) = certificate {
            reload(certificate);
        }
    }
    Ok(reactor.close()?)
}

/// The server's limits. `files` is the limit on open files, which bounds the connections.
fn limits(config: &Config, files: u64, listeners: usize) -> Result<ServerLimits, Failure> {
    let taken = RESERVED_FILES.saturating_add(listeners as u64);
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

/// The rules of registration. Opens the key of invites if registration is by invite.
fn registrations(config: &Config, history: History) -> Result<RegistrationRules, Failure> {
    Ok(match config.registration {
        RegistrationPolicy::Open {} => RegistrationRules::Open,
        RegistrationPolicy::Closed {} => RegistrationRules::Closed,
        RegistrationPolicy::Invite {} => {
            required_files::require_invite_key(&config.data_dir, history)?;
            let key = InviteKey::open(&config.data_dir).map_err(Failure::Invite)?;
            RegistrationRules::Invited(key)
        }
    })
}

/// Opens the certificate, if the server uses TLS.
fn open_certificate(
    config: &Config,
    history: History,
) -> Result<Option<Arc<Certificate>>, Failure> {
    let SecurityConfig::Tls(source) = &config.security else {
        return Ok(None);
    };
    if let CertificateSource::Own(directory) = source {
        required_files::require_certificate(directory, history)?;
    }
    Certificate::open(source.clone()).map(Some).map_err(Failure::Certificate)
}

fn report(certificate: &Certificate) {
    Event::CertificateLoaded { fingerprint: certificate.fingerprint() }.log();
    let now = i64::try_from(Clock::start().now().wall.0 / 1000).unwrap_or(i64::MAX);
    if let Some(text) = certificate.time_warning(now) {
        Event::ServerWarning { text: &text }.log();
    }
}

/// Reloads the certificate on a thread of its own: a slow disk must not block the event loop.
fn reload(certificate: &Arc<Certificate>) {
    let certificate = Arc::clone(certificate);
    let reload = move || match certificate.reload() {
        Ok(()) => report(&certificate),
        Err(error) => Event::CertificateKept { text: &error.to_string() }.log(),
    };
    if let Err(error) = thread::Builder::new().name("certificate".to_owned()).spawn(reload) {
        Event::CertificateKept { text: &error.to_string() }.log();
    }
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
    };
    config.store.open(options, waker.clone()).map_err(Failure::Open)
}

/// Listens on every address. Of the two default addresses (IPv4 and IPv6), one is enough.
fn listen(listen: &Listen, builder: &mut ReactorBuilder) -> Result<Vec<SocketAddr>, Failure> {
    let mut bound = Vec::new();
    let mut missing = None;
    for address in listen.addresses() {
        match builder.listen(address, Protocol::Correio) {
            Ok(address) => bound.push(address),
            Err(source) => {
                let failure = Failure::Listen { address, source };
                // A machine may lack IPv6. A port in use is an error.
                if *listen == Listen::Everywhere && failure.is_missing_family() {
                    Event::ServerWarning { text: &failure.to_string() }.log();
                    missing = Some(failure);
                    continue;
                }
                return Err(failure);
            }
        }
    }
    match missing {
        Some(failure) if bound.is_empty() => Err(failure),
        _ => Ok(bound),
    }
}

/// Takes over the service manager's sockets, in place of the addresses of the settings. Listening
/// on both would make it unclear where the server can be reached.
fn adopt(
    inherited: Vec<InheritedListener>,
    listen: &Listen,
    builder: &mut ReactorBuilder,
) -> Result<Vec<SocketAddr>, Failure> {
    if matches!(listen, Listen::On(_)) {
        let text = "the setting listen is not used: the service manager hands over sockets";
        Event::ServerWarning { text }.log();
    }
    let mut adopt = |InheritedListener { socket, protocol }| builder.adopt(socket, protocol);
    inherited.into_iter().map(|listener| adopt(listener).map_err(Failure::Start)).collect()
}

fn tell_ready(manager: &ServiceManager, bound: &[SocketAddr]) {
    let addresses: Vec<_> = bound.iter().map(SocketAddr::to_string).collect();
    if let Err(error) = manager.ready(&format!("listening on {}", addresses.join(", "))) {
        let text = format!("the service manager cannot be told that the server is ready: {error}");
        Event::ServerWarning { text: &text }.log();
    }
}

/// Prints the bound addresses: to scripts on standard output, which may have no reader, and to
/// people in the log.
fn print_addresses(bound: &[SocketAddr], certificate: Option<&Certificate>) {
    let mut out = io::stdout().lock();
    let security = if certificate.is_some() { "tls" } else { "plaintext" };
    for address in bound {
        Event::ServerListening { address: *address, security }.log();
        let _ = writeln!(out, "listening on {address} ({security})");
    }
    if let Some(certificate) = certificate {
        let _ = writeln!(out, "fingerprint {}", certificate.fingerprint());
    }
    let _ = out.flush();
}
