//! The form of lines: time and level for people and files, a priority for systemd's journal, which
//! adds the time itself (sd-daemon(3)), and JSON for programs.

use std::{
    env, fmt,
    io::{self, IsTerminal},
    os::unix::fs::MetadataExt,
};

use fern::colors::{Color, ColoredLevelConfig};
use log::{Level, Record};

use crate::event::{
    is_obeyed,
    json::{self, LibraryMessage},
};

/// The value of the setting `log-format`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFormat {
    /// Name and fields, for people.
    Text,
    /// JSON objects, as `server/log-schema.json` describes them.
    Json,
}

/// The form of the lines of one sink.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Style {
    /// Time, level and text.
    Plain,
    /// As `Plain`, with the level in colours.
    Colored,
    /// A priority, which the journal removes, and the text.
    Journal,
    /// A JSON object, with time and level in it.
    Json,
    /// As `Json`, after a priority, which the journal removes.
    JsonJournal,
}

impl Style {
    /// The form for standard error.
    #[must_use]
    pub fn of_stderr() -> Self {
        if is_journal(env::var("JOURNAL_STREAM").ok().as_deref()) {
            return Self::Journal;
        }
        let colors = io::stderr().is_terminal() && env::var_os("NO_COLOR").is_none();
        if colors { Self::Colored } else { Self::Plain }
    }

    /// The form for the log on standard error.
    #[must_use]
    pub fn of_log(format: LogFormat) -> Self {
        match (format, Self::of_stderr()) {
            (LogFormat::Text, style) => style,
            (LogFormat::Json, Self::Journal | Self::JsonJournal) => Self::JsonJournal,
            (LogFormat::Json, Self::Plain | Self::Colored | Self::Json) => Self::Json,
        }
    }

    /// The form for a log file.
    #[must_use]
    pub(super) fn of_file(format: LogFormat) -> Self {
        match format {
            LogFormat::Text => Self::Plain,
            LogFormat::Json => Self::Json,
        }
    }

    /// A line without its end.
    pub(super) fn line(self, record: &Record<'_>) -> String {
        let (time, level) = (jiff::Timestamp::now(), record.level());
        let text = Escaped(record.args());
        match self {
            Self::Plain => format!("{time:.3} {level:<5} {text}"),
            Self::Colored => {
                let colors = ColoredLevelConfig::new().info(Color::Green).debug(Color::Blue);
                format!("{time:.3} {:<5} {text}", colors.color(level))
            }
            Self::Journal => format!("{}{text}", priority(level)),
            Self::Json => json_line(format_args!("{time:.3}"), record),
            Self::JsonJournal => {
                format!("{}{}", priority(level), json_line(format_args!("{time:.3}"), record))
            }
        }
    }

    /// The error that ends the program, as a line for standard error.
    #[must_use]
    pub fn failure(self, text: impl fmt::Display) -> String {
        match self {
            Self::Plain | Self::Colored | Self::Json => format!("correiod: {text}"),
            Self::Journal | Self::JsonJournal => format!("{}{text}", priority(Level::Error)),
        }
    }
}

fn json_line(time: impl fmt::Display, record: &Record<'_>) -> String {
    json::line(time, record.level(), Members(record))
}

/// The members of a record's line in JSON: those of an event, or of a library's message.
pub(super) struct Members<'a>(pub(super) &'a Record<'a>);

impl fmt::Display for Members<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let record = self.0;
        match record.key_values().get(json::MEMBERS.into()) {
            Some(members) => members.fmt(f),
            None => {
                let text = record.args().to_string();
                LibraryMessage { target: record.target(), text }.fmt(f)
            }
        }
    }
}

/// A message with its control characters escaped, so that it stays on one line.
struct Escaped<'a>(&'a fmt::Arguments<'a>);

impl fmt::Display for Escaped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        struct Escaping<'a, 'b>(&'a mut fmt::Formatter<'b>);
        impl fmt::Write for Escaping<'_, '_> {
            fn write_str(&mut self, text: &str) -> fmt::Result {
                text.chars().try_for_each(|c| match is_obeyed(c) {
                    true => write!(self.0, "{}", c.escape_unicode()),
                    false => self.0.write_char(c),
                })
            }
        }
        use fmt::Write as _;
        write!(Escaping(f), "{}", self.0)
    }
}

/// The prefix of a level, with the priorities of syslog(3).
fn priority(level: Level) -> &'static str {
    match level {
        Level::Error => "<3>",
        Level::Warn => "<4>",
        Level::Info => "<6>",
        Level::Debug | Level::Trace => "<7>",
    }
}

/// Whether standard error is the journal's stream, by device and inode. The variable alone does not
/// tell: a program whose standard error was redirected inherits it, too.
fn is_journal(stream: Option<&str>) -> bool {
    let Some((device, inode)) = stream.and_then(|stream| stream.split_once(':')) else {
        return false;
    };
    let Ok(metadata) = std::fs::metadata("/proc/self/fd/2") else {
        return false;
    };
    device.parse() == Ok(metadata.dev()) && inode.parse() == Ok(metadata.ino())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(style: Style, level: Level) -> String {
        style.line(&Record::builder().level(level).args(format_args!("login.failed")).build())
    }

    #[test]
    fn a_line_for_the_journal_has_a_priority_and_no_time() {
        let said = [Level::Error, Level::Warn, Level::Info, Level::Debug]
            .map(|level| line(Style::Journal, level));
        assert_eq!(
            said,
            ["<3>login.failed", "<4>login.failed", "<6>login.failed", "<7>login.failed"]
        );
        assert_eq!(Style::Journal.failure("no"), "<3>no");
        assert_eq!(Style::Plain.failure("no"), "correiod: no");
        assert!(line(Style::Plain, Level::Warn).ends_with("Z WARN  login.failed"));
        assert!(line(Style::JsonJournal, Level::Warn).starts_with("<4>{\"time\":\"2"));
    }

    #[test]
    fn a_stream_that_is_none_or_elsewhere_is_no_journal() {
        for stream in [None, Some(""), Some("8"), Some("x:y"), Some("0:0")] {
            assert!(!is_journal(stream), "{stream:?}");
        }
    }
}
