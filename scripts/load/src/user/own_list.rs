//! A list that a user owns.

use correio_proto::{
    mail::{Recipients, Username},
    message::{ListChange, ListRequest, Request},
};

/// A list that the user owns, and how far it is.
#[derive(Debug)]
pub(super) struct OwnList {
    pub(super) name: Username,
    pub(super) members: Recipients,
    pub(super) step: Step,
}

/// What the user does next for its list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// The list is made.
    Create,
    /// Its members are added.
    Add,
    /// The list is there, with all its members.
    Send,
}

impl OwnList {
    /// A list that no other run has on this server.
    pub(super) fn new(members: Recipients) -> Self {
        let id = correio_client::new_mail_id().to_string().replace('-', "");
        let name = format!("list{}", id.get(8..).unwrap_or_default());
        let name = name.parse().expect("letters and digits are a username");
        Self { name, members, step: Step::Create }
    }

    pub(super) fn change(&self, change: ListChange) -> Request {
        Request::List(ListRequest::Change { name: self.name.clone(), change })
    }
}
