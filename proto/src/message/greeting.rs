//! The greeting: the request `hello`, and the reply in which the server describes itself.

use serde::{Deserialize, Deserializer, Serialize};

use crate::{
    capability::Capabilities,
    limits,
    mail::{Field, Invalid, Problem, unacceptable},
    realm::Realm,
};

/// See [`super::Request::Hello`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hello {
    /// Major version of the protocol that the client speaks.
    pub version: u32,
    /// The client's program.
    pub software: Software,
}

/// A program's name and version, for people to read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Software {
    /// The program's name, such as `correio`.
    pub name: SoftwareText,
    /// The program's version, such as `0.1.0`.
    pub version: SoftwareText,
}

impl Software {
    /// This crate's version under the name given, cut if it is too long.
    #[must_use]
    pub fn named(name: &'static str) -> Self {
        Self {
            name: SoftwareText::cut(name),
            version: SoftwareText::cut(env!("CARGO_PKG_VERSION")),
        }
    }
}

/// A text of visible ASCII characters, of at most [`limits::SOFTWARE_MAX`] bytes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct SoftwareText(Box<str>);

impl SoftwareText {
    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    fn cut(text: &str) -> Self {
        Self(text.chars().filter(char::is_ascii_graphic).take(limits::SOFTWARE_MAX).collect())
    }
}

impl<'de> Deserialize<'de> for SoftwareText {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Box::<str>::deserialize(deserializer)?;
        let problem = if text.len() > limits::SOFTWARE_MAX {
            Problem::TooLong(limits::SOFTWARE_MAX)
        } else if let Some(c) = text.chars().find(|c| !c.is_ascii_graphic()) {
            Problem::Character(c)
        } else {
            return Ok(Self(text));
        };
        Err(unacceptable(Invalid { field: Field::Software, problem }))
    }
}

/// See [`super::Reply::Hello`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Welcome {
    /// Major version of the protocol that the connection now speaks.
    pub version: u32,
    /// The server's program.
    pub software: Software,
    /// Random id of the server's store, for which credentials are derived.
    pub realm: Realm,
    /// The server's limits.
    pub limits: Limits,
    /// Whether people may register, and how.
    pub registration: RegistrationPolicy,
    /// The optional parts of the protocol that the server offers.
    pub capabilities: Capabilities,
}

/// The limits that a server states in its [`Welcome`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limits {
    /// Longest body, in bytes.
    pub body: u32,
    /// Most recipients of one mail.
    pub recipients: u32,
    /// Most mails in a page.
    pub page: u32,
    /// Largest frame that the server sends, in bytes without its length.
    pub frame: u32,
    /// Largest content that travels in pieces, in bytes; 0 if the server takes none.
    #[serde(default)]
    pub content: u64,
    /// Most bytes of one piece.
    #[serde(default)]
    pub piece: u32,
}

/// Whether people may register on a server, and how.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RegistrationPolicy {
    /// Everybody may register.
    Open {},
    /// People with an invite may register.
    Invite {},
    /// Nobody may register over the network.
    Closed {},
}
