//! Passwords and invites: the proofs that a client may use or make an account.

pub mod hashing;
pub mod invite;
