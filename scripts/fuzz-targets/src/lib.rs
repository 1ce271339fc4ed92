//! The fuzz targets of correio: each is a function of bytes that panics if a property does not
//! hold.
//!
//! `scripts/fuzz` runs a target under libFuzzer (`engine/`), which searches for bytes that reach
//! new code. Inputs worth keeping are in `corpus/`, in a directory for each target, and `cargo
//! test` runs them all again.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)] // It is all test.

mod admin;
mod backup;
mod bulletin;
mod channel;
mod client;
mod config;
mod database;
mod frame;
mod http;
mod input;
mod keys;
mod log_line;
mod maildir;
mod message;
mod mime;
mod pieces;
mod pop3;
mod proxy_header;
mod screen;
mod session;
mod submission;
mod tls;

use std::path::PathBuf;

/// A fuzz target.
#[derive(Clone, Copy, Debug)]
pub struct Target {
    /// The target's name, and that of its directory in `corpus/`.
    pub name: &'static str,
    /// A description of the test.
    pub about: &'static str,
    /// Longest input that is worth trying, in bytes.
    pub length_max: usize,
    /// Panics if the property does not hold for these bytes.
    pub run: fn(&[u8]),
}

/// Every target.
pub const TARGETS: [Target; 20] = [
    Target {
        name: "frame",
        about: "a stream cut into frames, each read and written again",
        length_max: 4096,
        run: frame::run,
    },
    Target {
        name: "message",
        about: "one MessagePack value, read as a request and as a reply",
        length_max: 8192,
        run: message::run,
    },
    Target {
        name: "channel",
        about: "a stream in any pieces, which must give the same messages",
        length_max: 4096,
        run: channel::run,
    },
    Target {
        name: "tls",
        about: "two ends with TLS, and an attacker who changes the bytes between them",
        length_max: 2048,
        run: tls::run,
    },
    Target {
        name: "proxy",
        about: "the header of a proxy in any pieces, and bytes after it",
        length_max: 1024,
        run: proxy_header::run,
    },
    Target {
        name: "session",
        about: "requests of several clients to the server, against a model of it",
        length_max: 1024,
        run: session::run,
    },
    Target {
        name: "client",
        about: "the client's core against a server that may answer anything",
        length_max: 1024,
        run: client::run,
    },
    Target {
        name: "config",
        about: "the server's settings file, and the same settings as flags",
        length_max: 2048,
        run: config::run,
    },
    Target {
        name: "database",
        about: "the answers of a PostgreSQL server in any pieces, which must come to the same",
        length_max: 4096,
        run: database::run,
    },
    Target {
        name: "bulletin",
        about: "the text of a NOTIFY between servers, told again",
        length_max: 8000,
        run: bulletin::run,
    },
    Target {
        name: "maildir",
        about: "a file in the local mailbox: its name and its content",
        length_max: 4096,
        run: maildir::run,
    },
    Target {
        name: "screen",
        about: "text of other people on a terminal, as text and as JSON",
        length_max: 1024,
        run: screen::run,
    },
    Target {
        name: "log",
        about: "text of other people in the server's log",
        length_max: 1024,
        run: log_line::run,
    },
    Target {
        name: "keys",
        about: "bytes of a terminal in any pieces, with text between its sequences",
        length_max: 1024,
        run: keys::run,
    },
    Target {
        name: "backup",
        about: "an archive that a restore reads, and a real backup with changed bytes",
        length_max: 4096,
        run: backup::run,
    },
    Target {
        name: "http",
        about: "a stream in any pieces to the server's metrics, which must give the same answers",
        length_max: 2048,
        run: http::run,
    },
    Target {
        name: "admin",
        about: "lines of JSON in any pieces to the operator's dialogue, which must give the same replies",
        length_max: 2048,
        run: admin::run,
    },
    Target {
        name: "mime",
        about: "an RFC 5322 message: read, its attachments saved, and answered",
        length_max: 4096,
        run: mime::run,
    },
    Target {
        name: "pop3",
        about: "a mail as POP3 sends it, in any pieces, with the octets that were stated before",
        length_max: 4096,
        run: pop3::run,
    },
    Target {
        name: "submission",
        about: "a stream of SMTP in any pieces: its commands, the end of its mail, and the head",
        length_max: 4096,
        run: submission::run,
    },
];

impl Target {
    /// The target of a name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        TARGETS.into_iter().find(|target| target.name == name)
    }

    /// The directory of the target's inputs.
    #[must_use]
    pub fn corpus(&self) -> PathBuf {
        PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("corpus").join(self.name)
    }
}
