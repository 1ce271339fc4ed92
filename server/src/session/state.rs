//! The part of a session that the handlers of requests read and change.

use correio_proto::mail::{FullName, Timestamp, Username};

use crate::{
    ids::{AccountEpoch, AccountId},
    session::charge::Charge,
};

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

/// The login with the password that a session goes back to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Proof {
    /// The account's epoch when the session began, or when it changed the password.
    pub(crate) epoch: AccountEpoch,
    /// When the password was given.
    pub(crate) at: Timestamp,
}

/// A session that is logged in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct OpenSession {
    /// The account.
    pub(crate) identity: Identity,
    /// How the account was proved.
    pub(crate) proof: Proof,
}

/// How far a client has come; decides which requests are allowed.
#[derive(Debug)]
pub(crate) enum LoginState {
    /// The client has not sent `hello` yet.
    New,
    /// `hello` was exchanged.
    Anonymous,
    /// An account is logged in.
    LoggedIn(Box<OpenSession>),
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
        self.open().map(|open| &open.identity)
    }

    /// The account that is logged in, and how it was proved.
    #[must_use]
    pub(crate) fn open(&self) -> Option<&OpenSession> {
        match &self.login {
            LoginState::LoggedIn(open) => Some(open),
            LoginState::New | LoginState::Anonymous => None,
        }
    }

    /// The id of the account that is logged in.
    #[must_use]
    pub(crate) fn account(&self) -> Option<AccountId> {
        self.identity().map(|identity| identity.account)
    }
}
