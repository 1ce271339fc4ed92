//! The names of hosts by which clients may ask for metrics.
//!
//! A page in a browser can make a name of its own point at an address of this machine (DNS
//! rebinding), and would then read the answers. The browser sends that name in the header `Host`,
//! so the server refuses names that the operator has not set.

use std::{net::IpAddr, str::FromStr};

/// Longest name of a host, in bytes (RFC 1035).
const NAME_MAX: usize = 253;

/// The name of a host, in lower case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostName(Box<str>);

/// The text is not the name of a host.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not the name of a host")]
pub struct NotHostName;

impl FromStr for HostName {
    type Err = NotHostName;

    fn from_str(text: &str) -> Result<Self, NotHostName> {
        let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '_');
        match text.len() {
            1..=NAME_MAX if text.chars().all(is_plain) => {
                Ok(Self(text.to_ascii_lowercase().into_boxed_str()))
            }
            _ => Err(NotHostName),
        }
    }
}

/// The allowed names besides addresses and `localhost`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Hosts(pub Vec<HostName>);

impl Hosts {
    /// Whether an authority (a host, and perhaps a port) names this server.
    pub(crate) fn allow(&self, authority: &str) -> bool {
        let Some(host) = host_of(authority) else {
            return false;
        };
        let name = host.strip_suffix('.').unwrap_or(host);
        let is_name = |known: &HostName| known.0.eq_ignore_ascii_case(name);
        host.parse::<IpAddr>().is_ok()
            || name.eq_ignore_ascii_case("localhost")
            || self.0.iter().any(is_name)
    }
}

/// The host of an authority, without the brackets of an IPv6 address.
fn host_of(authority: &str) -> Option<&str> {
    let (host, after) = match authority.strip_prefix('[') {
        Some(rest) => rest.split_once(']').filter(|(host, _)| host.contains(':'))?,
        None => authority.split_at(authority.find(':').unwrap_or(authority.len())),
    };
    let is_port = |port: &str| port.len() <= 5 && port.bytes().all(|byte| byte.is_ascii_digit());
    let is_end = after.is_empty() || after.strip_prefix(':').is_some_and(is_port);
    is_end.then_some(host)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_localhost_and_known_names_are_allowed() {
        let hosts = Hosts(vec!["Mail.Example.net".parse().unwrap()]);
        for host in [
            "127.0.0.1",
            "127.0.0.1:9100",
            "[::1]:9100",
            "192.0.2.7",
            "localhost",
            "LOCALHOST:1",
            "mail.example.NET:9100",
            "mail.example.net.",
        ] {
            assert!(hosts.allow(host), "{host}");
        }
        for host in [
            "",
            "attacker.example",
            "localhost.attacker.example",
            "127.0.0.1.attacker.example",
            "127.1",
            "::1",
            "[::1",
            "[localhost]",
            "localhost:port",
            "localhost:80:80",
            "user@localhost",
            "localhost, attacker.example",
        ] {
            assert!(!hosts.allow(host), "{host}");
        }
    }

    #[test]
    fn a_name_is_letters_digits_hyphens_and_dots() {
        for name in ["", "a b", "a/b", "a:1", "é"] {
            assert_eq!(name.parse::<HostName>(), Err(NotHostName), "{name}");
        }
    }
}
