//! Mails and times in a command's JSON.

use correio_client::MailText;
use correio_proto::mail::{Mail, Timestamp, Username};
use serde_json::{Value, json};

/// A mail as JSON, with all its fields and its text. Only of a text that is not UTF-8 it has
/// `replaced`, which is true.
pub(super) fn mail_json(number: usize, mail: &Mail, content: MailText) -> Value {
    let mut json = json!({
        "number": number,
        "id": mail.id.to_string(),
        "from": mail.from.as_str(),
        "from_name": mail.from_name.as_str(),
        "to": mail.to.iter().map(Username::as_str).collect::<Vec<_>>(),
        "sent_at": utc(mail.sent_at),
        "subject": mail.subject.as_str(),
    });
    if let Some(fields) = json.as_object_mut() {
        // The text is moved, since it may be large.
        fields.insert("body".to_owned(), content.text.into());
        if content.is_replaced {
            fields.insert("replaced".to_owned(), true.into());
        }
    }
    json
}

/// Adds to a mail's JSON the usernames whose names that of a stranger looks like. Only a stranger's
/// mail has the field `resembles`.
pub(super) fn add_resembled(mail: &mut Value, resembled: &[Username]) {
    if let Some(fields) = mail.as_object_mut().filter(|_| !resembled.is_empty()) {
        let names: Vec<&str> = resembled.iter().map(Username::as_str).collect();
        fields.insert("resembles".to_owned(), names.into());
    }
}

/// A time in UTC, in the form of RFC 3339. `None` for a time out of range.
pub(super) fn utc(time: Timestamp) -> Option<String> {
    let milliseconds = i64::try_from(time.0).ok()?;
    Some(jiff::Timestamp::from_millisecond(milliseconds).ok()?.to_string())
}
