//! The state machine of one operator's connection. See the room's description.

use crate::{
    clock::Now,
    event::Event,
    ids::{ConnId, Ticket},
    session::effect::Effect,
    store::{
        StoreDone, StoreJob,
        admin::{AccountState, AdminDone, AdminJob},
    },
};

use super::{
    accounts, announcement,
    context::AdminContext,
    invites, lists,
    moment::Moment,
    next::{Change, Next, Pending, Sessions},
    question::{ServerAnswer, ServerQuestion},
    reply::{AdminErrorCode, AdminReply, CodeView, InviteView, node_views},
    request::{AdminRequest, Blocked, SessionsOf},
    server,
};

/// See the module's description.
#[derive(Debug, Default)]
pub(crate) struct AdminSession {
    waiting: Option<Waiting>,
    /// Counts the session's jobs and questions.
    serial: u64,
}

/// What the session waits for.
#[derive(Debug)]
struct Waiting {
    serial: u64,
    on: On,
    pending: Pending,
}

/// The other side that a session waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum On {
    Store,
    Server,
}

/// What the driver must do for its session.
#[derive(Debug)]
pub(crate) enum AdminAction {
    /// Send this reply.
    Reply(AdminReply),
    /// Submit this job under this ticket.
    Store(Ticket, StoreJob),
    /// Ask the server this under this ticket.
    Ask(Ticket, ServerQuestion),
}

/// What a session waited for.
#[derive(Debug)]
pub(crate) enum AdminInput {
    /// The store's result.
    Store(StoreDone),
    /// The server's answer.
    Server(ServerAnswer),
    /// The store's queue is full: the job was not taken.
    Busy,
}

impl AdminSession {
    /// Handles a request. Must not be called while the session waits.
    pub(crate) fn handle(
        &mut self,
        context: &mut AdminContext<'_>,
        request: AdminRequest,
    ) -> AdminAction {
        let next = begin(context, request);
        self.follow(context, next)
    }

    /// Continues with what the session waited for. `None` if it does not wait for this.
    pub(crate) fn complete(
        &mut self,
        context: &mut AdminContext<'_>,
        ticket: Ticket,
        input: AdminInput,
    ) -> Option<AdminAction> {
        let waiting = self.waiting.take_if(|waiting| waiting.serial == ticket.serial)?;
        let next = match input {
            AdminInput::Busy => busy(waiting.pending),
            AdminInput::Store(done) => stored(context, waiting.pending, done),
            AdminInput::Server(answer) => answered(context, waiting.pending, answer),
        };
        Some(self.follow(context, next))
    }

    /// The ticket of what the session waits for.
    pub(crate) fn waiting_for(&self, connection: ConnId) -> Option<Ticket> {
        self.waiting.as_ref().map(|waiting| Ticket { connection, serial: waiting.serial })
    }

    /// Whether the session waits for a job of the store, or for room for one that must be done.
    pub(crate) fn is_storing(&self) -> bool {
        self.waiting.as_ref().is_some_and(|waiting| {
            waiting.on == On::Store || matches!(waiting.pending, Pending::Announcing(_))
        })
    }

    fn follow(&mut self, context: &AdminContext<'_>, next: Next) -> AdminAction {
        let mut wait = |on, pending| {
            self.serial += 1;
            self.waiting = Some(Waiting { serial: self.serial, on, pending });
            Ticket { connection: context.connection, serial: self.serial }
        };
        match next {
            Next::Reply(reply) => AdminAction::Reply(reply),
            Next::Job(job, pending) => {
                AdminAction::Store(wait(On::Store, pending), StoreJob::Admin(job))
            }
            Next::Ask(question, pending) => AdminAction::Ask(wait(On::Server, pending), question),
        }
    }
}

