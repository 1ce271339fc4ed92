//! The help of `correiod` and of its commands, in windows of several widths.

use std::process::Command;

use correio_testing::help::faults;

#[test]
fn no_help_has_a_line_that_is_too_wide_or_ends_too_early() {
    let program = || {
        let mut command = Command::new(env!("CARGO_BIN_EXE_correiod"));
        command.env_remove("CORREIO_CONFIG");
        command
    };
    for window in [80, 100, 200] {
        let (count, faults) = faults(&program, window, 100);
        assert!(count > 30, "only {count} commands");
        assert!(faults.is_empty(), "at {window} columns: {faults:#?}");
    }
}
