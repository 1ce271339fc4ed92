//! Target `config`: a configuration file, and the same values as flags.

use std::{
    ffi::OsString,
    fs,
    path::{Path, PathBuf},
    sync::OnceLock,
    time::Duration,
};

use correio_proto::limits;
use correio_server::ops::config::{Config, ConfigError, Environment};
use tempfile::TempDir;

pub(crate) fn run(data: &[u8]) {
    let path = file();
    fs::write(path, data).unwrap();
    let environment = Environment::default();
    let load = |more: Vec<OsString>| {
        let start = ["correiod".into(), "--config".into(), path.as_os_str().to_owned()];
        Config::load(start.into_iter().chain(more), &environment)
    };
    let from_file = load(vec![]);
    match &from_file {
        Ok(config) => bounds(config),
        Err(error) => said(error, path),
    }
    let Some(flags) = std::str::from_utf8(data).ok().and_then(flags) else {
        return;
    };
    // A flag overrides the file; the same value changes nothing but its origin.
    match (from_file, load(flags)) {
        (Ok(file), Ok(flags)) => assert_eq!(file, flags),
        (
            Err(ConfigError::Value { value, allowed, .. }),
            Err(ConfigError::Value { value: again, allowed: still, .. }),
        ) => assert_eq!((value, allowed), (again, still)),
        (Err(ConfigError::Together { why, .. }), Err(ConfigError::Together { why: again, .. })) => {
            assert_eq!(why, again);
        }
        (file, flags) => panic!("{file:?} is not {flags:?}"),
    }
}

/// One file for all runs; it is removed with the process.
fn file() -> &'static Path {
    static FILE: OnceLock<(TempDir, PathBuf)> = OnceLock::new();
    let (_, path) = FILE.get_or_init(|| {
        let directory = TempDir::new().unwrap();
        let path = directory.path().join("correiod.toml");
        (directory, path)
    });
    path
}

/// Checks the bounds of OPERATING.md's table.
fn bounds(config: &Config) {
    assert!((4..=14).contains(&config.bcrypt_cost));
    assert!((1..=64).contains(&config.hash_workers));
    assert!((1..=100_000).contains(&config.hash_queue));
    assert!((1..=1_000_000).contains(&config.store_queue));
    for count in [
        config.admission.connections_max,
        config.admission.per_prefix_max,
        config.admission.anonymous_max,
    ] {
        assert!((1..=1_000_000).contains(&count));
    }
    assert!(config.throttle.failed_logins <= 1000);
    assert!(config.throttle.registrations_per_hour <= 1_000_000);
    assert!(config.throttle.mails_per_hour <= 1_000_000_000);
    for bytes in [config.input_max, config.output_max] {
        assert!((64 << 10..=1 << 40).contains(&bytes));
    }
    assert!(config.quota.mails >= 1);
    assert!((1..=1 << 40).contains(&config.quota.bytes));
    assert!((1..=limits::BODY_MAX).contains(&config.body_max));
    let seconds = Duration::from_secs;
    assert!((seconds(1)..=seconds(3600)).contains(&config.login_timeout));
    assert!((seconds(2)..=seconds(86_400)).contains(&config.idle_timeout));
    assert!(config.drain_timeout <= seconds(60));
    assert!(!config.listen.addresses().is_empty());
}

/// Checks that a message names the file; unless it quotes the file, it is one line without control
/// characters.
fn said(error: &ConfigError, path: &Path) {
    let text = error.to_string();
    assert!(text.contains(path.to_str().unwrap()), "{text:?}");
    match error {
        ConfigError::Syntax { .. } => {}
        ConfigError::Unreadable { .. }
        | ConfigError::Value { .. }
        | ConfigError::Database { .. }
        | ConfigError::Together { .. }
        | ConfigError::UnknownKey { .. } => {
            assert!(!text.chars().any(char::is_control), "{text:?}");
        }
        ConfigError::Usage(_) => panic!("the command line is fine: {text}"),
    }
}

/// The file's values as flags; `None` if flags cannot express them.
fn flags(text: &str) -> Option<Vec<OsString>> {
    let table: toml::Table = text.parse().ok()?;
    let mut flags = Vec::new();
    for (key, value) in table {
        match (&*key, value) {
            // A switch on the command line can only be on.
            ("plaintext", value) if plain(&value) != "true" => return None,
            ("plaintext", _) => flags.push("--plaintext".into()),
            ("listen", toml::Value::Array(values)) if values.is_empty() => return None,
            ("listen" | "proxy-protocol", toml::Value::Array(values)) => {
                flags.extend(values.iter().map(|value| flag(&key, value)));
            }
            (_, value) => flags.push(flag(&key, &value)),
        }
    }
    // Unknown keys are refused in the file already.
    Config::load(["correiod".into()].into_iter().chain(flags.iter().cloned()), &no_file())
        .err()
        .is_none_or(|error| {
            matches!(error, ConfigError::Value { .. } | ConfigError::Together { .. })
        })
        .then_some(flags)
}

/// An environment without a configuration file.
fn no_file() -> Environment {
    [("CONFIGURATION_DIRECTORY", "/nonexistent")].into_iter().collect()
}

fn flag(key: &str, value: &toml::Value) -> OsString {
    format!("--{key}={}", plain(value)).into()
}

fn plain(value: &toml::Value) -> String {
    match value {
        toml::Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}
