//! Mails and times in a command's JSON.

use correio_client::{Attachment, FromField, MessageView, Readable, TextSource};
use correio_proto::mail::{Mail, Timestamp, Username};
use serde_json::{Value, json};

/// A mail as JSON, with all its fields, its text and the list of its attachments. Only of a text
/// that is not UTF-8 it has `replaced`, which is true.
pub(super) fn mail_json(number: usize, mail: &Mail, content: Readable) -> Value {
    let mut json = json!({
        "number": number,
        "id": mail.id.to_string(),
        "from": mail.from.as_str(),
        "from_name": mail.from_name.as_str(),
        "to": mail.to.iter().map(Username::as_str).collect::<Vec<_>>(),
        "sent_at": utc(mail.sent_at),
        "subject": mail.subject.as_str(),
    });
    let Some(fields) = json.as_object_mut() else { return json };
    // The text is moved, since it may be large.
    let (body, is_replaced) = match content {
        Readable::Text(content) => (content.text, content.is_replaced),
        Readable::Message(view) => {
            let view = *view;
            about_message(fields, mail, &view);
            (view.text.text, view.text.is_replaced)
        }
    };
    fields.insert("body".to_owned(), body.into());
    if is_replaced {
        fields.insert("replaced".to_owned(), true.into());
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

/// Adds what only a message has.
fn about_message(fields: &mut serde_json::Map<String, Value>, mail: &Mail, view: &MessageView) {
    let attachments: Vec<_> = (1..)
        .zip(&view.attachments)
        .map(|(number, attachment)| attachment_json(number, attachment))
        .collect();
    fields.insert("attachments".to_owned(), attachments.into());
    let source = match view.text.source {
        TextSource::Plain => "plain",
        TextSource::Html => "html",
        TextSource::Nothing => "none",
    };
    fields.insert("body_source".to_owned(), source.into());
    for (name, is_so) in [("cut", view.text.is_cut), ("more_parts", view.more_parts > 0)] {
        if is_so {
            fields.insert(name.to_owned(), true.into());
        }
    }
    if view.fields.from_field(&mail.from) == FromField::Other {
        fields.insert("other_author".to_owned(), view.fields.from.clone().into());
    }
}

/// An attachment as JSON.
pub(super) fn attachment_json(number: usize, attachment: &Attachment) -> Value {
    json!({
        "number": number,
        "name": attachment.name,
        "type": attachment.media_type,
        "size": attachment.size,
        "damaged": attachment.is_damaged,
    })
}

/// A time in UTC, in the form of RFC 3339. `None` for a time out of range.
pub(super) fn utc(time: Timestamp) -> Option<String> {
    let milliseconds = i64::try_from(time.0).ok()?;
    Some(jiff::Timestamp::from_millisecond(milliseconds).ok()?.to_string())
}
