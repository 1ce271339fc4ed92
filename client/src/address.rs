//! The address of a server: a host and a port, as a user types them.

use std::{fmt, net::IpAddr, net::Ipv6Addr, str::FromStr};

/// Longest name of a host, in bytes (RFC 1035).
const NAME_MAX: usize = 253;

/// A host and a port. The host is a name, folded to lower case, or an IP address.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Address {
    host: Host,
    port: u16,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Host {
    Name(Box<str>),
    Ip(IpAddr),
}

/// Why a text is not an [`Address`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidAddress {
    /// The text is empty, or has nothing before the port.
    #[error("the address is empty: write a name, an IPv4 or an IPv6 address")]
    Empty,
    /// A host that is neither a name nor an IP address.
    #[error(
        "{0:?} is not a host: write a name (letters, digits, '-', '_' and '.'), an IPv4 address \
         such as 192.0.2.1 or an IPv6 address such as 2001:db8::1, in brackets before a port"
    )]
    Host(String),
    /// A port that is not a number from 1 to 65535.
    #[error("{0:?} is not a port: write a number from 1 to 65535")]
    Port(String),
}

impl Address {
    /// An address from its parts. An IPv6 address may stand in brackets.
    ///
    /// # Errors
    ///
    /// A host that is neither a name nor an IP address; port 0.
    pub fn new(host: &str, port: u16) -> Result<Self, InvalidAddress> {
        if port == 0 {
            return Err(InvalidAddress::Port("0".to_owned()));
        }
        let host = host.trim().parse()?;
        Ok(Self { host, port })
    }

    /// The host: a name in lower case, or an IP address without brackets.
    #[must_use]
    pub fn host(&self) -> String {
        self.host.to_string()
    }

    /// The port.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The IP address, if the host is one.
    #[must_use]
    pub fn ip(&self) -> Option<IpAddr> {
        match self.host {
            Host::Name(_) => None,
            Host::Ip(ip) => Some(ip),
        }
    }

    /// A name for a directory that belongs to this address alone: `host_port`, the colons of an
    /// IPv6 address written as `%3A`.
    #[must_use]
    pub fn directory_name(&self) -> String {
        format!("{}_{}", self.host().replace(':', "%3A"), self.port)
    }

    /// Reads what [`Address::directory_name`] writes. `None` for every other name.
    #[must_use]
    pub fn from_directory_name(name: &str) -> Option<Self> {
        let (host, port) = name.rsplit_once('_')?;
        let address = Self::new(&host.replace("%3A", ":"), port.parse().ok()?).ok()?;
        (address.directory_name() == name).then_some(address)
    }
}

impl FromStr for Address {
    type Err = InvalidAddress;

    fn from_str(text: &str) -> Result<Self, InvalidAddress> {
        let text = text.trim();
        let default = correio_proto::DEFAULT_PORT;
        if text.parse::<Ipv6Addr>().is_ok() {
            return Self::new(text, default);
        }
        // After a bracket only a port may follow; without brackets the last colon separates the
        // port.
        match text.rsplit_once(':') {
            Some((host, port)) if !port.ends_with(']') => Self::new(host, parse_port(port)?),
            _ => Self::new(text, default),
        }
    }
}

fn parse_port(text: &str) -> Result<u16, InvalidAddress> {
    let digits = text.bytes().all(|byte| byte.is_ascii_digit());
    let port = if digits { text.parse().ok() } else { None };
    port.ok_or_else(|| InvalidAddress::Port(text.to_owned()))
}

impl FromStr for Host {
    type Err = InvalidAddress;

    fn from_str(text: &str) -> Result<Self, InvalidAddress> {
        if text.is_empty() {
            return Err(InvalidAddress::Empty);
        }
        let refused = || InvalidAddress::Host(text.to_owned());
        if let Some(inner) = text.strip_prefix('[') {
            let inner = inner.strip_suffix(']').ok_or_else(refused)?;
            let ip: Ipv6Addr = inner.parse().map_err(|_| refused())?;
            return Ok(Self::Ip(ip.into()));
        }
        if let Ok(ip) = text.parse() {
            return Ok(Self::Ip(ip));
        }
        if is_name(text) {
            return Ok(Self::Name(text.to_ascii_lowercase().into()));
        }
        Err(refused())
    }
}

