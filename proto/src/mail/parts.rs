//! The values that a mail is made of, each checked when it is parsed.

use std::{borrow::Borrow, fmt, str::FromStr, sync::Arc};

use arrayvec::ArrayString;
use serde::{Deserialize, Deserializer, Serialize, de};
use unicode_normalization::{UnicodeNormalization, is_nfc};

use crate::limits;

/// Why a text from a person or from the wire is refused.
///
/// [`fmt::Display`] gives an English sentence without the refused text, in ASCII; its alternate
/// form `{:#}` shows visible characters that are not ASCII, too. Clients translate [`Field`] and
/// [`Problem`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Invalid {
    /// The kind of value that the text was meant to be.
    pub field: Field,
    /// The rule that the text breaks.
    pub problem: Problem,
}

impl std::error::Error for Invalid {}

impl fmt::Display for Invalid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { field, problem } = self;
        match f.alternate() {
            true => write!(f, "{field} {problem:#}"),
            false => write!(f, "{field} {problem}"),
        }
    }
}

/// The parts that can be [`Invalid`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Field {
    /// A [`Username`].
    Username,
    /// A [`FullName`].
    FullName,
    /// A [`Subject`].
    Subject,
    /// A [`Body`].
    Body,
    /// A [`super::Message`].
    Message,
    /// A [`super::LargeContent`].
    Content,
    /// A [`super::Piece`].
    Piece,
    /// A [`MailId`](super::MailId).
    MailId,
    /// A list of [`Recipients`].
    Recipients,
    /// A password, or the credential made from it.
    Password,
    /// The name or version of a program in `hello`.
    Software,
    /// A [`crate::directory::Query`].
    Query,
    /// A [`crate::app_password::Label`].
    Label,
}

/// The rules that the text of a [`Field`] can break.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Problem {
    /// The text is empty or only white space.
    Empty,
    /// The text has fewer characters than this minimum.
    TooShort(usize),
    /// The text has more characters (or bytes, or entries) than this maximum.
    TooLong(usize),
    /// The text has a character that is not allowed there.
    Character(char),
    /// The text starts with a character that is not allowed there.
    Start(char),
    /// The text does not have the required form.
    Form,
}

impl fmt::Display for Field {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Username => "username",
            Self::FullName => "full name",
            Self::Subject => "subject",
            Self::Body => "body",
            Self::Message => "message",
            Self::Content => "content",
            Self::Piece => "piece",
            Self::MailId => "mail id",
            Self::Recipients => "list of recipients",
            Self::Password => "password",
            Self::Software => "software name",
            Self::Query => "part of a name",
            Self::Label => "label",
        })
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => f.write_str("is empty"),
            Self::TooShort(min) => write!(f, "is too short (at least {min})"),
            Self::TooLong(max) => write!(f, "is too long (at most {max})"),
            Self::Character(c) => write_character(f, "must not contain", *c),
            Self::Start(c) => write_character(f, "must not start with", *c),
            Self::Form => f.write_str("is not of the required form"),
        }
    }
}

/// A character as people read it: itself in quotation marks if it can be seen, and as an escape
/// otherwise. Those that are not ASCII have their number, too, since some look like ASCII.
fn write_character(f: &mut fmt::Formatter<'_>, rule: &str, c: char) -> fmt::Result {
    match c {
        ' '..='~' => write!(f, "{rule} '{c}'"),
        c if f.alternate() && c.escape_debug().eq([c]) => {
            write!(f, "{rule} '{c}' (U+{:04X})", u32::from(c))
        }
        c => write!(f, "{rule} {}", c.escape_unicode()),
    }
}

/// The name an account is addressed by: 1 to 32 ASCII letters, digits, `.`, `_` and `-`, the
/// first of them a letter or a digit, folded to lower case.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Username(ArrayString<{ limits::USERNAME_MAX }>);

/// A username is ordered and compared as its text, so that a table by usernames can be asked with a
/// part of one.
impl Borrow<str> for Username {
    fn borrow(&self) -> &str {
        self.as_str()
    }
}

