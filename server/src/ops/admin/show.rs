//! What a command of the operator gives back, as text for people.

use std::collections::BTreeSet;

use correio_proto::mail::Username;
use indicatif::HumanBytes;

use super::result::{ChangeKind, CommandResult, role_word, senders_word};
use crate::{
    admin::{
        moment::Moment,
        reply::{
            AccountView, AppPasswordView, CodeView, InviteState, InviteView, ListenerView,
            NodeView, SessionView, StateView, StatusView,
        },
    },
    counted::Counted,
    ops::table::Table,
    protocol::{Protocol, Service, TlsMode},
    store::nodes::NodeState,
};

impl CommandResult {
    /// The result as lines of text.
    pub(super) fn lines(&self) -> Vec<String> {
        match self {
            Self::Accounts(accounts) => accounts_table(accounts),
            Self::Account(account, app_passwords) => account_lines(account, app_passwords),
            Self::Codes(codes) => codes_table(codes),
            Self::CodesFile(path, accounts) => {
                let made = Counted(*accounts as u64, "account");
                vec![format!("made {made}; {} has the codes", path.display())]
            }
            Self::Bounded(username, account) => bounded_lines(username, account.as_deref()),
            Self::Changed(change, name) => vec![format!("{} {name}", words(*change))],
            Self::Lists(lists) => {
                let mut table = Table::new(&["NAME", "TITLE", "SENDERS", "MEMBERS"]);
                for list in lists {
                    let (name, title) = (list.name.to_string(), list.title.to_string());
                    let senders = senders_word(list.senders).to_owned();
                    table.row([name, title, senders, list.members.to_string()]);
                }
                table.lines()
            }
            Self::Members(_, members) => {
                let mut table = Table::new(&["USERNAME", "FULL NAME", "ROLE"]);
                for member in members {
                    let (username, full_name) = (&member.username, &member.full_name);
                    let role = role_word(member.role).to_owned();
                    table.row([username.to_string(), full_name.to_string(), role]);
                }
                table.lines()
            }
            Self::Sessions(sessions) => sessions_table(sessions),
            Self::Ended(sessions) => {
                vec![format!("ended {}", Counted(u64::from(*sessions), "session"))]
            }
            Self::Unblocked(0) => vec!["nothing was blocked".to_owned()],
            Self::Unblocked(_) => vec!["unblocked".to_owned()],
            Self::Announced(accounts) => {
                vec![format!("the announcement is in {}", mailboxes(*accounts))]
            }
            // One a line, without more: scripts read them.
            Self::InvitesMade(invites) => {
                invites.iter().map(|invite| invite.code.to_string()).collect()
            }
            Self::Invites(invites) => invites_table(invites),
            Self::Status(status) => status_lines(status),
            Self::Nodes(nodes) => nodes_lines(nodes.as_deref()),
        }
    }
}

/// What a change has done to the account, list or invite whose name follows.
fn words(change: ChangeKind) -> &'static str {
    match change {
        ChangeKind::Enabled => "enabled",
        ChangeKind::Disabled => "disabled",
        ChangeKind::Deleted => "deleted",
        ChangeKind::Renamed => "renamed",
        ChangeKind::ListMade => "made the list",
        ChangeKind::ListSet => "changed the list",
        ChangeKind::MembersAdded => "added to the list",
        ChangeKind::MembersRemoved => "removed from the list",
        ChangeKind::ListDeleted => "deleted the list",
        ChangeKind::Revoked => "revoked",
    }
}

/// The bounds of a mailbox, and what is in it if that is more.
fn bounded_lines(username: &Username, account: Option<&AccountView>) -> Vec<String> {
    let done = format!("set the quota of {username}");
    let Some(account) = account else {
        return vec![done];
    };
    let mut lines = vec![format!("{done} to {}", quota_words(account))];
    let mails = account.mails.saturating_sub(account.quota.mails.into());
    let bytes = account.bytes.saturating_sub(account.quota.bytes);
    let beyond = match (mails, bytes) {
        (0, 0) => return lines,
        (0, bytes) => Counted(bytes, "byte").to_string(),
        (mails, 0) => Counted(mails, "mail").to_string(),
        (mails, bytes) => format!("{} and {}", Counted(mails, "mail"), Counted(bytes, "byte")),
    };
    lines.push(format!(
        "the mailbox has {beyond} more: its mails stay, and new mail is refused until there is room"
    ));
    lines
}

