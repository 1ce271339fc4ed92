//! Hostile and fragmented streams: the pieces never change the messages, and no input does harm.

use std::{fmt::Debug, io::Cursor};

use correio_proto::{
    channel::{Channel, ChannelError},
    frame::{FrameError, HEADER, MalformedKind},
    limits,
    message::{ClientMessage, ServerMessage},
    wrong_protocol::WrongProtocol,
};
use proptest::prelude::*;
use serde::de::DeserializeOwned;

use crate::support;

/// The messages and errors that were taken out of a channel.
type Taken<M> = Vec<Result<M, ChannelError>>;

/// The frames of the document that a client sends (`true`) or a server.
fn sent_by(client: bool) -> Vec<Vec<u8>> {
    let is_reply = |name: &str| ["reply-", "error-", "notice-"].iter().any(|s| name.starts_with(s));
    support::frames()
        .into_iter()
        .filter(|(name, _)| is_reply(name) != client)
        .map(|(_, frame)| frame)
        .collect()
}

/// Feeds the pieces one after the other, each in as few reads as the channel allows, and takes
/// out everything after each read.
fn feed_at<M: DeserializeOwned>(limit: usize, pieces: &[&[u8]]) -> Taken<M> {
    let mut channel = Channel::plaintext(limit);
    let mut taken = Vec::new();
    for piece in pieces {
        let mut source = Cursor::new(piece);
        while channel.has_room() && channel.read_from(&mut source).unwrap() > 0 {
            loop {
                let announced = channel.has_message();
                let item = channel.next_message().transpose();
                assert_eq!(announced, item.is_some(), "has_message tells what next_message does");
                match item {
                    Some(item) => taken.push(item),
                    None => break,
                }
            }
        }
    }
    taken
}

fn feed<M: DeserializeOwned>(pieces: &[&[u8]]) -> Taken<M> {
    feed_at(limits::FRAME_BEFORE_LOGIN_MAX, pieces)
}

fn check_every_split<M: DeserializeOwned + PartialEq + Debug>(frames: &[Vec<u8>]) {
    let stream = frames.concat();
    let whole = feed::<M>(&[&stream]);
    assert_eq!(whole.len(), frames.len());
    assert!(whole.iter().all(Result::is_ok), "{whole:?}");
    for at in 0..=stream.len() {
        let (first, second) = stream.split_at(at);
        assert_eq!(feed(&[first, second]), whole, "split at {at}");
    }
    let bytes: Vec<&[u8]> = stream.chunks(1).collect();
    assert_eq!(feed(&bytes), whole, "one byte at a time");
}

#[test]
fn every_split_gives_the_same_requests() {
    check_every_split::<ClientMessage>(&sent_by(true));
}

#[test]
fn every_split_gives_the_same_replies_and_notices() {
    check_every_split::<ServerMessage>(&sent_by(false));
}

#[test]
fn a_hundred_frames_come_out_of_one_read() {
    let requests = sent_by(true);
    let stream: Vec<u8> = requests.iter().cycle().take(100).flatten().copied().collect();
    assert!(stream.len() < 16 * 1024, "this would be more than one read");
    let mut channel = Channel::plaintext(limits::FRAME_BEFORE_LOGIN_MAX);
    assert_eq!(channel.read_from(&mut Cursor::new(&stream)).unwrap(), stream.len());
    let mut count = 0;
    while channel.next_message::<ClientMessage>().unwrap().is_some() {
        count += 1;
    }
    assert_eq!((count, channel.pending_input()), (100, 0));
}

#[test]
fn what_the_other_side_says_is_refused_and_the_stream_goes_on() {
    let answers = sent_by(false).concat();
    for item in feed::<ClientMessage>(&[&answers]) {
        let Err(ChannelError::Malformed(malformed)) = item else { panic!("{item:?}") };
        assert_eq!(malformed.kind, MalformedKind::Protocol);
    }
    assert_eq!(feed::<ClientMessage>(&[&answers]).len(), sent_by(false).len());
    let requests = sent_by(true).concat();
    let refused = feed::<ServerMessage>(&[&requests]);
    assert_eq!(refused.len(), sent_by(true).len());
    assert!(refused.iter().all(|item| matches!(item, Err(ChannelError::Malformed(_)))));
}

