//! How mails and drafts are shown: a mail with all its fields, and the lines of lists.

use correio_client::{Draft, Stored, WhiteSpace, sanitize};
use correio_proto::mail::Body;
use correio_proto::mail::{Mail, Timestamp};

use crate::{
    names::{self, Names},
    text::Text,
};

/// A mail for reading: each field on a line, an empty line, the body.
pub(crate) fn mail(text: &Text, mail: &Mail) -> String {
    let from = names::with_username(&mail.from, &mail.from_name);
    let fields = [
        (text.of("mail-from"), from),
        (text.of("mail-to"), mail.to.to_string()),
        (text.of("mail-date"), text.time(mail.sent_at)),
        (text.of("mail-subject"), sanitize(mail.subject.as_str(), WhiteSpace::OneLine)),
        (text.of("mail-id"), mail.id.to_string()),
    ];
    let mut shown = String::new();
    for (name, value) in fields {
        shown.push_str(&format!("{name}: {value}\n"));
    }
    shown.push('\n');
    shown.push_str(&sanitize(mail.content.body().map_or("", Body::as_str), WhiteSpace::Lines));
    shown
}

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
