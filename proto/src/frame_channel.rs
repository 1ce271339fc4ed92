//! The frame half of one end of a connection: correio's messages on a [`ByteChannel`].

use serde::{Serialize, de::DeserializeOwned};

use crate::{
    byte_channel::{ByteChannel, ByteError},
    frame::{self, FrameError, HEADER, Malformed, Oversized},
    tls::TlsError,
    wrong_protocol::WrongProtocol,
};

/// Reads messages from a channel's input, and appends messages to its output. All calls must be
/// given the same channel.
#[derive(Debug)]
pub struct FrameChannel {
    /// Largest frame that is taken, in bytes without its length.
    frame_limit: usize,
    /// Whether a frame was read. Until then the peer may speak another protocol.
    has_begun: bool,
}

/// Why [`FrameChannel::next_message`] returns no message.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum ChannelError {
    /// The frame is not a message. The next call reads the frame after it.
    #[error(transparent)]
    Malformed(#[from] Malformed),
    /// The length is not allowed. Nothing more can be read.
    #[error(transparent)]
    Frame(#[from] FrameError),
    /// The peer speaks another protocol. Nothing more can be read.
    #[error("the peer speaks {}", .0.name())]
    WrongProtocol(WrongProtocol),
    /// The peer speaks neither TLS nor a known protocol. Nothing more can be read.
    #[error("the peer does not speak TLS")]
    NotTls,
    /// TLS failed. Nothing more can be read.
    #[error(transparent)]
    Tls(#[from] TlsError),
}

impl From<ByteError> for ChannelError {
    fn from(error: ByteError) -> Self {
        match error {
            ByteError::WrongProtocol(protocol) => Self::WrongProtocol(protocol),
            ByteError::NotTls => Self::NotTls,
            ByteError::Tls(error) => Self::Tls(error),
        }
    }
}

impl FrameChannel {
    /// Takes frames of at most `frame_limit` bytes. The channel below must buffer
    /// [`FrameChannel::input_max`] bytes.
    #[must_use]
    pub fn new(frame_limit: usize) -> Self {
        Self { frame_limit, has_begun: false }
    }

    /// Bytes that the channel below must buffer for frames of at most `frame_limit` bytes.
    #[must_use]
    pub fn input_max(frame_limit: usize) -> usize {
        frame_limit.saturating_add(HEADER)
    }

    /// Sets the largest frame taken from now on, in bytes without its length.
    pub fn set_frame_limit(&mut self, bytes: &mut ByteChannel, frame_limit: usize) {
        self.frame_limit = frame_limit;
        bytes.set_input_max(Self::input_max(frame_limit));
    }

    /// The next message; `None` means that more bytes are needed.
    ///
    /// # Errors
    ///
    /// [`ChannelError`]. Only [`ChannelError::Malformed`] can be followed by further messages.
    pub fn next_message<M: DeserializeOwned>(
        &mut self,
        channel: &mut ByteChannel,
    ) -> Result<Option<M>, ChannelError> {
        if channel.is_lost() {
            return Ok(None);
        }
        let bytes = channel.input();
        let length = match frame::value_length(bytes, self.frame_limit) {
            Ok(length) => length,
            Err(error) => {
                let is_first = !self.has_begun && !channel.has_failed();
                let protocol = WrongProtocol::detect(bytes).filter(|_| is_first);
                channel.lose();
                return Err(
                    protocol.map_or(ChannelError::Frame(error), ChannelError::WrongProtocol)
                );
            }
        };
        let Some(value) = length.and_then(|length| bytes.get(HEADER..HEADER + length)) else {
            return channel.take_failure().map_or(Ok(None), |error| Err(error.into()));
        };
        let decoded = frame::decode(value);
        let whole = HEADER + value.len();
        channel.consume(whole);
        self.has_begun = true;
        Ok(Some(decoded?))
    }

    /// Whether a message, or an error, can be taken out without reading.
    #[must_use]
    pub fn has_message(&self, channel: &ByteChannel) -> bool {
        if channel.is_lost() {
            return false;
        }
        let bytes = channel.input();
        match frame::value_length(bytes, self.frame_limit) {
            Ok(Some(length)) => channel.has_failed() || bytes.len() >= HEADER + length,
            Ok(None) => channel.has_failed(),
            Err(_) => true,
        }
    }

    /// Appends a message to the output.
    ///
    /// # Errors
    ///
    /// The message has 4 GiB or more; the output is unchanged.
    pub fn push<M: Serialize>(channel: &mut ByteChannel, message: &M) -> Result<(), Oversized> {
        frame::encode(message, channel.output())
    }
}
