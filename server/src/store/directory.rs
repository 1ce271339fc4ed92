//! The names of the accounts as texts, in which `find` looks for a part.
//!
//! A text has the names of 1,024 accounts, so that a change moves few bytes. A search reads the
//! texts one after the other until it has found enough people, or until it has read as many bytes
//! as it may.

use std::collections::{BTreeMap, btree_map::Values};

use correio_proto::{
    directory::{Person, Query, fold},
    mail::{FullName, Username},
    message::Found,
};
use memchr::{memchr, memmem::Finder, memrchr};

use crate::ids::AccountId;

/// Stands before a username. No name has this byte.
const USERNAME: u8 = 1;

/// Stands before a full name, which is folded. No name has this byte.
const FULL_NAME: u8 = 2;

/// Accounts whose names share a text, by their ids.
const ACCOUNTS: u64 = 1024;

/// The names of all accounts.
#[derive(Debug, Default)]
pub(super) struct Directory {
    /// By their index. Ids may have any gaps, also those of a damaged database.
    texts: BTreeMap<u64, Vec<u8>>,
}

impl Directory {
    /// Adds the names of a new account, or of one whose old names were removed.
    pub(super) fn add(&mut self, id: AccountId, username: &Username, full_name: &FullName) {
        let Some(text) = text_of(id) else {
            return;
        };
        let text = self.texts.entry(text).or_default();
        text.push(USERNAME);
        text.extend_from_slice(username.as_str().as_bytes());
        text.push(FULL_NAME);
        text.extend_from_slice(fold(full_name.as_str()).as_bytes());
    }

    /// Removes the names of an account.
    pub(super) fn remove(&mut self, id: AccountId, username: &Username) {
        let Some(index) = text_of(id) else {
            return;
        };
        let Some(text) = self.texts.get_mut(&index) else {
            return;
        };
        let mut entry = vec![USERNAME];
        entry.extend_from_slice(username.as_str().as_bytes());
        entry.push(FULL_NAME);
        let Some(begin) = Finder::new(&entry).find(text) else {
            return;
        };
        let end = end_of_entry(text, begin + 1);
        text.drain(begin..end);
        if text.is_empty() {
            self.texts.remove(&index);
        } else if text.len() < text.capacity() / 4 {
            text.shrink_to_fit();
        }
    }

    /// Begins a search for the accounts that a query finds, in any order. Of a short query, those
    /// that only the username fits are left out. The search begins no further text once it has read
    /// as many `bytes`.
    pub(super) fn search(&self, query: &Query, bytes: usize) -> Search<'_> {
        let mut part = Vec::new();
        if query.is_short() {
            part.push(FULL_NAME);
        }
        part.extend_from_slice(query.as_str().as_bytes());
        let part = Finder::new(&part).into_owned();
        Search { part, texts: self.texts.values(), rest: &[], left: bytes, is_cut: false }
    }
}

/// A search in the names: an iterator over the usernames that are found.
#[derive(Debug)]
pub(super) struct Search<'a> {
    part: Finder<'static>,
    texts: Values<'a, u64, Vec<u8>>,
    /// The unread part of the present text.
    rest: &'a [u8],
    /// Bytes of further texts that may be read.
    left: usize,
    /// Whether there are texts that were not read because of `left`.
    is_cut: bool,
}

impl<'a> Iterator for Search<'a> {
    type Item = &'a str;

    fn next(&mut self) -> Option<&'a str> {
        loop {
            if let Some((username, after)) = next_hit(self.rest, &self.part) {
                self.rest = after;
                return Some(username);
            }
            self.rest = &[];
            if self.is_cut {
                return None;
            }
            let text = self.texts.next()?;
            if self.left == 0 {
                self.is_cut = true;
                return None;
            }
            self.left = self.left.saturating_sub(text.len());
            self.rest = text;
        }
    }
}

