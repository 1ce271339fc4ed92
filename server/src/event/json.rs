//! Events as JSON: the members of a line, and the schema of all lines.
//!
//! A line is `{"time": …, "level": …, "event": …, …}` with the event's fields under their
//! own names. The table of events in the parent makes lines and schema.

use std::{fmt, net::SocketAddr};

use correio_proto::{
    fingerprint::Fingerprint,
    mail::{MailId, Recipients, Username},
    message::{ErrorCode, Realm},
};
use log::Level;
use serde_json::{Map, Value, json};

use super::obeyed::is_obeyed;
use crate::ids::ConnId;

/// Key of the pair of a record that has the event's members, formatted as JSON.
pub const MEMBERS: &str = "members";

/// Name of the lines that are no event of the server: messages of libraries.
const LIBRARY: &str = "library.message";

/// A value of an event's field.
pub(super) trait Field {
    /// The JSON Schema of all values of this type.
    fn schema() -> Value;

    /// The value.
    fn json(&self) -> Value;
}

/// Numbers are numbers, and all else but lists is a string, formatted as in a line of text.
macro_rules! fields {
    ($schema:tt, $value:ident => $with:expr; $($type:ty),*) => {
        $(
            impl Field for $type {
                fn schema() -> Value {
                    json!($schema)
                }

                fn json(&self) -> Value {
                    let $value = self;
                    json!($with)
                }
            }
        )*
    };
}

fields!({ "type": "integer", "minimum": 0 }, number => number; u32, u64, usize);
fields!({ "type": "string" }, value => value.to_string();
    &str, &Username, ConnId, ErrorCode, Fingerprint, MailId, Realm, SocketAddr);

impl Field for &Recipients {
    fn schema() -> Value {
        json!({ "type": "array", "items": { "type": "string" } })
    }

    fn json(&self) -> Value {
        self.iter().map(ToString::to_string).collect()
    }
}

/// Writes the members of a line's object that are not the log's: `"event":…` and the fields.
pub(super) fn write_members(
    f: &mut fmt::Formatter<'_>,
    event: &str,
    fields: &[(&str, Value)],
) -> fmt::Result {
    write!(f, "\"event\":\"{event}\"")?;
    fields.iter().try_for_each(|(name, value)| write!(f, ",\"{name}\":{value}"))
}

/// The members of a record that is no event of the server, but a message of a library.
pub(crate) struct LibraryMessage<'a> {
    /// The part of the library.
    pub(crate) target: &'a str,
    /// The message.
    pub(crate) text: String,
}

impl fmt::Display for LibraryMessage<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let fields = [("target", self.target.into()), ("text", self.text.as_str().into())];
        write_members(f, LIBRARY, &fields)
    }
}

/// A line without its end. `time` is formatted (RFC 3339); `members` are those of an event or a
/// library's message. Characters that a terminal obeys are escaped: only strings can have them.
pub(crate) fn line(time: impl fmt::Display, level: Level, members: impl fmt::Display) -> String {
    let level = word(level);
    let line = format!("{{\"time\":\"{time}\",\"level\":\"{level}\",{members}}}");
    if !line.contains(is_obeyed) {
        return line;
    }
    let escape = |c: char| match is_obeyed(c) {
        true => format!("\\u{:04x}", u32::from(c)),
        false => c.to_string(),
    };
    line.chars().map(escape).collect()
}

fn word(level: Level) -> &'static str {
    match level {
        Level::Error => "error",
        Level::Warn => "warn",
        Level::Info => "info",
        Level::Debug => "debug",
        Level::Trace => "trace",
    }
}

/// What the schema says of an event.
pub(super) struct EventSchema {
    pub(super) name: &'static str,
    pub(super) level: Level,
    pub(super) meaning: &'static str,
    /// Names and schemas of the fields.
    pub(super) fields: Vec<(&'static str, Value)>,
}

impl EventSchema {
    /// The schema of the event's lines.
    fn value(&self) -> Value {
        object(self.name, self.meaning, json!({ "const": word(self.level) }), &self.fields)
    }
}

/// The schema of a line whose fields are all required.
fn object(event: &str, meaning: &str, level: Value, fields: &[(&str, Value)]) -> Value {
    let time = json!({ "$ref": "#/$defs/time" });
    let own = [("time", time), ("level", level), ("event", json!({ "const": event }))];
    let members = || own.iter().chain(fields);
    let required: Vec<&str> = members().map(|(name, _)| *name).collect();
    let properties: Map<String, Value> =
        members().map(|(name, schema)| ((*name).to_owned(), schema.clone())).collect();
    // A field must not hide a member that every line has.
    assert_eq!(properties.len(), required.len(), "a field of {event} has the name of another");
    json!({
        "description": meaning,
        "type": "object",
        "properties": properties,
        "required": required,
        "additionalProperties": false,
    })
}

/// The schema of all lines, as a document.
pub(super) fn document(events: &[EventSchema]) -> String {
    let mut lines: Vec<Value> = events.iter().map(EventSchema::value).collect();
    let text = json!({ "type": "string" });
    lines.push(object(
        LIBRARY,
        "A message of a library; below level warn only with log-level debug or trace.",
        json!({ "enum": ["error", "warn", "info", "debug", "trace"] }),
        &[("target", text.clone()), ("text", text)],
    ));
    let document = json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "A line of correiod's log with --log-format json",
        "oneOf": lines,
        "$defs": {
            "time": { "type": "string", "format": "date-time", "description": "In UTC, to the millisecond." },
        },
    });
    format!("{document:#}\n")
}
