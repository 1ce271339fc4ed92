//! SMTP submission (RFC 6409): mail programs hand mail in, for accounts and lists of this server alone.

pub mod command;
pub mod data;
