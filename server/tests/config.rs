//! Tests of the precedence of settings, and of the messages for wrong ones: `bad_config/` has a
//! directory for each case, with the command line (`args`), the environment (`env`), the file
//! (`correiod.toml`), and the `expected` exit status and part of the message.

use std::{ffi::OsString, fs, path::Path, time::Duration};

use correio_proto::message::RegistrationPolicy;
use correio_server::{
    limits::list_creation::ListCreation,
    ops::{
        config::{Config, ConfigError, Environment, Listen},
        exit::Failure,
    },
    protocol::Service,
    session::DirectoryPolicy,
    store::kind::StoreConfig,
};

fn load(arguments: &str, variables: &[(&str, &str)]) -> Result<Config, ConfigError> {
    let arguments = ["correiod"].into_iter().chain(arguments.split_whitespace());
    let nowhere = [("CONFIGURATION_DIRECTORY", "/nowhere")];
    let variables = nowhere.iter().chain(variables).copied();
    Config::load(arguments.map(OsString::from), &Environment::from_iter(variables))
}

#[test]
fn a_flag_goes_before_the_environment_and_that_before_the_file() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("correiod.toml");
    fs::write(&file, "bcrypt-cost = 11\nhash-queue = 11\nstore = \"memory\"\n").unwrap();
    let file = file.to_str().unwrap();
    let environment = [("CORREIO_BCRYPT_COST", "12"), ("CORREIO_HASH_QUEUE", "12")];
    let config = load(&format!("--config {file} --bcrypt-cost 13"), &environment).unwrap();
    assert_eq!((config.bcrypt_cost, config.hash_queue), (13, 12));
    assert_eq!(config.store, StoreConfig::Memory);
    let named = [("CORREIO_CONFIG", file)];
    assert_eq!(load("", &named).unwrap().bcrypt_cost, 11);
    let found = [("CONFIGURATION_DIRECTORY", directory.path().to_str().unwrap())];
    assert_eq!(load("", &found).unwrap().bcrypt_cost, 11);
}

#[test]
fn what_holds_when_nothing_is_said() {
    let config = load("", &[]).unwrap();
    assert_eq!(config.listen, Listen::Everywhere);
    let addresses: Vec<_> = config.listen.addresses().iter().map(ToString::to_string).collect();
    assert_eq!(addresses, ["0.0.0.0:8888", "[::]:8888"]);
    assert_eq!((config.store, config.bcrypt_cost), (StoreConfig::Sqlite, 10));
    assert_eq!(config.registration, RegistrationPolicy::Open {});
    assert_eq!(config.login_timeout, Duration::from_secs(30));
    assert_eq!((config.content_max, config.upload_bytes), (25 << 20, 1 << 30));
}

#[test]
fn the_directory_is_off_where_everybody_may_register_unless_it_is_said_otherwise() {
    use DirectoryPolicy::{Members, Off};
    for (arguments, expected) in [
        ("", Off),
        ("--registration invite", Members),
        ("--registration closed", Members),
        ("--directory members", Members),
        ("--registration invite --directory off", Off),
    ] {
        assert_eq!(load(arguments, &[]).unwrap().directory, expected, "{arguments}");
    }
    let variables = [("CORREIO_DIRECTORY", "members")];
    assert_eq!(load("", &variables).unwrap().directory, Members);
    assert_eq!(load("--directory off", &variables).unwrap().directory, Off);
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("correiod.toml");
    fs::write(&file, "directory = \"members\"\n").unwrap();
    let of_file = load(&format!("--config {}", file.display()), &[]).unwrap();
    assert_eq!(of_file.directory, Members);
}

#[test]
fn nobody_makes_lists_where_everybody_may_register_unless_it_is_said_otherwise() {
    use ListCreation::{Members, Off};
    for (arguments, expected) in [
        ("", Off),
        ("--registration invite", Members),
        ("--registration closed", Members),
        ("--lists members", Members),
        ("--registration invite --lists off", Off),
    ] {
        assert_eq!(load(arguments, &[]).unwrap().lists, expected, "{arguments}");
    }
    assert_eq!(load("", &[("CORREIO_LISTS", "members")]).unwrap().lists, Members);
}

#[test]
fn a_small_server_needs_no_room_for_a_whole_piece() {
    let config = load("--input-bytes 64KiB --body-bytes 10KiB --mail-bytes 50KiB", &[]).unwrap();
    assert_eq!((config.input_max, config.content_max), (64 << 10, 50 << 10));
}

