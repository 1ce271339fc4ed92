//! Bounds the memory that hostile input takes: messages that claim much, and a terminal that never
//! ends a sequence. This is a program of its own, because the counter is its global allocator. Each
//! measurement counts the allocations of its own thread: the test harness allocates on others.

#![allow(missing_docs, clippy::unwrap_used)] // It is all test.

use std::fs;

use correio_client::keys::{Decoder, PASTE_MAX};
use correio_fuzz::Target;
use correio_proto::{frame, message::ClientMessage};

/// Most bytes allocated for reading a request, besides a multiple of its length.
const REQUEST_MAX: usize = 16 * 1024;

/// The same for everything else in a target, replies included: serde reserves room for a list of
/// mails by the claimed number, up to 1 MiB.
const REPLY_MAX: usize = (1 << 20) + 64 * 1024;

/// Bytes of a sequence or string that a terminal sends without an end.
const ENDLESS: usize = 1 << 20;

/// Most bytes that a decoder holds for a sequence, and besides a paste.
const DECODER_MAX: usize = 4 * 1024;

/// Fails if `run` has more than this many bytes allocated at any moment.
#[track_caller]
fn within(bytes: usize, run: impl FnOnce()) {
    let allocated = allocation_counter::measure(run).bytes_max;
    assert!(allocated <= bytes as u64, "{allocated} bytes allocated, at most {bytes} expected");
}

#[test]
fn allocations_are_counted() {
    assert_eq!(
        allocation_counter::measure(|| drop(Vec::<u8>::with_capacity(5000))).bytes_max,
        5000
    );
}

#[test]
fn a_terminal_that_never_ends_a_sequence_takes_little_memory() {
    let piece = [b'1'; 4096];
    for start in ["\x1b[", "\x1bO", "\x1b]", "\x1bP"] {
        within(DECODER_MAX, || endless(start, &piece, ENDLESS));
    }
    // A paste of twice the limit is kept up to the limit, in a buffer that grows by doubling (the
    // old and the new buffer exist at once).
    within(4 * PASTE_MAX + DECODER_MAX, || endless("\x1b[200~", &piece, 2 * PASTE_MAX));
}

fn endless(start: &str, piece: &[u8], bytes: usize) {
    let (mut decoder, mut events) = (Decoder::new(), Vec::with_capacity(8));
    decoder.feed(start.as_bytes(), &mut events);
    for _ in 0..bytes / piece.len() {
        decoder.feed(piece, &mut events);
    }
    assert!(events.is_empty() && decoder.is_pending());
    decoder.silence(&mut events);
    assert_eq!(events.len(), 1);
}

#[test]
fn nothing_is_allocated_from_a_length_that_is_only_claimed() {
    let target = Target::named("message").unwrap();
    for entry in fs::read_dir(target.corpus()).unwrap() {
        let input = fs::read(entry.unwrap().path()).unwrap();
        let own = 64 * input.len();
        within(REQUEST_MAX + own, || _ = frame::decode::<ClientMessage>(&input));
        within(REPLY_MAX + own, || (target.run)(&input));
    }
}
