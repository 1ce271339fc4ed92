//! How mails and drafts are shown in lists.

use correio_client::{Draft, Stored, WhiteSpace, sanitize};
use correio_proto::mail::Timestamp;

use crate::{names::Names, text::Text};

/// A mail's line in a list from which a number is chosen.
pub(crate) fn mail_line(number: usize, mail: &Stored, names: &Names) -> String {
    format!("[{number}] {}", summary(mail, names))
}

/// A mail's line in the list of the local mailbox, with its date.
pub(crate) fn dated_mail_line(text: &Text, mail: &Stored, names: &Names) -> String {
    format!("[{}] {} {}", mail.number, text.time(mail.sent_at), summary(mail, names))
}

/// The sender and the subject.
fn summary(mail: &Stored, names: &Names) -> String {
    let from = names.sender(&mail.from, &mail.from_name);
    format!("{from}: {}", sanitize(mail.subject.as_str(), WhiteSpace::OneLine))
}

/// A draft's line: when it was written last, the recipients, the subject.
pub(crate) fn draft_line(text: &Text, draft: &Draft, written_at: Option<Timestamp>) -> String {
    let mail = sanitize(&format!("{}: {}", draft.to, draft.subject), WhiteSpace::OneLine);
    match written_at {
        Some(time) => format!("{} {mail}", text.time(time)),
        None => mail,
    }
}
