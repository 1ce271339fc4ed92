//! Bytes of every kind, from outside: the same messages whatever the pieces, and no harm.

#![allow(missing_docs, clippy::unwrap_used, clippy::panic)] // It is all test.

use std::io::Cursor;

use correio_proto::{
    channel::{Channel, ChannelError},
    frame, limits,
    message::{ClientMessage, Request, ServerMessage},
};
use proptest::prelude::*;

/// The frames of PROTOCOL.md.
fn examples() -> Vec<Vec<u8>> {
    let document = include_str!("../PROTOCOL.md");
    let frames = document.split("```frame ").skip(1).map(|part| {
        let text = part.split_once('\n').unwrap().1.split_once("```").unwrap().0;
        text.split_whitespace().map(|byte| u8::from_str_radix(byte, 16).unwrap()).collect()
    });
    frames.collect()
}

fn requests() -> Vec<u8> {
    let is_request = |bytes: &Vec<u8>| {
        frame::decode::<ClientMessage>(bytes.get(frame::HEADER..).unwrap()).is_ok()
    };
    let requests: Vec<_> = examples().into_iter().filter(is_request).collect();
    assert_eq!(requests.len(), 11);
    requests.concat()
}

fn feed(pieces: &[&[u8]]) -> Vec<Result<ClientMessage, ChannelError>> {
    let mut channel = Channel::plaintext(limits::FRAME_BEFORE_LOGIN_MAX);
    let mut taken = Vec::new();
    for piece in pieces {
        let mut source = Cursor::new(piece);
        while channel.has_room() && channel.read_from(&mut source).unwrap() > 0 {
            while let Some(item) = channel.next_message().transpose() {
                taken.push(item);
            }
        }
    }
    taken
}

#[test]
fn every_single_split_gives_the_same() {
    let stream = requests();
    let whole = feed(&[&stream]);
    assert_eq!(whole.len(), 11);
    for at in 0..stream.len() {
        let (first, second) = stream.split_at(at);
        assert_eq!(feed(&[first, second]), whole, "split at {at}");
    }
}

#[test]
fn every_message_skips_what_it_does_not_know_and_no_deeper_than_the_limit() {
    let nested = |depth: usize| {
        let mut bytes = b"\x83\xa5later".to_vec();
        bytes.extend(vec![0x91; depth]);
        bytes.extend_from_slice(b"\xc0\xa6number\x01\xa7request\x81\xa4ping\x80");
        bytes
    };
    let read = |depth| frame::decode::<ClientMessage>(&nested(depth));
    let ping = ClientMessage { number: 1, request: Request::Ping {} };
    assert_eq!(read(limits::DEPTH_MAX - 6), Ok(ping));
    assert!(read(limits::DEPTH_MAX + 1).is_err());
}

#[test]
fn huge_counts_end_where_the_bytes_do() {
    for (what, list) in
        [("array", &b"\xdd\xff\xff\xff\xff"[..]), ("array of 65535", b"\xdc\xff\xff")]
    {
        let mut value = b"\x82\xa6number\x01\xa7request\x81\xa7confirm\x81\xa5mails".to_vec();
        value.extend_from_slice(list);
        assert!(frame::decode::<ClientMessage>(&value).is_err(), "{what}");
    }
    // More recipients than there may be, all of them there.
    let mut value =
        b"\x82\xa6number\x01\xa7request\x81\xa4send\x84\xa7subject\xa1x\xa4body\xa1x\xa2to\xdc\x40\x00".to_vec();
    value.extend(b"\xa1a".repeat(0x4000));
    let error = frame::decode::<ClientMessage>(&value).unwrap_err();
    assert!(error.text.contains("at most 100"), "{}", error.text);
}

/// A stream of examples with some bytes changed, cut out or doubled.
fn damaged() -> impl Strategy<Value = Vec<u8>> {
    let change = (0..4_u8, any::<prop::sample::Index>(), any::<u8>());
    prop::collection::vec(change, 1..6).prop_map(|changes| {
        let mut bytes = requests();
        for (kind, index, value) in changes {
            if bytes.is_empty() {
                break;
            }
            let at = index.index(bytes.len());
            match kind {
                0 => *bytes.get_mut(at).unwrap() ^= value,
                1 => _ = bytes.remove(at),
                2 => bytes.insert(at, value),
                _ => bytes.truncate(at.max(1)),
            }
        }
        bytes
    })
}

proptest! {
    #[test]
    fn damaged_streams_do_no_harm(bytes in damaged()) {
        for item in feed(&[&bytes]) {
            if let Err(ChannelError::Malformed(malformed)) = item {
                prop_assert!(!malformed.text.chars().any(char::is_control));
            }
        }
    }

    #[test]
    fn any_value_is_a_message_or_an_error(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        let _ = frame::decode::<ClientMessage>(&bytes);
        let _ = frame::decode::<ServerMessage>(&bytes);
    }
}
