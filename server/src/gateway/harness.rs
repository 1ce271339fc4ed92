//! The context that the gateways' tests lend a session: configuration, throttle, counts and time.

use std::time::Duration;

use correio_proto::{
    limits,
    mail::{Timestamp, Username},
    message::Realm,
    tls::Security,
};

use super::domain::MailDomain;
use crate::{
    auth::{hashing::Bcrypt, invite::RegistrationRules, resume_ticket::TicketPolicy},
    clock::Now,
    ids::{AccountId, ConnId},
    limits::{
        list_creation::ListCreation,
        throttle::{Throttle, ThrottleConfig},
    },
    metrics::counts::Counts,
    session::{
        DirectoryPolicy, SessionConfig, SessionContext, effect::Effect, registry::SessionRegistry,
    },
    store::{
        AccountRecord, Quota,
        admin::{AccountState, Usage},
    },
};

/// The time of the tests: 2026-11-27T10:00:00Z.
pub(super) const NOW: u64 = 1_795_773_600_000;

/// See the module's description.
pub(super) struct Harness {
    /// The time.
    pub(super) now: Now,
    /// Configuration of the session.
    pub(super) config: SessionConfig,
    /// The throttle: three free failed logins, and a hundred mails an hour.
    pub(super) throttle: Throttle,
    /// The metrics' counts.
    pub(super) counts: Counts,
    /// Effects of the session.
    pub(super) effects: Vec<Effect>,
    /// Sessions of other clients.
    pub(super) registry: SessionRegistry,
}

impl Harness {
    /// A server without sessions.
    pub(super) fn new() -> Self {
        let config = SessionConfig {
            security: Security::Plaintext,
            realm: Realm([7; 16]),
            body_max: limits::BODY_DEFAULT_MAX,
            content_max: limits::CONTENT_DEFAULT_MAX,
            piece_min: 0,
            registrations: RegistrationRules::Closed,
            directory: DirectoryPolicy::Members,
            lists: ListCreation::Members,
            bcrypt: Bcrypt { cost: 4 },
            tickets: TicketPolicy::Off,
            login_timeout: Duration::from_secs(120),
            idle_timeout: Duration::from_secs(300),
        };
        let throttle =
            ThrottleConfig { registrations_per_hour: 1, mails_per_hour: 100, failed_logins: 3 };
        Self {
            now: Now { uptime: Duration::from_secs(60), wall: Timestamp(NOW) },
            config,
            throttle: Throttle::new(throttle),
            counts: Counts::default(),
            effects: Vec::new(),
            registry: SessionRegistry::default(),
        }
    }

    /// The context that a session borrows for a call.
    pub(super) fn context(&mut self) -> SessionContext<'_> {
        SessionContext {
            now: self.now,
            connection: CONNECTION,
            peer: "192.0.2.7:40000".parse().unwrap(),
            config: &self.config,
            throttle: &mut self.throttle,
            counts: &mut self.counts,
            effects: &mut self.effects,
            registry: &self.registry,
        }
    }
}

/// The connection of the session.
pub(super) const CONNECTION: ConnId = ConnId { index: 3, generation: 4 };

/// The mail domain of the tests.
pub(super) fn domain() -> MailDomain {
    "mail.example".parse().unwrap()
}

/// A username.
pub(super) fn name(text: &str) -> Username {
    text.parse().unwrap()
}

/// The account `tony`, with an empty mailbox.
pub(super) fn tony() -> AccountRecord {
    let quota = Quota { mails: 100, bytes: 1 << 20 };
    AccountRecord {
        id: AccountId(1),
        username: name("tony"),
        full_name: "Tony Stark".parse().unwrap(),
        hash: None,
        state: AccountState::Enabled,
        code: None,
        usage: Usage { mails: 0, bytes: 0, quota },
    }
}
