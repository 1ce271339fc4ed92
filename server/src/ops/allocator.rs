//! What the server asks of the C library's allocator.

use std::hint::black_box;

/// The largest block that is still taken from the allocator's own store of memory, in bytes. Twice
/// as much free memory at its end is kept.
const BLOCK: usize = 1 << 20;

/// Has glibc keep free memory for the next mails. As it starts, it gives the end of a heap back to
/// the kernel whenever 128 KiB of it are free, and a page of mails that was read and sent is as
/// much: the next one takes it again, page fault by page fault, which cost a fifth of the time of
/// receiving. To free one block that came from the kernel by itself raises the limit
/// (mallopt(3), on `M_MMAP_THRESHOLD`). Other allocators are none the worse for it.
pub fn keep_free_memory() {
    drop(black_box(Vec::<u8>::with_capacity(black_box(BLOCK))));
}
