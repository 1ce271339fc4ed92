//! The library as a program of a few lines uses it.

#[path = "../examples/send_and_receive.rs"]
#[allow(dead_code)] // Its `main` is not called here.
mod example;

use std::{env, process::Command, sync::Arc};

use correio_client::{Cancel, ConnectOptions, NewAccount, Password, Service, Trust, new_mail_id};
use correio_testing::served::RunningServer;
use tempfile::TempDir;

#[test]
fn the_example_sends_and_receives() {
    let (server_data, data) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    let running = RunningServer::start(server_data.path(), 0);
    let Trust::Fingerprint(fingerprint) = running.trust else {
        panic!("the server has a certificate");
    };
    let (server, cancel) = (running.address.to_string(), Cancel::new());
    let options = ConnectOptions { trust: running.trust, ..ConnectOptions::default() };
    let service = Service::connect(&server.parse().unwrap(), &options, &cancel).unwrap();
    let password: Password = "jarvis-is-here".parse().unwrap();
    let registration = NewAccount {
        id: new_mail_id(),
        username: "tony".parse().unwrap(),
        full_name: "Tony Stark".parse().unwrap(),
        password: Arc::new(password),
        invite: None,
    };
    service.register(&registration, &cancel).unwrap();
    let data = data.path().to_str().unwrap();
    let words = [&server, &fingerprint.to_string(), "tony", "jarvis-is-here", data];
    let words = words.map(str::to_owned);
    assert_eq!(example::send_and_receive(&words).unwrap(), ["A note to myself"]);
    assert!(example::send_and_receive(&words[1..]).unwrap_err().to_string().contains("usage"));
}

#[test]
fn the_library_brings_nothing_of_the_program() {
    let tree = |features: &[&str]| {
        let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        let output = Command::new(cargo)
            .args(["tree", "--offline", "--prefix", "none", "-e", "normal", "-p", "correio-client"])
            .args(features)
            .current_dir(env!("CARGO_MANIFEST_DIR"))
            .output()
            .unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    };
    let (library, program) = (tree(&["--no-default-features"]), tree(&[]));
    let names =
        |tree: &str, name: &str| tree.lines().any(|line| line.split(' ').next() == Some(name));
    for name in ["clap", "console", "dialoguer", "fluent-bundle", "indicatif", "signal-hook"] {
        assert!(names(&program, name) && !names(&library, name), "{name}");
    }
    assert!(names(&library, "correio-proto") && names(&library, "mio"));
}
