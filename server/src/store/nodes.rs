//! The servers that share a store.

use std::{fs, time::Duration};

use correio_proto::mail::Timestamp;
use serde::{Deserialize, Serialize};

/// The role in which a program opens a store.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum StoreRole {
    /// A command, which is no server.
    #[default]
    Command,
    /// A server of this name.
    Server(NodeName),
}

/// The name of a server, by which the operator tells it from the others: 1 to 64 printable
/// characters of ASCII, without spaces.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NodeName(String);

/// A text is no [`NodeName`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a name of a server has 1 to 64 printable characters of ASCII, and no spaces")]
pub struct NotANodeName;

impl NodeName {
    const LENGTH_MAX: usize = 64;

    /// The name of a server that was given none: that of its machine, and the number of its
    /// process.
    #[must_use]
    pub fn of_process() -> Self {
        Self::on(&host_name())
    }

    fn on(host: &str) -> Self {
        let process = std::process::id();
        let host = host.bytes().filter(u8::is_ascii_graphic).take(48).map(char::from);
        Self(format!("{}/{process}", host.collect::<String>()))
    }

    /// The name's text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl std::str::FromStr for NodeName {
    type Err = NotANodeName;

    fn from_str(text: &str) -> Result<Self, NotANodeName> {
        let is_name = (1..=Self::LENGTH_MAX).contains(&text.len())
            && text.bytes().all(|byte| byte.is_ascii_graphic());
        if is_name { Ok(Self(text.to_owned())) } else { Err(NotANodeName) }
    }
}

/// The name of this machine, to show to people.
pub(crate) fn host_name() -> String {
    let name = fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    match name.trim() {
        "" => "localhost".to_owned(),
        name => name.to_owned(),
    }
}

/// A server on a store, as the operator sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NodeRecord {
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: String,
    /// When it was started.
    pub started_at: Timestamp,
    /// When it last reached the store; it does so each second.
    pub seen_at: Timestamp,
    /// Time since then, by the store's clock.
    pub age: Duration,
    /// Whether it is there.
    pub state: NodeState,
    /// Sessions that were open then.
    pub sessions: u64,
    /// Whether it is the server that was asked.
    pub identity: NodeIdentity,
}

/// Whether a server is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NodeState {
    /// The server reached the store in the last ten seconds.
    Present,
    /// The server did not reach the store in that time, and did not end in order: it was killed, or
    /// has lost the store.
    Gone,
}

/// Whether a server is the one that was asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NodeIdentity {
    /// The server that was asked.
    This,
    /// Another server.
    Other,
}

/// The servers on a store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Nodes {
    /// The store can have one server alone.
    One,
    /// The store may have several: these, in the order of their names.
    Several(Vec<NodeRecord>),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_servers_are_printable_and_bounded() {
        let longest = "n".repeat(64);
        for name in ["a", "mail1/4242", longest.as_str()] {
            assert_eq!(name.parse::<NodeName>().unwrap().as_str(), name);
        }
        for refused in ["", "two words", "é", "\t", "n".repeat(65).as_str()] {
            assert_eq!(refused.parse::<NodeName>(), Err(NotANodeName));
        }
        let own = NodeName::on(&"h\n".repeat(64));
        assert_eq!(own.as_str().parse::<NodeName>(), Ok(own.clone()));
    }
}
