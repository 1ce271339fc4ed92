//! What the requests about mail do: send, fetch, confirm.

use std::sync::Arc;

use correio_proto::{
    limits,
    mail::Username,
    message::{Confirm, ErrorCode, ErrorReply, Fetch, NewMail, Notice, Page, Reply, Send},
};

use crate::{
    event::Event,
    session::{
        Done, Job, Limit, Pending, Response, Session, SessionContext,
        charge::{Charge, Settlement},
        effect::Effect,
    },
    store::{Outgoing, StoreDone, StoreJob},
};

/// Where something about mail stands while the store works on it.
#[derive(Debug)]
pub(crate) enum Step {
    /// A mail is being stored.
    Sending(Arc<Outgoing>),
    /// A page is being read.
    Fetching,
    /// Mails are being deleted.
    Confirming,
}

pub(crate) fn send(
    session: &mut Session,
    context: &mut SessionContext<'_>,
    send: Send,
) -> Response {
    let Some(identity) = session.identity() else {
        return Response::account_gone();
    };
    let Send { id, to, subject, body } = send;
    if body.as_str().len() > context.config.body_max {
        let text = format!("the body may have at most {} bytes", context.config.body_max);
        return Response::refuse(ErrorCode::TooLarge, &text);
    }
    let recipients = u32::try_from(to.as_slice().len()).unwrap_or(u32::MAX);
    let sender = identity.account;
    if let Err(wait) = context.throttle.mail(context.now.uptime, sender, recipients) {
        return Response::limited(context, &identity.username, Limit::Mails, wait);
    }
    session.charge = Some(Charge::Mail(sender, recipients));
    let mail = Arc::new(Outgoing { id, to, subject, body });
    let step = Step::Sending(mail.clone());
    defer(StoreJob::Send { sender, mail, now: context.now.wall }, step)
}

pub(crate) fn fetch(session: &Session, fetch: Fetch) -> Response {
    let Some(identity) = session.identity() else {
        return Response::account_gone();
    };
    let mails = match fetch.max {
        0 => limits::PAGE_MAILS_MAX,
        max => max.min(limits::PAGE_MAILS_MAX),
    };
    let account = identity.account;
    let bytes = limits::PAGE_BYTES_MAX;
    defer(StoreJob::Fetch { account, after: fetch.after, mails, bytes }, Step::Fetching)
}

pub(crate) fn confirm(session: &Session, confirm: Confirm) -> Response {
    let Some(identity) = session.identity() else {
        return Response::account_gone();
    };
    if confirm.mails.is_empty() {
        return Response::Reply(Reply::Confirmed { deleted: 0 });
    }
    let job = StoreJob::Confirm { account: identity.account, mails: confirm.mails };
    defer(job, Step::Confirming)
}

/// Goes on with `step`, for which `done` came back.
pub(crate) fn complete(
    session: &mut Session,
    context: &mut SessionContext<'_>,
    step: Step,
    done: Done,
) -> Response {
    if let Done::Store(StoreDone::SentBefore { .. }) = done {
        // It was charged for when it was sent.
        session.settle_as(context, Settlement::Failed);
    }
    let (Done::Store(done), Some(identity)) = (done, session.identity()) else {
        return Response::unavailable();
    };
    let username = &identity.username;
    match (step, done) {
        (_, StoreDone::NoAccount) => Response::account_gone(),
        (_, StoreDone::Unavailable(text)) => {
            Event::StoreUnavailable { text: &text }.log();
            Response::unavailable()
        }
        (Step::Sending(mail), done) => sent(context, username, &mail, done),
        (Step::Fetching, StoreDone::Page { mails, more }) => {
            if !mails.is_empty() {
                let (connection, mails) = (context.connection, mails.len());
                Event::MailDelivered { username, mails, connection }.log();
            }
            Response::Reply(Reply::Page(Page { mails, more }))
        }
        (Step::Confirming, StoreDone::Confirmed { deleted }) => {
            let connection = context.connection;
            // Asked for again after a lost answer, there is nothing left to delete.
            if deleted > 0 {
                Event::MailDeleted { username, mails: deleted as usize, connection }.log();
            }
            Response::Reply(Reply::Confirmed { deleted })
        }
        (Step::Fetching | Step::Confirming, _) => Response::unavailable(),
    }
}

fn sent(
    context: &mut SessionContext<'_>,
    from: &Username,
    mail: &Outgoing,
    done: StoreDone,
) -> Response {
    let Outgoing { id, to, subject, body } = mail;
    let connection = context.connection;
    let error = match done {
        StoreDone::Sent { sent_at, mut recipients, from: (username, full_name) } => {
            let bytes = body.as_str().len();
            Event::MailAccepted { from, to, id: *id, bytes, connection }.log();
            recipients.retain(|account| !context.registry.of(*account).is_empty());
            if !recipients.is_empty() {
                let new_mail =
                    NewMail { from: username, from_name: full_name, subject: subject.clone() };
                let notice = Notice::NewMail(new_mail);
                context.effects.push(Effect::Notify { accounts: recipients, notice });
            }
            return Response::Reply(Reply::Sent { sent_at });
        }
        StoreDone::SentBefore { sent_at } => {
            Event::MailRepeated { from, id: *id, connection }.log();
            return Response::Reply(Reply::Sent { sent_at });
        }
        StoreDone::Conflict => {
            ErrorReply::new(ErrorCode::Conflict, "another mail was sent with this id")
        }
        StoreDone::UnknownRecipients(recipients) => {
            let text = "one or more recipients do not exist; nobody got the mail";
            ErrorReply { recipients, ..ErrorReply::new(ErrorCode::UnknownRecipient, text) }
        }
        StoreDone::MailboxesFull(recipients) => {
            let text = "the mailbox of one or more recipients is full; nobody got the mail";
            ErrorReply { recipients, ..ErrorReply::new(ErrorCode::MailboxFull, text) }
        }
        _ => return Response::unavailable(),
    };
    Event::MailRefused { from, to, id: *id, code: error.code, connection }.log();
    Response::Reply(Reply::Error(error))
}

fn defer(job: StoreJob, step: Step) -> Response {
    Response::Defer(Job::Store(job), Pending::Mailbox(step))
}
