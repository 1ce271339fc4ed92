//! Notifications of other connections.

/// A notification (NOTIFY) on a channel that the connection listens on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notification {
    /// The channel's name.
    pub channel: String,
    /// The text of the notification.
    pub payload: String,
}
