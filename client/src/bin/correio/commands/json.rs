//! Mails and times in a command's JSON.

use correio_proto::mail::Body;
use correio_proto::mail::{Mail, Timestamp, Username};
use serde_json::{Value, json};

/// A mail as JSON, with all its fields.
pub(super) fn mail_json(number: usize, mail: &Mail) -> Value {
    json!({
        "number": number,
        "id": mail.id.to_string(),
        "from": mail.from.as_str(),
        "from_name": mail.from_name.as_str(),
        "to": mail.to.iter().map(Username::as_str).collect::<Vec<_>>(),
        "sent_at": utc(mail.sent_at),
        "subject": mail.subject.as_str(),
        "body": mail.content.body().map_or("", Body::as_str),
    })
}

/// A time in UTC, in the form of RFC 3339. `None` for a time out of range.
pub(super) fn utc(time: Timestamp) -> Option<String> {
    let milliseconds = i64::try_from(time.0).ok()?;
    Some(jiff::Timestamp::from_millisecond(milliseconds).ok()?.to_string())
}
