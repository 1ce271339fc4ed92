//! Counts the texture of a content while its bytes arrive.

use memchr::memchr3_iter;

use super::gateway::Texture;

/// Bytes of a block.
const BLOCK: usize = 4096;

/// A block is counted byte by byte if it has more than [`FEW_MIN`] line ends and NULs beyond one in
/// this many bytes: a search for each of them would take longer.
const FEW_EVERY: usize = 32;

/// See [`FEW_EVERY`].
const FEW_MIN: usize = 8;

/// The texture of the bytes so far, and the state in which the count goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct TextureCount {
    /// The texture if the content ended here.
    pub(super) texture: Texture,
    /// Bytes of the last line.
    pub(super) line: u64,
    /// Whether the last byte is CR, which counts as bare until an LF follows.
    pub(super) is_after_cr: bool,
}

impl TextureCount {
    /// The count of no bytes.
    pub(super) fn new() -> Self {
        let texture = Texture { is_ascii: true, ..Texture::default() };
        Self { texture, line: 0, is_after_cr: false }
    }

    /// The texture of a whole content.
    pub(super) fn of(bytes: &[u8]) -> Texture {
        let mut count = Self::new();
        count.add(bytes);
        count.texture
    }

    /// Counts the next bytes.
    pub(super) fn add(&mut self, bytes: &[u8]) {
        for block in bytes.chunks(BLOCK) {
            self.add_block(block);
        }
    }

    fn add_block(&mut self, block: &[u8]) {
        let is_ascii = block.is_ascii();
        *self = self.with_few(block).unwrap_or_else(|| self.with_many(block));
        self.texture.is_ascii &= is_ascii;
        if let Some(last) = block.last() {
            self.texture.is_ended = matches!(last, b'\n' | b'\r');
            self.is_after_cr = *last == b'\r';
        }
    }

    /// The count after a block, whose line ends and NULs are searched for. `None` if the block has
    /// many of them.
    fn with_few(mut self, block: &[u8]) -> Option<Self> {
        let mut left = FEW_MIN + block.len() / FEW_EVERY;
        let mut start = 0;
        let mut after_cr = self.is_after_cr.then_some(0);
        for index in memchr3_iter(b'\n', b'\r', 0, block) {
            left = left.checked_sub(1)?;
            let byte = block.get(index)?;
            if *byte == 0 {
                self.texture.nuls += 1;
                continue;
            }
            self.line += (index - start) as u64;
            self.end_line(*byte, after_cr == Some(index));
            start = index + 1;
            after_cr = (*byte == b'\r').then_some(start);
        }
        self.line += (block.len() - start) as u64;
        self.texture.longest_line = self.texture.longest_line.max(self.line);
        Some(self)
    }

    /// The count after a block, of which each byte is examined.
    fn with_many(mut self, block: &[u8]) -> Self {
        let mut start = 0;
        let mut is_after_cr = self.is_after_cr;
        for (index, byte) in block.iter().enumerate() {
            if matches!(byte, b'\n' | b'\r') {
                self.line += (index - start) as u64;
                self.end_line(*byte, is_after_cr);
                start = index + 1;
            }
            self.texture.nuls += u64::from(*byte == 0);
            is_after_cr = *byte == b'\r';
        }
        self.line += (block.len() - start) as u64;
        self.texture.longest_line = self.texture.longest_line.max(self.line);
        self
    }

    /// Counts a line end of one byte, LF or CR.
    fn end_line(&mut self, end: u8, is_after_cr: bool) {
        let texture = &mut self.texture;
        match is_after_cr && end == b'\n' {
            // The CR before it was counted as bare.
            true => texture.bare_ends -= 1,
            false => texture.bare_ends += 1,
        }
        texture.longest_line = texture.longest_line.max(self.line);
        self.line = 0;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The texture as [`Texture`] defines it, byte by byte.
    fn plain(bytes: &[u8]) -> Texture {
        let at = |index: usize| bytes.get(index).copied();
        let is_bare = |index: &usize| match bytes[*index] {
            b'\n' => index.checked_sub(1).and_then(at) != Some(b'\r'),
            b'\r' => at(index + 1) != Some(b'\n'),
            _ => false,
        };
        let lines = bytes.split(|byte| matches!(byte, b'\n' | b'\r'));
        Texture {
            bare_ends: (0..bytes.len()).filter(is_bare).count() as u64,
            nuls: bytes.iter().filter(|byte| **byte == 0).count() as u64,
            longest_line: lines.map(<[u8]>::len).max().unwrap_or(0) as u64,
            is_ended: bytes.last().is_some_and(|byte| matches!(byte, b'\n' | b'\r')),
            is_ascii: bytes.iter().all(u8::is_ascii),
        }
    }

    fn bytes() -> impl Strategy<Value = Vec<u8>> {
        let byte = |letters: u32| {
            prop_oneof![
                letters => Just(b'x'),
                2 => Just(b'\n'),
                2 => Just(b'\r'),
                1 => Just(0),
                1 => Just(0xc3),
            ]
        };
        prop_oneof![
            prop::collection::vec(byte(1), 0..40),
            prop::collection::vec(byte(20), 0..9000),
            prop::collection::vec(byte(400), 0..9000),
        ]
    }

    proptest! {
        #[test]
        fn pieces_have_the_texture_of_the_whole(
            bytes in bytes(),
            cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..4),
        ) {
            prop_assert_eq!(TextureCount::of(&bytes), plain(&bytes));
            let mut cuts: Vec<_> = cuts.iter().map(|cut| cut.index(bytes.len() + 1)).collect();
            cuts.extend([0, bytes.len()]);
            cuts.sort_unstable();
            let mut count = TextureCount::new();
            for (start, end) in cuts.iter().zip(cuts.iter().skip(1)) {
                count.add(&bytes[*start..*end]);
                // After each piece, the texture is that of a content that ends there.
                prop_assert_eq!(count.texture, plain(&bytes[..*end]));
            }
        }
    }

    #[test]
    fn line_ends_are_bare_or_pairs() {
        let texture = |bytes: &[u8]| {
            let Texture { bare_ends, longest_line, is_ended, .. } = TextureCount::of(bytes);
            (bare_ends, longest_line, is_ended)
        };
        assert_eq!(texture(b""), (0, 0, false));
        assert_eq!(texture(b"abc"), (0, 3, false));
        assert_eq!(texture(b"abc\r\n"), (0, 3, true));
        assert_eq!(texture(b"abc\n"), (1, 3, true));
        assert_eq!(texture(b"abc\r"), (1, 3, true));
        assert_eq!(texture(b"\r\r\n\nabcd"), (2, 4, false));
        assert_eq!(texture(b"\n\r"), (2, 0, true));
    }
}
