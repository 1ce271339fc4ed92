//! Frames that are encoded once and patched, and replies that are classified without decoding.

use std::time::SystemTime;

use anyhow::{Context, Result};
use correio_proto::{
    frame,
    mail::Body,
    message::{ClientMessage, Request, Send},
};

use crate::new_id;

/// A request number that is encoded in five bytes.
const NUMBER: u32 = 0x0001_0000;

/// The name of an account; all names of a prefix have the same length.
#[must_use]
pub fn account(prefix: &str, index: usize) -> String {
    format!("{prefix}{index:07}")
}

/// Appends a request as a frame.
///
/// # Errors
///
/// The encoder fails.
pub fn push(request: Request, output: &mut Vec<u8>) -> Result<()> {
    frame::encode(&ClientMessage { number: NUMBER, request }, output)?;
    Ok(())
}

/// A `send` request whose id and recipient are patched in place.
#[derive(Debug)]
pub struct SendFrame {
    bytes: Vec<u8>,
    /// Places of the id's timestamp (six bytes) and of its last six bytes.
    time: std::ops::Range<usize>,
    id: std::ops::Range<usize>,
    to: std::ops::Range<usize>,
    count: u64,
}

impl SendFrame {
    /// Encodes a mail with a body of `size` bytes to an account of this prefix.
    ///
    /// # Errors
    ///
    /// A prefix or size that no mail can have.
    pub fn new(prefix: &str, size: usize) -> Result<Self> {
        let to = account(prefix, 0);
        let id = new_id()?;
        let mut bytes = Vec::new();
        let (subject, body) = ("Elevador".parse()?, "x".repeat(size).parse::<Body>()?);
        let mail = Send { id, to: to.parse()?, subject, content: body.into() };
        push(Request::Send(mail), &mut bytes)?;
        let at = |part: &[u8]| {
            let found = bytes.windows(part.len()).position(|window| window == part);
            found.map(|start| start..start + part.len()).context("a frame without its parts")
        };
        let (id, to) = (at(id.as_bytes())?, at(to.as_bytes())?);
        let time = id.start..id.start + 6;
        Ok(Self { time, id: id.start + 10..id.end, to, bytes, count: 0 })
    }

    /// Appends the next mail, to the account `to`, whose name must be as long as the prefix's
    /// names.
    pub fn next(&mut self, to: &str, output: &mut Vec<u8>) {
        self.count += 1;
        // As a client makes ids (RFC 9562): milliseconds first, so that ids grow with time.
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        let [_, _, time @ ..] = u64::try_from(now.as_millis()).unwrap_or(0).to_be_bytes();
        if let Some(place) = self.bytes.get_mut(self.time.clone()) {
            place.copy_from_slice(&time);
        }
        let [_, _, count @ ..] = self.count.to_be_bytes();
        if let Some(id) = self.bytes.get_mut(self.id.clone()) {
            id.copy_from_slice(&count);
        }
        if let Some(place) = self.bytes.get_mut(self.to.clone())
            && place.len() == to.len()
        {
            place.copy_from_slice(to.as_bytes());
        }
        output.extend_from_slice(&self.bytes);
    }
}

/// The kind of a server's message, as far as the load needs it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The reply `sent`.
    Sent,
    /// The reply `logged_in`.
    LoggedIn,
    /// The reply `logged_out`.
    LoggedOut,
    /// The reply `error`.
    Error,
    /// A notice.
    Notice,
    /// Another reply.
    Other,
}

impl Kind {
    /// Classifies the value of a frame.
    #[must_use]
    pub fn of(value: &[u8]) -> Self {
        let Some(rest) = value.strip_prefix(b"\x82\xa6number") else {
            return Self::Other;
        };
        let digits = match rest.first() {
            Some(0xcc) => 2,
            Some(0xcd) => 3,
            Some(0xce) => 5,
            _ => 1,
        };
        let rest = rest.get(digits..).unwrap_or_default();
        let Some(reply) = rest.strip_prefix(b"\xa5reply\x81") else {
            return Self::Notice;
        };
        match reply {
            [0xa4, b's', b'e', b'n', b't', ..] => Self::Sent,
            [0xa5, b'e', b'r', b'r', b'o', b'r', ..] => Self::Error,
            [0xa9, b'l', b'o', b'g', b'g', b'e', b'd', b'_', b'i', b'n', ..] => Self::LoggedIn,
            [0xaa, b'l', b'o', b'g', b'g', b'e', b'd', b'_', b'o', b'u', b't', ..] => {
                Self::LoggedOut
            }
            _ => Self::Other,
        }
    }
}

#[cfg(test)]
mod tests {
    use correio_proto::{
        mail::Timestamp,
        message::{ErrorCode, ErrorReply, Notice, Reply, ServerMessage},
    };

    use super::*;

    fn kind(message: &ServerMessage) -> Kind {
        let mut bytes = Vec::new();
        frame::encode(message, &mut bytes).unwrap();
        Kind::of(bytes.get(frame::HEADER..).unwrap())
    }

    #[test]
    fn answers_are_told_apart() {
        for number in [1, 200, 40_000, NUMBER] {
            let reply = |reply| kind(&ServerMessage::Reply { number, reply });
            assert_eq!(reply(Reply::Sent { sent_at: Timestamp(0) }), Kind::Sent);
            assert_eq!(reply(Reply::LoggedOut {}), Kind::LoggedOut);
            assert_eq!(reply(Reply::Pong {}), Kind::Other);
            let error = ErrorReply::new(ErrorCode::Busy, "busy");
            assert_eq!(reply(Reply::Error(error)), Kind::Error);
        }
        assert_eq!(kind(&ServerMessage::Notice(Notice::Ping {})), Kind::Notice);
    }

    #[test]
    fn changed_frames_are_still_messages() {
        let mut frames = SendFrame::new("r", 512).unwrap();
        let mut ids = Vec::new();
        for index in [0, 7, 9_999_999] {
            let mut bytes = Vec::new();
            frames.next(&account("r", index), &mut bytes);
            let message: ClientMessage =
                frame::decode(bytes.get(frame::HEADER..).unwrap()).unwrap();
            let Request::Send(mail) = message.request else { panic!("not a send") };
            assert_eq!(mail.to.to_string(), account("r", index));
            assert!(!ids.contains(&mail.id));
            ids.push(mail.id);
        }
    }
}
