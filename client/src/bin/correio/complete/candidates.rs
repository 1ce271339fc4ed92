//! Which people match a part of a recipient, and in which order.

use std::{cmp::Reverse, collections::HashSet};

use correio_client::{BookEntry, KnownPerson, WhiteSpace, sanitize};
use correio_proto::{
    directory::{Person, fold},
    mail::{FullName, Username},
    message::Found,
    rfc5322::FileName,
};

use crate::{
    names::{Names, with_username},
    people::{LocalPeople, person_label},
    prompt::{Candidate, Candidates, Search},
};

/// Most candidates from this computer: more are no help.
const LOCAL_MAX: usize = 50;

/// The mark before a nickname.
pub(super) const MARK: char = '@';

/// The people known on this computer, ready to be searched.
pub(super) struct Known {
    /// Nicknames first, then people, those with the newest mail first.
    entries: Vec<Entry>,
    names: Names,
}

struct Entry {
    candidate: Candidate,
    trust: Trust,
    /// The username, for a person.
    username: Option<Username>,
    /// Username or nickname, folded.
    name: String,
    /// Full names, folded.
    full_names: Vec<String>,
}

/// Why an entry is known, the most trusted reason first. Each sender becomes known by a mail, so
/// that neither a better match nor a newer mail puts a sender before the people that the user has
/// chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Trust {
    /// It is in the address book, or the user has written to this person.
    Chosen,
    /// The person has written to the user, and nothing else.
    FromMail,
    /// As [`Trust::FromMail`], with a name that looks like that of somebody whom the user knows.
    MayBeMistaken,
}

/// How well an entry matches; better ones are less.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Match {
    Whole,
    Beginning,
    Word,
    Inside,
}

impl Known {
    pub(super) fn new(people: &LocalPeople) -> Self {
        let mut entries: Vec<Entry> = people.book.iter().map(nickname_entry).collect();
        let mut persons: Vec<Entry> = Vec::new();
        let newest = |person: &KnownPerson| -> Option<FileName> {
            person.mails.as_ref().map(|(_, last)| last.clone())
        };
        let mut known: Vec<&KnownPerson> = people.people.iter().collect();
        known.sort_by_cached_key(|person| (Reverse(newest(person)), person.username.to_string()));
        let names = people.names();
        let in_book: HashSet<&Username> = people
            .book
            .iter()
            .flat_map(|entry| &entry.people)
            .map(|person| &person.username)
            .collect();
        for person in known {
            let full_names = person.names.iter().map(|name| &name.full_name).collect();
            let is_chosen = person.is_written_to || in_book.contains(&person.username);
            let trust = match person.full_name() {
                _ if is_chosen => Trust::Chosen,
                Some(name) if names.may_be_mistaken(&person.username, name) => Trust::MayBeMistaken,
                _ => Trust::FromMail,
            };
            let entry = person_entry(&person.username, person.full_name(), full_names);
            persons.push(Entry { trust, ..entry });
        }
        let mut added: HashSet<_> =
            people.people.iter().map(|person| person.username.clone()).collect();
        for book in people.book.iter().flat_map(|entry| &entry.people) {
            if added.insert(book.username.clone()) {
                let full_names = book.full_name.iter().collect();
                persons.push(person_entry(&book.username, book.full_name.as_ref(), full_names));
            }
        }
        entries.append(&mut persons);
        Self { entries, names }
    }

    /// The candidates for a part. `found` is the directory's answer: `None` while it is awaited,
    /// and `Some(None)` if there is none.
    pub(super) fn candidates(
        &self,
        part: &str,
        found: Option<Option<&Found>>,
        stranger: &str,
    ) -> Candidates {
        let mut list = self.local(part, stranger);
        let search = match found {
            None => Search::Running,
            Some(Some(found)) if found.more => Search::Partial,
            Some(_) => Search::Complete,
        };
        for person in found.flatten().iter().flat_map(|found| &found.people) {
            let insert = person.username.to_string();
            if list.iter().all(|known| known.insert != insert) {
                list.push(Candidate { insert, label: self.label(person, stranger) });
            }
        }
        Candidates { list, search }
    }

    /// A person of the directory; a stranger whose name looks like a known one is marked.
    fn label(&self, person: &Person, stranger: &str) -> String {
        let label = with_username(&person.username, &person.full_name);
        match self.names.may_be_mistaken(&person.username, &person.full_name) {
            true => format!("{label} {stranger}"),
            false => label,
        }
    }

    /// The best matches, at most [`LOCAL_MAX`], those whom the user has chosen first. An empty part
    /// matches everybody.
    fn local(&self, part: &str, stranger: &str) -> Vec<Candidate> {
        let (part, only_nicknames) = match part.strip_prefix(MARK) {
            Some(rest) => (fold(rest), true),
            None => (fold(part), false),
        };
        let mut matching: Vec<(Match, &Entry)> = self
            .entries
            .iter()
            .filter(|entry| !only_nicknames || entry.username.is_none())
            .filter_map(|entry| entry.matches(&part).map(|how| (how, entry)))
            .collect();
        // The sort is stable: equal matches stay in the order of the entries.
        matching.sort_by_key(|(how, entry)| (entry.trust, *how));
        matching.into_iter().take(LOCAL_MAX).map(|(_, entry)| entry.marked(stranger)).collect()
    }
}

impl Entry {
    /// The candidate, with the mark of a stranger if it may be mistaken for somebody else.
    fn marked(&self, stranger: &str) -> Candidate {
        let mut candidate = self.candidate.clone();
        if self.trust == Trust::MayBeMistaken {
            candidate.label = format!("{} {stranger}", candidate.label);
        }
        candidate
    }

    fn matches(&self, part: &str) -> Option<Match> {
        let full_names = || self.full_names.iter();
        let begins_word =
            |name: &String| name.split_whitespace().any(|word| word.starts_with(part));
        match () {
            () if self.name == part => Some(Match::Whole),
            () if self.name.starts_with(part) => Some(Match::Beginning),
            () if full_names().any(|name| name.starts_with(part) || begins_word(name)) => {
                Some(Match::Word)
            }
            () if self.name.contains(part) || full_names().any(|name| name.contains(part)) => {
                Some(Match::Inside)
            }
            () => None,
        }
    }
}

fn nickname_entry(entry: &BookEntry) -> Entry {
    let insert = entry.nickname.to_string();
    let people: Vec<String> = entry.people.iter().map(person_label).collect();
    let label = format!("{}  {}", sanitize(&insert, WhiteSpace::OneLine), people.join(", "));
    let full_names = entry.people.iter().filter_map(|person| person.full_name.as_ref());
    Entry {
        name: entry.nickname.folded().to_owned(),
        full_names: full_names.map(|name| fold(name.as_str())).collect(),
        candidate: Candidate { insert, label },
        trust: Trust::Chosen,
        username: None,
    }
}

fn person_entry(
    username: &Username,
    full_name: Option<&FullName>,
    full_names: Vec<&FullName>,
) -> Entry {
    let label = match full_name {
        Some(full_name) => with_username(username, full_name),
        None => username.to_string(),
    };
    Entry {
        candidate: Candidate { insert: username.to_string(), label },
        trust: Trust::Chosen,
        username: Some(username.clone()),
        name: username.to_string(),
        full_names: full_names.into_iter().map(|name| fold(name.as_str())).collect(),
    }
}
