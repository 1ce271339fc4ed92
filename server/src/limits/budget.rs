//! A budget of memory that all connections share.

use crate::metrics::Level;

/// A number of bytes. Each connection takes a share of it, as long as there are bytes left.
#[derive(Debug)]
pub(crate) struct Budget {
    max: usize,
    used: usize,
}

/// The budget has too few bytes left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Exhausted;

impl Budget {
    /// An unused budget of `max` bytes.
    #[must_use]
    pub(crate) fn new(max: usize) -> Self {
        Self { max, used: 0 }
    }

    /// Resizes a share to this many bytes. A smaller share is always possible.
    ///
    /// # Errors
    ///
    /// Too few bytes are left; the share stays as it was.
    pub(crate) fn resize(&mut self, share: &mut Share, bytes: usize) -> Result<(), Exhausted> {
        let used = self.used.saturating_sub(share.0).saturating_add(bytes);
        if bytes > share.0 && used > self.max {
            return Err(Exhausted);
        }
        self.used = used;
        share.0 = bytes;
        Ok(())
    }

    /// The bytes that are taken, and all.
    pub(crate) fn level(&self) -> Level {
        Level { now: self.used, max: self.max }
    }

    /// Returns a share to the budget.
    pub(crate) fn free(&mut self, share: &mut Share) {
        self.used = self.used.saturating_sub(share.0);
        share.0 = 0;
    }
}

/// One connection's part of a [`Budget`], in bytes.
#[derive(Debug, Default)]
pub(crate) struct Share(usize);

impl Share {
    /// Whether the share has no byte.
    #[must_use]
    pub(crate) fn is_empty(&self) -> bool {
        self.0 == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_grow_as_long_as_there_is_room_and_always_shrink() {
        let mut budget = Budget::new(10);
        let (mut ours, mut theirs) = (Share::default(), Share::default());
        assert_eq!(budget.resize(&mut ours, 6), Ok(()));
        assert_eq!(budget.resize(&mut theirs, 5), Err(Exhausted));
        assert_eq!(budget.resize(&mut theirs, 4), Ok(()));
        assert_eq!(budget.resize(&mut ours, 7), Err(Exhausted));
        budget.free(&mut ours);
        assert_eq!(budget.resize(&mut theirs, 10), Ok(()));
        assert_eq!(budget.resize(&mut theirs, 11), Err(Exhausted));
        assert_eq!(budget.resize(&mut theirs, 3), Ok(()));
        assert_eq!(budget.resize(&mut ours, 8), Err(Exhausted));
        assert_eq!(budget.resize(&mut ours, 7), Ok(()));
    }
}
