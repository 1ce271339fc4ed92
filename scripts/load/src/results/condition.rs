//! Conditions under which a run counts as failed.

use std::{fmt, str::FromStr};

use super::{Operation, Results};

/// Something like `send.p99 > 50ms`.
#[derive(Clone, Debug, PartialEq)]
pub struct Condition {
    what: What,
    than: Than,
    /// Microseconds, bytes, or a plain number.
    value: f64,
    text: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum What {
    Of(Operation, Figure),
    Lost,
    Doubled,
    Missed,
    ServerMemory,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Figure {
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
enum Than {
    Less,
    LessOrSame,
    More,
    MoreOrSame,
}

/// Why a text is no [`Condition`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{0:?} is no condition: write OPERATION.FIGURE, <, <=, > or >=, and a value, such as \
     'send.p99 > 50ms'; operations are connect, register, login, send, receive, confirm, ping, \
     logout; figures count, rate, errors, p50, p90, p99, p99.9, max; further ledger.lost, \
     ledger.doubled, schedule.missed, server.memory; units us, ms, s, KiB, MiB"
)]
pub struct InvalidCondition(String);

impl Condition {
    /// Whether it holds. What was not measured is 0.
    #[must_use]
    pub fn holds(&self, results: &Results) -> bool {
        let found = self.what.of(results);
        match self.than {
            Than::Less => found < self.value,
            Than::LessOrSame => found <= self.value,
            Than::More => found > self.value,
            Than::MoreOrSame => found >= self.value,
        }
    }
}

impl What {
    fn of(self, results: &Results) -> f64 {
        let number = match self {
            Self::Lost => results.run.ledger.lost,
            Self::Doubled => results.run.ledger.doubled,
            Self::Missed => results.run.missed,
            Self::ServerMemory => results.server_memory().unwrap_or(0),
            Self::Of(operation, Figure::Errors) => results.errors(operation),
            Self::Of(operation, figure) => {
                let Some(measured) = results.operations.get(&operation) else {
                    return 0.0;
                };
                match figure {
                    Figure::Rate => return measured.rate,
                    Figure::Count | Figure::Errors => measured.count,
                    Figure::P50 => measured.p50,
                    Figure::P90 => measured.p90,
                    Figure::P99 => measured.p99,
                    Figure::P999 => measured.p999,
                    Figure::Max => measured.max,
                }
            }
        };
        number as f64
    }

    fn parse(text: &str) -> Option<Self> {
        let (subject, figure) = text.split_once('.')?;
        match (subject, figure) {
            ("ledger", "lost") => return Some(Self::Lost),
            ("ledger", "doubled") => return Some(Self::Doubled),
            ("schedule", "missed") => return Some(Self::Missed),
            ("server", "memory") => return Some(Self::ServerMemory),
            _ => {}
        }
        let operation = Operation::ALL.into_iter().find(|known| known.as_str() == subject)?;
        let figure = match figure {
            "count" => Figure::Count,
            "rate" => Figure::Rate,
            "errors" => Figure::Errors,
            "p50" => Figure::P50,
            "p90" => Figure::P90,
            "p99" => Figure::P99,
            "p99.9" => Figure::P999,
            "max" => Figure::Max,
            _ => return None,
        };
        Some(Self::Of(operation, figure))
    }
}

fn parse(text: &str) -> Option<(What, Than, f64)> {
    let at = text.find(['<', '>'])?;
    let (what, rest) = text.split_at(at);
    let (than, value) = match rest.as_bytes() {
        [b'<', b'=', ..] => (Than::LessOrSame, rest.get(2..)?),
        [b'>', b'=', ..] => (Than::MoreOrSame, rest.get(2..)?),
        [b'<', ..] => (Than::Less, rest.get(1..)?),
        _ => (Than::More, rest.get(1..)?),
    };
    let value = value.trim();
    let end = value.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(value.len());
    let (number, unit) = value.split_at(end);
    let factor = match unit.trim() {
        "" | "us" | "µs" | "/s" => 1.0,
        "ms" => 1e3,
        "s" => 1e6,
        "KiB" => 1024.0,
        "MiB" => 1_048_576.0,
        _ => return None,
    };
    Some((What::parse(what.trim())?, than, number.parse::<f64>().ok()? * factor))
}

impl FromStr for Condition {
    type Err = InvalidCondition;

    fn from_str(text: &str) -> Result<Self, InvalidCondition> {
        let (what, than, value) = parse(text).ok_or_else(|| InvalidCondition(text.to_owned()))?;
        Ok(Self { what, than, value, text: text.to_owned() })
    }
}

impl fmt::Display for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}
