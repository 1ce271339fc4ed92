//! Frames: a length of 4 bytes, most significant first, and one MessagePack value of that length.
//!
//! No memory is allocated for a length that was only claimed.

use serde::{Deserialize, Serialize, de::DeserializeOwned};

use crate::{limits, mail::UNACCEPTABLE};

/// Size of a frame's length field, in bytes.
pub const HEADER: usize = 4;

/// A frame's length that is not allowed. The rest of the stream is unreadable.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FrameError {
    /// A frame without a value.
    #[error("a frame must not be empty")]
    Empty,
    /// A frame above the limit that holds now.
    #[error("a frame of {length} bytes is above the limit of {limit}")]
    TooLarge {
        /// The length claimed, in bytes.
        length: u32,
        /// The limit, in bytes.
        limit: usize,
    },
}

/// A frame whose value is not a message. The frame after it can be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{text}")]
pub struct Malformed {
    /// The message's number, if it could be read.
    pub number: Option<u32>,
    /// Whether the sender broke a rule of values or of the protocol.
    pub kind: MalformedKind,
    /// The problem, in English, on one line. Quotes nothing that the peer sent but names of the
    /// protocol.
    pub text: String,
}

/// Why a frame is [`Malformed`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MalformedKind {
    /// The message has a value that breaks a rule ([`crate::mail::Invalid`]).
    Invalid,
    /// The value is not a message of the protocol.
    Protocol,
}

/// A message that is too large for a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the message does not fit into a frame")]
pub struct Oversized;

/// Length of the value of the first frame in `bytes`; `None` while the length is incomplete.
///
/// # Errors
///
/// A length of zero or above `limit`.
pub fn value_length(bytes: &[u8], limit: usize) -> Result<Option<usize>, FrameError> {
    let Some(header) = bytes.first_chunk::<HEADER>() else {
        return Ok(None);
    };
    let length = u32::from_be_bytes(*header);
    match usize::try_from(length) {
        Ok(0) => Err(FrameError::Empty),
        Ok(value) if value <= limit => Ok(Some(value)),
        _ => Err(FrameError::TooLarge { length, limit }),
    }
}

/// Appends a message as a frame to `output`, which is unchanged after an error.
///
/// # Errors
///
/// The message has 4 GiB or more.
pub fn encode<M: Serialize>(message: &M, output: &mut Vec<u8>) -> Result<(), Oversized> {
    let start = output.len();
    output.extend_from_slice(&[0; HEADER]);
    let mut serializer = rmp_serde::Serializer::new(&mut *output).with_struct_map();
    let encoded = message.serialize(&mut serializer);
    let length = u32::try_from(output.len() - start - HEADER);
    match (encoded, length, output.get_mut(start..start + HEADER)) {
        (Ok(()), Ok(length), Some(header)) => {
            header.copy_from_slice(&length.to_be_bytes());
            Ok(())
        }
        _ => {
            output.truncate(start);
            Err(Oversized)
        }
    }
}

/// Reads the value of a frame as a message.
///
/// # Errors
///
/// The value is anything but exactly one message.
pub fn decode<M: DeserializeOwned>(value: &[u8]) -> Result<M, Malformed> {
    let mut deserializer = rmp_serde::Deserializer::from_read_ref(value);
    deserializer.set_max_depth(limits::DEPTH_MAX);
    let message = M::deserialize(&mut deserializer).map_err(|error| malformed(value, &error))?;
    // The deserializer does not tell its position, but reading a further marker fails only at the
    // end. A unit reads one marker and nothing nested, whose own end could be mistaken for the
    // value's.
    match <()>::deserialize(&mut deserializer) {
        Err(rmp_serde::decode::Error::InvalidMarkerRead(_)) => Ok(message),
        _ => Err(Malformed {
            number: number(value),
            kind: MalformedKind::Protocol,
            text: "there are bytes after the message".to_owned(),
        }),
    }
}

fn malformed(value: &[u8], error: &rmp_serde::decode::Error) -> Malformed {
    use rmp_serde::decode::Error;
    let (kind, text) = match error {
        Error::Syntax(text) => match text.strip_prefix(UNACCEPTABLE) {
            Some(text) => (MalformedKind::Invalid, text.to_owned()),
            None => (MalformedKind::Protocol, printable(text)),
        },
        Error::DepthLimitExceeded => (MalformedKind::Protocol, "nested too deeply".to_owned()),
        other => (MalformedKind::Protocol, printable(&other.to_string())),
    };
    Malformed { number: number(value), kind, text }
}

/// Serde's messages may quote input, which must not reach a reply or a log line unescaped.
fn printable(text: &str) -> String {
    text.chars().take(200).map(|c| if c.is_ascii_graphic() || c == ' ' { c } else { '?' }).collect()
}

