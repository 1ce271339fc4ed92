//! Handlers of the requests about mail: send, fetch, confirm.

use std::{sync::Arc, time::Duration};

use correio_proto::{
    limits,
    mail::Content,
    message::{Confirm, ErrorCode, ErrorReply, Fetch, Page, Reply, Send},
};

use crate::{
    event::Event,
    limits::throttle::Wait,
    session::{
        charge::Charge,
        content,
        context::SessionContext,
        effect::{Arrival, Effect},
        job::{Done, Job},
        pending::{MailboxStep, Pending},
        response::{Limit, Response},
        state::{Identity, SessionState},
    },
    store::{NewMailRecord, StoreDone, StoreJob},
};

/// The wait of a mail to a list while another mail of the account is on its way.
const HELD_WAIT: Wait = Wait(Duration::from_secs(1));

/// Members of lists that count as one recipient of a mail that is refused after the store looked at
/// them. A person who tries a full class again pays for the names alone; a hundred mails to the
/// largest list cost the account a day.
const MEMBERS_PER_CHARGE: u32 = 100;

/// Stores a mail in the mailboxes of all its recipients, or of none of them.
pub(crate) fn send(
    state: &mut SessionState,
    context: &mut SessionContext<'_>,
    send: Send,
) -> Response {
    let Some(identity) = state.identity() else {
        return Response::account_gone();
    };
    let Send { id, to, subject, content } = send;
    let (body_max, content_max) = (context.config.body_max, context.config.content_max);
    match &content {
        Content::Body(body) if body.as_str().len() > body_max => {
            let text = format!("the body may have at most {body_max} bytes");
            return Response::refused(ErrorCode::TooLarge, &text);
        }
        Content::Message(message) if message.as_bytes().len() > body_max => {
            let text = format!("the message may have at most {body_max} bytes in one request");
            return Response::refused(ErrorCode::TooLarge, &text);
        }
        Content::Large(large) if large.size.get() > content_max => {
            return content::too_large(content_max);
        }
        Content::Body(_) | Content::Message(_) | Content::Large(_) => {}
    }
    let recipients = u32::try_from(to.as_slice().len()).unwrap_or(u32::MAX);
    let sender = identity.account;
    let to_lists = match context.throttle.mail(context.now.uptime, sender, recipients) {
        Ok(to_lists) => to_lists,
        Err(wait) => return Response::limited(context, &identity.username, Limit::Mails, wait),
    };
    state.charge = Some(Charge::Mail(sender, recipients, to_lists));
    let mail = Arc::new(NewMailRecord::new(id, to, subject, content));
    let step = MailboxStep::Sending(mail.clone());
    defer(StoreJob::Send { sender, mail, to_lists, now: context.now.wall }, step)
}

/// Reads a page of the account's mailbox.
pub(crate) fn fetch(state: &SessionState, fetch: Fetch) -> Response {
    let Some(identity) = state.identity() else {
        return Response::account_gone();
    };
    let mails = match fetch.max {
        0 => limits::PAGE_MAILS_MAX,
        max => max.min(limits::PAGE_MAILS_MAX),
    };
    let account = identity.account;
    let bytes = limits::PAGE_BYTES_MAX;
    defer(StoreJob::Fetch { account, after: fetch.after, mails, bytes }, MailboxStep::Fetching)
}

/// Deletes mails that the client has stored.
pub(crate) fn confirm(state: &SessionState, confirm: Confirm) -> Response {
    let Some(identity) = state.identity() else {
        return Response::account_gone();
    };
    if confirm.mails.is_empty() {
        return Response::succeeded(Reply::Confirmed { deleted: 0 });
    }
    let job = StoreJob::Confirm { account: identity.account, mails: confirm.mails };
    defer(job, MailboxStep::Confirming)
}

/// Continues after `step`'s job, whose result is `done`.
pub(crate) fn complete(
    state: &SessionState,
    context: &mut SessionContext<'_>,
    step: MailboxStep,
    done: Done,
) -> Response {
    let (Done::Store(done), Some(identity)) = (done, state.identity()) else {
        return Response::unavailable();
    };
    let username = &identity.username;
    match (step, done) {
        (_, StoreDone::NoAccount) => Response::account_gone(),
        (_, StoreDone::Unavailable(text)) => {
            Event::StoreUnavailable { text: &text }.log();
            Response::unavailable()
        }
        (MailboxStep::Sending(mail), done) => sent(context, identity, &mail, done),
        (MailboxStep::Fetching, StoreDone::Page { mails, more }) => {
            if !mails.is_empty() {
                let (connection, mails) = (context.connection, mails.len());
                Event::MailDelivered { username, mails, connection }.log();
            }
            Response::succeeded(Reply::Page(Page { mails, more }))
        }
        (MailboxStep::Confirming, StoreDone::Confirmed { deleted }) => {
            let connection = context.connection;
            // A client that lost the reply confirms again: then there is nothing left to delete.
            if deleted > 0 {
                Event::MailDeleted { username, mails: deleted as usize, connection }.log();
            }
            Response::succeeded(Reply::Confirmed { deleted })
        }
        (MailboxStep::Fetching | MailboxStep::Confirming, _) => Response::unavailable(),
    }
}

