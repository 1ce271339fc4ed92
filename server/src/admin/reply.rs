//! The replies to the operator.

use std::{
    collections::BTreeSet,
    net::{IpAddr, SocketAddr},
};

use correio_proto::{
    app_password::{AppPasswordId, AppPasswordOverview, Label},
    mail::{FullName, Username},
    message::{ListMember, ListOverview},
    recovery::RecoveryCode,
};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use super::{
    cursor::AnnouncementCursor,
    moment::Moment,
    request::{Bounds, ConnectionName, InviteName},
};
use crate::{
    protocol::{Protocol, TlsMode},
    store::{
        admin::{
            AccountOverview, AccountState, DisabledMail, InviteOverview, InviteStanding, Totals,
        },
        nodes::{NodeIdentity, NodeRecord, NodeState, Nodes},
    },
};

/// A reply to an [`super::request::AdminRequest`]. Any request may be answered by `Error`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AdminReply {
    /// Accounts.
    Accounts {
        /// The accounts, in the order of their usernames.
        accounts: Vec<AccountView>,
        /// Whether there are more after these.
        more: bool,
    },
    /// One account.
    Account {
        /// The account.
        account: Box<AccountView>,
        /// Its app passwords, oldest first.
        app_passwords: Vec<AppPasswordView>,
    },
    /// Recovery codes, which nothing shows again.
    Codes {
        /// The codes, in the order of the request.
        codes: Vec<CodeView>,
    },
    /// The change holds.
    Changed {},
    /// Lists.
    Lists {
        /// The lists, in the order of their names.
        lists: Vec<ListOverview>,
        /// Whether there are more after these.
        more: bool,
    },
    /// Members of a list.
    Members {
        /// The list.
        list: ListOverview,
        /// The members, in the order of their usernames.
        members: Vec<ListMember>,
        /// Whether there are more after these.
        more: bool,
    },
    /// Open sessions.
    Sessions {
        /// The sessions, in the order of their connections' numbers.
        sessions: Vec<SessionView>,
        /// Whether there are more after these.
        more: bool,
    },
    /// Sessions were ended.
    Ended {
        /// Number of sessions.
        sessions: u32,
    },
    /// Failed attempts were forgotten.
    Unblocked {
        /// Number of entries that were forgotten: 0 if nothing was blocked.
        forgotten: u32,
    },
    /// The announcement is in all mailboxes.
    Announced {
        /// Number of mailboxes that this request has put it into.
        accounts: u64,
    },
    /// Invites.
    Invites {
        /// The invites, oldest first.
        invites: Vec<InviteView>,
        /// Whether there are more after these.
        more: bool,
    },
    /// The state of server and store.
    Status(Box<StatusView>),
    /// The servers that share the store.
    Nodes {
        /// The servers, in the order of their names; `null` if the store can have one alone.
        nodes: Option<Vec<NodeView>>,
    },
    /// The request was refused. Nothing was changed, unless the text says so.
    Error(AdminError),
}

/// An account.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccountView {
    /// Its username.
    pub username: Username,
    /// Its full name.
    pub full_name: FullName,
    /// Whether it can be used.
    pub state: StateView,
    /// Whether its person has set a password.
    pub has_password: bool,
    /// When its recovery code expires, if it has one.
    pub code_expires_at: Option<Moment>,
    /// Mails in its mailbox.
    pub mails: u64,
    /// Bytes of their subjects and contents.
    pub bytes: u64,
    /// The bounds of its mailbox.
    pub quota: Bounds,
    /// Whether the bounds are its own.
    pub has_own_quota: bool,
    /// When it was made, if that is known.
    pub created_at: Option<Moment>,
    /// When its person last logged in, to the day, if that is known.
    pub used_at: Option<Moment>,
}

/// Whether an account can be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StateView {
    /// Its person can log in.
    Enabled,
    /// Nobody can log in; the mailbox takes mail.
    DisabledKeepsMail,
    /// Nobody can log in; mail is refused.
    DisabledRefusesMail,
}

impl From<AccountOverview> for AccountView {
    fn from(account: AccountOverview) -> Self {
        Self {
            username: account.username,
            full_name: account.full_name,
            state: match account.state {
                AccountState::Enabled => StateView::Enabled,
                AccountState::Disabled(DisabledMail::Kept) => StateView::DisabledKeepsMail,
                AccountState::Disabled(DisabledMail::Refused) => StateView::DisabledRefusesMail,
            },
            has_password: account.has_password,
            code_expires_at: account.code_expires_at.map(Moment),
            mails: account.usage.mails,
            bytes: account.usage.bytes,
            quota: account.usage.quota.into(),
            has_own_quota: account.has_own_quota,
            created_at: account.created_at.map(Moment),
            used_at: account.used_at.map(Moment),
        }
    }
}

