//! A small model of a large service: it divides the load of the users by the measured figures of
//! one node and one database.
//!
//! It knows neither the network between machines nor uneven use, and takes users to be spread over
//! databases, which correio does not do: its last column says where one database is the end.

use std::fmt::Write as _;

use anyhow::{Context, Result, ensure};
use clap::Args;
use serde_json::Value;

/// Numbers of users in the table.
const USERS: [f64; 5] = [1e3, 1e5, 1e6, 1e8, 1e9];

const SECONDS_OF_DAY: f64 = 86_400.0;

/// Rows that are read of the first results.
const ROWS: [&str; 2] = ["login", "idle-tls"];

/// Rows that are read of the results of PostgreSQL.
const POSTGRES_ROWS: [&str; 3] = ["postgres", "postgres-record", "node-death"];

/// Days for which the server keeps an idempotency record.
const RECORD_DAYS: f64 = 7.0;

/// What users do: assumptions, which are not measured.
#[derive(Clone, Copy, Debug, Args)]
pub struct Habits {
    /// Mails that a user sends a day
    #[arg(long, default_value_t = 40.0, value_parser = positive)]
    pub mails: f64,
    /// Logins of a user a day
    #[arg(long, default_value_t = 3.0, value_parser = positive)]
    pub logins: f64,
    /// The rate at the peak, as a multiple of the mean
    #[arg(long, default_value_t = 4.0, value_parser = positive)]
    pub peak: f64,
    /// Share of the users who are connected at the peak, from 0 to 1
    #[arg(long, default_value_t = 0.1, value_parser = share)]
    pub connected: f64,
    /// Sessions of one node, as --max-connections allows them
    #[arg(long, default_value_t = 16_384.0, value_parser = positive)]
    pub sessions: f64,
}

/// Parses a number above 0.
fn positive(text: &str) -> Result<f64, String> {
    let number = text.parse().ok().filter(|number: &f64| *number > 0.0 && number.is_finite());
    number.ok_or_else(|| "it takes a number above 0".to_owned())
}

/// Parses a share.
fn share(text: &str) -> Result<f64, String> {
    let share = text.parse().ok().filter(|share| (0.0..=1.0).contains(share));
    share.ok_or_else(|| "it takes a number from 0 to 1".to_owned())
}

/// The measured figures that the model needs.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Figures {
    /// Mails a second of a node with its database on one machine.
    pub mails: f64,
    /// Logins with a password a second.
    pub logins: f64,
    /// Processors of the machine that was measured.
    pub processors: f64,
    /// Memory of a session over TLS, in bytes.
    pub session: f64,
    /// Bytes of an idempotency record in the database, with its indexes.
    pub record: f64,
    /// Logins with a ticket a second after the death of a node, on connections that are begun anew.
    pub returns: f64,
}

impl Figures {
    /// Reads the results of `scripts/benchmark`; those of PostgreSQL from the second text.
    ///
    /// # Errors
    ///
    /// A text is no such result, or lacks a row; the error names the command that measures it.
    pub fn read(results: &str, postgres: &str) -> Result<Self> {
        let parse = |text| serde_json::from_str(text).context("no results of scripts/benchmark");
        let (results, postgres): (Value, Value) = (parse(results)?, parse(postgres)?);
        let missing = missing(&results, &ROWS).chain(missing(&postgres, &POSTGRES_ROWS));
        let missing: Vec<_> = missing.collect();
        ensure!(
            missing.is_empty(),
            "no row {}: scripts/benchmark --only {} --json FILE measures what is missing",
            missing.join(", "),
            missing.join(" --only ")
        );
        let death = of_row(&postgres, "node-death")?;
        let sessions = row(&postgres, "node-death")
            .and_then(|row| row.pointer("/correio/rounds/0/sessions"))
            .and_then(Value::as_f64)
            .context("the row node-death says no number of sessions")?;
        let processors = results.pointer("/about/processors").and_then(Value::as_f64);
        Ok(Self {
            mails: of_row(&postgres, "postgres")?,
            logins: of_row(&results, "login")?,
            processors: processors.context("no number of processors")?,
            session: of_row(&results, "idle-tls")?,
            record: of_row(&postgres, "postgres-record")?,
            returns: sessions / death,
        })
    }
}

fn row<'a>(results: &'a Value, name: &str) -> Option<&'a Value> {
    let rows = results.get("rows")?.as_array()?;
    rows.iter().find(|row| row.get("row").and_then(Value::as_str) == Some(name))
}

/// The names of those rows that were not measured.
fn missing<'a>(
    results: &'a Value,
    names: &'a [&'static str],
) -> impl Iterator<Item = &'static str> {
    names.iter().copied().filter(|name| {
        row(results, name).is_none_or(|row| row.pointer("/correio/median").is_none())
    })
}

/// The figure of correio in a row.
fn of_row(results: &Value, name: &str) -> Result<f64> {
    let median = row(results, name).and_then(|row| row.pointer("/correio/median"));
    let figure = median.and_then(Value::as_f64).with_context(|| format!("no row {name}"))?;
    ensure!(figure > 0.0, "the row {name} has the figure {figure}");
    Ok(figure)
}

