//! The exit statuses of sysexits.h that the server uses.

/// The command line is wrong.
pub const USAGE: u8 = 64;

/// An address or the data directory is in use.
pub const UNAVAILABLE: u8 = 69;

/// The system refuses something that every server needs.
pub const OS: u8 = 71;

/// Reading or writing failed.
pub const IO: u8 = 74;

/// The user lacks a right.
pub const NO_PERMISSION: u8 = 77;

/// The configuration is wrong, or data is damaged.
pub const CONFIG: u8 = 78;
