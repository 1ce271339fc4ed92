//! The client of the operator's requests: it asks a running server, or works on the store itself.

use correio_proto::mail::Username;

use super::{opened_store::OpenedStore, running::RunningServer};
use crate::ops::admin_error::AdminCommandError;
use crate::{
    admin::{
        reply::{AdminError, AdminErrorCode, AdminReply},
        request::{AdminRequest, SessionsOf},
    },
    cancel::Cancel,
    ops::{config::Config, exit::Failure},
    store::kind::StoreConfig,
};

/// See the module's description. It keeps a connection, or the store's lock: a command reads its
/// input and asks its questions before it opens one.
pub(super) struct AdminClient<'a> {
    target: Target<'a>,
    cancel: &'a Cancel,
}

/// Where the requests go.
enum Target<'a> {
    /// To a running server.
    Server(RunningServer<'a>),
    /// To the store of a stopped one.
    Store(Box<OpenedStore<'a>>),
}

impl<'a> AdminClient<'a> {
    /// Connects to the server, or opens the store if none listens.
    pub(super) fn open(config: &Config, cancel: &'a Cancel) -> Result<Self, Failure> {
        if config.store == StoreConfig::Memory {
            return Err(AdminCommandError::Memory.into());
        }
        if cancel.is_asked() {
            return Err(AdminCommandError::Interrupted.into());
        }
        let target = match RunningServer::connect(&config.data_dir, cancel)? {
            Some(server) => Target::Server(server),
            None => Target::Store(Box::new(OpenedStore::open(config, cancel)?)),
        };
        Ok(Self { target, cancel })
    }

    /// Makes a request, unless a signal has come before. A reply that is an error becomes one.
    pub(super) fn ask(&mut self, request: AdminRequest) -> Result<AdminReply, Failure> {
        if self.cancel.is_asked() {
            return Err(AdminCommandError::Interrupted.into());
        }
        let subject = Subject::of(&request);
        let reply = match &mut self.target {
            Target::Server(server) => server.ask(&request)?,
            Target::Store(store) => store.ask(request)?,
        };
        match reply {
            AdminReply::Error(error) => {
                let error = match subject {
                    Some(subject) => subject.named_in(error),
                    None => error,
                };
                Err(AdminCommandError::Refused(error).into())
            }
            reply => Ok(reply),
        }
    }

    /// Closes the connection, or the store.
    pub(super) fn close(self) -> Result<(), Failure> {
        match self.target {
            Target::Server(_) => Ok(()),
            Target::Store(store) => store.close(),
        }
    }
}

/// The account or the list that a request is about.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Subject {
    Account(Username),
    List(Username),
}

impl Subject {
    fn of(request: &AdminRequest) -> Option<Self> {
        match request {
            AdminRequest::Account { username }
            | AdminRequest::Reset { username, .. }
            | AdminRequest::Enable { username }
            | AdminRequest::Disable { username, .. }
            | AdminRequest::Delete { username }
            | AdminRequest::Rename { username, .. }
            | AdminRequest::SetQuota { username, .. }
            | AdminRequest::EndSessions { of: SessionsOf::Account { username } } => {
                Some(Self::Account(username.clone()))
            }
            AdminRequest::Members { name, .. } | AdminRequest::ChangeList { name, .. } => {
                Some(Self::List(name.clone()))
            }
            _ => None,
        }
    }

    /// Names the account or the list that there is not, unless the error names others.
    fn named_in(self, error: AdminError) -> AdminError {
        let text = match (self, error.code) {
            (Self::Account(name), AdminErrorCode::NoAccount) if error.names.is_empty() => {
                format!("there is no account {name} (correiod account list shows all)")
            }
            (Self::List(name), AdminErrorCode::NoList) if error.names.is_empty() => {
                format!("there is no list {name} (correiod list list shows all)")
            }
            _ => return error,
        };
        AdminError { text, ..error }
    }
}
