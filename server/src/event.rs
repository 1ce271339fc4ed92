//! What the server reports: one line per event, with stable names and fields.
//!
//! A line is the event's name and its fields, `name key=value key="quoted text"`. Scripts and log
//! readers rely on both; neither changes without a line in the changelog.

use std::{
    fmt::{self, Write},
    net::SocketAddr,
};

use correio_proto::{
    fingerprint::Fingerprint,
    mail::{MailId, Recipients, Username},
    message::{ErrorCode, Realm},
};
use log::Level;

use crate::ticket::ConnId;

/// Target of every record, for filters.
pub const TARGET: &str = "correio";

/// Everything that is reported.
#[derive(Clone, Copy, Debug)]
#[allow(missing_docs)] // Each field is the value of its name in `Event::fields`.
pub enum Event<'a> {
    /// The server is about to listen.
    ServerStarted { version: &'a str, store: &'a str, realm: Realm, registration: &'a str },
    /// It listens on an address.
    ServerListening { address: SocketAddr, security: &'a str },
    /// Something the person who runs it should know.
    ServerWarning { text: &'a str },
    /// It was asked to stop.
    ServerStopping { signal: &'a str, connections: usize },
    /// It has stopped.
    ServerStopped,
    /// The certificate was read, at the start or anew.
    CertificateLoaded { fingerprint: Fingerprint },
    /// It could not be read anew; connections are shown the old one.
    CertificateKept { text: &'a str },
    /// The log file was opened anew.
    LogReopened,
    /// It could not be; the old one is still written.
    LogReopenFailed { text: &'a str },
    /// A client connected.
    ConnectionOpened { connection: ConnId, address: SocketAddr },
    /// A connection is over.
    ConnectionClosed { connection: ConnId, reason: &'a str },
    /// A connection was turned away.
    ConnectionRefused { address: SocketAddr, reason: &'a str },
    /// No connection can be accepted for now.
    AcceptPaused { reason: &'a str },
    /// They can again.
    AcceptResumed,
    /// An account was made.
    AccountCreated { username: &'a Username, connection: ConnId },
    /// Its full name was changed.
    AccountRenamed { username: &'a Username, connection: ConnId },
    /// Its password was changed.
    AccountPasswordChanged { username: &'a Username, connection: ConnId },
    /// It was deleted, with its mailbox.
    AccountDeleted { username: &'a Username, connection: ConnId },
    /// Somebody logged in.
    LoginSucceeded { username: &'a Username, connection: ConnId, address: SocketAddr },
    /// Somebody failed to.
    LoginFailed { username: &'a Username, connection: ConnId, address: SocketAddr, reason: &'a str },
    /// Somebody logged out.
    Logout { username: &'a Username, connection: ConnId },
    /// A mail is in all its recipients' mailboxes.
    MailAccepted {
        from: &'a Username,
        to: &'a Recipients,
        id: MailId,
        bytes: usize,
        connection: ConnId,
    },
    /// A mail that had been accepted was sent again; nothing was done.
    MailRepeated { from: &'a Username, id: MailId, connection: ConnId },
    /// A mail was refused for all its recipients.
    MailRefused {
        from: &'a Username,
        to: &'a Recipients,
        id: MailId,
        code: ErrorCode,
        connection: ConnId,
    },
    /// A page of mails was given to its recipient.
    MailDelivered { username: &'a Username, mails: usize, connection: ConnId },
    /// Mails were deleted after their recipient's confirmation.
    MailDeleted { username: &'a Username, mails: usize, connection: ConnId },
    /// A request was answered with an error.
    RequestRefused { connection: ConnId, code: ErrorCode, text: &'a str },
    /// A request was refused because there were too many like it.
    RequestLimited {
        username: &'a Username,
        connection: ConnId,
        address: SocketAddr,
        limit: &'a str,
        /// In seconds.
        wait: u32,
    },
    /// There was no room for what a client sends.
    InputRefused { connection: ConnId, address: SocketAddr },
    /// There was no room for the replies that a client does not take.
    OutputRefused { connection: ConnId, address: SocketAddr },
    /// A client sent what is no request.
    ProtocolError { connection: ConnId, address: SocketAddr, text: &'a str },
    /// A queue was full and a request told to come back.
    QueueFull { queue: &'a str },
    /// A worker failed at a job and goes on.
    WorkerFailed,
    /// The store could not do a job; it goes on.
    StoreUnavailable { text: &'a str },
    /// The store has failed for good; the server stops.
    StoreFailed { text: &'a str },
}

impl Event<'_> {
    /// Writes the event to the log, if its level is wanted.
    pub fn log(&self) {
        log::log!(target: TARGET, self.level(), "{self}");
    }

    /// Its name in the log.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::ServerStarted { .. } => "server.started",
            Self::ServerListening { .. } => "server.listening",
            Self::ServerWarning { .. } => "server.warning",
            Self::ServerStopping { .. } => "server.stopping",
            Self::ServerStopped => "server.stopped",
            Self::CertificateLoaded { .. } => "certificate.loaded",
            Self::CertificateKept { .. } => "certificate.kept",
            Self::LogReopened => "log.reopened",
            Self::LogReopenFailed { .. } => "log.reopen_failed",
            Self::ConnectionOpened { .. } => "connection.opened",
            Self::ConnectionClosed { .. } => "connection.closed",
            Self::ConnectionRefused { .. } => "connection.refused",
            Self::AcceptPaused { .. } => "accept.paused",
            Self::AcceptResumed => "accept.resumed",
            Self::AccountCreated { .. } => "account.created",
            Self::AccountRenamed { .. } => "account.renamed",
            Self::AccountPasswordChanged { .. } => "account.password_changed",
            Self::AccountDeleted { .. } => "account.deleted",
            Self::LoginSucceeded { .. } => "login.succeeded",
            Self::LoginFailed { .. } => "login.failed",
            Self::Logout { .. } => "logout",
            Self::MailAccepted { .. } => "mail.accepted",
            Self::MailRepeated { .. } => "mail.repeated",
            Self::MailRefused { .. } => "mail.refused",
            Self::MailDelivered { .. } => "mail.delivered",
            Self::MailDeleted { .. } => "mail.deleted",
            Self::RequestRefused { .. } => "request.refused",
            Self::RequestLimited { .. } => "request.limited",
            Self::InputRefused { .. } => "input.refused",
            Self::OutputRefused { .. } => "output.refused",
            Self::ProtocolError { .. } => "protocol.error",
            Self::QueueFull { .. } => "queue.full",
            Self::WorkerFailed => "worker.failed",
            Self::StoreUnavailable { .. } => "store.unavailable",
            Self::StoreFailed { .. } => "store.failed",
        }
    }

    /// Its level: `info` for what people do, `warn` for what was refused, `error` for what the
    /// server itself could not do.
    #[must_use]
    pub fn level(&self) -> Level {
        match self {
            Self::ServerStarted { .. }
            | Self::ServerListening { .. }
            | Self::ServerStopping { .. }
            | Self::ServerStopped
            | Self::CertificateLoaded { .. }
            | Self::LogReopened
            | Self::ConnectionOpened { .. }
            | Self::ConnectionClosed { .. }
            | Self::AcceptResumed
            | Self::AccountCreated { .. }
            | Self::AccountRenamed { .. }
            | Self::AccountPasswordChanged { .. }
            | Self::AccountDeleted { .. }
            | Self::LoginSucceeded { .. }
            | Self::Logout { .. }
            | Self::MailAccepted { .. }
            | Self::MailRepeated { .. }
            | Self::MailDelivered { .. }
            | Self::MailDeleted { .. } => Level::Info,
            Self::ServerWarning { .. }
            | Self::CertificateKept { .. }
            | Self::LogReopenFailed { .. }
            | Self::ConnectionRefused { .. }
            | Self::AcceptPaused { .. }
            | Self::LoginFailed { .. }
            | Self::MailRefused { .. }
            | Self::RequestRefused { .. }
            | Self::RequestLimited { .. }
            | Self::InputRefused { .. }
            | Self::OutputRefused { .. }
            | Self::ProtocolError { .. }
            | Self::QueueFull { .. } => Level::Warn,
            Self::WorkerFailed | Self::StoreUnavailable { .. } | Self::StoreFailed { .. } => {
                Level::Error
            }
        }
    }
}

impl fmt::Display for Event<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())?;
        let mut line = Line(f);
        match *self {
            Self::ServerStarted { version, store, realm, registration } => line
                .field("version", version)?
                .field("store", store)?
                .field("realm", realm)?
                .field("registration", registration)?,
            Self::ServerListening { address, security } => {
                line.field("address", address)?.field("security", security)?
            }
            Self::CertificateLoaded { fingerprint } => line.field("fingerprint", fingerprint)?,
            Self::ServerWarning { text }
            | Self::CertificateKept { text }
            | Self::LogReopenFailed { text }
            | Self::StoreUnavailable { text }
            | Self::StoreFailed { text } => line.field("text", text)?,
            Self::ServerStopping { signal, connections } => {
                line.field("signal", signal)?.field("connections", connections)?
            }
            Self::ServerStopped | Self::LogReopened | Self::AcceptResumed | Self::WorkerFailed => {
                &mut line
            }
            Self::ConnectionOpened { connection, address }
            | Self::InputRefused { connection, address }
            | Self::OutputRefused { connection, address } => {
                line.field("connection", connection)?.field("address", address)?
            }
            Self::ConnectionClosed { connection, reason } => {
                line.field("connection", connection)?.field("reason", reason)?
            }
            Self::ConnectionRefused { address, reason } => {
                line.field("address", address)?.field("reason", reason)?
            }
            Self::AcceptPaused { reason } => line.field("reason", reason)?,
            Self::AccountCreated { username, connection }
            | Self::AccountRenamed { username, connection }
            | Self::AccountPasswordChanged { username, connection }
            | Self::AccountDeleted { username, connection }
            | Self::Logout { username, connection } => {
                line.field("username", username)?.field("connection", connection)?
            }
            Self::LoginSucceeded { username, connection, address } => line
                .field("username", username)?
                .field("connection", connection)?
                .field("address", address)?,
            Self::LoginFailed { username, connection, address, reason } => line
                .field("username", username)?
                .field("connection", connection)?
                .field("address", address)?
                .field("reason", reason)?,
            Self::MailAccepted { from, to, id, bytes, connection } => line
                .field("from", from)?
                .field("to", to)?
                .field("id", id)?
                .field("bytes", bytes)?
                .field("connection", connection)?,
            Self::MailRepeated { from, id, connection } => {
                line.field("from", from)?.field("id", id)?.field("connection", connection)?
            }
            Self::MailRefused { from, to, id, code, connection } => line
                .field("from", from)?
                .field("to", to)?
                .field("id", id)?
                .field("code", code)?
                .field("connection", connection)?,
            Self::MailDelivered { username, mails, connection }
            | Self::MailDeleted { username, mails, connection } => line
                .field("username", username)?
                .field("mails", mails)?
                .field("connection", connection)?,
            Self::RequestRefused { connection, code, text } => {
                line.field("connection", connection)?.field("code", code)?.field("text", text)?
            }
            Self::RequestLimited { username, connection, address, limit, wait } => line
                .field("username", username)?
                .field("connection", connection)?
                .field("address", address)?
                .field("limit", limit)?
                .field("wait", wait)?,
            Self::ProtocolError { connection, address, text } => line
                .field("connection", connection)?
                .field("address", address)?
                .field("text", text)?,
            Self::QueueFull { queue } => line.field("queue", queue)?,
        };
        Ok(())
    }
}

/// The fields of a line.
struct Line<'a, 'b>(&'a mut fmt::Formatter<'b>);

impl Line<'_, '_> {
    /// Appends a field. A value with anything but plain characters is quoted.
    fn field(&mut self, key: &str, value: impl fmt::Display) -> Result<&mut Self, fmt::Error> {
        let value = value.to_string();
        write!(self.0, " {key}=")?;
        if !value.is_empty() && value.chars().all(is_plain) {
            self.0.write_str(&value)?;
        } else {
            self.0.write_char('"')?;
            for c in value.chars() {
                match c {
                    '"' | '\\' => write!(self.0, "\\{c}")?,
                    c if is_obeyed(c) => write!(self.0, "{}", c.escape_unicode())?,
                    c => self.0.write_char(c)?,
                }
            }
            self.0.write_char('"')?;
        }
        Ok(self)
    }
}

fn is_plain(c: char) -> bool {
    c.is_ascii_alphanumeric() || "._:@/+-[]".contains(c)
}

/// Characters that a terminal or a log reader obeys instead of showing them: controls, line
/// separators, and those that turn the direction of text.
#[must_use]
pub fn is_obeyed(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_line_reads_as_name_and_fields() {
        let to = "pepper, happy".parse().unwrap();
        let event = Event::MailAccepted {
            from: &"tony".parse().unwrap(),
            to: &to,
            id: "01890a5d-ac96-774b-bcce-b302099a8057".parse().unwrap(),
            bytes: 12,
            connection: ConnId { index: 3, generation: 4 },
        };
        assert_eq!(
            event.to_string(),
            "mail.accepted from=tony to=\"pepper, happy\" \
             id=01890a5d-ac96-774b-bcce-b302099a8057 bytes=12 connection=3.4"
        );
    }

    proptest! {
        #[test]
        fn hostile_text_stays_in_its_line(text in any::<String>()) {
            let line = Event::ServerWarning { text: &text }.to_string();
            prop_assert!(!line.chars().any(is_obeyed), "{line:?}");
            prop_assert!(line.starts_with("server.warning text="));
        }
    }
}
