//! A user's own list, which a share of its mails goes to.

use correio_proto::{
    mail::{Recipients, Username},
    message::{ListChange, ListRequest, Request, Role, SendPolicy},
};

use super::{RequestKind, UserContext, VirtualUser};

/// A list that the user owns, and how far it is.
#[derive(Debug)]
pub(super) struct OwnList {
    name: Username,
    members: Recipients,
    step: Step,
}

/// What the user does next for its list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    Create,
    Add,
    /// The list is there, with all its members.
    Send,
}

impl OwnList {
    /// A list that no other run has on this server.
    fn new(members: Recipients) -> Self {
        let id = correio_client::new_mail_id().to_string().replace('-', "");
        let name = format!("list{}", id.get(8..).unwrap_or_default());
        let name = name.parse().expect("letters and digits are a username");
        Self { name, members, step: Step::Create }
    }

    fn change(&self, change: ListChange) -> Request {
        Request::List(ListRequest::Change { name: self.name.clone(), change })
    }
}

impl VirtualUser {
    /// Makes the user's list, or sends a mail to it and to one of its members.
    pub(super) fn use_list(&mut self, context: &mut UserContext<'_>) {
        if self.list.is_none() {
            self.list = self.recipients(context).map(OwnList::new);
        }
        let Some(list) = &self.list else {
            return self.rest(context);
        };
        let request = match list.step {
            Step::Create => {
                let title = list.name.as_str().parse().expect("a username is a full name");
                list.change(ListChange::Create { title, senders: SendPolicy::Owners {} })
            }
            Step::Add => {
                let (members, role) = (list.members.clone(), Role::Member {});
                // The owner stays one.
                let others = members.iter().filter(|name| **name != self.username).cloned();
                match others.collect::<Vec<_>>().try_into() {
                    Ok(members) => list.change(ListChange::Add { members, role }),
                    Err(_) => Request::List(ListRequest::Mine {}),
                }
            }
            Step::Send => {
                let to = [Some(&list.name), list.members.iter().next()];
                let to = to.into_iter().flatten().cloned().collect::<Vec<_>>();
                let to = Recipients::try_from(to).expect("there is the list at least");
                let mut reached = list.members.as_slice().to_vec();
                if !reached.contains(&self.username) {
                    reached.push(self.username.clone());
                }
                return self.post(context, to, &reached, context.now);
            }
        };
        self.ask(context, RequestKind::List, request, context.now);
    }

    /// The server has answered a request about the list.
    pub(super) fn list_answered(&mut self) {
        if let Some(list) = &mut self.list {
            list.step = match list.step {
                Step::Create => Step::Add,
                Step::Add | Step::Send => Step::Send,
            };
        }
    }
}
