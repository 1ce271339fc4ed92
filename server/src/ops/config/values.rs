//! Parses written values into the types of settings.

use std::{
    net::{IpAddr, SocketAddr},
    ops::RangeInclusive,
    path::{Path, PathBuf},
    time::Duration,
};

use super::{
    error::ConfigError,
    settings::SETTINGS,
    sources::{Written, WrittenSettings},
    types::{Listen, SecurityConfig},
};
use crate::{
    gateway::domain::MailDomain,
    limits::network::Network,
    metrics::Hosts,
    ops::{certificate::CertificateSource, size::parse_size},
    protocol::Service,
    store::{nodes::NodeName, postgres::DatabaseUrl},
};

/// The written values of all settings.
pub(super) struct Values(pub(super) WrittenSettings);

impl Values {
    fn one(&self, key: &str) -> Option<(&Written, &str)> {
        let written = self.0.get(key)?;
        Some((written, written.values.first().map_or("", String::as_str)))
    }

    /// Whether a setting was written.
    pub(super) fn is_written(&self, key: &str) -> bool {
        self.0.contains_key(key)
    }

    /// The place of a value, for messages.
    pub(super) fn place(&self, key: &str) -> String {
        self.0.get(key).map_or_else(|| key.to_owned(), ToString::to_string)
    }

    /// A value with its place, or the default, for messages.
    pub(super) fn written(&self, key: &str) -> String {
        if let Some((written, value)) = self.one(key) {
            return format!("{written} {value:?}");
        }
        let setting = SETTINGS.iter().find(|setting| setting.key == key);
        format!("{key} (by default {})", setting.map_or("", |setting| setting.default))
    }

    /// A file or directory.
    pub(super) fn path(&self, key: &str) -> Result<Option<PathBuf>, ConfigError> {
        match self.one(key) {
            Some((written, "")) => Err(refused(written, "")),
            found => Ok(found.map(|(_, value)| value.into())),
        }
    }

    /// A whole number, or the default.
    pub(super) fn number(
        &self,
        key: &str,
        allowed: RangeInclusive<u64>,
        default: u64,
    ) -> Result<u64, ConfigError> {
        let Some((written, value)) = self.one(key) else {
            return Ok(default);
        };
        let number = value.parse().ok().filter(|number| allowed.contains(number));
        number.ok_or_else(|| refused(written, value))
    }

    /// As [`Values::number`], as a number of days; `None` unless it is set.
    pub(super) fn days(
        &self,
        key: &str,
        allowed: RangeInclusive<u64>,
    ) -> Result<Option<u32>, ConfigError> {
        let days = self.number(key, allowed, 0)?;
        Ok(u32::try_from(days).ok().filter(|days| *days > 0))
    }

    /// As [`Values::number`], as a count.
    pub(super) fn count(
        &self,
        key: &str,
        allowed: RangeInclusive<u64>,
        default: u64,
    ) -> Result<usize, ConfigError> {
        Ok(self.number(key, allowed, default)? as usize)
    }

    /// As [`Values::number`], in seconds.
    pub(super) fn seconds(
        &self,
        key: &str,
        allowed: RangeInclusive<u64>,
        default: u64,
    ) -> Result<Duration, ConfigError> {
        self.number(key, allowed, default).map(Duration::from_secs)
    }

    /// Bytes, written with or without a unit, or the default.
    pub(super) fn size(
        &self,
        key: &str,
        allowed: RangeInclusive<u64>,
        default: u64,
    ) -> Result<u64, ConfigError> {
        let Some((written, value)) = self.one(key) else {
            return Ok(default);
        };
        let size = parse_size(value).filter(|size| allowed.contains(size));
        size.ok_or_else(|| refused(written, value))
    }

    /// A word of `choices`; the first word is the default.
    pub(super) fn choice<T: Copy>(
        &self,
        key: &str,
        choices: &[(&str, T)],
    ) -> Result<T, ConfigError> {
        let written = self.one(key);
        let word = written.map(|(_, value)| value);
        let chosen = choices.iter().find(|(name, _)| word.is_none_or(|word| word == *name));
        match (chosen, written) {
            (Some((_, choice)), _) => Ok(*choice),
            (None, Some((written, value))) => Err(refused(written, value)),
            (None, None) => unreachable!("a list of choices has a first"),
        }
    }

    fn switch(&self, key: &str) -> Result<bool, ConfigError> {
        self.choice(key, &[("false", false), ("true", true)])
    }

