//! The way to a store: through its running server, or without one.

use super::{error::AdminCommandError, running::Running, stopped::Stopped};
use crate::{
    admin::{reply::AdminReply, request::AdminRequest},
    ops::{config::Config, exit::Failure},
    store::kind::StoreKind,
};

/// See the module's description.
pub(super) enum Door {
    /// A server runs.
    Running(Running),
    /// No server runs.
    Stopped(Box<Stopped>),
}

impl Door {
    /// Connects to the server, or opens the store if none listens.
    pub(super) fn open(config: &Config) -> Result<Self, Failure> {
        if config.store == StoreKind::Memory {
            return Err(AdminCommandError::Memory.into());
        }
        match Running::connect(&config.data_dir)? {
            Some(running) => Ok(Self::Running(running)),
            None => Ok(Self::Stopped(Box::new(Stopped::open(config)?))),
        }
    }

    /// Makes a request. A reply that is an error becomes one.
    pub(super) fn ask(&mut self, request: AdminRequest) -> Result<AdminReply, Failure> {
        let reply = match self {
            Self::Running(running) => running.ask(&request)?,
            Self::Stopped(stopped) => stopped.ask(request)?,
        };
        match reply {
            AdminReply::Error(error) => Err(AdminCommandError::Refused(error).into()),
            reply => Ok(reply),
        }
    }

    /// Closes the connection, or the store.
    pub(super) fn close(self) -> Result<(), Failure> {
        match self {
            Self::Running(_) => Ok(()),
            Self::Stopped(stopped) => stopped.close(),
        }
    }
}
