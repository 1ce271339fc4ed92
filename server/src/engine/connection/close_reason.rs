//! Why connections end.

/// Why a connection is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum CloseReason {
    /// The client closed it.
    ByClient,
    /// It ended without TLS's goodbye: what came last may have been cut off.
    CutOff,
    /// Another was admitted in its place.
    Displaced,
    /// There was no room for the replies that it does not take.
    NoRoom,
    /// It broke.
    Broken,
    /// The server closed it after the last reply.
    ByServer,
    /// It was not logged in within the time for that.
    LoginTimeout,
    /// It was silent, or too slow, for too long.
    IdleTimeout,
    /// The server stops.
    ShuttingDown,
}

impl CloseReason {
    /// As it is logged.
    #[must_use]
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::ByClient => "closed_by_client",
            Self::CutOff => "cut_off",
            Self::Displaced => "displaced",
            Self::NoRoom => "no_room",
            Self::Broken => "broken",
            Self::ByServer => "closed_by_server",
            Self::LoginTimeout => "login_timeout",
            Self::IdleTimeout => "idle_timeout",
            Self::ShuttingDown => "shutting_down",
        }
    }
}
