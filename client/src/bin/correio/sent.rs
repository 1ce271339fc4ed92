//! Keeps a copy of a mail that was sent, after the server has accepted it and before its draft is
//! deleted: a program that ends in between leaves the draft, and sending it again is the same mail.

use std::path::Path;

use correio_client::{
    Address, Cancel, Draft, FlagChange, Mailbox, OutgoingMail, SentMail, WhiteSpace, sanitize,
};
use correio_proto::mail::{FullName, Timestamp, Username};

use crate::text::Text;

/// The account that has sent a mail.
pub(crate) struct Sender<'a> {
    pub(crate) server: &'a Address,
    pub(crate) username: &'a Username,
    pub(crate) full_name: &'a FullName,
}

/// Keeps the copy. The error is a message: the mail was sent, and has no copy here.
pub(crate) fn keep(
    text: &Text,
    data: &Path,
    sender: &Sender<'_>,
    (mail, sent_at): (&OutgoingMail, Timestamp),
) -> Result<(), String> {
    let Sender { server, username, full_name } = sender;
    let mailbox = Mailbox::open(data, server, username);
    let sent = SentMail { from: username, from_name: full_name, mail, sent_at };
    // Not the command's own `Cancel`: the mail is sent, and its copy takes a moment.
    mailbox.keep_sent(sent, &Cancel::new()).map_err(|error| {
        let reason = sanitize(&error.to_string(), WhiteSpace::OneLine);
        text.with("sent-not-kept", &[("reason", reason.into())])
    })
}

/// Marks the mail that a sent draft answers or forwards. A mail that is gone, or cannot be marked,
/// is left: the mark is only for lists.
pub(crate) fn mark_origin(data: &Path, sender: &Sender<'_>, draft: &Draft) {
    let Some(origin) = &draft.origin else { return };
    let mailbox = Mailbox::open(data, sender.server, sender.username).in_folder(origin.folder);
    if let Ok(Some(stored)) = mailbox.find_mail(origin.id, &origin.from) {
        let _ = mailbox.mark(&stored, origin.action.flag(), FlagChange::Set);
    }
}
