//! Reads and writes the client's bytes, and passes messages on.

use std::{
    io::{self, Read, Write},
    time::Duration,
};

use correio_proto::{
    channel::ChannelError,
    message::{ClientMessage, Request, ServerMessage},
    tls::TlsError,
};

use super::{
    Client, ConnectionState,
    event::{Driven, LinkError},
};
use crate::trust;

/// Pending output, in bytes, above which no further request is encoded.
const OUTPUT_HIGH: usize = 64 * 1024;

/// Maximum of reads in one call to [`Client::drive`]: enough for the largest page.
const READS_MAX: usize = 1024;

/// Result of one read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Arrived {
    Bytes,
    Nothing,
    End,
}

impl Client {
    /// Reads and handles messages, then encodes and writes requests, until the connection would
    /// block. May be called at any time while there is a connection.
    ///
    /// # Errors
    ///
    /// The connection is unusable.
    pub fn drive(
        &mut self,
        now: Duration,
        transport: &mut (impl Read + Write),
    ) -> Result<Driven, LinkError> {
        let driven = self.exchange(now, transport);
        if driven.is_err() {
            // Tell a refused server the reason, if TLS has an alert for it.
            let _ = self.write(now, transport);
        }
        driven
    }

    fn exchange(
        &mut self,
        now: Duration,
        transport: &mut (impl Read + Write),
    ) -> Result<Driven, LinkError> {
        let mut driven = Driven::Again;
        for _ in 0..READS_MAX {
            let arrived = self.read(now, transport)?;
            while let Some(message) = self.next_message()? {
                self.handle(now, message)?;
            }
            match arrived {
                Arrived::Bytes => {}
                Arrived::Nothing => {
                    driven = Driven::Idle;
                    break;
                }
                Arrived::End => return Err(LinkError::Closed),
            }
        }
        self.ask_for_ticket(now);
        // Write last, so that a later call reads, and times, the answer.
        self.write(now, transport)?;
        Ok(driven)
    }

    fn read(&mut self, now: Duration, source: &mut impl Read) -> Result<Arrived, LinkError> {
        loop {
            return match self.channel.read_from(source) {
                Ok(0) => Ok(Arrived::End),
                Ok(_) => {
                    self.moved_at = now;
                    Ok(Arrived::Bytes)
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(Arrived::Nothing),
                Err(error) => Err(error.into()),
            };
        }
    }

    fn write(&mut self, now: Duration, sink: &mut impl Write) -> Result<(), LinkError> {
        loop {
            self.encode(now);
            if !self.channel.wants_write() {
                return Ok(());
            }
            match self.channel.write_to(sink) {
                Ok(_) => self.moved_at = now,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// Encodes requests up to the limit on pending output.
    fn encode(&mut self, now: Duration) {
        while self.state == ConnectionState::Ready && self.channel.pending_output() < OUTPUT_HIGH {
            let Some(entry) = self.queue.unsent() else {
                return;
            };
            entry.number = self.next_number;
            entry.sent_at = now;
            // Move the request into the message and back, so that a large body is not copied.
            let message = ClientMessage {
                number: self.next_number,
                request: std::mem::replace(&mut entry.request, Request::Ping {}),
            };
            let pushed = self.channel.push(&message);
            entry.request = message.request;
            pushed.expect("no request comes near 4 GiB: bodies, pieces and recipients are bounded");
            self.queue.mark_sent();
            self.next_number = following(self.next_number);
        }
    }

    /// Sends a request of the connection itself, which no caller waits for.
    pub(super) fn push(&mut self, request: Request) {
        let message = ClientMessage { number: self.next_number, request };
        let pushed = self.channel.push(&message);
        pushed.expect("a greeting and a login are small");
        self.next_number = following(self.next_number);
    }

    fn next_message(&mut self) -> Result<Option<ServerMessage>, LinkError> {
        if self.state == ConnectionState::Down {
            return Ok(None);
        }
        self.channel.next_message().map_err(|error| match error {
            ChannelError::WrongProtocol(protocol) => LinkError::WrongProtocol(protocol),
            ChannelError::NotTls => LinkError::NoTls,
            ChannelError::Tls(TlsError::Truncated) => LinkError::Closed,
            ChannelError::Tls(error) => match trust::failure(error) {
                trust::TlsFailure::Untrusted(untrusted) => LinkError::Untrusted(untrusted),
                trust::TlsFailure::NoTls => LinkError::NoTls,
                trust::TlsFailure::Other(text) => LinkError::Tls(text),
            },
            other => LinkError::Protocol(other.to_string()),
        })
    }
}

/// The number after another. Skips 0, which is for notices.
pub(super) fn following(number: u32) -> u32 {
    number.checked_add(1).unwrap_or(1)
}
