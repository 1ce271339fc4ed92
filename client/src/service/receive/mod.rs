//! Receives mail: fetches a page, saves it durably, and only then confirms it.
//!
//! An interruption at any point loses and duplicates nothing: unconfirmed mails come again, and
//! saved mails are recognised by sender and id.

mod receiving;

use correio_proto::{
    mail::{Mail, MailId, Seq, Username},
    message::{ErrorCode, Reply, Request},
};

use crate::{
    cancel::Cancel,
    error::{ReceiveError, RequestError},
    storage::mailbox::{Begun, Completed, Locked, Mailbox, MailboxError, Saving, Seen, Stored},
};

pub use receiving::{DamagedContents, ReceiveOptions, ReceiveStep, Receiving, ServerCopy};

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

impl Progress {
    /// Takes the end of a page.
    fn turn_page(&mut self, receiving: &Receiving) {
        self.more = receiving.has_more();
        self.content = None;
    }
}

/// Progress of a large content, in bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ContentProgress {
    /// Bytes that have arrived.
    pub done: u64,
    /// Bytes of the whole content.
    pub size: u64,
}

/// The mails that [`crate::Service::receive_with`] returns.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Received {
    /// The mails in the mailbox that were never shown, oldest first.
    pub mails: Vec<Stored>,
    /// The number of the last mail that was fetched; see [`ReceiveOptions::after`].
    pub last: Seq,
}

/// What a call of [`receive`] has done so far.
#[derive(Debug, Default)]
struct Done {
    progress: Progress,
    /// The mails that are here, or were, and that the server keeps.
    kept: Vec<(MailId, Username)>,
    server_copy: ServerCopy,
}

impl Done {
    /// Takes a mail that is safe.
    fn is_safe(&mut self, mail: &Mail) {
        if self.server_copy == ServerCopy::Keep {
            self.kept.push((mail.id, mail.from.clone()));
        }
    }

    /// Records the mails that the server keeps.
    fn record(&self, saving: &Saving<Locked>, seen: Seen) -> Result<(), MailboxError> {
        match self.server_copy {
            ServerCopy::Keep => saving.record_kept(&self.kept, seen),
            ServerCopy::Delete => Ok(()),
        }
    }
}

/// Moves all mail from the server, reached through `ask`, into the local mailbox, or copies it
/// there.
pub(crate) fn receive(
    mailbox: &Mailbox,
    options: ReceiveOptions,
    ask: &mut dyn FnMut(Request) -> Result<Reply, RequestError>,
    progress: &mut dyn FnMut(Progress),
    cancel: &Cancel,
) -> Result<Received, ReceiveError> {
    let mut saving = match mailbox.start_saving(cancel) {
        Err(MailboxError::Locked) if cancel.is_cancelled() => {
            return Err(RequestError::Cancelled.into());
        }
        saving => saving?,
    };
    let mut so_far = Done { server_copy: options.server_copy, ..Done::default() };
    let mut receiving = Receiving::new(options);
    loop {
        let done = step(&mut receiving, &mut saving, mailbox, ask, &mut so_far);
        match done {
            Ok(StepDone::Silent) => {}
            Ok(StepDone::Progress) => progress(so_far.progress),
            // The lock for saving is still held, so that clients that receive at once show
            // different mails.
            Ok(StepDone::Finished) => {
                so_far.record(&saving, options.seen())?;
                let (mails, last) = (mailbox.claim_unseen()?, receiving.last());
                if options.confirms_all() {
                    // A record that stays is only larger than needed.
                    let _ = saving.forget_recorded();
                }
                return Ok(Received { mails, last });
            }
            Err(error) => {
                saving.abandon();
                // The first error is reported. The next call records mails that this one could not.
                let _ = so_far.record(&saving, Seen::Some);
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
    so_far: &mut Done,
) -> Result<StepDone, ReceiveError> {
    match receiving.next_step() {
        ReceiveStep::Ask(request) => {
            let confirms = matches!(request, Request::Confirm(_));
            receiving.answered(asked(ask, request)?)?;
            if !confirms || !receiving.is_between_pages() {
                return Ok(StepDone::Silent);
            }
            so_far.progress.turn_page(receiving);
            return Ok(StepDone::Progress);
        }
        ReceiveStep::Save(mails) => {
            let count = mails.len();
            let saved = saving.save(mails)?;
            mails.iter().for_each(|mail| so_far.is_safe(mail));
            so_far.progress.saved += saved;
            so_far.progress.known += count - saved;
            receiving.saved();
            // Without confirmations, the page may end here.
            if receiving.is_between_pages() {
                so_far.progress.turn_page(receiving);
                return Ok(StepDone::Progress);
            }
        }
        ReceiveStep::Begin(mail) => {
            let begun = saving.begin(mail)?;
            if begun == Begun::Known {
                so_far.is_safe(mail);
                so_far.progress.known += 1;
            }
            receiving.begun(begun);
        }
        ReceiveStep::Append(piece) => {
            saving.append(piece)?;
            receiving.appended();
        }
        ReceiveStep::Complete(mail) => {
            let completed = saving.complete()?;
            match completed {
                Completed::Saved => {
                    so_far.is_safe(mail);
                    so_far.progress.saved += 1;
                }
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
    so_far.progress.more = true;
    so_far.progress.content = Some(ContentProgress { done, size });
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
