//! An axis: the place of each value, and the labels. It draws nothing.

/// Factor between two labelled powers.
const STEPS: [f64; 3] = [1.0, 2.0, 5.0];

/// Exponent of ten of the longest recorded time, in microseconds.
const LONGEST_POWER: i32 = 9;

/// With more ticks than this, only powers of ten are labelled.
const MOST_NAMED: usize = 7;

/// Most nines of a quantile, as in the recorder.
const MOST_NINES: i32 = 6;

/// An axis and its labels.
#[derive(Debug)]
pub(super) struct Axis {
    /// The quantity and its unit.
    pub(super) title: String,
    /// The ticks, in order.
    pub(super) ticks: Vec<Tick>,
    scale: Scale,
    /// Divisor from values to the axis's unit.
    factor: f64,
    /// The axis's ends, on its scale.
    low: f64,
    high: f64,
}

/// A tick, which is a line across the plot.
#[derive(Debug, PartialEq)]
pub(super) struct Tick {
    /// Place, as a share of the axis.
    pub(super) place: f64,
    /// The label, if any.
    pub(super) label: Option<String>,
}

#[derive(Clone, Copy, Debug)]
enum Scale {
    Linear,
    /// Logarithmic: each tenfold takes equal room.
    Logarithmic,
    /// Logarithmic from the upper end: each further nine of a share takes equal room (0, 0.9, 0.99
    /// …).
    Nines,
}

impl Scale {
    fn of(self, value: f64) -> f64 {
        match self {
            Self::Linear => value,
            Self::Logarithmic => value.max(1.0).log10(),
            Self::Nines => -(1.0 - value).max(10f64.powi(-MOST_NINES)).log10(),
        }
    }
}

impl Axis {
    /// An axis of amounts from 0 to `top`.
    pub(super) fn amounts(title: &str, top: f64) -> Self {
        Self::up_to(title.to_owned(), top, 1.0)
    }

    /// An axis of shares, in percent.
    pub(super) fn shares(title: &str, top: f64) -> Self {
        Self::up_to(title.to_owned(), top, 0.01)
    }

    /// An axis of bytes, in a suitable unit.
    pub(super) fn sizes(title: &str, top: f64) -> Self {
        let (unit, factor) = match top {
            0.0..1_024.0 => ("B", 1.0),
            1_024.0..1_048_576.0 => ("KiB", 1_024.0),
            1_048_576.0..1_073_741_824.0 => ("MiB", 1_048_576.0),
            _ => ("GiB", 1_073_741_824.0),
        };
        Self::up_to(format!("{title}, {unit}"), top, factor)
    }

    /// An axis of seconds since the start, in a suitable unit. It ends at the last second.
    pub(super) fn elapsed(end: f64) -> Self {
        let end = if end > 0.0 { end } else { 1.0 };
        let (unit, factor) = match end {
            0.0..300.0 => ("seconds", 1.0),
            300.0..18_000.0 => ("minutes", 60.0),
            _ => ("hours", 3_600.0),
        };
        let high = end / factor;
        let ticks = linear_ticks(high, step(high / 6.0));
        let title = format!("{unit} since the start");
        Self { title, ticks, scale: Scale::Linear, factor, low: 0.0, high }
    }

    /// A logarithmic axis of microseconds from `least` to `most`.
    pub(super) fn times(least: f64, most: f64) -> Self {
        let round = |power: i32| STEPS.map(|step| step * 10f64.powi(power));
        let values: Vec<f64> = (0..=LONGEST_POWER).flat_map(round).collect();
        let low = values.iter().rfind(|value| **value <= least).copied().unwrap_or(1.0);
        let above = values.iter().find(|value| **value >= most && **value > low).copied();
        let high = above.unwrap_or(10f64.powi(LONGEST_POWER + 1));
        let shown: Vec<f64> = values.into_iter().filter(|v| (low..=high).contains(v)).collect();
        let is_named = |value: f64| shown.len() <= MOST_NAMED || value.log10().fract() == 0.0;
        let (from, to) = (low.log10(), high.log10());
        let tick = |value: f64| Tick {
            place: (value.log10() - from) / (to - from),
            label: is_named(value).then(|| round_time(value)),
        };
        let ticks = shown.iter().copied().map(tick).collect();
        let scale = Scale::Logarithmic;
        Self {
            title: "latency, logarithmic".to_owned(),
            ticks,
            scale,
            factor: 1.0,
            low: from,
            high: to,
        }
    }

    /// An axis of quantiles, from 0 to as many nines as `count` values support.
    pub(super) fn quantiles(count: u64) -> Self {
        let high = (count.max(1) as f64).log10().clamp(1.0, f64::from(MOST_NINES));
        let tick = |nines: i32| Tick {
            place: f64::from(nines) / high,
            label: Some(percentile(nines.unsigned_abs() as usize)),
        };
        let ticks = (0..=high as i32).map(tick).collect();
        let title = "percentile".to_owned();
        Self { title, ticks, scale: Scale::Nines, factor: 1.0, low: 0.0, high }
    }

