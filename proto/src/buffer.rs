//! Input and output buffers of a channel. A channel holds them only while they contain bytes.

/// Size of one read, and of an empty buffer, in bytes.
pub(crate) const CHUNK: usize = 16 * 1024;

/// Pool of unused buffers that channels borrow from, so that an idle connection holds none.
#[derive(Debug)]
pub struct SpareBuffers {
    buffers: Vec<Vec<u8>>,
    max: usize,
}

impl SpareBuffers {
    /// Keeps at most `max` buffers of 16 KiB.
    #[must_use]
    pub fn new(max: usize) -> Self {
        Self { buffers: Vec::new(), max }
    }

    /// Takes a buffer with any content, or a new, empty one.
    pub(crate) fn take(&mut self) -> Vec<u8> {
        self.buffers.pop().unwrap_or_default()
    }

    /// Keeps a buffer of the usual size if the pool is not full. A small buffer, made for a reply
    /// while no buffer was borrowed, would have to grow for its next borrower.
    pub(crate) fn give(&mut self, buffer: Vec<u8>) {
        let is_usual = (CHUNK..=2 * CHUNK).contains(&buffer.capacity());
        if is_usual && self.buffers.len() < self.max {
            self.buffers.push(buffer);
        }
    }
}

/// Whether a buffer's capacity is more than a chunk and more than twice its content.
fn is_too_large(data: &Vec<u8>, used: usize) -> bool {
    data.capacity() > CHUNK && used.saturating_mul(2) < data.capacity()
}

/// Received bytes that are not consumed yet, and room for more after them.
#[derive(Debug, Default)]
pub(crate) struct InputBuffer {
    data: Vec<u8>,
    start: usize,
    end: usize,
}

impl InputBuffer {
    pub(crate) fn bytes(&self) -> &[u8] {
        self.data.get(self.start..self.end).unwrap_or_default()
    }

    pub(crate) fn len(&self) -> usize {
        self.end - self.start
    }

    /// Capacity in bytes.
    #[cfg(test)]
    pub(crate) fn held(&self) -> usize {
        self.data.capacity()
    }

    /// Returns room to read into. The room is empty once `max` bytes are held.
    pub(crate) fn room(&mut self, max: usize) -> &mut [u8] {
        if self.end == self.data.len() && self.start > 0 {
            self.data.copy_within(self.start..self.end, 0);
            self.end -= self.start;
            self.start = 0;
        }
        if self.end == self.data.len() && self.end < max {
            // The size doubles with the bytes that arrived; a length that the peer claims never
            // counts.
            let larger = (self.data.len() * 2).max(CHUNK).min(max.max(CHUNK));
            self.data.resize(larger, 0);
        }
        // A borrowed buffer may be longer than `max`.
        let until = self.data.len().min(self.start.saturating_add(max));
        self.data.get_mut(self.end..until).unwrap_or_default()
    }

    /// Adds bytes that were read into [`InputBuffer::room`].
    pub(crate) fn filled(&mut self, count: usize) {
        self.end = (self.end + count).min(self.data.len());
    }

    pub(crate) fn consume(&mut self, count: usize) {
        self.start = self.start.saturating_add(count).min(self.end);
        if self.start == self.end {
            self.start = 0;
            self.end = 0;
        }
    }

    /// Borrows a spare buffer if there is none.
    pub(crate) fn attach(&mut self, spare: &mut SpareBuffers) {
        if self.data.is_empty() {
            let mut buffer = spare.take();
            buffer.resize(buffer.len().max(CHUNK), 0);
            self.data = buffer;
        }
    }

    /// Returns an empty buffer to the pool, and shrinks a large buffer with little in it: the rest
    /// of a large frame must not take as much memory as the frame.
    pub(crate) fn detach(&mut self, spare: &mut SpareBuffers) {
        if self.len() == 0 {
            spare.give(std::mem::take(&mut self.data));
            self.start = 0;
            self.end = 0;
        } else if is_too_large(&self.data, self.len()) {
            self.data.copy_within(self.start..self.end, 0);
            self.end -= self.start;
            self.start = 0;
            self.data.truncate(self.end.max(CHUNK));
            self.data.shrink_to(CHUNK);
        }
    }
}

/// Bytes to be written, and how many of them were written already.
#[derive(Debug, Default)]
pub(crate) struct OutputBuffer {
    data: Vec<u8>,
    written: usize,
}

impl OutputBuffer {
    pub(crate) fn bytes(&self) -> &[u8] {
        self.data.get(self.written..).unwrap_or_default()
    }

    /// Capacity in bytes.
    #[cfg(test)]
    pub(crate) fn held(&self) -> usize {
        self.data.capacity()
    }

    /// The vector to append to.
    pub(crate) fn tail(&mut self) -> &mut Vec<u8> {
        &mut self.data
    }

    pub(crate) fn wrote(&mut self, count: usize) {
        self.written = (self.written + count).min(self.data.len());
        if self.written == self.data.len() {
            self.data.clear();
            self.written = 0;
        } else if self.written > self.data.len() / 2 {
            self.data.drain(..self.written);
            self.written = 0;
        }
    }

    pub(crate) fn attach(&mut self, spare: &mut SpareBuffers) {
        if self.data.capacity() == 0 {
            self.data = spare.take();
            self.data.clear();
            self.data.reserve(CHUNK);
        }
    }

    pub(crate) fn detach(&mut self, spare: &mut SpareBuffers) {
        if self.data.is_empty() {
            spare.give(std::mem::take(&mut self.data));
            self.written = 0;
        } else if is_too_large(&self.data, self.bytes().len()) {
            self.data.drain(..self.written);
            self.written = 0;
            self.data.shrink_to(CHUNK);
        }
    }
}
