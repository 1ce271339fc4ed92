//! The client's bytes: which are read and written when, and what becomes of them.

use std::{
    io::{self, Read, Write},
    time::Duration,
};

use correio_proto::{
    channel::ChannelError,
    message::{ClientMessage, Request, ServerMessage},
    tls::TlsError,
};

use super::{Client, LinkError, Stage};
use crate::trust;

/// Bytes waiting to be written above which no further request is encoded.
const OUTPUT_HIGH: usize = 64 * 1024;

/// Reads of one call to [`Client::drive`]: enough for the largest page.
const READS_MAX: usize = 1024;

/// How [`Client::drive`] has left the connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Driven {
    /// It would block: call again when it is ready.
    Idle,
    /// There may be more to read: call again soon, whether or not it becomes ready.
    Again,
}

/// What one read brought.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Arrived {
    Bytes,
    Nothing,
    End,
}

impl Client {
    /// Reads and handles what there is, then encodes and writes what there is. May be called at
    /// any time while there is a connection.
    ///
    /// # Errors
    ///
    /// The connection is of no more use.
    pub fn drive(
        &mut self,
        now: Duration,
        transport: &mut (impl Read + Write),
    ) -> Result<Driven, LinkError> {
        let driven = self.exchange(now, transport);
        if driven.is_err() {
            // A server that is refused is told why, where TLS has words for it.
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
        // Last, so that an answer to what is written now is read, and timed, by a later call.
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

    /// Encodes requests, as long as there is not much to write already.
    fn encode(&mut self, now: Duration) {
        while self.stage == Stage::Ready && self.channel.pending_output() < OUTPUT_HIGH {
            let Some(entry) = self.queue.unsent() else {
                return;
            };
            entry.number = self.next_number;
            entry.sent_at = now;
            // Lent to the message, so that a large body is not copied.
            let message = ClientMessage {
                number: self.next_number,
                request: std::mem::replace(&mut entry.request, Request::Ping {}),
            };
            let pushed = self.channel.push(&message);
            entry.request = message.request;
            pushed.expect("no request comes near 4 GiB: bodies and recipients are bounded");
            self.queue.mark_sent();
            self.next_number = following(self.next_number);
        }
    }

    /// Sends what belongs to the connection and not to a caller.
    pub(super) fn push(&mut self, request: Request) {
        let message = ClientMessage { number: self.next_number, request };
        let pushed = self.channel.push(&message);
        pushed.expect("a greeting and a login are small");
        self.next_number = following(self.next_number);
    }

    fn next_message(&mut self) -> Result<Option<ServerMessage>, LinkError> {
        if self.stage == Stage::Down {
            return Ok(None);
        }
        self.channel.next_message().map_err(|error| match error {
            ChannelError::WrongProtocol(protocol) => LinkError::WrongProtocol(protocol),
            ChannelError::NotTls => LinkError::NoTls,
            ChannelError::Tls(TlsError::Truncated) => LinkError::Closed,
            ChannelError::Tls(error) => match trust::failure(error) {
                trust::Failure::Untrusted(untrusted) => LinkError::Untrusted(untrusted),
                trust::Failure::NoTls => LinkError::NoTls,
                trust::Failure::Other(text) => LinkError::Tls(text),
            },
            other => LinkError::Protocol(other.to_string()),
        })
    }
}

/// The number behind another: 0 is for notices.
pub(super) fn following(number: u32) -> u32 {
    number.checked_add(1).unwrap_or(1)
}
