//! The state of a mail with a large content that is being sent.

use std::rc::Rc;

use correio_client::Sending;
use correio_proto::mail::{LargeContent, MailId};

/// The mail with a large content that is being sent.
pub(super) struct SendingLarge {
    pub(super) id: MailId,
    pub(super) bytes: Rc<[u8]>,
    /// What the mail states of these bytes.
    pub(super) stated: LargeContent,
    pub(super) sending: Sending,
}
