//! Results as a table on the terminal.

use std::fmt::Write;

use super::{Results, pauses::pauses_line, size, time};

/// The cells of an operation's row.
pub(super) const COLUMNS: [&str; 9] =
    ["", "count", "per s", "p50", "p90", "p99", "p99.9", "max", "errors"];

impl Results {
    /// A table of all operations, the ledger, the backups, and warnings.
    #[must_use]
    pub fn table(&self) -> String {
        let mut text = String::new();
        for cells in [COLUMNS.map(str::to_owned)].into_iter().chain(self.rows()) {
            for (column, cell) in cells.iter().enumerate() {
                let _ = match column {
                    0 => write!(text, "{cell:<9}"),
                    1 | 2 => write!(text, " {cell:>9}"),
                    8 => writeln!(text, "  {cell}"),
                    _ => write!(text, " {cell:>10}"),
                };
            }
        }
        let _ = writeln!(text, "\n{}", self.ledger_line());
        if let Some(line) = self.backups_line() {
            let _ = writeln!(text, "{line}");
        }
        if self.run.rate.is_some() {
            let _ = writeln!(text, "{} scheduled mails could not be sent", self.run.missed);
        }
        if let Some(memory) = self.server_memory() {
            let _ = write!(text, "the server took up to {} of memory", size(memory));
            if let Some(each) = self.memory_per_connection() {
                let _ = write!(text, ", {each} bytes for each connection");
            }
            text.push('\n');
        }
        if self.run.restarts > 0 {
            let _ = writeln!(text, "the server was killed {} times", self.run.restarts);
        }
        if !self.run.pauses.is_empty() {
            let _ = writeln!(text, "{}", pauses_line(&self.run.pauses));
        }
        if self.run.interrupted {
            text.push_str("the run was ended early\n");
        }
        if let Some(users) = self.run.checks.users {
            let _ = write!(text, "{} of {} users came in", users.came_in, users.expected);
            if users.mistyped > 0 {
                let _ = write!(text, ", {} after a wrong password", users.mistyped);
            }
            text.push('\n');
        }
        for warning in &self.run.warnings {
            let _ = writeln!(text, "warning: {warning}");
        }
        text
    }

    /// A row for each operation, with a cell for each column.
    pub(super) fn rows(&self) -> impl Iterator<Item = [String; COLUMNS.len()]> {
        self.operations.iter().map(|(operation, measured)| {
            let errors: Vec<_> =
                measured.errors.iter().map(|(code, count)| format!("{count} {code}")).collect();
            [
                operation.to_string(),
                measured.count.to_string(),
                format!("{:.1}", measured.rate),
                time(measured.p50),
                time(measured.p90),
                time(measured.p99),
                time(measured.p999),
                time(measured.max),
                errors.join(", "),
            ]
        })
    }

    /// The ledger's totals in a sentence.
    #[must_use]
    pub fn ledger_line(&self) -> String {
        let ledger = &self.run.ledger;
        if ledger.is_closed() {
            return format!(
                "ledger closed: {} copies acknowledged, {} received, none lost, doubled, \
                 misdelivered or changed",
                ledger.acknowledged, ledger.received
            );
        }
        let examples = match ledger.examples.as_slice() {
            [] => String::new(),
            examples => format!(" ({})", examples.join("; ")),
        };
        format!(
            "LEDGER NOT CLOSED: of {} copies acknowledged {} lost, {} doubled, {} misdelivered, {} \
             changed, {} mailboxes not emptied{}",
            ledger.acknowledged,
            ledger.lost,
            ledger.doubled,
            ledger.misdelivered,
            ledger.changed,
            ledger.unemptied,
            examples
        )
    }
}
