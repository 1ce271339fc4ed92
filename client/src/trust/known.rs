//! The file of known servers: how each server proves its identity, and its realm. A text file with
//! a line for each server, which users may edit. Comment lines (`#`) are lost when the program next
//! writes the file.

use std::{
    fmt, fs, io,
    path::{Path, PathBuf},
};

use correio_proto::{fingerprint::Fingerprint, message::Realm};

use super::policy::Trust;
use crate::{
    address::Address,
    cancel::Cancel,
    files::{
        durable,
        lock::{self, LockError, WaitLimit},
    },
};

/// Name of the file in the client's data directory.
const FILE: &str = "known_servers";

/// Name of the file that is locked while the known servers change.
const LOCK: &str = "known_servers.lock";

/// The file's word for public authorities.
const AUTHORITIES: &str = "authorities";

/// The file's prefix of a fingerprint that was stated and not accepted.
const STATED: &str = "stated:";

/// Maximum of remembered servers, more than a user needs.
const SERVERS_MAX: usize = 10_000;

/// The file of known servers. Every call reads it again, since other programs may have changed it.
#[derive(Clone, Debug)]
pub struct KnownServers {
    directory: PathBuf,
    cancel: Cancel,
}

/// Result of checking a server's claim to a realm against the file.
enum RealmCheck {
    /// The file needs no change.
    Known,
    /// This entry must be recorded.
    New(KnownServer),
    /// Another server is known to own the realm.
    OtherServer(Address),
}

/// Why the known servers cannot be read or changed.
#[derive(Debug, thiserror::Error)]
pub enum KnownServersError {
    /// The file, or its directory, cannot be used.
    #[error("{}: {source}", path.display())]
    Io {
        /// The path.
        path: PathBuf,
        /// The error of the operating system.
        source: io::Error,
    },
    /// A line cannot be parsed. No server is trusted then, since the line may have said otherwise.
    #[error(
        "line {line} of {} is not `HOST:PORT SHA256:… [REALM]` or `HOST:PORT authorities REALM`: mend it, or delete the line and be asked \
         again",
        path.display()
    )]
    Line {
        /// The file.
        path: PathBuf,
        /// The line's number, from 1.
        line: usize,
    },
    /// Another program has held the file's lock for three seconds.
    #[error("another program keeps {} locked: try again, or end that program", path.display())]
    Locked {
        /// The file that is locked.
        path: PathBuf,
    },
    /// The call was cancelled; see [`KnownServers::cancelled_by`].
    #[error("cancelled")]
    Cancelled,
    /// The file has too many servers.
    #[error("{} has {SERVERS_MAX} servers: delete those that are not needed", path.display())]
    Full {
        /// The file.
        path: PathBuf,
    },
}

/// An entry of the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KnownServer {
    /// The server's address.
    pub address: Address,
    /// How the server proves its identity.
    pub proof: Proof,
    /// The server's realm, once a credential was made for it.
    pub realm: Option<Realm>,
}

/// How a server proves its identity.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Proof {
    /// With the certificate that the user has accepted.
    Certificate(Fingerprint),
    /// With a certificate that the caller stated for one run. The file remembers the server's
    /// realm, but does not trust the certificate.
    Stated(Fingerprint),
    /// With a certificate that a public authority has signed.
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
    /// Whether this entry can be the server at `address`, which was verified by `trust`.
    fn may_be(&self, address: &Address, trust: Trust) -> bool {
        match trust {
            // Without TLS a server proves nothing.
            Trust::Plaintext => false,
            Trust::Fingerprint(fingerprint) => self.proof.fingerprint() == Some(fingerprint),
            Trust::Authorities => {
                self.proof == Proof::Authorities && self.address.host() == address.host()
            }
        }
    }
}

impl KnownServers {
    /// The known servers of a data directory, which need not exist.
    #[must_use]
    pub fn in_directory(data: &Path) -> Self {
        Self { directory: data.to_owned(), cancel: Cancel::new() }
    }

    /// Lets `cancel` end the wait for another program that changes the file.
    #[must_use]
    pub fn cancelled_by(self, cancel: &Cancel) -> Self {
        Self { cancel: cancel.clone(), ..self }
    }

    /// How to trust a server: by the accepted certificate, or else by the public authorities.
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

    /// Whether a public authority vouched for the server when a credential was last made for it.
    ///
    /// # Errors
    ///
    /// See [`KnownServersError`].
    pub fn was_vouched(&self, address: &Address) -> Result<bool, KnownServersError> {
        let known = self.list()?.into_iter().find(|known| known.address == *address);
        Ok(known.is_some_and(|known| known.proof == Proof::Authorities))
    }

