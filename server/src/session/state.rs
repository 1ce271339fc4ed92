//! The part of a session that the handlers of requests read and change.

use correio_proto::mail::{FullName, Username};

use crate::{ids::AccountId, session::charge::Charge};

/// The account that a session is logged in as.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Identity {
    /// The account's id.
    pub(crate) account: AccountId,
    /// The account's username.
    pub(crate) username: Username,
    /// The account's full name.
    pub(crate) full_name: FullName,
}

/// How far a client has come; decides which requests are allowed.
#[derive(Debug)]
pub(crate) enum LoginState {
    /// The client has not sent `hello` yet.
    New,
    /// `hello` was exchanged.
    Anonymous,
    /// An account is logged in.
    LoggedIn(Box<Identity>),
}

/// See the module's description.
#[derive(Debug)]
pub(crate) struct SessionState {
    /// How far the client has come.
    pub(crate) login: LoginState,
    /// Throttle charge of the request in progress. Settled with the request's response.
    pub(crate) charge: Option<Charge>,
}

impl SessionState {
    /// The state of a connection on which nothing was received yet.
    pub(crate) fn new() -> Self {
        Self { login: LoginState::New, charge: None }
    }

    /// The account that is logged in.
    #[must_use]
    pub(crate) fn identity(&self) -> Option<&Identity> {
        match &self.login {
            LoginState::LoggedIn(identity) => Some(identity),
            LoginState::New | LoginState::Anonymous => None,
        }
    }

    /// The id of the account that is logged in.
    #[must_use]
    pub(crate) fn account(&self) -> Option<AccountId> {
        self.identity().map(|identity| identity.account)
    }
}
