//! How mails and drafts are shown in lists.

use correio_client::{Draft, Stored, WhiteSpace, sanitize};
use correio_proto::mail::Timestamp;

use crate::{names::Names, text::Text};

/// A mail's line in a list from which a number is chosen.
pub(crate) fn mail_line(text: &Text, number: usize, mail: &Stored, names: &Names) -> String {
    format!("[{number}] {}", summary(text, mail, names))
}

/// A mail's line in the list of the local mailbox, with its date.
pub(crate) fn dated_mail_line(text: &Text, mail: &Stored, names: &Names) -> String {
    format!("[{}] {} {}", mail.number, text.time(mail.sent_at), summary(text, mail, names))
}

/// The sender and the subject. A stranger whose name looks like a known one is marked.
fn summary(text: &Text, mail: &Stored, names: &Names) -> String {
    let from = names.sender(&mail.from, &mail.from_name);
    let subject = sanitize(mail.subject.as_str(), WhiteSpace::OneLine);
    match names.resembled_by(mail).is_empty() {
        true => format!("{from}: {subject}"),
        false => format!("{from} {}: {subject}", text.of("stranger")),
    }
}

/// A draft's line: when it was written last, the recipients, the subject.
pub(crate) fn draft_line(text: &Text, draft: &Draft, written_at: Option<Timestamp>) -> String {
    let mail = sanitize(&format!("{}: {}", draft.to, draft.subject), WhiteSpace::OneLine);
    match written_at {
        Some(time) => format!("{} {mail}", text.time(time)),
        None => mail,
    }
}