fn quota_words(account: &AccountView) -> String {
    format!(
        "{} and {}{}",
        Counted(u64::from(account.quota.mails), "mail"),
        HumanBytes(account.quota.bytes),
        if account.has_own_quota { " (its own)" } else { " (the server's)" }
    )
}

fn accounts_table(accounts: &[AccountView]) -> Vec<String> {
    let head = ["USERNAME", "FULL NAME", "STATE", "MAILS", "SIZE", "LAST LOGIN"];
    let mut table = Table::new(&head);
    for account in accounts {
        table.row([
            account.username.to_string(),
            account.full_name.to_string(),
            state_words(account).to_owned(),
            account.mails.to_string(),
            HumanBytes(account.bytes).to_string(),
            account.used_at.map_or_else(|| "-".to_owned(), Moment::day),
        ]);
    }
    table.lines()
}

/// The state of an account in a few words.
fn state_words(account: &AccountView) -> &'static str {
    match (account.state, account.has_password) {
        (StateView::Enabled, true) => "enabled",
        (StateView::Enabled, false) => "no password yet",
        (StateView::DisabledKeepsMail, _) => "disabled",
        (StateView::DisabledRefusesMail, _) => "disabled, refuses mail",
    }
}

fn account_lines(account: &AccountView, app_passwords: &[AppPasswordView]) -> Vec<String> {
    let mut table = Table::new(&["username", account.username.as_str()]);
    let time = |time: Option<Moment>| time.map_or_else(|| "-".to_owned(), Moment::for_people);
    let size = HumanBytes(account.bytes);
    for (name, value) in [
        ("full name", account.full_name.to_string()),
        ("state", state_words(account).to_owned()),
        ("code valid until", time(account.code_expires_at)),
        ("mailbox", format!("{}, {size}", Counted(account.mails, "mail"))),
        ("quota", quota_words(account)),
        ("made", time(account.created_at)),
        ("last login", account.used_at.map_or_else(|| "-".to_owned(), Moment::day)),
    ] {
        table.row([name.to_owned(), value]);
    }
    for AppPasswordView { label, made_at, used_at, used_from, .. } in app_passwords {
        let used = match (used_at, used_from) {
            (Some(day), Some(from)) => format!("last used {} from {from}", day.day()),
            _ => "never used".to_owned(),
        };
        let value = format!("{label} (made {}, {used})", made_at.day());
        table.row(["app password".to_owned(), value]);
    }
    table.lines()
}

fn codes_table(codes: &[CodeView]) -> Vec<String> {
    // A code for an account that was there before comes without its full name.
    let has_names = codes.iter().any(|code| code.full_name.is_some());
    let mut table = match has_names {
        true => Table::new(&["USERNAME", "FULL NAME", "CODE", "VALID UNTIL"]),
        false => Table::new(&["USERNAME", "CODE", "VALID UNTIL"]),
    };
    for CodeView { username, full_name, code, expires_at, .. } in codes {
        let name = has_names.then(|| full_name.as_ref().map(ToString::to_string));
        let name = name.map(Option::unwrap_or_default);
        let rest = [code.to_string(), expires_at.for_people()];
        table.row([username.to_string()].into_iter().chain(name).chain(rest));
    }
    let revoked = codes.iter().filter_map(|code| code.app_passwords_revoked).sum();
    let mut lines = table.lines();
    lines.extend(match revoked {
        0 => None,
        1 => {
            Some("1 app password was revoked: the mail program that used it needs a new one".into())
        }
        number => Some(format!(
            "{number} app passwords were revoked: the mail programs that used them need new ones"
        )),
    });
    lines
}

fn sessions_table(sessions: &[SessionView]) -> Vec<String> {
    let mut table = Table::new(&["CONNECTION", "USERNAME", "PROTOCOL", "ADDRESS", "SINCE", "IDLE"]);
    for session in sessions {
        table.row([
            session.connection.to_string(),
            session.username.to_string(),
            session.protocol.as_str().to_owned(),
            session.address.to_string(),
            session.since.for_people(),
            format!("{} s", session.idle_seconds),
        ]);
    }
    table.lines()
}

