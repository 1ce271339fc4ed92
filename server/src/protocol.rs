//! The protocols that clients may speak.

/// The protocol of a listener, and so of each connection that it accepts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    /// Correio's own protocol (`proto/PROTOCOL.md`).
    Correio,
    /// HTTP/1.1, for metrics and health checks.
    Http,
    /// The operator's requests, a line of JSON each, on the admin socket.
    Admin,
}

impl Protocol {
    /// Whether mail programs speak it, which log in with app passwords.
    #[must_use]
    pub fn is_gateway(self) -> bool {
        match self {
            Self::Correio | Self::Http | Self::Admin => false,
        }
    }
}
