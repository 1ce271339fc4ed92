//! The jobs of the store in memory that are about lists, and the accounts that a mail reaches.

use std::collections::HashSet;

use correio_proto::{
    limits,
    mail::{FullName, Username},
    message::{ListChange, ListMember, ListOverview, MembersPage, Role},
};

use super::{FULL_OF_LISTS, MemoryStore, WALKED_MAX, lists::standing_after};
use crate::{
    ids::AccountId,
    store::{NewMailRecord, StoreDone, StoreJob, ToLists, lists::Membership, reached::Reached},
};

/// Names that a refusal states at most, as many as its reply may have.
const NAMED_MAX: usize = limits::RECIPIENTS_MAX;

impl MemoryStore {
    pub(super) fn lists_of(&self, id: AccountId) -> StoreDone {
        match self.accounts.get(id) {
            Some(account) => {
                let named = (id, &account.names.username);
                StoreDone::Lists(self.lists.of(named, self.accounts.count))
            }
            None => StoreDone::NoAccount,
        }
    }

    pub(super) fn members(
        &self,
        id: AccountId,
        name: &Username,
        after: Option<&Username>,
        max: usize,
    ) -> StoreDone {
        let Some(account) = self.accounts.get(id) else {
            return StoreDone::NoAccount;
        };
        let (username, count) = (&account.names.username, self.accounts.count);
        let (Some((standing, _)), Some(list)) = (
            self.lists.standing(name, username, count),
            self.lists.overview(name, username, count),
        ) else {
            return StoreDone::NoSuchList;
        };
        match standing.may_read() {
            Ok(()) => {
                let membership = standing.membership;
                StoreDone::Members(self.page(list, name, membership, after, max))
            }
            Err(refusal) => refusal,
        }
    }

    /// A page of a list's members.
    pub(super) fn page(
        &self,
        list: ListOverview,
        name: &Username,
        membership: Membership,
        after: Option<&Username>,
        max: usize,
    ) -> MembersPage {
        // One more shows whether there are more.
        let mut members = self.members_of(name, membership, after, max.saturating_add(1));
        let more = members.len() > max;
        members.truncate(max);
        let members = members.into_iter().filter_map(|(username, id, role)| {
            let full_name = self.full_name(id)?;
            Some(ListMember { username: username.clone(), full_name, role })
        });
        MembersPage { list, members: members.collect(), more }
    }

    fn full_name(&self, id: AccountId) -> Option<FullName> {
        Some(self.accounts.get(id)?.names.full_name.clone())
    }

    /// At most `max` members of a list, in the order of their usernames: those that stand after
    /// this one, or the first.
    fn members_of(
        &self,
        name: &Username,
        membership: Membership,
        after: Option<&Username>,
        max: usize,
    ) -> Vec<(&Username, AccountId, Role)> {
        match membership {
            Membership::Added => self.lists.added(name, after).take(max).collect(),
            Membership::AllAccounts => {
                let owners: Vec<_> = self.lists.added(name, None).map(|(_, id, _)| id).collect();
                let role = |id: &AccountId| match owners.contains(id) {
                    true => Role::Owner {},
                    false => Role::Member {},
                };
                let all = self.ids.range::<Username, _>(standing_after(after)).take(max);
                all.map(|(username, id)| (username, *id, role(id))).collect()
            }
        }
    }

    /// Whether a job may run in this iteration of the event loop. A mail to lists waits for another
    /// iteration if the mails before it have gone to many members.
    pub(super) fn has_time_for(&mut self, job: &StoreJob) -> bool {
        let members = self.members_to_walk(job);
        let walked = self.walked.saturating_add(members);
        if self.walked > 0 && members > 0 && walked > WALKED_MAX {
            return false;
        }
        self.walked = walked;
        true
    }

    /// Members of lists that a job looks at; 0 if it is answered before.
    fn members_to_walk(&self, job: &StoreJob) -> u32 {
        let StoreJob::Send { sender, mail, to_lists: ToLists::Allowed, .. } = job else {
            return 0;
        };
        let Some(account) = self.accounts.get(*sender) else {
            return 0;
        };
        if account.record(mail.id).is_some() {
            return 0;
        }
        let mut members = 0_u32;
        for name in mail.to.iter().filter(|name| !self.ids.contains_key(*name)) {
            match self.lists.standing(name, &account.names.username, self.accounts.count) {
                Some((standing, count)) if standing.may_send() => {
                    members = members.saturating_add(count);
                }
                Some(_) | None => return 0,
            }
        }
        if members > limits::MEMBERS_MAX { 0 } else { members }
    }

