//! The replies that requests about lists must get, and whom mails to lists reach.

use std::{collections::BTreeMap, time::Duration};

use correio_proto::{
    mail::{FullName, Recipients, Username},
    message::{
        ErrorCode, ListChange, ListMember, ListOverview, ListRequest, MembersPage, Reply, Role,
        SendPolicy,
    },
};

use super::{
    lists::{List, everybody_name},
    model::Model,
    rate::Rate,
    refusal::{names_refused, refuses},
};

/// Requests about lists and app passwords that an account may make.
pub(super) const LISTS: Rate = Rate { at_once: 240, refill: Duration::from_secs(3) };

/// Why a change is refused.
type Refusal = (ErrorCode, Vec<Username>);

fn refusal<T>(code: ErrorCode) -> Result<T, Refusal> {
    Err((code, Vec::new()))
}

impl Model {
    /// Checks the reply to a request about lists.
    pub(super) fn listed(
        &mut self,
        username: &Username,
        request: &ListRequest,
        now: Duration,
        reply: &Reply,
    ) {
        if !LISTS.is_taken(&mut self.account(username).lists_full_at, now, reply) {
            return;
        }
        match request {
            ListRequest::Mine {} => {
                let mine = self.lists.0.keys();
                let mine = mine.filter(|name| self.role(name, username).is_some());
                let lists = mine.map(|name| self.overview(name, username)).collect();
                assert_eq!(reply, &Reply::Lists { lists });
            }
            ListRequest::Members { name, after } => {
                match self.page(username, name, after.as_ref()) {
                    Ok(page) => assert_eq!(reply, &Reply::Members(page)),
                    Err((code, _)) => refuses(reply, code),
                }
            }
            ListRequest::Change { name, change } => match self.changed(username, name, change) {
                Ok(()) => assert_eq!(reply, &Reply::ListChanged {}),
                Err((code, names)) if names.is_empty() => refuses(reply, code),
                Err((code, names)) => names_refused(reply, code, &names),
            },
        }
    }

    /// The role of an account in a list that exists.
    fn role(&self, name: &Username, username: &Username) -> Option<Role> {
        let role = self.lists.0[name].roles.get(username).copied();
        if *name == everybody_name() { role.or(Some(Role::Member {})) } else { role }
    }

    fn owns(&self, name: &Username, username: &Username) -> bool {
        self.role(name, username) == Some(Role::Owner {})
    }

    fn sees(&self, name: &Username, username: &Username) -> bool {
        let is_open = self.lists.0[name].senders == SendPolicy::Everybody {};
        self.role(name, username).is_some() || is_open
    }

    fn members(&self, name: &Username) -> Vec<Username> {
        let all = self.accounts.keys();
        all.filter(|username| self.role(name, username).is_some()).cloned().collect()
    }

    fn overview(&self, name: &Username, username: &Username) -> ListOverview {
        let List { title, senders, .. } = &self.lists.0[name];
        ListOverview {
            name: name.clone(),
            title: title.clone(),
            senders: *senders,
            members: self.members(name).len() as u32,
            role: self.role(name, username),
        }
    }

    fn page(
        &self,
        username: &Username,
        name: &Username,
        after: Option<&Username>,
    ) -> Result<MembersPage, Refusal> {
        if !self.lists.has_name(name) || !self.sees(name, username) {
            return refusal(ErrorCode::NoSuchList);
        }
        if *name == everybody_name() && !self.owns(name, username) {
            return refusal(ErrorCode::NotAllowed);
        }
        let members = self.members(name).into_iter();
        let members = members.filter(|member| after.is_none_or(|after| member > after));
        let members = members.map(|username| ListMember {
            full_name: self.accounts[&username].full_name.clone(),
            role: self.role(name, &username).expect("it is a member"),
            username,
        });
        let list = self.overview(name, username);
        Ok(MembersPage { list, members: members.collect(), more: false })
    }

