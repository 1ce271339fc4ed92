//! A proxy between a store and its database, which ends connections after a number of messages.

use std::{io, net::SocketAddr};

use correio_server::store::postgres::DatabaseUrl;

/// Which of the two sides sent a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// The store.
    Client,
    /// The database.
    Server,
}

/// The proxy.
#[derive(Debug)]
pub struct DatabaseProxy {
    /// The address that the proxy listens on.
    pub address: SocketAddr,
}

impl DatabaseProxy {
    /// Starts a proxy to the first host of an address, on any port of this machine.
    ///
    /// # Errors
    ///
    /// There is no port.
    pub fn start(_to: &DatabaseUrl) -> io::Result<Self> {
        Err(io::Error::other("not built yet"))
    }

    /// The address of the database through the proxy.
    #[must_use]
    pub fn url(&self) -> DatabaseUrl {
        unreachable!("there is no proxy yet")
    }

    /// Ends connections once this many messages of a side have passed, counted over all connections
    /// from now on. `None` lets everything pass.
    pub fn cut_after(&self, _messages: Option<(Side, u64)>) {}

    /// Messages of a side that have passed since the last call of [`DatabaseProxy::cut_after`].
    #[must_use]
    pub fn passed(&self, _side: Side) -> u64 {
        0
    }

    /// Ends every connection now.
    pub fn cut(&self) {}

    /// Sets whether messages are held back, with the connections open.
    pub fn hold(&self, _is_held: bool) {}

    /// Sets whether new connections are ended at once.
    pub fn refuse(&self, _is_refusing: bool) {}
}
