//! Variants of every message of the document: allowed variants are the same message, all others are
//! errors, and no variant does harm.

use correio_proto::{
    frame::{self, HEADER, Malformed, MalformedKind},
    limits,
    message::{ClientMessage, ServerMessage},
};
use serde::{Serialize, de::DeserializeOwned};

use crate::support::{self, Value};

/// Optional fields, each after the choice that it belongs to.
const OPTIONAL: [(&str, &str); 17] = [
    ("register", "invite"),
    ("fetch", "after"),
    ("fetch", "max"),
    ("members", "after"),
    ("logged_in", "usage"),
    ("recovered", "app_passwords_revoked"),
    ("account_changed", "app_passwords_revoked"),
    ("list", "role"),
    ("reply-lists", "role"),
    ("reply-app-passwords", "used"),
    ("limits", "content"),
    ("limits", "piece"),
    ("content", "kind"),
    ("error", "retry_after"),
    ("error", "recipients"),
    ("error", "staged"),
    ("error", "versions"),
];

/// Names whose value is a choice: a map with one entry.
const CHOICES: [&str; 11] = [
    "request",
    "reply",
    "notice",
    "account",
    "registration",
    "list",
    "app_password",
    "change",
    "senders",
    "role",
    "kind",
];

/// A message of the document.
struct Example {
    name: &'static str,
    /// Without the frame's length.
    bytes: Vec<u8>,
    value: Value,
}

fn examples() -> Vec<Example> {
    let example = |(name, frame): (&'static str, Vec<u8>)| {
        let bytes = frame[HEADER..].to_vec();
        Example { name, value: Value::read(&bytes), bytes }
    };
    support::frames().into_iter().map(example).collect()
}

/// Reads a message and encodes it again.
fn written_again<M: Serialize + DeserializeOwned>(bytes: &[u8]) -> Result<Vec<u8>, Malformed> {
    let mut frame = Vec::new();
    frame::encode(&frame::decode::<M>(bytes)?, &mut frame).unwrap();
    Ok(frame.split_off(HEADER))
}

impl Example {
    /// Reads `bytes` as the example's kind of message and encodes it again.
    fn decode(&self, bytes: &[u8]) -> Result<Vec<u8>, Malformed> {
        match self.value.at("request") {
            Some(_) => written_again::<ClientMessage>(bytes),
            None => written_again::<ServerMessage>(bytes),
        }
    }

    fn number(&self) -> u32 {
        match self.value.at("number") {
            Some(Value::Int(number)) => *number as u32,
            other => panic!("{other:?}"),
        }
    }

    /// Checks that `changed` is refused as malformed.
    fn check_refused(&self, changed: &Value, what: &str) {
        let refused = self.decode(&changed.wide());
        let error = refused.expect_err(&format!("{}: {what}: {changed}", self.name));
        assert_eq!(error.kind, MalformedKind::Protocol, "{}: {what}: {changed}", self.name);
        check_text(&error);
    }

    /// Checks that these bytes are an error, or a message that can be encoded and read again.
    fn check_harmless(&self, bytes: &[u8]) {
        match self.decode(bytes) {
            Ok(written) => assert_eq!(self.decode(&written), Ok(written.clone())),
            Err(error) => check_text(&error),
        }
    }
}

fn check_text(error: &Malformed) {
    assert!(!error.text.is_empty() && error.text.len() <= 200, "{error:?}");
    assert!(error.text.bytes().all(|byte| byte == b' ' || byte.is_ascii_graphic()), "{error:?}");
}

/// A place in a message: the way to it, and the name it has, if it has one.
#[derive(Clone, Debug)]
struct Place {
    way: Vec<usize>,
    name: Option<String>,
}

impl Place {
    fn is_choice(&self, root: &Value) -> bool {
        // A list in a reply has fields, and one in a request is a choice.
        let is_single = matches!(self.of(root), Value::Map(entries) if entries.len() == 1);
        is_single && self.name.as_ref().is_some_and(|name| CHOICES.contains(&&**name))
    }

    fn of<'a>(&self, root: &'a Value) -> &'a Value {
        self.way.iter().fold(root, |value, at| match value {
            Value::List(list) => &list[*at],
            Value::Map(entries) => &entries[*at].1,
            _ => unreachable!("ways lead through lists and maps"),
        })
    }

    /// The message with this place changed.
    fn changed(&self, root: &Value, change: impl FnOnce(&mut Value)) -> Value {
        let mut root = root.clone();
        let place = self.way.iter().fold(&mut root, |value, at| match value {
            Value::List(list) => &mut list[*at],
            Value::Map(entries) => &mut entries[*at].1,
            _ => unreachable!("ways lead through lists and maps"),
        });
        change(place);
        root
    }
}