    pub(super) fn change_list(
        &mut self,
        id: AccountId,
        name: &Username,
        change: ListChange,
    ) -> StoreDone {
        let Some(account) = self.accounts.get(id) else {
            return StoreDone::NoAccount;
        };
        let username = account.names.username.clone();
        let Some((standing, _)) = self.lists.standing(name, &username, self.accounts.count) else {
            let ListChange::Create { title, senders } = change else {
                return StoreDone::NoSuchList;
            };
            if self.ids.contains_key(name) || self.lists.is_kept(name) {
                return StoreDone::UsernameTaken;
            }
            if self.lists.memberships >= self.limits.memberships {
                return StoreDone::Unavailable(FULL_OF_LISTS.into());
            }
            return self.lists.create((id, &username), name, title, senders);
        };
        if let Err(refusal) = standing.may_change(&username, &change) {
            return refusal;
        }
        let mut added = Vec::new();
        if let ListChange::Add { members, .. } = &change {
            let mut unknown = Vec::new();
            for username in members.iter() {
                match self.ids.get_key_value(username) {
                    Some((username, id)) => added.push((*id, username)),
                    None => unknown.push(username.clone()),
                }
            }
            if !unknown.is_empty() {
                return StoreDone::UnknownRecipients(unknown);
            }
            if self.lists.memberships + added.len() > self.limits.memberships {
                return StoreDone::Unavailable(FULL_OF_LISTS.into());
            }
        }
        self.lists.change(name, change, &added)
    }

    /// The accounts that a mail reaches, each once, or the result that refuses the mail for all of
    /// them: the accounts that the mail names, then the members of each list.
    pub(super) fn recipients(
        &self,
        sender: &Username,
        mail: &NewMailRecord,
        to_lists: ToLists,
    ) -> Result<Reached, StoreDone> {
        let mut named = Vec::with_capacity(mail.to.as_slice().len());
        let (mut unknown, mut refused) = (Vec::new(), Vec::new());
        let (mut lists, mut members) = (Vec::new(), 0_u32);
        for name in mail.to.iter() {
            if let Some((username, id)) = self.ids.get_key_value(name) {
                match self.takes_mail(*id) {
                    true => named.push((username, *id, name)),
                    false => unknown.push(name.clone()),
                }
                continue;
            }
            match self.lists.standing(name, sender, self.accounts.count) {
                None => unknown.push(name.clone()),
                Some((standing, _)) if !standing.may_send() => refused.push(name.clone()),
                Some((standing, count)) => {
                    members = members.saturating_add(count);
                    lists.push((name, standing.membership));
                }
            }
        }
        if !unknown.is_empty() {
            return Err(StoreDone::UnknownRecipients(unknown));
        }
        if !refused.is_empty() {
            return Err(StoreDone::MayNotSend(refused));
        }
        if members > limits::MEMBERS_MAX {
            return Err(StoreDone::ListFull);
        }
        if !lists.is_empty() {
            if to_lists == ToLists::Held {
                return Err(StoreDone::ListsHeld);
            }
            let mut seen: HashSet<AccountId> = named.iter().map(|(_, id, _)| *id).collect();
            for (list, membership) in lists {
                let of_list = self.members_of(list, membership, None, usize::MAX).into_iter();
                named.extend(
                    of_list
                        .filter(|(_, id, _)| self.takes_mail(*id) && seen.insert(*id))
                        .map(|(name, id, _)| (name, id, list)),
                );
            }
        }
        let full: Vec<_> = named
            .iter()
            .filter(|(_, id, _)| self.is_full(*id, mail.quota_bytes()))
            .take(NAMED_MAX)
            .map(|(username, ..)| (*username).clone())
            .collect();
        if !full.is_empty() {
            return Err(StoreDone::MailboxesFull { recipients: full, members });
        }
        let mut reached = Reached::with_capacity(named.len());
        for (_, id, recipient) in named {
            reached.add(id, mail.hidden(recipient));
        }
        Ok(reached)
    }

    fn is_full(&self, id: AccountId, bytes: u64) -> bool {
        self.accounts.get(id).is_some_and(|account| {
            let quota = account.settings.quota.unwrap_or(self.quota);
            account.mailbox.mails() >= quota.mails as usize
                || account.mailbox.bytes() + bytes > quota.bytes
        })
    }
}
