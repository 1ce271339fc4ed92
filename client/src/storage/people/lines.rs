//! The lines of the address book's file: `NICKNAME USERNAME [FULL NAME]`, one for each person of a
//! nickname. Blank lines and comments (`#`) stay where they are.

use std::collections::HashMap;

use correio_proto::{limits::RECIPIENTS_MAX, mail::Username};

use super::{
    entry::{BookEntry, BookPerson},
    nickname::Nickname,
};

/// Most people of all nicknames together, more than a user needs.
pub(super) const ENTRIES_MAX: usize = 5_000;

/// Most people of one nickname: a mail has no more recipients.
pub(super) const PEOPLE_MAX: usize = RECIPIENTS_MAX;

/// Largest file, in bytes: [`ENTRIES_MAX`] entries of the longest names, and as many comments.
pub(super) const BYTES_MAX: usize = 8 << 20;

/// Why a file's text is not that of an address book.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum LinesError {
    /// The line of this number, from 1, cannot be parsed.
    Line(usize),
    /// There are too many entries or bytes.
    Full,
}

/// Why a change is refused.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum ChangeError {
    /// There would be more than [`ENTRIES_MAX`] entries.
    Full,
    /// The nickname would have more than [`PEOPLE_MAX`] people.
    TooMany,
}

/// The lines of a file.
#[derive(Clone, Debug, Default)]
pub(super) struct Lines(Vec<Line>);

#[derive(Clone, Debug)]
enum Line {
    /// A blank line or a comment, as it is.
    Kept(String),
    /// A person of a nickname, and the text of the line as it is.
    Entry { nickname: Nickname, person: BookPerson, text: String },
}

impl Line {
    fn new(nickname: Nickname, person: BookPerson) -> Self {
        let full_name =
            person.full_name.as_ref().map(|name| format!(" {}", name.as_str())).unwrap_or_default();
        let text = format!("{} {}{full_name}", nickname.as_str(), person.username);
        Self::Entry { nickname, person, text }
    }

    fn parse(line: &str) -> Option<Self> {
        let trimmed = line.trim();
        if trimmed.is_empty() || trimmed.starts_with('#') {
            return Some(Self::Kept(line.to_owned()));
        }
        let (nickname, rest) = trimmed.split_once(char::is_whitespace)?;
        let rest = rest.trim_start();
        let (username, full_name) = match rest.split_once(char::is_whitespace) {
            Some((username, full_name)) => (username, Some(full_name.parse().ok()?)),
            None => (rest, None),
        };
        let person = BookPerson { username: username.parse().ok()?, full_name };
        Some(Self::Entry { nickname: nickname.parse().ok()?, person, text: line.to_owned() })
    }

    fn text(&self) -> &str {
        match self {
            Self::Kept(text) | Self::Entry { text, .. } => text,
        }
    }

    /// The person, if the line is one of this nickname's.
    fn person_of(&self, nickname: &Nickname) -> Option<&BookPerson> {
        match self {
            Self::Entry { nickname: own, person, .. } if own == nickname => Some(person),
            _ => None,
        }
    }
}

impl Lines {
    /// Parses the bytes of a file.
    pub(super) fn parse(bytes: &[u8]) -> Result<Self, LinesError> {
        if bytes.len() > BYTES_MAX {
            return Err(LinesError::Full);
        }
        let mut lines = Vec::new();
        let whole = bytes.strip_suffix(b"\n").unwrap_or(bytes);
        if whole.is_empty() {
            return Ok(Self(lines));
        }
        let mut entries = 0;
        for (number, line) in (1..).zip(whole.split(|byte| *byte == b'\n')) {
            let line = std::str::from_utf8(line).ok().and_then(Line::parse);
            let line = line.ok_or(LinesError::Line(number))?;
            entries += usize::from(matches!(line, Line::Entry { .. }));
            if entries > ENTRIES_MAX {
                return Err(LinesError::Full);
            }
            lines.push(line);
        }
        Ok(Self(lines))
    }

    /// The text of the file.
    pub(super) fn text(&self) -> String {
        self.0.iter().flat_map(|line| [line.text(), "\n"]).collect()
    }

    /// The nicknames in the order of their first lines, each with its people.
    pub(super) fn entries(&self) -> Vec<BookEntry> {
        let mut entries: Vec<BookEntry> = Vec::new();
        let mut places = HashMap::new();
        for line in &self.0 {
            let Line::Entry { nickname, person, .. } = line else { continue };
            let place = *places.entry(nickname).or_insert_with(|| {
                entries.push(BookEntry { nickname: nickname.clone(), people: Vec::new() });
                entries.len() - 1
            });
            let Some(entry) = entries.get_mut(place) else { continue };
            // A second line of a person, which only an editor can have written, says nothing more.
            if entry.people.iter().all(|known| known.username != person.username) {
                entry.people.push(person.clone());
            }
        }
        entries
    }

    /// Adds people to a nickname. A person that the nickname has gets the new full name, if there
    /// is one.
    pub(super) fn add(
        &mut self,
        nickname: &Nickname,
        people: &[BookPerson],
    ) -> Result<(), ChangeError> {
        for person in people {
            let is_theirs = |line: &Line| {
                line.person_of(nickname).is_some_and(|own| own.username == person.username)
            };
            match self.0.iter().position(is_theirs) {
                Some(at) => self.rename(at, person),
                None => self.insert(Line::new(nickname.clone(), person.clone()), nickname),
            }
        }
        let entries = self.0.iter().filter(|line| matches!(line, Line::Entry { .. })).count();
        let of_nickname = self.0.iter().filter(|line| line.person_of(nickname).is_some()).count();
        match () {
            () if entries > ENTRIES_MAX => Err(ChangeError::Full),
            () if of_nickname > PEOPLE_MAX => Err(ChangeError::TooMany),
            () => Ok(()),
        }
    }

    fn rename(&mut self, at: usize, person: &BookPerson) {
        let Some(line) = self.0.get_mut(at) else { return };
        if let Line::Entry { nickname, person: known, .. } = line
            && person.full_name.is_some()
            && known.full_name != person.full_name
        {
            *line = Line::new(nickname.clone(), person.clone());
        }
    }

    /// Inserts a line after the last one of its nickname, or at the end.
    fn insert(&mut self, line: Line, nickname: &Nickname) {
        let last = self.0.iter().rposition(|line| line.person_of(nickname).is_some());
        self.0.insert(last.map_or(self.0.len(), |last| last + 1), line);
    }

    /// Removes people of a nickname; all of them if none is named. Returns how many were removed.
    pub(super) fn remove(&mut self, nickname: &Nickname, usernames: &[Username]) -> usize {
        let before = self.0.len();
        self.0.retain(|line| {
            let person = line.person_of(nickname);
            person
                .is_none_or(|person| !usernames.is_empty() && !usernames.contains(&person.username))
        });
        before - self.0.len()
    }
}
