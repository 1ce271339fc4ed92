//! Lists: a name that stands for members, such as a class.
//!
//! A list's name is a [`Username`] that no account has, so that a mail names it among its
//! recipients.

use serde::{Deserialize, Deserializer, Serialize};

use crate::{
    limits,
    mail::{FullName, Recipients, Username, bounded, present},
};

/// Requests about lists.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ListRequest {
    /// The lists that the account that is logged in owns or is a member of. Answered by
    /// [`super::Reply::Lists`].
    Mine {},
    /// The members of a list. Answered by [`super::Reply::Members`].
    Members {
        /// The list's name.
        name: Username,
        /// Only members whose usernames stand after this one; the first of all, if left out.
        #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "present")]
        after: Option<Username>,
    },
    /// A change. Answered by [`super::Reply::ListChanged`].
    Change {
        /// The list's name.
        name: Username,
        /// The change.
        change: ListChange,
    },
}

/// A change of a list. Each may be sent again: the result is the same.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ListChange {
    /// Makes the list, whose first owner is the account that is logged in.
    Create {
        /// What people call the list.
        title: FullName,
        /// Whose mail the list takes.
        senders: SendPolicy,
    },
    /// Changes the title and whose mail the list takes. Owners only.
    Set {
        /// What people call the list.
        title: FullName,
        /// Whose mail the list takes.
        senders: SendPolicy,
    },
    /// Adds members, or changes their role: all of them or, with an error, none. Owners only; a
    /// member may be told to be one.
    Add {
        /// The members: accounts, not lists.
        members: Recipients,
        /// Their role.
        role: Role,
    },
    /// Removes members; those that the list has not are skipped. Owners may remove everybody but
    /// the last owner, and a member may remove itself. Somebody who left a list that they may not
    /// know of any more gets `no_such_list` for the repetition.
    Remove {
        /// The members.
        members: Recipients,
    },
    /// Deletes the list. Mail that was sent to it stays. Owners only.
    Delete {},
}

/// Whose mail a list takes. Owners may always send.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SendPolicy {
    /// Only that of its owners.
    Owners {},
    /// That of its members.
    Members {},
    /// That of every account of the server.
    Everybody {},
}

/// What a member may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Gets the list's mail.
    Member {},
    /// Gets the list's mail, and changes the list.
    Owner {},
}

/// A list, as the account that asks sees it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ListOverview {
    /// The list's name, by which mails are addressed to it.
    pub name: Username,
    /// What people call it.
    pub title: FullName,
    /// Whose mail it takes.
    pub senders: SendPolicy,
    /// Number of members, owners included.
    pub members: u32,
    /// The role of the account that asks; left out if it is not a member.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "present")]
    pub role: Option<Role>,
}

/// See [`super::Reply::Members`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MembersPage {
    /// The list.
    pub list: ListOverview,
    /// The members in the order of their usernames, at most [`limits::MEMBERS_PAGE_MAX`].
    #[serde(deserialize_with = "paged")]
    pub members: Vec<ListMember>,
    /// Whether the list has more members after the last of these.
    pub more: bool,
}

fn paged<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<ListMember>, D::Error> {
    bounded(deserializer, limits::MEMBERS_PAGE_MAX, None)
}

/// A member of a list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ListMember {
    /// The account's username.
    pub username: Username,
    /// The account's full name.
    pub full_name: FullName,
    /// What the member may do.
    pub role: Role,
}
