//! Target `channel`: limits, lengths of pieces, and a stream, without TLS.
//!
//! The stream may be repeated, so that a short input can exceed one read of a channel.

use std::fmt::Debug;

use correio_proto::{
    SpareBuffers,
    channel::{Channel, ChannelError},
    frame::HEADER,
    message::{ClientMessage, ServerMessage},
};
use serde::{Serialize, de::DeserializeOwned};

use crate::{
    input::Input,
    pieces::{Pieces, Sink, Source},
};

/// Bytes that a channel may always hold: one read.
const CHUNK: usize = 16 * 1024;

/// Most repetitions of a stream.
const TIMES_MAX: usize = 20;

/// The frame limits for reading a stream.
#[derive(Clone, Copy)]
struct Limits {
    first: usize,
    /// The number of messages after which the limit `then` holds.
    until: usize,
    then: usize,
}

pub(crate) fn run(data: &[u8]) {
    let mut input = Input(data);
    let is_client = input.byte() & 1 == 0;
    let first = usize::from(input.number());
    let until = usize::from(input.byte());
    let limits = Limits { first, until, then: usize::from(input.number()) };
    let lengths: Vec<usize> = input.take(4).iter().map(|byte| usize::from(*byte)).collect();
    let times = 1 + input.below(TIMES_MAX);
    let stream = input.rest().repeat(times);
    match is_client {
        true => check::<ClientMessage>(limits, &lengths, &stream),
        false => check::<ServerMessage>(limits, &lengths, &stream),
    }
}

fn check<M>(limits: Limits, lengths: &[usize], stream: &[u8])
where
    M: Serialize + DeserializeOwned + PartialEq + Debug,
{
    let whole = feed::<M>(limits, &mut Pieces::new([]), stream);
    let mut pieces = Pieces::new(lengths.iter().copied());
    assert_eq!(feed(limits, &mut pieces, stream), whole, "in pieces of {lengths:?}");
    if stream.len() <= 512 {
        assert_eq!(feed(limits, &mut Pieces::new([1]), stream), whole, "byte by byte");
    }
    let messages: Vec<M> = whole.into_iter().flatten().collect();
    let written = write(&messages, &mut pieces);
    let wide = Limits { first: usize::MAX / 2, until: usize::MAX, then: 0 };
    let read: Vec<M> = feed(wide, &mut pieces, &written).into_iter().map(Result::unwrap).collect();
    assert_eq!(read, messages);
}

/// Feeds a channel with pieces of the stream and returns everything that it yields.
fn feed<M>(limits: Limits, pieces: &mut Pieces, stream: &[u8]) -> Vec<Result<M, ChannelError>>
where
    M: DeserializeOwned + PartialEq + Debug,
{
    let mut channel = Channel::plaintext(limits.first);
    let mut spare = SpareBuffers::new(2);
    let mut source = Source { bytes: stream, pieces };
    let mut taken = Vec::new();
    let mut limit = limits.first;
    loop {
        channel.attach(&mut spare);
        let is_end = source.bytes.is_empty();
        if !is_end && channel.has_room() {
            assert!(channel.read_from(&mut source).unwrap() > 0);
        }
        assert!(channel.pending_input() <= (limit + HEADER).max(CHUNK));
        while take(&mut channel, &mut taken) {
            if taken.len() == limits.until {
                limit = limits.then;
                channel.set_frame_limit(limit);
            }
        }
        if is_end || is_lost(&taken) {
            break;
        }
        assert!(channel.has_room(), "there is room, or there is a message");
        channel.detach(&mut spare);
    }
    assert_eq!(channel.next_message::<M>(), Ok(None));
    taken
}

/// Takes a message or an error from the channel. Returns whether there was one.
fn take<M: DeserializeOwned>(
    channel: &mut Channel,
    taken: &mut Vec<Result<M, ChannelError>>,
) -> bool {
    let announced = channel.has_message();
    let item = channel.next_message::<M>().transpose();
    assert_eq!(announced, item.is_some(), "has_message tells what next_message does");
    taken.extend(item);
    announced
}

fn is_lost<M>(taken: &[Result<M, ChannelError>]) -> bool {
    matches!(taken.last(), Some(Err(error)) if !matches!(error, ChannelError::Malformed(_)))
}

/// The bytes that a channel writes of messages into a sink that takes pieces.
fn write<M: Serialize>(messages: &[M], pieces: &mut Pieces) -> Vec<u8> {
    let mut channel = Channel::plaintext(0);
    let mut spare = SpareBuffers::new(2);
    let mut sink = Sink { bytes: Vec::new(), pieces, is_full: false };
    for message in messages {
        channel.attach(&mut spare);
        channel.push(message).unwrap();
        // The sink is full every other time: the rest is written with the next message.
        let _ = channel.write_to(&mut sink);
        channel.detach(&mut spare);
    }
    while channel.wants_write() {
        let before = channel.pending_output();
        match channel.write_to(&mut sink) {
            Ok(count) => assert_eq!(channel.pending_output() + count, before),
            Err(_) => assert_eq!(channel.pending_output(), before),
        }
    }
    sink.bytes
}