/// An app password of an account.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AppPasswordView {
    /// Its id.
    pub id: AppPasswordId,
    /// What its owner calls it.
    pub label: Label,
    /// When it was made.
    pub made_at: Moment,
    /// When it was last used, to the day, if it was used.
    pub used_at: Option<Moment>,
    /// The address that it was last used from, if it was used.
    pub used_from: Option<IpAddr>,
}

impl From<AppPasswordOverview> for AppPasswordView {
    fn from(overview: AppPasswordOverview) -> Self {
        let AppPasswordOverview { id, label, made_at, used } = overview;
        let (used_at, used_from) = (used.map(|used| Moment(used.day)), used.map(|used| used.from));
        Self { id, label, made_at: Moment(made_at), used_at, used_from }
    }
}

/// A recovery code, for the person of an account. `Debug` hides the code.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CodeView {
    /// The account's username.
    pub username: Username,
    /// The account's full name; left out where the account was there before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub full_name: Option<FullName>,
    /// The code.
    #[serde(serialize_with = "write_code", deserialize_with = "read_code")]
    pub code: RecoveryCode,
    /// Until when it can be used.
    pub expires_at: Moment,
    /// App passwords of the account that were revoked; left out where the account was made now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub app_passwords_revoked: Option<u32>,
}

fn write_code<S: Serializer>(code: &RecoveryCode, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(code)
}

fn read_code<'de, D: Deserializer<'de>>(deserializer: D) -> Result<RecoveryCode, D::Error> {
    String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
}

/// An open session.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SessionView {
    /// Its connection.
    pub connection: ConnectionName,
    /// The username of its account.
    pub username: Username,
    /// The protocol that its client speaks.
    pub protocol: Protocol,
    /// The client's address.
    pub address: SocketAddr,
    /// Since when it is connected.
    pub since: Moment,
    /// Seconds since its last request.
    pub idle_seconds: u64,
}

/// An invite.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct InviteView {
    /// Its id.
    pub id: InviteName,
    /// When it was made.
    pub made_at: Moment,
    /// Until when it can be used.
    pub expires_at: Moment,
    /// Whether it made an account, can still make one, or neither.
    pub state: InviteState,
}

/// What has become of an invite.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum InviteState {
    /// It can make an account.
    Open,
    /// It has made an account.
    Used,
    /// The operator has revoked it.
    Revoked,
    /// Its time is over.
    Expired,
}

impl InviteView {
    /// An invite as it stands at a time.
    #[must_use]
    pub fn of(overview: &InviteOverview, now: Moment) -> Self {
        let InviteOverview { invite, standing } = *overview;
        let state = match standing {
            InviteStanding::Used => InviteState::Used,
            InviteStanding::Revoked => InviteState::Revoked,
            InviteStanding::Unused if invite.expires_at <= now.0 => InviteState::Expired,
            InviteStanding::Unused => InviteState::Open,
        };
        let (made_at, expires_at) = (Moment(invite.made_at), Moment(invite.expires_at));
        Self { id: InviteName(invite.id), made_at, expires_at, state }
    }
}

/// A server that shares the store.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NodeView {
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: String,
    /// When it was started.
    pub started_at: Moment,
    /// When it last reached the store; it does so each second.
    pub seen_at: Moment,
    /// Seconds since then, by the database's clock.
    pub age: u64,
    /// Whether it is there.
    pub state: NodeState,
    /// Sessions that were open then.
    pub sessions: u64,
    /// Whether it is the server that was asked.
    pub is_this: bool,
    /// Whether it is present together with another server of its name.
    pub is_name_shared: bool,
}

/// The servers as the operator sees them.
pub(super) fn node_views(nodes: Nodes) -> Option<Vec<NodeView>> {
    let Nodes::Several(nodes) = nodes else { return None };
    let shared = shared_names(&nodes);
    let view = |node: NodeRecord| {
        let NodeRecord { name, version, started_at, seen_at, age, state, sessions, identity } =
            node;
        NodeView {
            is_name_shared: state == NodeState::Present && shared.contains(&name),
            name,
            version,
            started_at: Moment(started_at),
            seen_at: Moment(seen_at),
            age: age.as_secs(),
            state,
            sessions,
            is_this: identity == NodeIdentity::This,
        }
    };
    Some(nodes.into_iter().map(view).collect())
}

