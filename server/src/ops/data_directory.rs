//! The files of a data directory: their names, and which of them are there.

use std::{fs, io, path::Path};

use crate::{ops::exit::Failure, store::sqlite::History};

/// Name of the database.
pub(crate) const DATABASE: &str = "correio.db";

/// Name of the file with the server's own certificate and its key.
pub(crate) const CERTIFICATE: &str = "tls.pem";

/// Name of the file with the key of invites.
pub(crate) const INVITE_KEY: &str = "invite.key";

/// Name of the file that a running server holds locked.
pub(crate) const LOCK: &str = "lock";

/// Whether a file of this name in a data directory is the server's own.
pub(crate) fn is_reserved(name: &str) -> bool {
    [CERTIFICATE, INVITE_KEY, LOCK].contains(&name) || name.starts_with(DATABASE)
}

/// Whether a file of this name is in the directory, whatever it is.
///
/// # Errors
///
/// The directory cannot be searched.
pub(crate) fn has(directory: &Path, name: &str) -> io::Result<bool> {
    match fs::symlink_metadata(directory.join(name)) {
        Ok(_) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

/// The name of a key in the directory, if it has one. A first start makes the keys after the store.
///
/// # Errors
///
/// See [`has`].
pub(crate) fn key_in(directory: &Path) -> io::Result<Option<&'static str>> {
    for name in [CERTIFICATE, INVITE_KEY] {
        if has(directory, name)? {
            return Ok(Some(name));
        }
    }
    Ok(None)
}

/// Refuses a directory that no server has used, for commands that would make a key there which no
/// server ever reads.
///
/// # Errors
///
/// The directory has no file of a server, or cannot be searched.
pub fn require_server(directory: &Path) -> Result<(), Failure> {
    let directory = directory.to_owned();
    let found = has(&directory, DATABASE)
        .and_then(|has_database| Ok(has_database || key_in(&directory)?.is_some()));
    match found {
        Ok(true) => Ok(()),
        Ok(false) => Err(Failure::NoServer { directory }),
        Err(source) => Err(Failure::DataDirectory { directory, source }),
    }
}

/// Refuses to make a new certificate where clients know the server by its former one.
///
/// # Errors
///
/// The store had accounts and the certificate is missing.
pub fn require_certificate(directory: &Path, history: History) -> Result<(), Failure> {
    let consequence = "which every client must be told to trust";
    require(directory, history.had_accounts, CERTIFICATE, "fingerprint", consequence)
}

/// Refuses to make a new key of invites where invites were made with a former one.
///
/// # Errors
///
/// An invite was used and the key is missing.
pub fn require_invite_key(directory: &Path, history: History) -> Result<(), Failure> {
    let consequence = "and every invite that was made before becomes void";
    require(directory, history.had_invites, INVITE_KEY, "invite", consequence)
}

fn require(
    directory: &Path,
    is_needed: bool,
    key: &'static str,
    command: &'static str,
    consequence: &'static str,
) -> Result<(), Failure> {
    let directory = directory.to_owned();
    match has(&directory, key) {
        Ok(false) if is_needed => Err(Failure::KeyLost { directory, key, command, consequence }),
        Ok(_) => Ok(()),
        Err(source) => Err(Failure::DataDirectory { directory, source }),
    }
}
