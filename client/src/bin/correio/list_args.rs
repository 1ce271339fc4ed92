//! The command line of `correio list` with a command: the lists that the server keeps.

use clap::{Subcommand, ValueEnum};
use correio_proto::message::SendPolicy;

/// What to do with a list of members.
#[derive(Debug, Subcommand)]
pub(crate) enum ListCommand {
    /// Make a list, whose first owner is the user
    Create {
        /// The list's name, which no account has
        #[arg(value_name = "LIST")]
        list: String,
        /// What people call it
        #[arg(long, value_name = "TEXT", allow_hyphen_values = true)]
        title: String,
        /// Whose mail it takes
        #[arg(long, value_enum, default_value_t = Senders::Members)]
        senders: Senders,
    },
    /// Show the members of a list
    Members {
        /// The list's name
        #[arg(value_name = "LIST")]
        list: String,
    },
    /// Add members to a list
    Add {
        /// The list's name
        #[arg(value_name = "LIST")]
        list: String,
        /// The members' usernames
        #[arg(value_name = "NAME", required = true)]
        who: Vec<String>,
        /// Make them owners
        #[arg(long)]
        owner: bool,
    },
    /// Remove members from a list
    Remove {
        /// The list's name
        #[arg(value_name = "LIST")]
        list: String,
        /// The members' usernames
        #[arg(value_name = "NAME", required = true)]
        who: Vec<String>,
    },
    /// Change the title of a list, or whose mail it takes
    Set {
        /// The list's name
        #[arg(value_name = "LIST")]
        list: String,
        /// What people call it
        #[arg(long, value_name = "TEXT", allow_hyphen_values = true)]
        title: Option<String>,
        /// Whose mail it takes
        #[arg(long, value_enum)]
        senders: Option<Senders>,
    },
    /// Delete a list; mail that was sent to it stays
    Delete {
        /// The list's name
        #[arg(value_name = "LIST")]
        list: String,
    },
    /// Show the lists of the user
    Mine,
}

/// Whose mail a list takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Senders {
    Owners,
    Members,
    Everybody,
}

impl From<Senders> for SendPolicy {
    fn from(senders: Senders) -> Self {
        match senders {
            Senders::Owners => Self::Owners {},
            Senders::Members => Self::Members {},
            Senders::Everybody => Self::Everybody {},
        }
    }
}
