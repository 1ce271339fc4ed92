//! The lists of the reference model.

use std::collections::{BTreeMap, BTreeSet};

use correio_proto::{
    limits,
    mail::{FullName, Recipients, Username},
    message::{ListChange, ListOverview, Role, SendPolicy},
};
use correio_server::{
    ids::AccountId,
    store::{EVERYBODY, StoreDone, admin::POSTMASTER},
};

/// All lists, in the order in which they were made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Lists {
    lists: BTreeMap<u64, List>,
    last: u64,
    /// Usernames of deleted accounts.
    retired: BTreeSet<Username>,
}

/// A list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct List {
    /// The list's name.
    pub name: Username,
    title: FullName,
    senders: SendPolicy,
    /// Whether all accounts are members.
    is_everybody: bool,
    creator: Option<AccountId>,
    roles: BTreeMap<AccountId, Role>,
}

/// A member: username, account and role.
pub(super) type Member<'a> = (&'a Username, AccountId, Role);

/// Whether a name is kept for what the store makes itself.
pub(super) fn is_kept(name: &Username) -> bool {
    [EVERYBODY, POSTMASTER].contains(&name.as_str())
}

/// The accounts of a server, by their usernames.
pub(super) type Accounts = BTreeMap<Username, AccountId>;

impl Default for Lists {
    fn default() -> Self {
        let everybody = List {
            name: EVERYBODY.parse().expect("the name is a username"),
            title: "Everybody · Todos".parse().expect("the title is a full name"),
            senders: SendPolicy::Owners {},
            is_everybody: true,
            creator: None,
            roles: BTreeMap::new(),
        };
        Self { lists: BTreeMap::from([(1, everybody)]), last: 1, retired: BTreeSet::new() }
    }
}

impl List {
    /// The role of an account, if it is a member.
    fn role(&self, id: AccountId) -> Option<Role> {
        let role = self.roles.get(&id).copied();
        if self.is_everybody { role.or(Some(Role::Member {})) } else { role }
    }

    fn is_owner(&self, id: AccountId) -> bool {
        self.role(id) == Some(Role::Owner {})
    }

    fn may_see(&self, id: AccountId) -> bool {
        self.role(id).is_some() || self.senders == SendPolicy::Everybody {}
    }

    /// Whether the list takes the account's mail.
    pub(super) fn may_send(&self, id: AccountId) -> bool {
        match self.senders {
            SendPolicy::Owners {} => self.is_owner(id),
            SendPolicy::Members {} => self.role(id).is_some(),
            SendPolicy::Everybody {} => true,
        }
    }

    /// Whether the account may read who the members are.
    fn may_read(&self, id: AccountId) -> Result<(), StoreDone> {
        match (self.is_owner(id), self.is_everybody) {
            (true, _) => Ok(()),
            (false, true) => Err(StoreDone::NotOwner),
            (false, false) if self.may_see(id) => Ok(()),
            (false, false) => Err(StoreDone::NoSuchList),
        }
    }

    /// The members, in the order of their usernames.
    pub(super) fn members<'a>(
        &self,
        accounts: &'a Accounts,
    ) -> Vec<(&'a Username, AccountId, Role)> {
        let all = accounts.iter();
        all.filter_map(|(username, id)| Some((username, *id, self.role(*id)?))).collect()
    }

    fn overview(&self, id: AccountId, accounts: &Accounts) -> ListOverview {
        ListOverview {
            name: self.name.clone(),
            title: self.title.clone(),
            senders: self.senders,
            members: u32::try_from(self.members(accounts).len()).unwrap_or(u32::MAX),
            role: self.role(id),
        }
    }

    /// The list as a reader sees it that is no member.
    pub(super) fn unread(&self, accounts: &Accounts) -> ListOverview {
        ListOverview { role: None, ..self.overview(AccountId(0), accounts) }
    }

    fn owners(&self) -> BTreeSet<AccountId> {
        let owners = self.roles.iter().filter(|(_, role)| **role == Role::Owner {});
        owners.map(|(id, _)| *id).collect()
    }
}

