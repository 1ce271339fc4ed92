//! The session's state, and the credentials to log in again on another connection.

use correio_proto::{
    credential::Credential,
    mail::Username,
    message::{Account, LoggedIn, Login, Realm, Reply, Request},
};

/// State of the session, as far as the client knows.
#[derive(Debug)]
pub(super) enum Session {
    None,
    Active(ReloginCredentials),
    /// The session ended without a logout. Requests that need one fail.
    Ended,
}

/// The credentials to log in again.
#[derive(Debug)]
pub(super) struct ReloginCredentials {
    username: Username,
    realm: Realm,
    credential: Credential,
    /// The new credential of a password change whose answer was lost: it may be valid instead.
    changed: Option<Credential>,
    /// Whether `credential` was refused, so that only `changed` remains. A try with a credential
    /// known to be wrong would use up the server's limit on failed logins.
    known_is_wrong: bool,
}

/// Selects a credential of a [`ReloginCredentials`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum CredentialChoice {
    Known,
    Changed,
}

impl Session {
    pub(super) fn username(&self) -> Option<&Username> {
        self.active().map(|login| &login.username)
    }

    /// Whether the session belongs to the store with this realm.
    pub(super) fn is_of(&self, realm: Realm) -> bool {
        self.active().is_some_and(|login| login.realm == realm)
    }

    pub(super) fn is_active(&self) -> bool {
        self.active().is_some()
    }

    pub(super) fn has_ended(&self) -> bool {
        matches!(self, Self::Ended)
    }

    /// The credential to try first.
    pub(super) fn first(&self) -> CredentialChoice {
        match self.active() {
            Some(login) if login.known_is_wrong && login.changed.is_some() => {
                CredentialChoice::Changed
            }
            _ => CredentialChoice::Known,
        }
    }

    /// Records that the known credential was refused. Returns whether another one remains.
    pub(super) fn refuse_known(&mut self) -> bool {
        match self {
            Self::Active(login) => {
                login.known_is_wrong = true;
                login.changed.is_some()
            }
            Self::None | Self::Ended => false,
        }
    }

    /// The request that logs in again.
    pub(super) fn login(&self, choice: CredentialChoice) -> Option<Login> {
        let login = self.active()?;
        let credential = match (choice, &login.changed) {
            (CredentialChoice::Changed, Some(changed)) => changed,
            _ => &login.credential,
        };
        Some(Login { username: login.username.clone(), credential: credential.clone() })
    }

    /// Records a password change whose answer was lost.
    pub(super) fn note_lost(&mut self, change: &Request) {
        if let (Self::Active(login), Request::Account(Account::Password { new, .. })) =
            (self, change)
        {
            login.changed = Some(new.clone());
        }
    }

    /// Records which credential was accepted. Returns the new credential if the lost password
    /// change had succeeded.
    pub(super) fn resumed(&mut self, choice: CredentialChoice) -> Option<Credential> {
        let Self::Active(login) = self else {
            return None;
        };
        login.known_is_wrong = false;
        let changed = login.changed.take().filter(|_| choice == CredentialChoice::Changed)?;
        login.credential = changed.clone();
        Some(changed)
    }

    /// Updates the session from a reply of the store with this realm.
    pub(super) fn learn(&mut self, request: Request, reply: &Reply, realm: Realm) {
        match (request, reply) {
            (Request::Login(login), Reply::LoggedIn(LoggedIn { username, .. })) => {
                *self = Self::Active(ReloginCredentials {
                    username: username.clone(),
                    realm,
                    credential: login.credential,
                    changed: None,
                    known_is_wrong: false,
                });
            }
            // Also after a refusal: no caller wants the session any more.
            (Request::Logout {}, _)
            | (Request::Account(Account::Delete { .. }), Reply::AccountChanged { .. }) => {
                *self = Self::None;
            }
            (Request::Account(Account::Password { new, .. }), Reply::AccountChanged { .. }) => {
                if let Self::Active(login) = self {
                    login.credential = new;
                }
            }
            _ => {}
        }
    }

    fn active(&self) -> Option<&ReloginCredentials> {
        match self {
            Self::Active(login) => Some(login),
            Self::None | Self::Ended => None,
        }
    }
}
