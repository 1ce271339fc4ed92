//! The lists of the store in memory.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap, HashSet},
    ops::Bound,
};

use correio_proto::{
    limits,
    mail::{FullName, Recipients, Username},
    message::{ListChange, ListOverview, Role, SendPolicy},
};

use crate::{
    ids::AccountId,
    store::{
        EVERYBODY, StoreDone,
        lists::{EVERYBODY_TITLE, Membership, Standing, is_reserved},
    },
};

/// Number of a list, in the order in which lists were made.
type ListNumber = u64;

/// All lists, and the lists of each account.
#[derive(Debug)]
pub(super) struct Lists {
    lists: BTreeMap<ListNumber, List>,
    numbers: HashMap<Username, ListNumber>,
    /// The lists that each account was added to.
    of: HashMap<AccountId, BTreeMap<ListNumber, Role>>,
    /// The lists that each account has made, the lists of deleted accounts included.
    made: HashMap<AccountId, BTreeSet<ListNumber>>,
    /// Usernames of deleted accounts, which no list gets. They count for the limit on accounts.
    retired: HashSet<Username>,
    /// Number of the last list.
    last: ListNumber,
    /// Members of all lists, each counted in each list.
    pub(super) memberships: usize,
}

#[derive(Debug)]
struct List {
    name: Username,
    title: FullName,
    senders: SendPolicy,
    membership: Membership,
    /// The account that made the list; `None` for the list of all accounts.
    creator: Option<AccountId>,
    /// Those that were added.
    members: BTreeMap<Username, (AccountId, Role)>,
}

/// An account with its username.
pub(super) type Named<'a> = (AccountId, &'a Username);

impl Lists {
    /// The list of all accounts, without an owner.
    pub(super) fn new() -> Self {
        let mut lists = Self {
            lists: BTreeMap::new(),
            numbers: HashMap::new(),
            of: HashMap::new(),
            made: HashMap::new(),
            retired: HashSet::new(),
            last: 0,
            memberships: 0,
        };
        if let (Ok(name), Ok(title)) = (EVERYBODY.parse(), EVERYBODY_TITLE.parse()) {
            let senders = SendPolicy::Owners {};
            lists.insert(&name, title, senders, (Membership::AllAccounts, None));
        }
        lists
    }

    fn insert(
        &mut self,
        name: &Username,
        title: FullName,
        senders: SendPolicy,
        (membership, creator): (Membership, Option<AccountId>),
    ) -> ListNumber {
        self.last += 1;
        if let Some(creator) = creator {
            self.made.entry(creator).or_default().insert(self.last);
        }
        let (name, members) = (name.clone(), BTreeMap::new());
        self.numbers.insert(name.clone(), self.last);
        let list = List { name, title, senders, membership, creator, members };
        self.lists.insert(self.last, list);
        self.last
    }

    /// Whether a list has this name.
    pub(super) fn has_name(&self, name: &Username) -> bool {
        self.numbers.contains_key(name)
    }

    /// Number of usernames of deleted accounts.
    pub(super) fn retired_names(&self) -> usize {
        self.retired.len()
    }

    /// Whether no list gets this name.
    pub(super) fn is_kept(&self, name: &Username) -> bool {
        is_reserved(name) || self.retired.contains(name)
    }

    fn find(&self, name: &Username) -> Option<(ListNumber, &List)> {
        let number = *self.numbers.get(name)?;
        Some((number, self.lists.get(&number)?))
    }

    /// The list of this name as an account sees it, and its number of members, of `accounts` on
    /// this server.
    pub(super) fn standing(
        &self,
        name: &Username,
        username: &Username,
        accounts: usize,
    ) -> Option<(Standing, u32)> {
        let (_, list) = self.find(name)?;
        Some((list.standing(username), list.count(accounts)))
    }

