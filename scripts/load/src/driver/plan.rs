//! What a driver is to do.

use std::{net::SocketAddr, time::Duration};

use correio_client::Trust;

use crate::{history::History, programs::ProgramAddresses, scenario::Scenario};

/// Target server and the virtual users.
#[derive(Debug)]
pub struct Plan {
    /// The scenario.
    pub scenario: Scenario,
    /// The servers, nodes of one store: at least one. A client connects to each in turn.
    pub servers: Vec<SocketAddr>,
    /// The trust of the clients in the servers.
    pub trust: Trust,
    /// The server's listeners for mail programs, if it has any.
    pub programs: Option<ProgramAddresses>,
    /// Mails a second by schedule, besides the scenario's; `None` for a closed load.
    pub rate: Option<f64>,
    /// Seed of the random choices.
    pub seed: u64,
    /// A server that is silent for this long is gone, unless it has told a user to wait.
    pub silence: Duration,
    /// A history to keep, if backups are compared with it.
    pub history: Option<History>,
}

impl Plan {
    /// The server of a client's attempt to connect. Clients begin at different servers, and go on
    /// to the next after each connection.
    pub(super) fn server(&self, client: usize, attempts: usize) -> Option<SocketAddr> {
        let count = self.servers.len().max(1);
        self.servers.get(client.wrapping_add(attempts) % count).copied()
    }
}