impl FromStr for Username {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        let invalid = |problem| Invalid { field: Field::Username, problem };
        let first = text.chars().next().ok_or(invalid(Problem::Empty))?;
        if let Some(c) = text.chars().find(|c| !is_username_character(*c)) {
            return Err(invalid(Problem::Character(c)));
        }
        let Ok(mut folded) = ArrayString::from(text) else {
            return Err(invalid(Problem::TooLong(limits::USERNAME_MAX)));
        };
        if !first.is_ascii_alphanumeric() {
            return Err(invalid(Problem::Start(first)));
        }
        folded.make_ascii_lowercase();
        Ok(Self(folded))
    }
}

fn is_username_character(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-')
}

/// The name a person is shown by: 1 to 100 characters of Unicode on one line, in NFC, without
/// control characters and without white space at either end.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct FullName(Arc<str>);

impl FromStr for FullName {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        one_line(text, Field::FullName, limits::FULL_NAME_MAX).map(Self)
    }
}

/// The subject of a mail: 1 to 200 characters of Unicode on one line, in NFC, without control
/// characters and without white space at either end.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Subject(Arc<str>);

impl FromStr for Subject {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        one_line(text, Field::Subject, limits::SUBJECT_MAX).map(Self)
    }
}

/// Trims, composes and bounds a text of one line.
pub(crate) fn one_line(text: &str, field: Field, max: usize) -> Result<Arc<str>, Invalid> {
    let invalid = |problem| Invalid { field, problem };
    let text = text.trim();
    if text.is_empty() {
        return Err(invalid(Problem::Empty));
    }
    // Refuse a text of more than 16 bytes for each allowed character without composing it:
    // composition shortens no realistic text to a quarter.
    if text.len() > max * 16 {
        return Err(invalid(Problem::TooLong(max)));
    }
    if let Some(c) = text.chars().find(|c| is_line_breaking(*c)) {
        return Err(invalid(Problem::Character(c)));
    }
    let composed: Arc<str> = match text.is_ascii() || is_nfc(text) {
        true => text.into(),
        false => text.nfc().collect::<String>().into(),
    };
    if composed.chars().count() > max {
        return Err(invalid(Problem::TooLong(max)));
    }
    Ok(composed)
}

fn is_line_breaking(c: char) -> bool {
    c.is_control() || matches!(c, '\u{2028}' | '\u{2029}')
}

/// The body of a mail: any Unicode text that is not blank, kept to the byte, of at most
/// [`limits::BODY_MAX`] bytes (a server may allow less).
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Body(Arc<str>);

impl FromStr for Body {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        let invalid = |problem| Invalid { field: Field::Body, problem };
        if text.len() > limits::BODY_MAX {
            return Err(invalid(Problem::TooLong(limits::BODY_MAX)));
        }
        if text.trim().is_empty() {
            return Err(invalid(Problem::Empty));
        }
        Ok(Self(text.into()))
    }
}

impl TryFrom<String> for Body {
    type Error = Invalid;

    fn try_from(text: String) -> Result<Self, Invalid> {
        text.parse()
    }
}

/// Implements the accessors and the wire form (a string, parsed when read) of each text type.
macro_rules! text {
    ($name:ident) => {
        impl $name {
            /// The text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl AsRef<str> for $name {
            fn as_ref(&self) -> &str {
                &self.0
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.pad(&self.0)
            }
        }

        impl std::fmt::Debug for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                std::fmt::Debug::fmt(&self.0, f)
            }
        }

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(&self.0)
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(input: D) -> Result<Self, D::Error> {
                input.deserialize_str($crate::mail::TextVisitor(std::marker::PhantomData::<Self>))
            }
        }
    };
}

pub(crate) use text;

text!(Username);
text!(FullName);
text!(Subject);
text!(Body);

/// Parses a string from the wire without copying it first.
pub(crate) struct TextVisitor<T>(pub(crate) std::marker::PhantomData<T>);

impl<T: FromStr<Err = Invalid>> de::Visitor<'_> for TextVisitor<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a string")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<T, E> {
        text.parse().map_err(unacceptable)
    }
}

/// Prefix that marks this crate's own error texts inside serde's errors. [`crate::frame`] tells a
/// refused value from a malformed message by it.
pub(crate) const UNACCEPTABLE: &str = "\u{1}";

