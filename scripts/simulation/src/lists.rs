//! Whom mails to lists must reach: the oracle's view of lists and of the accounts that got each
//! mail.

use std::collections::{BTreeMap, BTreeSet};

use correio_proto::{mail::Username, message::Send};
use correio_server::{ids::AccountId, store::admin::POSTMASTER};

use crate::{
    check::{Check, Violation, require},
    contents::MailKey,
    store::{ListTouch, State},
};

/// Names of the lists that honest users make.
pub(crate) const LISTS: [&str; 2] = ["turma", "amigos"];

/// What the oracle knows of lists, and of the accounts that got each mail.
#[derive(Debug, Default)]
pub(crate) struct ListLedger {
    /// Names that lists have or had.
    names: BTreeSet<Username>,
    /// The accounts that got each mail when it was accepted.
    reached: BTreeMap<MailKey, BTreeSet<AccountId>>,
}

impl ListLedger {
    /// Records changes of lists since the last call of [`ListLedger::check_reached`].
    pub(crate) fn note_names(&mut self, touched: &[ListTouch]) {
        self.names.extend(touched.iter().map(|touch| touch.list.clone()));
    }

    /// Whether a list has or had this name.
    pub(crate) fn has_name(&self, name: &Username) -> bool {
        self.names.contains(name)
    }

    /// The accounts that a mail has reached.
    pub(crate) fn reached(&self, key: &MailKey) -> impl Iterator<Item = AccountId> {
        self.reached.get(key).into_iter().flatten().copied()
    }

    /// Checks where a mail is that was stored since the last look: once with every account that it
    /// names or that is in one of its lists, and with nobody else. Members that were added or
    /// removed meanwhile may have it or not.
    pub(crate) fn check_reached(
        &mut self,
        state: &State,
        (touched, fresh): (&[ListTouch], &BTreeSet<AccountId>),
        key: &MailKey,
        sent: &Send,
        with: &[AccountId],
    ) -> Result<(), Violation> {
        let once: BTreeSet<_> = with.iter().copied().collect();
        let text = || format!("mail {} is twice in a mailbox: {with:?}", key.1);
        require(once.len() == with.len(), Check::OneCopy, text)?;
        let (mut required, mut allowed) = (BTreeSet::new(), BTreeSet::new());
        for name in sent.to.iter() {
            match state.account(name) {
                Some(account) => _ = required.insert(account),
                None => self.add_members(state, touched, name, &mut required, &mut allowed),
            }
        }
        allowed.extend(&required);
        // An announcement is not for the postmaster. Accounts that were made meanwhile may have it.
        if key.0.as_str() == POSTMASTER {
            required.retain(|id| !fresh.contains(id) && state.account(&key.0) != Some(*id));
        }
        let text = || format!("mail {} to {} is with {once:?} only", key.1, sent.to);
        require(required.is_subset(&once), Check::Acknowledged, text)?;
        let text = || format!("mail {} to {} is also with {once:?}", key.1, sent.to);
        require(once.is_subset(&allowed), Check::Intact, text)?;
        self.reached.entry(key.clone()).or_default().extend(once);
        Ok(())
    }

    fn add_members(
        &self,
        state: &State,
        touched: &[ListTouch],
        name: &Username,
        required: &mut BTreeSet<AccountId>,
        allowed: &mut BTreeSet<AccountId>,
    ) {
        let touches: Vec<_> = touched.iter().filter(|touch| touch.list == *name).collect();
        // The list was made or deleted meanwhile: its members were whatever accounts there are.
        if touches.iter().any(|touch| touch.is_whole) {
            allowed.extend(state.accounts().map(|(id, ..)| id));
            return;
        }
        let names = touches.iter().flat_map(|touch| &touch.members);
        let unsure: BTreeSet<_> = names.filter_map(|name| state.account(name)).collect();
        let members = state.members(name);
        allowed.extend(members.iter().chain(&unsure));
        required.extend(members.iter().filter(|id| !unsure.contains(id)));
    }
}
