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

use crate::ids::ConnId;

/// Target of every record, for filters.
pub const TARGET: &str = "correio";

/// Makes a type of the table below: each event's level, name in the log, and fields, which the log
/// shows in that order under their own names.
macro_rules! events {
    (
        $(#[$doc:meta])*
        pub enum $type:ident<$lifetime:lifetime> {
            $(
                $(#[$event_doc:meta])*
                $level:ident $name:literal $event:ident
                $({ $( $(#[$field_doc:meta])* $field:ident: $value:ty ),* $(,)? })?
            ),* $(,)?
        }
    ) => {
        $(#[$doc])*
        pub enum $type<$lifetime> {
            $( $(#[$event_doc])* $event $({ $( $(#[$field_doc])* $field: $value ),* })? ),*
        }

        impl $type<'_> {
            /// Its name in the log.
            #[must_use]
            pub fn name(&self) -> &'static str {
                match self {
                    $( Self::$event { .. } => $name ),*
                }
            }

            /// Its level: `info` for what people do, `warn` for what was refused, `error` for what
            /// the server itself could not do.
            #[must_use]
            pub fn level(&self) -> Level {
                match self {
                    $( Self::$event { .. } => Level::$level ),*
                }
            }
        }

        impl fmt::Display for $type<'_> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.name())?;
                match *self {
                    $(
                        Self::$event $({ $( $field ),* })? => {
                            $( $( write_field(f, stringify!($field), $field)?; )* )?
                        }
                    )*
                }
                Ok(())
            }
        }
    };
}

events! {
    /// Everything that is reported.
    #[derive(Clone, Copy, Debug)]
    #[allow(missing_docs)] // Each field is the value of its name in the line.
    pub enum Event<'a> {
        /// The server is about to listen.
        Info "server.started" ServerStarted {
            version: &'a str,
            store: &'a str,
            realm: Realm,
            registration: &'a str,
        },
        /// It listens on an address.
        Info "server.listening" ServerListening { address: SocketAddr, security: &'a str },
        /// Something the person who runs it should know.
        Warn "server.warning" ServerWarning { text: &'a str },
        /// It was asked to stop.
        Info "server.stopping" ServerStopping { signal: &'a str, connections: usize },
        /// It was sent a signal that means nothing to it.
        Warn "signal.ignored" SignalIgnored { signal: &'a str },
        /// It has stopped.
        Info "server.stopped" ServerStopped,
        /// The certificate was read, at the start or anew.
        Info "certificate.loaded" CertificateLoaded { fingerprint: Fingerprint },
        /// It could not be read anew; connections are shown the old one.
        Warn "certificate.kept" CertificateKept { text: &'a str },
        /// The log file was opened anew.
        Info "log.reopened" LogReopened,
        /// It could not be; the old one is still written.
        Warn "log.reopen_failed" LogReopenFailed { text: &'a str },
        /// Lines were lost: they came faster than they could be written, or nothing took them.
        Warn "log.dropped" LogDropped { count: u64 },
        /// Lines that were not written one by one, since one address caused too many of them.
        Warn "log.repeated" LogRepeated { event: &'a str, address: &'a str, count: u64 },
        /// A client connected.
        Info "connection.opened" ConnectionOpened { connection: ConnId, address: SocketAddr },
        /// A connection is over.
        Info "connection.closed" ConnectionClosed { connection: ConnId, reason: &'a str },
        /// A connection was turned away.
        Warn "connection.refused" ConnectionRefused { address: SocketAddr, reason: &'a str },
        /// No connection can be accepted for now.
        Warn "accept.paused" AcceptPaused { reason: &'a str },
        /// They can again.
        Info "accept.resumed" AcceptResumed,
        /// An account was made.
        Info "account.created" AccountCreated { username: &'a Username, connection: ConnId },
        /// Its full name was changed.
        Info "account.renamed" AccountRenamed { username: &'a Username, connection: ConnId },
        /// Its password was changed.
        Info "account.password_changed" AccountPasswordChanged {
            username: &'a Username,
            connection: ConnId,
        },
        /// It was deleted, with its mailbox.
        Info "account.deleted" AccountDeleted { username: &'a Username, connection: ConnId },
        /// Somebody logged in.
        Info "login.succeeded" LoginSucceeded {
            username: &'a Username,
            connection: ConnId,
            address: SocketAddr,
        },
        /// Somebody failed to.
        Warn "login.failed" LoginFailed {
            username: &'a Username,
            connection: ConnId,
            address: SocketAddr,
            reason: &'a str,
        },
        /// Somebody logged out.
        Info "logout" Logout { username: &'a Username, connection: ConnId },
        /// A mail is in all its recipients' mailboxes.
        Info "mail.accepted" MailAccepted {
            from: &'a Username,
            to: &'a Recipients,
            id: MailId,
            bytes: usize,
            connection: ConnId,
        },
        /// A mail that had been accepted was sent again; nothing was done.
        Info "mail.repeated" MailRepeated { from: &'a Username, id: MailId, connection: ConnId },
        /// A mail was refused for all its recipients.
        Warn "mail.refused" MailRefused {
            from: &'a Username,
            to: &'a Recipients,
            id: MailId,
            code: ErrorCode,
            connection: ConnId,
        },
        /// A page of mails was given to its recipient.
        Info "mail.delivered" MailDelivered {
            username: &'a Username,
            mails: usize,
            connection: ConnId,
        },
        /// Mails were deleted after their recipient's confirmation.
        Info "mail.deleted" MailDeleted {
            username: &'a Username,
            mails: usize,
            connection: ConnId,
        },
        /// A request was answered with an error.
        Warn "request.refused" RequestRefused {
            connection: ConnId,
            code: ErrorCode,
            text: &'a str,
        },
        /// A request was refused because there were too many like it.
        Warn "request.limited" RequestLimited {
            username: &'a Username,
            connection: ConnId,
            address: SocketAddr,
            limit: &'a str,
            /// In seconds.
            wait: u32,
        },
        /// There was no room for what a client sends.
        Warn "input.refused" InputRefused { connection: ConnId, address: SocketAddr },
        /// There was no room for the replies that a client does not take.
        Warn "output.refused" OutputRefused { connection: ConnId, address: SocketAddr },
        /// A client sent what is no request.
        Warn "protocol.error" ProtocolError {
            connection: ConnId,
            address: SocketAddr,
            text: &'a str,
        },
        /// A queue was full and a request told to come back.
        Warn "queue.full" QueueFull { queue: &'a str },
        /// A worker failed at a job and goes on.
        Error "worker.failed" WorkerFailed,
        /// The store could not do a job; it goes on.
        Error "store.unavailable" StoreUnavailable { text: &'a str },
        /// The store has failed for good; the server stops.
        Error "store.failed" StoreFailed { text: &'a str },
    }
}

impl Event<'_> {
    /// Writes the event to the log, if its level is wanted.
    pub fn log(&self) {
        log::log!(target: TARGET, self.level(), "{self}");
    }
}

/// Appends a field. A value with anything but plain characters is quoted.
fn write_field(f: &mut fmt::Formatter<'_>, key: &str, value: impl fmt::Display) -> fmt::Result {
    let value = value.to_string();
    write!(f, " {key}=")?;
    if !value.is_empty() && value.chars().all(is_plain) {
        return f.write_str(&value);
    }
    f.write_char('"')?;
    for c in value.chars() {
        match c {
            '"' | '\\' => write!(f, "\\{c}")?,
            c if is_obeyed(c) => write!(f, "{}", c.escape_unicode())?,
            c => f.write_char(c)?,
        }
    }
    f.write_char('"')
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
