//! Cuts the bytes of a server into messages.

use bytes::BytesMut;
use postgres_protocol::message::backend::{Header, Message};

use crate::store::postgres::error::ProtocolError;

/// Largest message of a server that has not proved anything yet, in bytes.
pub(super) const FIRST_MESSAGES_MAX: usize = 64 << 10;

/// Largest message, in bytes: a row with the largest mail, and its head.
pub(super) const MESSAGE_MAX: usize = 80 << 20;

/// Takes the first message from the bytes that have arrived; `None` if it has not arrived whole.
///
/// # Errors
///
/// The bytes are no message, or the message is larger than `max` bytes.
pub(super) fn next_message(
    input: &mut BytesMut,
    max: usize,
) -> Result<Option<Message>, ProtocolError> {
    let header = Header::parse(input).map_err(|error| ProtocolError::new(&error))?;
    let Some(header) = header else { return Ok(None) };
    // The length counts itself, and not the tag before it.
    let length = usize::try_from(header.len()).unwrap_or(usize::MAX);
    if length > max {
        return Err(ProtocolError::new(&format_args!("a message of {length} bytes")));
    }
    // The library would make room for a message that has not arrived.
    if input.len() <= length {
        return Ok(None);
    }
    Message::parse(input).map_err(|error| ProtocolError::new(&error))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_comes_whole_whatever_its_pieces() {
        let bytes = b"Z\0\0\0\x05I1\0\0\0\x04";
        let mut input = BytesMut::new();
        let mut found = 0;
        for byte in bytes {
            input.extend_from_slice(&[*byte]);
            found += usize::from(next_message(&mut input, 8).unwrap().is_some());
        }
        assert_eq!((found, input.len()), (2, 0));
    }

    #[test]
    fn a_length_that_no_message_has_is_refused_before_the_message_arrives() {
        for (bytes, max) in [
            (b"D\0\0\0\x09", 8),
            (b"D\x7f\xff\xff\xff", MESSAGE_MAX),
            (b"D\xff\xff\xff\xff", MESSAGE_MAX),
            (b"D\0\0\0\x03", 8),
        ] {
            let mut input = BytesMut::from(&bytes[..]);
            assert!(next_message(&mut input, max).is_err(), "{bytes:?}");
            assert!(input.capacity() < 1 << 10, "nothing is allocated for it");
        }
    }
}
