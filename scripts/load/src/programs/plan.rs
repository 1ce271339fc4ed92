//! The plan of each mail program: its user, its behaviour and its servers.

use std::{net::SocketAddr, time::Duration};

use correio_client::Trust;
use correio_proto::mail::Username;

use crate::{ledger::UserId, scenario::Group};

/// The mail domain of the server under load.
pub const DOMAIN: &str = "localhost";

/// The addresses on which the server listens for mail programs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ProgramAddresses {
    /// SMTP submission.
    pub submission: SocketAddr,
    /// POP3.
    pub pop3: SocketAddr,
    /// The trust of mail programs in the server.
    pub trust: Trust,
}

/// The plan of one program.
#[derive(Clone, Debug)]
pub struct ProgramPlan {
    /// The user's number.
    pub user: UserId,
    /// The number of the group.
    pub group: usize,
    /// The username, which is also the full name.
    pub username: Username,
    /// The group.
    pub settings: Group,
    /// Usernames of the possible recipients.
    pub to: Vec<Username>,
    /// Address for correio's own protocol.
    pub server: SocketAddr,
    /// The trust of correio's own clients.
    pub trust: Trust,
    /// The listeners for mail programs.
    pub addresses: ProgramAddresses,
    /// Time of the first connection.
    pub arrival: Duration,
    /// Seed of the random choices.
    pub seed: u64,
}
