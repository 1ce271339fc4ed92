//! The program on a computer whose clock is set to a time before 1970.

use std::process::Command;

use correio_testing::skip;
use serde_json::json;

use crate::support::{Done, PASSWORD, Setup, finish};

/// Runs the program in 1960.
fn in_1960(setup: &Setup, arguments: &[&str], input: &str) -> Done {
    let program = setup.program(&[]);
    let address = setup.address.to_string();
    let fixed = ["--lang", "en", "--json", "--server", &address, "--user", "tony"];
    let mut command = Command::new("faketime");
    command.arg("1960-01-01 00:00:00").arg(program.get_program()).args(program.get_args());
    command.args(fixed).args(arguments).env_clear();
    // Deadlines use the monotonic clock, which is not faked.
    command.env("FAKETIME_DONT_FAKE_MONOTONIC", "1").env("DONT_FAKE_MONOTONIC", "1");
    command.env("PATH", std::env::var_os("PATH").unwrap_or_default());
    command.env("CORREIO_PASSWORD", PASSWORD);
    finish(command, input)
}

#[test]
fn a_clock_before_1970_is_refused_in_words() {
    if !skip::works("faketime", &["1960-01-01 00:00:00", "true"]) {
        skip::skipped("this takes faketime");
        return;
    }
    let setup = Setup::of(&[("tony", "Tony Stark")]);
    let send: &[&str] = &["send", "--to", "tony", "--subject", "Oi", "--body", "x"];
    for arguments in [send, &["receive"], &["list"], &["ping"]] {
        let refused = in_1960(&setup, arguments, "");
        let code = &refused.json()["error"]["code"];
        assert_eq!((refused.status, code), (78, &json!("clock")), "{arguments:?}");
    }
}