impl Lists {
    /// The list of this name.
    pub(super) fn find(&self, name: &Username) -> Option<&List> {
        self.lists.values().find(|list| list.name == *name)
    }

    /// The lists that an account is a member of: those that it made, those that it owns, then those
    /// made first.
    pub(super) fn of(&self, id: AccountId, accounts: &Accounts) -> Vec<ListOverview> {
        let mine = self.lists.values().filter(|list| list.role(id).is_some());
        let mut mine: Vec<_> = mine.collect();
        mine.sort_by_key(|list| (list.creator != Some(id), !list.is_owner(id)));
        let mut lists: Vec<_> = mine
            .into_iter()
            .take(limits::LISTS_MAX)
            .map(|list| list.overview(id, accounts))
            .collect();
        lists.sort_by_key(|list| list.name.to_string());
        lists
    }

    /// The members after a username, for an account that may read them.
    pub(super) fn members<'a>(
        &self,
        id: AccountId,
        name: &Username,
        accounts: &'a Accounts,
    ) -> Result<(ListOverview, Vec<Member<'a>>), StoreDone> {
        let list = self.find(name).ok_or(StoreDone::NoSuchList)?;
        list.may_read(id)?;
        Ok((list.overview(id, accounts), list.members(accounts)))
    }

    /// Changes a list. The account with this id and username exists.
    pub(super) fn change(
        &mut self,
        (id, username): (AccountId, &Username),
        name: &Username,
        change: ListChange,
        accounts: &Accounts,
    ) -> StoreDone {
        let Some((number, list)) = self.lists.iter().find(|(_, list)| list.name == *name) else {
            return match change {
                ListChange::Create { title, senders } => {
                    self.create(id, name, title, senders, accounts)
                }
                _ => StoreDone::NoSuchList,
            };
        };
        if let ListChange::Create { title, senders } = &change {
            let is_same = list.title == *title && list.senders == *senders && list.is_owner(id);
            return if is_same { StoreDone::Changed } else { StoreDone::UsernameTaken };
        }
        let is_alone = |names: &Recipients| names.iter().eq([username]);
        let is_allowed = match &change {
            _ if list.is_owner(id) => true,
            ListChange::Remove { members } => list.may_see(id) && is_alone(members),
            ListChange::Add { members, role: Role::Member {} } => {
                is_alone(members) && list.role(id).is_some()
            }
            _ => false,
        };
        if !is_allowed {
            return if list.may_see(id) { StoreDone::NotOwner } else { StoreDone::NoSuchList };
        }
        let (number, list) = (*number, list.clone());
        let changed = match change {
            ListChange::Create { .. } => Ok(list),
            ListChange::Set { title, senders } => Ok(List { title, senders, ..list }),
            ListChange::Add { members, role } => Self::with(list, &members, role, accounts),
            ListChange::Remove { .. } | ListChange::Delete {} if list.is_everybody => {
                Err(StoreDone::FixedList)
            }
            ListChange::Remove { members } => without(list, &members, accounts),
            ListChange::Delete {} => Ok(List { roles: BTreeMap::new(), ..list }),
        };
        match changed {
            Ok(list) => {
                let is_left = list.is_everybody || !list.roles.is_empty();
                self.lists.insert(number, list);
                if !is_left {
                    self.lists.remove(&number);
                }
                StoreDone::Changed
            }
            Err(refusal) => refusal,
        }
    }

    fn create(
        &mut self,
        id: AccountId,
        name: &Username,
        title: FullName,
        senders: SendPolicy,
        accounts: &Accounts,
    ) -> StoreDone {
        if is_kept(name) || accounts.contains_key(name) || self.retired.contains(name) {
            return StoreDone::UsernameTaken;
        }
        let made = self.lists.values().filter(|list| list.creator == Some(id));
        if made.count() >= limits::LISTS_MAX {
            return StoreDone::ListFull;
        }
        self.last += 1;
        let roles = BTreeMap::from([(id, Role::Owner {})]);
        let (name, creator) = (name.clone(), Some(id));
        let list = List { name, title, senders, is_everybody: false, creator, roles };
        self.lists.insert(self.last, list);
        StoreDone::Changed
    }

    fn with(
        mut list: List,
        members: &Recipients,
        role: Role,
        accounts: &Accounts,
    ) -> Result<List, StoreDone> {
        let unknown: Vec<_> =
            members.iter().filter(|name| !accounts.contains_key(*name)).cloned().collect();
        if !unknown.is_empty() {
            return Err(StoreDone::UnknownRecipients(unknown));
        }
        let before = list.owners();
        for id in members.iter().filter_map(|name| accounts.get(name)) {
            list.roles.insert(*id, role);
        }
        if list.is_everybody {
            list.roles.retain(|_, role| *role == Role::Owner {});
        } else if list.roles.len() > limits::MEMBERS_MAX as usize {
            return Err(StoreDone::ListFull);
        }
        if !before.is_empty() && list.owners().is_empty() {
            return Err(StoreDone::LastOwner);
        }
        Ok(list)
    }

    /// All lists after a name, in the order of their names, without a role.
    pub(super) fn all(&self, after: Option<&Username>, accounts: &Accounts) -> Vec<ListOverview> {
        let lists = self.lists.values();
        let rest = lists.filter(|list| after.is_none_or(|after| list.name > *after));
        let mut lists: Vec<_> = rest.map(|list| list.unread(accounts)).collect();
        lists.sort_by_key(|list| list.name.to_string());
        lists
    }

    /// Number of lists.
    pub(super) fn count(&self) -> usize {
        self.lists.len()
    }

    /// Changes a list as the operator may. `None` if there is no such list.
    pub(super) fn change_as_operator(
        &mut self,
        name: &Username,
        change: ListChange,
        accounts: &Accounts,
    ) -> Option<StoreDone> {
        let found = self.lists.iter().find(|(_, list)| list.name == *name);
        let found = found.map(|(number, list)| (*number, list.clone()));
        let (number, list) = match (found, change) {
            (None, ListChange::Create { title, senders }) => {
                if is_kept(name) || accounts.contains_key(name) || self.retired.contains(name) {
                    return Some(StoreDone::UsernameTaken);
                }
                self.last += 1;
                let (name, roles) = (name.clone(), BTreeMap::new());
                let (is_everybody, creator) = (false, None);
                (self.last, List { name, title, senders, is_everybody, creator, roles })
            }
            (None, _) => return None,
            (Some(_), ListChange::Create { .. }) => return Some(StoreDone::UsernameTaken),
            (Some((number, list)), ListChange::Set { title, senders }) => {
                (number, List { title, senders, ..list })
            }
            (Some((number, list)), ListChange::Add { members, role }) => {
                match Self::with(list, &members, role, accounts) {
                    Ok(list) => (number, list),
                    Err(refusal) => return Some(refusal),
                }
            }
            (Some((number, mut list)), ListChange::Remove { members }) => {
                for id in members.iter().filter_map(|name| accounts.get(name)) {
                    list.roles.remove(id);
                }
                (number, list)
            }
            (Some((number, list)), ListChange::Delete {}) => {
                if list.is_everybody {
                    return Some(StoreDone::FixedList);
                }
                self.lists.remove(&number);
                return Some(StoreDone::Changed);
            }
        };
        self.lists.insert(number, list);
        Some(StoreDone::Changed)
    }

    /// Removes a deleted account, whose username no list gets.
    pub(super) fn forget(&mut self, id: AccountId, username: Username) {
        self.retired.insert(username);
        // A list that the operator has emptied stays.
        self.lists.retain(|_, list| {
            list.roles.remove(&id).is_none() || list.is_everybody || !list.roles.is_empty()
        });
    }
}

fn without(mut list: List, members: &Recipients, accounts: &Accounts) -> Result<List, StoreDone> {
    let before = list.owners();
    for id in members.iter().filter_map(|name| accounts.get(name)) {
        list.roles.remove(id);
    }
    if !before.is_empty() && list.owners().is_empty() {
        return Err(StoreDone::LastOwner);
    }
    Ok(list)
}
