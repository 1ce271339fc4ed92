//! Refuses a data directory that lacks a file on which clients or invites depend.

use std::path::Path;

use super::exit::Failure;
use crate::{
    data_directory::{CERTIFICATE, DATABASE, INVITE_KEY, has, key_in},
    store::History,
};

/// Refuses a directory that no server has used. A command would make a key there that no server
/// ever reads.
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

/// Refuses to make a new certificate if clients trust the lost one.
///
/// # Errors
///
/// The store had accounts and the certificate is missing.
pub fn require_certificate(directory: &Path, history: History) -> Result<(), Failure> {
    let consequence = "which every client must be told to trust";
    require(directory, history.had_accounts, CERTIFICATE, "fingerprint", consequence)
}

/// Refuses to make a new key of invites if invites depend on the lost one.
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