fn framed(length: u32, value: &[u8]) -> Vec<u8> {
    [&length.to_be_bytes()[..], value].concat()
}

#[test]
fn a_bad_length_ends_the_stream_at_once() {
    let behind = sent_by(true).concat();
    for limit in [limits::FRAME_BEFORE_LOGIN_MAX, limits::REPLY_FRAME_MAX] {
        let over = limit as u32 + 1;
        let too_large = |length| FrameError::TooLarge { length, limit };
        for (length, expected) in [
            (0, FrameError::Empty),
            (over, too_large(over)),
            (0xff00_0000, too_large(0xff00_0000)),
            (u32::MAX, too_large(u32::MAX)),
        ] {
            let stream = framed(length, &behind);
            let expected = [Err(ChannelError::Frame(expected))];
            assert_eq!(feed_at::<ClientMessage>(limit, &[&stream])[..], expected);
            // Four bytes are enough to know.
            assert_eq!(feed_at::<ClientMessage>(limit, &[&stream[..HEADER]])[..], expected);
            let later = [&behind, &stream[..]].concat();
            let taken = feed_at::<ClientMessage>(limit, &[&later]);
            assert_eq!(taken.last(), expected.last());
            assert_eq!(taken.len(), sent_by(true).len() + 1);
        }
    }
}

/// A request of exactly this many bytes, filled up with an unknown field.
fn ping_of(length: usize) -> Vec<u8> {
    let start = b"\x83\xa6number\x07\xa7request\x81\xa4ping\x80\xa5later\xc6";
    let filler = length - start.len() - 4;
    let value = [&start[..], &(filler as u32).to_be_bytes(), &vec![0; filler]].concat();
    framed(length as u32, &value)
}

#[test]
fn a_frame_of_exactly_the_limit_is_taken_and_one_byte_more_is_not() {
    for limit in [limits::FRAME_BEFORE_LOGIN_MAX, limits::FRAME_OVERHEAD_MAX, 1 << 20] {
        let largest = [ping_of(limit), ping_of(100)].concat();
        let taken = feed_at::<ClientMessage>(limit, &[&largest]);
        assert!(matches!(taken[..], [Ok(_), Ok(_)]), "{taken:?}");
        let larger = ping_of(limit + 1);
        let taken = feed_at::<ClientMessage>(limit, &[&larger]);
        assert!(matches!(taken[..], [Err(ChannelError::Frame(_))]), "{taken:?}");
    }
}

#[test]
fn a_limit_holds_for_the_frames_that_are_not_taken_yet() {
    let large = ping_of(limits::FRAME_BEFORE_LOGIN_MAX + 1);
    let stream = [ping_of(100), large, ping_of(100)].concat();
    let mut channel = Channel::plaintext(limits::FRAME_BEFORE_LOGIN_MAX);
    channel.read_from(&mut Cursor::new(&stream)).unwrap();
    assert!(channel.next_message::<ClientMessage>().unwrap().is_some());
    channel.set_frame_limit(limits::FRAME_OVERHEAD_MAX);
    assert!(channel.next_message::<ClientMessage>().unwrap().is_some());
    channel.set_frame_limit(99);
    let refused = channel.next_message::<ClientMessage>();
    assert!(matches!(refused, Err(ChannelError::Frame(_))), "{refused:?}");
}

