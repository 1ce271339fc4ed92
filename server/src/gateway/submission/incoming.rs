//! Receives a mail: makes the record for the store from the data after `DATA`.
//!
//! A mail that is no larger than a request may be stays in memory, and its job has the content. A
//! larger mail is staged in the store piece by piece while it arrives; from then on, memory holds
//! one piece and the bytes of one read.

use correio_proto::{
    limits,
    mail::{
        Content, ContentHasher, ContentKind, LargeContent, MailId, Message, Piece, Timestamp,
        Username,
    },
    rfc5322::{self, HeadEnd, MESSAGE_HEAD_MAX},
};

use super::{
    data::{DataFault, DataReader, Progress},
    envelope::{Addressed, Envelope},
    head::{self, Head, HeadFault},
    mail_id::{self, IdHasher},
};
use crate::{
    gateway::domain::MailDomain,
    ids::{AccountId, AccountSecret},
    session::{Identity, SessionContext},
    store::{NewMailRecord, StoreJob, gateway::GatewayJob},
};

/// A refused mail is read to its end, since the server would take the rest of it for commands, but
/// no further than this many times the largest mail: then the connection ends.
const READ_ON: u64 = 4;

/// Why a mail is not handed to the store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum MailFault {
    /// The data of the mail is refused.
    Data(DataFault),
    /// The head of the mail is refused.
    Head(HeadFault),
    /// The store did not take a piece.
    Store(StageFault),
}

/// Why the store did not take a piece.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum StageFault {
    /// There is no room for another upload.
    Full,
    /// The store's queue is full.
    Busy,
    /// The account does not exist any more.
    NoAccount,
    /// The store could not do the job.
    Unavailable,
}

/// What the session must do next for a mail.
#[derive(Debug)]
pub(super) enum Next {
    /// Read more input.
    Read,
    /// Submit this job, which stages a piece, and wait for its result.
    Stage(StoreJob),
    /// Submit this job, which forgets the staged part of a refused mail, and wait for its result.
    Discard(StoreJob),
    /// Store or refuse the mail, which has ended. [`Incoming`] must not be used any more.
    Ended(Result<Box<NewMailRecord>, MailFault>),
    /// Refuse the mail and close the connection: the program sends without an end.
    Endless(MailFault),
}

/// The sender of a mail, and its recipients.
#[derive(Debug)]
struct Origin {
    account: AccountId,
    sender: Username,
    domain: MailDomain,
    envelope: Envelope,
    /// When the mail began. It is the date of a mail that states none.
    begun: Timestamp,
}

/// See the module's description.
#[derive(Debug)]
pub(super) struct Incoming {
    origin: Origin,
    /// Largest content that travels in one job, in bytes.
    inline_max: usize,
    size_max: u64,
    reader: DataReader,
    id: IdHasher,
    reading: Reading,
    /// In the head: all of the message so far. In the body: the bytes that are not staged yet.
    buffer: Vec<u8>,
    fault: Option<MailFault>,
    /// The id of an upload of this mail. No other mail has it.
    upload_id: Option<MailId>,
    upload: Option<Upload>,
    has_ended: bool,
}

/// What of the message is being read.
#[derive(Debug)]
enum Reading {
    Head {
        /// Bytes at the start in which the head's end was sought.
        scanned: usize,
    },
    Body {
        head: Box<Head>,
        addressed: Addressed,
        /// The id of the envelope and the head, for the Message-ID of a large mail.
        head_id: Option<MailId>,
    },
}

/// The staged part of a large mail.
#[derive(Debug)]
struct Upload {
    id: MailId,
    staged: u64,
    hasher: ContentHasher,
}

/// Bytes of the largest mail that the server takes. The rest of a content is room for added fields.
pub(super) fn size_max(content_max: u64) -> u64 {
    content_max.saturating_sub(head::ADDED_MAX as u64)
}

impl Incoming {
    /// A mail of which nothing has arrived, from a program that is logged in to this account, which
    /// has this secret. `number` counts the mails of the session.
    pub(super) fn new(
        context: &SessionContext<'_>,
        (identity, secret): (&Identity, AccountSecret),
        domain: &MailDomain,
        (envelope, number): (Envelope, u64),
    ) -> Self {
        let sender = identity.username.clone();
        let size_max = size_max(context.config.content_max);
        Self {
            id: IdHasher::new(secret, &sender, envelope.recipients()),
            inline_max: context.config.body_max.min(limits::BODY_MAX),
            size_max,
            reader: DataReader::new(size_max),
            reading: Reading::Head { scanned: 0 },
            buffer: Vec::new(),
            fault: None,
            upload_id: mail_id::upload_id(context, number),
            upload: None,
            has_ended: false,
            origin: Origin {
                account: identity.account,
                sender,
                domain: domain.clone(),
                envelope,
                begun: context.now.wall,
            },
        }
    }

