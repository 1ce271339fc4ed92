//! The signals that end a command.

use std::io;

use signal_hook::{
    consts::{SIGHUP, SIGINT, SIGTERM},
    flag,
};

use crate::cancel::Cancel;

/// Makes SIGINT, SIGTERM and SIGHUP ask for the end of the command's work, which then removes its
/// unfinished files.
///
/// # Errors
///
/// The system refuses to register a signal.
pub fn cancel_on_signals() -> io::Result<Cancel> {
    let cancel = Cancel::default();
    for signal in [SIGINT, SIGTERM, SIGHUP] {
        flag::register_usize(signal, cancel.flag(), usize::try_from(signal).unwrap_or_default())?;
    }
    Ok(cancel)
}

/// The exit status of a command that a signal ended, as a shell reports it.
#[must_use]
pub fn exit_status(cancel: &Cancel) -> Option<u8> {
    let signal = u8::try_from(cancel.signal()?).ok()?;
    128_u8.checked_add(signal)
}
