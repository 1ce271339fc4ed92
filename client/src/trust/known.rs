//! The servers that a person has dealt with, and how each is known: a text file with a line for
//! each, which may be read and edited. Lines that begin with `#` last until it is next written.

use std::{
    fmt, fs, io,
    path::{Path, PathBuf},
};

use correio_proto::{fingerprint::Fingerprint, message::Realm};

use super::Trust;
use crate::{
    Address, Cancel,
    storage::{
        durable,
        lock::{self, LockError, Patience},
    },
};

/// Name of the file in the client's data directory.
const FILE: &str = "known_servers";

/// Name of the file that is locked while it is changed.
const LOCK: &str = "known_servers.lock";

/// What stands for the public authorities in it.
const AUTHORITIES: &str = "authorities";

/// What stands before a fingerprint that was stated and not accepted.
const STATED: &str = "stated:";

/// Servers that are remembered at most. A person who is asked for more has another problem.
const SERVERS_MAX: usize = 10_000;

/// The file. It is read anew for every question, since other programs may have changed it.
#[derive(Clone, Debug)]
pub struct KnownServers {
    directory: PathBuf,
    cancel: Cancel,
}

/// What the file says of a server that says whose mail it keeps.
enum Met {
    /// Nothing is to be noted.
    Known,
    /// This is to be noted.
    New(KnownServer),
    /// Another server is known to keep that mail.
    OtherServers(Address),
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
        "line {line} of {} is not `HOST:PORT SHA256:… [REALM]` or `HOST:PORT authorities REALM`: mend it, or delete the line and be asked \
         again",
        path.display()
    )]
    Line {
        /// Which file.
        path: PathBuf,
        /// Counts from 1.
        line: usize,
    },
    /// For three seconds another program has held the lock under which the file is changed.
    #[error("another program keeps {} locked: try again, or end that program", path.display())]
    Locked {
        /// The file that is locked.
        path: PathBuf,
    },
    /// The caller gave up; see [`KnownServers::cancelled_by`].
    #[error("cancelled")]
    Cancelled,
    /// There are too many.
    #[error("{} has {SERVERS_MAX} servers: delete those that are not needed", path.display())]
    Full {
        /// Which file.
        path: PathBuf,
    },
}

/// One server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KnownServer {
    /// Where it is.
    pub address: Address,
    /// How it is known.
    pub proof: Proof,
    /// Whose mail it keeps, once a password was given to it.
    pub realm: Option<Realm>,
}

/// How a server is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Proof {
    /// By the certificate that a person has accepted.
    Certificate(Fingerprint),
    /// By a certificate that was stated for a time. It is not trusted for that; only what the
    /// server keeps is remembered.
    Stated(Fingerprint),
    /// By a certificate that public authorities vouch for.
    Authorities,
}

impl Proof {
    fn fingerprint(self) -> Option<Fingerprint> {
        match self {
            Self::Certificate(fingerprint) | Self::Stated(fingerprint) => Some(fingerprint),
            Self::Authorities => None,
        }
    }
}

impl fmt::Display for Proof {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Certificate(fingerprint) => fingerprint.fmt(f),
            Self::Stated(fingerprint) => write!(f, "{STATED}{fingerprint}"),
            Self::Authorities => f.write_str(AUTHORITIES),
        }
    }
}

impl KnownServer {
    /// Whether this entry can be of the server at this address, for what that one has shown.
    fn may_be(&self, address: &Address, trust: Trust) -> bool {
        match trust {
            // Without TLS nobody is who they say.
            Trust::Plaintext => false,
            Trust::Fingerprint(fingerprint) => self.proof.fingerprint() == Some(fingerprint),
            Trust::Authorities => {
                self.proof == Proof::Authorities && self.address.host() == address.host()
            }
        }
    }
}

impl KnownServers {
    /// Those of a data directory. Nothing needs to be there.
    #[must_use]
    pub fn in_directory(data: &Path) -> Self {
        Self { directory: data.to_owned(), cancel: Cancel::new() }
    }

