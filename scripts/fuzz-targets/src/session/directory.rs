//! The model's directory: whom a query finds, and how often an account may ask.

use std::time::Duration;

use correio_proto::{
    directory::{Person, Query},
    limits::FOUND_MAX,
    mail::Username,
    message::{ErrorCode, Found, Reply},
};

use super::model::Model;

/// Time in which the throttle refills one find.
const REFILL: Duration = Duration::from_secs(6);

/// Finds that an account may make at once.
const AT_ONCE: u32 = 60;

impl Model {
    /// Checks the reply to a find of this account.
    pub(super) fn looked_up(
        &mut self,
        username: &Username,
        query: &Query,
        now: Duration,
        reply: &Reply,
    ) {
        let account = self.account(username);
        let full_at = account.finds_full_at.max(now) + REFILL;
        if let Some(wait) = full_at.checked_sub(now + REFILL * AT_ONCE).filter(|it| !it.is_zero()) {
            let Reply::Error(error) = reply else { panic!("{reply:?}") };
            assert_eq!(error.code, ErrorCode::RateLimited);
            assert_eq!(error.retry_after, Some(wait.as_secs_f64().ceil() as u32));
            return;
        }
        account.finds_full_at = full_at;
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
