//! Buffers of a channel, which exist only while there is something in them.

/// Room that a channel reads into at a time, in bytes.
pub(crate) const CHUNK: usize = 16 * 1024;

/// Buffers that are not in use, kept for the next channel that needs one, so that a connection
/// with nothing under way holds none.
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

    /// A buffer with room for a chunk at least, of any content.
    pub(crate) fn take(&mut self) -> Vec<u8> {
        self.buffers.pop().unwrap_or_default()
    }

    /// Keeps a buffer, unless it is none of the usual ones or there are enough. A small one, made
    /// for a reply while no buffer was borrowed, would have to grow with the next that borrows it.
    pub(crate) fn give(&mut self, buffer: Vec<u8>) {
        let is_usual = (CHUNK..=2 * CHUNK).contains(&buffer.capacity());
        if is_usual && self.buffers.len() < self.max {
            self.buffers.push(buffer);
        }
    }
}

/// Whether a buffer takes more than a chunk, and more than twice what is in it.
fn is_too_large(data: &Vec<u8>, used: usize) -> bool {
    data.capacity() > CHUNK && used.saturating_mul(2) < data.capacity()
}

/// Bytes that came in and are not read yet. What lies behind them is room for more.
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

    /// Memory that it takes, in bytes.
    #[cfg(test)]
    pub(crate) fn held(&self) -> usize {
        self.data.capacity()
    }

    /// Room to read into, so that at most `max` bytes are held: empty once there are as many.
    pub(crate) fn room(&mut self, max: usize) -> &mut [u8] {
        if self.end == self.data.len() && self.start > 0 {
            self.data.copy_within(self.start..self.end, 0);
            self.end -= self.start;
            self.start = 0;
        }
        if self.end == self.data.len() && self.end < max {
            // Doubled from what did arrive, never from what a peer says will.
            let larger = (self.data.len() * 2).max(CHUNK).min(max.max(CHUNK));
            self.data.resize(larger, 0);
        }
        // A buffer that was lent may be longer than what may be held.
        let until = self.data.len().min(self.start.saturating_add(max));
        self.data.get_mut(self.end..until).unwrap_or_default()
    }

    /// Counts bytes that were read into [`InputBuffer::room`].
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

    /// Uses a spare buffer where there is none.
    pub(crate) fn attach(&mut self, spare: &mut SpareBuffers) {
        if self.data.is_empty() {
            let mut buffer = spare.take();
            buffer.resize(buffer.len().max(CHUNK), 0);
            self.data = buffer;
        }
    }

    /// Lets the buffer go while nothing is in it, and most of one with little in it: the rest of
    /// a large frame must not cost as much as the frame.
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

/// Bytes that are to go out.
#[derive(Debug, Default)]
pub(crate) struct OutputBuffer {
    data: Vec<u8>,
    written: usize,
}

impl OutputBuffer {
    pub(crate) fn bytes(&self) -> &[u8] {
        self.data.get(self.written..).unwrap_or_default()
    }

    /// Memory that it takes, in bytes.
    #[cfg(test)]
    pub(crate) fn held(&self) -> usize {
        self.data.capacity()
    }

    /// Where to append.
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