/// Every place in a message, itself included.
fn places(root: &Value) -> Vec<Place> {
    let mut places = vec![Place { way: vec![], name: None }];
    let mut next = 0;
    while let Some(place) = places.get(next).cloned() {
        let below = |at, name| Place { way: [&place.way[..], &[at]].concat(), name };
        match place.of(root) {
            Value::List(list) => places.extend((0..list.len()).map(|at| below(at, None))),
            Value::Map(entries) => places.extend(
                entries.iter().enumerate().map(|(at, (key, _))| below(at, Some(key.clone()))),
            ),
            _ => {}
        }
        next += 1;
    }
    places
}

/// The maps with fields (all but those of choices), with the nesting level of each.
fn structures(root: &Value) -> Vec<(Place, usize)> {
    let is_structure = |place: &Place| matches!(place.of(root), Value::Map(_));
    let structures = places(root).into_iter().filter(|place| !place.is_choice(root));
    structures.filter(is_structure).map(|place| (place.clone(), place.way.len() + 1)).collect()
}

fn entries(map: &mut Value) -> &mut Vec<(String, Value)> {
    match map {
        Value::Map(entries) => entries,
        other => panic!("{other} is no map"),
    }
}

fn reversed(value: &Value) -> Value {
    match value {
        Value::Map(entries) => Value::Map(
            entries.iter().rev().map(|(key, value)| (key.clone(), reversed(value))).collect(),
        ),
        Value::List(list) => Value::List(list.iter().map(reversed).collect()),
        other => other.clone(),
    }
}

#[test]
fn width_and_order_do_not_matter() {
    for example in examples() {
        for other in [example.value.wide(), reversed(&example.value).wide()] {
            assert_ne!(other, example.bytes);
            assert_eq!(example.decode(&other).as_ref(), Ok(&example.bytes), "{}", example.name);
        }
    }
}

/// Values that no message has now.
fn unknown() -> Vec<Vec<u8>> {
    vec![
        b"\xc0".to_vec(),
        b"\xff".to_vec(),
        b"\xd3\x80\0\0\0\0\0\0\0".to_vec(),
        b"\xcb\x40\x09\x21\xfb\x54\x44\x2d\x18".to_vec(),
        b"\xa2\xff\xfe".to_vec(),
        b"\xd4\x05\x00".to_vec(),
        b"\xd6\xff\0\0\0\0".to_vec(),
        b"\xc7\x03\x05abc".to_vec(),
        b"\x82\x01\x02\xc3\x93\x01\xc0\xc4\x01\xff".to_vec(),
    ]
}

#[test]
fn unknown_fields_are_skipped_everywhere() {
    for example in examples() {
        for (place, _) in structures(&example.value) {
            for (index, later) in unknown().into_iter().enumerate() {
                let changed = place.changed(&example.value, |map| {
                    let field = ("later".to_owned(), Value::Raw(later));
                    let entries = entries(map);
                    let at = index % (entries.len() + 1);
                    entries.insert(at, field);
                });
                let read = example.decode(&changed.wide());
                assert_eq!(read.as_ref(), Ok(&example.bytes), "{}: {changed}", example.name);
            }
        }
    }
}

fn nested(arrays: usize) -> Value {
    Value::Raw([vec![0x91; arrays], vec![0xc0]].concat())
}

#[test]
fn nesting_is_bounded_on_a_small_stack() {
    // Made on the large stack: only the reader must get by with a small one.
    let mut cases = Vec::new();
    for (index, example) in examples().iter().enumerate() {
        for (place, level) in structures(&example.value) {
            let with = |arrays| {
                let changed = place.changed(&example.value, |map| {
                    entries(map).insert(0, ("later".to_owned(), nested(arrays)));
                });
                changed.wide()
            };
            // The arrays stand below the map, and what the last one holds is a level too.
            let deepest = limits::DEPTH_MAX - level - 1;
            cases.push((index, with(deepest), Depth::Within));
            // Within a choice, one more level is read than the document promises.
            let over = if level == 1 { deepest + 1 } else { limits::DEPTH_MAX };
            for arrays in [over, 1000, 60_000] {
                cases.push((index, with(arrays), Depth::Beyond));
            }
        }
    }
    let examples = examples();
    let check = move || {
        for (index, bytes, depth) in &cases {
            check_depth(&examples[*index], bytes, *depth);
        }
        // Also a value of arrays alone is no problem.
        let text = frame::decode::<ClientMessage>(&[0x91; 60_000]).unwrap_err().text;
        assert!(!text.is_empty());
    };
    let thread = std::thread::Builder::new().stack_size(64 * 1024).spawn(check);
    thread.unwrap().join().unwrap();
}

