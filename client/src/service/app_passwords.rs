//! The calls about app passwords, with which mail programs log in.

use correio_proto::{
    app_password::{AppPassword, AppPasswordId, AppPasswordOverview, AppPasswordRequest, Label},
    capability::APP_PASSWORDS,
    message::{ErrorCode, ErrorReply, Reply, Request},
};

use super::Service;
use crate::{cancel::Cancel, error::RequestError};

impl Service {
    /// Makes an app password of the account that is logged in. The server never sends it again: if
    /// the answer is lost, [`Service::app_passwords`] lists the new app password's label, and the
    /// caller can only revoke it.
    ///
    /// # Errors
    ///
    /// See [`RequestError`]; `label_taken`; `app_passwords_full`; `not_allowed` if the server has
    /// no app passwords.
    pub fn create_app_password(
        &self,
        label: &Label,
        cancel: &Cancel,
    ) -> Result<(AppPasswordId, AppPassword), RequestError> {
        let request = AppPasswordRequest::Create { label: label.clone() };
        match self.ask_app_password(request, cancel)? {
            Reply::AppPasswordCreated { id, password } => Ok((id, password)),
            _ => Err(RequestError::Closed),
        }
    }

    /// The app passwords of the account that is logged in, oldest first; at most
    /// [`correio_proto::limits::APP_PASSWORDS_MAX`].
    ///
    /// # Errors
    ///
    /// See [`RequestError`]; `not_allowed` if the server has no app passwords.
    pub fn app_passwords(&self, cancel: &Cancel) -> Result<Vec<AppPasswordOverview>, RequestError> {
        match self.ask_app_password(AppPasswordRequest::List {}, cancel)? {
            Reply::AppPasswords { passwords } => Ok(passwords),
            _ => Err(RequestError::Closed),
        }
    }

    /// Revokes an app password. Repeating the call after any error is safe, and an id that the
    /// account does not have is no error.
    ///
    /// # Errors
    ///
    /// See [`RequestError`]; `not_allowed` if the server has no app passwords.
    pub fn revoke_app_password(
        &self,
        id: AppPasswordId,
        cancel: &Cancel,
    ) -> Result<(), RequestError> {
        self.ask_app_password(AppPasswordRequest::Revoke { id }, cancel).map(drop)
    }

    fn ask_app_password(
        &self,
        request: AppPasswordRequest,
        cancel: &Cancel,
    ) -> Result<Reply, RequestError> {
        // To a server without app passwords, the request would be a protocol error.
        if !self.welcome().capabilities.contains(APP_PASSWORDS) {
            let text = "this server has no app passwords";
            return Err(RequestError::Refused(ErrorReply::new(ErrorCode::NotAllowed, text)));
        }
        self.ask(Request::AppPassword(request), cancel)
    }
}
