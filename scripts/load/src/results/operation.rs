//! The operations that are measured.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A measured operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Operation {
    /// Opening the connection.
    Connect,
    /// The protocol's request of this name.
    Register,
    /// The protocol's request of this name.
    Login,
    /// The protocol's request of this name.
    Send,
    /// A piece of a large content.
    Upload,
    /// The protocol's request `fetch`: one page.
    Receive,
    /// A piece of a large content.
    Read,
    /// The protocol's request of this name.
    Confirm,
    /// A change of a list.
    List,
    /// The protocol's request of this name.
    Find,
    /// The protocol's request of this name.
    Ping,
    /// The protocol's request of this name.
    Logout,
    /// A mail by SMTP, from its first command to its acceptance, breaks included.
    Submit,
    /// A mail by POP3: RETR.
    Retrieve,
}

impl Operation {
    /// All operations.
    pub const ALL: [Self; 14] = [
        Self::Connect,
        Self::Register,
        Self::Login,
        Self::Send,
        Self::Upload,
        Self::Receive,
        Self::Read,
        Self::Confirm,
        Self::Find,
        Self::List,
        Self::Ping,
        Self::Logout,
        Self::Submit,
        Self::Retrieve,
    ];

    /// The name in files and on the screen.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Connect => "connect",
            Self::Register => "register",
            Self::Login => "login",
            Self::Send => "send",
            Self::Upload => "upload",
            Self::Receive => "receive",
            Self::Read => "read",
            Self::Confirm => "confirm",
            Self::Find => "find",
            Self::List => "list",
            Self::Ping => "ping",
            Self::Logout => "logout",
            Self::Submit => "submit",
            Self::Retrieve => "retrieve",
        }
    }
}

impl fmt::Display for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}
