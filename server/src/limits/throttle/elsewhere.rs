//! Failed logins at other servers on the same store.
//!
//! They are counted as if they had failed here, so that a guesser who goes from server to server
//! gets no more guesses in the long run. Only failures travel: an attempt without a result counts
//! where it was made.

use std::net::IpAddr;

use correio_proto::mail::Username;
use serde::{Deserialize, Serialize};

/// What servers on the same store tell each other of logins. It may be lost.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum LoginNews {
    /// A login failed.
    Failed(FailedLogin),
    /// The operator unblocked an address: its failures and registrations are forgotten.
    AddressUnblocked(IpAddr),
    /// The operator unblocked an account: the failures to log in to it are forgotten.
    AccountUnblocked(Username),
}

/// A login whose credential was wrong or whose account does not exist.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FailedLogin {
    /// The client's address.
    pub address: IpAddr,
    /// The username.
    pub username: Username,
    /// The kind of secret that was wrong.
    pub secret: SecretKind,
    /// What the failure counts for.
    pub scope: FailureScope,
}

/// What a failed login counts for, besides its username.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FailureScope {
    /// For its prefix, and for the pair of prefix and username.
    PrefixAndPair,
    /// For the pair alone: the prefix is proven for the account.
    Pair,
}

/// The kind of secret that a login gives. Failures of each kind count apart for one prefix and
/// account, and together for the prefix.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SecretKind {
    /// The account's password, or a recovery code.
    Password,
    /// An app password of a mail program.
    AppPassword,
}
