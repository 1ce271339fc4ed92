//! The session's state, and what the client logs in again with on another connection: a ticket
//! while it is valid, and the credentials. Both are in memory only.

use std::time::Duration;

use correio_proto::{
    credential::Credential,
    fingerprint::Fingerprint,
    mail::Username,
    message::{Account, GivenTicket, LoggedIn, Login, Realm, Reply, Request, Resume},
    resume::ResumeTicket,
};

/// Shortest time between two requests for a ticket.
const TICKET_LATER: Duration = Duration::from_secs(1);

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
    /// The last ticket.
    ticket: Option<HeldTicket>,
    /// When to ask for the next ticket; `None` for not before the next login.
    ask_at: Option<Duration>,
}

/// A ticket that the session was given.
#[derive(Debug)]
struct HeldTicket {
    ticket: ResumeTicket,
    expires_at: Duration,
    /// The certificate of the server that gave it.
    certificate: Option<Fingerprint>,
}

/// Selects the ticket or a credential of a [`ReloginCredentials`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum CredentialChoice {
    Ticket,
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

    /// Whether there is a ticket that a server with this certificate accepts at `now`.
    pub(super) fn has_ticket(&self, now: Duration, certificate: Option<Fingerprint>) -> bool {
        let ticket = self.active().and_then(|login| login.ticket.as_ref());
        ticket.is_some_and(|held| now < held.expires_at && held.certificate == certificate)
    }

    /// Forgets the ticket, which was refused.
    pub(super) fn forget_ticket(&mut self) {
        if let Self::Active(login) = self {
            login.ticket = None;
        }
    }

    /// Whether to ask for a ticket.
    pub(super) fn wants_ticket(&self, now: Duration) -> bool {
        let login = self.active();
        login.and_then(|login| login.ask_at).is_some_and(|ask_at| ask_at <= now)
    }

    /// Takes a ticket that the server with this certificate has given. The next one is due when
    /// half of its time is over.
    pub(super) fn hold_ticket(
        &mut self,
        now: Duration,
        given: GivenTicket,
        certificate: Option<Fingerprint>,
    ) {
        if let Self::Active(login) = self {
            let life = Duration::from_secs(given.expires_in.into());
            login.ask_at = Some(now + (life / 2).max(TICKET_LATER));
            let (ticket, expires_at) = (given.ticket, now + life);
            login.ticket = Some(HeldTicket { ticket, expires_at, certificate });
        }
    }

    /// The server gives no ticket to this session.
    pub(super) fn ticket_refused(&mut self) {
        if let Self::Active(login) = self {
            login.ask_at = None;
        }
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
    pub(super) fn login(&self, choice: CredentialChoice) -> Option<Request> {
        let login = self.active()?;
        let username = login.username.clone();
        let credential = match (choice, &login.ticket, &login.changed) {
            (CredentialChoice::Ticket, Some(held), _) => {
                let ticket = held.ticket.clone();
                return Some(Request::Resume(Resume { username, ticket }));
            }
            (CredentialChoice::Changed, _, Some(changed)) => changed,
            _ => &login.credential,
        };
        Some(Request::Login(Login { username, credential: credential.clone() }))
    }

    /// Records a password change whose answer was lost.
    pub(super) fn note_lost(&mut self, change: &Request) {
        if let (Self::Active(login), Request::Account(Account::Password { new, .. })) =
            (self, change)
        {
            login.changed = Some(new.clone());
            // If the change was made, the ticket is void, and another try would count as a failure.
            login.ticket = None;
        }
    }

    /// Records what was accepted. Returns the new credential if the lost password
    /// change had succeeded.
    pub(super) fn resumed(&mut self, choice: CredentialChoice) -> Option<Credential> {
        let Self::Active(login) = self else {
            return None;
        };
        login.known_is_wrong = false;
        login.ask_at = Some(Duration::ZERO);
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
                    ticket: None,
                    ask_at: Some(Duration::ZERO),
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
                    login.ticket = None;
                    login.ask_at = Some(Duration::ZERO);
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ticket_is_for_the_certificate_that_it_came_with() {
        let username: Username = "tony".parse().unwrap();
        let login = Login { username: username.clone(), credential: [1; 23].into() };
        let full_name = "Tony Stark".parse().unwrap();
        let reply = Reply::LoggedIn(LoggedIn { username, full_name, waiting: 0, usage: None });
        let mut session = Session::None;
        session.learn(Request::Login(login), &reply, Realm([1; 16]));
        let [own, other] = [b"own", b"oth"].map(|der| Some(Fingerprint::of(der)));
        let given = GivenTicket { ticket: [7][..].try_into().unwrap(), expires_in: 10 };
        session.hold_ticket(Duration::from_secs(1), given, own);
        let has = |certificate| session.has_ticket(Duration::from_secs(2), certificate);
        assert_eq!([own, other, None].map(has), [true, false, false]);
    }
}
