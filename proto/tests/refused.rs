//! Values that break a rule of the document's Types are refused as invalid, and not as malformed
//! messages, since only malformed messages close a connection.

use correio_proto::{
    frame::{self, HEADER, MalformedKind},
    limits,
    message::{ClientMessage, ServerMessage},
};

use crate::support::{self, Value};

fn text(text: &str) -> Value {
    Value::Text(text.to_owned())
}

/// The error for an example of the document with another value in a field; `None` if it is
/// accepted.
fn verdict(example: &str, field: &str, value: Value) -> Option<(MalformedKind, String)> {
    let (_, frame) = support::frames().into_iter().find(|(name, _)| *name == example).unwrap();
    let mut message = Value::read(&frame[HEADER..]);
    let mut value = Some(value);
    replace(&mut message, field, &mut value);
    assert_eq!(value, None, "{example} has no {field}");
    let error = match message.at("request") {
        Some(_) => frame::decode::<ClientMessage>(&message.wide()).err()?,
        None => frame::decode::<ServerMessage>(&message.wide()).err()?,
    };
    assert!(error.number.is_some());
    Some((error.kind, error.text))
}

/// Puts the value in the place of the innermost field of this name.
fn replace(message: &mut Value, field: &str, value: &mut Option<Value>) {
    match message {
        Value::Map(entries) => {
            entries.iter_mut().for_each(|(_, inner)| replace(inner, field, value));
            if let Some((_, place)) = entries.iter_mut().find(|(name, _)| name == field)
                && let Some(value) = value.take()
            {
                *place = value;
            }
        }
        Value::List(list) => list.iter_mut().for_each(|inner| replace(inner, field, value)),
        _ => {}
    }
}

fn capabilities(count: usize) -> Value {
    Value::List((0..count).map(|n| text(&format!("later_{n}"))).collect())
}

fn people(count: usize) -> Value {
    let name = |key: &str, value: &str| (key.to_owned(), text(value));
    let person = Value::Map(vec![name("username", "tony"), name("full_name", "Tony Stark")]);
    Value::List(vec![person; count])
}

fn usernames(count: usize) -> Value {
    Value::List((0..count).map(|n| text(&format!("peter{n}"))).collect())
}

#[test]
fn values_at_their_limits_are_taken() {
    for (example, field, value) in [
        ("hello", "name", text(&"x".repeat(limits::SOFTWARE_MAX))),
        ("fetch", "max", Value::Int(u64::from(u32::MAX))),
        ("register", "username", text(&"x".repeat(limits::USERNAME_MAX))),
        ("register", "username", text("Tony.Stark_3-4")),
        ("register", "full_name", text(&"ã".repeat(limits::FULL_NAME_MAX))),
        ("register", "full_name", text(&"a\u{303}".repeat(limits::FULL_NAME_MAX))),
        ("register", "full_name", text("  Tony Stark\n")),
        ("send", "to", usernames(limits::RECIPIENTS_MAX)),
        ("send", "subject", text(&"🕷".repeat(limits::SUBJECT_MAX))),
        ("send", "subject", text("\u{202e}kratS ynoT")),
        ("send", "body", text("\u{1b}[2J\r\n\0")),
        ("send", "body", text(&"x".repeat(limits::BODY_MAX))),
        ("send-message", "message", Value::Bytes(vec![0])),
        ("send-message", "message", bytes(limits::BODY_MAX)),
        ("send-content", "size", Value::Int(1)),
        ("send-content", "size", Value::Int(limits::CONTENT_MAX)),
        ("upload", "size", Value::Int(limits::CONTENT_MAX)),
        ("upload", "offset", Value::Int(u64::MAX)),
        ("upload", "bytes", Value::Bytes(vec![])),
        ("upload", "bytes", Value::Bytes(vec![0xff; limits::PIECE_MAX])),
        ("read", "offset", Value::Int(u64::MAX)),
        ("reply-page", "size", Value::Int(limits::CONTENT_MAX)),
        ("reply-piece", "bytes", Value::Bytes(vec![])),
        ("reply-piece", "bytes", Value::Bytes(vec![0xff; limits::PIECE_MAX])),
        ("fetch", "after", Value::Int(u64::MAX)),
        ("find", "text", text(&"ã".repeat(limits::FULL_NAME_MAX))),
        ("find", "text", text(" TÔNY\n")),
        ("find", "text", text("\"%_*'")),
        ("reply-found", "people", people(limits::FOUND_MAX)),
        ("reply-found", "people", Value::List(vec![])),
        ("confirm", "mails", Value::List(vec![])),
        ("confirm", "mails", references(limits::CONFIRM_MAX)),
        ("reply-hello", "capabilities", capabilities(limits::CAPABILITIES_MAX)),
        ("reply-hello", "capabilities", Value::List(vec![text("a"), text("a"), text("_0z")])),
        ("reply-hello", "capabilities", Value::List(vec![text(&"x".repeat(32))])),
    ] {
        assert_eq!(verdict(example, field, value), None, "{example}: {field}");
    }
}

