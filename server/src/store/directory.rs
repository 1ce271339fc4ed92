//! The names of the accounts as texts, in which `find` looks for a part.
//!
//! A job of this store is done on the event loop. A find that reads the names of 100,000 accounts to
//! the end takes 0.2 ms, and 0.8 ms with a text of which all names have the beginning; among a
//! million accounts 2.5 ms, and in the worst case up to 90 ms. Most finds end earlier, at their
//! twenty-first person.

use std::iter;

use correio_proto::{
    directory::{Query, fold},
    mail::{FullName, Username},
};
use memchr::{memchr, memmem::Finder, memrchr};

use crate::ids::AccountId;

/// Stands before a username. No name has this byte.
const USERNAME: u8 = 1;

/// Stands before a full name, which is folded. No name has this byte.
const FULL_NAME: u8 = 2;

/// Accounts whose names share a text, by their ids. Few, so that a change moves few bytes.
const ACCOUNTS: usize = 1024;

/// The names of all accounts.
#[derive(Debug, Default)]
pub(super) struct Directory {
    texts: Vec<Vec<u8>>,
}

impl Directory {
    /// Adds the names of a new account, or of one whose old names were removed.
    pub(super) fn add(&mut self, id: AccountId, username: &Username, full_name: &FullName) {
        let Some(text) = text_of(id) else {
            return;
        };
        if self.texts.len() <= text {
            self.texts.resize_with(text + 1, Vec::new);
        }
        if let Some(text) = self.texts.get_mut(text) {
            text.push(USERNAME);
            text.extend_from_slice(username.as_str().as_bytes());
            text.push(FULL_NAME);
            text.extend_from_slice(fold(full_name.as_str()).as_bytes());
        }
    }

    /// Removes the names of an account.
    pub(super) fn remove(&mut self, id: AccountId, username: &Username) {
        let text = text_of(id).and_then(|text| self.texts.get_mut(text));
        let Some(text) = text else {
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
        if text.len() < text.capacity() / 4 {
            text.shrink_to_fit();
        }
    }

    /// The usernames of the accounts that a query finds, in any order. Of a short query, those that
    /// only the username fits are left out.
    pub(super) fn find<'a>(&'a self, query: &Query) -> impl Iterator<Item = &'a str> + use<'a> {
        let mut part = Vec::new();
        if query.is_short() {
            part.push(FULL_NAME);
        }
        part.extend_from_slice(query.as_str().as_bytes());
        let finder = Finder::new(&part).into_owned();
        let mut texts = self.texts.iter();
        let mut rest: &'a [u8] = &[];
        iter::from_fn(move || {
            loop {
                if let Some((username, after)) = next_hit(rest, &finder) {
                    rest = after;
                    return Some(username);
                }
                rest = texts.next()?;
            }
        })
    }
}

/// The index of the text that has an account's names. `None` for an id below 1.
fn text_of(id: AccountId) -> Option<usize> {
    Some(usize::try_from(id.0).ok()?.checked_sub(1)? / ACCOUNTS)
}

/// The username of the first entry of a text that has the part, and the text after that entry.
fn next_hit<'a>(text: &'a [u8], part: &Finder<'_>) -> Option<(&'a str, &'a [u8])> {
    let hit = part.find(text)?;
    let begin = memrchr(USERNAME, text.get(..hit)?)? + 1;
    let entry = text.get(begin..)?;
    let username = str::from_utf8(entry.get(..memchr(FULL_NAME, entry)?)?).ok()?;
    Some((username, text.get(end_of_entry(text, hit)..)?))
}

/// Where the entry ends that has this position, which is not its first.
fn end_of_entry(text: &[u8], position: usize) -> usize {
    let rest = text.get(position..).unwrap_or_default();
    memchr(USERNAME, rest).map_or(text.len(), |length| position + length)
}
