//! Results as a terminal shows them.

use std::fmt::Write;

use super::{Results, size, time};

impl Results {
    /// A table of all operations, the ledger, and what should be known of the run.
    #[must_use]
    pub fn table(&self) -> String {
        let mut text = format!(
            "{:<9} {:>9} {:>9} {:>10} {:>10} {:>10} {:>10} {:>10}  errors\n",
            "", "count", "per s", "p50", "p90", "p99", "p99.9", "max"
        );
        for (operation, measured) in &self.operations {
            let errors: Vec<_> =
                measured.errors.iter().map(|(code, count)| format!("{count} {code}")).collect();
            let times = [measured.p50, measured.p90, measured.p99, measured.p999, measured.max];
            let _ = write!(text, "{operation:<9} {:>9} {:>9.1}", measured.count, measured.rate);
            for microseconds in times {
                let _ = write!(text, " {:>10}", time(microseconds));
            }
            let _ = writeln!(text, "  {}", errors.join(", "));
        }
        let _ = writeln!(text, "\n{}", self.verdict());
        if self.run.rate.is_some() {
            let _ = writeln!(text, "{} scheduled mails could not be sent", self.run.missed);
        }
        if let Some(memory) = self.server_memory() {
            let _ = writeln!(text, "the server took up to {} of memory", size(memory));
        }
        if self.run.restarts > 0 {
            let _ = writeln!(text, "the server was killed {} times", self.run.restarts);
        }
        if self.run.interrupted {
            text.push_str("the run was ended early\n");
        }
        for warning in &self.run.warnings {
            let _ = writeln!(text, "warning: {warning}");
        }
        text
    }

    /// What became of the mails, in a sentence.
    #[must_use]
    pub fn verdict(&self) -> String {
        let ledger = &self.run.ledger;
        if ledger.is_closed() {
            return format!(
                "ledger closed: {} copies acknowledged, {} received, none lost, doubled, \
                 misdelivered or changed",
                ledger.acknowledged, ledger.received
            );
        }
        format!(
            "LEDGER NOT CLOSED: of {} copies acknowledged {} lost, {} doubled, {} misdelivered, {} \
             changed ({})",
            ledger.acknowledged,
            ledger.lost,
            ledger.doubled,
            ledger.misdelivered,
            ledger.changed,
            ledger.examples.join("; ")
        )
    }
}
