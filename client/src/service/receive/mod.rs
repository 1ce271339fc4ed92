//! Receives mail: fetches a page, saves it durably, and only then confirms it.
//!
//! An interruption at any point loses and duplicates nothing: unconfirmed mails come again, and
//! saved mails are recognised by sender and id.

mod receiving;

use correio_proto::message::{ErrorCode, Reply, Request};

use crate::{
    cancel::Cancel,
    error::{ReceiveError, RequestError},
    storage::mailbox::{Begun, Completed, Locked, Mailbox, MailboxError, Saving, Stored},
};

pub use receiving::{DamagedContents, ReceiveStep, Receiving};

/// Progress of [`crate::Service::receive`], reported after every page and after every piece of a
/// large content.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// Mails saved so far.
    pub saved: usize,
    /// Mails skipped so far because the mailbox has them.
    pub known: usize,
    /// Whether the server has more.
    pub more: bool,
    /// The large content that is being read.
    pub content: Option<ContentProgress>,
}

/// Progress of a large content, in bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ContentProgress {
    /// Bytes that have arrived.
    pub done: u64,
    /// Bytes of the whole content.
    pub size: u64,
}

/// Moves all mail from the server, reached through `ask`, into the local mailbox. Returns the mails
/// that were never shown.
pub(crate) fn receive(
    mailbox: &Mailbox,
    damaged: DamagedContents,
    ask: &mut dyn FnMut(Request) -> Result<Reply, RequestError>,
    progress: &mut dyn FnMut(Progress),
    cancel: &Cancel,
) -> Result<Vec<Stored>, ReceiveError> {
    let mut saving = match mailbox.start_saving(cancel) {
        Err(MailboxError::Locked) if cancel.is_cancelled() => {
            return Err(RequestError::Cancelled.into());
        }
        saving => saving?,
    };
    let mut so_far = Progress::default();
    let mut receiving = Receiving::new(damaged);
    loop {
        let done = step(&mut receiving, &mut saving, mailbox, ask, &mut so_far);
        match done {
            Ok(StepDone::Silent) => {}
            Ok(StepDone::Progress) => progress(so_far),
            // The lock for saving is still held, so that clients that receive at once show
            // different mails.
            Ok(StepDone::Finished) => {
                // A record that stays is only larger than needed.
                let _ = saving.forget_deleted();
                return Ok(mailbox.claim_unseen()?);
            }
            Err(error) => {
                saving.abandon();
                return Err(error);
            }
        }
        if let Some(skipped) = saving.not_synced() {
            mailbox.note_not_synced(skipped);
        }
    }
}

/// Result of one step.
enum StepDone {
    Silent,
    /// The progress has changed.
    Progress,
    Finished,
}

/// Does the next step of receiving.
fn step(
    receiving: &mut Receiving,
    saving: &mut Saving<Locked>,
    mailbox: &Mailbox,
    ask: &mut dyn FnMut(Request) -> Result<Reply, RequestError>,
    so_far: &mut Progress,
) -> Result<StepDone, ReceiveError> {
    match receiving.next_step() {
        ReceiveStep::Ask(request) => {
            let confirms = matches!(request, Request::Confirm(_));
            receiving.answered(asked(ask, request)?)?;
            if !confirms || !receiving.is_between_pages() {
                return Ok(StepDone::Silent);
            }
            *so_far = Progress { more: receiving.has_more(), content: None, ..*so_far };
            return Ok(StepDone::Progress);
        }
        ReceiveStep::Save(mails) => {
            let count = mails.len();
            let saved = saving.save(mails)?;
            so_far.saved += saved;
            so_far.known += count - saved;
            receiving.saved();
        }
        ReceiveStep::Begin(mail) => {
            let begun = saving.begin(mail)?;
            so_far.known += usize::from(begun == Begun::Known);
            receiving.begun(begun);
        }
        ReceiveStep::Append(piece) => {
            saving.append(piece)?;
            receiving.appended();
        }
        ReceiveStep::Complete(mail) => {
            let completed = saving.complete()?;
            match completed {
                Completed::Saved => so_far.saved += 1,
                Completed::Damaged => mailbox.note_damaged(mail),
            }
            receiving.completed(completed);
        }
        ReceiveStep::Abandon => {
            saving.abandon();
            receiving.abandoned();
        }
        ReceiveStep::Finished => return Ok(StepDone::Finished),
    }
    let Some((done, size)) = receiving.content() else {
        return Ok(StepDone::Silent);
    };
    *so_far = Progress { more: true, content: Some(ContentProgress { done, size }), ..*so_far };
    Ok(StepDone::Progress)
}

/// Asks the server. That a content is not there any more is an answer, too: another client of the
/// account may have confirmed the mail meanwhile.
fn asked(
    ask: &mut dyn FnMut(Request) -> Result<Reply, RequestError>,
    request: Request,
) -> Result<Reply, RequestError> {
    let reads = matches!(request, Request::Read(_));
    match ask(request) {
        Err(RequestError::Refused(error)) if reads && error.code == ErrorCode::NoSuchMail => {
            Ok(Reply::Error(error))
        }
        answer => answer,
    }
}

#[cfg(test)]
mod tests;