fn sent(
    context: &mut SessionContext<'_>,
    identity: &Identity,
    mail: &NewMailRecord,
    done: StoreDone,
) -> Response {
    let from = &identity.username;
    let NewMailRecord { id, to, subject, content, .. } = mail;
    let connection = context.connection;
    match done {
        StoreDone::Sent { sent_at, mut recipients, from: (username, full_name) } => {
            let bytes = content.size();
            Event::MailAccepted { from, to, id: *id, bytes, connection }.log();
            // The names were charged before. Of the members of lists, the number is known only now.
            let named = to.as_slice().len();
            let more = u32::try_from(recipients.len().saturating_sub(named)).unwrap_or(u32::MAX);
            context.throttle.mail_reached(context.now.uptime, identity.account, more);
            recipients.retain(|account| !context.registry.of(*account).is_empty());
            if !recipients.is_empty() {
                let arrival =
                    Arrival { from: username, from_name: full_name, subject: subject.clone() };
                context.effects.push(Effect::MailArrived { accounts: recipients, arrival });
            }
            Response::succeeded(Reply::Sent { sent_at })
        }
        StoreDone::SentBefore { sent_at } => {
            Event::MailRepeated { from, id: *id, connection }.log();
            Response::repeated(Reply::Sent { sent_at })
        }
        StoreDone::ListsHeld => Response::limited(context, from, Limit::Mails, HELD_WAIT),
        done => {
            let Some(Refusal { error, lists }) = refusal(done) else {
                return Response::unavailable();
            };
            Event::MailRefused { from, to, id: *id, code: error.code, connection }.log();
            match lists {
                Lists::Unseen => Response::error(error),
                Lists::Seen { members } => {
                    let members = members / MEMBERS_PER_CHARGE;
                    context.throttle.mail_reached(context.now.uptime, identity.account, members);
                    Response::judged(error)
                }
            }
        }
    }
}

/// The refusal of a mail.
struct Refusal {
    error: ErrorReply,
    lists: Lists,
}

/// Whether the store looked at lists before it refused a mail.
enum Lists {
    /// It did not: the mail is charged nothing.
    Unseen,
    /// It did, and at so many of their members: the mail stays charged.
    Seen { members: u32 },
}

/// The refusal of a mail with this result of the store; `None` if the result is another one.
fn refusal(done: StoreDone) -> Option<Refusal> {
    let (lists, error) = match done {
        StoreDone::Conflict => {
            let text = "another mail was sent with this id";
            (Lists::Unseen, ErrorReply::new(ErrorCode::Conflict, text))
        }
        StoreDone::Incomplete { staged } => (Lists::Unseen, content::incomplete(staged)),
        StoreDone::UnknownRecipients(recipients) => {
            let text = "one or more recipients do not exist; nobody got the mail";
            let error = ErrorReply::new(ErrorCode::UnknownRecipient, text);
            (Lists::Unseen, ErrorReply { recipients, ..error })
        }
        StoreDone::MayNotSend(recipients) => {
            let text = "one or more lists take no mail from you; nobody got the mail";
            let error = ErrorReply::new(ErrorCode::MayNotSend, text);
            (Lists::Seen { members: 0 }, ErrorReply { recipients, ..error })
        }
        StoreDone::ListFull => {
            let text = "the lists have together too many members for one mail; nobody got it";
            (Lists::Seen { members: 0 }, ErrorReply::new(ErrorCode::ListFull, text))
        }
        StoreDone::MailboxesFull { recipients, members } => {
            let text = "the mailbox of one or more recipients is full; nobody got the mail";
            let error = ErrorReply::new(ErrorCode::MailboxFull, text);
            let lists = match members {
                0 => Lists::Unseen,
                members => Lists::Seen { members },
            };
            (lists, ErrorReply { recipients, ..error })
        }
        _ => return None,
    };
    Some(Refusal { error, lists })
}

fn defer(job: StoreJob, step: MailboxStep) -> Response {
    Response::Defer(Job::Store(job), Pending::Mailbox(step))
}
