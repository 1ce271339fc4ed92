//! One end of a connection, without the socket: turns bytes into messages and messages into bytes.
//!
//! A [`ByteChannel`] with a [`FrameChannel`] on top, for peers that speak nothing but correio's
//! protocol. The server holds the halves apart, because its other dialogues need the bytes alone.

use std::io::{self, Read, Write};

use serde::{Serialize, de::DeserializeOwned};

pub use crate::frame_channel::ChannelError;
use crate::{
    buffer::SpareBuffers, byte_channel::ByteChannel, fingerprint::Fingerprint, frame::Oversized,
    frame_channel::FrameChannel, tls::Security, wrong_protocol::WrongProtocol,
};

/// One end of a connection.
#[derive(Debug)]
pub struct Channel {
    bytes: ByteChannel,
    frames: FrameChannel,
}

impl Channel {
    /// A channel that takes frames of at most `frame_limit` bytes.
    #[must_use]
    pub fn new(security: &Security, frame_limit: usize) -> Self {
        Self {
            bytes: ByteChannel::new(security, FrameChannel::input_max(frame_limit)),
            frames: FrameChannel::new(frame_limit),
        }
    }

    /// A channel without TLS that takes frames of at most `frame_limit` bytes.
    #[must_use]
    pub fn plaintext(frame_limit: usize) -> Self {
        Self::new(&Security::Plaintext, frame_limit)
    }

    /// Sets the largest frame taken from now on, in bytes without its length.
    pub fn set_frame_limit(&mut self, bytes: usize) {
        self.frames.set_frame_limit(&mut self.bytes, bytes);
    }

    /// Reads once from `source`. `Ok(0)` means the end of the stream, or that a whole frame is
    /// buffered already; see [`Channel::has_room`]. With TLS the count is of encrypted bytes.
    ///
    /// # Errors
    ///
    /// The errors of `source`, including `WouldBlock` and `Interrupted`.
    pub fn read_from(&mut self, source: &mut impl Read) -> io::Result<usize> {
        self.bytes.read_from(source)
    }

    /// Whether the TLS handshake is under way; always false without TLS.
    #[must_use]
    pub fn is_handshaking(&self) -> bool {
        self.bytes.is_handshaking()
    }

    /// Fingerprint of the peer's certificate; see [`ByteChannel::peer_fingerprint`].
    #[must_use]
    pub fn peer_fingerprint(&self) -> Option<Fingerprint> {
        self.bytes.peer_fingerprint()
    }

    /// Whether [`Channel::read_from`] has room to read into. Without room, a message can be taken
    /// out.
    #[must_use]
    pub fn has_room(&self) -> bool {
        self.bytes.has_room()
    }

    /// The next message; `None` means that more bytes are needed.
    ///
    /// # Errors
    ///
    /// [`ChannelError`]. Only [`ChannelError::Malformed`] can be followed by further messages.
    pub fn next_message<M: DeserializeOwned>(&mut self) -> Result<Option<M>, ChannelError> {
        self.frames.next_message(&mut self.bytes)
    }

    /// Whether a message, or an error, can be taken out without reading.
    #[must_use]
    pub fn has_message(&self) -> bool {
        self.frames.has_message(&self.bytes)
    }

    /// Appends a message to the output.
    ///
    /// # Errors
    ///
    /// The message has 4 GiB or more; the output is unchanged.
    pub fn push<M: Serialize>(&mut self, message: &M) -> Result<(), Oversized> {
        FrameChannel::push(&mut self.bytes, message)
    }

    /// Appends the answer to a peer that speaks another protocol to the output.
    pub fn push_answer(&mut self, to: WrongProtocol) {
        self.bytes.output().extend_from_slice(&to.answer());
    }

    /// Discards the buffered input. Nothing more can be read.
    pub fn discard_input(&mut self) {
        self.bytes.discard_input();
    }

    /// Whether the stream ended without TLS's `close_notify`.
    #[must_use]
    pub fn is_cut_off(&self) -> bool {
        self.bytes.is_cut_off()
    }

    /// Sends TLS's `close_notify` after the pending output. Without TLS it does nothing; the caller
    /// shuts the socket down.
    pub fn close(&mut self) {
        self.bytes.close();
    }

