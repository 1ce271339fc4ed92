//! The lists of the model.

use std::collections::{BTreeMap, BTreeSet};

use correio_proto::{
    mail::{FullName, Username},
    message::{Role, SendPolicy},
};
use correio_server::store::EVERYBODY;

/// A list.
pub(super) struct List {
    pub(super) title: FullName,
    pub(super) senders: SendPolicy,
    /// Without those who are members of the list of all accounts anyway.
    pub(super) roles: BTreeMap<Username, Role>,
}

/// All lists by their names, and the usernames of deleted accounts, which no list gets.
pub(super) struct Lists(pub(super) BTreeMap<Username, List>, pub(super) BTreeSet<Username>);

impl Default for Lists {
    fn default() -> Self {
        let title = "Everybody · Todos".parse().unwrap();
        let everybody = List { title, senders: SendPolicy::Owners {}, roles: BTreeMap::new() };
        Self(BTreeMap::from([(everybody_name(), everybody)]), BTreeSet::new())
    }
}

pub(super) fn everybody_name() -> Username {
    EVERYBODY.parse().unwrap()
}

impl Lists {
    pub(super) fn has_name(&self, name: &Username) -> bool {
        self.0.contains_key(name)
    }

    /// Removes a deleted account.
    pub(super) fn forget(&mut self, username: &Username) {
        for list in self.0.values_mut() {
            list.roles.remove(username);
        }
        self.1.insert(username.clone());
        self.drop_empty();
    }

    pub(super) fn drop_empty(&mut self) {
        self.0.retain(|name, list| *name == everybody_name() || !list.roles.is_empty());
    }
}
