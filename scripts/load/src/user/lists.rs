//! A user's own list, which a share of its mails goes to.

use correio_proto::{
    mail::Recipients,
    message::{ListChange, ListRequest, Request, Role, SendPolicy},
};

use super::{
    RequestKind, UserContext, VirtualUser,
    own_list::{OwnList, Step},
};

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
