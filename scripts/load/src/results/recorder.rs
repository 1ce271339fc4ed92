//! Records latencies and failures during a run.

use std::{collections::BTreeMap, time::Duration};

use hdrhistogram::Histogram;

use super::{
    figures::{Gauges, Measured, Results, Run, Second, SecondSummary},
    operation::Operation,
    pauses::Pauses,
    timeline::Timeline,
};

/// Longest distinguishable latency, in microseconds: ten minutes.
const LONGEST: u64 = 600_000_000;

/// Complements of the recorded quantiles: 0, 0.25, 0.5 … have these complements, 0.9, 0.925, 0.95 …
/// have a tenth of them, and so on.
const LEFT_OVER: [f64; 9] = [1.0, 0.75, 0.5, 0.4, 0.3, 0.25, 0.2, 0.15, 0.125];

/// Smallest complement of a quantile.
const LEAST_LEFT_OVER: f64 = 1e-6;

/// See the module's description.
#[derive(Debug, Default)]
pub struct Recorder {
    whole: BTreeMap<Operation, Series>,
    second: BTreeMap<Operation, Series>,
    timeline: Timeline,
    missed: u64,
    /// Number of each operation while clients acted.
    acted: Option<BTreeMap<Operation, u64>>,
    answers: u64,
    pauses: Pauses,
}

/// Latencies and failures of one operation.
#[derive(Debug)]
struct Series {
    times: Histogram<u64>,
    errors: BTreeMap<String, u64>,
}

impl Default for Series {
    fn default() -> Self {
        let times = Histogram::new_with_bounds(1, LONGEST, 3);
        Self { times: times.expect("the bounds make sense"), errors: BTreeMap::new() }
    }
}

impl Series {
    fn done(&mut self, time: Duration) {
        // A longer latency counts as the longest.
        self.times.saturating_record(u64::try_from(time.as_micros()).unwrap_or(LONGEST).max(1));
    }

    fn failed(&mut self, code: &str) {
        *self.errors.entry(code.to_owned()).or_default() += 1;
    }

    fn at(&self, percentile: f64) -> u64 {
        if self.times.is_empty() { 0 } else { self.times.value_at_quantile(percentile) }
    }

    fn longest(&self) -> u64 {
        if self.times.is_empty() { 0 } else { self.times.max() }
    }

    /// The quantiles that the number of latencies supports, then the longest: fewer than sixty.
    fn quantiles(&self) -> Vec<(f64, u64)> {
        if self.times.is_empty() {
            return Vec::new();
        }
        let least = (1.0 / self.times.len() as f64).max(LEAST_LEFT_OVER);
        let tenths = std::iter::successors(Some(1.0), |tenth| Some(tenth / 10.0));
        tenths
            .flat_map(|tenth: f64| LEFT_OVER.map(|part| part * tenth))
            .take_while(|left| *left > least)
            .map(|left| (1.0 - left, self.at(1.0 - left)))
            .chain([(1.0, self.longest())])
            .collect()
    }
}

impl Recorder {
    /// Number of the server's answers so far.
    #[must_use]
    pub fn answers(&self) -> u64 {
        self.answers
    }

    /// Records a completed operation and its latency.
    pub fn done(&mut self, operation: Operation, time: Duration) {
        self.answers += 1;
        self.whole.entry(operation).or_default().done(time);
        self.second.entry(operation).or_default().done(time);
    }

    /// Records a failure.
    pub fn failed(&mut self, operation: Operation, code: &str) {
        self.whole.entry(operation).or_default().failed(code);
        self.second.entry(operation).or_default().failed(code);
    }

    /// Records a scheduled mail that no user could send.
    pub fn missed(&mut self) {
        self.missed += 1;
    }

    /// Records the moment at which a mail was acknowledged.
    pub fn acknowledged(&mut self, now: Duration) {
        // While mailboxes are drained, nobody sends.
        if self.acted.is_none() {
            self.pauses.end_at(now);
        }
    }

    /// Ends the acting phase: later operations count in no rate, and end no pause.
    pub fn end_acting(&mut self, now: Duration) {
        self.pauses.end_at(now);
        let counts = self.whole.iter().map(|(operation, series)| (*operation, series.times.len()));
        self.acted = Some(counts.collect());
    }

    /// Ends a second, or the interval that stands for one.
    pub fn end_second(&mut self, at: Duration, gauges: Gauges) {
        let short = |series: Series| SecondSummary {
            count: series.times.len(),
            errors: series.errors.values().sum(),
            p50: series.at(0.5),
            p99: series.at(0.99),
            max: series.longest(),
        };
        let operations = std::mem::take(&mut self.second);
        let operations =
            operations.into_iter().map(|(operation, series)| (operation, short(series)));
        let (at, operations) = (at.as_secs_f64(), operations.collect());
        self.timeline.push(Second { at, operations, gauges });
    }

    /// Computes the results.
    #[must_use]
    pub fn finish(self, mut run: Run) -> Results {
        run.missed = self.missed;
        run.pauses = self.pauses.finish();
        let seconds = run.seconds.max(0.001);
        let acted = self.acted;
        let measured = |operation: Operation, series: Series| Measured {
            count: series.times.len(),
            rate: match &acted {
                Some(counts) => counts.get(&operation).copied().unwrap_or(0),
                None => series.times.len(),
            } as f64
                / seconds,
            p50: series.at(0.5),
            p90: series.at(0.9),
            p99: series.at(0.99),
            p999: series.at(0.999),
            max: series.longest(),
            quantiles: series.quantiles(),
            errors: series.errors,
        };
        let operations = self
            .whole
            .into_iter()
            .map(|(operation, series)| (operation, measured(operation, series)));
        Results { run, operations: operations.collect(), timeline: self.timeline.finish() }
    }
}
