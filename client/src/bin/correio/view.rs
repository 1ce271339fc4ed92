//! How mails and drafts are shown in lists.

use correio_client::{Draft, Folder, Stored, WhiteSpace, sanitize};
use correio_proto::mail::{Timestamp, Username};

use crate::{flag_marks::flag_marks, mail_number::MailNumber, names::Names, text::Text};

/// Recipients of a sent mail that its line names.
const RECIPIENTS_SHOWN: usize = 3;

/// The line above the mails that were received now. Their number has at least two digits.
pub(crate) fn received(text: &Text, count: usize) -> String {
    let shown = format!("{count:02}");
    text.count_with("receive-count", count as u64, &[("shown", shown.into())])
}

/// A mail's line in a list from which a number is chosen.
pub(crate) fn mail_line(text: &Text, number: usize, mail: &Stored, names: &Names) -> String {
    format!("[{number}] {}{}", flag_marks(mail.flags), person_and_subject(text, mail, names))
}

/// A mail's line in a list of the local mail, with its date. The number names its folder, too.
pub(crate) fn dated_mail_line(text: &Text, mail: &Stored, names: &Names) -> String {
    let number = MailNumber::of(mail);
    let (marks, time) = (flag_marks(mail.flags), text.time(mail.sent_at));
    format!("[{number}] {marks}{time} {}", person_and_subject(text, mail, names))
}

/// The sender, or the recipients of a sent mail, and the subject.
fn person_and_subject(text: &Text, mail: &Stored, names: &Names) -> String {
    match mail.folder {
        Folder::Received => summary(text, mail, names),
        Folder::Sent => {
            let to = text.with("sent-to", &[("names", recipients(mail).into())]);
            format!("{to}: {}", sanitize(mail.subject.as_str(), WhiteSpace::OneLine))
        }
    }
}

/// The recipients of a mail; of many, the first.
fn recipients(mail: &Stored) -> String {
    let names: Vec<_> = mail.to.iter().map(Username::as_str).collect();
    match names.get(..RECIPIENTS_SHOWN) {
        Some(first) if names.len() > RECIPIENTS_SHOWN => format!("{}, …", first.join(", ")),
        _ => names.join(", "),
    }
}

/// The sender and the subject.
fn summary(text: &Text, mail: &Stored, names: &Names) -> String {
    let subject = sanitize(mail.subject.as_str(), WhiteSpace::OneLine);
    format!("{}: {subject}", marked_sender(text, mail, names))
}

/// The sender. A stranger whose name looks like a known one is marked.
pub(crate) fn marked_sender(text: &Text, mail: &Stored, names: &Names) -> String {
    let from = names.sender(&mail.from, &mail.from_name);
    match names.resembled_by(mail).is_empty() {
        true => from,
        false => format!("{from} {}", text.of("stranger")),
    }
}

/// A draft's line: when it was written last, the recipients, the subject, the number of
/// attachments.
pub(crate) fn draft_line(text: &Text, draft: &Draft, written_at: Option<Timestamp>) -> String {
    let mut mail = sanitize(&format!("{}: {}", draft.to, draft.subject), WhiteSpace::OneLine);
    if !draft.attachments.is_empty() {
        let count = u32::try_from(draft.attachments.len()).unwrap_or(u32::MAX);
        mail = format!("{mail} {}", text.count("draft-attachments", count));
    }
    match written_at {
        Some(time) => format!("{} {mail}", text.time(time)),
        None => mail,
    }
}
