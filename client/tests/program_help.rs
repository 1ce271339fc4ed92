//! The help of the program and of its commands, in windows of several widths.

use correio_testing::help::faults;
use tempfile::TempDir;

use crate::support::program;

#[test]
fn no_help_has_a_line_that_is_too_wide_or_ends_too_early() {
    let data = TempDir::new().unwrap();
    for lang in ["en", "pt"] {
        let program = || {
            let mut command = program(data.path());
            command.env("CORREIO_LANG", lang);
            command
        };
        for window in [80, 100, 200] {
            let (count, faults) = faults(&program, window, 100);
            assert!(count > 30, "only {count} commands");
            assert!(faults.is_empty(), "{lang} at {window} columns: {faults:#?}");
        }
    }
}
