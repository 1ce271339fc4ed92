//! Conditions under which a run has failed. A condition on a figure that was not measured neither
//! holds nor fails; the answer says so.

use std::{collections::BTreeSet, fmt, str::FromStr};

use super::{
    figures::{Measured, Results},
    operation::Operation,
};

/// A condition such as `send.p99 > 50ms`.
#[derive(Clone, Debug, PartialEq)]
pub struct Condition {
    what: Metric,
    than: Comparison,
    /// In microseconds, bytes, or without a unit.
    value: f64,
    text: String,
}

/// The result of a condition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The condition holds: the run has failed.
    Holds,
    /// The condition does not hold.
    DoesNotHold,
    /// The figure was not measured.
    Unmeasured,
}

/// The figures that a run will measure.
#[derive(Clone, Debug)]
pub struct Measures {
    /// The operations that its clients do.
    pub operations: BTreeSet<Operation>,
    /// Whether the run starts the server itself, so that it can read its memory.
    pub server: bool,
    /// Whether mails are sent by schedule.
    pub schedule: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Metric {
    Of(Operation, Statistic),
    Ledger(LedgerFault),
    Missed,
    ServerMemory,
}

/// A fault of a mail's copy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum LedgerFault {
    Lost,
    Doubled,
    Misdelivered,
    Changed,
}

/// The dimension of a figure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Dimension {
    Time,
    Size,
    Rate,
    Count,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Statistic {
    Count,
    Rate,
    Errors,
    P50,
    P90,
    P99,
    P999,
    Max,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Comparison {
    Less,
    LessOrSame,
    More,
    MoreOrSame,
}

/// Why a text is not a [`Condition`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidCondition {
    /// The text has another form, or names no figure.
    #[error(
        "{0:?} is no condition: write OPERATION.FIGURE, <, <=, > or >=, and a value, such as \
         'send.p99 > 50ms'; operations are {operations}; figures count, rate, errors, p50, p90, p99, p99.9, max; further ledger.lost, \
         ledger.doubled, ledger.misdelivered, ledger.changed, schedule.missed, server.memory; units \
         us, ms, s, B, KiB, MiB, /s",
        operations = Operation::ALL.map(Operation::as_str).join(", ")
    )]
    Form(String),
    /// The value has no unit, or a unit of another dimension.
    #[error("{0:?} is no condition: the figure takes {1}")]
    Unit(String, &'static str),
}

impl Condition {
    /// Evaluates the condition.
    #[must_use]
    pub fn outcome(&self, results: &Results) -> Outcome {
        let Some(found) = self.what.of(results) else {
            return Outcome::Unmeasured;
        };
        let holds = match self.than {
            Comparison::Less => found < self.value,
            Comparison::LessOrSame => found <= self.value,
            Comparison::More => found > self.value,
            Comparison::MoreOrSame => found >= self.value,
        };
        if holds { Outcome::Holds } else { Outcome::DoesNotHold }
    }

    /// Whether such a run measures the condition's figure.
    #[must_use]
    pub fn is_measured_by(&self, run: &Measures) -> bool {
        match self.what {
            // Virtual users register before they log in, and confirm every page.
            Metric::Of(Operation::Register | Operation::Confirm, _) => true,
            Metric::Of(operation, _) => run.operations.contains(&operation),
            Metric::Ledger(_) => run.operations.contains(&Operation::Send),
            Metric::Missed => run.schedule,
            Metric::ServerMemory => run.server,
        }
    }
}

impl Metric {
    fn dimension(self) -> Dimension {
        match self {
            Self::Of(_, Statistic::Rate) => Dimension::Rate,
            Self::Of(_, Statistic::Count | Statistic::Errors) | Self::Ledger(_) | Self::Missed => {
                Dimension::Count
            }
            Self::Of(
                _,
                Statistic::P50 | Statistic::P90 | Statistic::P99 | Statistic::P999 | Statistic::Max,
            ) => Dimension::Time,
            Self::ServerMemory => Dimension::Size,
        }
    }

