//! What messages that claim much cost in memory. A program of its own, because it counts what the
//! whole process allocates.

#![allow(missing_docs, clippy::unwrap_used)] // It is all test.

use std::{alloc::System, fs};

use cap::Cap;
use correio_fuzz::Target;

#[global_allocator]
static ALLOCATOR: Cap<System> = Cap::new(System, usize::MAX);

/// Bytes that reading a value may take besides a multiple of its length: a list whose length is
/// only claimed gets some room at once.
const CLAIMED_MAX: usize = 64 * 1024;

#[test]
fn nothing_is_allocated_from_a_length_that_is_only_claimed() {
    let target = Target::named("message").unwrap();
    for entry in fs::read_dir(target.corpus()).unwrap() {
        let input = fs::read(entry.unwrap().path()).unwrap();
        let before = ALLOCATOR.allocated();
        ALLOCATOR.set_limit(before + CLAIMED_MAX + 64 * input.len()).unwrap();
        // One allocation more, and the process ends.
        (target.run)(&input);
        ALLOCATOR.set_limit(usize::MAX).unwrap();
    }
}
