//! The model of an upload.

use correio_proto::{
    mail::{ContentSize, Timestamp},
    message::{ErrorCode, Reply},
};

use super::refusal::{incomplete, refuses};

/// An upload that no mail names yet.
pub(super) struct StagedUpload {
    pub(super) size: u64,
    pub(super) bytes: Vec<u8>,
    /// When the last piece came that added bytes.
    pub(super) touched: Timestamp,
}

impl StagedUpload {
    pub(super) fn staged(&self) -> u64 {
        self.bytes.len() as u64
    }
}

/// Checks the reply to a mail whose upload must be whole. Returns whether it is.
pub(super) fn whole(upload: Option<&StagedUpload>, size: ContentSize, reply: &Reply) -> bool {
    match upload {
        None => incomplete(reply, 0),
        Some(upload) if upload.size != size.get() => refuses(reply, ErrorCode::Conflict),
        Some(upload) if upload.staged() < upload.size => incomplete(reply, upload.staged()),
        Some(_) => return true,
    }
    false
}
