//! Detects peers that speak another protocol, and gives an answer that they can show to a person.

use crate::{
    frame,
    message::{ErrorCode, ErrorReply, Reply, ServerMessage},
};

/// A protocol that the peer speaks by mistake.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WrongProtocol {
    /// HTTP: a browser, a health check, a scanner.
    Http,
    /// TLS, on a channel without TLS.
    Tls,
    /// Lines of text: telnet, SSH, SMTP.
    Text,
    /// Frames of this protocol without TLS, on a channel with TLS.
    Plaintext,
}

impl WrongProtocol {
    /// Recognises a protocol by the first bytes of a stream, at least four.
    #[must_use]
    pub fn detect(bytes: &[u8]) -> Option<Self> {
        let start = bytes.first_chunk::<4>()?;
        match start {
            b"GET " | b"HEAD" | b"POST" | b"PUT " | b"DELE" | b"OPTI" | b"CONN" | b"TRAC"
            | b"PATC" | b"PRI " | b"HTTP" => Some(Self::Http),
            // A handshake or an alert record of any version of TLS.
            [0x16 | 0x15, 0x03, ..] => Some(Self::Tls),
            _ if start.iter().all(|byte| matches!(byte, b' '..=b'~' | b'\r' | b'\n' | b'\t')) => {
                Some(Self::Text)
            }
            _ => None,
        }
    }

    /// The server's answer, in the peer's protocol, before it closes the connection.
    #[must_use]
    pub fn answer(self) -> Vec<u8> {
        let answer: &[u8] = match self {
            Self::Http => {
                b"HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain; charset=utf-8\r\n\
                  Connection: close\r\nContent-Length: 71\r\n\r\n\
                  This is a correio mail server, not a web server. Use a correio client.\n"
            }
            // A fatal alert, protocol_version (RFC 8446, section 6), which TLS libraries explain.
            Self::Tls => &[0x15, 0x03, 0x01, 0x00, 0x02, 0x02, 0x46],
            Self::Text => b"This is a correio mail server. Use a correio client.\r\n",
            Self::Plaintext => return speaks_tls(),
        };
        answer.to_vec()
    }

    /// The protocol's name for people.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Http => "HTTP",
            Self::Tls => "TLS",
            Self::Text => "text",
            Self::Plaintext => "correio without TLS",
        }
    }
}

/// A reply that a client without TLS can read.
fn speaks_tls() -> Vec<u8> {
    let text = "this server speaks TLS only; connect without --plaintext";
    let reply = Reply::Error(ErrorReply::new(ErrorCode::Protocol, text));
    let mut frame = Vec::new();
    // The reply is far below the largest frame.
    let _ = frame::encode(&ServerMessage::Reply { number: 0, reply }, &mut frame);
    frame
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_http_answer_states_its_length() {
        let answer = String::from_utf8(WrongProtocol::Http.answer()).unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        assert!(head.contains(&format!("Content-Length: {}", body.len())), "{}", body.len());
    }

    #[test]
    fn known_protocols_are_recognised() {
        assert_eq!(WrongProtocol::detect(b"GET / HTTP/1.1\r\n"), Some(WrongProtocol::Http));
        assert_eq!(WrongProtocol::detect(&[0x16, 3, 1, 2, 0]), Some(WrongProtocol::Tls));
        assert_eq!(WrongProtocol::detect(b"SSH-2.0-x"), Some(WrongProtocol::Text));
        assert_eq!(WrongProtocol::detect(b"\r\n\r\n"), Some(WrongProtocol::Text));
        assert_eq!(WrongProtocol::detect(&[0, 0, 0, 1]), None);
        assert_eq!(WrongProtocol::detect(b"GET"), None);
    }
}
