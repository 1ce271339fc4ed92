//! Reasons for which connections end.

use super::proxy_header::ProxyHeaderError;

/// The reason for which a connection ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum CloseReason {
    /// The client closed the connection.
    ByClient,
    /// The client's side ended without TLS's close_notify: the last input may be incomplete.
    CutOff,
    /// Another connection was admitted in place of this one.
    Displaced,
    /// The shared budget had no room for replies that the client does not read.
    NoRoom,
    /// The connection of a trusted proxy does not begin with a PROXY header.
    ProxyHeader(ProxyHeaderError),
    /// The transport reported an error.
    Broken,
    /// The server closed the connection after the last reply.
    ByServer,
    /// The client did not log in within the login timeout.
    LoginTimeout,
    /// The client was silent, or left some of its replies unread, for the whole idle timeout.
    IdleTimeout,
    /// The server stops.
    ShuttingDown,
}

impl CloseReason {
    /// The reason's name in the log.
    #[must_use]
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::ByClient => "closed_by_client",
            Self::CutOff => "cut_off",
            Self::Displaced => "displaced",
            Self::NoRoom => "no_room",
            Self::ProxyHeader(_) => "proxy_header",
            Self::Broken => "broken",
            Self::ByServer => "closed_by_server",
            Self::LoginTimeout => "login_timeout",
            Self::IdleTimeout => "idle_timeout",
            Self::ShuttingDown => "shutting_down",
        }
    }
}
