//! The plots of a page, made from results.

use super::{
    Gauges, Operation, Results, Second, SecondSummary,
    axis::Axis,
    plot::{Line, Mark, Plot},
    timeline::{SHORTEST, thinned},
};

/// Most points of a line; a plot has no room for more.
const MOST_POINTS: usize = 600;

/// A second and its true length.
pub(super) struct Point<'a> {
    pub(super) second: &'a Second,
    /// In seconds.
    length: f64,
}

impl Point<'_> {
    /// A gauge, unless the interval is too short for it to mean anything.
    pub(super) fn share(&self, gauge: impl Fn(&Gauges) -> Option<f64>) -> Option<f64> {
        if self.length < SHORTEST { None } else { gauge(&self.second.gauges) }
    }

    /// A count as a rate.
    fn rate(&self, count: u64) -> Option<f64> {
        (self.length >= SHORTEST).then(|| count as f64 / self.length)
    }
}

impl Results {
    /// All seconds with their lengths.
    pub(super) fn points(&self) -> impl Iterator<Item = Point<'_>> {
        let mut began = 0.0;
        self.timeline.iter().map(move |second| {
            let length = second.at - began;
            began = second.at;
            Point { second, length }
        })
    }

    /// All plots of a page.
    pub(super) fn plots(&self) -> Vec<Plot> {
        let timeline = thinned(self.timeline.clone(), MOST_POINTS);
        let thin = Self { timeline, ..self.clone() };
        let mut plots = vec![
            thin.latency("Latency, p50", |short| short.p50),
            thin.latency("Latency, p99", |short| short.p99),
            thin.latency("Latency, max", |short| short.max),
            thin.percentiles(),
            thin.rates("Throughput", |short| short.count),
        ];
        let mut failures = thin.rates("Failures", |short| short.errors);
        failures.lines.retain(|line| top(std::slice::from_ref(line)) > 0.0);
        if !failures.lines.is_empty() {
            plots.push(failures);
        }
        plots.extend([thin.memory(), thin.processors(), thin.connections()]);
        plots
    }

    fn latency(&self, title: &'static str, time: fn(&SecondSummary) -> u64) -> Plot {
        let lines = self.lines(|point, operation| {
            let short = point.second.operations.get(&operation)?;
            (short.count > 0).then(|| time(short) as f64)
        });
        let y = times(&lines);
        self.over_time(title, y, lines)
    }

    fn rates(&self, title: &'static str, count: fn(&SecondSummary) -> u64) -> Plot {
        let lines = self.lines(|point, operation| {
            point.rate(point.second.operations.get(&operation).map_or(0, count))
        });
        let y = Axis::amounts("per second", top(&lines));
        self.over_time(title, y, lines)
    }

    fn percentiles(&self) -> Plot {
        let count = self.operations.values().map(|measured| measured.count).max().unwrap_or(0);
        let mut lines = Vec::new();
        for (colour, operation) in Operation::ALL.into_iter().enumerate() {
            let Some(measured) = self.operations.get(&operation).filter(|one| one.count > 0) else {
                continue;
            };
            let known = [(0.5, measured.p50), (0.9, measured.p90), (0.99, measured.p99)];
            let known = match measured.quantiles.as_slice() {
                [] => known.into_iter().chain([(0.999, measured.p999)]).collect(),
                quantiles => quantiles.to_vec(),
            };
            // With a thousand times, nothing is known beyond the quantile 99.9 %.
            let last = 1.0 - 1.0 / measured.count as f64;
            let mut points: Vec<_> = known.into_iter().filter(|(at, _)| *at < last).collect();
            points.push((last, measured.max));
            let points = points.into_iter().map(|(at, time)| Some((at, time as f64))).collect();
            lines.push(Line { name: operation.as_str(), colour, points });
        }
        let (x, y) = (Axis::quantiles(count), times(&lines));
        Plot { title: "Latency by percentile", x, y, lines, marks: Vec::new() }
    }

    fn memory(&self) -> Plot {
        let line = self
            .line("server", 0, |point| point.second.gauges.server_memory.map(|bytes| bytes as f64));
        let lines = vec![line];
        let y = Axis::sizes("resident", top(&lines));
        self.over_time("Server's memory", y, lines)
    }

    fn processors(&self) -> Plot {
        let lines = vec![
            self.line("server", 0, |point| point.share(|gauges| gauges.server_cpu)),
            self.line("generator", 1, |point| point.share(|gauges| Some(gauges.generator_cpu))),
        ];
        let y = Axis::shares("percent of a processor", top(&lines));
        self.over_time("Processor time", y, lines)
    }

    fn connections(&self) -> Plot {
        let mut lines =
            vec![self.line("open", 0, |point| Some(point.second.gauges.connections as f64))];
        let fewest = self.line("fewest", 1, |point| {
            point.second.gauges.fewest_connections.map(|count| count as f64)
        });
        if fewest.points.iter().any(Option::is_some) {
            lines.push(fewest);
        }
        let y = Axis::amounts("connections", top(&lines));
        self.over_time("Connections", y, lines)
    }

    fn over_time(&self, title: &'static str, y: Axis, lines: Vec<Line>) -> Plot {
        let end = self.timeline.last().map_or(0.0, |second| second.at);
        let ended = (self.run.seconds < end).then_some(Mark::Ended(self.run.seconds));
        let kills = self.run.kills.iter().map(|at| Mark::Killed(*at));
        Plot { title, x: Axis::elapsed(end), y, lines, marks: kills.chain(ended).collect() }
    }

    /// One line for each operation that was done or failed.
    fn lines(&self, value: impl Fn(&Point<'_>, Operation) -> Option<f64>) -> Vec<Line> {
        let all = Operation::ALL.into_iter().enumerate();
        all.filter(|(_, operation)| self.operations.contains_key(operation))
            .map(|(colour, operation)| {
                self.line(operation.as_str(), colour, |point| value(point, operation))
            })
            .collect()
    }

    fn line(
        &self,
        name: &'static str,
        colour: usize,
        value: impl Fn(&Point<'_>) -> Option<f64>,
    ) -> Line {
        let points = self.points().map(|point| Some((point.second.at, value(&point)?))).collect();
        Line { name, colour, points }
    }
}

fn values(lines: &[Line]) -> impl Iterator<Item = f64> {
    lines.iter().flat_map(|line| line.points.iter().flatten()).map(|(_, value)| *value)
}

fn top(lines: &[Line]) -> f64 {
    values(lines).fold(0.0, f64::max)
}

fn times(lines: &[Line]) -> Axis {
    let least = values(lines).reduce(f64::min).unwrap_or(1.0);
    Axis::times(least, top(lines))
}
