//! Writes metrics as text: OpenMetrics 1.0, or Prometheus's text format 0.0.4.

use std::fmt::{Display, Write};

use super::{
    families::{Family, Kind},
    histogram::Histogram,
};

/// A text format of metrics.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Format {
    /// OpenMetrics 1.0.
    OpenMetrics,
    /// Prometheus's format, which promtool and older collectors read.
    Prometheus,
}

impl Format {
    /// The format's media type.
    pub(crate) fn media_type(self) -> &'static str {
        match self {
            Self::OpenMetrics => "application/openmetrics-text; version=1.0.0; charset=utf-8",
            Self::Prometheus => "text/plain; version=0.0.4; charset=utf-8",
        }
    }
}

/// See the module's description. Writing to a `String` never fails.
#[derive(Debug)]
pub(super) struct Page {
    format: Format,
    text: String,
}

impl Page {
    /// An empty page, with room for this many bytes.
    pub(super) fn new(format: Format, room: usize) -> Self {
        Self { format, text: String::with_capacity(room) }
    }

    /// Begins a metric. Its samples follow.
    pub(super) fn family(&mut self, family: &Family) {
        let (name, kind) = match (self.format, family.kind) {
            (Format::OpenMetrics, Kind::Counter) => (family.name.to_owned(), "counter"),
            (Format::OpenMetrics, Kind::Info) => (family.name.to_owned(), "info"),
            (Format::Prometheus, Kind::Counter) => (sample_name(family), "counter"),
            // The older format has no such type.
            (Format::Prometheus, Kind::Info) => (sample_name(family), "gauge"),
            (_, Kind::Gauge) => (family.name.to_owned(), "gauge"),
            (_, Kind::Histogram) => (family.name.to_owned(), "histogram"),
        };
        let _ = writeln!(self.text, "# HELP {name} {}", family.help);
        let _ = writeln!(self.text, "# TYPE {name} {kind}");
    }

    /// Writes a metric with one sample and no label.
    pub(super) fn single(&mut self, family: &Family, value: impl Display) {
        self.family(family);
        self.sample(family, &[], value);
    }

    /// Adds a sample of the metric that was begun. The labels' values are words of this server,
    /// which need no escapes.
    pub(super) fn sample(&mut self, family: &Family, labels: &[(&str, &str)], value: impl Display) {
        let suffix = family.kind.suffix();
        self.line(family.name, suffix, labels, None, value);
    }

    /// Adds the samples of a histogram of the metric that was begun.
    pub(super) fn histogram(
        &mut self,
        family: &Family,
        labels: &[(&str, &str)],
        histogram: &Histogram,
    ) {
        for (bound, count) in histogram.buckets() {
            let bound = match bound {
                // Both formats require a decimal point.
                Some(bound) => format!("{bound:?}"),
                None => "+Inf".to_owned(),
            };
            self.line(family.name, "_bucket", labels, Some(&bound), count);
        }
        self.line(family.name, "_count", labels, None, histogram.count());
        self.line(family.name, "_sum", labels, None, histogram.sum());
    }

    fn line(
        &mut self,
        name: &str,
        suffix: &str,
        labels: &[(&str, &str)],
        bound: Option<&str>,
        value: impl Display,
    ) {
        let _ = write!(self.text, "{name}{suffix}");
        let mut before = '{';
        for (label, value) in labels.iter().copied().chain(bound.map(|bound| ("le", bound))) {
            let _ = write!(self.text, "{before}{label}=\"{value}\"");
            before = ',';
        }
        let end = if before == ',' { "}" } else { "" };
        let _ = writeln!(self.text, "{end} {value}");
    }

    /// Ends the page.
    pub(super) fn finish(mut self) -> String {
        if self.format == Format::OpenMetrics {
            self.text.push_str("# EOF\n");
        }
        self.text
    }
}

fn sample_name(family: &Family) -> String {
    format!("{}{}", family.name, family.kind.suffix())
}
