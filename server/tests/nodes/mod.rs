//! Several servers on one PostgreSQL database, as processes.

mod keys;
mod listing;
mod lost;
mod metrics;
mod one_socket;
mod outage;
mod recorded_store;
mod throttle;

use std::{
    path::Path,
    process::{Command, Stdio},
};

use correio_testing::postgres::Database;

use crate::daemon::Daemon;

const SERVER: &str = env!("CARGO_BIN_EXE_correiod");

/// The settings of every server and command here.
fn settings(database: &Database, directory: &Path) -> Vec<String> {
    let url = database.url.to_string();
    let directory = directory.to_str().unwrap();
    let settings = ["--config", "/dev/null", "--store", "postgres", "--database", &url];
    settings.into_iter().chain(["--data-dir", directory]).map(str::to_owned).collect()
}

/// A server on this database, with TLS, on any port of this machine.
fn server(database: &Database, directory: &Path) -> Command {
    let mut command = Command::new(SERVER);
    command.env_clear().args(settings(database, directory));
    command.args(["--bcrypt-cost", "4", "--listen", "127.0.0.1:0"]);
    command
}

/// Starts a server, and waits until it is ready.
fn start(mut command: Command) -> Daemon {
    command.stderr(Stdio::null());
    Daemon::spawn(command)
}

/// Has a server end in order.
fn stop(server: Daemon) {
    assert!(server.stop().success());
}
