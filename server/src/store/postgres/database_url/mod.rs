//! The address of the database, as a URL.

use std::{fmt, net::IpAddr, path::PathBuf, str::FromStr, time::Duration};

use zeroize::Zeroizing;

use super::percent;

/// The address of a database: its hosts, its name, the user, and how connections are secured.
/// `Debug` and `Display` leave the password out.
///
/// `postgres://USER:PASSWORD@HOST:PORT,HOST:PORT/NAME?PARAMETER=VALUE&…`; signs with a meaning are
/// written as percent codes. For a socket of this machine the host is a directory:
/// `postgres://USER@/NAME?host=/run/postgresql`.
#[derive(Clone, PartialEq, Eq)]
pub struct DatabaseUrl {
    pub(super) hosts: Vec<Host>,
    pub(super) user: String,
    pub(super) password: Option<Password>,
    pub(super) database: String,
    pub(super) ssl_mode: Option<SslMode>,
    pub(super) root_certificates: Option<PathBuf>,
    pub(super) channel_binding: ChannelBindingMode,
    pub(super) password_file: Option<PathBuf>,
    pub(super) connect_timeout: Duration,
}

/// A password, whose memory is cleared.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Password(pub(super) Zeroizing<String>);

/// A machine, or a directory of this machine, where a database listens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Host {
    /// A machine and a port.
    Tcp {
        /// Its name or its address.
        name: String,
        /// The port.
        port: u16,
    },
    /// A socket of this machine.
    Unix {
        /// The directory of the socket.
        directory: PathBuf,
        /// The port, which is part of the socket's name.
        port: u16,
    },
}

/// How a connection is secured (`sslmode`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SslMode {
    /// Without TLS.
    Disable,
    /// With TLS, whatever the server's certificate: safe from those who listen only.
    Require,
    /// With TLS and a certificate of a trusted authority, whatever its name.
    VerifyCa,
    /// With TLS and a certificate of a trusted authority for the host's name.
    VerifyFull,
}

/// Whether the password's exchange must be bound to the certificate (`channel_binding`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ChannelBindingMode {
    /// Where the server offers it.
    Prefer,
    /// Always: a server that cannot is refused.
    Require,
}

/// Why a URL is no address of a database. The text has no part of the password.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct DatabaseUrlError(pub(super) String);

/// Longest URL, in bytes.
const URL_MAX: usize = 4096;

/// Most hosts of a URL.
const HOSTS_MAX: usize = 16;

const PORT: u16 = 5432;

/// The time that a host has to take a connection.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(1);

const PARAMETERS: &str =
    "host, port, sslmode, sslrootcert, channel_binding, connect_timeout, passfile";

impl DatabaseUrl {
    /// The hosts, in the order in which they are tried.
    #[must_use]
    pub fn hosts(&self) -> &[Host] {
        &self.hosts
    }

    /// The same address with another name of the database.
    #[must_use]
    pub fn with_database(&self, database: &str) -> Self {
        Self { database: database.to_owned(), ..self.clone() }
    }

    /// The same address with other hosts.
    #[must_use]
    pub fn with_hosts(&self, hosts: Vec<Host>) -> Self {
        Self { hosts, ..self.clone() }
    }

    /// How connections to a host are secured. Sockets of this machine have no TLS. Without
    /// `sslmode` an address of this machine is reached without TLS, every other one with a verified
    /// certificate.
    #[must_use]
    pub fn ssl_mode(&self, host: &Host) -> SslMode {
        match (host, self.ssl_mode) {
            (Host::Unix { .. }, _) => SslMode::Disable,
            (Host::Tcp { .. }, Some(mode)) => mode,
            (Host::Tcp { name, .. }, None) if is_loopback(name) => SslMode::Disable,
            (Host::Tcp { .. }, None) => SslMode::VerifyFull,
        }
    }
}

impl Host {
    /// Whether no other machine sees what passes.
    #[must_use]
    pub fn is_local(&self) -> bool {
        match self {
            Self::Tcp { name, .. } => is_loopback(name),
            Self::Unix { .. } => true,
        }
    }

    /// The port.
    #[must_use]
    pub fn port(&self) -> u16 {
        match self {
            Self::Tcp { port, .. } | Self::Unix { port, .. } => *port,
        }
    }
}

fn is_loopback(name: &str) -> bool {
    name == "localhost" || name.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp { name, port } if name.contains(':') => write!(f, "[{name}]:{port}"),
            Self::Tcp { name, port } => write!(f, "{name}:{port}"),
            Self::Unix { directory, port } => {
                write!(f, "{}", directory.join(format!(".s.PGSQL.{port}")).display())
            }
        }
    }
}

