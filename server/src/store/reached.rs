//! The accounts that a mail reaches, and the hidden recipient that each of them sees.

use std::ops::Range;

use correio_proto::mail::Username;

use super::NewMailRecord;
use crate::ids::AccountId;

/// The accounts that a mail reaches, each once, in the order in which they get it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Reached {
    accounts: Vec<AccountId>,
    /// The accounts that the mail reaches through hidden recipients, in order, without overlaps.
    stretches: Vec<Stretch>,
}

/// Adjacent accounts that the mail reaches through the same hidden recipient.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Stretch {
    /// Indexes of the accounts.
    accounts: Range<usize>,
    hidden: Username,
}

impl Reached {
    /// No accounts, with room for this many.
    pub(super) fn with_capacity(accounts: usize) -> Self {
        Self { accounts: Vec::with_capacity(accounts), stretches: Vec::new() }
    }

    /// Adds an account, and the hidden recipient, if any, through which the mail reaches it.
    pub(super) fn add(&mut self, account: AccountId, hidden: Option<&Username>) {
        let index = self.accounts.len();
        self.accounts.push(account);
        let Some(hidden) = hidden else {
            return;
        };
        match self.stretches.last_mut() {
            Some(last) if last.accounts.end == index && last.hidden == *hidden => {
                last.accounts.end += 1;
            }
            _ => {
                let accounts = index..index + 1;
                self.stretches.push(Stretch { accounts, hidden: hidden.clone() });
            }
        }
    }

    /// The accounts.
    pub(super) fn accounts(&self) -> &[AccountId] {
        &self.accounts
    }

    /// The accounts.
    pub(super) fn into_accounts(self) -> Vec<AccountId> {
        self.accounts
    }

    /// Stretches of accounts that see the same recipients, in order. Each has the hidden recipient,
    /// if any, through which the mail reaches its accounts: they see it besides the visible
    /// recipients.
    pub(super) fn stretches(&self) -> impl Iterator<Item = (&[AccountId], Option<&Username>)> {
        let starts = self.stretches.iter().map(|stretch| stretch.accounts.end);
        let ends = self.stretches.iter().map(|stretch| stretch.accounts.start);
        let between = std::iter::once(0).chain(starts).zip(ends.chain([self.accounts.len()]));
        let between = between.map(|(start, end)| (start..end, None));
        let mut hidden =
            self.stretches.iter().map(|stretch| (stretch.accounts.clone(), Some(&stretch.hidden)));
        // Before each stretch with a hidden recipient stands one without, which may be empty.
        between
            .flat_map(move |visible| [Some(visible), hidden.next()])
            .flatten()
            .map(|(range, hidden)| (self.accounts.get(range).unwrap_or_default(), hidden))
            .filter(|(accounts, _)| !accounts.is_empty())
    }
}

impl From<Vec<AccountId>> for Reached {
    /// Accounts that the mail reaches through visible recipients.
    fn from(accounts: Vec<AccountId>) -> Self {
        Self { accounts, stretches: Vec::new() }
    }
}

impl NewMailRecord {
    /// The name if it is a hidden recipient; `None` otherwise.
    pub(super) fn hidden<'a>(&self, name: &'a Username) -> Option<&'a Username> {
        self.bcc.contains(name).then_some(name)
    }

    /// The recipients that every recipient sees.
    pub(super) fn visible(&self) -> impl Iterator<Item = &Username> {
        self.to.iter().filter(|name| self.hidden(name).is_none())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stretches(names: &[&str]) -> Vec<(Vec<i64>, Option<String>)> {
        let mut reached = Reached::default();
        for (number, name) in (0..).zip(names) {
            let name = name.parse::<Username>();
            reached.add(AccountId(number), name.as_ref().ok());
        }
        let ids = |accounts: &[AccountId]| accounts.iter().map(|account| account.0).collect();
        let name = |hidden: Option<&Username>| hidden.map(ToString::to_string);
        reached.stretches().map(|(accounts, hidden)| (ids(accounts), name(hidden))).collect()
    }

    #[test]
    fn each_account_is_in_one_stretch_in_order() {
        let hidden = |name: &str| Some(name.to_owned());
        assert_eq!(stretches(&[]), []);
        assert_eq!(stretches(&["", ""]), [(vec![0, 1], None)]);
        assert_eq!(
            stretches(&["tony", "turma"]),
            [(vec![0], hidden("tony")), (vec![1], hidden("turma"))]
        );
        assert_eq!(
            stretches(&["", "tony", "", "", "turma", "turma", ""]),
            [
                (vec![0], None),
                (vec![1], hidden("tony")),
                (vec![2, 3], None),
                (vec![4, 5], hidden("turma")),
                (vec![6], None),
            ]
        );
    }
}
