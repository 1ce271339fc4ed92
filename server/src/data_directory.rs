//! The names of the files in a data directory, and whether they exist.

use std::{fs, io, path::Path};

/// Name of the database.
pub(crate) const DATABASE: &str = "correio.db";

/// Name of the file with the server's own certificate and its key.
pub(crate) const CERTIFICATE: &str = "tls.pem";

/// Name of the file with the key of invites.
pub(crate) const INVITE_KEY: &str = "invite.key";

/// Name of the file that a running server keeps locked.
pub(crate) const LOCK: &str = "lock";

/// Whether the server uses this file name in a data directory.
pub(crate) fn is_reserved(name: &str) -> bool {
    [CERTIFICATE, INVITE_KEY, LOCK].contains(&name) || name.starts_with(DATABASE)
}

/// Whether the directory has an entry of this name, of any kind.
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

/// The name of a key file in the directory, if there is one. A first start makes the store before
/// its keys, so a key without a store means that the store was lost.
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
