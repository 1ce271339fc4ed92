//! Target `log`: an event with texts from clients.

use std::net::{IpAddr, SocketAddr};

use correio_proto::{
    mail::{MailId, Recipients, Username},
    message::{ErrorCode, Realm},
};
use correio_server::{event::Event, ids::ConnId};
use serde_json::Value;

use crate::input::Input;

pub(crate) fn run(data: &[u8]) {
    let mut input = Input(data);
    let kind = input.byte();
    let ip = match kind & 0x80 {
        0 => IpAddr::from([input.byte(); 4]),
        _ => IpAddr::from([input.byte(); 16]),
    };
    let address = SocketAddr::new(ip, input.number());
    let connection = ConnId { index: input.number().into(), generation: input.number().into() };
    let text = String::from_utf8_lossy(input.rest());
    let text = &*text;
    let line = match kind % 12 {
        0 => one(Event::ServerWarning { text }, "text", text),
        1 => one(Event::StoreFailed { text }, "text", text),
        2 => one(Event::ConnectionClosed { connection, reason: text }, "reason", text),
        3 => {
            let protocol = "correio";
            let refused = Event::ConnectionRefused { address, reason: text, protocol };
            one(refused, "reason", text)
        }
        4 => one(Event::ProtocolError { connection, address, text }, "text", text),
        5 => {
            let code = ErrorCode::ALL[usize::from(kind) % ErrorCode::ALL.len()];
            one(Event::RequestRefused { connection, code, text }, "text", text)
        }
        6 => one(Event::ServerListening { address, security: text }, "security", text),
        7 => {
            let (version, store, realm) = (text, "sqlite", Realm([kind; 16]));
            let started = Event::ServerStarted { version, store, realm, registration: text };
            one(started, "registration", text)
        }
        8 => one(Event::CertificateKept { text }, "text", text),
        _ => match names(text) {
            Some((from, to, id)) => {
                let (from, to) = (&from, &to);
                let event =
                    Event::MailAccepted { from, to, id, bytes: text.len() as u64, connection };
                one(event, "to", &to.to_string())
            }
            None => return,
        },
    };
    assert!(!line.is_empty());
}

/// The parts of a mail's event, if the text is a list of recipients.
fn names(text: &str) -> Option<(Username, Recipients, MailId)> {
    let to: Recipients = text.parse().ok()?;
    let from = to.as_slice().first()?.clone();
    let id = "01890a5d-ac96-774b-bcce-b302099a8057".parse().ok()?;
    Some((from, to, id))
}

/// Formats an event and checks that the text can be parsed back from the line, and nothing else
/// with it.
fn one(event: Event<'_>, key: &str, text: &str) -> String {
    let line = event.to_string();
    assert!(line.chars().all(|c| !c.is_control() && !is_turning(c)), "{line:?}");
    let (name, mut rest) = line.split_once(' ').unwrap();
    assert_eq!(name, event.name());
    let mut found = Vec::new();
    loop {
        let (key, after) = rest.split_once('=').unwrap();
        assert!(key.bytes().all(|byte| byte.is_ascii_lowercase()), "{line:?}");
        let (value, after) = value(after);
        found.push((key.to_owned(), value));
        match after.strip_prefix(' ') {
            Some(after) => rest = after,
            None => break assert_eq!(after, "", "{line:?}"),
        }
    }
    assert!(found.contains(&(key.to_owned(), text.to_owned())), "{line:?} loses {text:?}");
    in_json(event, &found);
    line
}

/// Checks that the line in JSON has the fields of the line in text, and nothing else.
fn in_json(event: Event<'_>, fields: &[(String, String)]) {
    let line = event.json("2026-11-26T01:00:00.000Z");
    assert!(line.chars().all(|c| !c.is_control() && !is_turning(c)), "{line:?}");
    let object: serde_json::Map<String, Value> = serde_json::from_str(&line).unwrap();
    assert_eq!(object.len(), 3 + fields.len(), "{line:?}");
    assert_eq!(object["event"], event.name());
    for (key, text) in fields {
        let value = match &object[key] {
            Value::String(value) => value.clone(),
            Value::Array(values) => {
                let values: Vec<&str> =
                    values.iter().map(|value| value.as_str().unwrap()).collect();
                values.join(", ")
            }
            value => value.to_string(),
        };
        assert_eq!(value, *text, "{line:?}");
    }
}

/// Characters that end a line or change the direction of text.
fn is_turning(c: char) -> bool {
    matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// Parses the value at the front, as a log reader would. Returns it and the rest.
fn value(text: &str) -> (String, &str) {
    let Some(mut rest) = text.strip_prefix('"') else {
        let end = text.find(' ').unwrap_or(text.len());
        let (value, rest) = text.split_at(end);
        assert!(!value.is_empty() && !value.contains(['"', '\\', '=']), "{text:?}");
        return (value.to_owned(), rest);
    };
    let mut value = String::new();
    loop {
        let c = rest.chars().next().expect("a quoted value ends");
        rest = &rest[c.len_utf8()..];
        match c {
            '"' => return (value, rest),
            '\\' if rest.starts_with("u{") => {
                let (hex, after) = rest[2..].split_once('}').unwrap();
                value.push(char::from_u32(u32::from_str_radix(hex, 16).unwrap()).unwrap());
                rest = after;
            }
            '\\' => {
                let escaped = rest.chars().next().unwrap();
                assert!(matches!(escaped, '"' | '\\'));
                value.push(escaped);
                rest = &rest[1..];
            }
            c => value.push(c),
        }
    }
}
