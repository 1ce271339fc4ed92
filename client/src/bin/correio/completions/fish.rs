//! Completion in fish: candidates as `complete --arguments` takes them. Its script is the
//! library's.
//!
//! fish quotes a candidate itself when it puts it into the command line.

/// A line of the answer to the script.
pub(super) fn line(value: &str, help: Option<&str>) -> String {
    match help {
        Some(help) => format!("{value}\t{help}"),
        None => value.to_owned(),
    }
}
