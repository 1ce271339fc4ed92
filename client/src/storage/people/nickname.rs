//! Nicknames: the user's own names for people.

use std::{
    fmt,
    hash::{Hash, Hasher},
    str::FromStr,
};

use correio_proto::directory::fold;
use unicode_normalization::{UnicodeNormalization, char::is_combining_mark};

/// Longest nickname, in characters after NFC, as long as a username.
pub const NICKNAME_MAX: usize = 32;

/// The mark before a nickname among recipients. No username has it, so that a nickname never takes
/// the place of a username.
pub(super) const MARK: char = '@';

/// The user's own name for one person or several: 1 to [`NICKNAME_MAX`] letters and digits of any
/// script, dots, underscores and hyphens, kept in NFC. Two nicknames that differ in case or accents
/// only are the same.
#[derive(Clone, Debug)]
pub struct Nickname {
    text: Box<str>,
    folded: Box<str>,
}

/// Why a text is not a [`Nickname`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidNickname {
    /// No character of the text counts.
    #[error("a nickname must not be empty")]
    Empty,
    /// The text has more than [`NICKNAME_MAX`] characters.
    #[error("a nickname has at most {NICKNAME_MAX} characters")]
    TooLong,
    /// The text has a character that is not allowed.
    #[error("a nickname has letters, digits, dots, underscores and hyphens, and not {0:?}")]
    Character(char),
}

impl Nickname {
    /// The nickname, without the mark `@`.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The nickname without the differences that are ignored.
    #[must_use]
    pub fn folded(&self) -> &str {
        &self.folded
    }
}

/// A mark `@` before the nickname is left out.
impl FromStr for Nickname {
    type Err = InvalidNickname;

    fn from_str(text: &str) -> Result<Self, InvalidNickname> {
        let text = text.trim();
        let text = text.strip_prefix(MARK).unwrap_or(text);
        let is_allowed =
            |c: char| c.is_alphanumeric() || is_combining_mark(c) || matches!(c, '.' | '_' | '-');
        if let Some(c) = text.chars().find(|c| !is_allowed(*c)) {
            return Err(InvalidNickname::Character(c));
        }
        // No realistic text has as many bytes for each character.
        if text.len() > NICKNAME_MAX * 16 {
            return Err(InvalidNickname::TooLong);
        }
        let text: String = text.nfc().collect();
        if text.chars().count() > NICKNAME_MAX {
            return Err(InvalidNickname::TooLong);
        }
        let folded = fold(&text);
        if folded.is_empty() {
            return Err(InvalidNickname::Empty);
        }
        Ok(Self { text: text.into(), folded: folded.into() })
    }
}

/// Writes the nickname as it stands among recipients: with its mark.
impl fmt::Display for Nickname {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{MARK}{}", self.text)
    }
}

impl PartialEq for Nickname {
    fn eq(&self, other: &Self) -> bool {
        self.folded == other.folded
    }
}

impl Eq for Nickname {}

impl Hash for Nickname {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.folded.hash(state);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn case_and_accents_make_no_other_nickname() {
        let nickname = |text: &str| text.parse::<Nickname>().unwrap();
        assert_eq!(nickname("mãe"), nickname("@MAE"));
        assert_ne!(nickname("mãe"), nickname("mãe2"));
        assert_eq!(nickname("@turma.3-b").to_string(), "@turma.3-b");
    }

    #[test]
    fn a_text_that_could_be_read_as_something_else_is_no_nickname() {
        let refused = |text: &str| text.parse::<Nickname>().unwrap_err();
        for text in ["", "@", " ", "\u{301}"] {
            assert_eq!(refused(text), InvalidNickname::Empty, "{text:?}");
        }
        for (text, c) in [("a b", ' '), ("a,b", ','), ("a@b", '@'), ("#a", '#'), ("a\nb", '\n')] {
            assert_eq!(refused(text), InvalidNickname::Character(c), "{text:?}");
        }
        assert_eq!(refused(&"a".repeat(NICKNAME_MAX + 1)), InvalidNickname::TooLong);
        assert_eq!(refused(&"a".repeat(1 << 20)), InvalidNickname::TooLong);
    }
}