    /// Has waiting for another program that changes the file end when `cancel` is thrown.
    #[must_use]
    pub fn cancelled_by(self, cancel: &Cancel) -> Self {
        Self { cancel: cancel.clone(), ..self }
    }

    /// How a server is to be trusted: by the certificate that was accepted, or by the authorities
    /// where none was.
    ///
    /// # Errors
    ///
    /// See [`KnownServersError`].
    pub fn trust(&self, address: &Address) -> Result<Trust, KnownServersError> {
        let known = self.list()?.into_iter().find(|known| known.address == *address);
        Ok(match known.map(|known| known.proof) {
            Some(Proof::Certificate(fingerprint)) => Trust::Fingerprint(fingerprint),
            Some(Proof::Authorities | Proof::Stated(_)) | None => Trust::Authorities,
        })
    }

    /// All of them, in the order in which they were met.
    ///
    /// # Errors
    ///
    /// See [`KnownServersError`].
    pub fn list(&self) -> Result<Vec<KnownServer>, KnownServersError> {
        let path = self.path();
        let text = match fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(source) => return Err(KnownServersError::Io { path, source }),
        };
        let mut servers = Vec::new();
        for (line, text) in (1..).zip(text.lines()) {
            if text.trim().is_empty() || text.starts_with('#') {
                continue;
            }
            let server = parse(text);
            let server = server.ok_or_else(|| KnownServersError::Line { path: path.clone(), line });
            servers.push(server?);
        }
        Ok(servers)
    }

    /// The other addresses under which the server of an address is known: those that keep the
    /// same mail and have proved to be it in the same way, in the order in which they were met.
    ///
    /// # Errors
    ///
    /// See [`KnownServersError`].
    pub fn same_server(&self, address: &Address) -> Result<Vec<Address>, KnownServersError> {
        let servers = self.list()?;
        let Some(own) = servers.iter().find(|known| known.address == *address) else {
            return Ok(Vec::new());
        };
        let trust = own.proof.fingerprint().map_or(Trust::Authorities, Trust::Fingerprint);
        let same = |other: &&KnownServer| {
            own.realm.is_some()
                && other.realm == own.realm
                && other.address != *address
                && other.may_be(address, trust)
        };
        Ok(servers.iter().filter(same).map(|other| other.address.clone()).collect())
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
        let _lock = self.lock()?;
        let proof = Proof::Certificate(fingerprint);
        self.put(KnownServer { address: address.clone(), proof, realm: None })
    }

    /// Notes, before a password is used there, whose mail a server says it keeps. Returns the
    /// server that is known to keep that mail where this one cannot be it: a password for the
    /// one must not be given to the other.
    ///
    /// # Errors
    ///
    /// See [`KnownServersError`].
    pub fn meet(
        &self,
        address: &Address,
        trust: Trust,
        realm: Realm,
    ) -> Result<Option<Address>, KnownServersError> {
        // A server that is known already, or that proves nothing, takes no lock.
        if let Met::New(_) = met(&self.list()?, address, trust, realm) {
            let _lock = self.lock()?;
            // Another program may have changed the file meanwhile.
            if let Met::New(server) = met(&self.list()?, address, trust, realm) {
                self.put(server)?;
            }
        }
        Ok(match met(&self.list()?, address, trust, realm) {
            Met::OtherServers(keeper) => Some(keeper),
            Met::Known | Met::New(_) => None,
        })
    }

    /// Forgets a server. Returns whether it was known.
    ///
    /// # Errors
    ///
    /// See [`KnownServersError`]. The file is then as it was.
    pub fn forget(&self, address: &Address) -> Result<bool, KnownServersError> {
        let _lock = self.lock()?;
        let mut servers = self.list()?;
        let before = servers.len();
        servers.retain(|known| known.address != *address);
        if servers.len() == before {
            return Ok(false);
        }
        self.write(&servers)?;
        Ok(true)
    }

    /// Puts an entry in the place of the one that its address has, if any.
    fn put(&self, server: KnownServer) -> Result<(), KnownServersError> {
        let mut servers = self.list()?;
        match servers.iter_mut().find(|known| known.address == server.address) {
            Some(known) => *known = server,
            None => servers.push(server),
        }
        if servers.len() > SERVERS_MAX {
            return Err(KnownServersError::Full { path: self.path() });
        }
        self.write(&servers)
    }

    /// Keeps other programs from changing the file until it is dropped.
    fn lock(&self) -> Result<fs::File, KnownServersError> {
        let path = self.directory.join(LOCK);
        let locked = match durable::create_directories(&self.directory) {
            Ok(()) => lock::take(&path, Patience::Changing, &self.cancel),
            Err(error) => Err(LockError::Io(error)),
        };
        locked.map_err(|error| match error {
            LockError::Held => KnownServersError::Locked { path },
            LockError::Cancelled => KnownServersError::Cancelled,
            LockError::Io(source) => KnownServersError::Io { path, source },
        })
    }

    fn path(&self) -> PathBuf {
        self.directory.join(FILE)
    }

    /// The file as a whole, or as it was.
    fn write(&self, servers: &[KnownServer]) -> Result<(), KnownServersError> {
        let path = self.path();
        let half = self.directory.join(format!("{FILE}.{}", std::process::id()));
        let mut text = String::new();
        for KnownServer { address, proof, realm } in servers {
            let realm = realm.map(|realm| format!(" {realm}")).unwrap_or_default();
            text.push_str(&format!("{address} {proof}{realm}\n"));
        }
        durable::create_directories(&self.directory)
            .and_then(|()| durable::write(&half, text.as_bytes()))
            .and_then(|_| durable::rename(&half, &path))
            .and_then(|()| durable::sync_directory(&self.directory))
            .map(drop)
            .map_err(|source| KnownServersError::Io { path, source })
    }
}

