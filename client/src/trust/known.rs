//! The servers whose certificate a person has accepted: a text file with a line for each, which
//! may be read and edited.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use correio_proto::fingerprint::Fingerprint;

use super::Trust;
use crate::{Address, durable};

/// Name of the file in the client's data directory.
const FILE: &str = "known_servers";

/// Servers that are remembered at most. A person who is asked for more has another problem.
const SERVERS_MAX: usize = 10_000;

/// The file. It is read anew for every question, since other programs may have changed it.
#[derive(Clone, Debug)]
pub struct KnownServers {
    directory: PathBuf,
}

/// Why the known servers cannot be asked or changed.
#[derive(Debug, thiserror::Error)]
pub enum KnownServersError {
    /// The file, or its directory, cannot be used.
    #[error("{}: {source}", path.display())]
    Io {
        /// Which.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// A line that says nothing. Without knowing what it was nobody can be trusted.
    #[error(
        "line {line} of {} is not `HOST:PORT SHA256:…`: mend it, or delete the line and be asked \
         again",
        path.display()
    )]
    Line {
        /// Which file.
        path: PathBuf,
        /// Counts from 1.
        line: usize,
    },
    /// There are too many.
    #[error("{} has {SERVERS_MAX} servers: delete those that are not needed", path.display())]
    Full {
        /// Which file.
        path: PathBuf,
    },
}

impl KnownServers {
    /// Those of a data directory. Nothing needs to be there.
    #[must_use]
    pub fn in_directory(data: &Path) -> Self {
        Self { directory: data.to_owned() }
    }

    /// How a server is to be trusted: by the certificate that was accepted, or by the authorities
    /// where none was.
    ///
    /// # Errors
    ///
    /// See [`KnownServersError`].
    pub fn trust(&self, address: &Address) -> Result<Trust, KnownServersError> {
        let servers = self.list()?;
        let known = servers.into_iter().find(|(known, _)| known == address);
        Ok(known.map_or(Trust::Authorities, |(_, fingerprint)| Trust::Fingerprint(fingerprint)))
    }

    /// All of them, in the order in which they were accepted.
    ///
    /// # Errors
    ///
    /// See [`KnownServersError`].
    pub fn list(&self) -> Result<Vec<(Address, Fingerprint)>, KnownServersError> {
        let path = self.path();
        let text = match fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(source) => return Err(KnownServersError::Io { path, source }),
        };
        let mut servers = Vec::new();
        for (index, line) in text.lines().enumerate() {
            if line.trim().is_empty() || line.starts_with('#') {
                continue;
            }
            let server = parse(line);
            let line = index + 1;
            servers
                .push(server.ok_or_else(|| KnownServersError::Line { path: path.clone(), line })?);
        }
        Ok(servers)
    }

    /// Accepts a certificate for a server, in the place of any other.
    ///
    /// # Errors
    ///
    /// See [`KnownServersError`]. The file is then as it was.
    pub fn remember(
        &self,
        address: &Address,
        fingerprint: Fingerprint,
    ) -> Result<(), KnownServersError> {
        let mut servers = self.list()?;
        servers.retain(|(known, _)| known != address);
        if servers.len() >= SERVERS_MAX {
            return Err(KnownServersError::Full { path: self.path() });
        }
        servers.push((address.clone(), fingerprint));
        self.write(&servers)
    }

    /// Forgets a server. Returns whether it was known.
    ///
    /// # Errors
    ///
    /// See [`KnownServersError`]. The file is then as it was.
    pub fn forget(&self, address: &Address) -> Result<bool, KnownServersError> {
        let mut servers = self.list()?;
        let before = servers.len();
        servers.retain(|(known, _)| known != address);
        if servers.len() == before {
            return Ok(false);
        }
        self.write(&servers)?;
        Ok(true)
    }

    fn path(&self) -> PathBuf {
        self.directory.join(FILE)
    }

    /// The file as a whole, or as it was.
    fn write(&self, servers: &[(Address, Fingerprint)]) -> Result<(), KnownServersError> {
        let path = self.path();
        let half = self.directory.join(format!("{FILE}.{}", std::process::id()));
        let mut text = String::new();
        for (address, fingerprint) in servers {
            text.push_str(&format!("{address} {fingerprint}\n"));
        }
        durable::create_directories(&self.directory)
            .and_then(|()| durable::write(&half, text.as_bytes()))
            .and_then(|()| fs::rename(&half, &path))
            .and_then(|()| durable::sync_directory(&self.directory))
            .map_err(|source| KnownServersError::Io { path, source })
    }
}

fn parse(line: &str) -> Option<(Address, Fingerprint)> {
    let (address, fingerprint) = line.trim().split_once(' ')?;
    Some((address.parse().ok()?, fingerprint.trim().parse().ok()?))
}