    /// Bytes that the mail holds in memory.
    pub(super) fn held(&self) -> usize {
        let head = match &self.reading {
            Reading::Head { .. } => 0,
            Reading::Body { head, .. } => head.bytes(),
        };
        self.buffer.capacity() + head
    }

    /// Bytes of the largest mail.
    pub(super) fn size_max(&self) -> u64 {
        self.size_max
    }

    /// Reads a chunk of the data. Returns how many of its bytes belong to the mail;
    /// [`Incoming::next`] says what follows.
    pub(super) fn read(&mut self, chunk: &[u8]) -> usize {
        let before = self.buffer.len();
        let consumed = match self.reader.read(chunk, &mut self.buffer) {
            Progress::Going => chunk.len(),
            Progress::Ended { consumed } => {
                self.has_ended = true;
                consumed
            }
        };
        // A fault of the data counts before other faults, so that the reply does not depend on how
        // the data was cut into pieces.
        if let Some(fault) = self.reader.fault() {
            self.fault = Some(MailFault::Data(fault));
        }
        match &mut self.reading {
            Reading::Head { .. } => self.read_head(),
            Reading::Body { .. } => self.id.update(self.buffer.get(before..).unwrap_or_default()),
        }
        if self.fault.is_some() {
            self.buffer = Vec::new();
        }
        consumed
    }

    /// Parses the head if it is complete, and goes on to the body.
    fn read_head(&mut self) {
        let Reading::Head { scanned } = &mut self.reading else {
            return;
        };
        let whole = HeadEnd { fields: self.buffer.len(), body: self.buffer.len() };
        let end = match rfc5322::find_head_end(&self.buffer, scanned) {
            Some(end) => end,
            None if self.has_ended || *scanned > MESSAGE_HEAD_MAX => whole,
            None => return,
        };
        if self.fault.is_some() {
            return;
        }
        let fields = self.buffer.get(..end.fields).unwrap_or_default();
        let head = match end.fields {
            0..=MESSAGE_HEAD_MAX => Head::parse(fields, &self.origin.sender, &self.origin.domain),
            _ => Err(HeadFault::TooLong),
        };
        match head {
            Ok(mut head) => {
                let named = std::mem::take(&mut head.named);
                let addressed = self.origin.envelope.addressed(&named);
                self.id.update(self.buffer.get(..end.body).unwrap_or_default());
                let head_id = self.mail_id(&head);
                self.buffer.drain(..end.body);
                self.id.update(&self.buffer);
                self.reading = Reading::Body { head: Box::new(head), addressed, head_id };
            }
            Err(fault) => {
                self.fault.get_or_insert(MailFault::Head(fault));
            }
        }
    }

    /// The id of the mail so far. A mail without a date is a new one each time.
    fn mail_id(&self, head: &Head) -> Option<MailId> {
        match head.date {
            Some(date) => self.id.id(date),
            None => self.id.new_id(self.origin.begun, self.upload_id?),
        }
    }

    /// Takes the result of staging: the store has this many bytes of the upload.
    pub(super) fn staged(&mut self, staged: u64) {
        let expected = self.upload.as_ref().map(|upload| upload.staged);
        if expected != Some(staged) {
            self.fail(StageFault::Unavailable);
        }
    }

    /// Takes the failure of staging: the mail is refused after its end.
    pub(super) fn fail(&mut self, fault: StageFault) {
        self.fault.get_or_insert(MailFault::Store(fault));
        self.buffer = Vec::new();
    }

    /// The job that forgets the staged part of a mail that will not be complete. `None` if nothing
    /// is staged.
    pub(super) fn give_up(&mut self) -> Option<StoreJob> {
        self.upload.take().map(|upload| discard(self.origin.account, upload.id))
    }