    /// All known servers, in the order of the file.
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

    /// The other addresses of the server at `address`: those with the same realm and the same
    /// proof, in the order of the file.
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

    /// Accepts a certificate for a server, and replaces any other entry of its address.
    ///
    /// # Errors
    ///
    /// See [`KnownServersError`]. The file is then unchanged.
    pub fn remember(
        &self,
        address: &Address,
        fingerprint: Fingerprint,
    ) -> Result<(), KnownServersError> {
        let _lock = self.lock()?;
        let proof = Proof::Certificate(fingerprint);
        self.put(KnownServer { address: address.clone(), proof, realm: None })
    }

    /// Records the realm that a server claims, before a credential is made for it. If another known
    /// server has proved to own that realm, returns it: the caller must not send a credential.
    ///
    /// # Errors
    ///
    /// See [`KnownServersError`].
    pub fn record_realm(
        &self,
        address: &Address,
        trust: Trust,
        realm: Realm,
    ) -> Result<Option<Address>, KnownServersError> {
        // No lock for a server that is known already or proves nothing.
        if let RealmCheck::New(_) = check_realm(&self.list()?, address, trust, realm) {
            let _lock = self.lock()?;
            // Another program may have changed the file meanwhile.
            if let RealmCheck::New(server) = check_realm(&self.list()?, address, trust, realm) {
                self.put(server)?;
            }
        }
        Ok(match check_realm(&self.list()?, address, trust, realm) {
            RealmCheck::OtherServer(keeper) => Some(keeper),
            RealmCheck::Known | RealmCheck::New(_) => None,
        })
    }

    /// Forgets a server. Returns whether it was known.
    ///
    /// # Errors
    ///
    /// See [`KnownServersError`]. The file is then unchanged.
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

    /// Forgets the accepted certificate of a server that a public authority vouches for now. The
    /// entry stays: it tells an impostor from a first contact.
    ///
    /// # Errors
    ///
    /// See [`KnownServersError`].
    pub fn vouched(&self, address: &Address) -> Result<(), KnownServersError> {
        let _lock = self.lock()?;
        let known = self.list()?.into_iter().find(|known| known.address == *address);
        let realm = known.and_then(|known| known.realm);
        self.put(KnownServer { address: address.clone(), proof: Proof::Authorities, realm })
    }

    /// Adds an entry, or replaces the entry of its address.
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

    /// Locks out other programs' changes until the returned file is dropped.
    fn lock(&self) -> Result<fs::File, KnownServersError> {
        let path = self.directory.join(LOCK);
        let locked = match durable::create_directories(&self.directory) {
            Ok(()) => lock::take(&path, WaitLimit::Changing, &self.cancel),
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

    /// Replaces the file atomically.
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

/// See [`KnownServers::record_realm`].
fn check_realm(
    servers: &[KnownServer],
    address: &Address,
    trust: Trust,
    realm: Realm,
) -> RealmCheck {
    let keeper =
        servers.iter().find(|known| known.realm == Some(realm) && !known.may_be(address, trust));
    if let Some(keeper) = keeper.filter(|keeper| {
        // An address may have a new store, but not the store of another server that proves itself.
        keeper.address != *address || trust == Trust::Plaintext
    }) {
        return RealmCheck::OtherServer(keeper.address.clone());
    }
    let known = servers.iter().find(|known| known.address == *address);
    let proof = match (known.map(|known| known.proof), trust) {
        (_, Trust::Plaintext) => return RealmCheck::Known,
        // That an authority vouched for the server stays known, whatever is stated for one run: it
        // tells an impostor from a first contact.
        (Some(Proof::Authorities), Trust::Fingerprint(_)) => return RealmCheck::Known,
        // A certificate that was only stated for this run is not accepted.
        (None | Some(Proof::Stated(_)), Trust::Fingerprint(stated)) => Proof::Stated(stated),
        (Some(Proof::Certificate(accepted)), Trust::Fingerprint(shown)) if accepted == shown => {
            Proof::Certificate(accepted)
        }
        (Some(Proof::Certificate(_)), _) => return RealmCheck::Known,
        (_, Trust::Authorities) => Proof::Authorities,
    };
    if known.is_some_and(|known| (known.proof, known.realm) == (proof, Some(realm))) {
        return RealmCheck::Known;
    }
    RealmCheck::New(KnownServer { address: address.clone(), proof, realm: Some(realm) })
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
