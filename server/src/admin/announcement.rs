//! The handler of an announcement: a mail for everybody, in steps of the store.
//!
//! A step has the id that [`AnnouncementCursor`] derives from the announcement's id and the step's
//! beginning, so that a step that is repeated puts no mail into a mailbox twice. An announcement
//! that stops gives back its cursor, from which another request goes on.

use std::sync::Arc;

use correio_proto::mail::{Body, Content, Subject, Username};

use super::{
    announcing::Announcing,
    context::{AdminContext, Lifecycle},
    cursor::AnnouncementCursor,
    next::{Next, Pending},
    question::{ServerAnswer, ServerQuestion},
    refusal,
    reply::{AdminError, AdminErrorCode, AdminReply},
};
use crate::{
    event::Event,
    session::effect::{Arrival, Effect},
    store::{
        EVERYBODY, NewMailRecord,
        admin::{AdminDone, AdminJob, AdminRefusal, postmaster},
    },
};

/// How often in a row a step is submitted again because the store's queue was full: with a quarter
/// of a second between, for a minute.
const REFUSALS_MAX: u32 = 240;

/// Begins an announcement, or goes on with one.
pub(super) fn begin(
    context: &AdminContext<'_>,
    cursor: AnnouncementCursor,
    subject: Subject,
    body: Body,
) -> Next {
    if body.as_str().len() > context.body_max {
        let text =
            format!("the text has more than {} bytes, the server's body-bytes", context.body_max);
        return Next::refused(AdminErrorCode::TooLarge, text);
    }
    match prepare(cursor, subject, body) {
        Ok(announcing) => step(context, announcing),
        Err(text) => Next::refused(AdminErrorCode::Unavailable, text),
    }
}

fn prepare(
    cursor: AnnouncementCursor,
    subject: Subject,
    body: Body,
) -> Result<Box<Announcing>, String> {
    let to: Username = EVERYBODY.parse().map_err(|invalid| format!("{EVERYBODY}: {invalid}"))?;
    let (from, from_name) = postmaster();
    let arrival = Arrival { from, from_name, subject: subject.clone() };
    let (to, refusals, mailboxes) = (to.into(), 0, 0);
    Ok(Box::new(Announcing { subject, body, to, arrival, cursor, refusals, mailboxes }))
}

/// One step, from the cursor on.
fn step(context: &AdminContext<'_>, announcing: Box<Announcing>) -> Next {
    let mail = NewMailRecord::new(
        announcing.cursor.mail_id(),
        announcing.to.clone(),
        announcing.subject.clone(),
        Content::Body(announcing.body.clone()),
    );
    let after = announcing.cursor.after.clone();
    let job = AdminJob::Announce { mail: Arc::new(mail), after, now: context.now.wall };
    Next::Job(job, Pending::Announcing(announcing))
}

/// Continues after a step.
pub(super) fn complete(
    context: &mut AdminContext<'_>,
    mut announcing: Box<Announcing>,
    done: AdminDone,
) -> Next {
    match done {
        AdminDone::Announced { accounts, next } => {
            announcing.mailboxes += accounts.len() as u64;
            announcing.refusals = 0;
            let arrival = announcing.arrival.clone();
            context.effects.push(Effect::MailArrived { accounts, arrival });
            match next {
                Some(after) => {
                    announcing.cursor = announcing.cursor.step(after);
                    log("announce_step", &announcing.cursor);
                    proceed(context, announcing)
                }
                None => {
                    log("announce", &AnnouncementCursor { after: None, ..announcing.cursor });
                    Next::Reply(AdminReply::Announced { accounts: announcing.mailboxes })
                }
            }
        }
        AdminDone::Taken(names) => {
            let text = "a list or a person's account has the postmaster's name: delete it first";
            Next::refused_names(AdminErrorCode::Taken, text, names)
        }
        AdminDone::Refused(AdminRefusal::Conflict) => {
            let text =
                "an announcement of this id has another subject or text, which must be given";
            Next::refused(AdminErrorCode::BadRequest, text)
        }
        AdminDone::Refused(AdminRefusal::Unavailable(text)) => {
            Event::StoreUnavailable { text: &text }.log();
            stopped(&announcing, AdminErrorCode::Unavailable, &text)
        }
        AdminDone::Refused(_) => {
            stopped(&announcing, AdminErrorCode::Unavailable, "the store refused the mail")
        }
        other => refusal::refused(other),
    }
}

/// The store's queue had no room for the step, which is submitted again after a wait.
pub(super) fn refused(mut announcing: Box<Announcing>) -> Next {
    announcing.refusals += 1;
    match announcing.refusals > REFUSALS_MAX {
        true => stopped(&announcing, AdminErrorCode::Busy, "the store's queue is full"),
        false => Next::Ask(ServerQuestion::Wait, Pending::Announcing(announcing)),
    }
}

/// Submits the step again after the wait. Without a server, nothing else fills the queue.
pub(super) fn waited(
    context: &AdminContext<'_>,
    announcing: Box<Announcing>,
    answer: &ServerAnswer,
) -> Next {
    match answer {
        ServerAnswer::Waited | ServerAnswer::NotRunning => proceed(context, announcing),
        _ => {
            let text = "the server gave an unexpected answer";
            stopped(&announcing, AdminErrorCode::Unavailable, text)
        }
    }
}

/// The next step, unless the driver was told to stop.
fn proceed(context: &AdminContext<'_>, announcing: Box<Announcing>) -> Next {
    match context.lifecycle {
        Lifecycle::Running => step(context, announcing),
        Lifecycle::Stopping => {
            let cause = "the server, or a command without one, was told to stop";
            stopped(&announcing, AdminErrorCode::Stopped, cause)
        }
    }
}

/// The announcement ends before everybody has it.
pub(super) fn stopped(announcing: &Announcing, code: AdminErrorCode, cause: &str) -> Next {
    let Announcing { cursor, mailboxes, .. } = announcing;
    log("announce_stopped", cursor);
    let text = format!(
        "{cause}; {mailboxes} mailboxes got the announcement now, and others have not got it; correiod \
         announce --id {cursor} with the same subject and text goes on, and reaches none twice"
    );
    AdminError { announcement: Some(cursor.clone()), ..AdminError::new(code, text) }.into()
}

fn log(action: &'static str, cursor: &AnnouncementCursor) {
    Event::OperatorActed { action, name: &cursor.to_string() }.log();
}
