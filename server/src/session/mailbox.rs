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
        Done, Job, Limit, Outcome, Pending, Scope, Session,
        charge::{Charge, Settlement},
        effect::Effect,
    },
    store::{NewMailRecord, StoreDone, StoreJob},
};

/// Where something about mail stands while the store works on it.
#[derive(Debug)]
pub(crate) enum Step {
    /// A mail is being stored.
    Sending(Arc<NewMailRecord>),
    /// A page is being read.
    Fetching,
    /// Mails are being deleted.
    Confirming,
}

pub(crate) fn send(session: &mut Session, scope: &mut Scope<'_>, send: Send) -> Outcome {
    let Some(identity) = session.identity() else {
        return Outcome::account_gone();
    };
    let Send { id, to, subject, body } = send;
    if body.as_str().len() > scope.settings.body_max {
        let text = format!("the body may have at most {} bytes", scope.settings.body_max);
        return Outcome::refuse(ErrorCode::TooLarge, &text);
    }
    let recipients = u32::try_from(to.as_slice().len()).unwrap_or(u32::MAX);
    let sender = identity.account;
    if let Err(wait) = scope.throttle.mail(scope.now.uptime, sender, recipients) {
        return Outcome::limited(scope, &identity.username, Limit::Mails, wait);
    }
    session.charge = Some(Charge::Mail(sender, recipients));
    let mail = Arc::new(NewMailRecord { id, to, subject, body });
    let step = Step::Sending(mail.clone());
    defer(StoreJob::Send { sender, mail, now: scope.now.wall }, step)
}

pub(crate) fn fetch(session: &Session, fetch: Fetch) -> Outcome {
    let Some(identity) = session.identity() else {
        return Outcome::account_gone();
    };
    let mails = match fetch.max {
        0 => limits::PAGE_MAILS_MAX,
        max => max.min(limits::PAGE_MAILS_MAX),
    };
    let account = identity.account;
    let bytes = limits::PAGE_BYTES_MAX;
    defer(StoreJob::Fetch { account, after: fetch.after, mails, bytes }, Step::Fetching)
}

pub(crate) fn confirm(session: &Session, confirm: Confirm) -> Outcome {
    let Some(identity) = session.identity() else {
        return Outcome::account_gone();
    };
    if confirm.mails.is_empty() {
        return Outcome::Reply(Reply::Confirmed { deleted: 0 });
    }
    let job = StoreJob::Confirm { account: identity.account, mails: confirm.mails };
    defer(job, Step::Confirming)
}

/// Goes on with `step`, for which `done` came back.
pub(crate) fn complete(
    session: &mut Session,
    scope: &mut Scope<'_>,
    step: Step,
    done: Done,
) -> Outcome {
    if let Done::Store(StoreDone::SentBefore { .. }) = done {
        // It was charged for when it was sent.
        session.settle_as(scope, Settlement::Failed);
    }
    let (Done::Store(done), Some(identity)) = (done, session.identity()) else {
        return Outcome::unavailable();
    };
    let username = &identity.username;
    match (step, done) {
        (_, StoreDone::NoAccount) => Outcome::account_gone(),
        (_, StoreDone::Unavailable(text)) => {
            Event::StoreUnavailable { text: &text }.log();
            Outcome::unavailable()
        }
        (Step::Sending(mail), done) => sent(scope, username, &mail, done),
        (Step::Fetching, StoreDone::Page { mails, more }) => {
            if !mails.is_empty() {
                let (connection, mails) = (scope.connection, mails.len());
                Event::MailDelivered { username, mails, connection }.log();
            }
            Outcome::Reply(Reply::Page(Page { mails, more }))
        }
        (Step::Confirming, StoreDone::Confirmed { deleted }) => {
            let connection = scope.connection;
            // Asked for again after a lost answer, there is nothing left to delete.
            if deleted > 0 {
                Event::MailDeleted { username, mails: deleted as usize, connection }.log();
            }
            Outcome::Reply(Reply::Confirmed { deleted })
        }
        (Step::Fetching | Step::Confirming, _) => Outcome::unavailable(),
    }
}

fn sent(scope: &mut Scope<'_>, from: &Username, mail: &NewMailRecord, done: StoreDone) -> Outcome {
    let NewMailRecord { id, to, subject, body } = mail;
    let connection = scope.connection;
    let error = match done {
        StoreDone::Sent { sent_at, mut recipients, from: (username, full_name) } => {
            let bytes = body.as_str().len();
            Event::MailAccepted { from, to, id: *id, bytes, connection }.log();
            recipients.retain(|account| !scope.presence.of(*account).is_empty());
            if !recipients.is_empty() {
                let new_mail =
                    NewMail { from: username, from_name: full_name, subject: subject.clone() };
                let notice = Notice::NewMail(new_mail);
                scope.effects.push(Effect::Notify { accounts: recipients, notice });
            }
            return Outcome::Reply(Reply::Sent { sent_at });
        }
        StoreDone::SentBefore { sent_at } => {
            Event::MailRepeated { from, id: *id, connection }.log();
            return Outcome::Reply(Reply::Sent { sent_at });
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
        _ => return Outcome::unavailable(),
    };
    Event::MailRefused { from, to, id: *id, code: error.code, connection }.log();
    Outcome::Reply(Reply::Error(error))
}

fn defer(job: StoreJob, step: Step) -> Outcome {
    Outcome::Defer(Job::Store(job), Pending::Mailbox(step))
}