/// Begins a request.
fn begin(context: &AdminContext<'_>, request: AdminRequest) -> Next {
    use Sessions::{Continue, End};
    let now = context.now;
    match request {
        AdminRequest::Accounts { after } => {
            let accounts = accounts::ACCOUNTS_PAGE;
            Next::Job(AdminJob::Accounts { after, accounts }, Pending::Reading)
        }
        AdminRequest::Account { username } => {
            Next::Job(AdminJob::Account { username }, Pending::Reading)
        }
        AdminRequest::Create { accounts, days } => accounts::create(now, accounts, days),
        AdminRequest::Reset { username, days } => accounts::reset(now, username, days),
        AdminRequest::Enable { username } => {
            let (name, state) = (username.clone(), AccountState::Enabled);
            accounts::change("enable", &name, Continue, AdminJob::SetState { username, state })
        }
        AdminRequest::Disable { username, mail } => {
            let (name, state) = (username.clone(), AccountState::Disabled(mail.into()));
            accounts::change("disable", &name, End, AdminJob::SetState { username, state })
        }
        AdminRequest::Delete { username } => {
            let name = username.clone();
            accounts::change("delete", &name, End, AdminJob::Delete { username })
        }
        AdminRequest::Rename { username, full_name } => {
            let name = username.clone();
            let job = AdminJob::Rename { username, full_name };
            accounts::change("rename", &name, Continue, job)
        }
        AdminRequest::SetQuota { username, quota } => {
            let name = username.clone();
            let job = AdminJob::SetQuota { username, quota: quota.map(Into::into) };
            accounts::change("quota", &name, Continue, job)
        }
        AdminRequest::Lists { after } => lists::lists(after),
        AdminRequest::Members { name, after } => lists::members(name, after),
        AdminRequest::ChangeList { name, change } => lists::change(name, change),
        AdminRequest::Sessions { after } => {
            let after = after.map(|after| after.0);
            Next::Ask(ServerQuestion::Sessions { after }, Pending::Reading)
        }
        AdminRequest::EndSessions { of: SessionsOf::Account { username } } => {
            let pending = Pending::FindingSessions(username.clone());
            Next::Job(AdminJob::Account { username }, pending)
        }
        AdminRequest::EndSessions { of: SessionsOf::Connection { connection } } => {
            let pending = Pending::Acting("sessions_end", connection.to_string());
            Next::Ask(ServerQuestion::EndConnection(connection.0), pending)
        }
        AdminRequest::Unblock { of } => unblock(of),
        AdminRequest::Announce { cursor, subject, body } => {
            announcement::begin(context, cursor, subject, body)
        }
        AdminRequest::RecordInvites { invites } => invites::record(now, &invites),
        AdminRequest::Invites { skip } => invites::list(skip),
        AdminRequest::RevokeInvite { id } => invites::revoke(id),
        AdminRequest::Status {} => Next::Job(AdminJob::Totals, Pending::Counting),
        AdminRequest::Nodes {} => Next::Job(AdminJob::Nodes, Pending::Reading),
    }
}

fn unblock(of: Blocked) -> Next {
    let (name, question) = match of {
        Blocked::Address { address } => {
            (address.to_string(), ServerQuestion::UnblockAddress(address))
        }
        Blocked::Account { username } => {
            (username.to_string(), ServerQuestion::UnblockAccount(username))
        }
    };
    Next::Ask(question, Pending::Acting("unblock", name))
}

/// Continues a request with the store's result.
fn stored(context: &mut AdminContext<'_>, pending: Pending, done: StoreDone) -> Next {
    let done = match done {
        StoreDone::Admin(done) => done,
        StoreDone::Unavailable(text) => {
            Event::StoreUnavailable { text: &text }.log();
            return match pending {
                Pending::Announcing(announcing) => {
                    announcement::stopped(&announcing, AdminErrorCode::Unavailable, &text)
                }
                _ => Next::refused(AdminErrorCode::Unavailable, text.as_ref()),
            };
        }
        _ => return Next::refused(AdminErrorCode::Unavailable, "the store gave another answer"),
    };
    match (pending, done) {
        (Pending::Announcing(announcing), done) => {
            announcement::complete(context, announcing, done)
        }
        (Pending::Changing(change), AdminDone::Changed(account)) => {
            if let (Sessions::End, Some(account)) = (change.sessions, account) {
                context.effects.push(Effect::EndSessions { account, except: None });
            }
            changed(&change)
        }
        (Pending::Coding(codes), AdminDone::Created) => coded(codes),
        (Pending::Coding(mut codes), AdminDone::CodeSet { account, revoked }) => {
            context.effects.push(Effect::EndGatewaySessions { account });
            for code in &mut codes {
                code.app_passwords_revoked = Some(revoked);
            }
            coded(codes)
        }
        (Pending::FindingSessions(username), AdminDone::Account(account, _)) => {
            let pending = Pending::Acting("sessions_end", username.to_string());
            Next::Ask(ServerQuestion::EndAccount(account.id), pending)
        }
        (Pending::Counting, AdminDone::Totals(totals)) => {
            Next::Ask(ServerQuestion::Status, Pending::Asking(totals))
        }
        (_, done) => read(context.now, done),
    }
}

