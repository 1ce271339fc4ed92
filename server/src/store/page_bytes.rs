//! The bytes of results that may be ten thousand times as large as the request for them.

use correio_proto::{mail::Mail, message::ListMember};

use super::{
    StoreDone,
    gateway::{GatewayDone, MailOutline},
};

/// Approximate bytes of a page of mails or of members, or of a piece of a content, in memory; 0 for
/// other results.
pub(super) fn page_bytes(done: &StoreDone) -> usize {
    let mails = match done {
        StoreDone::Page { mails, .. } => mails,
        StoreDone::Piece(piece) => return piece.as_bytes().len(),
        StoreDone::Members(page) => {
            let bytes =
                |member: &ListMember| size_of::<ListMember>() + member.full_name.as_str().len();
            return page.members.iter().map(bytes).sum();
        }
        StoreDone::Gateway(GatewayDone::Outlines { mails, .. }) => {
            let bytes = |mail: &MailOutline| {
                let texts = mail.subject.as_str().len() + mail.from_name.as_str().len();
                texts + size_of_val(mail.to.as_slice()) + size_of::<MailOutline>()
            };
            return mails.iter().map(bytes).sum();
        }
        _ => return 0,
    };
    let bytes = |mail: &Mail| {
        let texts = mail.content.inline_size() + mail.subject.as_str().len();
        texts + size_of_val(mail.to.as_slice()) + size_of::<Mail>()
    };
    mails.iter().map(bytes).sum()
}