/// See [`KnownServers::meet`].
fn met(servers: &[KnownServer], address: &Address, trust: Trust, realm: Realm) -> Met {
    let keeper =
        servers.iter().find(|known| known.realm == Some(realm) && !known.may_be(address, trust));
    if let Some(keeper) = keeper.filter(|keeper| {
        // An address may have a new store, but not the one of a server that proves itself.
        keeper.address != *address || trust == Trust::Plaintext
    }) {
        return Met::OtherServers(keeper.address.clone());
    }
    let known = servers.iter().find(|known| known.address == *address);
    let proof = match (known.map(|known| known.proof), trust) {
        (_, Trust::Plaintext) => return Met::Known,
        // A certificate that was only stated for this time is not accepted by the way.
        (None | Some(Proof::Stated(_) | Proof::Authorities), Trust::Fingerprint(stated)) => {
            Proof::Stated(stated)
        }
        (Some(Proof::Certificate(accepted)), Trust::Fingerprint(shown)) if accepted == shown => {
            Proof::Certificate(accepted)
        }
        (Some(Proof::Certificate(_)), _) => return Met::Known,
        (_, Trust::Authorities) => Proof::Authorities,
    };
    if known.is_some_and(|known| (known.proof, known.realm) == (proof, Some(realm))) {
        return Met::Known;
    }
    Met::New(KnownServer { address: address.clone(), proof, realm: Some(realm) })
}

fn parse(line: &str) -> Option<KnownServer> {
    let mut words = line.split_whitespace();
    let address = words.next()?.parse().ok()?;
    let proof = match words.next()? {
        AUTHORITIES => Proof::Authorities,
        other => match other.strip_prefix(STATED) {
            Some(fingerprint) => Proof::Stated(fingerprint.parse().ok()?),
            None => Proof::Certificate(other.parse().ok()?),
        },
    };
    let realm = match words.next() {
        Some(realm) => Some(realm.parse().ok()?),
        None => None,
    };
    words.next().is_none().then_some(KnownServer { address, proof, realm })
}