impl FromStr for DatabaseUrl {
    type Err = DatabaseUrlError;

    fn from_str(text: &str) -> Result<Self, DatabaseUrlError> {
        if text.len() > URL_MAX {
            return Err(refused(format!("the address has more than {URL_MAX} bytes")));
        }
        let rest = text.strip_prefix("postgres://").or(text.strip_prefix("postgresql://"));
        let rest = rest.ok_or_else(|| refused("the address does not begin with postgres://"))?;
        if rest.contains('#') {
            return Err(refused("the address has a #, which is written as %23"));
        }
        let (rest, query) = rest.split_once('?').unwrap_or((rest, ""));
        // A user or a password may have a slash by mistake: what is in it must not be shown then.
        let (login, rest) = rest.rsplit_once('@').ok_or_else(|| {
            refused("the address names no user: postgres://USER:PASSWORD@HOST:PORT/NAME")
        })?;
        let (hosts, database) = rest.split_once('/').unwrap_or((rest, ""));
        let (user, password) = match login.split_once(':') {
            Some((user, password)) => (user, Some(password)),
            None => (login, None),
        };
        let user = decoded(user, "the user's name")?;
        if user.is_empty() {
            return Err(refused("the address names no user"));
        }
        let password = password.map(|text| decoded(text, "the password")).transpose()?;
        let database = decoded(database, "the database's name")?;
        let mut url = Self {
            hosts: Vec::new(),
            database: if database.is_empty() { user.clone() } else { database },
            user,
            password: password.map(|text| Password(Zeroizing::new(text))),
            ssl_mode: None,
            root_certificates: None,
            channel_binding: ChannelBindingMode::Prefer,
            password_file: None,
            connect_timeout: CONNECT_TIMEOUT,
        };
        let (host_list, port) = url.read_parameters(query)?;
        url.hosts = match host_list {
            Some(_) if !hosts.is_empty() => {
                return Err(refused("the address names hosts twice: before / and as host="));
            }
            Some(list) => listed_hosts(&list, port)?,
            None => hosts_of(hosts, port)?,
        };
        Ok(url)
    }
}

impl DatabaseUrl {
    /// Reads the parameters, and returns those that name hosts and their port.
    fn read_parameters(
        &mut self,
        query: &str,
    ) -> Result<(Option<String>, Option<u16>), DatabaseUrlError> {
        let (mut hosts, mut port) = (None, None);
        let mut seen = Vec::new();
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            if seen.contains(&name) {
                return Err(refused(format!("the address has {} twice", shown(name))));
            }
            seen.push(name);
            let value = decoded(value, "a parameter")?;
            match name {
                "host" => hosts = Some(value),
                "port" => port = Some(port_of(&value)?),
                "sslmode" => self.ssl_mode = Some(ssl_mode_of(&value)?),
                "sslrootcert" => self.root_certificates = Some(path_of(name, value)?),
                "passfile" => self.password_file = Some(path_of(name, value)?),
                "channel_binding" => self.channel_binding = channel_binding_of(&value)?,
                "connect_timeout" => self.connect_timeout = seconds_of(&value)?,
                _ => {
                    return Err(refused(format!(
                        "the address has the parameter {}, which is not known; these are: {PARAMETERS}",
                        shown(name)
                    )));
                }
            }
        }
        Ok((hosts, port))
    }
}

/// A parameter's name in a message: a password with an unescaped `?` may stand in its place.
fn shown(name: &str) -> &str {
    let is_plain = name.len() <= 32 && name.bytes().all(|b| b.is_ascii_lowercase() || b == b'_');
    if is_plain { name } else { "(unreadable)" }
}

fn refused(text: impl Into<String>) -> DatabaseUrlError {
    DatabaseUrlError(text.into())
}

fn decoded(text: &str, what: &str) -> Result<String, DatabaseUrlError> {
    match percent::decode(text) {
        Some(text) if !text.contains('\0') => Ok(text),
        _ => Err(refused(format!(
            "{what} in the address has a % without two hexadecimal digits of a character after it; a % is written as %25"
        ))),
    }
}

/// Hosts as they stand in a URL's authority.
fn hosts_of(text: &str, port: Option<u16>) -> Result<Vec<Host>, DatabaseUrlError> {
    let mut hosts = Vec::new();
    for entry in text.split(',') {
        let (name, own) = match entry.strip_prefix('[') {
            Some(rest) => {
                let (name, rest) = rest
                    .split_once(']')
                    .ok_or_else(|| refused("a host in the address begins with [ and lacks ]"))?;
                (name, rest.strip_prefix(':'))
            }
            None => match entry.split_once(':') {
                Some((name, port)) => (name, Some(port)),
                None => (entry, None),
            },
        };
        let own = own.map(port_of).transpose()?;
        hosts.push(host_of(&decoded(name, "a host")?, own.or(port).unwrap_or(PORT))?);
    }
    bounded(hosts)
}

