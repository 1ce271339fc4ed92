//! What a command of the operator gives back, and its form as JSON.

use std::path::PathBuf;

use correio_proto::{
    invite::Invite,
    mail::Username,
    message::{ListMember, ListOverview, Role, SendPolicy},
};
use serde_json::{Value, json};

use crate::{
    admin::{
        moment::Moment,
        reply::{
            AccountView, AppPasswordView, CodeView, InviteView, NodeView, SessionView, StatusView,
        },
        request::InviteName,
    },
    ops::{
        admin_error::{
            AdminCommandError,
            bad_rows::{BadRow, BadRows},
            unanswered::Consequence,
        },
        exit::Failure,
    },
};

/// The result of a command.
#[derive(Debug)]
pub(super) enum CommandResult {
    /// Accounts.
    Accounts(Vec<AccountView>),
    /// One account, and its app passwords.
    Account(Box<AccountView>, Vec<AppPasswordView>),
    /// Recovery codes.
    Codes(Vec<CodeView>),
    /// Recovery codes were written into this file.
    CodesFile(PathBuf, usize),
    /// A change of what has this name.
    Changed(ChangeKind, String),
    /// A mailbox has other bounds. The account is that after the change, if it could be read.
    Bounded(Username, Option<Box<AccountView>>),
    /// Lists.
    Lists(Vec<ListOverview>),
    /// The members of a list.
    Members(Box<ListOverview>, Vec<ListMember>),
    /// Open sessions.
    Sessions(Vec<SessionView>),
    /// This many sessions were ended.
    Ended(u32),
    /// This many entries of failed attempts were forgotten.
    Unblocked(u32),
    /// An announcement is in this many mailboxes.
    Announced(u64),
    /// Invites that were made now.
    InvitesMade(Vec<MadeInvite>),
    /// Recorded invites.
    Invites(Vec<InviteView>),
    /// The state of server and store.
    Status(Box<StatusView>),
    /// The servers that share the store; `None` if it can have one alone.
    Nodes(Option<Vec<NodeView>>),
}

/// A change that a command has made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ChangeKind {
    /// An account was enabled.
    Enabled,
    /// An account was disabled.
    Disabled,
    /// An account was deleted.
    Deleted,
    /// An account has another full name.
    Renamed,
    /// A list was made.
    ListMade,
    /// A list has another title, or takes mail of others.
    ListSet,
    /// A list has members more, or owners.
    MembersAdded,
    /// A list has members less.
    MembersRemoved,
    /// A list was deleted.
    ListDeleted,
    /// An invite is useless now.
    Revoked,
}

/// An invite that was made now.
#[derive(Debug)]
pub(super) struct MadeInvite {
    /// The code.
    pub(super) code: Invite,
    /// Its id.
    pub(super) id: InviteName,
    /// Until when it can be used.
    pub(super) expires_at: Moment,
}

impl CommandResult {
    /// If the result has secrets that nothing shows again: what was done, and what to do if they
    /// are lost.
    pub(super) fn secrets(&self) -> Option<&'static str> {
        match self {
            Self::Codes(_) => Some(
                "the accounts have new codes, which are lost (`correiod account reset` gives each \
                 account another)",
            ),
            Self::InvitesMade(_) => Some(
                "invites were made, which are lost (`correiod invite list` shows the recorded, and \
                 `correiod invite revoke` makes each useless)",
            ),
            _ => None,
        }
    }

    /// The result as the JSON object that its command's schema describes.
    pub(super) fn json(&self) -> Value {
        match self {
            Self::Accounts(accounts) => json!({ "accounts": accounts }),
            Self::Account(account, app_passwords) => {
                json!({ "account": account, "app_passwords": app_passwords })
            }
            Self::Codes(codes) => json!({ "codes": codes }),
            Self::CodesFile(path, accounts) => {
                json!({ "codes_file": path.display().to_string(), "accounts": accounts })
            }
            Self::Changed(_, name) => json!({ "changed": name }),
            Self::Bounded(username, _) => json!({ "changed": username }),
            Self::Lists(lists) => {
                json!({ "lists": lists.iter().map(list_json).collect::<Vec<_>>() })
            }
            Self::Members(list, members) => json!({
                "list": list_json(list),
                "members": members.iter().map(member_json).collect::<Vec<_>>(),
            }),
            Self::Sessions(sessions) => json!({ "sessions": sessions }),
            Self::Ended(sessions) => json!({ "ended": sessions }),
            Self::Unblocked(forgotten) => json!({ "forgotten": forgotten }),
            Self::Announced(accounts) => json!({ "announced": accounts }),
            Self::InvitesMade(invites) => {
                let made = |invite: &MadeInvite| {
                    let MadeInvite { code, id, expires_at } = invite;
                    json!({ "code": code.to_string(), "id": id, "expires_at": expires_at })
                };
                json!({ "invites": invites.iter().map(made).collect::<Vec<_>>() })
            }
            Self::Invites(invites) => json!({ "invites": invites }),
            Self::Nodes(nodes) => json!({ "nodes": nodes }),
            Self::Status(status) => json!({ "server": status.server, "store": status.store }),
        }
    }
}

/// An error as the JSON object that `error.json` describes.
pub(super) fn error_json(failure: &Failure) -> Value {
    let (code, text) = (code_of(failure), failure.to_string());
    let error = match failure {
        Failure::Admin(AdminCommandError::Refused(refused)) if !refused.names.is_empty() => {
            json!({ "code": code, "text": text, "names": refused.names })
        }
        Failure::Admin(AdminCommandError::Refused(refused)) if refused.announcement.is_some() => {
            json!({ "code": code, "text": text, "announcement": refused.announcement })
        }
        Failure::Admin(AdminCommandError::Unanswered {
            consequence: Consequence::Announcement(cursor),
            ..
        }) => json!({ "code": code, "text": text, "announcement": cursor }),
        Failure::Admin(AdminCommandError::Rows(BadRows { rows, .. })) => {
            let row = |row: &BadRow| json!({ "line": row.line, "problem": row.problem });
            let rows: Vec<Value> = rows.iter().map(row).collect();
            json!({ "code": code, "text": text, "rows": rows })
        }
        _ => json!({ "code": code, "text": text }),
    };
    json!({ "error": error })
}

/// The word of a failure for programs.
pub(super) fn code_of(failure: &Failure) -> &'static str {
    match failure {
        Failure::Admin(error) => error.code(),
        _ => "failed",
    }
}

fn list_json(list: &ListOverview) -> Value {
    let ListOverview { name, title, senders, members, .. } = list;
    json!({ "name": name, "title": title, "senders": senders_word(*senders), "members": members })
}

fn member_json(member: &ListMember) -> Value {
    let ListMember { username, full_name, role } = member;
    json!({ "username": username, "full_name": full_name, "role": role_word(*role) })
}

/// The word for whose mail a list takes.
pub(super) fn senders_word(senders: SendPolicy) -> &'static str {
    match senders {
        SendPolicy::Owners {} => "owners",
        SendPolicy::Members {} => "members",
        SendPolicy::Everybody {} => "everybody",
    }
}

/// The word for what a member may do.
pub(super) fn role_word(role: Role) -> &'static str {
    match role {
        Role::Member {} => "member",
        Role::Owner {} => "owner",
    }
}
