//! Tests of the daemon on a failing machine and with hostile clients: as a real process, under
//! strace, on small disks, with few descriptors.

mod checkpoints;
mod descriptors;
mod ending;
mod full;
mod hashing;
mod killed;
mod killed_contents;
mod memory;
mod room;
mod syncs;
