//! Medians of the samples, their ratios, and the table.
//!
//! A line holds one sample, in four fields between tabs: the row, the side (`correio` or
//! `reference`), the name of the figure that counts, and all figures as JSON. Instead of a name
//! there may be `missing` (there is no reference; the JSON says why) or `quoted` (measured
//! elsewhere).

use std::fmt::Write as _;

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};

use super::rows::{ROWS, Row, Target, find};

/// The samples of one side of a row.
#[derive(Debug, Default)]
struct Side {
    figures: Vec<f64>,
    details: Vec<Value>,
    missing: Option<String>,
    quoted: bool,
}

impl Side {
    fn median(&self) -> Option<f64> {
        let mut figures = self.figures.clone();
        figures.sort_by(f64::total_cmp);
        let upper = figures.get(figures.len() / 2)?;
        let lower = figures.get(figures.len().saturating_sub(1) / 2)?;
        Some((lower + upper) / 2.0)
    }

    fn to_json(&self) -> Value {
        json!({
            "median": self.median(),
            "figures": self.figures,
            "missing": self.missing,
            "quoted": self.quoted,
            "rounds": self.details,
        })
    }
}

/// A row with its samples.
#[derive(Debug)]
pub struct Measured {
    row: &'static Row,
    correio: Side,
    reference: Side,
}

/// Whether the target was met.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TargetResult {
    /// The target was met.
    Met,
    /// The target was missed.
    Missed,
    /// The row was not measured, or has no reference.
    Unknown,
    /// There is no target.
    NoTarget,
}

impl TargetResult {
    fn as_str(self) -> &'static str {
        match self {
            Self::Met => "met",
            Self::Missed => "missed",
            Self::Unknown => "not measured",
            Self::NoTarget => "-",
        }
    }
}

/// Reads the samples. With `all`, rows without samples are kept.
///
/// # Errors
///
/// A line that is not a sample.
pub fn read(samples: &str, all: bool) -> Result<Vec<Measured>> {
    let mut rows: Vec<Measured> = Vec::new();
    for row in ROWS {
        rows.push(Measured { row, correio: Side::default(), reference: Side::default() });
    }
    for line in samples.lines().filter(|line| !line.trim().is_empty()) {
        add(&mut rows, line).with_context(|| format!("the sample {line:?}"))?;
    }
    let was_tried = |side: &Side| !side.figures.is_empty() || side.missing.is_some();
    rows.retain(|row| all || was_tried(&row.correio) || was_tried(&row.reference));
    Ok(rows)
}

fn add(rows: &mut [Measured], line: &str) -> Result<()> {
    let mut parts = line.splitn(4, '\t');
    let mut part = || parts.next().context("four parts are needed");
    let (name, side, field, json) = (part()?, part()?, part()?, part()?);
    let row = find(name).context("no such row")?;
    let row = rows.iter_mut().find(|measured| measured.row.name == row.name);
    let row = row.context("no such row")?;
    let side = match side {
        "correio" => &mut row.correio,
        "reference" => &mut row.reference,
        other => bail!("{other} is no side"),
    };
    let details: Value = serde_json::from_str(json)?;
    if field == "missing" {
        side.missing = Some(details.as_str().unwrap_or_default().to_owned());
        return Ok(());
    }
    side.quoted |= field == "quoted";
    let figure = details.get(if field == "quoted" { "value" } else { field });
    side.figures.push(figure.and_then(Value::as_f64).with_context(|| format!("no {field}"))?);
    side.details.push(details);
    Ok(())
}

impl Measured {
    /// `None` also for a reference of 0, since every ratio to it would meet the target.
    fn ratio(&self) -> Option<f64> {
        let reference = self.reference.median().filter(|reference| *reference > 0.0)?;
        Some(self.correio.median()? / reference)
    }

    /// Whether the row's target was met.
    #[must_use]
    pub fn target_result(&self) -> TargetResult {
        let judge = |value: Option<f64>, test: &dyn Fn(f64) -> bool| match value {
            None => TargetResult::Unknown,
            Some(value) if test(value) => TargetResult::Met,
            Some(_) => TargetResult::Missed,
        };
        match self.row.target {
            Target::RatioAtLeast(least) => judge(self.ratio(), &|ratio| ratio >= least),
            Target::RatioAtMost(most) => judge(self.ratio(), &|ratio| ratio <= most),
            Target::AtMost(most) => judge(self.correio.median(), &|figure| figure <= most),
            Target::None => TargetResult::NoTarget,
        }
    }

