//! Refuses a data directory that lacks a file on which clients or invites depend.

use std::path::Path;

use correio_proto::fingerprint::Fingerprint;

use super::{certificate::CertificateError, exit::Failure};
use crate::{
    auth::{invite::InviteKey, key_file::KeyFileError, resume_ticket::TicketKey},
    data_directory::{CERTIFICATE, DATABASE, INVITE_KEY, TICKET_KEY, has, key_in},
    store::{History, postgres::NodeKeys},
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

/// Refuses to make a new certificate if clients trust the lost one, or if another server has one.
///
/// # Errors
///
/// The certificate is missing, and the store had accounts, or another server has recorded one.
pub fn require_certificate(
    directory: &Path,
    history: History,
    nodes: Option<&mut NodeKeys>,
) -> Result<(), Failure> {
    require_of_nodes(directory, CERTIFICATE, nodes)?;
    let consequence = "which every client must be told to trust";
    require(directory, history.had_accounts, CERTIFICATE, "fingerprint", consequence)
}

/// Refuses another certificate than that of the other servers, and records the first one.
///
/// # Errors
///
/// See [`Failure::NodeKey`].
pub fn agree_on_certificate(
    fingerprint: Fingerprint,
    nodes: Option<&mut NodeKeys>,
) -> Result<(), Failure> {
    nodes.map_or(Ok(()), |nodes| nodes.agree(CERTIFICATE, *fingerprint.as_bytes()))?;
    Ok(())
}

/// Opens the key of invites, which is the same on all servers. Refuses to make a new one if invites
/// depend on the lost one, or if another server has one.
///
/// # Errors
///
/// The key is missing, and an invite was used, or another server has recorded one; or the key
/// cannot be used.
pub fn open_invite_key(
    directory: &Path,
    history: History,
    mut nodes: Option<&mut NodeKeys>,
) -> Result<InviteKey, Failure> {
    require_of_nodes(directory, INVITE_KEY, nodes.as_deref_mut())?;
    let consequence = "and every invite that was made before becomes void";
    require(directory, history.had_invites, INVITE_KEY, "invite", consequence)?;
    let key = InviteKey::open(directory);
    let key = key.map_err(|error| key_failure(error, INVITE_KEY, nodes.as_deref_mut()))?;
    nodes.map_or(Ok(()), |nodes| nodes.agree(INVITE_KEY, key.digest()))?;
    Ok(key)
}

/// Opens the key of tickets, which is the same on all servers. Refuses to make a new one if another
/// server has one.
///
/// # Errors
///
/// The key is missing, and another server has recorded one; or the key cannot be used.
pub fn open_ticket_key(
    directory: &Path,
    mut nodes: Option<&mut NodeKeys>,
) -> Result<TicketKey, Failure> {
    require_of_nodes(directory, TICKET_KEY, nodes.as_deref_mut())?;
    let key = TicketKey::open(directory);
    let key = key.map_err(|error| key_failure(error, TICKET_KEY, nodes.as_deref_mut()))?;
    nodes.map_or(Ok(()), |nodes| nodes.agree(TICKET_KEY, key.digest()))?;
    Ok(key)
}

/// Why the certificate of the data directory cannot be used. Of a damaged one, the other servers
/// have a copy.
pub fn certificate_failure(error: CertificateError, nodes: Option<&mut NodeKeys>) -> Failure {
    let is_damaged = matches!(
        error,
        CertificateError::NoCertificate { .. }
            | CertificateError::NoKey { .. }
            | CertificateError::Mismatch { .. }
    );
    match nodes.filter(|_| is_damaged).map(|nodes| nodes.may_replace(CERTIFICATE)) {
        Some(Err(refused)) => refused.into(),
        Some(Ok(())) | None => Failure::Certificate(error),
    }
}

/// The same of a key.
fn key_failure(error: KeyFileError, file: &'static str, nodes: Option<&mut NodeKeys>) -> Failure {
    let is_damaged = matches!(error, KeyFileError::Damaged { .. });
    match nodes.filter(|_| is_damaged).map(|nodes| nodes.may_replace(file)) {
        Some(Err(refused)) => refused.into(),
        Some(Ok(())) | None => Failure::Key(error),
    }
}

/// Refuses to make a file that another server has.
fn require_of_nodes(
    directory: &Path,
    file: &'static str,
    nodes: Option<&mut NodeKeys>,
) -> Result<(), Failure> {
    match (has(directory, file), nodes) {
        (Ok(false), Some(nodes)) => Ok(nodes.may_make(file)?),
        (Ok(_), _) => Ok(()),
        (Err(source), _) => Err(Failure::DataDirectory { directory: directory.to_owned(), source }),
    }
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