/// The reply to a `find` with at most `people` people. `first` are those whose usernames begin with
/// the part, in the order of usernames, and `person` looks an account up. One more person than
/// `people` is looked for, which tells whether there are more; there may be more, too, if the
/// search was cut.
pub(super) fn find(
    query: &Query,
    people: usize,
    first: impl Iterator<Item = Person>,
    mut search: Search<'_>,
    person: impl Fn(&str) -> Option<Person>,
) -> Found {
    let wanted = people.saturating_add(1);
    let mut all: Vec<Person> = first.take(wanted).collect();
    let mut others: Vec<Person> = search
        .by_ref()
        .filter(|username| !username.starts_with(query.as_str()))
        .filter_map(person)
        .take(wanted - all.len())
        .collect();
    others.sort_unstable_by(|a, b| a.username.cmp(&b.username));
    all.append(&mut others);
    let more = all.len() > people || search.is_cut;
    all.truncate(people);
    Found { people: all, more }
}

/// The index of the text that has an account's names. `None` for an id below 1.
fn text_of(id: AccountId) -> Option<u64> {
    Some(u64::try_from(id.0).ok()?.checked_sub(1)? / ACCOUNTS)
}

/// The username of the first entry of a text that has the part, and the text after that entry.
fn next_hit<'a>(text: &'a [u8], part: &Finder<'_>) -> Option<(&'a str, &'a [u8])> {
    let hit = part.find(text)?;
    let begin = memrchr(USERNAME, text.get(..hit)?)? + 1;
    let entry = text.get(begin..)?;
    let username = str::from_utf8(entry.get(..memchr(FULL_NAME, entry)?)?).ok()?;
    Some((username, text.get(end_of_entry(text, hit)..)?))
}

/// The end of the entry that has this position, which is after the entry's first byte.
fn end_of_entry(text: &[u8], position: usize) -> usize {
    let rest = text.get(position..).unwrap_or_default();
    memchr(USERNAME, rest).map_or(text.len(), |length| position + length)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A directory of this many accounts named `u1`, `u2` and so on.
    fn directory(accounts: i64) -> Directory {
        let mut directory = Directory::default();
        for id in 1..=accounts {
            let username = format!("u{id}").parse().unwrap();
            directory.add(AccountId(id), &username, &"Tony Stark".parse().unwrap());
        }
        directory
    }

    fn person(username: &str) -> Option<Person> {
        let full_name = "Tony Stark".parse().unwrap();
        Some(Person { username: username.parse().unwrap(), full_name })
    }

    #[test]
    fn a_search_that_is_cut_says_that_there_may_be_more() {
        let directory = directory(3 * ACCOUNTS as i64);
        let bytes = directory.texts[&0].len();
        let look_up = |text: &str, bytes| {
            let query: Query = text.parse().unwrap();
            let search = directory.search(&query, bytes);
            let found = find(&query, 20, std::iter::empty(), search, person);
            (found.people.len(), found.more)
        };
        // Account 2,000 is in the second text.
        assert_eq!(look_up("u2000", bytes), (0, true));
        assert_eq!(look_up("u2000", bytes + 1), (0, true));
        assert_eq!(look_up("stark", bytes), (20, true));
        let all = directory.texts.values().map(Vec::len).sum();
        assert_eq!(look_up("nobody", all), (0, false));
        assert_eq!(look_up("nobody", all - directory.texts[&2].len()), (0, true));
        assert_eq!(look_up("stark", 0), (0, true));
    }

    #[test]
    fn a_person_past_the_bytes_is_not_found() {
        let directory = directory(2 * ACCOUNTS as i64);
        let found = |bytes| {
            let query = "ark".parse().unwrap();
            directory.search(&query, bytes).count()
        };
        let accounts = ACCOUNTS as usize;
        assert_eq!((found(1), found(usize::MAX)), (accounts, 2 * accounts));
    }

    #[test]
    fn an_account_of_any_id_takes_the_room_of_its_names_alone() {
        let mut directory = Directory::default();
        for id in [i64::MAX, 1 << 40, 1, 0, -1, i64::MIN] {
            let username = format!("u{}", id.unsigned_abs()).parse().unwrap();
            directory.add(AccountId(id), &username, &"Tony Stark".parse().unwrap());
        }
        let query = "stark".parse().unwrap();
        let found: Vec<_> = directory.search(&query, usize::MAX).collect();
        assert_eq!(found, ["u1", "u1099511627776", "u9223372036854775807"]);
        directory.remove(AccountId(1 << 40), &"u1099511627776".parse().unwrap());
        assert_eq!(directory.texts.len(), 2);
    }
}
