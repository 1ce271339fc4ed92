//! The protocols that clients may speak, and the services that listeners offer.

use serde::{Deserialize, Serialize};

/// The protocol of a connection. In JSON it is its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Protocol {
    /// Correio's own protocol (`proto/PROTOCOL.md`).
    Correio,
    /// SMTP submission (RFC 6409), for ordinary mail programs.
    Submission,
    /// POP3 (RFC 1939), for ordinary mail programs.
    Pop3,
    /// HTTP/1.1, for metrics and health checks.
    Http,
    /// The operator's requests, a line of JSON each, on the admin socket.
    Admin,
}

impl Protocol {
    /// The protocol's name in the log, the metrics and the operator's lists.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Correio => "correio",
            Self::Submission => "submission",
            Self::Pop3 => "pop3",
            Self::Http => "http",
            Self::Admin => "admin",
        }
    }

    /// Whether it is one of ordinary mail programs.
    #[must_use]
    pub fn is_gateway(self) -> bool {
        matches!(self, Self::Submission | Self::Pop3)
    }

    /// Whether mail travels by it, so that its connections share the places of mail clients.
    #[must_use]
    pub fn is_mail(self) -> bool {
        self == Self::Correio || self.is_gateway()
    }
}

/// When TLS begins on a connection. In JSON it is its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TlsMode {
    /// With the first byte.
    Implicit,
    /// When the client asks for it (STARTTLS, STLS), which it must do before it logs in.
    Start,
    /// Never: the operator permits plaintext.
    None,
}

/// What a listener offers: a protocol, and when TLS begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Service {
    /// The protocol of the listener's clients.
    pub protocol: Protocol,
    /// When TLS begins.
    pub tls: TlsMode,
}

impl Service {
    /// Correio's own protocol, with the security of the sessions' configuration.
    pub const CORREIO: Self = Self { protocol: Protocol::Correio, tls: TlsMode::Implicit };

    /// Metrics and health checks over HTTP, without TLS.
    pub const METRICS: Self = Self { protocol: Protocol::Http, tls: TlsMode::None };

    /// Submission with TLS from the first byte (RFC 8314).
    pub const SUBMISSIONS: Self = Self { protocol: Protocol::Submission, tls: TlsMode::Implicit };

    /// Submission with STARTTLS (RFC 3207).
    pub const SUBMISSION: Self = Self { protocol: Protocol::Submission, tls: TlsMode::Start };

    /// POP3 with TLS from the first byte (RFC 8314).
    pub const POP3S: Self = Self { protocol: Protocol::Pop3, tls: TlsMode::Implicit };

    /// POP3 with STLS (RFC 2595).
    pub const POP3: Self = Self { protocol: Protocol::Pop3, tls: TlsMode::Start };

    /// The services for ordinary mail programs.
    pub const GATEWAYS: [Self; 4] = [Self::SUBMISSIONS, Self::SUBMISSION, Self::POP3S, Self::POP3];

    /// The service's name: that of IANA for the gateways. It is the name of the setting with the
    /// service's addresses, and of a service manager's socket.
    #[must_use]
    pub fn name(self) -> &'static str {
        match (self.protocol, self.tls) {
            (Protocol::Correio, _) => "listen",
            (Protocol::Submission, TlsMode::Implicit) => "submissions",
            (Protocol::Submission, TlsMode::Start | TlsMode::None) => "submission",
            (Protocol::Pop3, TlsMode::Implicit) => "pop3s",
            (Protocol::Pop3, TlsMode::Start | TlsMode::None) => "pop3",
            (Protocol::Http, _) => "metrics",
            (Protocol::Admin, _) => "admin",
        }
    }

    /// The same service for an operator who permits plaintext: nothing demands TLS, and it is not
    /// offered where it would begin later.
    #[must_use]
    pub fn in_plaintext(self) -> Self {
        Self { tls: TlsMode::None, ..self }
    }
}
