//! The server's directory: the part of a name that is looked for, and the people found.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize};
use unicode_normalization::{UnicodeNormalization, char::is_combining_mark};

use crate::{
    limits,
    mail::{Field, FullName, Invalid, Problem, Username, unacceptable},
};

/// A part of a username or full name that is looked for: 1 to [`limits::FULL_NAME_MAX`] characters
/// on one line, kept as [`fold`] returns them.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(transparent)]
pub struct Query(Box<str>);

impl Query {
    /// Characters from which the directory looks for a part anywhere in a name. Almost every name
    /// has a shorter part somewhere, which would tell nothing.
    pub const PART_MIN: usize = 3;

    /// The folded text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether the directory finds an account of these names: whether one of them has this part
    /// or, if the part has less than [`Query::PART_MIN`] characters, begins with it.
    #[must_use]
    pub fn finds(&self, username: &Username, full_name: &FullName) -> bool {
        match self.is_short() {
            true => {
                username.as_str().starts_with(&*self.0)
                    || fold(full_name.as_str()).starts_with(&*self.0)
            }
            false => self.matches(username, full_name),
        }
    }

    /// Whether the part is so short that the directory looks for it at the beginning of names only.
    #[must_use]
    pub fn is_short(&self) -> bool {
        self.0.chars().count() < Self::PART_MIN
    }

    /// Whether the username or the full name has this part, whatever their case and accents.
    #[must_use]
    pub fn matches(&self, username: &Username, full_name: &FullName) -> bool {
        username.as_str().contains(&*self.0) || fold(full_name.as_str()).contains(&*self.0)
    }
}

/// A text without the differences that a search ignores: in small letters, and without accents
/// and other marks (NFKD, of which the combining marks are left out).
#[must_use]
pub fn fold(text: &str) -> String {
    text.nfkd().filter(|c| !is_combining_mark(*c)).flat_map(char::to_lowercase).collect()
}

impl FromStr for Query {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        // A part of a name obeys the rules of a name.
        let name: FullName =
            text.parse().map_err(|error: Invalid| Invalid { field: Field::Query, ..error })?;
        let folded = fold(name.as_str());
        if folded.is_empty() {
            return Err(Invalid { field: Field::Query, problem: Problem::Empty });
        }
        if folded.chars().count() > limits::FULL_NAME_MAX {
            let problem = Problem::TooLong(limits::FULL_NAME_MAX);
            return Err(Invalid { field: Field::Query, problem });
        }
        Ok(Self(folded.into()))
    }
}

impl fmt::Display for Query {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl<'de> Deserialize<'de> for Query {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Box::<str>::deserialize(deserializer)?.parse().map_err(unacceptable)
    }
}

/// A person that the directory or a list shows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Person {
    /// The account's username.
    pub username: Username,
    /// The account's full name.
    pub full_name: FullName,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matches(query: &str, username: &str, full_name: &str) -> bool {
        let query: Query = query.parse().unwrap();
        query.matches(&username.parse().unwrap(), &full_name.parse().unwrap())
    }

    #[test]
    fn a_part_of_either_name_is_found_whatever_its_case_and_accents() {
        assert!(matches("STAR", "tony", "Tony Stark"));
        assert!(matches("on", "tony", "Anthony"));
        assert!(matches("joao", "jm", "João Maria"));
        assert!(matches("JOÃO", "jm", "Joao"));
        assert!(!matches("steve", "tony", "Tony Stark"));
    }

    #[test]
    fn the_directory_finds_a_short_part_at_the_beginning_of_a_name_only() {
        let finds = |query: &str, username: &str, full_name: &str| {
            let query: Query = query.parse().unwrap();
            query.finds(&username.parse().unwrap(), &full_name.parse().unwrap())
        };
        assert!(finds("to", "tony", "Anthony Stark"));
        assert!(finds("É", "tony", "Edward"));
        assert!(finds("田中", "tanaka", "田中 太郎"));
        assert!(!finds("ny", "tony", "Anthony"));
        assert!(!finds("s", "tony", "Tony Stark"));
        assert!(finds("ony", "tony", "A"));
        assert!(finds("y st", "t", "Tony Stark"));
    }

    #[test]
    fn a_query_has_at_least_a_character_that_counts_and_obeys_the_rules_of_a_name() {
        let refused = |text: &str, problem| {
            let parsed: Result<Query, _> = text.parse();
            assert_eq!(parsed, Err(Invalid { field: Field::Query, problem }), "{text:?}");
        };
        refused("  ", Problem::Empty);
        refused("\u{301}", Problem::Empty);
        refused("a\nb", Problem::Character('\n'));
        refused(&"a".repeat(101), Problem::TooLong(limits::FULL_NAME_MAX));
        // One character that becomes eighteen.
        refused(&"\u{fdfa}".repeat(100), Problem::TooLong(limits::FULL_NAME_MAX));
    }
}
