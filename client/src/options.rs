//! Options of a connection and its requests.

use std::time::Duration;

use crate::trust::{KnownServers, Trust};

/// Options of a connection and its requests.
#[derive(Clone, Debug)]
pub struct ConnectOptions {
    /// Maximum time to connect, from the look-up of the name to the greeting. It holds for each
    /// attempt to reconnect, too. Default 10 s.
    pub deadline: Duration,
    /// Maximum time for a request, reconnecting and sending again included. Default 60 s.
    pub request_deadline: Duration,
    /// The certificate that the server must present at every connection. Default: one that a public
    /// authority has signed.
    pub trust: Trust,
    /// File in which the server's realm is checked and recorded before a credential is made.
    /// Default: none, so that nothing is checked.
    pub known: Option<KnownServers>,
}

impl Default for ConnectOptions {
    fn default() -> Self {
        Self {
            deadline: Duration::from_secs(10),
            request_deadline: Duration::from_secs(60),
            trust: Trust::Authorities,
            known: None,
        }
    }
}
