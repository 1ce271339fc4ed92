//! The file of a mail with a large content while it is saved.

use std::path::PathBuf;

use correio_proto::{
    mail::{ContentHasher, LargeContent, MailId, Username},
    rfc5322::ContentEncoder,
};

/// The unfinished file of a mail.
#[derive(Debug)]
pub(super) struct LargeFile {
    pub(super) known: (MailId, Username),
    pub(super) stated: LargeContent,
    pub(super) temporary: PathBuf,
    pub(super) path: PathBuf,
    pub(super) encoder: ContentEncoder,
    pub(super) hasher: ContentHasher,
    pub(super) size: u64,
}

/// Result of [`crate::Saving::begin`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Begun {
    /// The pieces of the content follow.
    New,
    /// The mailbox has the mail, durably: it may be confirmed.
    Known,
}

/// Result of [`crate::Saving::complete`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Completed {
    /// The mail is durable and may be confirmed.
    Saved,
    /// The content is not the one that the sender stated. Nothing is left of it, and the mail must
    /// not be confirmed.
    Damaged,
}
