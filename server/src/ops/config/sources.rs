//! Gathers settings from their sources: a flag overrides the environment, the environment the file,
//! the file the default.

use std::{
    collections::BTreeMap,
    ffi::OsString,
    fmt, fs, io,
    ops::RangeInclusive,
    path::{Path, PathBuf},
};

use clap::{Arg, ArgAction, ArgMatches, Command};

use super::{
    environment::Environment,
    error::ConfigError,
    settings::{Kind, SETTINGS, Setting},
    types::Task,
};

/// The source of a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Source {
    /// On the command line.
    Flag,
    /// In a variable of the environment.
    Variable,
    /// In this file.
    File(PathBuf),
}

/// The values of one setting, as they were written.
#[derive(Clone, Debug)]
pub(super) struct Written {
    pub(super) setting: &'static Setting,
    pub(super) source: Source,
    pub(super) values: Vec<String>,
}

/// Formats the place of a value, such as `--store` or `store in /etc/correio/correiod.toml`.
impl fmt::Display for Written {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.source {
            Source::Flag => write!(f, "--{}", self.setting.key),
            Source::Variable => f.write_str(&self.setting.variable()),
            Source::File(path) => write!(f, "{} in {}", self.setting.key, path.display()),
        }
    }
}

/// The settings that were written in any source, by key.
pub(super) type WrittenSettings = BTreeMap<&'static str, Written>;

const ABOUT: &str = "The correio mail server.";