fn bytes(length: usize) -> Value {
    Value::Bytes(vec![7; length])
}

fn references(count: usize) -> Value {
    let id = support::frames().into_iter().find(|(name, _)| *name == "confirm").unwrap().1;
    let Some(Value::List(list)) = Value::read(&id[HEADER..])
        .at("request")
        .and_then(|request| request.at("confirm"))
        .and_then(|confirm| confirm.at("mails"))
        .cloned()
    else {
        panic!("confirm has no mails");
    };
    Value::List(vec![list[0].clone(); count])
}

#[test]
fn values_that_break_a_rule_are_invalid() {
    let v4 = b"\x01\x89\x0a\x5d\xac\x96\x47\x4b\xbc\xce\xb3\x02\x09\x9a\x80\x57".to_vec();
    for (example, field, value, says) in [
        ("hello", "name", text(&"x".repeat(limits::SOFTWARE_MAX + 1)), "at most 64"),
        ("hello", "name", text("my client"), "software name must not contain ' '"),
        ("register", "username", text(""), "username is empty"),
        ("register", "username", text(&"x".repeat(33)), "username is too long (at most 32)"),
        ("register", "username", text("../x"), "username must not contain '/'"),
        ("register", "username", text(".x"), "username must not start with '.'"),
        ("register", "username", text("tony stark"), "username must not contain ' '"),
        ("find", "text", text(" "), "part of a name is empty"),
        ("find", "text", text("\u{301}"), "part of a name is empty"),
        ("find", "text", text("a\nb"), "part of a name must not contain \\u{a}"),
        ("find", "text", text(&"x".repeat(101)), "part of a name is too long (at most 100)"),
        ("find", "text", text(&"\u{fdfa}".repeat(9)), "part of a name is too long (at most 100)"),
        ("login", "username", text("tоny"), "username must not contain \\u{43e}"),
        ("register", "full_name", text("\u{3000} "), "full name is empty"),
        ("register", "full_name", text(&"x".repeat(101)), "full name is too long (at most 100)"),
        ("register", "full_name", text("Tony\nStark"), "full name must not contain \\u{a}"),
        ("account-full-name", "full_name", text("\u{1b}[2J"), "must not contain \\u{1b}"),
        ("register", "id", Value::Bytes(v4), "mail id is not of the required form"),
        ("send", "id", Value::Bytes(vec![0; 16]), "mail id is not of the required form"),
        ("send", "subject", text(" "), "subject is empty"),
        ("send", "subject", text(&"x".repeat(201)), "subject is too long (at most 200)"),
        ("send", "subject", text("a\u{2028}b"), "subject must not contain \\u{2028}"),
        ("send", "body", text(" \n\t"), "body is empty"),
        ("send", "body", text(&"x".repeat(limits::BODY_MAX + 1)), "body is too long"),
        ("send-message", "message", bytes(0), "message is empty"),
        ("send-message", "message", bytes(limits::BODY_MAX + 1), "message is too long"),
        ("reply-page", "message", bytes(0), "message is empty"),
        ("send-content", "size", Value::Int(0), "content is empty"),
        ("send-content", "size", Value::Int(u64::MAX), "content is too long (at most 67108864)"),
        ("reply-page", "size", Value::Int(limits::CONTENT_MAX + 1), "content is too long"),
        ("upload", "size", Value::Int(0), "content is empty"),
        ("upload", "size", Value::Int(limits::CONTENT_MAX + 1), "content is too long"),
        ("upload", "bytes", bytes(limits::PIECE_MAX + 1), "piece is too long (at most 262144)"),
        ("reply-piece", "bytes", bytes(limits::PIECE_MAX + 1), "piece is too long"),
        ("send", "to", Value::List(vec![]), "list of recipients is empty"),
        ("send", "to", usernames(101), "list of recipients is too long (at most 100)"),
        ("send", "to", usernames(10_000), "list of recipients is too long (at most 100)"),
        ("send", "to", Value::List(vec![text("a b")]), "username must not contain ' '"),
    ] {
        let (kind, said) = verdict(example, field, value).unwrap_or_else(|| panic!("{says}"));
        assert_eq!(kind, MalformedKind::Invalid, "{example}: {field}: {said}");
        assert!(said.contains(says), "{said:?} does not say {says:?}");
    }
}

