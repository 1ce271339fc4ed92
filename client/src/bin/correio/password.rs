//! Passwords that were typed, and those in the environment.

use std::{process::Command, sync::Arc};

use correio_client::RequestError;
use correio_proto::{
    credential::Password,
    message::{ErrorCode, ErrorReply},
};

/// The password of an existing account.
///
/// # Errors
///
/// The server's refusal of a wrong password, for a text that no account can have as its password.
pub(crate) fn existing(typed: &str) -> Result<Arc<Password>, RequestError> {
    Password::new(typed).map(Arc::new).map_err(|_| {
        let text = "unknown username or wrong password";
        RequestError::Refused(ErrorReply::new(ErrorCode::BadCredentials, text))
    })
}

/// Removes the password, and the command that prints it, from the environment of a program that is
/// started: they are for correio alone.
pub(crate) fn remove_from(command: &mut Command) {
    command.env_remove("CORREIO_PASSWORD").env_remove("CORREIO_PASSWORD_COMMAND");
}