const EXAMPLES: &str = "\
Every setting can also stand in the file (key = value, the key being the flag's name) and in the
environment (CORREIO_ and the flag's name in capitals). A flag overrides the environment, the
environment overrides the file.

Examples:
  correiod --listen 127.0.0.1:8888 --data-dir ./mail
  correiod --store memory --plaintext --listen 127.0.0.1:0
  correiod fingerprint --data-dir ./mail
  correiod invite --count 40 --data-dir ./mail
  CORREIO_LOG_LEVEL=warn correiod --config /etc/correio/correiod.toml

When it is ready, it prints `listening on ADDRESS (tls)` on standard output, a line for each
address, and then the fingerprint of its certificate, which clients show at the first contact.
SIGTERM, SIGINT and SIGQUIT let it finish and exit; SIGHUP opens the log file anew and reads the
certificate again; SIGUSR1, SIGUSR2 and SIGALRM do nothing.

Sockets that a service manager hands over (LISTEN_FDS) are used instead of --listen. The server
reports readiness and shutdown to NOTIFY_SOCKET, and pings it at half of WATCHDOG_USEC.

CORREIO_CONFIG names the file, too.

Exit status: 0 stopped as asked; 64 wrong usage; 69 an address or the data directory is in use;
71 the system refuses something; 74 the store failed; 77 no right to something; 78 bad configuration or damaged data.";

/// The command line, made from the list of settings.
pub(super) fn command() -> Command {
    let config = Arg::new("config")
        .long("config")
        .value_name("FILE")
        .global(true)
        .help("File with settings, in TOML [default: correiod.toml in $CONFIGURATION_DIRECTORY or /etc/correio, if it is there]");
    let mut command = Command::new("correiod")
        .version(env!("CARGO_PKG_VERSION"))
        .about(ABOUT)
        .after_help(EXAMPLES)
        .arg(config)
        .subcommand(Command::new("serve").about("Serve (what correiod does without a command)"))
        .subcommand(Command::new("fingerprint").about(
            "Print the certificate's fingerprint, by which clients know the server, running or not; \
             makes a new certificate where a server has lost its own",
        ))
        .subcommand(
            Command::new("invite")
                .about("Make invites, for a server with --registration invite, running or not")
                .arg(number("count", "1", 1..=1000).help("How many"))
                .arg(number("days", "7", 1..=365).help("How long they can be used")),
        );
    for setting in SETTINGS {
        let action = match setting.kind {
            Kind::One => ArgAction::Set,
            Kind::Many => ArgAction::Append,
            Kind::Switch => ArgAction::SetTrue,
        };
        let Setting { key, value, default, meaning, .. } = *setting;
        let arg = Arg::new(key).long(key).action(action).global(true);
        let arg = if value.is_empty() { arg } else { arg.value_name(value) };
        command = command.arg(arg.help(format!("{meaning} [default: {default}]")));
    }
    command
}

fn number(name: &'static str, default: &'static str, allowed: RangeInclusive<i64>) -> Arg {
    Arg::new(name)
        .long(name)
        .value_name("N")
        .default_value(default)
        .value_parser(clap::value_parser!(u32).range(allowed))
}

/// Reads the task, and the settings of command line, environment and file.
pub(super) fn gather(
    arguments: impl IntoIterator<Item = OsString>,
    environment: &Environment,
) -> Result<(Task, WrittenSettings), ConfigError> {
    let matches = command().try_get_matches_from(arguments).map_err(ConfigError::Usage)?;
    let task = match matches.subcommand() {
        Some(("fingerprint", _)) => Task::Fingerprint,
        Some(("invite", matches)) => {
            let number = |name| matches.get_one::<u32>(name).copied().unwrap_or(1);
            Task::Invite { count: number("count"), days: number("days") }
        }
        _ => Task::Serve,
    };
    // Flags may come before or after the command.
    let matches = matches.subcommand().map_or(&matches, |(_, matches)| matches);
    let mut written = WrittenSettings::new();
    if let Some(path) = config_file(matches, environment) {
        read_file(&path, &mut written)?;
    }
    for setting in SETTINGS {
        if let Some(value) = environment.get(&setting.variable()) {
            let values = match setting.kind {
                Kind::Many => value.split(',').map(|value| value.trim().to_owned()).collect(),
                Kind::One | Kind::Switch => vec![value.to_owned()],
            };
            written.insert(setting.key, Written { setting, source: Source::Variable, values });
        }
        if let Some(values) = from_flags(matches, setting) {
            written.insert(setting.key, Written { setting, source: Source::Flag, values });
        }
    }
    Ok((task, written))
}

fn from_flags(matches: &ArgMatches, setting: &Setting) -> Option<Vec<String>> {
    match setting.kind {
        Kind::Switch => matches.get_flag(setting.key).then(|| vec!["true".to_owned()]),
        Kind::One | Kind::Many => Some(matches.get_many::<String>(setting.key)?.cloned().collect()),
    }
}

/// The path of the file: the one that is named, or the default path if that file exists.
fn config_file(matches: &ArgMatches, environment: &Environment) -> Option<PathBuf> {
    if let Some(path) = matches.get_one::<String>("config") {
        return Some(path.into());
    }
    if let Some(path) = environment.get("CORREIO_CONFIG") {
        return Some(path.into());
    }
    let directory = environment.get("CONFIGURATION_DIRECTORY").unwrap_or("/etc/correio");
    Some(Path::new(directory).join("correiod.toml")).filter(|path| path.exists())
}

fn read_file(path: &Path, written: &mut WrittenSettings) -> Result<(), ConfigError> {
    let text = fs::read_to_string(path)
        .map_err(|source: io::Error| ConfigError::Unreadable { path: path.to_owned(), source })?;
    let table: toml::Table = text.parse().map_err(|source| ConfigError::Syntax {
        path: path.to_owned(),
        source: Box::new(source),
    })?;
    for (key, value) in table {
        let Some(setting) = SETTINGS.iter().find(|setting| setting.key == key) else {
            return Err(unknown_key(path, &key));
        };
        let values = match value {
            toml::Value::Array(values) if setting.kind == Kind::Many => {
                values.into_iter().map(plain).collect()
            }
            value => vec![plain(value)],
        };
        let source = Source::File(path.to_owned());
        written.insert(setting.key, Written { setting, source, values });
    }
    Ok(())
}

fn unknown_key(path: &Path, key: &str) -> ConfigError {
    let dashed = key.replace('_', "-");
    let meant = SETTINGS.iter().find(|setting| setting.key == dashed).map(|setting| setting.key);
    ConfigError::UnknownKey { path: path.to_owned(), key: key.to_owned(), meant }
}

/// A value of the file as it would be written on the command line.
fn plain(value: toml::Value) -> String {
    match value {
        toml::Value::String(text) => text,
        other => other.to_string(),
    }
}