/// Wraps a refused value in an error of serde.
pub(crate) fn unacceptable<E: de::Error>(invalid: Invalid) -> E {
    E::custom(format_args!("{UNACCEPTABLE}{invalid}"))
}

/// The recipients of a mail: 1 to [`limits::RECIPIENTS_MAX`] usernames, each once, in the order
/// given.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(transparent)]
pub struct Recipients(Box<[Username]>);

impl Recipients {
    /// The usernames.
    #[must_use]
    pub fn as_slice(&self) -> &[Username] {
        &self.0
    }

    /// Iterates over the usernames.
    pub fn iter(&self) -> std::slice::Iter<'_, Username> {
        self.0.iter()
    }
}

impl From<Username> for Recipients {
    fn from(username: Username) -> Self {
        Self(Box::new([username]))
    }
}

impl TryFrom<Vec<Username>> for Recipients {
    type Error = Invalid;

    fn try_from(mut usernames: Vec<Username>) -> Result<Self, Invalid> {
        let invalid = |problem| Invalid { field: Field::Recipients, problem };
        if usernames.is_empty() {
            return Err(invalid(Problem::Empty));
        }
        if usernames.len() > limits::RECIPIENTS_MAX {
            return Err(invalid(Problem::TooLong(limits::RECIPIENTS_MAX)));
        }
        if usernames.len() > 1 {
            let mut seen = std::collections::HashSet::with_capacity(usernames.len());
            usernames.retain(|username| seen.insert(username.clone()));
        }
        Ok(Self(usernames.into_boxed_slice()))
    }
}

/// Parses usernames separated by commas, as a person types them.
impl FromStr for Recipients {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        let usernames = text.split(',').map(str::trim).filter(|name| !name.is_empty());
        usernames.map(str::parse).collect::<Result<Vec<Username>, _>>()?.try_into()
    }
}

impl fmt::Display for Recipients {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, username) in self.0.iter().enumerate() {
            let separator = if index == 0 { "" } else { ", " };
            write!(f, "{separator}{username}")?;
        }
        Ok(())
    }
}

impl<'de> Deserialize<'de> for Recipients {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        bounded(deserializer, limits::RECIPIENTS_MAX, Some(Field::Recipients))?
            .try_into()
            .map_err(unacceptable)
    }
}

/// Reads a list of at most `max` entries and stops at the first one beyond, whatever length the
/// list claims. A list that is too long is a refused value if it is a `field`; otherwise the
/// message is malformed.
pub(crate) fn bounded<'de, D, T>(
    deserializer: D,
    max: usize,
    field: Option<Field>,
) -> Result<Vec<T>, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de>,
{
    struct Bounded<T> {
        max: usize,
        field: Option<Field>,
        entry: std::marker::PhantomData<T>,
    }

    impl<'de, T: Deserialize<'de>> de::Visitor<'de> for Bounded<T> {
        type Value = Vec<T>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            write!(f, "a list of at most {} entries", self.max)
        }

        fn visit_seq<A: de::SeqAccess<'de>>(self, mut list: A) -> Result<Vec<T>, A::Error> {
            // A list of one, such as most mails' recipients, is as long as its allocation from the
            // start. More is not reserved, because the length is only what the peer claims.
            let mut entries = match list.size_hint() {
                Some(1) => Vec::with_capacity(1),
                _ => Vec::new(),
            };
            while let Some(entry) = list.next_element()? {
                if entries.len() == self.max {
                    return Err(self.too_long());
                }
                entries.push(entry);
            }
            Ok(entries)
        }
    }

    impl<T> Bounded<T> {
        /// A function of its own, so that the error needs no stack while a nested list is read.
        #[cold]
        fn too_long<E: de::Error>(&self) -> E {
            let max = self.max;
            match self.field {
                Some(field) => unacceptable(Invalid { field, problem: Problem::TooLong(max) }),
                None => E::custom(format_args!("a list of more than {max} entries")),
            }
        }
    }

    deserializer.deserialize_seq(Bounded { max, field, entry: std::marker::PhantomData })
}

/// A moment in UTC: milliseconds since 1970-01-01T00:00:00Z, by the server's clock.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct Timestamp(pub u64);

/// A mail's sequence number in its realm's store: a later mail has a larger number, and no number
/// is used twice.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct Seq(pub u64);

