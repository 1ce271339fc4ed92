//! A heap of the connections' deadlines.
//!
//! A connection has one valid entry, whose time is never later than its next deadline. Most
//! requests postpone the deadline; the entry is not moved then, so that a request costs nothing
//! here. An entry that comes due too early is added again with the connection's present deadline.

use std::{cmp::Reverse, collections::BinaryHeap, time::Duration};

use crate::ids::ConnId;

/// See the module's description. Times are uptimes.
#[derive(Debug, Default)]
pub(crate) struct Deadlines {
    heap: BinaryHeap<Reverse<(Duration, ConnId)>>,
}

impl Deadlines {
    /// Adds an entry. Not needed for a connection that has an earlier entry.
    pub(crate) fn add(&mut self, at: Duration, connection: ConnId) {
        self.heap.push(Reverse((at, connection)));
    }

    /// Number of entries, including stale ones of removed connections.
    #[must_use]
    pub(crate) fn len(&self) -> usize {
        self.heap.len()
    }

    /// Drops the entries for which `is_wanted` returns false.
    pub(crate) fn retain(&mut self, mut is_wanted: impl FnMut(Duration, ConnId) -> bool) {
        self.heap.retain(|Reverse((at, connection))| is_wanted(*at, *connection));
    }

    /// The earliest entry's time.
    #[must_use]
    pub(crate) fn next(&self) -> Option<Duration> {
        self.heap.peek().map(|Reverse((at, _))| *at)
    }

    /// Removes and returns the earliest entry, if it is due at `now`.
    pub(crate) fn pop_due(&mut self, now: Duration) -> Option<(Duration, ConnId)> {
        if self.next()? > now {
            return None;
        }
        self.heap.pop().map(|Reverse(entry)| entry)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_come_out_when_they_are_due() {
        let connection = |index| ConnId { index, generation: 0 };
        let second = Duration::from_secs;
        let mut deadlines = Deadlines::default();
        for at in [3, 1, 2] {
            deadlines.add(second(at), connection(at as u32));
        }
        assert_eq!(deadlines.next(), Some(second(1)));
        assert_eq!(deadlines.pop_due(Duration::ZERO), None);
        assert_eq!(deadlines.pop_due(second(2)), Some((second(1), connection(1))));
        assert_eq!(deadlines.pop_due(second(2)), Some((second(2), connection(2))));
        assert_eq!(deadlines.pop_due(second(2)), None);
    }
}