#[derive(Clone, Copy)]
enum Depth {
    Within,
    Beyond,
}

fn check_depth(example: &Example, bytes: &[u8], depth: Depth) {
    let read = example.decode(bytes);
    match depth {
        Depth::Within => assert_eq!(read.as_ref(), Ok(&example.bytes), "{}", example.name),
        Depth::Beyond => {
            let error = read.unwrap_err();
            assert_eq!(error.text, "nested too deeply", "{}", example.name);
            assert_eq!(error.kind, MalformedKind::Protocol);
        }
    }
}

#[test]
fn only_optional_fields_may_be_left_out() {
    let mut left_out = std::collections::BTreeSet::new();
    for example in examples() {
        for (place, _) in structures(&example.value) {
            let Value::Map(fields) = place.of(&example.value) else { unreachable!() };
            for (at, (name, _)) in fields.iter().enumerate() {
                let changed = place.changed(&example.value, |map| _ = entries(map).remove(at));
                // The entries of an array have no name: the example's stands for it.
                let of = place.name.as_deref().filter(|name| !name.is_empty());
                let of = of.unwrap_or(example.name);
                match OPTIONAL.into_iter().find(|optional| *optional == (of, name)) {
                    Some(optional) => {
                        assert!(example.decode(&changed.wide()).is_ok(), "{optional:?}");
                        left_out.insert(optional);
                    }
                    None => example.check_refused(&changed, name),
                }
            }
        }
    }
    assert_eq!(left_out, OPTIONAL.into());
}

#[test]
fn known_fields_stand_once() {
    for example in examples() {
        for (place, _) in structures(&example.value) {
            let Value::Map(fields) = place.of(&example.value) else { unreachable!() };
            for at in 0..fields.len() {
                let changed = place.changed(&example.value, |map| {
                    let again = entries(map)[at].clone();
                    entries(map).push(again);
                });
                example.check_refused(&changed, "twice");
            }
        }
    }
}

#[test]
fn a_choice_has_exactly_one_known_entry() {
    for example in examples() {
        let choices = places(&example.value).into_iter();
        let choices = choices.filter(|place| place.is_choice(&example.value));
        for place in choices {
            let value = &example.value;
            let change = |change: fn(&mut Vec<(String, Value)>)| {
                place.changed(value, |map| change(entries(map)))
            };
            example.check_refused(&change(Vec::clear), "none");
            example.check_refused(&change(|map| map.push(map[0].clone())), "twice");
            example.check_refused(&change(|map| map[0].0 = "reboot".to_owned()), "unknown");
            example.check_refused(&change(|map| map[0].0.push('\u{1b}')), "a terminal's escape");
            let name = Value::Text(place.of(value).choice().to_owned());
            example.check_refused(&place.changed(value, |map| *map = name), "the name alone");
        }
    }
}

/// Values of another type than `value`, without those that serde accepts, too: an array for a map,
/// or for bytes.
fn other_types(value: &Value) -> Vec<Value> {
    let text = |text: &str| Value::Text(text.to_owned());
    let mut others = vec![
        Value::Raw(vec![0xc0]),
        Value::Raw(vec![0xff]),
        Value::Raw(b"\xca\x40\xe0\0\0".to_vec()),
        Value::Raw(b"\xa2\xff\xfe".to_vec()),
        Value::Raw(b"\xd4\x05\x00".to_vec()),
        Value::Raw(vec![0xc1]),
    ];
    match value {
        Value::Int(_) => others.extend([text("7"), Value::Bool(true), Value::Map(vec![])]),
        Value::Bool(_) => others.extend([Value::Int(1), text("true"), Value::List(vec![])]),
        Value::Text(_) => others.extend([Value::Int(1), Value::List(vec![]), Value::Map(vec![])]),
        Value::Bytes(bytes) => {
            let longer = [&bytes[..], &[0]].concat();
            others.extend([Value::Bytes(bytes[1..].to_vec()), Value::Bytes(longer)]);
            others.extend([Value::Int(1), Value::Map(vec![]), text("short")]);
        }
        Value::List(_) => others.extend([Value::Int(1), text("tony"), Value::Map(vec![])]),
        Value::Map(_) => others.extend([Value::Int(1), text("tony"), Value::Bool(false)]),
        Value::Raw(_) => unreachable!("examples are read"),
    }
    others
}

