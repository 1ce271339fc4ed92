//! Bounds the memory that hostile input takes: messages that claim much, and a terminal that never
//! ends a sequence. This is a program of its own, because it counts the allocations of the whole
//! process.

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

/// Most bytes allocated for reading a request, besides a multiple of its length.
const REQUEST_MAX: usize = 16 * 1024;

/// The same for everything else in a target, replies included: serde reserves room for a list of
/// mails by the claimed number, up to 1 MiB.
const REPLY_MAX: usize = (1 << 20) + 64 * 1024;

/// Bytes of a sequence or string that a terminal sends without an end.
const ENDLESS: usize = 1 << 20;

/// Most bytes that a decoder holds for a sequence, and besides a paste.
const DECODER_MAX: usize = 4 * 1024;

/// All threads are counted together: the tests take turns.
static TURN: Mutex<()> = Mutex::new(());

fn alone() -> MutexGuard<'static, ()> {
    TURN.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Aborts the process at the first allocation beyond the limit.
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
    let _alone = alone();
    let target = Target::named("message").unwrap();
    for entry in fs::read_dir(target.corpus()).unwrap() {
        let input = fs::read(entry.unwrap().path()).unwrap();
        let own = 64 * input.len();
        within(REQUEST_MAX + own, || _ = frame::decode::<ClientMessage>(&input));
        within(REPLY_MAX + own, || (target.run)(&input));
    }
}
