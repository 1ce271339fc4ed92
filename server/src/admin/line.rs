//! The wire form: a request or a reply as one line of JSON.

use super::{
    reply::{AdminError, AdminErrorCode, AdminReply},
    request::AdminRequest,
};

/// Longest line of a request, in bytes, without its end: room for the largest import.
pub const LINE_MAX: usize = 8 * 1024 * 1024;

/// Reads a request from a line without its end.
///
/// # Errors
///
/// The line is no request, or a value in it is not valid.
pub fn read(line: &[u8]) -> Result<AdminRequest, AdminError> {
    serde_json::from_slice(line).map_err(|error| {
        // Values of the protocol mark their texts with a control character.
        let text = error.to_string().replace(|c: char| c.is_control(), "");
        AdminError::new(AdminErrorCode::BadRequest, text)
    })
}

/// Appends a reply to `output`, with the line's end.
pub fn write(reply: &AdminReply, output: &mut Vec<u8>) {
    let length = output.len();
    if serde_json::to_writer(&mut *output, reply).is_err() {
        // Only a bug gets here: every reply can be written as JSON, and a vector takes it.
        output.truncate(length);
        let error = br#"{"error":{"code":"unavailable","text":"the reply cannot be written"}}"#;
        output.extend_from_slice(error);
    }
    output.push(b'\n');
}
