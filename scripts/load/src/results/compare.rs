//! Compares two results.

use std::fmt::Write;

use super::{
    figures::{Measured, Results},
    operation::Operation,
    units::{size, time},
};

/// A table of both results, with the ratio of the second to the first.
#[must_use]
pub fn compare(first: &Results, second: &Results) -> String {
    let mut text = format!(
        "{:<18} {:>12} {:>12} {:>8}\n",
        "",
        shortened(&first.run.began),
        shortened(&second.run.began),
        "ratio"
    );
    for operation in Operation::ALL {
        let (one, other) = match (of(first, operation), of(second, operation)) {
            (Some(one), Some(other)) => (one, other),
            (None, None) => continue,
            (one, other) => {
                let rate = |one: Option<&Measured>| {
                    one.map_or("-".to_owned(), |one| format!("{:.1}/s", one.rate))
                };
                row(&mut text, operation, "rate", (rate(one), rate(other)), 0.0, 0.0);
                continue;
            }
        };
        let rates = (format!("{:.1}/s", one.rate), format!("{:.1}/s", other.rate));
        row(&mut text, operation, "rate", rates, one.rate, other.rate);
        for (name, a, b) in [
            ("p50", one.p50, other.p50),
            ("p90", one.p90, other.p90),
            ("p99", one.p99, other.p99),
            ("p99.9", one.p999, other.p999),
            ("max", one.max, other.max),
        ] {
            row(&mut text, operation, name, (time(a), time(b)), a as f64, b as f64);
        }
    }
    if let (Some(a), Some(b)) = (first.server_memory(), second.server_memory()) {
        let ratio = b as f64 / a.max(1) as f64;
        let _ = writeln!(text, "{:<18} {:>12} {:>12} {ratio:>8.2}", "memory", size(a), size(b));
    }
    for (name, results) in [("first", first), ("second", second)] {
        let _ = writeln!(text, "{name}: {}; {}", results.run.scenario, results.ledger_line());
    }
    text
}

/// Whether an operation was done in both results.
#[must_use]
pub fn have_something_in_common(first: &Results, second: &Results) -> bool {
    Operation::ALL.into_iter().any(|one| of(first, one).is_some() && of(second, one).is_some())
}

/// An operation that was done at least once: an operation that always failed has no times to
/// compare.
fn of(results: &Results, operation: Operation) -> Option<&Measured> {
    results.operations.get(&operation).filter(|measured| measured.count > 0)
}

fn row(
    text: &mut String,
    operation: Operation,
    name: &str,
    (a, b): (String, String),
    first: f64,
    second: f64,
) {
    let label = format!("{operation} {name}");
    let ratio = if first > 0.0 { format!("{:.2}", second / first) } else { "-".to_owned() };
    let _ = writeln!(text, "{label:<18} {a:>12} {b:>12} {ratio:>8}");
}

/// The time of day at which a run began.
fn shortened(began: &str) -> String {
    began.split_once('T').map_or(began, |(_, time)| time).chars().take(8).collect()
}
