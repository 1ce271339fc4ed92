//! The last fields before a message in the file of its mail.

use super::line_ends::LineEnds;

/// The field that states exchanged line ends. Only files with such a message have it.
pub(super) const MESSAGE_LINES: &str = "X-Correio-Message-Lines";

/// The field that states a message's length, and after which the message begins. Only files with a
/// message have it.
pub(super) const MESSAGE_LENGTH: &str = "X-Correio-Message-Length";

/// Appends the fields after which a message of this size begins.
pub(super) fn write_message_fields(line_ends: LineEnds, size: u64, file: &mut Vec<u8>) {
    if let Some(stated) = line_ends.stated() {
        file.extend_from_slice(format!("{MESSAGE_LINES}: {stated}\n").as_bytes());
    }
    // The last field: the message begins after this line.
    file.extend_from_slice(format!("{MESSAGE_LENGTH}: {size}\n").as_bytes());
}