    /// The figure, if it was measured.
    fn of(self, results: &Results) -> Option<f64> {
        let ledger = &results.run.ledger;
        let number = match self {
            Self::Ledger(_) if ledger.acknowledged + ledger.received == 0 => return None,
            Self::Ledger(LedgerFault::Lost) => ledger.lost,
            Self::Ledger(LedgerFault::Doubled) => ledger.doubled,
            Self::Ledger(LedgerFault::Misdelivered) => ledger.misdelivered,
            Self::Ledger(LedgerFault::Changed) => ledger.changed,
            Self::Missed => results.run.rate.map(|_| results.run.missed)?,
            Self::ServerMemory => results.server_memory()?,
            Self::Of(operation, figure) => {
                let measured = results.operations.get(&operation);
                match figure {
                    Statistic::Count => measured.map_or(0, |measured| measured.count),
                    Statistic::Rate => return Some(measured.map_or(0.0, |measured| measured.rate)),
                    // Without attempts there can be no errors.
                    Statistic::Errors => measured.map(|_| results.errors(operation))?,
                    Statistic::P50 => timed(measured)?.p50,
                    Statistic::P90 => timed(measured)?.p90,
                    Statistic::P99 => timed(measured)?.p99,
                    Statistic::P999 => timed(measured)?.p999,
                    Statistic::Max => timed(measured)?.max,
                }
            }
        };
        Some(number as f64)
    }

    fn parse(text: &str) -> Option<Self> {
        let (subject, figure) = text.split_once('.')?;
        match (subject, figure) {
            ("ledger", "lost") => return Some(Self::Ledger(LedgerFault::Lost)),
            ("ledger", "doubled") => return Some(Self::Ledger(LedgerFault::Doubled)),
            ("ledger", "misdelivered") => return Some(Self::Ledger(LedgerFault::Misdelivered)),
            ("ledger", "changed") => return Some(Self::Ledger(LedgerFault::Changed)),
            ("schedule", "missed") => return Some(Self::Missed),
            ("server", "memory") => return Some(Self::ServerMemory),
            _ => {}
        }
        let operation = Operation::ALL.into_iter().find(|known| known.as_str() == subject)?;
        let figure = match figure {
            "count" => Statistic::Count,
            "rate" => Statistic::Rate,
            "errors" => Statistic::Errors,
            "p50" => Statistic::P50,
            "p90" => Statistic::P90,
            "p99" => Statistic::P99,
            "p99.9" => Statistic::P999,
            "max" => Statistic::Max,
            _ => return None,
        };
        Some(Self::Of(operation, figure))
    }
}

/// An operation that was done at least once, and so has times.
fn timed(measured: Option<&Measured>) -> Option<&Measured> {
    measured.filter(|measured| measured.count > 0)
}

impl Dimension {
    /// Factor from a unit to the base unit; `None` for a unit of another dimension.
    fn factor(self, unit: &str) -> Option<f64> {
        match (self, unit) {
            (Self::Count | Self::Rate, "") | (Self::Rate, "/s") => Some(1.0),
            (Self::Time, "us" | "µs") | (Self::Size, "B") => Some(1.0),
            (Self::Time, "ms") => Some(1e3),
            (Self::Time, "s") => Some(1e6),
            (Self::Size, "KiB") => Some(1024.0),
            (Self::Size, "MiB") => Some(1_048_576.0),
            _ => None,
        }
    }

    fn takes(self) -> &'static str {
        match self {
            Self::Time => "a time with its unit: us, ms or s",
            Self::Size => "a size with its unit: B, KiB or MiB",
            Self::Rate => "a number a second, with the unit /s or none",
            Self::Count => "a number without a unit",
        }
    }
}

/// Splits a condition into metric, comparison, number and unit.
fn split(text: &str) -> Option<(Metric, Comparison, f64, &str)> {
    let at = text.find(['<', '>'])?;
    let (what, rest) = text.split_at(at);
    let (than, value) = match rest.as_bytes() {
        [b'<', b'=', ..] => (Comparison::LessOrSame, rest.get(2..)?),
        [b'>', b'=', ..] => (Comparison::MoreOrSame, rest.get(2..)?),
        [b'<', ..] => (Comparison::Less, rest.get(1..)?),
        _ => (Comparison::More, rest.get(1..)?),
    };
    let value = value.trim();
    let end = value.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(value.len());
    let (number, unit) = value.split_at(end);
    Some((Metric::parse(what.trim())?, than, number.parse().ok()?, unit.trim()))
}

impl FromStr for Condition {
    type Err = InvalidCondition;

    fn from_str(text: &str) -> Result<Self, InvalidCondition> {
        let (what, than, number, unit) =
            split(text).ok_or_else(|| InvalidCondition::Form(text.to_owned()))?;
        let dimension = what.dimension();
        let factor = dimension
            .factor(unit)
            .ok_or_else(|| InvalidCondition::Unit(text.to_owned(), dimension.takes()))?;
        Ok(Self { what, than, value: number * factor, text: text.to_owned() })
    }
}

impl fmt::Display for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}
