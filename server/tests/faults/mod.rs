//! What the daemon does where the machine fails it, and where clients do their worst: as a real
//! process, under strace, on small disks, with few descriptors.

mod descriptors;
mod ending;
mod full;
mod hashing;
mod killed;
mod memory;
mod process;
mod syncs;
