//! Handlers of the requests about mail: send, fetch, confirm.

use std::sync::Arc;

use correio_proto::{
    limits,
    mail::Content,
    message::{Confirm, ErrorCode, Fetch, Page, Reply, Send},
};

use crate::{
    counted::Counted,
    event::Event,
    session::{
        charge::Settlement,
        content,
        context::SessionContext,
        delivery::{self, Delivery},
        job::{Done, Job},
        pending::{MailboxStep, Pending},
        response::{Limit, Response},
        state::{Identity, SessionState},
    },
    store::{NewMailRecord, StoreDone, StoreJob},
};

/// Stores a mail in the mailboxes of all its recipients, or of none of them.
pub(crate) fn send(
    state: &mut SessionState,
    context: &mut SessionContext<'_>,
    send: Send,
) -> Response {
    let Some(sender) = state.account() else {
        return Response::account_gone();
    };
    let Send { id, to, subject, content } = send;
    let (body_max, content_max) = (context.config.body_max, context.config.content_max);
    match &content {
        Content::Body(body) if body.as_str().len() > body_max => {
            let text = format!("the body may have at most {}", Counted(body_max as u64, "byte"));
            return Response::refused(ErrorCode::TooLarge, &text);
        }
        Content::Message(message) if message.as_bytes().len() > body_max => {
            let most = Counted(body_max as u64, "byte");
            let text = format!("the message may have at most {most} in one request");
            return Response::refused(ErrorCode::TooLarge, &text);
        }
        Content::Large(large) if large.size.get() > content_max => {
            return content::too_large(content_max);
        }
        Content::Body(_) | Content::Message(_) | Content::Large(_) => {}
    }
    let mail = Arc::new(NewMailRecord::new(id, to, subject, content));
    match (delivery::begin(context, &mut state.charge, sender, &mail), state.identity()) {
        (Ok(job), _) => defer(job, MailboxStep::Sending(mail)),
        (Err(wait), Some(Identity { username, .. })) => {
            Response::limited(context, username, Limit::Mails, wait)
        }
        (Err(_), None) => Response::account_gone(),
    }
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
        (MailboxStep::Sending(mail), done) => sent(context, identity, &mail, done),
        (_, StoreDone::NoAccount) => Response::account_gone(),
        (_, StoreDone::Unavailable(text)) => {
            Event::StoreUnavailable { text: &text }.log();
            Response::unavailable()
        }
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
    let delivery = delivery::complete(context, identity, mail, done);
    let settlement = delivery.settlement();
    match delivery {
        Delivery::Accepted { sent_at } => Response::succeeded(Reply::Sent { sent_at }),
        Delivery::Repeated { sent_at } => Response::repeated(Reply::Sent { sent_at }),
        Delivery::Refused(refusal) => match settlement {
            Settlement::Failed => Response::judged(refusal.error()),
            _ => Response::error(refusal.error()),
        },
        Delivery::Limited(wait) => {
            Response::limited(context, &identity.username, Limit::Mails, wait)
        }
        Delivery::NoAccount => Response::account_gone(),
        Delivery::Unavailable => Response::unavailable(),
    }
}

fn defer(job: StoreJob, step: MailboxStep) -> Response {
    Response::Defer(Job::Store(job), Pending::Mailbox(step))
}
