//! Large contents of a virtual user: uploads them before their mails are sent, and reads those of a
//! page before it is confirmed.

use correio_proto::{
    limits::PIECE_MAX,
    mail::{Content, LargeContent, MailId},
    message::{ErrorCode, ErrorReply, Read, Request, Send, Upload},
};

use super::{RequestKind, UserContext, VirtualUser, mails::subject, transfer::Uploading};
use crate::{content, dial::LinkAction};

/// Stretches of a content, all of one size. Its sender's link is cut after each.
const CUTS: u64 = 10;

impl VirtualUser {
    /// The next request of the upload under way: a piece, or the mail once the upload is whole.
    pub(super) fn next_of_upload(
        &mut self,
        context: &mut UserContext<'_>,
    ) -> Option<(RequestKind, Request)> {
        let uploading = self.uploading.as_mut()?;
        let &mut Uploading { id, size, staged: offset, .. } = uploading;
        if !uploading.is_whole() {
            let left = usize::try_from(size.get() - offset).unwrap_or(usize::MAX);
            let bytes = content::part(id, offset, left.min(PIECE_MAX));
            uploading.digest.add(offset, &bytes);
            let bytes = bytes.as_slice().try_into().expect("it is no larger than a piece");
            let upload = Upload { id, size, offset, bytes };
            return Some((RequestKind::Upload, Request::Upload(upload)));
        }
        let (kind, sha256) = (uploading.kind, uploading.digest.digest());
        let content = Content::Large(LargeContent { kind, size, sha256 });
        let mail = Send { id, to: uploading.to.clone(), subject: subject(id), content };
        context.ledger.begin(self.id, &mail, context.now);
        Some((RequestKind::Send(id), Request::Send(mail)))
    }

    /// Notes how far the upload is. Cuts the link in the middle of the next piece, if links are cut
    /// and another tenth of the content is on the server.
    pub(super) fn uploaded(&mut self, context: &mut UserContext<'_>, staged: u64) -> LinkAction {
        let is_cut = self.group(context).cut_uploads;
        let Some(uploading) = &mut self.uploading else {
            return LinkAction::Keep;
        };
        uploading.staged = staged;
        let tenths = staged * CUTS / uploading.size.get();
        if !is_cut || uploading.is_whole() || tenths <= uploading.cuts {
            return LinkAction::Keep;
        }
        uploading.cuts = tenths;
        // The client sends this piece on the next connection.
        if let Some((what, request)) = self.next_of_upload(context) {
            self.ask(context, what, request, context.now);
        }
        LinkAction::Close
    }

    /// Handles the refusal of a piece, or of a mail with a large content.
    pub(super) fn upload_refused(&mut self, error: &ErrorReply) {
        match (error.code, error.staged, &mut self.uploading) {
            (ErrorCode::Incomplete, Some(staged), Some(uploading)) => uploading.staged = staged,
            (
                ErrorCode::Conflict
                | ErrorCode::TooLarge
                | ErrorCode::Invalid
                | ErrorCode::UnknownRecipient,
                ..,
            ) => self.uploading = None,
            // Everything else may pass: the upload goes on from where it is.
            _ => {}
        }
    }

    /// Whether this is the mail whose content is being uploaded.
    pub(super) fn is_uploading(&self, id: MailId) -> bool {
        self.uploading.as_ref().is_some_and(|uploading| uploading.id == id)
    }

    /// The request for the next piece of the page that is being read.
    pub(super) fn next_of_page(&self) -> Option<(RequestKind, Request)> {
        let reading = self.reading.as_ref()?;
        let mail = reading.large.front()?;
        let read = Read { seq: mail.seq, id: mail.id, offset: reading.digest.hashed() };
        Some((RequestKind::Read, Request::Read(read)))
    }

    /// Takes a piece. Once all contents of the page were read, confirms the page.
    pub(super) fn read_piece(&mut self, context: &mut UserContext<'_>, bytes: &[u8]) {
        let Some(reading) = &mut self.reading else {
            return;
        };
        let Some(Content::Large(large)) = reading.large.front().map(|mail| &mail.content) else {
            return;
        };
        let large = *large;
        reading.digest.add(reading.digest.hashed(), bytes);
        // A content that ends too early or goes on too long has another digest.
        if !bytes.is_empty() && reading.digest.hashed() < large.size.get() {
            return;
        }
        let digest = std::mem::take(&mut reading.digest);
        if let Some(mut mail) = reading.large.pop_front() {
            mail.content = Content::Large(LargeContent { sha256: digest.digest(), ..large });
            context.ledger.received(self.id, &mail);
        }
        if reading.large.is_empty()
            && let Some(reading) = self.reading.take()
        {
            self.confirm(context, &reading.page);
        }
    }
}
