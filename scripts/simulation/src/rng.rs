//! Random numbers from a seed: the same seed gives the same numbers.

use std::ops::RangeInclusive;

use correio_proto::mail::MailId;

/// A random number generator. Each part of a simulation has its own, so that one part's choices do
/// not shift another's.
#[derive(Clone, Debug)]
pub(crate) struct Rng(fastrand::Rng);

impl Rng {
    pub(crate) fn new(seed: u64) -> Self {
        Self(fastrand::Rng::with_seed(seed))
    }

    /// A new generator, seeded by this one.
    pub(crate) fn fork(&mut self) -> Self {
        Self(self.0.fork())
    }

    /// True once in `times` calls on average; never for 0.
    pub(crate) fn one_in(&mut self, times: u32) -> bool {
        times > 0 && self.0.u32(0..times) == 0
    }

    pub(crate) fn within(&mut self, range: RangeInclusive<u64>) -> u64 {
        self.0.u64(range)
    }

    /// From 0 to `count - 1`; 0 if `count` is 0.
    pub(crate) fn below(&mut self, count: usize) -> usize {
        if count < 2 { 0 } else { self.0.usize(0..count) }
    }

    pub(crate) fn pick<T: Copy>(&mut self, choices: &[T]) -> Option<T> {
        let index = self.below(choices.len());
        choices.get(index).copied()
    }

    pub(crate) fn shuffle<T>(&mut self, items: &mut [T]) {
        self.0.shuffle(items);
    }

    pub(crate) fn bytes<const N: usize>(&mut self) -> [u8; N] {
        let mut bytes = [0; N];
        self.0.fill(&mut bytes);
        bytes
    }

    /// A UUID of version 7 made from random bytes alone.
    pub(crate) fn mail_id(&mut self) -> MailId {
        let mut bytes: [u8; 16] = self.bytes();
        let [_, _, _, _, _, _, version, _, variant, ..] = &mut bytes;
        *version = 0x70 | *version & 0x0f;
        *variant = 0x80 | *variant & 0x3f;
        bytes.try_into().expect("version and variant are those of an id")
    }
}
