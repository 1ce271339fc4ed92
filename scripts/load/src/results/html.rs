//! Results as an HTML page that needs no network and runs no script. The plots are in `plots`.

use std::fmt::Write;

use super::{Condition, GENERATOR_BUSY, Results, table::COLUMNS};

/// Colours by class, for light and dark screens.
const STYLE: &str = include_str!("page.css");

/// Forbids all fetches, whatever a name in the results contains.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'";

impl Results {
    /// The page, with the ending that follows from these conditions.
    #[must_use]
    pub fn html(&self, conditions: &[Condition]) -> String {
        let title = escaped(&format!("Load test: {}", self.run.scenario));
        let mut page = format!(
            "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"/>\n\
             <meta http-equiv=\"Content-Security-Policy\" content=\"{POLICY}\"/>\n\
             <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"/>\n\
             <title>{title}</title>\n<style>\n{STYLE}</style></head>\n<body>\n<h1>{title}</h1>\n"
        );
        self.facts(&mut page, conditions);
        self.rows_as_html(&mut page);
        page.push_str("<main>\n");
        for plot in self.plots() {
            page.push_str(&plot.figure());
        }
        page.push_str("</main>\n</body></html>\n");
        page
    }

    /// The run's parameters and overall results.
    fn facts(&self, page: &mut String, conditions: &[Condition]) {
        let run = &self.run;
        let load = match run.rate {
            Some(rate) => format!("{rate} mails a second by schedule, {} not sent", run.missed),
            None => "closed: each client waits for its answers".to_owned(),
        };
        let seed = run.seed.map_or_else(|| "unknown".to_owned(), |seed| seed.to_string());
        let (generator, is_limit) = self.generator();
        let ledger = &run.ledger;
        let mut facts = vec![
            ("Began", run.began.replacen('T', " ", 1), false),
            ("Machine", run.machine.clone(), false),
            ("Server", run.server.clone(), false),
            ("Duration", format!("{:.1} s", run.seconds), false),
            ("Clients", run.clients.to_string(), false),
            ("Load", load, run.missed > 0),
            ("Seed", seed, false),
            ("Generator", generator, is_limit),
            ("Ledger", self.ledger_line(), !ledger.is_closed()),
        ];
        if let Some(line) = self.backups_line() {
            facts.push(("Backups", line, self.bad_backups() != (0, 0)));
        }
        let flaws = self.flaws(conditions);
        if flaws.is_empty() {
            facts.push(("Result", "passed".to_owned(), false));
        }
        facts.extend(flaws.iter().map(|flaw| ("Failed", flaw.to_string(), true)));
        if run.restarts > 0 {
            facts.push(("Kills", self.kills(), false));
        }
        facts.extend(run.warnings.iter().map(|warning| ("Warning", warning.clone(), true)));
        page.push_str("<dl>\n");
        for (name, value, is_bad) in facts {
            let class = if is_bad { " class=\"bad\"" } else { "" };
            let _ = writeln!(page, "<dt>{name}</dt><dd{class}>{}</dd>", escaped(&value));
        }
        page.push_str("</dl>\n");
    }

    /// The generator's processor use while clients acted, and whether it was too high.
    fn generator(&self) -> (String, bool) {
        let acting = self.points().filter(|point| point.second.at <= self.run.seconds + 0.5);
        let shares = acting.filter_map(|point| point.share(|gauges| Some(gauges.generator_cpu)));
        let Some(most) = shares.reduce(f64::max) else {
            return ("nothing is known of how busy it was".to_owned(), false);
        };
        let is_limit = most > GENERATOR_BUSY;
        let judged = if is_limit { "it may have been the limit" } else { "it was not the limit" };
        (format!("at most {:.0} % of a processor: {judged}", most * 100.0), is_limit)
    }

    fn kills(&self) -> String {
        if self.run.kills.is_empty() {
            return format!("{}, at unknown moments", self.run.restarts);
        }
        let at: Vec<_> = self.run.kills.iter().map(|at| format!("{at:.1} s")).collect();
        format!("{}, after {}", self.run.restarts, at.join(", "))
    }

    fn rows_as_html(&self, page: &mut String) {
        let row = |page: &mut String, cell: &str, cells: &[String]| {
            page.push_str("<tr>");
            for text in cells {
                let _ = write!(page, "<{cell}>{}</{cell}>", escaped(text));
            }
            page.push_str("</tr>\n");
        };
        page.push_str("<div class=\"wide\"><table>\n");
        row(page, "th", &COLUMNS.map(str::to_owned));
        for cells in self.rows() {
            row(page, "td", &cells);
        }
        page.push_str("</table></div>\n");
    }
}

fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            // Control characters are not allowed in a page, even as references.
            control if control.is_control() => escaped.push('\u{fffd}'),
            other => escaped.push(other),
        }
    }
    escaped
}