#[test]
fn values_of_another_type_are_refused_under_the_number() {
    for example in examples() {
        for place in places(&example.value) {
            for other in other_types(place.of(&example.value)) {
                let name = place.name.as_deref().unwrap_or_default();
                if name == "retry_after" && other == Value::Raw(vec![0xc0]) {
                    continue;
                }
                // A piece, a message or a ticket may be longer or shorter, and a str that is not
                // UTF-8 is read as bytes.
                let not_utf8 = Value::Raw(b"\xa2\xff\xfe".to_vec());
                let is_bytes = matches!(place.of(&example.value), Value::Bytes(_))
                    && matches!(name, "bytes" | "message" | "ticket");
                if is_bytes && (matches!(other, Value::Bytes(_)) || other == not_utf8) {
                    continue;
                }
                let changed = place.changed(&example.value, |value| *value = other.clone());
                example.check_refused(&changed, name);
                // 0xc1 has no length, so that no number can be read after it.
                if name != "number" && place.way.len() > 1 && other != Value::Raw(vec![0xc1]) {
                    let error = example.decode(&changed.wide()).unwrap_err();
                    assert_eq!(error.number, Some(example.number()), "{changed}");
                }
            }
        }
    }
}

/// Peak of this process's virtual memory, in KiB.
#[cfg(target_os = "linux")]
fn peak() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmPeak:")).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}

#[cfg(not(target_os = "linux"))]
fn peak() -> u64 {
    0
}

#[test]
fn huge_counts_end_where_the_bytes_do_and_allocate_nothing() {
    let before = peak();
    for example in examples() {
        for place in places(&example.value) {
            for marker in [0xdd, 0xdf, 0xdb, 0xc6, 0xc9] {
                let claim = Value::Raw(vec![marker, 0xff, 0xff, 0xff, 0xff]);
                let changed = place.changed(&example.value, |value| *value = claim.clone());
                assert!(example.decode(&changed.wide()).is_err(), "{}: {changed}", example.name);
            }
        }
        for (place, _) in structures(&example.value) {
            for marker in [0xdd, 0xdf, 0xdb, 0xc6, 0xc9] {
                let claim = Value::Raw(vec![marker, 0xff, 0xff, 0xff, 0xff]);
                let changed = place.changed(&example.value, |map| {
                    entries(map).push(("later".to_owned(), claim));
                });
                example.check_refused(&changed, "claim");
            }
        }
    }
    // One believed claim would take 4 GiB or more. The margin is for tests that run at the same
    // time.
    assert!(peak() - before < 2 * 1024 * 1024, "{} KiB more", peak() - before);
}

#[test]
fn no_part_of_a_message_is_a_message() {
    for example in examples() {
        for bytes in [&example.bytes, &example.value.wide()] {
            for length in 0..bytes.len() {
                assert!(example.decode(&bytes[..length]).is_err(), "{}: {length}", example.name);
            }
        }
    }
}

#[test]
fn nothing_stands_after_a_message() {
    for example in examples() {
        for marker in 0..=u8::MAX {
            for after in [&[marker][..], &[marker, 1], &[marker, 0, 0, 0, 1], &[marker; 20]] {
                let error = example.decode(&[&example.bytes, after].concat()).unwrap_err();
                assert_eq!(error.text, "there are bytes after the message", "{after:x?}");
                assert_eq!(error.number, Some(example.number()));
            }
        }
    }
}

#[test]
fn every_flipped_bit_is_a_message_or_an_error() {
    for example in examples() {
        for at in 0..example.bytes.len() * 8 {
            let mut bytes = example.bytes.clone();
            bytes[at / 8] ^= 1 << (at % 8);
            example.check_harmless(&bytes);
        }
    }
}

#[test]
fn every_byte_may_be_any_other() {
    for example in examples() {
        for at in 0..example.bytes.len() {
            for byte in [0x00, 0x01, 0x7f, 0x80, 0x90, 0xa0, 0xc0, 0xc1, 0xd9, 0xdf, 0xff] {
                let mut bytes = example.bytes.clone();
                bytes[at] = byte;
                example.check_harmless(&bytes);
                bytes.remove(at);
                example.check_harmless(&bytes);
            }
        }
    }
}
