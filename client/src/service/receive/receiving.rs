//! The order in which mail is received, as a state machine without I/O: fetch a page, save its
//! mails durably, and only then confirm them. A large content is read in pieces before.

use std::{collections::VecDeque, mem};

use correio_proto::{
    limits::CONFIRM_MAX,
    mail::{Content, LargeContent, Mail, MailRef, Piece, Seq},
    message::{Confirm, ErrorCode, Fetch, Page, Read, Reply, Request},
};

use crate::{
    error::ReceiveError,
    storage::mailbox::{Begun, Completed, Seen},
};

/// What becomes of mails whose content is not the one that the sender stated. Such a mail counts
/// for the mailbox on the server until it is confirmed, so a sender who states false digests could
/// fill a mailbox for good.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum DamagedContents {
    /// They stay on the server, for another try.
    #[default]
    Keep,
    /// They are confirmed, so that the server deletes them. Nothing of them is saved.
    Delete,
}

/// What becomes of the server's copy of a mail that is saved here.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ServerCopy {
    /// The mail is confirmed, so that the server deletes its copy.
    #[default]
    Delete,
    /// Nothing is confirmed: the server's copy stays for another device.
    Keep,
}

/// How mail is received. Default: all mail is moved here, and damaged contents stay on the server.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ReceiveOptions {
    /// What becomes of mails whose content is damaged. With [`ServerCopy::Keep`] they stay.
    pub damaged: DamagedContents,
    /// What becomes of the server's copies.
    pub server_copy: ServerCopy,
    /// Mails up to this number are not fetched. With [`ServerCopy::Keep`], the last number of an
    /// earlier call on the same connection saves fetching the mails that were kept again. Default:
    /// 0, so that all mails are fetched.
    pub after: Seq,
}

impl ReceiveOptions {
    /// Whether none of the mails that are here, or were, is on the server after everything was
    /// received.
    pub(super) fn confirms_all(self) -> bool {
        self.server_copy == ServerCopy::Delete && self.after == Seq::default()
    }

    /// Which mails of the server a call has seen once everything was received.
    pub(super) fn seen(self) -> Seen {
        if self.after == Seq::default() { Seen::All } else { Seen::Some }
    }
}

impl From<DamagedContents> for ReceiveOptions {
    fn from(damaged: DamagedContents) -> Self {
        Self { damaged, ..Self::default() }
    }
}

/// State machine of receiving: says what to do next, and does no I/O.
#[derive(Debug, Default)]
pub struct Receiving {
    damaged: DamagedContents,
    server_copy: ServerCopy,
    /// Sequence number of the last mail on the pages so far.
    after: Seq,
    /// The parts of the present page after the one that is being received.
    parts: VecDeque<Part>,
    /// Whether the mailbox has more mails after the present page.
    more: bool,
    state: ReceiveState,
}

