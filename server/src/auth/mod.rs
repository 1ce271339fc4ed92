//! Passwords, invites and recovery codes: the proofs that a client may use or make an account.

pub mod hashing;
pub mod invite;
pub mod recovery;
