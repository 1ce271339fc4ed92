//! What a load is run against, and how.

use std::{net::SocketAddr, time::Duration};

use correio_client::Trust;

use crate::{history::History, programs::ProgramAddresses, scenario::Scenario};

/// Target server and the virtual users.
#[derive(Debug)]
pub struct Plan {
    /// The scenario.
    pub scenario: Scenario,
    /// The server.
    pub server: SocketAddr,
    /// The trust of the clients in the server.
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
