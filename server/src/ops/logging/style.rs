//! The form of lines: time and level for people and files, a priority for systemd's journal, which
//! adds the time itself (sd-daemon(3)).

use std::{
    env, fmt,
    io::{self, IsTerminal},
    os::unix::fs::MetadataExt,
};

use fern::colors::{Color, ColoredLevelConfig};
use log::Level;

/// The form of the lines of one sink.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Style {
    /// Time, level and text.
    Plain,
    /// As `Plain`, with the level in colours.
    Colored,
    /// A priority, which the journal removes, and the text.
    Journal,
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

    /// A line without its end.
    pub(super) fn line(self, level: Level, text: impl fmt::Display) -> String {
        let time = jiff::Timestamp::now();
        match self {
            Self::Plain => format!("{time:.3} {level:<5} {text}"),
            Self::Colored => {
                let colors = ColoredLevelConfig::new().info(Color::Green).debug(Color::Blue);
                format!("{time:.3} {:<5} {text}", colors.color(level))
            }
            Self::Journal => format!("{}{text}", priority(level)),
        }
    }

    /// The error that ends the program, as a line for standard error.
    #[must_use]
    pub fn failure(self, text: impl fmt::Display) -> String {
        match self {
            Self::Plain | Self::Colored => format!("correiod: {text}"),
            Self::Journal => format!("{}{text}", priority(Level::Error)),
        }
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

    #[test]
    fn a_line_for_the_journal_has_a_priority_and_no_time() {
        let said = [Level::Error, Level::Warn, Level::Info, Level::Debug]
            .map(|level| Style::Journal.line(level, "login.failed"));
        assert_eq!(
            said,
            ["<3>login.failed", "<4>login.failed", "<6>login.failed", "<7>login.failed"]
        );
        assert_eq!(Style::Journal.failure("no"), "<3>no");
        assert_eq!(Style::Plain.failure("no"), "correiod: no");
        assert!(Style::Plain.line(Level::Warn, "login.failed").ends_with("Z WARN  login.failed"));
    }

    #[test]
    fn a_stream_that_is_none_or_elsewhere_is_no_journal() {
        for stream in [None, Some(""), Some("8"), Some("x:y"), Some("0:0")] {
            assert!(!is_journal(stream), "{stream:?}");
        }
    }
}
