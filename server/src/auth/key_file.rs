//! The files of the server's secret keys in the data directory: 32 random bytes each.

use std::{
    io,
    path::{Path, PathBuf},
};

use zeroize::Zeroizing;

use crate::private_file;

/// A secret key.
pub(super) type Key = Zeroizing<[u8; 32]>;

/// Why a key cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum KeyFileError {
    /// The file cannot be read or made.
    #[error("cannot use the key {}: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// The cause.
        source: io::Error,
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