    fn changed(
        &mut self,
        username: &Username,
        name: &Username,
        change: &ListChange,
    ) -> Result<(), Refusal> {
        if let ListChange::Create { title, senders } = change {
            return self.created(username, name, title, *senders);
        }
        if !self.lists.has_name(name) {
            return refusal(ErrorCode::NoSuchList);
        }
        let is_alone = |names: &Recipients| names.iter().eq([username]);
        let is_theirs = match change {
            ListChange::Add { members, role: Role::Member {} } => {
                is_alone(members) && self.role(name, username).is_some()
            }
            ListChange::Remove { members } => self.sees(name, username) && is_alone(members),
            _ => false,
        };
        if !self.owns(name, username) && !is_theirs {
            let sees = self.sees(name, username);
            return refusal(if sees { ErrorCode::NotAllowed } else { ErrorCode::NoSuchList });
        }
        let is_everybody = *name == everybody_name();
        let mut roles = self.lists.0[name].roles.clone();
        match change {
            ListChange::Create { .. } => unreachable!("made above"),
            ListChange::Set { title, senders } => {
                let list = self.lists.0.get_mut(name).expect("it exists");
                (list.title, list.senders) = (title.clone(), *senders);
                return Ok(());
            }
            ListChange::Add { members, role } => {
                let is_unknown = |name: &&Username| !self.accounts.contains_key(*name);
                let unknown: Vec<_> = members.iter().filter(is_unknown).cloned().collect();
                if !unknown.is_empty() {
                    return Err((ErrorCode::UnknownRecipient, unknown));
                }
                roles.extend(members.iter().map(|name| (name.clone(), *role)));
                if is_everybody {
                    roles.retain(|_, role| *role == Role::Owner {});
                }
            }
            ListChange::Remove { .. } | ListChange::Delete {} if is_everybody => {
                return refusal(ErrorCode::NotAllowed);
            }
            ListChange::Remove { members } => {
                roles.retain(|name, _| !members.iter().any(|it| it == name));
            }
            ListChange::Delete {} => {
                self.lists.0.remove(name);
                return Ok(());
            }
        }
        let has_owner =
            |roles: &BTreeMap<_, Role>| roles.values().any(|role| *role == Role::Owner {});
        let list = self.lists.0.get_mut(name).expect("it exists");
        if has_owner(&list.roles) && !has_owner(&roles) {
            return refusal(ErrorCode::NotAllowed);
        }
        list.roles = roles;
        self.lists.drop_empty();
        Ok(())
    }

    fn created(
        &mut self,
        username: &Username,
        name: &Username,
        title: &FullName,
        senders: SendPolicy,
    ) -> Result<(), Refusal> {
        if let Some(list) = self.lists.0.get(name) {
            let is_same = list.title == *title && list.senders == senders;
            return match is_same && self.owns(name, username) {
                true => Ok(()),
                false => refusal(ErrorCode::UsernameTaken),
            };
        }
        if self.accounts.contains_key(name) || self.lists.1.contains(name) {
            return refusal(ErrorCode::UsernameTaken);
        }
        let roles = BTreeMap::from([(username.clone(), Role::Owner {})]);
        self.lists.0.insert(name.clone(), List { title: title.clone(), senders, roles });
        Ok(())
    }

    /// The accounts that a mail reaches: those that it names, then those of its lists.
    pub(super) fn reached(
        &self,
        from: &Username,
        to: &Recipients,
    ) -> Result<Vec<Username>, Refusal> {
        let is_unknown =
            |name: &&Username| !self.accounts.contains_key(*name) && !self.lists.has_name(name);
        let unknown: Vec<_> = to.iter().filter(is_unknown).cloned().collect();
        if !unknown.is_empty() {
            return Err((ErrorCode::UnknownRecipient, unknown));
        }
        let lists = to.iter().filter(|name| self.lists.has_name(name));
        let refused = lists.clone().filter(|name| match self.lists.0[*name].senders {
            SendPolicy::Owners {} => !self.owns(name, from),
            SendPolicy::Members {} => self.role(name, from).is_none(),
            SendPolicy::Everybody {} => false,
        });
        let refused: Vec<_> = refused.cloned().collect();
        if !refused.is_empty() {
            return Err((ErrorCode::MayNotSend, refused));
        }
        let named = to.iter().filter(|name| self.accounts.contains_key(*name)).cloned();
        let mut reached: Vec<Username> = Vec::new();
        for name in named.chain(lists.flat_map(|name| self.members(name))) {
            if !reached.contains(&name) {
                reached.push(name);
            }
        }
        Ok(reached)
    }
}
