//! Who is logged in, and what it takes to log in again on another connection.

use correio_proto::{
    credential::Credential,
    mail::Username,
    message::{Account, LoggedIn, Login, Realm, Reply, Request},
};

/// Who is logged in, as far as is known.
#[derive(Debug)]
pub(super) enum Session {
    None,
    Active(LoginState),
    /// It ended by itself; whoever asks for something that needs one is told.
    Ended,
}

/// What it takes to log in again.
#[derive(Debug)]
pub(super) struct LoginState {
    username: Username,
    realm: Realm,
    credential: Credential,
    /// From a change of the password whose answer was lost: it may hold instead.
    changed: Option<Credential>,
    /// Whether `credential` was refused, so that only the other is left to try. A server that has
    /// one try free for long must not be asked with what is known to be wrong.
    known_is_wrong: bool,
}

/// Which credential of a [`LoginState`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Which {
    Known,
    Changed,
}

impl Session {
    pub(super) fn username(&self) -> Option<&Username> {
        self.active().map(|login| &login.username)
    }

    /// Whether it is one of a server with this store.
    pub(super) fn is_of(&self, realm: Realm) -> bool {
        self.active().is_some_and(|login| login.realm == realm)
    }

    pub(super) fn is_active(&self) -> bool {
        self.active().is_some()
    }

    pub(super) fn has_ended(&self) -> bool {
        matches!(self, Self::Ended)
    }

    /// Which credential to begin with.
    pub(super) fn first(&self) -> Which {
        match self.active() {
            Some(login) if login.known_is_wrong && login.changed.is_some() => Which::Changed,
            _ => Which::Known,
        }
    }

    /// Notes that the known credential was refused. Returns whether there is another to try.
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
    pub(super) fn login(&self, which: Which) -> Option<Login> {
        let login = self.active()?;
        let credential = match (which, &login.changed) {
            (Which::Changed, Some(changed)) => changed,
            _ => &login.credential,
        };
        Some(Login { username: login.username.clone(), credential: credential.clone() })
    }

    /// Remembers a change of the password whose answer will not come.
    pub(super) fn note_lost(&mut self, change: &Request) {
        if let (Self::Active(login), Request::Account(Account::Password { new, .. })) =
            (self, change)
        {
            login.changed = Some(new.clone());
        }
    }

    /// Notes which credential has let the client in again. Returns the one that a lost change
    /// has put in place.
    pub(super) fn resumed(&mut self, which: Which) -> Option<Credential> {
        let Self::Active(login) = self else {
            return None;
        };
        login.known_is_wrong = false;
        let changed = login.changed.take().filter(|_| which == Which::Changed)?;
        login.credential = changed.clone();
        Some(changed)
    }

    /// What an answer means for the session, on a server with this store.
    pub(super) fn learn(&mut self, request: Request, reply: &Reply, realm: Realm) {
        match (request, reply) {
            (Request::Login(login), Reply::LoggedIn(LoggedIn { username, .. })) => {
                *self = Self::Active(LoginState {
                    username: username.clone(),
                    realm,
                    credential: login.credential,
                    changed: None,
                    known_is_wrong: false,
                });
            }
            // Also where the server refuses: nobody wants the session any more.
            (Request::Logout {}, _)
            | (Request::Account(Account::Delete { .. }), Reply::AccountChanged {}) => {
                *self = Self::None;
            }
            (Request::Account(Account::Password { new, .. }), Reply::AccountChanged {}) => {
                if let Self::Active(login) = self {
                    login.credential = new;
                }
            }
            _ => {}
        }
    }

    fn active(&self) -> Option<&LoginState> {
        match self {
            Self::Active(login) => Some(login),
            Self::None | Self::Ended => None,
        }
    }
}