fn is_name(text: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    // A name may end with one dot; every label before it has 1 to 63 characters.
    let labels = text.strip_suffix('.').unwrap_or(text);
    text.len() <= NAME_MAX
        && labels.split('.').all(|label| (1..=63).contains(&label.len()))
        && labels.bytes().all(|byte| byte == b'.' || allowed(byte))
        // Only digits and dots are a mistyped IPv4 address, which a resolver would reinterpret.
        && labels.bytes().any(|byte| byte.is_ascii_alphabetic())
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(name) => f.write_str(name),
            Self::Ip(ip) => ip.fmt(f),
        }
    }
}

/// `host:port`, an IPv6 address in brackets: what [`Address::from_str`] reads.
impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.host {
            Host::Ip(IpAddr::V6(ip)) => write!(f, "[{ip}]:{}", self.port),
            _ => write!(f, "{}:{}", self.host, self.port),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    fn shown(text: &str) -> String {
        text.parse::<Address>().unwrap().to_string()
    }

    #[test]
    fn forms_that_are_taken() {
        let cases = [
            ("correio.example", "correio.example:8888"),
            (" Correio.Example:25 ", "correio.example:25"),
            ("localhost", "localhost:8888"),
            ("192.0.2.1", "192.0.2.1:8888"),
            ("192.0.2.1:9", "192.0.2.1:9"),
            ("::1", "[::1]:8888"),
            ("[::1]", "[::1]:8888"),
            ("[::1]:9999", "[::1]:9999"),
            ("2001:DB8::8:800", "[2001:db8::8:800]:8888"),
        ];
        for (text, expected) in cases {
            assert_eq!(shown(text), expected, "{text:?}");
            assert_eq!(shown(expected), expected);
        }
    }

    #[test]
    fn forms_that_are_refused() {
        let host = |text: &str| Err(InvalidAddress::Host(text.to_owned()));
        let port = |text: &str| Err(InvalidAddress::Port(text.to_owned()));
        let cases = [
            ("", Err(InvalidAddress::Empty)),
            (":8888", Err(InvalidAddress::Empty)),
            ("host:", port("")),
            ("host:0", port("0")),
            ("host:65536", port("65536")),
            ("host:+80", port("+80")),
            ("host:http", port("http")),
            ("192.0.2.256", host("192.0.2.256")),
            ("1.2.3", host("1.2.3")),
            ("[::1", host("[:")),
            ("[192.0.2.1]", host("[192.0.2.1]")),
            ("a..b", host("a..b")),
            ("../etc", host("../etc")),
            ("two words", host("two words")),
            ("servidor.é", host("servidor.é")),
        ];
        for (text, expected) in cases {
            assert_eq!(text.parse::<Address>(), expected, "{text:?}");
        }
    }

    #[test]
    fn every_address_has_its_own_directory() {
        let addresses = ["a:1", "a_1:1", "a:11", "a_1:11", "a.:1", "::1", "[::1]:1", "127.0.0.1"];
        let names: HashSet<String> = addresses
            .iter()
            .map(|text| text.parse::<Address>().unwrap().directory_name())
            .collect();
        assert_eq!(names.len(), addresses.len());
        assert!(names.contains("%3A%3A1_8888"));
        assert!(names.iter().all(|name| !name.contains(['/', ':'])));
    }

    #[test]
    fn the_name_of_a_directory_gives_the_address_again() {
        for text in ["a:1", "a_1:1", "a.:1", "correio.example", "[::1]:9", "127.0.0.1"] {
            let address: Address = text.parse().unwrap();
            let name = address.directory_name();
            assert_eq!(Address::from_directory_name(&name), Some(address), "{name}");
        }
        for name in ["", "a", "a_", "a_0", "a_01", "A_1", "::1_8888", "%3a%3a1_8888", "..", "_1"] {
            assert_eq!(Address::from_directory_name(name), None, "{name}");
        }
    }
}
