//! The server's log: one line per event, with stable names and fields.
//!
//! A line is the event's name and its fields, `name key=value key="quoted text"`, or a JSON object
//! ([`json`]). Scripts and log readers rely on names and fields; neither changes without a line in
//! the changelog.

pub mod json;
mod obeyed;
pub mod recent;

use std::{
    fmt::{self, Write},
    net::SocketAddr,
};

use correio_proto::{
    fingerprint::Fingerprint,
    mail::{MailId, Recipients, Username},
    message::{ErrorCode, Realm},
};
use log::{Level, Log, Record, kv};
use serde_json::Value;

use self::json::{EventSchema, Field};
pub use self::obeyed::is_obeyed;
use crate::ids::ConnId;

/// Target of every record, for filters.
pub const TARGET: &str = "correio";

/// Makes an enum of the table below. Each row has the event's level, its name in the log, and its
/// fields, which the log shows in this order under their own names.
macro_rules! events {
    (
        $(#[$doc:meta])*
        pub enum $type:ident<$lifetime:lifetime> {
            $(
                $(#[doc = $event_doc:literal])*
                $level:ident $name:literal $event:ident
                $({ $( $(#[$field_doc:meta])* $field:ident: $value:ty ),* $(,)? })?
            ),* $(,)?
        }
    ) => {
        $(#[$doc])*
        pub enum $type<$lifetime> {
            $( $(#[doc = $event_doc])* $event $({ $( $(#[$field_doc])* $field: $value ),* })? ),*
        }

        impl $type<'_> {
            /// The event's name in the log.
            #[must_use]
            pub fn name(&self) -> &'static str {
                match self {
                    $( Self::$event { .. } => $name ),*
                }
            }

            /// The event's level: `info` for normal operation, `warn` for refusals, `error` for
            /// failures of the server itself.
            #[must_use]
            pub fn level(&self) -> Level {
                match self {
                    $( Self::$event { .. } => Level::$level ),*
                }
            }

            /// The fields as JSON, in the order of the table.
            fn fields(&self) -> Vec<(&'static str, Value)> {
                match *self {
                    $(
                        Self::$event $({ $( $field ),* })? => {
                            vec![$( $( (stringify!($field), Field::json(&$field)) ),* )?]
                        }
                    ),*
                }
            }
        }

        /// The schema of each event, in the order of the table.
        #[allow(clippy::extra_unused_lifetimes)] // The types of fields have the lifetime.
        fn schemas<$lifetime>() -> Vec<EventSchema> {
            vec![$(
                EventSchema {
                    name: $name,
                    level: Level::$level,
                    meaning: concat!($( $event_doc ),*).trim(),
                    fields: vec![$( $( (stringify!($field), <$value>::schema()) ),* )?],
                }
            ),*]
        }

        /// Each event once, with fields that [`Sample`](tests::Sample) makes.
        #[cfg(test)]
        #[allow(clippy::extra_unused_lifetimes)] // As above.
        fn samples<$lifetime>() -> Vec<$type<$lifetime>> {
            use tests::Sample;
            vec![$( $type::$event $({ $( $field: <$value>::sample() ),* })? ),*]
        }

        /// The events as a table in Markdown, for OPERATING.md.
        #[must_use]
        pub fn markdown() -> String {
            let mut table = "| event | level | fields | meaning |\n\
                             | --- | --- | --- | --- |\n"
                .to_owned();
            $(
                let fields: &[&str] = &[$( $( stringify!($field) ),* )?];
                let level = stringify!($level).to_ascii_lowercase();
                let meaning = concat!($( $event_doc ),*).trim();
                let row = format!("| `{}` | {level} | {} | {meaning} |\n", $name, fields.join(", "));
                table.push_str(&row);
            )*
            table
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
    /// An event of the log.
    #[derive(Clone, Copy, Debug)]
    #[allow(missing_docs)] // Each field is logged under its own name.
    pub enum Event<'a> {
        /// The server is about to listen.
        Info "server.started" ServerStarted {
            version: &'a str,
            store: &'a str,
            realm: Realm,
            registration: &'a str,
        },
        /// The server listens on an address.
        Info "server.listening" ServerListening { address: SocketAddr, security: &'a str },
        /// A problem that the operator should know; the server goes on.
        Warn "server.warning" ServerWarning { text: &'a str },
        /// The server was asked to stop.
        Info "server.stopping" ServerStopping { signal: &'a str, connections: usize },
        /// The server received a signal that it does not use.
        Warn "signal.ignored" SignalIgnored { signal: &'a str },
        /// The server has stopped.
        Info "server.stopped" ServerStopped,
        /// A certificate was loaded, at the start, again on SIGHUP, or after its renewal.
        Info "certificate.loaded" CertificateLoaded {
            fingerprint: Fingerprint,
            /// The clients that are shown it: `correio`, `programs` (mail programs) or `all`.
            clients: &'a str,
        },
        /// The certificate could not be loaded again; the old one stays in use.
        Warn "certificate.kept" CertificateKept { text: &'a str },
        /// The log file was reopened.
        Info "log.reopened" LogReopened,
        /// The log file could not be reopened; the old one stays in use.
        Warn "log.reopen_failed" LogReopenFailed { text: &'a str },
        /// Lines were lost: they came faster than they could be written, or could not be written.
        Warn "log.dropped" LogDropped { count: u64 },
        /// Lines were left out because one address caused too many like them.
        Warn "log.repeated" LogRepeated { name: &'a str, address: &'a str, count: u64 },
        /// A connection was opened.
        Info "connection.opened" ConnectionOpened {
            connection: ConnId,
            address: SocketAddr,
            /// `correio`, `submission` or `pop3`.
            protocol: &'a str,
        },
        /// A connection was closed.
        Info "connection.closed" ConnectionClosed { connection: ConnId, reason: &'a str },
        /// A connection was rejected.
        Warn "connection.refused" ConnectionRefused {
            address: SocketAddr,
            reason: &'a str,
            /// `correio`, `submission`, `pop3` or `http`.
            protocol: &'a str,
        },
        /// A connection of a trusted proxy was closed: it did not begin with a PROXY header of
        /// version 2.
        Warn "proxy.refused" ProxyRefused {
            connection: ConnId,
            address: SocketAddr,
            text: &'a str,
        },
        /// Accepting connections pauses: the machine has no file descriptors or memory left.
        Warn "accept.paused" AcceptPaused { reason: &'a str },
        /// Accepting connections resumes.
        Info "accept.resumed" AcceptResumed,
        /// An account was registered.
        Info "account.created" AccountCreated { username: &'a Username, connection: ConnId },
        /// An account's full name was changed.
        Info "account.renamed" AccountRenamed { username: &'a Username, connection: ConnId },
        /// An account's password was changed.
        Info "account.password_changed" AccountPasswordChanged {
            username: &'a Username,
            connection: ConnId,
        },
        /// An account's password was set by a code of the operator.
        Info "account.recovered" AccountRecovered {
            username: &'a Username,
            connection: ConnId,
            address: SocketAddr,
        },
        /// An account was deleted, with its mailbox.
        Info "account.deleted" AccountDeleted { username: &'a Username, connection: ConnId },
        /// An account was deleted, since nobody had used it for as long as `keep-account-days`
        /// says.
        Info "account.expired" AccountExpired { username: &'a Username },
        /// The owner of an account was warned, by a mail of the postmaster, that its old mails or
        /// the account itself will be deleted.
        Info "account.warned" AccountWarned { username: &'a Username, about: &'a str },
        /// An app password was made; `id` is its number.
        Info "app_password.created" AppPasswordCreated {
            username: &'a Username,
            id: u64,
            connection: ConnId,
        },
        /// An app password was revoked.
        Info "app_password.revoked" AppPasswordRevoked {
            username: &'a Username,
            id: u64,
            connection: ConnId,
        },
        /// A login succeeded.
        Info "login.succeeded" LoginSucceeded {
            username: &'a Username,
            connection: ConnId,
            address: SocketAddr,
            /// `correio`, `submission` or `pop3`.
            protocol: &'a str,
            /// `password`, `ticket` or `app_password`.
            by: &'a str,
        },
        /// A login failed, or the password given for a change was wrong.
        Warn "login.failed" LoginFailed {
            username: &'a Username,
            connection: ConnId,
            address: SocketAddr,
            reason: &'a str,
        },
        /// A session was logged out.
        Info "logout" Logout { username: &'a Username, connection: ConnId },
        /// A list was made, or the same request was made again.
        Info "list.created" ListCreated {
            username: &'a Username,
            list: &'a Username,
            connection: ConnId,
        },
        /// A list or its members were changed, or the same change was made again. A list goes with
        /// its last member.
        Info "list.changed" ListChanged {
            username: &'a Username,
            list: &'a Username,
            connection: ConnId,
        },
        /// A list was deleted.
        Info "list.deleted" ListDeleted {
            username: &'a Username,
            list: &'a Username,
            connection: ConnId,
        },
        /// A mail was stored in all its recipients' mailboxes.
        Info "mail.accepted" MailAccepted {
            from: &'a Username,
            to: &'a Recipients,
            id: MailId,
            bytes: u64,
            connection: ConnId,
        },
        /// A mail that had been accepted was sent again; nothing was stored.
        Info "mail.repeated" MailRepeated { from: &'a Username, id: MailId, connection: ConnId },
        /// A mail was refused for all its recipients.
        Warn "mail.refused" MailRefused {
            from: &'a Username,
            to: &'a Recipients,
            id: MailId,
            code: ErrorCode,
            connection: ConnId,
        },
        /// A piece was refused: there is no room for another upload (`busy`), or the upload has
        /// another size (`conflict`).
        Warn "upload.refused" UploadRefused {
            username: &'a Username,
            id: MailId,
            /// Of the whole content.
            bytes: u64,
            code: ErrorCode,
            connection: ConnId,
            address: SocketAddr,
        },
        /// A page of mails was sent to its recipient, or up to 64 mails to a mail program.
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
        /// Mails were deleted, since they were older than `keep-days` says.
        Info "mail.expired" MailExpired { mails: u32 },
        /// A request was answered with an error that no other event reports; the first 20 of a
        /// connection.
        Warn "request.refused" RequestRefused {
            connection: ConnId,
            code: ErrorCode,
            text: &'a str,
        },
        /// A request was refused because the client exceeds a rate limit.
        Warn "request.limited" RequestLimited {
            username: &'a Username,
            connection: ConnId,
            address: SocketAddr,
            limit: &'a str,
            /// In seconds.
            wait: u32,
        },
        /// A frame, or a mail of a mail program, was refused: the memory budget for incomplete
        /// frames and mails is used up.
        Warn "input.refused" InputRefused { connection: ConnId, address: SocketAddr },
        /// A client that does not read its replies was cut off: the memory budget for replies is
        /// used up.
        Warn "output.refused" OutputRefused { connection: ConnId, address: SocketAddr },
        /// A client sent input that is not a request.
        Warn "protocol.error" ProtocolError {
            connection: ConnId,
            address: SocketAddr,
            text: &'a str,
        },
        /// The operator has changed something; `action` is the command's word. An import of several
        /// accounts has their number as its `name`. An announcement has its id, and in
        /// `announce_step` and `announce_stopped` the username, too, up to which it was sent.
        Info "operator.acted" OperatorActed { action: &'a str, name: &'a str },
        /// A job queue was full; the client was told to try again.
        Warn "queue.full" QueueFull { queue: &'a str },
        /// A worker failed at a job and continues with the next.
        Error "worker.failed" WorkerFailed,
        /// The schema upgrade of a database that an older version of the program made begins; it
        /// may take time.
        Info "store.upgrading" StoreUpgrading { from: u32, to: u32 },
        /// The schema upgrade has ended.
        Info "store.upgraded" StoreUpgraded { from: u32, to: u32 },
        /// The store was closed while another program read `correio.db`, or the disk was full:
        /// changes stay in `correio.db-wal`, which the next start needs.
        Warn "store.wal_left" StoreWalLeft,
        /// The database of the store `postgres` cannot be reached, takes no changes, or has no
        /// standby where one is asked for; `text` is the error. One line for a loss, however
        /// many connections notice it.
        Warn "database.lost" DatabaseLost { text: &'a str },
        /// The database is back; it was lost for so many seconds.
        Info "database.back" DatabaseBack { seconds: u64 },
        /// The store could not do a job and continues with the next.
        Error "store.unavailable" StoreUnavailable { text: &'a str },
        /// The store has failed for good; the server stops.
        Error "store.failed" StoreFailed { text: &'a str },
    }
}

impl Event<'_> {
    /// Writes the event to the log, if its level is wanted.
    pub fn log(&self) {
        if self.level() <= log::max_level() {
            self.with_record(|record| log::logger().log(record));
        }
    }

    /// The event as a line in JSON without its end, with this time (RFC 3339).
    pub fn json(&self, time: impl fmt::Display) -> String {
        json::line(time, self.level(), Members(self))
    }

    /// Writes the event to this log, whatever its level.
    pub(crate) fn log_to(&self, log: &dyn Log) {
        self.with_record(|record| log.log(record));
    }

    /// Calls `action` with the event as a record: its line in text as the message, its members in
    /// JSON as the pair [`json::MEMBERS`]. The sinks format the form that they write.
    pub(crate) fn with_record<R>(&self, action: impl FnOnce(&Record<'_>) -> R) -> R {
        let members = Members(self);
        let pairs = [(json::MEMBERS, kv::Value::from_display(&members))];
        let mut record = Record::builder();
        record.target(TARGET).level(self.level()).key_values(&pairs);
        action(&record.args(format_args!("{self}")).build())
    }
}

/// The members of an event's JSON object, formatted only if a sink writes JSON.
struct Members<'a>(&'a Event<'a>);

impl fmt::Display for Members<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        json::write_members(f, self.0.name(), &self.0.fields())
    }
}

/// The schema of the log in JSON, for `server/log-schema.json`.
#[must_use]
pub fn json_schema() -> String {
    json::document(&schemas())
}

/// Appends a field. A value is quoted unless all its characters are plain.
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

#[cfg(test)]
mod tests;