    /// What the session must do next, at this time.
    pub(super) fn next(&mut self, now: Timestamp) -> Next {
        if let Some(fault) = self.fault {
            return self.refused(fault);
        }
        if self.is_too_large_for_a_job() && self.begin_upload().is_none() {
            self.fail(StageFault::Unavailable);
            return self.next(now);
        }
        let is_due = self.buffer.len() >= limits::PIECE_MAX || self.has_ended;
        let next = match &self.upload {
            Some(_) if is_due && !self.buffer.is_empty() => self.stage(now).map(Next::Stage),
            _ if self.has_ended => self.record().map(|mail| Next::Ended(Ok(Box::new(mail)))),
            _ => Some(Next::Read),
        };
        next.unwrap_or_else(|| {
            self.fail(StageFault::Unavailable);
            self.refused(MailFault::Store(StageFault::Unavailable))
        })
    }

    /// What the session must do next for a mail with a fault.
    fn refused(&mut self, fault: MailFault) -> Next {
        if let Some(job) = self.give_up() {
            return Next::Discard(job);
        }
        let is_endless = self.reader.octets() / READ_ON > self.size_max;
        match (self.has_ended, is_endless) {
            (true, _) => Next::Ended(Err(fault)),
            (false, true) => Next::Endless(fault),
            (false, false) => Next::Read,
        }
    }

    fn is_too_large_for_a_job(&self) -> bool {
        match &self.reading {
            Reading::Body { head, .. } if self.upload.is_none() => {
                head.bytes() + head::ADDED_MAX + self.buffer.len() > self.inline_max
            }
            Reading::Head { .. } | Reading::Body { .. } => false,
        }
    }

    /// Begins an upload: puts the head before the bytes of the body that are in memory. `None` if
    /// an id could not be made.
    fn begin_upload(&mut self) -> Option<()> {
        let Reading::Body { head, head_id, .. } = &self.reading else {
            return None;
        };
        let id = self.upload_id?;
        let mut start = Vec::with_capacity(self.buffer.len() + head.bytes() + head::ADDED_MAX);
        self.write_head(head, (*head_id)?, &mut start);
        start.append(&mut self.buffer);
        self.buffer = start;
        self.upload = Some(Upload { id, staged: 0, hasher: ContentHasher::new() });
        Some(())
    }

    /// Appends the head, with a Message-ID from this id if the head has none.
    fn write_head(&self, head: &Head, id: MailId, message: &mut Vec<u8>) {
        let Origin { sender, domain, begun, .. } = &self.origin;
        let message_id = rfc5322::message_id(id, sender, domain.as_str());
        head.write(*begun, &message_id, message);
    }

    /// The job that adds the next piece to the upload.
    fn stage(&mut self, now: Timestamp) -> Option<StoreJob> {
        let upload = self.upload.as_mut()?;
        let length = self.buffer.len().min(limits::PIECE_MAX);
        let bytes = Piece::try_from(self.buffer.get(..length)?).ok()?;
        upload.hasher.update(bytes.as_bytes());
        let (account, id, offset) = (self.origin.account, upload.id, upload.staged);
        upload.staged += length as u64;
        self.buffer.drain(..length);
        self.buffer.shrink_to(2 * limits::PIECE_MAX);
        Some(StoreJob::Gateway(GatewayJob::Stage { account, id, offset, bytes, now }))
    }

    /// The record of a mail that is complete and, if it is large, staged. `None` if the mail breaks
    /// a rule that was checked before.
    fn record(&mut self) -> Option<NewMailRecord> {
        let Reading::Body { head, addressed, .. } = &self.reading else {
            return None;
        };
        let id = self.mail_id(head)?;
        let Addressed { to, hidden: bcc } = addressed.clone();
        let (to, subject) = (to.try_into().ok()?, head.subject.clone());
        let (content, staged) = match &self.upload {
            Some(upload) => {
                let size = upload.staged.try_into().ok()?;
                let sha256 = upload.hasher.clone().finish();
                let large = LargeContent { kind: ContentKind::Message {}, size, sha256 };
                (Content::Large(large), Some(upload.id))
            }
            None => {
                let mut message =
                    Vec::with_capacity(head.bytes() + head::ADDED_MAX + self.buffer.len());
                self.write_head(head, id, &mut message);
                message.extend_from_slice(&self.buffer);
                (Content::Message(Message::try_from(message.as_slice()).ok()?), None)
            }
        };
        Some(NewMailRecord { id, to, bcc, subject, content, staged })
    }
}

/// The job that forgets an upload.
pub(super) fn discard(account: AccountId, id: MailId) -> StoreJob {
    StoreJob::Gateway(GatewayJob::Discard { account, id })
}
