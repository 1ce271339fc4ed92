//! The files of the server's secret keys in the data directory: 32 random bytes each.

use std::{
    fs, io,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
};

use zeroize::Zeroizing;

use crate::private_file;

/// Bits of a file's mode that let every user read or change it.
const OTHERS: u32 = 0o007;

/// What to do about a key that this user may not use; an error's text ends with it. The server may
/// be the program that says it.
fn advice(error: &io::Error) -> &'static str {
    match error.kind() {
        io::ErrorKind::PermissionDenied => {
            "; the server's user must own this file, and commands run as that user or as root"
        }
        _ => "",
    }
}

/// A secret key.
pub(super) type Key = Zeroizing<[u8; 32]>;

/// Why a key cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum KeyFileError {
    /// The file cannot be read or made.
    #[error("cannot use the key {}: {source}{}", path.display(), advice(source))]
    Io {
        /// The file.
        path: PathBuf,
        /// The cause.
        source: io::Error,
    },
    /// Other users may read or change the file.
    #[error("the key {} can be read or changed by every user of this machine: chmod o= {}", path.display(), path.display())]
    Open {
        /// The file.
        path: PathBuf,
    },
    /// This program did not make the file.
    #[error("{} is damaged; delete it, and {consequence}", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What the loss of the key means.
        consequence: &'static str,
    },
    /// The machine gives no random bytes.
    #[error("the system gives no random bytes: {0}")]
    Random(getrandom::Error),
}

/// Reads the key of this file name, and makes one if there is none. `consequence` is what the loss
/// of the key means, for the error.
///
/// # Errors
///
/// See [`KeyFileError`].
pub(super) fn open(
    directory: &Path,
    name: &str,
    consequence: &'static str,
) -> Result<Key, KeyFileError> {
    let path = directory.join(name);
    let failed = |source| KeyFileError::Io { path: path.clone(), source };
    if !path.try_exists().map_err(failed)? {
        private_file::make(directory, name, random()?.as_ref()).map_err(failed)?;
    }
    let bytes = private_file::read(&path).map_err(failed)?;
    if fs::symlink_metadata(&path).map_err(failed)?.permissions().mode() & OTHERS != 0 {
        return Err(KeyFileError::Open { path });
    }
    let key = bytes.as_slice().try_into();
    let key = key.map_err(|_| KeyFileError::Damaged { path: path.clone(), consequence })?;
    Ok(Zeroizing::new(key))
}

/// Makes a key.
///
/// # Errors
///
/// The machine gives no random bytes.
pub(super) fn random() -> Result<Key, KeyFileError> {
    let mut key = Zeroizing::new([0; 32]);
    getrandom::fill(key.as_mut()).map_err(KeyFileError::Random)?;
    Ok(key)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_that_every_user_can_read_is_refused_with_the_command_that_closes_it() {
        let directory = tempfile::tempdir().unwrap();
        let made = open(directory.path(), "ticket.key", "").unwrap();
        let path = directory.path().join("ticket.key");
        for (mode, is_open) in [(0o604, true), (0o602, true), (0o640, false), (0o600, false)] {
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
            let opened = open(directory.path(), "ticket.key", "");
            match opened {
                Err(error) => {
                    assert!(is_open, "{mode:o}: {error}");
                    let command = format!("chmod o= {}", path.display());
                    assert!(error.to_string().ends_with(&command), "{error}");
                }
                Ok(key) => assert!(!is_open && key == made, "{mode:o}"),
            }
        }
    }
}
