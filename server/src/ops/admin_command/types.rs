//! The commands of the operator about a server's accounts, lists, sessions, invites and state.

use std::path::PathBuf;

use correio_proto::{
    mail::{FullName, Recipients, Subject, Username},
    message::{Role, SendPolicy},
};

use crate::admin::{
    cursor::AnnouncementCursor,
    request::{Blocked, Bounds, InviteName, MailPolicy, SessionsOf},
};

/// A command, and how its result is printed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AdminCommand {
    /// What is done.
    pub action: CommandAction,
    /// How the result is printed.
    pub output: OutputFormat,
}

/// How a result is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OutputFormat {
    /// As text for people.
    Text,
    /// As one JSON object.
    Json,
}

/// What a command does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CommandAction {
    /// About accounts.
    Account(AccountAction),
    /// About lists.
    List(ListAction),
    /// About invites.
    Invite(InviteAction),
    /// Show open sessions.
    Sessions,
    /// End sessions.
    EndSessions(SessionsOf),
    /// Forget failed attempts.
    Unblock(Blocked),
    /// Send a mail to everybody.
    Announce {
        /// The mail's subject.
        subject: Subject,
        /// The announcement that goes on; `None` for a new one.
        cursor: Option<AnnouncementCursor>,
        /// The file with its text; `None` for standard input.
        file: Option<PathBuf>,
    },
    /// Show the state of server and store.
    Status,
    /// Show the servers that share the store.
    Nodes,
}

/// What a command does with accounts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AccountAction {
    /// Show all accounts.
    List,
    /// Show one.
    Show(Username),
    /// Make one, and print its code.
    Create {
        /// Its username.
        username: Username,
        /// Its full name.
        full_name: FullName,
        /// How long its code can be used, in days.
        days: u16,
    },
    /// Make those of a file.
    Import {
        /// The file; `None` for standard input.
        file: Option<PathBuf>,
        /// The file that gets the codes; they are printed if there is none.
        codes: Option<PathBuf>,
        /// How long the codes can be used, in days.
        days: u16,
    },
    /// Enable one.
    Enable(Username),
    /// Disable one.
    Disable(Username, MailPolicy),
    /// Delete one.
    Delete(Username, Confirmation),
    /// Change the full name of one.
    Rename(Username, FullName),
    /// Change the quota of one; `None` for the server's.
    Quota(Username, Option<Bounds>),
    /// Give one a code.
    Reset {
        /// Its username.
        username: Username,
        /// How long the code can be used, in days.
        days: u16,
    },
}

/// Whether the operator has confirmed what cannot be undone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Confirmation {
    /// On the command line.
    Given,
    /// Not yet: the command asks.
    Wanted,
}

/// What a command does with lists.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ListAction {
    /// Show all lists.
    List,
    /// Show the members of one.
    Members(Username),
    /// Make one.
    Create(Username, FullName, SendPolicy),
    /// Change the title of one, and whose mail it takes.
    Set(Username, FullName, SendPolicy),
    /// Add members to one.
    Add(Username, Recipients, Role),
    /// Remove members from one.
    Remove(Username, Recipients),
    /// Delete one.
    Delete(Username),
}

/// What a command does with invites.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum InviteAction {
    /// Make some, and print them.
    Make {
        /// How many.
        count: u32,
        /// How long they can be used, in days.
        days: u32,
    },
    /// Show all.
    List,
    /// Make one useless.
    Revoke(InviteName),
}
