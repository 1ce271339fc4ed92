//! The exit statuses of sysexits.h that the server uses.

/// The command line is wrong.
pub const USAGE: u8 = 64;

/// The data that a command was given is wrong.
pub const DATA: u8 = 65;

/// A file that a command was given does not exist.
pub const NO_INPUT: u8 = 66;

/// An account that a command was given does not exist.
pub const NO_USER: u8 = 67;

/// An address or the data directory is in use.
pub const UNAVAILABLE: u8 = 69;

/// The system refuses something that every server needs.
pub const OS: u8 = 71;

/// A command would replace files, or cannot make its own.
pub const CANNOT_CREATE: u8 = 73;

/// Reading or writing failed.
pub const IO: u8 = 74;

/// The server has too much to do; the command can be run again.
pub const TRY_AGAIN: u8 = 75;

/// The user lacks a right.
pub const NO_PERMISSION: u8 = 77;

/// The configuration is wrong, or data is damaged.
pub const CONFIG: u8 = 78;