/// Hosts as they stand in the parameter `host`.
fn listed_hosts(text: &str, port: Option<u16>) -> Result<Vec<Host>, DatabaseUrlError> {
    let hosts = text.split(',').map(|name| host_of(name, port.unwrap_or(PORT)));
    bounded(hosts.collect::<Result<_, _>>()?)
}

fn bounded(hosts: Vec<Host>) -> Result<Vec<Host>, DatabaseUrlError> {
    if hosts.len() > HOSTS_MAX {
        return Err(refused(format!("the address names more than {HOSTS_MAX} hosts")));
    }
    Ok(hosts)
}

fn host_of(name: &str, port: u16) -> Result<Host, DatabaseUrlError> {
    if name.is_empty() {
        return Err(refused(
            "the address names no host; for a socket of this machine, add ?host=/run/postgresql",
        ));
    }
    if name.starts_with('/') {
        return Ok(Host::Unix { directory: name.into(), port });
    }
    if name.contains(|c: char| c.is_whitespace() || c.is_control() || c == '/') {
        return Err(refused("a host in the address has a sign that no name of a host has"));
    }
    Ok(Host::Tcp { name: name.to_owned(), port })
}

fn port_of(text: &str) -> Result<u16, DatabaseUrlError> {
    match text.parse() {
        Ok(port) if port > 0 => Ok(port),
        _ => Err(refused("a port in the address is no number from 1 to 65535")),
    }
}

fn path_of(name: &str, value: String) -> Result<PathBuf, DatabaseUrlError> {
    if value.is_empty() {
        return Err(refused(format!("{name} in the address names no file")));
    }
    Ok(value.into())
}

fn ssl_mode_of(text: &str) -> Result<SslMode, DatabaseUrlError> {
    match text {
        "disable" => Ok(SslMode::Disable),
        "require" => Ok(SslMode::Require),
        "verify-ca" => Ok(SslMode::VerifyCa),
        "verify-full" => Ok(SslMode::VerifyFull),
        _ => Err(refused(
            "sslmode in the address is one of disable, require, verify-ca and verify-full",
        )),
    }
}

fn channel_binding_of(text: &str) -> Result<ChannelBindingMode, DatabaseUrlError> {
    match text {
        "prefer" => Ok(ChannelBindingMode::Prefer),
        "require" => Ok(ChannelBindingMode::Require),
        _ => Err(refused("channel_binding in the address is prefer or require")),
    }
}

fn seconds_of(text: &str) -> Result<Duration, DatabaseUrlError> {
    match text.parse() {
        Ok(seconds @ 1..=60) => Ok(Duration::from_secs(seconds)),
        _ => Err(refused("connect_timeout in the address is a number of seconds from 1 to 60")),
    }
}

impl fmt::Display for SslMode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Disable => "disable",
            Self::Require => "require",
            Self::VerifyCa => "verify-ca",
            Self::VerifyFull => "verify-full",
        })
    }
}

/// The URL without its password.
impl fmt::Display for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "postgres://{}@", percent::encode(&self.user))?;
        for (index, host) in self.hosts.iter().enumerate() {
            let comma = if index > 0 { "," } else { "" };
            match host {
                Host::Tcp { .. } => write!(f, "{comma}{host}")?,
                Host::Unix { directory, port } => {
                    let directory = percent::encode(&directory.to_string_lossy());
                    write!(f, "{comma}{directory}:{port}")?;
                }
            }
        }
        write!(f, "/{}", percent::encode(&self.database))?;
        let file = |path: &PathBuf| percent::encode(&path.to_string_lossy());
        let parameters = [
            self.ssl_mode.map(|mode| format!("sslmode={mode}")),
            self.root_certificates.as_ref().map(|path| format!("sslrootcert={}", file(path))),
            (self.channel_binding == ChannelBindingMode::Require)
                .then(|| "channel_binding=require".to_owned()),
            (self.connect_timeout != CONNECT_TIMEOUT)
                .then(|| format!("connect_timeout={}", self.connect_timeout.as_secs())),
            self.password_file.as_ref().map(|path| format!("passfile={}", file(path))),
        ];
        for (index, parameter) in parameters.into_iter().flatten().enumerate() {
            write!(f, "{}{parameter}", if index == 0 { '?' } else { '&' })?;
        }
        Ok(())
    }
}

impl fmt::Debug for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests;