/// Reads an optional field that is present. An absent field is left out, never nil.
pub(crate) fn present<'de, D: Deserializer<'de>, T: Deserialize<'de>>(
    input: D,
) -> Result<Option<T>, D::Error> {
    T::deserialize(input).map(Some)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_refused_character_is_shown_if_it_can_be_seen() {
        for (c, plain, alternate) in [
            (' ', "' '", "' '"),
            ('/', "'/'", "'/'"),
            ('\n', "\\u{a}", "\\u{a}"),
            ('\u{1b}', "\\u{1b}", "\\u{1b}"),
            ('\u{a0}', "\\u{a0}", "\\u{a0}"),
            ('\u{202e}', "\\u{202e}", "\\u{202e}"),
            ('\u{301}', "\\u{301}", "\\u{301}"),
            ('ã', "\\u{e3}", "'ã' (U+00E3)"),
        ] {
            let invalid = format!("tony{c}").parse::<Username>().unwrap_err();
            assert_eq!(invalid.to_string(), format!("username must not contain {plain}"));
            assert_eq!(format!("{invalid:#}"), format!("username must not contain {alternate}"));
            let invalid = Invalid { field: Field::Username, problem: Problem::Start(c) };
            assert_eq!(format!("{invalid:#}"), format!("username must not start with {alternate}"));
        }
    }

    #[test]
    fn usernames_are_folded() {
        assert_eq!("Tony.Stark".parse::<Username>().unwrap().as_str(), "tony.stark");
    }

    #[test]
    fn usernames_that_are_refused() {
        let long = "x".repeat(33);
        let cases = [
            ("", Problem::Empty),
            ("../x", Problem::Character('/')),
            ("..", Problem::Start('.')),
            ("-rf", Problem::Start('-')),
            ("tony stark", Problem::Character(' ')),
            ("tоny", Problem::Character('о')), // Cyrillic
            ("tony\n", Problem::Character('\n')),
            ("tony\0", Problem::Character('\0')),
            (long.as_str(), Problem::TooLong(32)),
        ];
        for (text, problem) in cases {
            let expected = Invalid { field: Field::Username, problem };
            assert_eq!(text.parse::<Username>(), Err(expected), "{text:?}");
        }
    }

    #[test]
    fn names_are_composed_and_trimmed() {
        assert_eq!(" Joa\u{303}o ".parse::<FullName>().unwrap().as_str(), "Jo\u{e3}o");
    }

    #[test]
    fn texts_of_one_line_have_one_line() {
        for text in ["a\nb", "a\rb", "a\u{2028}b", "a\u{85}b", "\u{1b}[2J", "a\0b", "a\tb"] {
            assert!(text.parse::<Subject>().is_err(), "{text:?}");
        }
        for text in ["", "  ", "\u{3000}"] {
            let problem = text.parse::<Subject>().unwrap_err().problem;
            assert_eq!(problem, Problem::Empty);
        }
        assert!("x".repeat(200).parse::<Subject>().is_ok());
        assert!("ã".repeat(200).parse::<Subject>().is_ok());
        assert!("x".repeat(201).parse::<Subject>().is_err());
    }

    #[test]
    fn recipients_are_counted_once() {
        let recipients: Recipients = "tony, Pepper ,tony".parse().unwrap();
        assert_eq!(recipients.to_string(), "tony, pepper");
        assert!(",".parse::<Recipients>().is_err());
        let many = (0..101).map(|n| format!("u{n}")).collect::<Vec<_>>().join(",");
        assert!(many.parse::<Recipients>().is_err());
    }

    proptest! {
        #[test]
        fn parsing_is_idempotent(text in "\\PC{0,40}") {
            if let Ok(name) = text.parse::<FullName>() {
                prop_assert_eq!(name.as_str().parse::<FullName>().unwrap(), name);
            }
            if let Ok(username) = text.parse::<Username>() {
                prop_assert_eq!(username.as_str().parse::<Username>().unwrap(), username);
            }
        }

        #[test]
        fn bodies_are_kept_to_the_byte(text in any::<String>()) {
            if let Ok(body) = text.parse::<Body>() {
                prop_assert_eq!(body.as_str(), text);
            }
        }
    }
}