/// The next step; see [`Receiving::next_step`]. [`crate::Saving`] has a method for each of the
/// steps that save.
#[derive(Debug)]
pub enum ReceiveStep<'a> {
    /// Send the server this request, and pass its reply to [`Receiving::answered`]. The reply to a
    /// `read` may be the error `no_such_mail`.
    Ask(Request),
    /// Save these mails, which have bodies or messages, durably and call [`Receiving::saved`].
    Save(&'a [Mail]),
    /// Begin to save this mail, which has a large content, and call [`Receiving::begun`].
    Begin(&'a Mail),
    /// Add this piece to the content of the mail that was begun, and call [`Receiving::appended`].
    Append(&'a Piece),
    /// The content of this mail has ended: compare it with what the mail states, make the mail
    /// durable, and call [`Receiving::completed`].
    Complete(&'a Mail),
    /// The mail that was begun is not on the server any more: leave nothing of it, and call
    /// [`Receiving::abandoned`].
    Abandon,
    /// Nothing is left: all mails on the server that could be saved are confirmed.
    Finished,
}

/// Mails of a page that are saved and confirmed together.
#[derive(Debug)]
enum Part {
    /// Mails with bodies or messages, in a row.
    Bodies(Vec<Mail>),
    Large(Box<Mail>, LargeContent),
}

#[derive(Debug, Default)]
enum ReceiveState {
    #[default]
    Fetching,
    Saving(Vec<Mail>),
    Reading(Box<Mail>, LargeContent, Reading),
    Confirming {
        /// The references of each confirmation that is still to be sent.
        parts: VecDeque<Vec<MailRef>>,
    },
    Finished,
}

/// The step that a large content waits for.
#[derive(Debug)]
enum Reading {
    Beginning,
    Asking { offset: u64 },
    Appending { offset: u64, piece: Piece },
    Completing,
    Abandoning,
}

impl Receiving {
    /// Begins to receive.
    #[must_use]
    pub fn new(options: ReceiveOptions) -> Self {
        let ReceiveOptions { damaged, server_copy, after } = options;
        Self { damaged, server_copy, after, ..Self::default() }
    }

    /// The sequence number of the last mail that was fetched. Before the first page, the number
    /// that fetching starts after.
    #[must_use]
    pub fn last(&self) -> Seq {
        self.after
    }

    /// The next step.
    #[must_use]
    pub fn next_step(&self) -> ReceiveStep<'_> {
        match &self.state {
            ReceiveState::Fetching => {
                ReceiveStep::Ask(Request::Fetch(Fetch { after: self.after, max: 0 }))
            }
            ReceiveState::Saving(mails) => ReceiveStep::Save(mails),
            ReceiveState::Reading(mail, _, reading) => match reading {
                Reading::Beginning => ReceiveStep::Begin(mail),
                Reading::Asking { offset } => {
                    let (seq, id, offset) = (mail.seq, mail.id, *offset);
                    ReceiveStep::Ask(Request::Read(Read { seq, id, offset }))
                }
                Reading::Appending { piece, .. } => ReceiveStep::Append(piece),
                Reading::Completing => ReceiveStep::Complete(mail),
                Reading::Abandoning => ReceiveStep::Abandon,
            },
            ReceiveState::Confirming { parts } => {
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
                self.after = page.mails.last().map_or(self.after, |last| last.seq);
                self.more = page.more;
                self.parts = parts(page.mails);
                self.go_on();
            }
            ReceiveState::Reading(_, stated, reading) => {
                if let Reading::Asking { offset } = *reading {
                    *reading = read(reply, *stated, offset)?;
                }
            }
            ReceiveState::Confirming { parts } => {
                parts.pop_front();
                if parts.is_empty() {
                    self.go_on();
                }
            }
            ReceiveState::Saving(_) | ReceiveState::Finished => {}
        }
        Ok(())
    }

    /// Records that the mails with bodies or messages are safe. Only then are they confirmed.
    pub fn saved(&mut self) {
        if let ReceiveState::Saving(mails) = &self.state {
            let parts = mails.chunks(CONFIRM_MAX);
            let parts = parts.map(|part| part.iter().map(Mail::reference).collect()).collect();
            self.confirm(parts);
        }
    }

    /// Records whether the content of a mail is needed.
    pub fn begun(&mut self, begun: Begun) {
        if let ReceiveState::Reading(_, _, reading @ Reading::Beginning) = &mut self.state {
            match begun {
                Begun::New => *reading = Reading::Asking { offset: 0 },
                Begun::Known => self.confirm_large(),
            }
        }
    }

    /// Records that the piece was added to the content.
    pub fn appended(&mut self) {
        if let ReceiveState::Reading(_, stated, reading) = &mut self.state
            && let Reading::Appending { offset, piece } = &*reading
        {
            let offset = offset + piece.as_bytes().len() as u64;
            *reading = match offset < stated.size.get() {
                true => Reading::Asking { offset },
                false => Reading::Completing,
            };
        }
    }

    /// Records whether the mail with a large content is safe. A damaged mail stays on the server,
    /// unless it is to be deleted.
    pub fn completed(&mut self, completed: Completed) {
        if let ReceiveState::Reading(_, _, Reading::Completing) = &self.state {
            match (completed, self.damaged) {
                (Completed::Saved, _) | (Completed::Damaged, DamagedContents::Delete) => {
                    self.confirm_large();
                }
                (Completed::Damaged, DamagedContents::Keep) => self.go_on(),
            }
        }
    }

    /// Records that nothing is left of the mail that is gone.
    pub fn abandoned(&mut self) {
        if let ReceiveState::Reading(_, _, Reading::Abandoning) = &self.state {
            self.go_on();
        }
    }

    /// Bytes of the content that is being read: those that have arrived, and all.
    pub(super) fn content(&self) -> Option<(u64, u64)> {
        match &self.state {
            ReceiveState::Reading(_, stated, Reading::Asking { offset }) => {
                Some((*offset, stated.size.get()))
            }
            _ => None,
        }
    }

    /// Whether everything that was fetched is confirmed.
    pub(super) fn is_between_pages(&self) -> bool {
        matches!(self.state, ReceiveState::Fetching | ReceiveState::Finished)
    }

    /// Whether there may be more to receive.
    pub(super) fn has_more(&self) -> bool {
        !matches!(self.state, ReceiveState::Finished)
    }

    /// Confirms the mail with a large content.
    fn confirm_large(&mut self) {
        if let ReceiveState::Reading(mail, ..) = &self.state {
            let parts = [vec![mail.reference()]].into();
            self.confirm(parts);
        }
    }

    /// Confirms mails, unless the server's copies stay.
    fn confirm(&mut self, parts: VecDeque<Vec<MailRef>>) {
        match self.server_copy {
            ServerCopy::Delete => self.state = ReceiveState::Confirming { parts },
            ServerCopy::Keep => self.go_on(),
        }
    }

    /// Begins the next part of the page, or the next page.
    fn go_on(&mut self) {
        self.state = match self.parts.pop_front() {
            Some(Part::Bodies(mails)) => ReceiveState::Saving(mails),
            Some(Part::Large(mail, stated)) => {
                ReceiveState::Reading(mail, stated, Reading::Beginning)
            }
            None if self.more => ReceiveState::Fetching,
            None => ReceiveState::Finished,
        };
    }
}

/// Takes the reply to a `read`. A content that ends early or goes on too long is completed at once:
/// its size and digest show that it is damaged.
fn read(reply: Reply, stated: LargeContent, offset: u64) -> Result<Reading, ReceiveError> {
    match reply {
        Reply::Piece { bytes } => {
            let end = offset.saturating_add(bytes.as_bytes().len() as u64);
            Ok(if offset < end && end <= stated.size.get() {
                Reading::Appending { offset, piece: bytes }
            } else {
                Reading::Completing
            })
        }
        Reply::Error(error) if error.code == ErrorCode::NoSuchMail => Ok(Reading::Abandoning),
        _ => Err(ReceiveError::Page("it is no piece of a content")),
    }
}

/// Cuts the mails of a page into parts, in order.
fn parts(mails: Vec<Mail>) -> VecDeque<Part> {
    let mut parts = VecDeque::new();
    let mut bodies = Vec::new();
    for mail in mails {
        match mail.content {
            Content::Body(_) | Content::Message(_) => bodies.push(mail),
            Content::Large(stated) => {
                if !bodies.is_empty() {
                    parts.push_back(Part::Bodies(mem::take(&mut bodies)));
                }
                parts.push_back(Part::Large(Box::new(mail), stated));
            }
        }
    }
    if !bodies.is_empty() {
        parts.push_back(Part::Bodies(bodies));
    }
    parts
}

/// Checks that a reply is a valid page.
pub(super) fn checked(reply: Reply, after: Seq) -> Result<Page, ReceiveError> {
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