/// The names that several present servers have.
fn shared_names(nodes: &[NodeRecord]) -> BTreeSet<String> {
    let present = nodes.iter().filter(|node| node.state == NodeState::Present);
    let mut seen = BTreeSet::new();
    present.map(|node| &node.name).filter(|name| !seen.insert(*name)).cloned().collect()
}

/// The state of server and store.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StatusView {
    /// The server; `null` if none runs.
    pub server: Option<ServerView>,
    /// The store.
    pub store: StoreView,
}

/// A running server.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServerView {
    /// Its version.
    pub version: String,
    /// When it was started.
    pub started_at: Moment,
    /// Connections that are logged in.
    pub sessions: usize,
    /// Accounts that have a session.
    pub accounts_online: usize,
    /// Connections that are not logged in.
    pub anonymous: usize,
    /// Most connections.
    pub connections_max: usize,
    /// What stands after the `@` of addresses in mail programs; `null` if the server has no domain.
    #[serde(default)]
    pub mail_domain: Option<String>,
    /// Where the server listens. Empty from a server of an older version.
    #[serde(default)]
    pub listeners: Vec<ListenerView>,
}

/// An address that the server listens on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ListenerView {
    /// The protocol of its clients.
    pub protocol: Protocol,
    /// When TLS begins.
    pub tls: TlsMode,
    /// The address.
    pub address: SocketAddr,
}

/// What a store has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoreView {
    /// Accounts.
    pub accounts: u64,
    /// Accounts that are disabled.
    pub disabled: u64,
    /// Mails in all mailboxes.
    pub mails: u64,
    /// Bytes of their subjects and contents, counted once for each mailbox.
    pub bytes: u64,
    /// Lists.
    pub lists: u64,
    /// Bytes of the files of the store.
    pub file_bytes: u64,
    /// Servers that share the store and were seen in the last ten seconds; `null` if it can have
    /// one alone.
    pub nodes: Option<u64>,
}

impl From<Totals> for StoreView {
    fn from(totals: Totals) -> Self {
        let Totals { accounts, disabled, mails, bytes, lists, file_bytes, nodes } = totals;
        Self { accounts, disabled, mails, bytes, lists, file_bytes, nodes }
    }
}

/// Why a request was refused.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AdminError {
    /// A stable word for programs.
    pub code: AdminErrorCode,
    /// A sentence for the operator.
    pub text: String,
    /// The names that the error is about, if it is about names.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub names: Vec<Username>,
    /// Where an announcement goes on that was stopped.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub announcement: Option<AnnouncementCursor>,
}

impl AdminError {
    /// An error without names.
    #[must_use]
    pub fn new(code: AdminErrorCode, text: impl Into<String>) -> Self {
        Self { code, text: text.into(), names: Vec::new(), announcement: None }
    }
}

/// What kind of error it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AdminErrorCode {
    /// The line is no request, or a value in it is not valid.
    BadRequest,
    /// The request, or a text in it, is too large.
    TooLarge,
    /// There is no account of this name.
    NoAccount,
    /// There is no list of this name.
    NoList,
    /// There is no session of this connection.
    NoSession,
    /// Accounts or lists have these names already.
    Taken,
    /// A rule of lists is against the change.
    Refused,
    /// The invite is useless already: it has made an account, or it was revoked and not recorded.
    InviteUsed,
    /// No server runs, and the request is about a running one.
    NotRunning,
    /// The server has too much to do, or no room for the request; it can be made again.
    Busy,
    /// The store could not do this now.
    Unavailable,
    /// The server, or the command without a server, was told to stop, and work of many steps ended.
    Stopped,
}

impl AdminErrorCode {
    /// The code's word.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::BadRequest => "bad_request",
            Self::TooLarge => "too_large",
            Self::NoAccount => "no_account",
            Self::NoList => "no_list",
            Self::NoSession => "no_session",
            Self::Taken => "taken",
            Self::Refused => "refused",
            Self::InviteUsed => "invite_used",
            Self::NotRunning => "not_running",
            Self::Busy => "busy",
            Self::Unavailable => "unavailable",
            Self::Stopped => "stopped",
        }
    }
}
