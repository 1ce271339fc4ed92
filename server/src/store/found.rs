//! Puts the people together whom a store has found for a query of the directory.

use correio_proto::{directory::Person, message::Found};

/// The reply to a `find` with at most `people` people. `first` are those whose usernames begin with
/// the part, in the order of usernames; `others` are further ones in any order. A store reads one
/// more than `people`, which tells whether there are more.
pub(super) fn found(first: Vec<Person>, mut others: Vec<Person>, people: usize) -> Found {
    others.sort_unstable_by(|a, b| a.username.cmp(&b.username));
    let mut all = first;
    all.append(&mut others);
    let more = all.len() > people;
    all.truncate(people);
    Found { people: all, more }
}