#[test]
fn every_form_of_a_list() {
    let expected = Listen::On(vec!["127.0.0.1:1".parse().unwrap(), "[::1]:2".parse().unwrap()]);
    let flags = load("serve --listen 127.0.0.1:1 --listen [::1]:2", &[]).unwrap();
    let before = load("--listen 127.0.0.1:1 --listen [::1]:2 serve", &[]).unwrap();
    let variable = load("", &[("CORREIO_LISTEN", "127.0.0.1:1, [::1]:2")]).unwrap();
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("correiod.toml");
    fs::write(&file, "listen = [\"127.0.0.1:1\", \"[::1]:2\"]\n").unwrap();
    let file = load(&format!("--config {}", file.display()), &[]).unwrap();
    for config in [flags, before, variable, file] {
        assert_eq!(config.listen, expected);
    }
}

#[test]
fn every_service_for_mail_programs_has_addresses_and_tls_unless_plaintext_is_permitted() {
    let written = "--mail-domain Mail.Example.ORG --pop3 [::1]:110 --submission 127.0.0.1:587";
    let config = load(&format!("{written} --pop3s 127.0.0.1:995 --pop3s [::1]:995"), &[]).unwrap();
    let address = |text: &str| text.parse().unwrap();
    let expected = [
        (Service::SUBMISSION, address("127.0.0.1:587")),
        (Service::POP3S, address("127.0.0.1:995")),
        (Service::POP3S, address("[::1]:995")),
        (Service::POP3, address("[::1]:110")),
    ];
    assert_eq!(config.gateways, expected);
    assert_eq!(config.mail_domain.unwrap().as_str(), "mail.example.org");
    let config = load(&format!("{written} --plaintext"), &[]).unwrap();
    let services: Vec<_> = config.gateways.into_iter().map(|(service, _)| service).collect();
    assert_eq!(services, [Service::SUBMISSION.in_plaintext(), Service::POP3.in_plaintext()]);
}

#[test]
fn the_service_manager_names_the_data_directory() {
    let config = load("", &[("STATE_DIRECTORY", "/var/lib/x")]).unwrap();
    assert_eq!(config.data_dir, Path::new("/var/lib/x"));
}

#[test]
fn what_is_risky_is_warned_of() {
    let warned = |arguments: &str| load(arguments, &[]).unwrap().warnings().join("\n");
    assert_eq!(warned("--listen 127.0.0.1:1 --listen [::1]:1"), "");
    assert_eq!(warned("--listen 192.0.2.1:1"), "");
    assert!(warned("--plaintext --listen 192.0.2.1:1").contains("without TLS"));
    assert_eq!(warned("--plaintext --listen 127.0.0.1:1"), "");
    assert!(warned("--bcrypt-cost 9").contains("below 10"));
    assert!(warned("--store memory").contains("memory only"));
}

/// The exit status and message of a wrong configuration.
fn refused(case: &Path, file: &Path) -> (u8, String) {
    let part = |name: &str| fs::read_to_string(case.join(name)).unwrap_or_default();
    let mut arguments = part("args");
    let written = part("correiod.toml");
    if !written.is_empty() {
        fs::write(file, written).unwrap();
        arguments.push_str(&format!(" --config {}", file.display()));
    }
    let variables = part("env");
    let variables: Vec<_> = variables.lines().map(|line| line.split_once('=').unwrap()).collect();
    let error = load(&arguments, &variables).expect_err("it is refused");
    let failure = Failure::Config(error);
    (failure.status(), failure.to_string())
}

#[test]
fn every_wrong_configuration_is_named() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/bad_config");
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("correiod.toml");
    let mut cases = 0;
    for case in fs::read_dir(folder).unwrap() {
        let case = case.unwrap().path();
        let expected = fs::read_to_string(case.join("expected")).unwrap();
        let (status, text) = expected.trim_end().split_once('\n').unwrap();
        let text = text.replace("FILE", file.to_str().unwrap());
        let (got, said) = refused(&case, &file);
        assert_eq!(got.to_string(), status, "{}: {said}", case.display());
        assert!(said.contains(&text), "{}: {said}", case.display());
        cases += 1;
    }
    assert!(cases >= 40, "the cases are found");
}
