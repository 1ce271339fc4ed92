//! State of the connection, and news that a program may wait for.

/// State of the connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// The connection stands.
    Connected,
    /// The connection broke. The service reconnects in the background until it is dropped.
    Reconnecting,
    /// The server has announced its stop. The state stays so until the service has reconnected in
    /// the background.
    Stopping,
    /// The network thread has ended; every call fails.
    Closed,
}

/// Why [`crate::Service::wait_for_news`] returned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum News {
    /// The connection broke and was made again: notices may be missing.
    Reconnected,
    /// A notice of new mail has arrived.
    NewMail,
    /// Nothing has happened for as long as the call was to wait.
    Nothing,
}
