//! Keeps figures by second in bounded memory. It measures nothing itself.

use super::figures::{Gauges, Second, SecondSummary};

/// Most points: an hour of seconds. The number is even, so that all points pair up.
pub(super) const MOST: usize = 3_600;

/// A shorter interval, in seconds, is merged into the one before: a rate over a few milliseconds
/// says nothing.
pub(super) const SHORTEST: f64 = 0.5;

/// The points in order of time. At [`MOST`] points, each two are merged, and later points span
/// twice as many seconds.
#[derive(Debug)]
pub(super) struct Timeline {
    points: Vec<Second>,
    /// Seconds that a point spans.
    step: u64,
    /// Seconds in the last point so far.
    taken: u64,
}

impl Default for Timeline {
    fn default() -> Self {
        Self { points: Vec::new(), step: 1, taken: 1 }
    }
}

impl Timeline {
    /// Adds a second.
    pub(super) fn push(&mut self, mut second: Second) {
        if let Some(last) = self.points.last_mut() {
            let began = last.at;
            if second.at - began < SHORTEST {
                // Shares of a processor over a short moment are not comparable.
                second.gauges.server_cpu = None;
                second.gauges.generator_cpu = 0.0;
                last.take_in(second);
                return;
            }
            if self.taken < self.step {
                last.take_in(second);
                self.taken += 1;
                return;
            }
        }
        if self.points.len() >= MOST {
            self.points = halved(std::mem::take(&mut self.points));
            self.step *= 2;
        }
        self.points.push(second);
        self.taken = 1;
    }

    /// All points.
    pub(super) fn finish(self) -> Vec<Second> {
        self.points
    }
}

/// Merges points until at most `most` are left, for a drawing with less room.
pub(super) fn thinned(mut points: Vec<Second>, most: usize) -> Vec<Second> {
    while points.len() > most.max(1) {
        points = halved(points);
    }
    points
}

/// Merges each two points; an odd last point stays.
fn halved(points: Vec<Second>) -> Vec<Second> {
    let mut halved = Vec::with_capacity(points.len().div_ceil(2));
    let mut points = points.into_iter();
    while let Some(mut point) = points.next() {
        if let Some(next) = points.next() {
            point.take_in(next);
        }
        halved.push(point);
    }
    halved
}

impl Second {
    /// Merges the following second into this one.
    fn take_in(&mut self, next: Self) {
        self.at = next.at;
        for (operation, short) in next.operations {
            self.operations.entry(operation).or_default().take_in(short);
        }
        self.gauges = self.gauges.larger(next.gauges);
    }
}

impl SecondSummary {
    /// The median of both is unknown: it is estimated as the mean of the two medians, weighted by
    /// count. The 99th percentile is at most the larger one, which is kept.
    fn take_in(&mut self, other: Self) {
        let count = self.count + other.count;
        let sum = u128::from(self.p50) * u128::from(self.count)
            + u128::from(other.p50) * u128::from(other.count);
        let middle = sum.checked_div(u128::from(count)).unwrap_or(0);
        *self = Self {
            count,
            errors: self.errors + other.errors,
            p50: u64::try_from(middle).unwrap_or(u64::MAX),
            p99: self.p99.max(other.p99),
            max: self.max.max(other.max),
        };
    }
}

impl Gauges {
    /// Merges two readings into the extremes: the most of everything, the fewest connections.
    fn larger(self, other: Self) -> Self {
        let either = |a: Option<f64>, b: Option<f64>| match (a, b) {
            (Some(a), Some(b)) => Some(a.max(b)),
            (a, b) => a.or(b),
        };
        Self {
            connections: self.connections.max(other.connections),
            fewest_connections: match (self.fewest_connections, other.fewest_connections) {
                (Some(a), Some(b)) => Some(a.min(b)),
                (a, b) => a.or(b),
            },
            server_memory: self.server_memory.max(other.server_memory),
            server_cpu: either(self.server_cpu, other.server_cpu),
            generator_cpu: self.generator_cpu.max(other.generator_cpu),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{super::Operation, *};

    fn second(at: u64) -> Second {
        let short = SecondSummary { count: 2, errors: 1, p50: 10, p99: at, max: at + 1 };
        let gauges = Gauges { server_memory: Some(at), ..Gauges::default() };
        Second { at: at as f64, operations: [(Operation::Send, short)].into(), gauges }
    }

    fn of(seconds: u64) -> Vec<Second> {
        let mut timeline = Timeline::default();
        for at in 1..=seconds {
            timeline.push(second(at));
        }
        timeline.finish()
    }

    #[test]
    fn a_long_run_has_no_more_points_than_a_short_one_and_loses_nothing() {
        for seconds in [1, 3_600, 3_601, 7_200, 7_201, 100_000] {
            let points = of(seconds);
            assert!(points.len() <= MOST, "{}", points.len());
            let shorts: Vec<_> = points.iter().map(|p| p.operations[&Operation::Send]).collect();
            assert_eq!(shorts.iter().map(|short| short.count).sum::<u64>(), 2 * seconds);
            assert_eq!(shorts.iter().map(|short| short.errors).sum::<u64>(), seconds);
            assert_eq!(shorts.iter().map(|short| short.max).max(), Some(seconds + 1));
            assert_eq!(points.last().unwrap().at, seconds as f64);
            assert_eq!(points.last().unwrap().gauges.server_memory, Some(seconds));
        }
    }

    #[test]
    fn points_are_equally_far_apart() {
        let points = of(7_201);
        assert_eq!(points.len(), 1_801);
        let gaps = points.windows(2).map(|pair| pair[1].at - pair[0].at);
        // The last point is not full yet.
        assert!(gaps.take(1_799).all(|gap| gap == 4.0));
    }

    #[test]
    fn what_becomes_one() {
        let mut one = SecondSummary { count: 1, errors: 0, p50: 10, p99: 30, max: 31 };
        one.take_in(SecondSummary { count: 3, errors: 2, p50: 20, p99: 25, max: 50 });
        assert_eq!(one, SecondSummary { count: 4, errors: 2, p50: 17, p99: 30, max: 50 });
        let mut none = SecondSummary::default();
        none.take_in(SecondSummary::default());
        assert_eq!(none, SecondSummary::default(), "nothing is divided by no count");
    }

    #[test]
    fn a_moment_is_part_of_the_second_before_it() {
        let mut timeline = Timeline::default();
        timeline.push(second(1));
        timeline.push(Second { at: 1.01, ..second(1) });
        timeline.push(second(2));
        let points = timeline.finish();
        assert_eq!(points.iter().map(|point| point.at).collect::<Vec<_>>(), [1.01, 2.0]);
        assert_eq!(points[0].operations[&Operation::Send].count, 4);
    }

    #[test]
    fn fewer_points_for_a_drawing() {
        assert_eq!(thinned(of(100), 30).len(), 25);
        assert_eq!(thinned(of(101), 30).len(), 26);
        assert_eq!(thinned(of(3), 0).len(), 1);
        assert!(thinned(Vec::new(), 10).is_empty());
    }
}
