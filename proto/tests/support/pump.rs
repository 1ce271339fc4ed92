//! Moves bytes between the two ends of a connection in memory, in pieces of any length.

use std::io::{Cursor, Read, Write};

use correio_proto::{byte_channel::ByteChannel, channel::Channel};

/// One end of a connection.
pub(crate) trait End {
    /// Whether the end has something to write.
    fn wants_write(&self) -> bool;

    /// Writes once, and returns how many bytes.
    fn write_to(&mut self, sink: &mut impl Write) -> usize;

    /// Reads once, and returns how many bytes.
    fn read_from(&mut self, source: &mut impl Read) -> usize;
}

impl End for ByteChannel {
    fn wants_write(&self) -> bool {
        self.wants_write()
    }

    fn write_to(&mut self, sink: &mut impl Write) -> usize {
        self.write_to(sink).unwrap()
    }

    fn read_from(&mut self, source: &mut impl Read) -> usize {
        self.read_from(source).unwrap()
    }
}

impl End for Channel {
    fn wants_write(&self) -> bool {
        self.wants_write()
    }

    fn write_to(&mut self, sink: &mut impl Write) -> usize {
        self.write_to(sink).unwrap()
    }

    fn read_from(&mut self, source: &mut impl Read) -> usize {
        self.read_from(source).unwrap()
    }
}

/// Everything that an end writes now.
pub(crate) fn written(end: &mut impl End) -> Vec<u8> {
    let mut bytes = Vec::new();
    while end.wants_write() {
        end.write_to(&mut bytes);
    }
    bytes
}

/// Hands bytes to an end, in pieces of this length.
pub(crate) fn hand(bytes: &[u8], piece: usize, to: &mut impl End) {
    for piece in bytes.chunks(piece) {
        let mut source = Cursor::new(piece);
        while (source.position() as usize) < piece.len() {
            assert!(to.read_from(&mut source) > 0);
        }
    }
}

/// Runs both ends until neither has anything to write. Returns the bytes of both directions.
pub(crate) fn talk<E: End>(client: &mut E, server: &mut E, piece: usize) -> Vec<u8> {
    let mut seen = Vec::new();
    loop {
        let (there, back) = (written(client), written(server));
        if there.is_empty() && back.is_empty() {
            return seen;
        }
        hand(&there, piece, server);
        hand(&back, piece, client);
        seen.extend(there);
        seen.extend(back);
    }
}