    /// The accounts that were added to a list, in the order of their usernames: those that stand
    /// after this one, or all.
    pub(super) fn added<'a>(
        &'a self,
        name: &Username,
        after: Option<&Username>,
    ) -> impl Iterator<Item = (&'a Username, AccountId, Role)> + use<'a> {
        let members = self
            .find(name)
            .map(|(_, list)| list.members.range::<Username, _>(standing_after(after)));
        members.into_iter().flatten().map(|(username, (id, role))| (username, *id, *role))
    }

    /// The lists of an account, as [`crate::store::StoreJob::ListsOf`] describes it.
    pub(super) fn of(&self, (id, username): Named<'_>, accounts: usize) -> Vec<ListOverview> {
        let (of, made) = (self.of.get(&id), self.made.get(&id));
        let is_made = move |number: &ListNumber| made.is_some_and(|made| made.contains(number));
        let with_role = |role: Role| {
            let lists = of.into_iter().flatten().filter(move |(_, has)| **has == role);
            lists.map(|(number, _)| *number).filter(move |number| !is_made(number))
        };
        let is_in = |number: &ListNumber| of.is_some_and(|of| of.contains_key(number));
        let first = made.into_iter().flatten().copied().filter(is_in);
        let everybody = EVERYBODY.parse().ok().and_then(|name| self.find(&name));
        let everybody = everybody.filter(|(number, list)| {
            list.membership == Membership::AllAccounts
                && of.is_none_or(|of| !of.contains_key(number))
        });
        let mut members: Vec<ListNumber> =
            with_role(Role::Member {}).take(limits::LISTS_MAX).collect();
        members.extend(everybody.map(|(number, _)| number));
        members.sort_unstable();
        let numbers = first.chain(with_role(Role::Owner {})).chain(members).take(limits::LISTS_MAX);
        let lists = numbers.filter_map(|number| self.lists.get(&number));
        let mut lists: Vec<_> = lists.map(|list| list.overview(username, accounts)).collect();
        lists.sort_by(|one, other| one.name.cmp(&other.name));
        lists
    }

    /// The overview of a list.
    pub(super) fn overview(
        &self,
        name: &Username,
        username: &Username,
        accounts: usize,
    ) -> Option<ListOverview> {
        self.find(name).map(|(_, list)| list.overview(username, accounts))
    }

    /// Makes a list whose name is free.
    pub(super) fn create(
        &mut self,
        owner: Named<'_>,
        name: &Username,
        title: FullName,
        senders: SendPolicy,
    ) -> StoreDone {
        if self.made.get(&owner.0).is_some_and(|made| made.len() >= limits::LISTS_MAX) {
            return StoreDone::ListFull;
        }
        let number = self.insert(name, title, senders, (Membership::Added, Some(owner.0)));
        self.put(number, owner, Role::Owner {});
        StoreDone::Changed
    }

    /// Makes a list without members whose name is free.
    pub(super) fn create_empty(
        &mut self,
        name: &Username,
        title: FullName,
        senders: SendPolicy,
    ) -> StoreDone {
        self.insert(name, title, senders, (Membership::Added, None));
        StoreDone::Changed
    }

    /// Removes members, also the last owner. A list that is empty then stays.
    pub(super) fn remove_any(&mut self, name: &Username, members: &Recipients) -> StoreDone {
        let Some((number, _)) = self.find(name) else {
            return StoreDone::NoSuchList;
        };
        for username in members.iter() {
            self.take(number, username);
        }
        StoreDone::Changed
    }

    /// Number of lists.
    pub(super) fn len(&self) -> usize {
        self.lists.len()
    }

    /// Lists in the order of their names, without a role, and whether there are more.
    pub(super) fn page(
        &self,
        after: Option<&Username>,
        max: usize,
        accounts: usize,
    ) -> (Vec<ListOverview>, bool) {
        let is_after = |name: &Username| after.is_none_or(|after| name > after);
        let mut lists: Vec<_> = self.lists.values().filter(|list| is_after(&list.name)).collect();
        lists.sort_unstable_by_key(|list| &list.name);
        let more = lists.len() > max;
        // No account has a list's name.
        let overview = |list: &List| list.overview(&list.name, accounts);
        let overview = |list| ListOverview { role: None, ..overview(list) };
        (lists.into_iter().take(max).map(overview).collect(), more)
    }

    /// Makes a change that [`Standing::may_change`] allows. `added` are the accounts that it adds.
    pub(super) fn change(
        &mut self,
        name: &Username,
        change: ListChange,
        added: &[Named<'_>],
    ) -> StoreDone {
        let Some((number, _)) = self.find(name) else {
            return StoreDone::NoSuchList;
        };
        match change {
            ListChange::Create { .. } => StoreDone::Changed,
            ListChange::Set { title, senders } => {
                if let Some(list) = self.lists.get_mut(&number) {
                    (list.title, list.senders) = (title, senders);
                }
                StoreDone::Changed
            }
            ListChange::Add { members, role } => self.add(number, &members, added, role),
            ListChange::Remove { members } => self.remove(number, &members),
            ListChange::Delete {} => self.delete(number),
        }
    }

    /// Whether the list has owners, and none but these usernames.
    fn has_no_other_owner(&self, number: ListNumber, usernames: &Recipients) -> bool {
        let members = self.lists.get(&number).into_iter().flat_map(|list| &list.members);
        let mut owners = members.filter(|(_, (_, role))| *role == Role::Owner {}).peekable();
        owners.peek().is_some()
            && owners.all(|(owner, _)| usernames.iter().any(|name| name == owner))
    }

    fn add(
        &mut self,
        number: ListNumber,
        members: &Recipients,
        added: &[Named<'_>],
        role: Role,
    ) -> StoreDone {
        let Some(list) = self.lists.get(&number) else {
            return StoreDone::NoSuchList;
        };
        let membership = list.membership;
        let new = added.iter().filter(|(_, username)| !list.members.contains_key(*username));
        let all = list.members.len() + new.count();
        if membership == Membership::Added && all > limits::MEMBERS_MAX as usize {
            return StoreDone::ListFull;
        }
        if role == (Role::Member {}) && self.has_no_other_owner(number, members) {
            return StoreDone::LastOwner;
        }
        for (id, username) in added {
            match (membership, role) {
                // All accounts are members without being added.
                (Membership::AllAccounts, Role::Member {}) => self.take(number, username),
                _ => self.put(number, (*id, username), role),
            }
        }
        StoreDone::Changed
    }

    fn remove(&mut self, number: ListNumber, members: &Recipients) -> StoreDone {
        if self.has_no_other_owner(number, members) {
            return StoreDone::LastOwner;
        }
        for username in members.iter() {
            self.take(number, username);
        }
        self.delete_if_empty(number);
        StoreDone::Changed
    }

    /// A list without an owner goes with its last member.
    fn delete_if_empty(&mut self, number: ListNumber) {
        let is_empty = self
            .lists
            .get(&number)
            .is_some_and(|list| list.membership == Membership::Added && list.members.is_empty());
        if is_empty {
            self.delete(number);
        }
    }

    fn delete(&mut self, number: ListNumber) -> StoreDone {
        let Some(list) = self.lists.remove(&number) else {
            return StoreDone::NoSuchList;
        };
        self.numbers.remove(&list.name);
        for (id, _) in list.members.values() {
            self.leave(number, *id);
        }
        if let Some(creator) = list.creator
            && let Some(made) = self.made.get_mut(&creator)
        {
            made.remove(&number);
            if made.is_empty() {
                self.made.remove(&creator);
            }
        }
        StoreDone::Changed
    }

    /// Removes a deleted account from its lists, and keeps its username from lists.
    pub(super) fn forget_account(&mut self, (id, username): Named<'_>) {
        let numbers: Vec<_> =
            self.of.get(&id).into_iter().flatten().map(|(number, _)| *number).collect();
        for number in numbers {
            self.take(number, username);
            self.delete_if_empty(number);
        }
        self.retired.insert(username.clone());
    }

    fn put(&mut self, number: ListNumber, (id, username): Named<'_>, role: Role) {
        let Some(list) = self.lists.get_mut(&number) else {
            return;
        };
        let present = list.members.insert(username.clone(), (id, role));
        self.of.entry(id).or_default().insert(number, role);
        self.memberships += usize::from(present.is_none());
    }

    fn take(&mut self, number: ListNumber, username: &Username) {
        let list = self.lists.get_mut(&number);
        if let Some((id, _)) = list.and_then(|list| list.members.remove(username)) {
            self.leave(number, id);
        }
    }

    /// Removes a list from those of an account.
    fn leave(&mut self, number: ListNumber, id: AccountId) {
        self.memberships -= 1;
        if let Some(of) = self.of.get_mut(&id) {
            of.remove(&number);
            if of.is_empty() {
                self.of.remove(&id);
            }
        }
    }
}

/// The usernames that stand after this one, or all.
pub(super) fn standing_after(after: Option<&Username>) -> (Bound<&Username>, Bound<&Username>) {
    (after.map_or(Bound::Unbounded, Bound::Excluded), Bound::Unbounded)
}

impl List {
    fn standing(&self, username: &Username) -> Standing {
        let added = self.members.get(username).map(|(_, role)| *role);
        let role = match self.membership {
            Membership::Added => added,
            Membership::AllAccounts => added.or(Some(Role::Member {})),
        };
        let Self { title, senders, membership, .. } = self;
        Standing { title: title.clone(), senders: *senders, membership: *membership, role }
    }

    fn count(&self, accounts: usize) -> u32 {
        let count = match self.membership {
            Membership::Added => self.members.len(),
            Membership::AllAccounts => accounts,
        };
        u32::try_from(count).unwrap_or(u32::MAX)
    }

    fn overview(&self, username: &Username, accounts: usize) -> ListOverview {
        let Standing { title, senders, role, .. } = self.standing(username);
        ListOverview {
            name: self.name.clone(),
            title,
            senders,
            members: self.count(accounts),
            role,
        }
    }
}
