//! State of the connection.

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
