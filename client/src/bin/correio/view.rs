//! A mail with all its fields, for reading.

use correio_client::{Shown, show};
use correio_proto::mail::Mail;

use crate::{names, text::Text};

/// The fields a line each, an empty line, the body.
pub(crate) fn mail(text: &Text, mail: &Mail) -> String {
    let from = names::with_username(&mail.from, &mail.from_name);
    let fields = [
        (text.of("mail-from"), from),
        (text.of("mail-to"), mail.to.to_string()),
        (text.of("mail-date"), text.time(mail.sent_at)),
        (text.of("mail-subject"), show(mail.subject.as_str(), Shown::OneLine)),
        (text.of("mail-id"), mail.id.to_string()),
    ];
    let mut shown = String::new();
    for (name, value) in fields {
        shown.push_str(&format!("{name}: {value}\n"));
    }
    shown.push('\n');
    shown.push_str(&show(mail.body.as_str(), Shown::Lines));
    shown
}
