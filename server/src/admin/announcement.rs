//! The handler of an announcement: a mail for everybody, in steps of the store.

use std::sync::Arc;

use correio_proto::mail::{Body, Content, FullName, MailId, Subject, Username};

use super::{
    announcing::Announcing,
    context::AdminContext,
    reply::{AdminErrorCode, AdminReply},
    step::{Next, Pending},
};
use crate::{
    event::Event,
    session::effect::{Arrival, Effect},
    store::{
        EVERYBODY, NewMailRecord,
        admin::{AdminDone, AdminJob, POSTMASTER},
    },
};

/// Full name of the postmaster in notices. The store has the same.
const POSTMASTER_NAME: &str = "Postmaster";

/// Begins an announcement.
pub(super) fn begin(context: &AdminContext<'_>, subject: Subject, body: Body) -> Next {
    if body.as_str().len() > context.body_max {
        let text =
            format!("the text has more than {} bytes, the server's body-bytes", context.body_max);
        return Next::refused(AdminErrorCode::TooLarge, text);
    }
    match prepare(context, subject, body) {
        Ok(announcing) => step(context, announcing, None),
        Err(text) => Next::refused(AdminErrorCode::Unavailable, text),
    }
}

fn prepare(
    context: &AdminContext<'_>,
    subject: Subject,
    body: Body,
) -> Result<Box<Announcing>, String> {
    let mut id = [0; 16];
    getrandom::fill(&mut id)
        .map_err(|error| format!("the system gives no random bytes: {error}"))?;
    // A UUID of version 7 begins with the time (RFC 9562).
    let time = context.now.wall.0.to_be_bytes();
    for (byte, from) in id.iter_mut().zip(time.into_iter().skip(2)) {
        *byte = from;
    }
    if let Some(byte) = id.get_mut(6) {
        *byte = 0x70 | (*byte & 0x0f);
    }
    if let Some(byte) = id.get_mut(8) {
        *byte = 0x80 | (*byte & 0x3f);
    }
    let to: Username = EVERYBODY.parse().map_err(|invalid| format!("{EVERYBODY}: {invalid}"))?;
    let from: Username =
        POSTMASTER.parse().map_err(|invalid| format!("{POSTMASTER}: {invalid}"))?;
    let from_name: FullName =
        POSTMASTER_NAME.parse().map_err(|invalid| format!("{POSTMASTER_NAME}: {invalid}"))?;
    let arrival = Arrival { from, from_name, subject: subject.clone() };
    Ok(Box::new(Announcing { subject, body, to: to.into(), arrival, id, step: 0, reached: 0 }))
}

/// One step. Each has an id of its own, since the store takes an id once.
fn step(context: &AdminContext<'_>, announcing: Box<Announcing>, after: Option<Username>) -> Next {
    let mut id = announcing.id;
    for (byte, of_step) in id.iter_mut().rev().zip(announcing.step.to_le_bytes()) {
        *byte ^= of_step;
    }
    let Ok(id) = MailId::try_from(id) else {
        return Next::refused(AdminErrorCode::Unavailable, "the announcement has no id");
    };
    let mail = NewMailRecord::new(
        id,
        announcing.to.clone(),
        announcing.subject.clone(),
        Content::Body(announcing.body.clone()),
    );
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
            announcing.reached += accounts.len() as u64;
            let arrival = announcing.arrival.clone();
            context.effects.push(Effect::MailArrived { accounts, arrival });
            match next {
                Some(after) => {
                    announcing.step += 1;
                    step(context, announcing, Some(after))
                }
                None => {
                    Event::OperatorActed { action: "announce", name: POSTMASTER }.log();
                    Next::Reply(AdminReply::Announced { accounts: announcing.reached })
                }
            }
        }
        AdminDone::Taken(names) => {
            let text = "a list or a person's account has the postmaster's name: delete it first";
            Next::refused_names(AdminErrorCode::Taken, text, names)
        }
        AdminDone::Refused(_) => stopped(&announcing, "the store refused the mail"),
        other => Next::unexpected(&other),
    }
}

/// The announcement ends before everybody has it.
pub(super) fn stopped(announcing: &Announcing, text: &str) -> Next {
    let text = match announcing.reached {
        0 => format!("{text}; no mailbox has the announcement"),
        reached => {
            format!("{text}; {reached} mailboxes have the announcement, the others have not")
        }
    };
    Next::refused(AdminErrorCode::Unavailable, text)
}
