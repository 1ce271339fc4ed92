//! The memory that hostile input takes: messages that claim much, and a terminal that never ends
//! what it began. A program of its own, because it counts what the whole process allocates.

#![allow(missing_docs, clippy::unwrap_used)] // It is all test.

use std::{
    alloc::System,
    fs,
    sync::{Mutex, MutexGuard, PoisonError},
};

use cap::Cap;
use correio_client::keys::{Decoder, PASTE_MAX};
use correio_fuzz::Target;
use correio_proto::{frame, message::ClientMessage};

#[global_allocator]
static ALLOCATOR: Cap<System> = Cap::new(System, usize::MAX);

/// Bytes that reading a request may take besides a multiple of its length.
const REQUEST_MAX: usize = 16 * 1024;

/// The same for everything else that a target does, replies among it: serde makes room for a list
/// of mails by the number that is claimed, up to 1 MiB.
const REPLY_MAX: usize = (1 << 20) + 64 * 1024;

/// Bytes of a sequence or a string that a terminal sends without an end.
const ENDLESS: usize = 1 << 20;

/// Bytes that a decoder may take for a sequence, and besides a paste.
const DECODER_MAX: usize = 4 * 1024;

/// The count is that of all threads: the tests take turns.
static TURN: Mutex<()> = Mutex::new(());

fn alone() -> MutexGuard<'static, ()> {
    TURN.lock().unwrap_or_else(PoisonError::into_inner)
}

/// One allocation beyond the limit, and the process ends.
fn within(bytes: usize, run: impl FnOnce()) {
    ALLOCATOR.set_limit(ALLOCATOR.allocated() + bytes).unwrap();
    run();
    ALLOCATOR.set_limit(usize::MAX).unwrap();
}

#[test]
fn a_terminal_that_never_ends_a_sequence_takes_little_memory() {
    let _alone = alone();
    let piece = [b'1'; 4096];
    for start in ["\x1b[", "\x1bO", "\x1b]", "\x1bP"] {
        within(DECODER_MAX, || endless(start, &piece, ENDLESS));
    }
    // A paste of twice the limit: it is kept up to the limit, in a buffer that grows by doubling
    // (the old and the new one are there at once).
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
    let _alone = alone();
    let target = Target::named("message").unwrap();
    for entry in fs::read_dir(target.corpus()).unwrap() {
        let input = fs::read(entry.unwrap().path()).unwrap();
        let own = 64 * input.len();
        within(REQUEST_MAX + own, || _ = frame::decode::<ClientMessage>(&input));
        within(REPLY_MAX + own, || (target.run)(&input));
    }
}
