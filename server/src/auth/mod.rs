//! Passwords and invites: what proves that a client may have an account.

pub mod hashing;
pub mod invite;
