//! The directory of the reference model: a scan of all accounts.

use correio_proto::{
    directory::{Person, Query},
    mail::{FullName, Username},
    message::Found,
};

/// Whom a query finds among the accounts, at most `people` of them.
pub(super) fn find<'a>(
    accounts: impl Iterator<Item = (&'a Username, &'a FullName)>,
    query: &Query,
    people: usize,
) -> Found {
    let mut wanted: Vec<(bool, Person)> = accounts
        .filter(|(username, full_name)| query.finds(username, full_name))
        .map(|(username, full_name)| {
            let is_other = !username.as_str().starts_with(query.as_str());
            (is_other, Person { username: username.clone(), full_name: full_name.clone() })
        })
        .collect();
    wanted.sort_by(|(a, one), (b, other)| (a, &one.username).cmp(&(b, &other.username)));
    let more = wanted.len() > people;
    let people = wanted.into_iter().map(|(_, person)| person).take(people).collect();
    Found { people, more }
}
