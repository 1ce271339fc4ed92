//! Passwords that were typed.

use std::sync::Arc;

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
