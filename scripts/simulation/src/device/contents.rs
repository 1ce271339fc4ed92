//! Large contents of a device: uploads them before their mails are sent, and reads those of the
//! page that is being received.

use std::{collections::BTreeMap, rc::Rc};

use correio_proto::{
    mail::{Body, Content, Mail, MailId, MailRef, Piece, Seq},
    message::{ErrorCode, ErrorReply, Read, Reply, Request, Upload},
};

use super::{Device, DeviceContext, Operation, QueuedMail};
use crate::{
    check::{Check, Violation, require},
    contents::stated,
};

/// A large content that waits with its mail.
#[derive(Clone, Debug)]
pub(super) struct QueuedContent {
    pub(super) bytes: Rc<[u8]>,
    /// Bytes that the server is believed to have.
    pub(super) staged: usize,
}

/// The contents of the page that is being received, as far as they were read.
#[derive(Debug, Default)]
pub(super) struct Contents {
    read: BTreeMap<(Seq, MailId), Vec<u8>>,
}

impl Contents {
    /// The next piece that a page needs; `None` if all its contents are whole.
    pub(super) fn missing(&self, page: &[Mail]) -> Option<Read> {
        page.iter().find_map(|mail| {
            let Content::Large(large) = mail.content else {
                return None;
            };
            let (seq, id) = (mail.seq, mail.id);
            let offset = self.read.get(&(seq, id)).map_or(0, Vec::len) as u64;
            (offset < large.size.get()).then_some(Read { seq, id, offset })
        })
    }

    /// The page with its large contents as bodies, as they are saved.
    ///
    /// # Errors
    ///
    /// A content is not what the mail states.
    pub(super) fn put_into(&self, page: &[Mail]) -> Result<Vec<Mail>, Violation> {
        page.iter().map(|mail| self.whole(mail)).collect()
    }

    fn whole(&self, mail: &Mail) -> Result<Mail, Violation> {
        let Content::Large(large) = mail.content else {
            return Ok(mail.clone());
        };
        let bytes = self.read.get(&(mail.seq, mail.id)).map(Vec::as_slice).unwrap_or_default();
        let text = || format!("the content of mail {} is not what it states", mail.id);
        require(stated(bytes) == Some(large), Check::Intact, text)?;
        let body = str::from_utf8(bytes).ok().and_then(|text| text.parse::<Body>().ok());
        let body = body.ok_or_else(|| Violation::new(Check::Intact, text()))?;
        Ok(Mail { content: body.into(), ..mail.clone() })
    }

    /// Forgets all but the contents of these mails.
    pub(super) fn keep_only(&mut self, page: &[Mail]) {
        self.read.retain(|key, _| page.iter().any(|mail| (mail.seq, mail.id) == *key));
    }
}

impl Device {
    /// Goes on with an upload from where the server is believed to be, or sends the mail once the
    /// upload is whole.
    pub(super) fn upload(&mut self, context: &mut DeviceContext<'_>, id: MailId) {
        let largest = 1 + self.rng.below(2 * context.plan.bounds.piece_max);
        let asks = self.rng.one_in(10);
        let Some(QueuedMail { mail, content: Some(content), .. }) = self.queued(id) else {
            return;
        };
        if content.staged >= content.bytes.len() {
            let mail = mail.clone();
            self.ask(context, Operation::Send(id), Request::Send(mail));
            return;
        }
        let rest = content.bytes.get(content.staged..).unwrap_or_default();
        let bytes = match asks {
            // An empty piece asks how far the upload is.
            true => &[],
            false => rest.get(..largest).unwrap_or(rest),
        };
        let (Content::Large(large), Ok(bytes)) = (&mail.content, Piece::try_from(bytes)) else {
            return;
        };
        let upload = Upload { id, size: large.size, offset: content.staged as u64, bytes };
        self.ask(context, Operation::Upload(id), Request::Upload(upload));
    }

    /// Whether an upload is under way.
    pub(super) fn is_uploading(&self) -> bool {
        self.outbox.iter().any(|queued| queued.is_asked && queued.content.is_some())
    }

    pub(super) fn queued(&mut self, id: MailId) -> Option<&mut QueuedMail> {
        self.outbox.iter_mut().find(|queued| queued.mail.id == id)
    }

    /// The server has this many bytes of an upload.
    pub(super) fn uploaded(
        &mut self,
        context: &mut DeviceContext<'_>,
        id: MailId,
        staged: u64,
    ) -> Result<(), Violation> {
        let text = format!("{}: {staged} bytes of {id} are staged", self.name);
        let Some(QueuedMail { content: Some(content), .. }) = self.queued(id) else {
            return Ok(());
        };
        let staged = usize::try_from(staged).unwrap_or(usize::MAX);
        require(staged <= content.bytes.len(), Check::Intact, || text)?;
        content.staged = staged;
        self.upload(context, id);
        Ok(())
    }

    /// The server has less of an upload than the device believed: the device goes on from there.
    pub(super) fn incomplete(
        &mut self,
        context: &mut DeviceContext<'_>,
        id: MailId,
        error: &ErrorReply,
    ) -> Result<(), Violation> {
        let text = format!("{}: {error:?} of {id}", self.name);
        let Some(QueuedMail { content: Some(content), .. }) = self.queued(id) else {
            return Ok(());
        };
        let staged = error.staged.filter(|staged| *staged < content.staged as u64);
        let staged = staged.ok_or_else(|| Violation::new(Check::Answered, text))?;
        self.uploaded(context, id, staged)
    }

    /// Adds a piece to the content that is being read, and goes on.
    pub(super) fn piece(
        &mut self,
        context: &mut DeviceContext<'_>,
        mail: MailRef,
        reply: &Reply,
    ) -> Result<(), Violation> {
        let text = || format!("{}: no piece of {}: {reply:?}", self.name, mail.id);
        let Reply::Piece { bytes } = reply else {
            return Err(Violation::new(Check::Answered, text()));
        };
        require(!bytes.as_bytes().is_empty(), Check::Intact, text)?;
        if let Some(program) = &mut self.program {
            let read = program.contents.read.entry((mail.seq, mail.id)).or_default();
            read.extend_from_slice(bytes.as_bytes());
        }
        self.continue_receiving(context)
    }

    /// Whether the server may refuse a request about a content like this.
    pub(super) fn is_possible(operation: &Operation, code: ErrorCode) -> bool {
        match operation {
            // The upload may be over its time, or the mail confirmed by another program.
            Operation::Upload(_) | Operation::Send(_) => code == ErrorCode::Incomplete,
            Operation::Read(_) => code == ErrorCode::NoSuchMail,
            _ => false,
        }
    }
}
