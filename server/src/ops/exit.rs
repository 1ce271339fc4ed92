//! Errors that end the program, and their exit statuses.

use std::{io, net::SocketAddr, path::PathBuf};

use crate::{
    auth::key_file::KeyFileError,
    ops::{
        admin_error::AdminCommandError, backup::BackupError, certificate::CertificateError,
        config::ConfigError, export::ExportError, logging::LoggingError, migrate::MigrateError,
        restore::RestoreError, systemd::InheritError,
    },
    private_file,
    store::{StoreFailed, kind::OpenError, postgres::NodeKeyError, sqlite::SnapshotError},
    sysexits::{CANNOT_CREATE, CONFIG, IO, NO_PERMISSION, OS, UNAVAILABLE, USAGE},
};

/// An error that ends the program. The exit statuses are those of sysexits.h.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// A setting is wrong.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The log cannot be started.
    #[error(transparent)]
    Logging(#[from] LoggingError),
    /// The certificate cannot be used.
    #[error(transparent)]
    Certificate(#[from] CertificateError),
    /// The key of invites, or that of tickets, cannot be used.
    #[error(transparent)]
    Key(#[from] KeyFileError),
    /// The store cannot be opened.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// No server has used the directory that a command was given.
    #[error("no server has used the directory {}: name that of the server with --data-dir, or start the server there first", directory.display())]
    NoServer {
        /// The directory.
        directory: PathBuf,
    },
    /// The server of the data directory keeps its store in a database.
    #[error("the server of the data directory {} keeps its store in a PostgreSQL database: name its settings with --config FILE, or with --store postgres and --database; for a server with SQLite, name an empty directory", directory.display())]
    StoreInDatabase {
        /// The directory.
        directory: PathBuf,
    },
    /// The data directory has a store of SQLite, and the settings name a database.
    #[error("the data directory {} has a store of SQLite, which --store postgres does not use: copy it with `correiod migrate`, then move correio.db away", directory.display())]
    StoreLeft {
        /// The directory.
        directory: PathBuf,
    },
    /// The keys in the data directory are not those of the other servers on the store.
    #[error(transparent)]
    NodeKey(#[from] NodeKeyError),
    /// The store has a way of its own for backups.
    #[error(
        "the store is a PostgreSQL database, which PostgreSQL's own tools copy while it runs: `pg_dump --format=custom --file=FILE URL` makes a backup, `pg_restore --dbname=URL FILE` fills an empty database from it; keep a copy of the data directory's keys beside it"
    )]
    BackupElsewhere,
    /// The store has a way of its own for checks.
    #[error(
        "the store is a PostgreSQL database, which PostgreSQL's own tools check: `pg_amcheck URL` verifies its tables and indexes, as a superuser, after CREATE EXTENSION amcheck was run in it once"
    )]
    CheckElsewhere,
    /// The directory that a command was given cannot be searched.
    #[error("cannot use the data directory {}: {source}{}", directory.display(), private_file::advice(source))]
    DataDirectory {
        /// The directory.
        directory: PathBuf,
        /// The cause.
        source: io::Error,
    },
    /// A key that clients or invites depend on was lost.
    #[error("{key} is missing in the data directory {}, but accounts or invites depend on it: put it back from a backup; or `correiod {command} --data-dir {}` makes a new one, {consequence}", directory.display(), directory.display())]
    KeyLost {
        /// The directory.
        directory: PathBuf,
        /// The name of the key's file.
        key: &'static str,
        /// The command that makes a new key.
        command: &'static str,
        /// The consequence of a new key.
        consequence: &'static str,
    },
    /// The clock is before 1970.
    #[error(
        "the system clock is before 1970, so mail cannot be dated: set the clock (timedatectl set-ntp true) and start the server again"
    )]
    Clock,
    /// The listening sockets leave no file descriptor for connections.
    #[error(
        "the limit of {files} open files leaves none for connections, with {listeners} addresses to listen on: raise it (ulimit -n, or LimitNOFILE= in the unit), or listen on fewer addresses"
    )]
    Files {
        /// The limit.
        files: u64,
        /// Number of listening sockets.
        listeners: usize,
    },
    /// Sockets of the service manager cannot be used.
    #[error(transparent)]
    Inherit(#[from] InheritError),
    /// A socket of the service manager is for mail programs, and their addresses have no domain.
    #[error(
        "the service manager hands over the socket {name} for mail programs, which need a name after the @ of mail addresses: set mail-domain to the name by which they reach this server"
    )]
    NoDomain {
        /// The socket's name.
        name: &'static str,
    },
    /// A socket of the service manager promises TLS, which the settings exclude.
    #[error(
        "the service manager hands over the socket {name}, which needs TLS from the first byte, but plaintext is on: turn plaintext off, or do not start that socket"
    )]
    NoTls {
        /// The socket's name.
        name: &'static str,
    },
    /// An address cannot be listened on.
    #[error("cannot listen on {address}: {source}{}", advice(source, setting))]
    Listen {
        /// The setting that has the address.
        setting: &'static str,
        /// The address.
        address: SocketAddr,
        /// The cause.
        source: io::Error,
    },
    /// The system refuses something that every server needs.
    #[error("the system refuses: {0}")]
    Start(io::Error),
    /// No backup was made.
    #[error(transparent)]
    Backup(#[from] BackupError),
    /// Nothing was restored.
    #[error(transparent)]
    Restore(#[from] RestoreError),
    /// Not all mail was exported.
    #[error(transparent)]
    Export(#[from] ExportError),
    /// A store was not copied as a whole.
    #[error(transparent)]
    Migrate(#[from] MigrateError),
    /// A database cannot be read to its end.
    #[error(transparent)]
    Snapshot(SnapshotError),
    /// A check has found damage, and has printed it.
    #[error("{found} wrong with the database in {}: put a backup in its place (correiod restore)", directory.display())]
    Unsound {
        /// The directory.
        directory: PathBuf,
        /// The number of findings, in words.
        found: String,
    },
    /// A command about accounts, lists, sessions, invites or the state was not done.
    #[error(transparent)]
    Admin(#[from] AdminCommandError),
    /// The manual pages cannot be written.
    #[error("cannot write the manual into {}: {source}", directory.display())]
    Manual {
        /// The directory.
        directory: PathBuf,
        /// The cause.
        source: io::Error,
    },
    /// The store has failed while the server ran.
    #[error(transparent)]
    Store(#[from] StoreFailed),
}

fn advice(error: &io::Error, setting: &str) -> String {
    match error.kind() {
        io::ErrorKind::AddrInUse => {
            format!(
                "; another program listens there: stop it, or choose another port with --{setting}"
            )
        }
        io::ErrorKind::PermissionDenied => {
            format!(
                "; ports below 1024 need a right to them: choose another port with --{setting}, or \
                 let systemd open it"
            )
        }
        io::ErrorKind::AddrNotAvailable => "; this machine does not have that address".to_owned(),
        _ => String::new(),
    }
}

impl Failure {
    /// The exit status.
    #[must_use]
    pub fn status(&self) -> u8 {
        match self {
            Self::Config(ConfigError::Usage(_)) => USAGE,
            Self::Certificate(CertificateError::Make { .. }) => NO_PERMISSION,
            Self::Config(_)
            | Self::Inherit(_)
            | Self::Certificate(_)
            | Self::NoServer { .. }
            | Self::StoreInDatabase { .. }
            | Self::StoreLeft { .. }
            | Self::BackupElsewhere
            | Self::CheckElsewhere
            | Self::Unsound { .. }
            | Self::NoDomain { .. }
            | Self::NoTls { .. }
            | Self::KeyLost { .. } => CONFIG,
            Self::Logging(LoggingError::File { .. }) => NO_PERMISSION,
            Self::Logging(_) | Self::Start(_) | Self::Clock | Self::Files { .. } => OS,
            Self::Key(KeyFileError::Io { .. }) | Self::DataDirectory { .. } => NO_PERMISSION,
            Self::Key(KeyFileError::Damaged { .. } | KeyFileError::Open { .. }) => CONFIG,
            Self::Key(KeyFileError::Random(_)) => OS,
            Self::Open(error) => error.exit_status(),
            Self::NodeKey(error) => error.exit_status(),
            Self::Listen { source, .. } => match source.kind() {
                io::ErrorKind::PermissionDenied => NO_PERMISSION,
                _ => UNAVAILABLE,
            },
            Self::Backup(error) => error.exit_status(),
            Self::Restore(error) => error.exit_status(),
            Self::Export(error) => error.exit_status(),
            Self::Migrate(error) => error.exit_status(),
            Self::Snapshot(error) => error.exit_status(),
            Self::Admin(error) => error.exit_status(),
            Self::Manual { .. } => CANNOT_CREATE,
            Self::Store(_) => IO,
        }
    }

    /// Whether the machine lacks the family (IPv4 or IPv6) of an address.
    #[must_use]
    pub fn is_missing_family(&self) -> bool {
        match self {
            Self::Listen { source, .. } => {
                source.kind() == io::ErrorKind::AddrNotAvailable
                    || source.raw_os_error() == Some(rustix::io::Errno::AFNOSUPPORT.raw_os_error())
            }
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_of_a_missing_right_says_who_has_it() {
        let path = PathBuf::from("/srv/mail");
        let source = || io::Error::from(io::ErrorKind::PermissionDenied);
        for failure in [
            Failure::DataDirectory { directory: path.clone(), source: source() },
            Failure::Backup(BackupError::Unreadable { path: path.clone(), source: source() }),
            Failure::Admin(AdminCommandError::Connect { path: path.clone(), source: source() }),
        ] {
            let text = failure.to_string();
            assert!(text.ends_with("; run the command as the server's user or as root"), "{text}");
            assert_eq!(failure.status(), NO_PERMISSION, "{text}");
        }
        let failure = Failure::Key(KeyFileError::Io { path: path.clone(), source: source() });
        let text = failure.to_string();
        assert!(text.contains("; the server's user must own this file"), "{text}");
        let source = io::Error::from(io::ErrorKind::NotADirectory);
        let failure = Failure::DataDirectory { directory: path, source };
        assert!(!failure.to_string().contains("root"), "{failure}");
    }
}
