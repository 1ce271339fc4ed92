//! Keeps the textures of contents whose rows have none, after they were counted.

use std::collections::HashMap;

use foldhash::fast::RandomState;

use crate::store::texture::TextureCount;

/// Contents whose textures are kept: about 5 MiB.
const KEPT_MAX: usize = 1 << 16;

/// Textures of contents whose rows have none. The key is the number of a mail that has the content
/// in its row, or the number of a content.
#[derive(Debug, Default)]
pub(super) struct CountedTextures(HashMap<i64, Counted, RandomState>);

/// The count of a content, which may be incomplete.
#[derive(Clone, Copy, Debug)]
pub(super) struct Counted {
    pub(super) count: TextureCount,
    /// Bytes from the content's start on that were counted.
    pub(super) bytes: u64,
}

impl CountedTextures {
    /// The count of a content, if it has begun.
    pub(super) fn get(&self, number: i64) -> Option<Counted> {
        self.0.get(&number).copied()
    }

    /// Keeps a count. Drops all others first if [`KEPT_MAX`] are kept.
    pub(super) fn keep(&mut self, number: i64, counted: Counted) {
        if self.0.len() >= KEPT_MAX {
            self.0.clear();
        }
        self.0.insert(number, counted);
    }
}