    /// Writes pending output to `sink`, once.
    ///
    /// # Errors
    ///
    /// The errors of `sink`, including `WouldBlock` and `Interrupted`; `WriteZero` if it takes
    /// nothing.
    pub fn write_to(&mut self, sink: &mut impl Write) -> io::Result<usize> {
        self.bytes.write_to(sink)
    }

    /// Whether [`Channel::write_to`] can write something now. During the TLS handshake messages
    /// wait.
    #[must_use]
    pub fn wants_write(&self) -> bool {
        self.bytes.wants_write()
    }

    /// Pending output in bytes; see [`ByteChannel::pending_output`].
    #[must_use]
    pub fn pending_output(&self) -> usize {
        self.bytes.pending_output()
    }

    /// Buffered input in bytes that was not taken out as messages yet.
    #[must_use]
    pub fn pending_input(&self) -> usize {
        self.bytes.pending_input()
    }

    /// Borrows missing buffers. Call it before using the channel.
    pub fn attach(&mut self, spare: &mut SpareBuffers) {
        self.bytes.attach(spare);
    }

    /// Returns empty buffers, after the channel was used. Each remaining buffer takes at most 16
    /// KiB, or twice its content.
    pub fn detach(&mut self, spare: &mut SpareBuffers) {
        self.bytes.detach(spare);
    }
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use proptest::prelude::*;

    use super::*;
    use crate::message::{ClientMessage, Request};
    use crate::{
        buffer::CHUNK,
        frame::{self, FrameError, HEADER},
    };

    const LIMIT: usize = 4096;

    fn message(number: u32) -> ClientMessage {
        ClientMessage { number, request: Request::Ping {} }
    }

    fn stream(count: u32) -> Vec<u8> {
        let mut bytes = Vec::new();
        for number in 1..=count {
            frame::encode(&message(number), &mut bytes).unwrap();
        }
        bytes
    }

    /// Feeds the pieces one read each and takes out everything after each of them.
    fn feed(pieces: &[&[u8]]) -> Vec<Result<ClientMessage, ChannelError>> {
        let mut channel = Channel::plaintext(LIMIT);
        let mut taken = Vec::new();
        for piece in pieces {
            let mut source = Cursor::new(piece);
            while channel.read_from(&mut source).unwrap() > 0 {
                while let Some(item) = channel.next_message().transpose() {
                    taken.push(item);
                }
            }
        }
        taken
    }

    proptest! {
        #[test]
        fn splits_do_not_matter(count in 1_u32..100, mut cuts in prop::collection::vec(0_usize..3000, 0..50)) {
            let bytes = stream(count);
            cuts.retain(|cut| *cut < bytes.len());
            cuts.sort_unstable();
            let mut pieces = Vec::new();
            let mut rest = &bytes[..];
            let mut at = 0;
            for cut in cuts {
                let (piece, behind) = rest.split_at(cut - at);
                pieces.push(piece);
                rest = behind;
                at = cut;
            }
            pieces.push(rest);
            let expected: Vec<_> = (1..=count).map(|number| Ok(message(number))).collect();
            prop_assert_eq!(feed(&pieces), expected);
        }

        #[test]
        fn any_bytes_do_no_harm(bytes in prop::collection::vec(any::<u8>(), 0..5000)) {
            feed(&[&bytes]);
        }
    }

    #[test]
    fn one_byte_at_a_time() {
        let bytes = stream(3);
        let pieces: Vec<&[u8]> = bytes.chunks(1).collect();
        assert_eq!(feed(&pieces).len(), 3);
    }

    #[test]
    fn the_stream_goes_on_after_a_malformed_message() {
        let mut bytes = vec![0, 0, 0, 1, 0xc0];
        bytes.extend(stream(1));
        let taken = feed(&[&bytes]);
        assert!(matches!(taken[..], [Err(ChannelError::Malformed(_)), Ok(_)]), "{taken:?}");
    }

    #[test]
    fn the_stream_ends_at_a_bad_length() {
        let mut bytes = vec![0, 0, 0, 0];
        bytes.extend(stream(1));
        assert_eq!(feed(&[&bytes]), [Err(ChannelError::Frame(FrameError::Empty))]);
    }