/// A list is measured as it was sent, duplicates included.
#[test]
fn recipients_are_counted_before_doubles_are_dropped() {
    let list = Value::List(vec![text("tony"); limits::RECIPIENTS_MAX + 1]);
    let (kind, _) = verdict("send", "to", list).unwrap();
    assert_eq!(kind, MalformedKind::Invalid);
}

#[test]
fn values_of_another_type_are_no_message() {
    for (example, field, value) in [
        ("ping", "number", Value::Int(0)),
        ("fetch", "max", Value::Int(1 << 32)),
        ("login", "credential", Value::Bytes(vec![0; 22])),
        ("send", "id", Value::Bytes(vec![0; 15])),
        ("send", "subject", Value::Int(1)),
        ("send-message", "message", text("Subject: Fotos")),
        ("send-message", "message", Value::List(vec![Value::Int(1)])),
        ("send-content", "sha256", bytes(31)),
        ("send-content", "sha256", bytes(33)),
        ("reply-page", "sha256", bytes(0)),
        ("send-content", "content", text("A tia May quer saber.")),
        ("upload", "bytes", text("a text")),
        ("upload", "offset", Value::Raw(b"\xff".to_vec())),
        ("confirm", "mails", references(limits::CONFIRM_MAX + 1)),
        ("reply-hello", "capabilities", capabilities(limits::CAPABILITIES_MAX + 1)),
        ("reply-hello", "capabilities", capabilities(10_000)),
        ("reply-hello", "capabilities", text("later")),
        ("reply-hello", "capabilities", Value::List(vec![Value::Int(1)])),
        ("reply-hello", "capabilities", Value::List(vec![Value::Bytes(vec![b'a'])])),
        ("reply-hello", "capabilities", Value::List(vec![text("a"), Value::List(vec![])])),
        ("reply-hello", "capabilities", Value::List(vec![text("")])),
        ("reply-hello", "capabilities", Value::List(vec![text(&"x".repeat(33))])),
        ("reply-hello", "capabilities", Value::List(vec![text("Later")])),
        ("reply-hello", "capabilities", Value::List(vec![text("\u{1b}[2J")])),
        ("reply-hello", "capabilities", Value::List(vec![text("läter")])),
    ] {
        let (kind, said) = verdict(example, field, value).unwrap();
        assert_eq!(kind, MalformedKind::Protocol, "{example}: {field}: {said}");
    }
}

/// No text on the wire can make a malformed message look like a refused value, which would not be
/// counted.
#[test]
fn a_text_cannot_make_a_malformed_message_a_refused_value() {
    for name in ["\u{1}", "\u{1}username is empty", "a\u{1}b"] {
        let choice = Value::Map(vec![(name.to_owned(), Value::Map(vec![]))]);
        let (kind, said) = verdict("ping", "request", choice).unwrap();
        assert_eq!(kind, MalformedKind::Protocol, "{said}");
        assert!(!said.contains('\u{1}'), "{said:?}");
    }
}
