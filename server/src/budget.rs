//! Memory that all connections share.

/// What a connection holds in memory, in bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Held {
    /// Of what came in and was not taken yet.
    pub input: usize,
    /// Of what is to go out.
    pub output: usize,
}

/// A number of bytes of which each connection takes what it needs, as long as there is some.
#[derive(Debug)]
pub struct Budget {
    max: usize,
    used: usize,
}

/// There is not enough left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Spent;

impl Budget {
    /// A budget of which nothing is used.
    #[must_use]
    pub fn new(max: usize) -> Self {
        Self { max, used: 0 }
    }

    /// Changes a share from `before` to `after` bytes. Less is always possible.
    ///
    /// # Errors
    ///
    /// There is not enough left; the share stays as it was.
    pub fn resize(&mut self, before: usize, after: usize) -> Result<(), Spent> {
        let used = self.used.saturating_sub(before).saturating_add(after);
        if after > before && used > self.max {
            return Err(Spent);
        }
        self.used = used;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_grow_as_long_as_there_is_room_and_always_shrink() {
        let mut budget = Budget::new(10);
        assert_eq!(budget.resize(0, 6), Ok(()));
        assert_eq!(budget.resize(0, 5), Err(Spent));
        assert_eq!(budget.resize(0, 4), Ok(()));
        assert_eq!(budget.resize(6, 7), Err(Spent));
        assert_eq!(budget.resize(6, 0), Ok(()));
        assert_eq!(budget.resize(4, 10), Ok(()));
        assert_eq!(budget.resize(10, 11), Err(Spent));
        assert_eq!(budget.resize(10, 3), Ok(()));
    }
}
