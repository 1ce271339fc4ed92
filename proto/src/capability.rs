//! Optional parts of the protocol, which a server names in its reply to `hello`.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, de};

use crate::{limits, mail::bounded};

/// Name of the part for large contents: the requests `upload` and `read`, and the field `content`
/// of `send`.
pub const CONTENTS: &str = "contents";

/// Name of the part for contents that are RFC 5322 messages: the field `message` of `send`, and the
/// field `kind` of its `content`.
pub const MESSAGES: &str = "messages";

/// Name of the part for the server's directory: the request `find`.
pub const FIND: &str = "find";

/// Name of the part for lists: the request `list`, and lists among the recipients of `send`.
pub const LISTS: &str = "lists";

/// Name of the part for passwords that are set by a code of the operator: the request `recover`.
pub const RECOVER: &str = "recover";

/// Name of the part for passwords of mail programs: the request `app_password`.
pub const APP_PASSWORDS: &str = "app_passwords";

/// Name of the part for logging in again with a ticket: the requests `ticket` and `resume`.
pub const RESUME: &str = "resume";

/// The optional parts that a server offers: at most [`limits::CAPABILITIES_MAX`] names.
///
/// A client asks with [`Capabilities::contains`] before it sends a request of an optional part,
/// and ignores names that it does not know.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Capabilities(Box<[Capability]>);

impl Capabilities {
    /// Whether the server offers the part of this name.
    #[must_use]
    pub fn contains(&self, name: &str) -> bool {
        self.0.iter().any(|capability| capability.as_str() == name)
    }

    /// The names in the order in which the server sent them, unknown ones included.
    pub fn iter(&self) -> std::slice::Iter<'_, Capability> {
        self.0.iter()
    }
}

impl Extend<Capability> for Capabilities {
    /// Adds names. Those above [`limits::CAPABILITIES_MAX`] are left out.
    fn extend<I: IntoIterator<Item = Capability>>(&mut self, names: I) {
        let all = std::mem::take(&mut self.0).into_iter().chain(names);
        self.0 = all.take(limits::CAPABILITIES_MAX).collect();
    }
}

impl<const COUNT: usize> From<[Capability; COUNT]> for Capabilities {
    fn from(names: [Capability; COUNT]) -> Self {
        const { assert!(COUNT <= limits::CAPABILITIES_MAX) };
        Self(Box::new(names))
    }
}

impl TryFrom<Vec<Capability>> for Capabilities {
    type Error = InvalidCapability;

    fn try_from(names: Vec<Capability>) -> Result<Self, InvalidCapability> {
        if names.len() > limits::CAPABILITIES_MAX {
            return Err(InvalidCapability::TooMany);
        }
        Ok(Self(names.into_boxed_slice()))
    }
}

impl<'de> Deserialize<'de> for Capabilities {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let names: Vec<Capability> = bounded(deserializer, limits::CAPABILITIES_MAX, None)?;
        Ok(Self(names.into_boxed_slice()))
    }
}

/// The name of an optional part: 1 to [`limits::CAPABILITY_MAX`] characters of `a`–`z`, `0`–`9`
/// and `_`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(transparent)]
pub struct Capability(Box<str>);

/// Why a text names no capability, or a list of names is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidCapability {
    /// The name is empty.
    #[error("a capability's name must not be empty")]
    Empty,
    /// The name is above [`limits::CAPABILITY_MAX`] characters.
    #[error("a capability's name has at most {} characters", limits::CAPABILITY_MAX)]
    TooLong,
    /// The name has a character that is not allowed.
    #[error("a capability's name has only small letters, digits and underscores")]
    Character,
    /// The list is above [`limits::CAPABILITIES_MAX`] names.
    #[error("a server has at most {} capabilities", limits::CAPABILITIES_MAX)]
    TooMany,
}

impl Capability {
    /// The part of the name [`CONTENTS`].
    #[must_use]
    pub fn contents() -> Self {
        Self(CONTENTS.into())
    }

    /// The part of the name [`MESSAGES`].
    #[must_use]
    pub fn messages() -> Self {
        Self(MESSAGES.into())
    }

    /// The part of the name [`FIND`].
    #[must_use]
    pub fn find() -> Self {
        Self(FIND.into())
    }

    /// The part of the name [`LISTS`].
    #[must_use]
    pub fn lists() -> Self {
        Self(LISTS.into())
    }

    /// The part of the name [`RECOVER`].
    #[must_use]
    pub fn recover() -> Self {
        Self(RECOVER.into())
    }

    /// The part of the name [`APP_PASSWORDS`].
    #[must_use]
    pub fn app_passwords() -> Self {
        Self(APP_PASSWORDS.into())
    }

    /// The part of the name [`RESUME`].
    #[must_use]
    pub fn resume() -> Self {
        Self(RESUME.into())
    }

    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Capability {
    type Err = InvalidCapability;

    fn from_str(name: &str) -> Result<Self, InvalidCapability> {
        let is_allowed = |byte: u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_');
        if name.is_empty() {
            return Err(InvalidCapability::Empty);
        }
        if name.len() > limits::CAPABILITY_MAX {
            return Err(InvalidCapability::TooLong);
        }
        if !name.bytes().all(is_allowed) {
            return Err(InvalidCapability::Character);
        }
        Ok(Self(name.into()))
    }
}

impl fmt::Display for Capability {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl<'de> Deserialize<'de> for Capability {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Name;

        impl de::Visitor<'_> for Name {
            type Value = Capability;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("the name of a capability")
            }

            fn visit_str<E: de::Error>(self, name: &str) -> Result<Capability, E> {
                name.parse().map_err(E::custom)
            }
        }

        deserializer.deserialize_str(Name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_in_the_code_is_one_that_a_client_accepts() {
        assert_eq!(CONTENTS.parse(), Ok(Capability::contents()));
        assert_eq!(MESSAGES.parse(), Ok(Capability::messages()));
        assert_eq!(FIND.parse(), Ok(Capability::find()));
        assert_eq!(LISTS.parse(), Ok(Capability::lists()));
        assert_eq!(RECOVER.parse(), Ok(Capability::recover()));
        assert_eq!(APP_PASSWORDS.parse(), Ok(Capability::app_passwords()));
        assert_eq!(RESUME.parse(), Ok(Capability::resume()));
        assert!(Capabilities::from([Capability::contents()]).contains(CONTENTS));
    }
}
