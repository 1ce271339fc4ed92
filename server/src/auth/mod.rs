//! Passwords, app passwords, invites and recovery codes: the proofs that a client may use or make
//! an account.

pub mod app_password;
pub mod hashing;
pub mod invite;
pub mod recovery;
