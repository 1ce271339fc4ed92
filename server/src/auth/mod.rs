//! Passwords, app passwords, resume tickets, invites and recovery codes: the proofs that a client
//! may use or make an account.

pub mod app_password;
pub mod hashing;
pub mod invite;
pub mod key_file;
pub mod recovery;
pub mod resume_ticket;
