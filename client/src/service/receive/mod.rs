//! Receives mail: fetches a page, saves it durably, and only then confirms it.
//!
//! An interruption at any point loses and duplicates nothing: unconfirmed mails come again, and
//! saved mails are recognised by sender and id.

use std::collections::VecDeque;

use correio_proto::{
    limits::CONFIRM_MAX,
    mail::{Mail, MailRef, Seq},
    message::{Confirm, Fetch, Page, Reply, Request},
};

use crate::{
    cancel::Cancel,
    error::{ReceiveError, RequestError},
    storage::mailbox::{Mailbox, MailboxError, Stored},
};

/// Progress of [`crate::Service::receive`], reported after every page.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// Mails saved so far.
    pub saved: usize,
    /// Mails skipped so far because the mailbox has them.
    pub known: usize,
    /// Whether the server has more.
    pub more: bool,
}

/// State machine of receiving: says what to do next. It does no I/O.
#[derive(Debug, Default)]
pub struct Receiving {
    /// Sequence number of the last mail on the pages before.
    after: Seq,
    state: ReceiveState,
}

/// The next step; see [`Receiving::next_step`].
#[derive(Debug)]
pub enum ReceiveStep<'a> {
    /// Send the server this request, and pass its reply to [`Receiving::answered`].
    Ask(Request),
    /// Save these mails durably and call [`Receiving::saved`].
    Save(&'a [Mail]),
    /// Nothing is left: the mailbox on the server is empty.
    Finished,
}

#[derive(Debug, Default)]
enum ReceiveState {
    #[default]
    Fetching,
    Saving(Page),
    Confirming {
        /// The references of each confirmation that is still to be sent.
        parts: VecDeque<Vec<MailRef>>,
        more: bool,
    },
    Finished,
}

impl Receiving {
    /// The next step.
    #[must_use]
    pub fn next_step(&self) -> ReceiveStep<'_> {
        match &self.state {
            ReceiveState::Fetching => {
                ReceiveStep::Ask(Request::Fetch(Fetch { after: self.after, max: 0 }))
            }
            ReceiveState::Saving(page) => ReceiveStep::Save(&page.mails),
            ReceiveState::Confirming { parts, .. } => {
                let mails = parts.front().cloned().unwrap_or_default();
                ReceiveStep::Ask(Request::Confirm(Confirm { mails }))
            }
            ReceiveState::Finished => ReceiveStep::Finished,
        }
    }

    /// Takes the reply to the request.
    ///
    /// # Errors
    ///
    /// [`ReceiveError::Page`].
    pub fn answered(&mut self, reply: Reply) -> Result<(), ReceiveError> {
        match &mut self.state {
            ReceiveState::Fetching => {
                let page = checked(reply, self.after)?;
                self.state = match page.mails.last() {
                    None => ReceiveState::Finished,
                    Some(last) => {
                        self.after = last.seq;
                        ReceiveState::Saving(page)
                    }
                };
            }
            ReceiveState::Confirming { parts, more } => {
                parts.pop_front();
                if parts.is_empty() {
                    self.state =
                        if *more { ReceiveState::Fetching } else { ReceiveState::Finished };
                }
            }
            ReceiveState::Saving(_) | ReceiveState::Finished => {}
        }
        Ok(())
    }

    /// Records that the page is safe. Only then is it confirmed.
    pub fn saved(&mut self) {
        if let ReceiveState::Saving(page) = &self.state {
            let parts = page.mails.chunks(CONFIRM_MAX);
            let parts = parts.map(|part| part.iter().map(Mail::reference).collect()).collect();
            self.state = ReceiveState::Confirming { parts, more: page.more };
        }
    }

    /// Whether everything that was fetched is confirmed.
    fn is_between_pages(&self) -> bool {
        matches!(self.state, ReceiveState::Fetching | ReceiveState::Finished)
    }
}

/// Moves all mail from the server, reached through `ask`, into the local mailbox. Returns the mails
/// that were never shown.
pub(crate) fn receive(
    mailbox: &Mailbox,
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
    let mut receiving = Receiving::default();
    loop {
        match receiving.next_step() {
            ReceiveStep::Ask(request) => {
                let confirms = matches!(request, Request::Confirm(_));
                receiving.answered(ask(request)?)?;
                if confirms && receiving.is_between_pages() {
                    so_far.more = matches!(receiving.state, ReceiveState::Fetching);
                    progress(so_far);
                }
            }
            ReceiveStep::Save(mails) => {
                let saved = saving.save(mails)?;
                if let Some(skipped) = saving.not_synced() {
                    mailbox.note_not_synced(skipped);
                }
                so_far.saved += saved;
                so_far.known += mails.len() - saved;
                receiving.saved();
            }
            // The lock for saving is still held, so that clients that receive at once show
            // different mails.
            ReceiveStep::Finished => return Ok(mailbox.claim_unseen()?),
        }
    }
}

/// Checks that a reply is a valid page.
fn checked(reply: Reply, after: Seq) -> Result<Page, ReceiveError> {
    let Reply::Page(page) = reply else {
        return Err(ReceiveError::Page("it is no page"));
    };
    // Each page starts after the one before, so that receiving ends with any server.
    let mut previous = after;
    for mail in &page.mails {
        if mail.seq <= previous {
            return Err(ReceiveError::Page("its mails are not in order"));
        }
        previous = mail.seq;
    }
    if page.mails.is_empty() && page.more {
        return Err(ReceiveError::Page("it is empty and not the last"));
    }
    Ok(page)
}

#[cfg(test)]
mod tests;
