//! The operator's jobs about lists.

use correio_proto::{
    mail::{Recipients, Username},
    message::{ListChange, ListOverview, Role},
};

use crate::store::{
    StoreDone,
    admin::AdminDone,
    lists::Membership,
    memory::{FULL_OF_LISTS, MemoryStore},
};

impl MemoryStore {
    pub(super) fn page_of_lists(&self, after: Option<&Username>, max: usize) -> AdminDone {
        let (lists, more) = self.lists.page(after, max, self.accounts.count);
        AdminDone::Lists { lists, more }
    }

    pub(super) fn members_for_operator(
        &self,
        name: &Username,
        after: Option<&Username>,
        max: usize,
    ) -> AdminDone {
        // No account has a list's name, so that this reader is no member.
        let Some((standing, _)) = self.lists.standing(name, name, self.accounts.count) else {
            return AdminDone::NoList;
        };
        let Some(list) = self.lists.overview(name, name, self.accounts.count) else {
            return AdminDone::NoList;
        };
        let list = ListOverview { role: None, ..list };
        AdminDone::Members(self.page(list, name, standing.membership, after, max))
    }

    pub(super) fn change_list_as_operator(
        &mut self,
        name: &Username,
        change: ListChange,
    ) -> AdminDone {
        let has_list = self.lists.has_name(name);
        let result = match change {
            ListChange::Create { title, senders } => {
                if has_list || self.lists.is_kept(name) || self.ids.contains_key(name) {
                    return AdminDone::Taken(vec![name.clone()]);
                }
                self.lists.create_empty(name, title, senders)
            }
            _ if !has_list => return AdminDone::NoList,
            ListChange::Remove { members } => self.lists.remove_any(name, &members),
            ListChange::Add { members, role } => self.add_members(name, members, role),
            ListChange::Delete {} if self.is_of_all_accounts(name) => StoreDone::FixedList,
            change @ (ListChange::Set { .. } | ListChange::Delete {}) => {
                self.lists.change(name, change, &[])
            }
        };
        match result {
            StoreDone::Changed => AdminDone::Changed(None),
            other => AdminDone::Refused(other.into()),
        }
    }

    fn is_of_all_accounts(&self, name: &Username) -> bool {
        let found = self.lists.standing(name, name, self.accounts.count);
        found.is_some_and(|(standing, _)| standing.membership == Membership::AllAccounts)
    }

    fn add_members(&mut self, name: &Username, members: Recipients, role: Role) -> StoreDone {
        let (mut added, mut unknown) = (Vec::new(), Vec::new());
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
        self.lists.change(name, ListChange::Add { members, role }, &added)
    }
}
