//! What messages that claim much cost in memory. A program of its own, because it counts what the
//! whole process allocates.

#![allow(missing_docs, clippy::unwrap_used)] // It is all test.

use std::{alloc::System, fs};

use cap::Cap;
use correio_fuzz::Target;
use correio_proto::{frame, message::ClientMessage};

#[global_allocator]
static ALLOCATOR: Cap<System> = Cap::new(System, usize::MAX);

/// Bytes that reading a request may take besides a multiple of its length.
const REQUEST_MAX: usize = 16 * 1024;

/// The same for everything else that a target does, replies among it: serde makes room for a list
/// of mails by the number that is claimed, up to 1 MiB.
const REPLY_MAX: usize = (1 << 20) + 64 * 1024;

/// One allocation beyond the limit, and the process ends.
fn within(bytes: usize, run: impl FnOnce()) {
    ALLOCATOR.set_limit(ALLOCATOR.allocated() + bytes).unwrap();
    run();
    ALLOCATOR.set_limit(usize::MAX).unwrap();
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