fn invites_table(invites: &[InviteView]) -> Vec<String> {
    let mut table = Table::new(&["ID", "MADE", "VALID UNTIL", "STATE"]);
    for invite in invites {
        let state = match invite.state {
            InviteState::Open => "open",
            InviteState::Used => "used",
            InviteState::Revoked => "revoked",
            InviteState::Expired => "expired",
        };
        table.row([
            invite.id.to_string(),
            invite.made_at.for_people(),
            invite.expires_at.for_people(),
            state.to_owned(),
        ]);
    }
    table.lines()
}

fn status_lines(status: &StatusView) -> Vec<String> {
    let mut table = match &status.server {
        None => Table::new(&["server", "does not run"]),
        Some(server) => {
            let mut table = Table::new(&["server", &format!("runs, version {}", server.version)]);
            let connections = format!(
                "{} logged in, {} not logged in, at most {}",
                server.sessions, server.anonymous, server.connections_max
            );
            table.row(["started".to_owned(), server.started_at.for_people()]);
            table.row(["connections".to_owned(), connections]);
            let online = Counted(server.accounts_online as u64, "account").to_string();
            table.row(["logged in".to_owned(), online]);
            let domain = server.mail_domain.clone();
            table.row(["mail domain".to_owned(), domain.unwrap_or_else(|| "-".to_owned())]);
            for listener in &server.listeners {
                table.row(["listens on".to_owned(), listener_words(*listener)]);
            }
            table
        }
    };
    let store = &status.store;
    let accounts = format!("{}, {} of them disabled", store.accounts, store.disabled);
    table.row(["accounts".to_owned(), accounts]);
    table.row(["lists".to_owned(), store.lists.to_string()]);
    let mails = format!("{}, {}", Counted(store.mails, "mail"), HumanBytes(store.bytes));
    table.row(["mailboxes".to_owned(), mails]);
    if let Some(nodes) = store.nodes {
        table.row(["servers".to_owned(), format!("{nodes} on this database")]);
    }
    table.row(["files".to_owned(), HumanBytes(store.file_bytes).to_string()]);
    table.lines()
}

/// An address with what it offers, as the server's start prints it.
fn listener_words(listener: ListenerView) -> String {
    let ListenerView { protocol, tls, address } = listener;
    let service = match (protocol, tls) {
        (Protocol::Correio, _) => protocol.as_str(),
        _ => Service { protocol, tls }.name(),
    };
    match (protocol.is_mail(), tls) {
        (true, TlsMode::None) => format!("{address} ({service}, without TLS)"),
        _ => format!("{address} ({service})"),
    }
}

fn nodes_lines(nodes: Option<&[NodeView]>) -> Vec<String> {
    let Some(nodes) = nodes else {
        return vec!["this store has one server".to_owned()];
    };
    if nodes.is_empty() {
        return vec!["no server runs on this database".to_owned()];
    }
    let head = ["NAME", "STATE", "SEEN", "SESSIONS", "STARTED", "VERSION", "THIS"];
    let mut table = Table::new(&head);
    for node in nodes {
        let this = if node.is_this { "this one" } else { "" };
        table.row([
            node.name.clone(),
            match node.state {
                NodeState::Present => "present".to_owned(),
                NodeState::Gone => "gone".to_owned(),
            },
            format!("{} s ago", node.age),
            node.sessions.to_string(),
            node.started_at.for_people(),
            node.version.clone(),
            this.to_owned(),
        ]);
    }
    let mut lines = table.lines();
    let shared: BTreeSet<&str> =
        nodes.iter().filter(|node| node.is_name_shared).map(|node| &*node.name).collect();
    lines.extend(shared.iter().map(|name| {
        format!(
            "several servers have the name {name}: give each a --node-name of its own, \
             unless all but one of them are about to end"
        )
    }));
    lines
}

fn mailboxes(number: u64) -> String {
    match number {
        1 => "1 mailbox".to_owned(),
        number => format!("{number} mailboxes"),
    }
}
