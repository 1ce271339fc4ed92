//! The state of a large content that a virtual user uploads or reads.

use std::collections::VecDeque;

use correio_proto::{
    mail::{Content, ContentKind, ContentSize, Mail, MailId, Recipients},
    message::Page,
};

use crate::content::RunningDigest;

/// A large content that is being uploaded, and the mail that will have it.
#[derive(Debug)]
pub(super) struct Uploading {
    pub(super) id: MailId,
    pub(super) to: Recipients,
    pub(super) size: ContentSize,
    pub(super) kind: ContentKind,
    /// Bytes that the server has.
    pub(super) staged: u64,
    pub(super) digest: RunningDigest,
    /// Cuts of the link so far.
    pub(super) cuts: u64,
}

/// A page with large contents that are being read.
#[derive(Debug)]
pub(super) struct Reading {
    pub(super) page: Page,
    /// The mails whose contents are not read yet. The first one is being read.
    pub(super) large: VecDeque<Mail>,
    pub(super) digest: RunningDigest,
}

/// Whether the content of a mail is read in pieces.
pub(super) fn is_large(mail: &Mail) -> bool {
    matches!(mail.content, Content::Large(_))
}

impl Uploading {
    pub(super) fn new(id: MailId, to: Recipients, size: ContentSize, kind: ContentKind) -> Self {
        Self { id, to, size, kind, staged: 0, digest: RunningDigest::default(), cuts: 0 }
    }

    pub(super) fn is_whole(&self) -> bool {
        self.staged >= self.size.get()
    }
}

impl Reading {
    /// `None` if no mail of the page has a large content.
    pub(super) fn of(page: &Page) -> Option<Self> {
        let large: VecDeque<Mail> =
            page.mails.iter().filter(|mail| is_large(mail)).cloned().collect();
        let digest = RunningDigest::default();
        (!large.is_empty()).then(|| Self { page: page.clone(), large, digest })
    }
}
