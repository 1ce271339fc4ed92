//! The addresses that the daemon listens on: of the settings, or of the service manager.

use std::{
    io::{self, Write},
    net::SocketAddr,
};

use correio_server::{
    admin::reply::ListenerView,
    event::Event,
    ops::{
        config::{Config, Listen, SecurityConfig},
        exit::Failure,
        systemd::InheritedListener,
    },
    protocol::{Protocol, Service, TlsMode},
    reactor::ReactorBuilder,
};

use crate::certificates::Certificates;

/// Addresses on which the daemon listens.
#[derive(Debug, Default)]
pub(crate) struct Bound {
    /// For correio's own clients.
    pub(crate) mail: Vec<SocketAddr>,
    /// For ordinary mail programs.
    pub(crate) gateways: Vec<(Service, SocketAddr)>,
    /// For metrics.
    pub(crate) metrics: Vec<SocketAddr>,
}

impl Bound {
    /// Takes over the service manager's sockets. For a service without one, listens on the
    /// addresses of the settings: both would make it unclear where the server can be reached.
    pub(crate) fn bind(
        config: &Config,
        inherited: Vec<InheritedListener>,
        builder: &mut ReactorBuilder,
    ) -> Result<Self, Failure> {
        let mut bound = Self::default();
        for InheritedListener { socket, service } in inherited {
            let service = offered(config, service)?;
            let address = builder.adopt(socket, service).map_err(Failure::Start)?;
            match service.protocol {
                Protocol::Correio => bound.mail.push(address),
                Protocol::Submission | Protocol::Pop3 => bound.gateways.push((service, address)),
                Protocol::Http => bound.metrics.push(address),
                // A service manager hands over none: it is in the data directory.
                Protocol::Admin => {}
            }
        }
        match (bound.mail.is_empty(), &config.listen) {
            (true, addresses) => bound.mail = listen(addresses, builder)?,
            (false, Listen::On(_)) => unused("listen"),
            (false, Listen::Everywhere) => {}
        }
        bound.listen_for_programs(config, builder)?;
        match (bound.metrics.is_empty(), config.metrics.is_empty()) {
            (true, _) => bound.metrics = listen_for_metrics(config, builder)?,
            (false, false) => unused("metrics"),
            (false, true) => {}
        }
        Ok(bound)
    }

    /// Listens on the addresses for mail programs, except those of services that have sockets.
    fn listen_for_programs(
        &mut self,
        config: &Config,
        builder: &mut ReactorBuilder,
    ) -> Result<(), Failure> {
        let inherited: Vec<&str> =
            self.gateways.iter().map(|(service, _)| service.name()).collect();
        let mut listening = Vec::new();
        for (service, address) in &config.gateways {
            if inherited.contains(&service.name()) {
                unused(service.name());
                continue;
            }
            let bound = builder.listen(*address, *service);
            let address = bound.map_err(|source| Failure::Listen {
                setting: service.name(),
                address: *address,
                source,
            })?;
            listening.push((*service, address));
        }
        self.gateways.append(&mut listening);
        Ok(())
    }

    /// Number of addresses.
    pub(crate) fn len(&self) -> usize {
        self.mail.len() + self.gateways.len() + self.metrics.len()
    }

    /// The addresses, for the operator.
    pub(crate) fn listeners(&self, certificates: Option<&Certificates>) -> Vec<ListenerView> {
        let own = match certificates {
            Some(_) => Service::CORREIO,
            None => Service::CORREIO.in_plaintext(),
        };
        let mail = self.mail.iter().map(|address| (own, *address));
        let metrics = self.metrics.iter().map(|address| (Service::METRICS, *address));
        let all = mail.chain(self.gateways.iter().copied()).chain(metrics);
        all.map(|(Service { protocol, tls }, address)| ListenerView { protocol, tls, address })
            .collect()
    }

    /// Prints the addresses: to scripts on standard output, which may have no reader, and to people
    /// in the log.
    pub(crate) fn print(&self, certificates: Option<&Certificates>) {
        let mut out = io::stdout().lock();
        let security = if certificates.is_some() { "tls" } else { "plaintext" };
        let mail = self.mail.iter().map(|address| (*address, security));
        let gateways = self.gateways.iter().map(|(service, address)| (*address, service.name()));
        let metrics = self.metrics.iter().map(|address| (*address, Service::METRICS.name()));
        for (address, security) in mail.chain(gateways).chain(metrics) {
            Event::ServerListening { address, security }.log();
            let _ = writeln!(out, "listening on {address} ({security})");
        }
        if let Some(certificates) = certificates {
            let _ = certificates.print(&mut out);
        }
        let _ = out.flush();
    }
}

/// What an inherited socket offers under these settings.
fn offered(config: &Config, service: Service) -> Result<Service, Failure> {
    if !service.protocol.is_gateway() {
        return Ok(service);
    }
    if config.mail_domain.is_none() {
        return Err(Failure::NoDomain { name: service.name() });
    }
    match (config.security == SecurityConfig::Plaintext, service.tls) {
        (false, _) => Ok(service),
        (true, TlsMode::Implicit) => Err(Failure::NoTls { name: service.name() }),
        (true, TlsMode::Start | TlsMode::None) => Ok(service.in_plaintext()),
    }
}

fn unused(setting: &str) {
    let text = format!("the setting {setting} is not used: the service manager hands over sockets");
    Event::ServerWarning { text: &text }.log();
}

/// Listens on every address. Of the two default addresses (IPv4 and IPv6), one is enough.
fn listen(listen: &Listen, builder: &mut ReactorBuilder) -> Result<Vec<SocketAddr>, Failure> {
    let mut bound = Vec::new();
    let mut missing = None;
    for address in listen.addresses() {
        match builder.listen(address, Service::CORREIO) {
            Ok(address) => bound.push(address),
            Err(source) => {
                let setting = Service::CORREIO.name();
                let failure = Failure::Listen { setting, address, source };
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

/// Listens on the addresses of the metrics.
fn listen_for_metrics(
    config: &Config,
    builder: &mut ReactorBuilder,
) -> Result<Vec<SocketAddr>, Failure> {
    let mut listen = |address: SocketAddr| {
        let listening = builder.listen(address, Service::METRICS);
        let setting = Service::METRICS.name();
        listening.map_err(|source| Failure::Listen { setting, address, source })
    };
    config.metrics.iter().map(|address| listen(*address)).collect()
}
