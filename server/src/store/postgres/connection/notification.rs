//! Notifications of other connections.

use postgres_protocol::message::backend::NotificationResponseBody;

use crate::store::postgres::error::ProtocolError;

/// A notification (NOTIFY) on a channel that the connection listens on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notification {
    /// The channel's name.
    pub channel: String,
    /// The text of the notification.
    pub payload: String,
    /// The process of the server whose connection notified.
    pub process: i32,
}

impl Notification {
    pub(super) fn read(body: &NotificationResponseBody) -> Result<Self, ProtocolError> {
        let text = |text: std::io::Result<&str>| {
            text.map(str::to_owned).map_err(|error| ProtocolError::new(&error))
        };
        let (channel, payload) = (text(body.channel())?, text(body.message())?);
        Ok(Self { channel, payload, process: body.process_id() })
    }
}