    #[test]
    fn another_protocol_is_named_at_the_start_only() {
        let get = b"GET / HTTP/1.1\r\n\r\n";
        assert_eq!(feed(&[get]), [Err(ChannelError::WrongProtocol(WrongProtocol::Http))]);
        let mut later = stream(1);
        later.extend_from_slice(get);
        assert!(matches!(feed(&[&later])[1], Err(ChannelError::Frame(_))));
    }

    #[test]
    fn a_claimed_length_allocates_nothing() {
        let mut channel = Channel::plaintext(limits_of_a_large_server());
        let mut header = Cursor::new([0, 0x7f, 0xff, 0xff]);
        channel.read_from(&mut header).unwrap();
        assert_eq!(channel.next_message::<ClientMessage>(), Ok(None));
        assert!(channel.bytes.room(usize::MAX) <= 2 * CHUNK);
    }

    fn limits_of_a_large_server() -> usize {
        0x00ff_ffff
    }

    #[test]
    fn nothing_is_held_beyond_the_largest_frame() {
        let mut channel = Channel::plaintext(CHUNK * 3);
        let mut endless = io::repeat(0);
        while channel.has_room() {
            channel.read_from(&mut endless).unwrap();
        }
        assert_eq!(channel.pending_input(), CHUNK * 3 + HEADER);
        assert_eq!(channel.read_from(&mut endless).unwrap(), 0);
    }

    /// A channel holds the rest of a large frame, and the beginning of a small one.
    #[test]
    fn a_buffer_is_at_most_twice_what_is_in_it() {
        let large = |length: u32| {
            let mut bytes = length.to_be_bytes().to_vec();
            bytes.resize(bytes.len() + length as usize, 0xc0);
            bytes
        };
        let mut spare = SpareBuffers::new(2);
        let mut channel = Channel::plaintext(1 << 20);
        let mut source = Cursor::new([large(1 << 20), large(1)].concat());
        source.get_mut().pop();
        channel.attach(&mut spare);
        while source.position() < source.get_ref().len() as u64 {
            channel.read_from(&mut source).unwrap();
            if channel.has_message() {
                assert!(channel.bytes.held().0 > 1 << 20, "the large one is there");
                channel.next_message::<ClientMessage>().unwrap_err();
            }
            channel.detach(&mut spare);
            let (held, pending) = (channel.bytes.held().0, channel.pending_input());
            assert!(held <= (2 * pending).max(CHUNK), "{held} for {pending}");
            channel.attach(&mut spare);
        }
        assert_eq!(channel.pending_input(), HEADER);

        channel.push(&"x".repeat(1 << 20)).unwrap();
        let mut room = vec![0; 10_000];
        while channel.pending_output() > 0 {
            channel.write_to(&mut room.as_mut_slice()).unwrap();
            channel.detach(&mut spare);
            let (held, pending) = (channel.bytes.held().1, channel.pending_output());
            assert!(held <= (2 * pending).max(CHUNK), "{held} for {pending}");
        }
        room.clear();
    }

    #[test]
    fn a_longer_buffer_that_was_lent_holds_no_more() {
        let mut spare = SpareBuffers::new(4);
        let mut before = Channel::plaintext(CHUNK * 2 - HEADER);
        before.attach(&mut spare);
        let mut endless = io::repeat(0);
        while before.has_room() {
            before.read_from(&mut endless).unwrap();
        }
        before.discard_input();
        before.detach(&mut spare);
        let mut channel = Channel::plaintext(LIMIT);
        channel.attach(&mut spare);
        while channel.has_room() {
            channel.read_from(&mut endless).unwrap();
        }
        assert_eq!(channel.pending_input(), CHUNK);
    }

    #[test]
    fn idle_channels_hold_no_buffer() {
        let mut spare = SpareBuffers::new(4);
        let mut channel = Channel::plaintext(LIMIT);
        channel.attach(&mut spare);
        channel.read_from(&mut Cursor::new(stream(1))).unwrap();
        channel.next_message::<ClientMessage>().unwrap().unwrap();
        channel.push(&message(1)).unwrap();
        let mut sink = Vec::new();
        channel.write_to(&mut sink).unwrap();
        channel.detach(&mut spare);
        assert_eq!(sink, stream(1));
        assert_eq!(channel.bytes.input().len(), 0);
        assert_eq!(channel.bytes.room(0), 0);
        assert_eq!(channel.bytes.output().capacity(), 0);
    }
}
