//! The forms of a mail's content: each mail has exactly one of them.

use correio_proto::{
    frame::{self, HEADER, MalformedKind},
    mail::{Content, ContentKind},
    message::{ClientMessage, Reply, Request, ServerMessage},
};

use crate::support::{self, Value};

const NIL: &[u8] = &[0xc0];

fn example(name: &str) -> Value {
    let (_, frame) = support::frames().into_iter().find(|(found, _)| *found == name).unwrap();
    Value::read(&frame[HEADER..])
}

fn inner<'a>(value: &'a mut Value, name: &str) -> &'a mut Value {
    let Value::Map(entries) = value else { panic!("{value} is no map") };
    &mut entries.iter_mut().find(|(key, _)| key == name).unwrap().1
}

/// The fields of the mail in a message of the document: in the `send`, or first in the page.
fn mail(message: &mut Value) -> &mut Vec<(String, Value)> {
    let mail = match message.at("request") {
        Some(_) => inner(inner(message, "request"), "send"),
        None => match inner(inner(inner(message, "reply"), "page"), "mails") {
            Value::List(mails) => &mut mails[0],
            other => panic!("{other} is no list"),
        },
    };
    match mail {
        Value::Map(entries) => entries,
        other => panic!("{other} is no map"),
    }
}

/// The content of the mail in a message, or how the message is refused.
fn read(message: &Value) -> Result<Content, MalformedKind> {
    let bytes = message.wide();
    if message.at("request").is_some() {
        return match frame::decode::<ClientMessage>(&bytes).map_err(|error| error.kind)?.request {
            Request::Send(send) => Ok(send.content),
            other => panic!("{other:?}"),
        };
    }
    match frame::decode::<ServerMessage>(&bytes).map_err(|error| error.kind)? {
        ServerMessage::Reply { reply: Reply::Page(mut page), .. } => {
            Ok(page.mails.remove(0).content)
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_mail_has_exactly_one_of_body_message_and_content() {
    let body = ("body".to_owned(), Value::Text("Oi!".to_owned()));
    let content =
        inner(inner(&mut example("send-content"), "request"), "send").at("content").cloned();
    let content = ("content".to_owned(), content.unwrap());
    let message = ("message".to_owned(), Value::Bytes(b"\r\n\0\xff".to_vec()));
    let nil = |name: &str| (name.to_owned(), Value::Raw(NIL.to_vec()));
    for name in ["send", "reply-page"] {
        let with = |fields: &[&(String, Value)]| {
            let mut message = example(name);
            let mail = mail(&mut message);
            mail.retain(|(key, _)| key != "body");
            assert!(mail.iter().all(|(key, _)| key != "message" && key != "content"));
            mail.splice(0..0, fields.iter().map(|field| (*field).clone()));
            read(&message)
        };
        assert_eq!(with(&[&body]), Ok("Oi!".parse().unwrap()), "{name}");
        assert!(matches!(with(&[&content]), Ok(Content::Large(_))), "{name}");
        let Ok(Content::Message(read)) = with(&[&message]) else { panic!("{name}") };
        assert_eq!(read.as_bytes(), b"\r\n\0\xff", "{name}");
        for fields in [
            &[][..],
            &[&body, &message],
            &[&message, &content],
            &[&body, &message, &content],
            &[&message, &message],
            &[&message, &nil("body")],
            &[&message, &nil("content")],
            &[&nil("message"), &content],
            &[&nil("message")],
            &[&body, &content],
            &[&content, &body],
            &[&body, &body],
            &[&content, &content],
            &[&body, &nil("content")],
            &[&nil("body"), &content],
            &[&nil("content")],
        ] {
            assert_eq!(with(fields), Err(MalformedKind::Protocol), "{name}: {fields:?}");
        }
    }
}

#[test]
fn a_large_content_is_a_text_unless_it_states_another_kind() {
    let kind = |name: &str| Value::Map(vec![(name.to_owned(), Value::Map(vec![]))]);
    let with = |value: Option<Value>| {
        let mut message = example("send-content");
        let content = inner(inner(inner(&mut message, "request"), "send"), "content");
        let Value::Map(fields) = content else { panic!("{content} is no map") };
        fields.extend(value.map(|value| ("kind".to_owned(), value)));
        read(&message).map(|content| content.kind())
    };
    assert_eq!(with(None), Ok(ContentKind::Text {}));
    assert_eq!(with(Some(kind("text"))), Ok(ContentKind::Text {}));
    assert_eq!(with(Some(kind("message"))), Ok(ContentKind::Message {}));
    let both = Value::Map(vec![
        ("text".to_owned(), Value::Map(vec![])),
        ("message".to_owned(), Value::Map(vec![])),
    ]);
    for refused in [
        kind("video"),
        both,
        Value::Map(vec![]),
        Value::Raw(NIL.to_vec()),
        Value::Text("message".to_owned()),
        Value::Int(1),
    ] {
        assert_eq!(with(Some(refused.clone())), Err(MalformedKind::Protocol), "{refused}");
    }
}