/// The table in Markdown, with the figures and the assumptions that it follows from.
#[must_use]
pub fn table(figures: &Figures, habits: &Habits) -> String {
    let mut text = format!(
        "Measured on a machine with {} processors: {:.0} mails/s of a node with its database, {:.1} \
         logins/s with passwords, {:.0} returns/s with tickets, {:.0} B of memory for a session, {:.0} \
         B for an idempotency record.\n\
         Assumed: {} mails and {} logins a day and user, a peak of {} times the mean, {:.0} % of the \
         users connected, {:.0} sessions a node, idempotency records of {RECORD_DAYS:.0} days.\n\n\
         | users | mails/s at peak | logins/s at peak | processors for bcrypt | sessions | memory of \
         sessions | idempotency records | nodes for sessions | a dead node's sessions are back after \
         | databases |\n\
         | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |\n",
        figures.processors,
        figures.mails,
        figures.logins,
        figures.returns,
        figures.session,
        figures.record,
        habits.mails,
        habits.logins,
        habits.peak,
        habits.connected * 100.0,
        habits.sessions,
    );
    for users in USERS {
        let need = Need::of(users, figures, habits);
        // Writing to a string cannot fail.
        let _ = writeln!(
            text,
            "| {} | {} | {} | {:.0} | {} | {} | {} | {:.0} | {:.0} s | {:.0} |",
            short(users),
            short(need.mails),
            short(need.logins),
            need.bcrypt.ceil(),
            short(need.sessions),
            bytes(need.memory),
            bytes(need.records),
            need.nodes,
            need.back,
            need.databases,
        );
    }
    text
}

/// What so many users need.
struct Need {
    mails: f64,
    logins: f64,
    bcrypt: f64,
    sessions: f64,
    memory: f64,
    records: f64,
    nodes: f64,
    back: f64,
    databases: f64,
}

impl Need {
    fn of(users: f64, figures: &Figures, habits: &Habits) -> Self {
        let at_peak = |a_day: f64| users * a_day * habits.peak / SECONDS_OF_DAY;
        let (mails, logins) = (at_peak(habits.mails), at_peak(habits.logins));
        let sessions = users * habits.connected;
        let nodes = (sessions / habits.sessions).ceil().max(1.0);
        Self {
            mails,
            logins,
            bcrypt: logins / (figures.logins / figures.processors),
            sessions,
            memory: sessions * figures.session,
            records: users * habits.mails * RECORD_DAYS * figures.record,
            nodes,
            back: sessions / nodes / figures.returns,
            databases: (mails / figures.mails).ceil(),
        }
    }
}

/// A number with two digits and a unit of thousands.
fn short(number: f64) -> String {
    let units = [(1e9, " G"), (1e6, " M"), (1e3, " k")];
    match units.iter().find(|(unit, _)| number >= *unit) {
        Some((unit, name)) => format!("{}{name}", digits(number / unit)),
        None => digits(number),
    }
}

fn bytes(number: f64) -> String {
    let units = [(1e12, "TB"), (1e9, "GB"), (1e6, "MB"), (1e3, "kB")];
    match units.iter().find(|(unit, _)| number >= *unit) {
        Some((unit, name)) => format!("{} {name}", digits(number / unit)),
        None => format!("{} B", digits(number)),
    }
}

fn digits(number: f64) -> String {
    if number < 10.0 && number.fract() > 0.05 {
        format!("{number:.1}")
    } else {
        format!("{number:.0}")
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const HABITS: Habits =
        Habits { mails: 40.0, logins: 3.0, peak: 4.0, connected: 0.1, sessions: 10_000.0 };

    fn results() -> Value {
        let row = |name, median: f64| json!({"row": name, "correio": {"median": median}});
        json!({"about": {"processors": 2}, "rows": [
            row("postgres", 10_000.0), row("login", 40.0), row("idle-tls", 8000.0),
            row("postgres-record", 200.0),
            {"row": "node-death", "correio": {"median": 5.0, "rounds": [{"sessions": 5000}]}},
        ]})
    }

    #[test]
    fn needs_follow_from_the_figures() {
        let text = results().to_string();
        let figures = Figures::read(&text, &text).unwrap();
        let need = Need::of(1e6, &figures, &HABITS);
        let near =
            |found: f64, expected: f64| assert!((found / expected - 1.0).abs() < 1e-3, "{found}");
        near(need.mails, 1e6 * 40.0 * 4.0 / 86_400.0);
        near(need.bcrypt, need.logins / 20.0);
        near(need.memory, 1e5 * 8000.0);
        near(need.records, 1e6 * 40.0 * 7.0 * 200.0);
        near(need.nodes, 10.0);
        near(need.back, 10.0);
        near(need.databases, 1.0);
        let table = table(&figures, &HABITS);
        assert!(
            table
                .contains("\n| 1 M | 1.9 k | 139 | 7 | 100 k | 800 MB | 56 GB | 10 | 10 s | 1 |\n"),
            "{table}"
        );
    }

    #[test]
    fn missing_rows_are_named_together_with_the_command_that_measures_them() {
        let mut results = results();
        results["rows"].as_array_mut().unwrap().remove(1);
        let text = results.to_string();
        let error = format!("{:#}", Figures::read(&text, &text).unwrap_err());
        assert!(error.contains("scripts/benchmark --only login --json"), "{error}");
        let error = format!("{:#}", Figures::read(&text, r#"{"rows": []}"#).unwrap_err());
        let all = "--only login --only postgres --only postgres-record --only node-death --json";
        assert!(error.contains(all), "{error}");
        assert!(Figures::read("{", "{").is_err());
    }
}