/// The reply with what the store read.
fn read(now: Now, done: AdminDone) -> Next {
    Next::Reply(match done {
        AdminDone::Accounts { accounts, more } => {
            let accounts = accounts.into_iter().map(Into::into).collect();
            AdminReply::Accounts { accounts, more }
        }
        AdminDone::Account(account, app_passwords) => AdminReply::Account {
            account: Box::new((*account).into()),
            app_passwords: app_passwords.into_iter().map(Into::into).collect(),
        },
        AdminDone::Members(page) => return lists::page(page),
        AdminDone::Nodes(nodes) => AdminReply::Nodes { nodes: node_views(nodes) },
        AdminDone::Invites { invites, more } => {
            let now = Moment(now.wall);
            let invites = invites.iter().map(|invite| InviteView::of(invite, now)).collect();
            AdminReply::Invites { invites, more }
        }
        other => return lists::listed(other),
    })
}

fn coded(codes: Vec<CodeView>) -> Next {
    let (action, name) = log_of(&codes);
    Event::OperatorActed { action, name: &name }.log();
    Next::Reply(AdminReply::Codes { codes })
}

/// The word in the log for accounts that got codes, with a name. An import has its number of
/// accounts there: so many lines would displace others.
fn log_of(codes: &[CodeView]) -> (&'static str, String) {
    match codes {
        [code] if code.full_name.is_some() => ("create", code.username.to_string()),
        [code] => ("reset", code.username.to_string()),
        codes => ("import", codes.len().to_string()),
    }
}

fn changed(change: &Change) -> Next {
    Event::OperatorActed { action: change.action, name: &change.name }.log();
    Next::Reply(AdminReply::Changed {})
}

/// Continues a request with the server's answer.
fn answered(context: &AdminContext<'_>, pending: Pending, answer: ServerAnswer) -> Next {
    match (pending, answer) {
        (Pending::Announcing(announcing), answer) => {
            announcement::waited(context, announcing, &answer)
        }
        (Pending::Asking(totals), ServerAnswer::Status(status)) => {
            server::status(Some(status), totals)
        }
        (Pending::Asking(totals), ServerAnswer::NotRunning) => server::status(None, totals),
        (Pending::Acting(action, name), answer) => {
            if let ServerAnswer::Ended(1..) | ServerAnswer::Forgotten(1..) = answer {
                Event::OperatorActed { action, name: &name }.log();
            }
            server::reply(answer)
        }
        (_, answer) => server::reply(answer),
    }
}

fn busy(pending: Pending) -> Next {
    match pending {
        Pending::Announcing(announcing) => announcement::refused(announcing),
        _ => {
            let text = "the store's queue is full; try again in a second";
            Next::refused(AdminErrorCode::Busy, text)
        }
    }
}

#[cfg(test)]
mod tests {
    use correio_proto::mail::Timestamp;

    use super::*;

    fn code(username: &str, full_name: Option<&str>) -> CodeView {
        CodeView {
            username: username.parse().unwrap(),
            full_name: full_name.map(|name| name.parse().unwrap()),
            code: [7; 10].into(),
            expires_at: Moment(Timestamp(9)),
            app_passwords_revoked: None,
        }
    }

    #[test]
    fn an_import_has_one_line_in_the_log_with_its_number_of_accounts() {
        let (tony, pepper) = (code("tony", Some("Tony Stark")), code("pepper", None));
        let both = [tony, code("bruce", Some("Bruce Banner"))];
        assert_eq!(log_of(&both[..1]), ("create", "tony".to_owned()));
        assert_eq!(log_of(&[pepper]), ("reset", "pepper".to_owned()));
        assert_eq!(log_of(&both), ("import", "2".to_owned()));
    }
}