    /// The result of `plaintext`, `tls-cert` and `tls-key` together.
    pub(super) fn security(&self, data_dir: &Path) -> Result<SecurityConfig, ConfigError> {
        let refused = |(written, value): (&Written, &str), allowed| {
            let (place, value) = (written.to_string(), value.to_owned());
            Err(ConfigError::Value { place, value, allowed })
        };
        match (self.switch("plaintext")?, self.one("tls-cert"), self.one("tls-key")) {
            (true, None, None) => Ok(SecurityConfig::Plaintext),
            (true, Some(file), _) | (true, None, Some(file)) => {
                refused(file, "a file only where plaintext is off")
            }
            (false, None, None) => {
                Ok(SecurityConfig::Tls(CertificateSource::Own(data_dir.to_owned())))
            }
            (false, Some(file @ (_, "")), Some(_)) | (false, Some(_), Some(file @ (_, ""))) => {
                refused(file, "the name of a file")
            }
            (false, Some((_, certificate)), Some((_, key))) => {
                let (certificate, key) = (certificate.into(), key.into());
                Ok(SecurityConfig::Tls(CertificateSource::Files { certificate, key }))
            }
            (false, Some(file), None) | (false, None, Some(file)) => {
                refused(file, "a file only together with the other of tls-cert and tls-key")
            }
        }
    }

    /// Addresses and networks.
    pub(super) fn networks(&self, key: &str) -> Result<Vec<Network>, ConfigError> {
        let Some(written) = self.0.get(key) else {
            return Ok(Vec::new());
        };
        let parse = |value: &String| value.parse().map_err(|_| refused(written, value));
        written.values.iter().map(parse).collect()
    }

    /// The addresses to listen on.
    pub(super) fn listen(&self) -> Result<Listen, ConfigError> {
        match self.0.get("listen") {
            None => Ok(Listen::Everywhere),
            Some(_) => Ok(Listen::On(self.addresses("listen")?)),
        }
    }

    /// Addresses with ports; none if nothing is written. Only addresses with port 0 may be
    /// repeated.
    pub(super) fn addresses(&self, key: &str) -> Result<Vec<SocketAddr>, ConfigError> {
        let mut addresses: Vec<SocketAddr> = Vec::new();
        let Some(written) = self.0.get(key) else {
            return Ok(addresses);
        };
        for value in &written.values {
            let address: SocketAddr = value.parse().map_err(|_| refused(written, value))?;
            if let IpAddr::V6(ip) = address.ip()
                && ip.to_ipv4_mapped().is_some()
            {
                let place = written.to_string();
                let allowed = "an IPv4 address without ::ffff: before it, such as 127.0.0.1:8888";
                return Err(ConfigError::Value { place, value: value.clone(), allowed });
            }
            if addresses.contains(&address) && address.port() != 0 {
                let place = written.to_string();
                let allowed = "each address once";
                return Err(ConfigError::Value { place, value: value.clone(), allowed });
            }
            addresses.push(address);
        }
        if addresses.is_empty() {
            return Err(refused(written, ""));
        }
        Ok(addresses)
    }

    /// The addresses for mail programs, each with its service. Where plaintext is permitted, TLS is
    /// not demanded.
    pub(super) fn gateways(&self) -> Result<Vec<(Service, SocketAddr)>, ConfigError> {
        let is_plaintext = self.switch("plaintext")?;
        let mut all = Vec::new();
        for service in Service::GATEWAYS {
            let addresses = self.addresses(service.name())?;
            let service = match is_plaintext {
                true => service.in_plaintext(),
                false => service,
            };
            all.extend(addresses.into_iter().map(|address| (service, address)));
        }
        Ok(all)
    }

    /// The domain of mail addresses.
    pub(super) fn mail_domain(&self) -> Result<Option<MailDomain>, ConfigError> {
        let Some((written, value)) = self.one("mail-domain") else {
            return Ok(None);
        };
        value.parse().map(Some).map_err(|_| refused(written, value))
    }

    /// The name of this server.
    pub(super) fn node_name(&self) -> Result<Option<NodeName>, ConfigError> {
        let Some((written, value)) = self.one("node-name") else {
            return Ok(None);
        };
        value.parse().map(Some).map_err(|_| refused(written, value))
    }

    /// The address of the database.
    pub(super) fn database(&self) -> Result<Option<DatabaseUrl>, ConfigError> {
        let Some((written, value)) = self.one("database") else {
            return Ok(None);
        };
        let place = written.to_string();
        value.parse().map(Some).map_err(|source| ConfigError::Database { place, source })
    }

    /// Names of hosts.
    pub(super) fn hosts(&self, key: &str) -> Result<Hosts, ConfigError> {
        let Some(written) = self.0.get(key) else {
            return Ok(Hosts::default());
        };
        let parse = |value: &String| value.parse().map_err(|_| refused(written, value));
        written.values.iter().map(parse).collect::<Result<Vec<_>, _>>().map(Hosts)
    }
}

fn refused(written: &Written, value: &str) -> ConfigError {
    ConfigError::Value {
        place: written.to_string(),
        value: value.to_owned(),
        allowed: written.setting.allowed,
    }
}
