//! The rules of lists, which all stores share.

use correio_proto::{
    mail::{FullName, Username},
    message::{ListChange, Role, SendPolicy},
};

use super::{EVERYBODY, StoreDone, admin::POSTMASTER};

/// Title of [`EVERYBODY`].
pub(super) const EVERYBODY_TITLE: &str = "Everybody · Todos";

/// Whether a name is kept for the list, or for the account, that only the store makes. No other
/// account and no other list gets it, also on a store that lacks that list because an account once
/// had the name.
pub(super) fn is_reserved(name: &Username) -> bool {
    [EVERYBODY, POSTMASTER].contains(&name.as_str())
}

/// Who the members of a list are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Membership {
    /// The accounts that were added.
    Added,
    /// All accounts; those that were added are its owners.
    AllAccounts,
}

/// The values of a list, and the part that an account has in it.
#[derive(Clone, Debug)]
pub(super) struct Standing {
    /// What people call the list.
    pub(super) title: FullName,
    /// Whose mail the list takes.
    pub(super) senders: SendPolicy,
    /// Who the members are.
    pub(super) membership: Membership,
    /// The account's role; `None` if the account is no member.
    pub(super) role: Option<Role>,
}

impl Standing {
    /// Whether the list takes the account's mail.
    pub(super) fn may_send(&self) -> bool {
        match self.senders {
            SendPolicy::Owners {} => self.is_owner(),
            SendPolicy::Members {} => self.role.is_some(),
            SendPolicy::Everybody {} => true,
        }
    }

    /// Refuses to show the members. Those of the list of all accounts are shown to its owners
    /// alone: everybody else would read the whole directory there.
    pub(super) fn may_read(&self) -> Result<(), StoreDone> {
        match self.membership {
            _ if self.is_owner() => Ok(()),
            Membership::AllAccounts => Err(StoreDone::NotOwner),
            Membership::Added if self.is_visible() => Ok(()),
            Membership::Added => Err(StoreDone::NoSuchList),
        }
    }

    /// Refuses a change by the account with this username. A change that was made before by this
    /// account is allowed, so that it can be sent again.
    pub(super) fn may_change(
        &self,
        username: &Username,
        change: &ListChange,
    ) -> Result<(), StoreDone> {
        let is_alone = |names: &[Username]| names == [username.clone()];
        let is_theirs = match change {
            ListChange::Create { title, senders } => {
                let is_same = *title == self.title && *senders == self.senders;
                return match is_same && self.is_owner() {
                    true => Ok(()),
                    false => Err(StoreDone::UsernameTaken),
                };
            }
            ListChange::Set { .. } | ListChange::Delete {} => false,
            // An owner who became a member asks again.
            ListChange::Add { members, role: Role::Member {} } => {
                self.role.is_some() && is_alone(members.as_slice())
            }
            ListChange::Add { .. } => false,
            // Somebody who left the list asks again. A list that the account may not know of is
            // answered like one that does not exist.
            ListChange::Remove { members } => self.is_visible() && is_alone(members.as_slice()),
        };
        let is_fixed = self.membership == Membership::AllAccounts
            && matches!(change, ListChange::Remove { .. } | ListChange::Delete {});
        match self.is_owner() || is_theirs {
            true if is_fixed => Err(StoreDone::FixedList),
            true => Ok(()),
            false if self.is_visible() => Err(StoreDone::NotOwner),
            false => Err(StoreDone::NoSuchList),
        }
    }

    fn is_owner(&self) -> bool {
        self.role == Some(Role::Owner {})
    }

    /// Whether the account may know of the list.
    fn is_visible(&self) -> bool {
        self.role.is_some() || self.senders == SendPolicy::Everybody {}
    }
}
