//! Why there is no connection, with what a person can do about it.

use std::{io, path::PathBuf};

use super::error::{ProtocolError, QueryError};
use crate::sysexits;

/// Why there is no connection to the database. No text has a password.
#[derive(Debug, thiserror::Error)]
#[allow(missing_docs)] // The messages describe each.
pub enum ConnectError {
    #[error(
        "cannot reach the database at {host}: {source}. Is PostgreSQL running there, and listening at this address?"
    )]
    Unreachable { host: String, source: io::Error },
    #[error("the database at {host} does not answer in time")]
    Silent { host: String },
    #[error("the connection to the database at {host} broke at its beginning: {reason}")]
    Broken { host: String, reason: String },
    #[error("the database at {host} takes no connections now: {text}")]
    Busy { host: String, text: String },
    #[error(
        "the database at {host} takes no changes: it is a standby, or was made read-only. Name the primary's host, too, or make it writable"
    )]
    ReadOnly { host: String },
    #[error(
        "the database at {host} refused the password of {user}: correct the password in the address, or set it again with ALTER ROLE"
    )]
    Password { host: String, user: String },
    #[error(
        "the database at {host} asks for the password of {user}: put it into the address, or into a file that passfile= names"
    )]
    NoPassword { host: String, user: String },
    #[error(
        "the file of passwords {} has no line for {user} and the database {database} at {host}: a line is HOST:PORT:DATABASE:USER:PASSWORD, and * stands for any of the first four", path.display()
    )]
    NoPasswordLine { path: PathBuf, host: String, database: String, user: String },
    #[error("cannot use the file of passwords {}: {reason}", path.display())]
    PasswordFile { path: PathBuf, reason: String },
    #[error(
        "the database at {host} wants the password of {user} in a form that others could read or guess from: set password_encryption to scram-sha-256 there, and the password again; or reach it with sslmode=verify-full"
    )]
    WeakAuthentication { host: String, user: String },
    #[error(
        "the database at {host} wants to know {user} by {method}, which correio does not speak: let pg_hba.conf name scram-sha-256 for this user"
    )]
    Authentication { host: String, user: String, method: String },
    #[error(
        "the database at {host} does not let {user} in: {text}. pg_hba.conf there says who may connect, from where, and with TLS or without"
    )]
    NotAllowed { host: String, user: String, text: String },
    #[error(
        "the database at {host} does not prove that it knows the password of {user}: another server may have taken its place"
    )]
    Impostor { host: String, user: String },
    #[error(
        "the password of {user} cannot be bound to the certificate of {host}, as channel_binding=require wants: the server needs TLS, scram-sha-256, and a certificate signed with a common hash"
    )]
    NoChannelBinding { host: String, user: String },
    #[error(
        "there is no database {database} at {host}: make it with CREATE DATABASE, in the encoding UTF8"
    )]
    NoDatabase { host: String, database: String },
    #[error(
        "the database at {host} speaks no TLS: set ssl = on there, or state sslmode=disable if nobody else can read or change what passes"
    )]
    NoTls { host: String },
    #[error(
        "the certificate of the database at {host} is not trusted: {reason}. Name its authority with sslrootcert=FILE, and the name that it has; sslmode=verify-ca looks at no name"
    )]
    Certificate { host: String, reason: String },
    #[error("cannot use the certificates of {}: {reason}", path.display())]
    RootCertificates { path: PathBuf, reason: String },
    #[error("cannot begin TLS: {reason}")]
    Tls { reason: String },
    #[error("the database at {host} is PostgreSQL {version}; correio needs 13 or later")]
    TooOld { host: String, version: String },
    #[error(
        "the database {database} at {host} has the encoding {encoding}: make one with CREATE DATABASE … ENCODING 'UTF8' TEMPLATE template0"
    )]
    Encoding { host: String, database: String, encoding: String },
    #[error("the clocks of this machine and of the database at {host} are {seconds} s apart, and at most {max} s are allowed: set them by NTP", max = CLOCKS_APART_MAX)]
    Clock { host: String, seconds: u64 },
    #[error("the database at {host}: {text}")]
    Server { host: String, text: String },
    #[error("what answers at {host} is no PostgreSQL that correio understands: {source}")]
    Protocol { host: String, source: ProtocolError },
}

/// Most seconds that the clocks of a server and of its database may be apart: mails have the time
/// of one, and records are forgotten by the other.
pub(super) const CLOCKS_APART_MAX: u64 = 5;

impl ConnectError {
    /// Whether another attempt may succeed although nobody changes a setting.
    #[must_use]
    pub fn is_temporary(&self) -> bool {
        matches!(
            self,
            Self::Unreachable { .. }
                | Self::Silent { .. }
                | Self::Broken { .. }
                | Self::Busy { .. }
                | Self::ReadOnly { .. }
        )
    }

    /// The exit status of a server whose database cannot be used, as in sysexits.h.
    #[must_use]
    pub fn exit_status(&self) -> u8 {
        match self {
            error if error.is_temporary() => sysexits::UNAVAILABLE,
            Self::Password { .. } | Self::NotAllowed { .. } => sysexits::NO_PERMISSION,
            _ => sysexits::CONFIG,
        }
    }
}

/// The error as the class of what a store does: a temporary one is tried again.
impl From<ConnectError> for QueryError {
    fn from(error: ConnectError) -> Self {
        let text = error.to_string().into();
        if error.is_temporary() { Self::Reconnect(text) } else { Self::Fatal(text) }
    }
}