/// The number of a malformed message.
fn number(value: &[u8]) -> Option<u32> {
    #[derive(Deserialize)]
    struct Numbered {
        number: u32,
    }
    let mut deserializer = rmp_serde::Deserializer::from_read_ref(value);
    deserializer.set_max_depth(limits::DEPTH_MAX);
    Numbered::deserialize(&mut deserializer).ok().map(|message| message.number)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::{ClientMessage, Request};

    fn ping() -> Vec<u8> {
        let mut bytes = Vec::new();
        encode(&ClientMessage { number: 7, request: Request::Ping {} }, &mut bytes).unwrap();
        bytes
    }

    fn refused(value: &[u8]) -> Malformed {
        decode::<ClientMessage>(value).unwrap_err()
    }

    /// A request from its parts, as another program's library would write it.
    fn map(entries: &[(&str, &[u8])]) -> Vec<u8> {
        let mut bytes = vec![0x80 | entries.len() as u8];
        for (key, value) in entries {
            bytes.push(0xa0 | key.len() as u8);
            bytes.extend_from_slice(key.as_bytes());
            bytes.extend_from_slice(value);
        }
        bytes
    }

    #[test]
    fn lengths_that_are_refused() {
        assert_eq!(value_length(&[0, 0, 0], 10), Ok(None));
        assert_eq!(value_length(&[0, 0, 0, 10], 10), Ok(Some(10)));
        assert_eq!(value_length(&[0; 4], 10), Err(FrameError::Empty));
        let too_large = |length| Err(FrameError::TooLarge { length, limit: 10 });
        assert_eq!(value_length(&[0, 0, 0, 11], 10), too_large(11));
        assert_eq!(value_length(&[255; 4], 10), too_large(u32::MAX));
    }

    #[test]
    fn unknown_fields_are_skipped() {
        let ping = map(&[("ping", &[0x80])]);
        let value = map(&[("later", &[0x92, 0x01, 0xc0]), ("number", &[7]), ("request", &ping)]);
        let message = decode::<ClientMessage>(&value).unwrap();
        assert_eq!(message, ClientMessage { number: 7, request: Request::Ping {} });
    }

    #[test]
    fn a_refused_value_is_told_from_a_malformed_message() {
        let login = map(&[("username", &map(&[])), ("credential", &[0xc0])]);
        let value = map(&[("number", &[9]), ("request", &map(&[("login", &login)]))]);
        assert_eq!(refused(&value).kind, MalformedKind::Protocol);

        let mut name = vec![0xa4];
        name.extend_from_slice(b"../x");
        let login = map(&[("username", &name)]);
        let value = map(&[("number", &[9]), ("request", &map(&[("login", &login)]))]);
        let error = refused(&value);
        assert_eq!((error.number, error.kind), (Some(9), MalformedKind::Invalid));
        assert_eq!(error.text, "username must not contain '/'");
    }

    #[test]
    fn messages_that_are_refused() {
        let value = &ping()[HEADER..];
        assert!(decode::<ClientMessage>(value).is_ok());

        // A whole value after the message, and the beginning of one.
        for more in [&[0xc0][..], &[0x91], &[0x81, 0x01], &[0xdd, 0xff, 0xff, 0xff, 0xff]] {
            let longer = [value, more].concat();
            assert_eq!(refused(&longer).text, "there are bytes after the message");
            assert_eq!(refused(&longer).number, Some(7));
        }

        let ping = map(&[("ping", &[0x80])]);
        let twice = map(&[("number", &[7]), ("number", &[8]), ("request", &ping)]);
        assert_eq!(refused(&twice).kind, MalformedKind::Protocol);

        let unknown = map(&[("number", &[7]), ("request", &map(&[("reboot", &[0x80])]))]);
        assert_eq!(refused(&unknown).number, Some(7));
        let reply = map(&[("number", &[7]), ("reply", &map(&[("pong", &[0x80])]))]);
        assert_eq!(refused(&reply).kind, MalformedKind::Protocol);

        let bad_utf8 = map(&[("number", &[7]), ("request", &[0xa2, 0xff, 0xfe])]);
        assert_eq!(refused(&bad_utf8).kind, MalformedKind::Protocol);
        for (what, value) in [
            ("array of 2^32-1", &[0xdd, 0xff, 0xff, 0xff, 0xff][..]),
            ("map of 2^32-1", &[0xdf, 0xff, 0xff, 0xff, 0xff]),
            ("string of 2^32-1", &[0xdb, 0xff, 0xff, 0xff, 0xff]),
            ("reserved", &[0xc1]),
            ("nothing", &[]),
        ] {
            assert_eq!(refused(value).kind, MalformedKind::Protocol, "{what}");
        }
    }

    #[test]
    fn nesting_costs_no_stack() {
        let value = map(&[("later", &[0x91; 60_000]), ("number", &[7])]);
        let thread = std::thread::Builder::new().stack_size(64 * 1024);
        let error = thread.spawn(move || refused(&value)).unwrap().join().unwrap();
        assert_eq!(error.kind, MalformedKind::Protocol);
    }
}