    /// The row as JSON.
    #[must_use]
    pub fn to_json(&self) -> Value {
        json!({
            "row": self.row.name,
            "what": self.row.what,
            "compared_with": self.row.reference,
            "unit": self.row.unit,
            "correio": self.correio.to_json(),
            "reference": self.reference.to_json(),
            "ratio": self.ratio(),
            "target": target(self.row.target),
            "verdict": self.target_result().as_str(),
        })
    }
}

fn target(target: Target) -> String {
    match target {
        Target::RatioAtLeast(least) => format!(">= {least} x"),
        Target::RatioAtMost(most) => format!("<= {most} x"),
        Target::AtMost(most) => format!("<= {}", number(most)),
        Target::None => "-".to_owned(),
    }
}

/// The table in Markdown, followed by the reasons for missing figures.
#[must_use]
pub fn markdown(rows: &[Measured]) -> String {
    let mut text = "| row | correio | reference | ratio | target | |\n\
                    | --- | ---: | ---: | ---: | ---: | --- |\n"
        .to_owned();
    let mut notes = String::new();
    for measured in rows {
        let Row { name, what, reference, unit, target: aim, .. } = *measured.row;
        let figure = |side: &Side| {
            side.median().map_or("-".to_owned(), |value| format!("{} {unit}", number(value)))
        };
        let mark = if measured.reference.quoted { " (quoted)" } else { "" };
        let ratio = measured.ratio().map_or("-".to_owned(), |ratio| format!("{ratio:.2}"));
        // Writing to a string cannot fail.
        let _ = writeln!(
            text,
            "| **{name}**: {what} | {} | {reference}: {}{mark} | {ratio} | {} | {} |",
            figure(&measured.correio),
            figure(&measured.reference),
            target(aim),
            measured.target_result().as_str(),
        );
        for side in [&measured.correio, &measured.reference] {
            if let Some(why) = &side.missing {
                let _ = writeln!(notes, "{name}: {why}");
            }
        }
    }
    if !notes.is_empty() {
        text.push('\n');
        text.push_str(&notes);
    }
    text
}

fn number(value: f64) -> String {
    match value {
        value if value.abs() >= 100.0 || value.fract() == 0.0 => {
            let digits = format!("{value:.0}");
            let mut grouped = String::new();
            for (index, digit) in digits.chars().enumerate() {
                if index > 0 && (digits.len() - index).is_multiple_of(3) {
                    grouped.push(',');
                }
                grouped.push(digit);
            }
            grouped
        }
        value => format!("{value:.3}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn target_result(samples: &str, name: &str) -> TargetResult {
        let rows = read(samples, true).unwrap();
        rows.iter().find(|measured| measured.row.name == name).unwrap().target_result()
    }

    #[test]
    fn medians_decide() {
        let sample = |side, value| format!("send-echo\t{side}\tvalue\t{{\"value\":{value}}}\n");
        let fast = [sample("correio", 10), sample("correio", 95), sample("correio", 96)].concat();
        let reference = sample("reference", 100);
        assert_eq!(target_result(&(fast.clone() + &reference), "send-echo"), TargetResult::Met);
        let slow = fast + &sample("correio", 20) + &reference;
        assert_eq!(target_result(&slow, "send-echo"), TargetResult::Missed);
    }

    #[test]
    fn what_is_missing_is_said() {
        let samples = "receive\treference\tmissing\t\"Dovecot is not installed\"\n";
        let rows = read(samples, true).unwrap();
        assert_eq!(rows.len(), ROWS.len());
        assert_eq!(target_result(samples, "receive"), TargetResult::Unknown);
        assert!(markdown(&rows).contains("receive: Dovecot is not installed"));
        assert_eq!(read(samples, false).unwrap().len(), 1);
    }

    #[test]
    fn a_reference_of_nothing_is_no_comparison() {
        let sample = |side, value| format!("send-echo\t{side}\tvalue\t{{\"value\":{value}}}\n");
        let samples = [sample("correio", 10), sample("reference", 0)].concat();
        assert_eq!(target_result(&samples, "send-echo"), TargetResult::Unknown);
    }

    #[test]
    fn limits_need_no_reference() {
        let sample = |value| format!("idle-plain\tcorreio\tvalue\t{{\"value\":{value}}}\n");
        assert_eq!(target_result(&sample(1024), "idle-plain"), TargetResult::Met);
        assert_eq!(target_result(&sample(1025), "idle-plain"), TargetResult::Missed);
    }

    #[test]
    fn other_lines_are_refused() {
        for line in ["x", "nobody\tcorreio\tvalue\t{}", "login\tcorreio\tvalue\t{}"] {
            assert!(read(line, true).is_err(), "{line}");
        }
    }

    #[test]
    fn numbers_are_grouped() {
        assert_eq!([number(1_234_567.2), number(99.5), number(0.0)], ["1,234,567", "99.500", "0"]);
    }
}