#[test]
fn another_protocol_is_recognised_whatever_its_pieces() {
    for (start, protocol) in [
        (&b"GET / HTTP/1.1\r\nHost: correio\r\n\r\n"[..], WrongProtocol::Http),
        (b"POST /login HTTP/1.1\r\n\r\n", WrongProtocol::Http),
        (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", WrongProtocol::Http),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", WrongProtocol::Tls),
        (b"SSH-2.0-OpenSSH\r\n", WrongProtocol::Text),
        (b"EHLO localhost\r\n", WrongProtocol::Text),
        (b"\r\n\r\n", WrongProtocol::Text),
    ] {
        // Also where the limit is the largest that a server can have.
        let largest = limits::BODY_MAX + limits::FRAME_OVERHEAD_MAX;
        for limit in [limits::FRAME_BEFORE_LOGIN_MAX, largest] {
            let expected = [Err(ChannelError::WrongProtocol(protocol))];
            for at in 0..start.len() {
                let (first, second) = start.split_at(at);
                assert_eq!(feed_at::<ClientMessage>(limit, &[first, second])[..], expected);
            }
        }
    }
}

/// Requests with some bytes changed, cut out, put in or doubled.
fn damaged() -> impl Strategy<Value = Vec<u8>> {
    let change = (0..5_u8, any::<prop::sample::Index>(), any::<u8>());
    prop::collection::vec(change, 1..6).prop_map(|changes| {
        let mut bytes = sent_by(true).concat();
        for (kind, index, value) in changes {
            if bytes.is_empty() {
                break;
            }
            let at = index.index(bytes.len());
            match kind {
                0 => bytes[at] ^= value,
                1 => _ = bytes.remove(at),
                2 => bytes.insert(at, value),
                3 => {
                    let end = bytes.len().min(at + usize::from(value));
                    bytes.splice(at..at, bytes[at..end].to_vec());
                }
                _ => bytes.truncate(at.max(1)),
            }
        }
        bytes
    })
}

/// Checks what holds for every message and error of a stream.
fn check(taken: &Taken<ClientMessage>) {
    for (index, item) in taken.iter().enumerate() {
        match item {
            Ok(_) => {}
            Err(ChannelError::Malformed(malformed)) => {
                assert!(!malformed.text.is_empty() && malformed.text.len() <= 200);
                assert!(malformed.text.bytes().all(|b| b == b' ' || b.is_ascii_graphic()));
            }
            Err(ChannelError::Frame(_) | ChannelError::WrongProtocol(_)) => {
                assert_eq!(index + 1, taken.len(), "nothing comes after a lost stream");
            }
            Err(error @ (ChannelError::NotTls | ChannelError::Tls(_))) => {
                panic!("there is no TLS here: {error}");
            }
        }
    }
}

/// A stream in pieces of these lengths.
fn pieces<'a>(stream: &'a [u8], lengths: &[usize]) -> Vec<&'a [u8]> {
    let mut pieces = Vec::new();
    let mut rest = stream;
    for length in lengths {
        let (piece, behind) = rest.split_at((*length).min(rest.len()));
        pieces.push(piece);
        rest = behind;
    }
    pieces.push(rest);
    pieces
}

proptest! {
    #[test]
    fn damaged_streams_do_no_harm(
        stream in damaged(),
        lengths in prop::collection::vec(0_usize..200, 0..20),
    ) {
        let whole = feed(&[&stream]);
        check(&whole);
        prop_assert_eq!(feed(&pieces(&stream, &lengths)), whole);
    }

    #[test]
    fn any_bytes_do_no_harm(
        stream in prop::collection::vec(any::<u8>(), 0..600),
        lengths in prop::collection::vec(0_usize..50, 0..20),
    ) {
        let whole = feed(&[&stream]);
        check(&whole);
        prop_assert_eq!(feed(&pieces(&stream, &lengths)), whole);
    }

    #[test]
    fn any_value_in_a_frame_is_one_message_or_one_error(
        value in prop::collection::vec(any::<u8>(), 1..300),
    ) {
        let stream = framed(value.len() as u32, &value);
        let taken = feed(&[&stream]);
        prop_assert_eq!(taken.len(), 1);
        check(&taken);
    }
}