    /// The place of a value, as a share of the axis.
    pub(super) fn place(&self, value: f64) -> f64 {
        ((self.scale.of(value / self.factor) - self.low) / (self.high - self.low)).clamp(0.0, 1.0)
    }

    fn up_to(title: String, top: f64, factor: f64) -> Self {
        let top = if top > 0.0 { top / factor } else { 1.0 };
        let step = step(top / 4.0);
        let high = (top / step).ceil() * step;
        let ticks = linear_ticks(high, step);
        Self { title, ticks, scale: Scale::Linear, factor, low: 0.0, high }
    }
}

/// The smallest round number that is not smaller.
fn step(least: f64) -> f64 {
    let power = 10f64.powf(least.log10().floor());
    let of_power = STEPS.into_iter().map(|step| step * power).find(|step| *step >= least);
    of_power.unwrap_or(10.0 * power)
}

fn linear_ticks(high: f64, step: f64) -> Vec<Tick> {
    let decimals = (-step.log10().floor()).max(0.0) as usize;
    let count = (high / step + 1e-9).floor() as usize;
    let tick = |number: usize| {
        let value = number as f64 * step;
        Tick { place: value / high, label: Some(format!("{value:.decimals$}")) }
    };
    (0..=count).map(tick).collect()
}

/// The labels 0, 90, 99, 99.9 …
fn percentile(nines: usize) -> String {
    match nines {
        0 => "0".to_owned(),
        1 => "90".to_owned(),
        2 => "99".to_owned(),
        _ => format!("99.{}", "9".repeat(nines - 2)),
    }
}

/// A time that is a round number of its unit.
fn round_time(microseconds: f64) -> String {
    match microseconds {
        ..1e3 => format!("{microseconds:.0} µs"),
        1e3..1e6 => format!("{:.0} ms", microseconds / 1e3),
        _ => format!("{:.0} s", microseconds / 1e6),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(axis: &Axis) -> Vec<&str> {
        axis.ticks.iter().filter_map(|tick| tick.label.as_deref()).collect()
    }

    #[test]
    fn amounts_end_at_a_round_number() {
        assert_eq!(labels(&Axis::amounts("", 87.0)), ["0", "50", "100"]);
        assert_eq!(labels(&Axis::amounts("", 0.3)), ["0.0", "0.1", "0.2", "0.3"]);
        assert_eq!(labels(&Axis::shares("", 0.8)), ["0", "20", "40", "60", "80"]);
        let sizes = Axis::sizes("memory", 3.5 * 1_048_576.0);
        assert_eq!(
            (sizes.title.as_str(), labels(&sizes)),
            ("memory, MiB", vec!["0", "1", "2", "3", "4"])
        );
        assert_eq!(sizes.place(1_048_576.0), 0.25);
    }

    #[test]
    fn nothing_at_all_has_an_axis() {
        for axis in [Axis::amounts("", 0.0), Axis::elapsed(0.0), Axis::times(0.0, 0.0)] {
            assert!(axis.ticks.len() >= 2, "{axis:?}");
            assert!(axis.ticks.iter().all(|tick| (0.0..=1.0).contains(&tick.place)), "{axis:?}");
            assert_eq!(axis.place(0.0), 0.0);
        }
        assert_eq!(labels(&Axis::quantiles(0)), ["0", "90"]);
    }

    #[test]
    fn long_runs_are_told_in_minutes_and_hours() {
        assert_eq!(labels(&Axis::elapsed(10.0)), ["0", "2", "4", "6", "8", "10"]);
        let minutes = Axis::elapsed(1_500.0);
        assert_eq!(minutes.title, "minutes since the start");
        assert_eq!(labels(&minutes), ["0", "5", "10", "15", "20", "25"]);
        assert!(Axis::elapsed(40_000.0).title.starts_with("hours"));
    }

    #[test]
    fn tenfold_times_are_equally_far_apart() {
        let axis = Axis::times(100.0, 900_000.0);
        assert_eq!(labels(&axis), ["100 µs", "1 ms", "10 ms", "100 ms", "1 s"]);
        assert_eq!([100.0, 1e4, 1e6].map(|time| axis.place(time)), [0.0, 0.5, 1.0]);
        assert_eq!(labels(&Axis::times(3_000.0, 11_000.0)), ["2 ms", "5 ms", "10 ms", "20 ms"]);
        assert!((axis.place(5.0), axis.place(1e9)) == (0.0, 1.0), "what lies beyond is at the end");
    }

    #[test]
    fn each_nine_takes_as_much_room() {
        let axis = Axis::quantiles(10_000);
        assert_eq!(labels(&axis), ["0", "90", "99", "99.9", "99.99"]);
        for (share, place) in [(0.0, 0.0), (0.9, 0.25), (0.99, 0.5), (1.0, 1.0)] {
            assert!((axis.place(share) - place).abs() < 1e-9, "{share}");
        }
    }
}
