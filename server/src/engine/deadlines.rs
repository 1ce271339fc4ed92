//! When each connection must have moved on.
//!
//! A connection has one entry, for a moment that is never later than its next deadline. Most
//! deadlines move away with every request; the entry stays where it is, and what comes due too
//! early is put back. So a request costs nothing here.

use std::{cmp::Reverse, collections::BinaryHeap, time::Duration};

use crate::ids::ConnId;

/// Moments, each with the connection that must be looked at then.
#[derive(Debug, Default)]
pub(crate) struct Deadlines {
    heap: BinaryHeap<Reverse<(Duration, ConnId)>>,
}

impl Deadlines {
    /// Asks for a look at a connection. A connection that has an earlier entry needs none.
    pub(crate) fn add(&mut self, at: Duration, connection: ConnId) {
        self.heap.push(Reverse((at, connection)));
    }

    /// How many entries there are, those of connections that are gone among them.
    #[must_use]
    pub(crate) fn len(&self) -> usize {
        self.heap.len()
    }

    /// Forgets the entries that nobody is looked at for.
    pub(crate) fn retain(&mut self, mut is_wanted: impl FnMut(Duration, ConnId) -> bool) {
        self.heap.retain(|Reverse((at, connection))| is_wanted(*at, *connection));
    }

    /// The next moment at which there is something to look at.
    #[must_use]
    pub(crate) fn next(&self) -> Option<Duration> {
        self.heap.peek().map(|Reverse((at, _))| *at)
    }

    /// Takes out the next entry that is due, with the moment it was for.
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
