//! The calls about lists.

use correio_proto::{
    capability::LISTS,
    mail::Username,
    message::{
        ErrorCode, ErrorReply, ListChange, ListOverview, ListRequest, MembersPage, Reply, Request,
    },
};

use super::Service;
use crate::{cancel::Cancel, error::RequestError};

impl Service {
    /// The lists that the account that is logged in owns or is a member of, in the order of their
    /// names; at most [`correio_proto::limits::LISTS_MAX`], the account's own before others.
    ///
    /// # Errors
    ///
    /// See [`RequestError`]; `not_allowed` if the server has no lists.
    pub fn lists(&self, cancel: &Cancel) -> Result<Vec<ListOverview>, RequestError> {
        match self.ask_list(ListRequest::Mine {}, cancel)? {
            Reply::Lists { lists } => Ok(lists),
            _ => Err(RequestError::Closed),
        }
    }

    /// A page of a list's members in the order of their usernames: those after `after`, or the
    /// first. While [`MembersPage::more`] is true, the page after the last member has more.
    ///
    /// # Errors
    ///
    /// See [`RequestError`]; `no_such_list`, also for a list that this account may not see;
    /// `not_allowed` for the members of the list of all accounts, unless this account owns it.
    pub fn list_members(
        &self,
        name: &Username,
        after: Option<&Username>,
        cancel: &Cancel,
    ) -> Result<MembersPage, RequestError> {
        let request = ListRequest::Members { name: name.clone(), after: after.cloned() };
        match self.ask_list(request, cancel)? {
            Reply::Members(page) => Ok(page),
            _ => Err(RequestError::Closed),
        }
    }

    /// Makes, changes or deletes a list. Repeating the same change after any error is safe; a list
    /// that is deleted already, or that the account has left, is `no_such_list`.
    ///
    /// # Errors
    ///
    /// See [`RequestError`]; `username_taken` if an account or another list has the name;
    /// `unknown_recipient` names members that are no accounts; `list_full`; `not_allowed` for an
    /// account that does not own the list, for a change after which the list had no owner, and if
    /// the server lets nobody make lists; `no_such_list`.
    pub fn change_list(
        &self,
        name: &Username,
        change: ListChange,
        cancel: &Cancel,
    ) -> Result<(), RequestError> {
        let name = name.clone();
        self.ask_list(ListRequest::Change { name, change }, cancel).map(drop)
    }

    fn ask_list(&self, request: ListRequest, cancel: &Cancel) -> Result<Reply, RequestError> {
        // To a server without lists, the request would be no message of the protocol.
        if !self.welcome().capabilities.contains(LISTS) {
            let error = ErrorReply::new(ErrorCode::NotAllowed, "this server has no lists");
            return Err(RequestError::Refused(error));
        }
        self.ask(Request::List(request), cancel)
    }
}
