//! Histograms: counts of values in buckets, for one thread or for several.

use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

/// Number of upper bounds of buckets. Values above the last bound have one more bucket.
const BOUNDS: usize = 11;

/// The unit and the bounds of a histogram's values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scale {
    /// Times in nanoseconds, shown in seconds: from 0.1 ms to 10 s.
    Time,
    /// Numbers of things: from 1 to 1024.
    Number,
}

impl Scale {
    /// The upper bounds of the buckets, ascending.
    fn bounds(self) -> &'static [u64; BOUNDS] {
        match self {
            Self::Time => &[
                100_000,
                300_000,
                1_000_000,
                3_000_000,
                10_000_000,
                30_000_000,
                100_000_000,
                300_000_000,
                1_000_000_000,
                3_000_000_000,
                10_000_000_000,
            ],
            Self::Number => &[1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024],
        }
    }

    /// A value in the unit that is shown.
    pub(crate) fn shown(self, value: u64) -> f64 {
        match self {
            Self::Time => value as f64 / 1e9,
            Self::Number => value as f64,
        }
    }

    fn bucket(self, value: u64) -> usize {
        self.bounds().iter().position(|bound| value <= *bound).unwrap_or(BOUNDS)
    }
}

/// A histogram that one thread fills.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Histogram {
    scale: Scale,
    /// Number of values in each bucket, not cumulated; the last bucket has no upper bound.
    counts: [u64; BOUNDS + 1],
    sum: u64,
}

impl Histogram {
    /// A histogram without values.
    pub(crate) const fn new(scale: Scale) -> Self {
        Self { scale, counts: [0; BOUNDS + 1], sum: 0 }
    }

    /// Counts a time. The histogram must have [`Scale::Time`].
    pub(crate) fn observe(&mut self, time: Duration) {
        let value = nanoseconds(time);
        if let Some(count) = self.counts.get_mut(self.scale.bucket(value)) {
            *count += 1;
        }
        self.sum = self.sum.saturating_add(value);
    }

    /// Number of values.
    pub(crate) fn count(&self) -> u64 {
        self.counts.iter().sum()
    }

    /// Sum of the values, in the unit that is shown.
    pub(crate) fn sum(&self) -> f64 {
        self.scale.shown(self.sum)
    }

    /// The buckets: the upper bound in the unit that is shown, `None` for the last, and the number
    /// of values up to it.
    pub(crate) fn buckets(&self) -> impl Iterator<Item = (Option<f64>, u64)> {
        let shown = |bound: &u64| Some(self.scale.shown(*bound));
        let bounds = self.scale.bounds().iter().map(shown).chain([None]);
        let mut below = 0;
        bounds.zip(self.counts).map(move |(bound, count)| {
            below += count;
            (bound, below)
        })
    }
}

/// A histogram that one thread fills and another reads.
#[derive(Debug)]
pub(crate) struct SharedHistogram {
    scale: Scale,
    counts: [AtomicU64; BOUNDS + 1],
    sum: AtomicU64,
}

impl SharedHistogram {
    /// A histogram without values.
    pub(crate) fn new(scale: Scale) -> Self {
        Self { scale, counts: Default::default(), sum: AtomicU64::new(0) }
    }

    /// Counts a time. The histogram must have [`Scale::Time`].
    pub(crate) fn observe(&self, time: Duration) {
        self.add(nanoseconds(time));
    }

    /// Counts a number. The histogram must have [`Scale::Number`].
    pub(crate) fn observe_number(&self, number: usize) {
        self.add(number as u64);
    }

    fn add(&self, value: u64) {
        if let Some(count) = self.counts.get(self.scale.bucket(value)) {
            count.fetch_add(1, Ordering::Relaxed);
        }
        self.sum.fetch_add(value, Ordering::Relaxed);
    }

    /// The present values. A value that is being counted may be missing in the sum.
    pub(crate) fn read(&self) -> Histogram {
        let mut counts = [0; BOUNDS + 1];
        for (to, from) in counts.iter_mut().zip(&self.counts) {
            *to = from.load(Ordering::Relaxed);
        }
        Histogram { scale: self.scale, counts, sum: self.sum.load(Ordering::Relaxed) }
    }
}

fn nanoseconds(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buckets_count_the_values_up_to_their_bounds() {
        let shared = SharedHistogram::new(Scale::Number);
        for number in [1, 2, 3, 1024, 1025] {
            shared.observe_number(number);
        }
        let read = shared.read();
        let buckets: Vec<_> = read.buckets().collect();
        assert_eq!(buckets[..3], [(Some(1.0), 1), (Some(2.0), 2), (Some(4.0), 3)]);
        assert_eq!(buckets[10..], [(Some(1024.0), 4), (None, 5)]);
        assert_eq!((read.count(), read.sum()), (5, 2055.0));
    }

    #[test]
    fn a_time_is_shown_in_seconds() {
        let mut histogram = Histogram::new(Scale::Time);
        histogram.observe(Duration::from_micros(100));
        histogram.observe(Duration::from_secs(100));
        let buckets: Vec<_> = histogram.buckets().collect();
        assert_eq!((buckets[0], buckets[11]), ((Some(0.0001), 1), (None, 2)));
        assert!((histogram.sum() - 100.0001).abs() < 1e-9);
    }
}
