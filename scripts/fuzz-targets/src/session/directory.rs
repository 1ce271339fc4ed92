//! The model's directory: whom a query finds, and how often an account may ask.

use std::time::Duration;

use correio_proto::{
    directory::{Person, Query},
    limits::FOUND_MAX,
    mail::Username,
    message::{Found, Reply},
};

use super::{model::Model, rate::Rate};

/// Finds that an account may make.
const FINDS: Rate = Rate { at_once: 60, refill: Duration::from_secs(6) };

impl Model {
    /// Checks the reply to a find of this account.
    pub(super) fn looked_up(
        &mut self,
        username: &Username,
        query: &Query,
        now: Duration,
        reply: &Reply,
    ) {
        if !FINDS.is_taken(&mut self.account(username).finds_full_at, now, reply) {
            return;
        }
        let (mut first, mut others) = (Vec::new(), Vec::new());
        for (username, full_name) in self.people() {
            if query.finds(username, full_name) {
                let begins = username.as_str().starts_with(query.as_str());
                let person = Person { username: username.clone(), full_name: full_name.clone() };
                if begins { first.push(person) } else { others.push(person) }
            }
        }
        let people = [first, others].concat();
        if people.len() <= FOUND_MAX {
            assert_eq!(reply, &Reply::Found(Found { people, more: false }));
            return;
        }
        // Which of them are shown is the store's choice.
        let Reply::Found(found) = reply else { panic!("{reply:?}") };
        assert_eq!((found.people.len(), found.more), (FOUND_MAX, true));
        assert!(found.people.iter().all(|person| people.contains(person)));
    }
}
