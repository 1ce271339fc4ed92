//! Flags, environment and file, parsed once into a [`Config`] whose values all hold.

use std::{
    collections::HashMap,
    ffi::OsString,
    io,
    net::{Ipv4Addr, Ipv6Addr, SocketAddr},
    num::NonZeroUsize,
    path::PathBuf,
    thread,
    time::Duration,
};

use correio_proto::{DEFAULT_PORT, limits, message::Registration};

use self::values::Values;
use crate::{
    limits::{admission::AdmissionSettings, throttle::ThrottleSettings},
    ops::certificate::CertificateSource,
    store::{Quota, sqlite::CreateStore},
};

mod settings;
mod sources;
mod together;
mod values;

pub use settings::markdown;

/// The environment that settings are read from: the process's own, or a test's.
#[derive(Clone, Debug, Default)]
pub struct Environment(HashMap<String, String>);

impl Environment {
    /// That of the process.
    ///
    /// # Errors
    ///
    /// A setting that is not Unicode. Other variables are passed over.
    pub fn of_process() -> Result<Self, ConfigError> {
        let mut variables = HashMap::new();
        for (name, value) in std::env::vars_os() {
            let Ok(name) = name.into_string() else {
                continue;
            };
            match value.into_string() {
                Ok(value) => _ = variables.insert(name, value),
                Err(value) if name.starts_with("CORREIO_") => {
                    let value = value.to_string_lossy().into_owned();
                    let allowed = "text in UTF-8";
                    return Err(ConfigError::Value { place: name, value, allowed });
                }
                Err(_) => {}
            }
        }
        Ok(Self(variables))
    }

    fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }
}

impl<N: Into<String>, V: Into<String>> FromIterator<(N, V)> for Environment {
    fn from_iter<I: IntoIterator<Item = (N, V)>>(variables: I) -> Self {
        Self(variables.into_iter().map(|(name, value)| (name.into(), value.into())).collect())
    }
}

/// Which store is used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StoreKind {
    /// [`crate::store::sqlite`].
    Sqlite,
    /// [`crate::store::memory`].
    Memory,
}

/// What the program is asked to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Task {
    /// Serve.
    Serve,
    /// Print the certificate's fingerprint.
    Fingerprint,
    /// Make invites and print them.
    Invite {
        /// How many.
        count: u32,
        /// How long they can be used, in days.
        days: u32,
    },
}

/// How connections are protected.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SecurityConfig {
    /// Not at all.
    Plaintext,
    /// By TLS with this certificate.
    Tls(CertificateSource),
}

/// Everything that is set. OPERATING.md's table describes each.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(missing_docs)] // Each field is the setting of its name.
pub struct Config {
    pub task: Task,
    pub listen: Listen,
    pub data_dir: PathBuf,
    pub security: SecurityConfig,
    pub store: StoreKind,
    pub create_store: CreateStore,
    pub registration: Registration,
    pub bcrypt_cost: u32,
    pub hash_workers: usize,
    pub hash_queue: usize,
    pub store_queue: usize,
    pub admission: AdmissionSettings,
    pub throttle: ThrottleSettings,
    pub input_max: usize,
    pub output_max: usize,
    pub quota: Quota,
    pub body_max: usize,
    pub login_timeout: Duration,
    pub idle_timeout: Duration,
    pub drain_timeout: Duration,
    pub log_level: log::LevelFilter,
    pub log_file: Option<PathBuf>,
}

/// What is listened on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Listen {
    /// Every address of the machine, IPv4 and IPv6, or one of both where it has only that.
    Everywhere,
    /// These addresses, all of them.
    On(Vec<SocketAddr>),
}

impl Listen {
    /// The addresses.
    #[must_use]
    pub fn addresses(&self) -> Vec<SocketAddr> {
        match self {
            Self::On(addresses) => addresses.clone(),
            Self::Everywhere => vec![
                (Ipv4Addr::UNSPECIFIED, DEFAULT_PORT).into(),
                (Ipv6Addr::UNSPECIFIED, DEFAULT_PORT).into(),
            ],
        }
    }
}

/// Why there is no [`Config`].
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The command line is wrong, or asks for help or the version.
    #[error(transparent)]
    Usage(clap::Error),
    /// A value is not allowed.
    #[error("{place}: {value:?} is not allowed; it takes {allowed}")]
    Value {
        /// Where it was written.
        place: String,
        /// What was written.
        value: String,
        /// What may be.
        allowed: &'static str,
    },
    /// Two values are allowed, but not together.
    #[error("{first} and {second} cannot work together: {why}")]
    Together {
        /// One of them, with its place.
        first: String,
        /// The other.
        second: String,
        /// Why not.
        why: &'static str,
    },
    /// The file cannot be read.
    #[error("cannot read the configuration file {}: {source}", path.display())]
    Unreadable {
        /// Which file.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// The file is not TOML.
    #[error("the configuration file {} is not valid TOML: {source}", path.display())]
    Syntax {
        /// Which file.
        path: PathBuf,
        /// Where and why not.
        source: Box<toml::de::Error>,
    },
    /// The file has a key that is none.
    #[error("the configuration file {} has an unknown key {key:?}{}", path.display(), hint(*meant))]
    UnknownKey {
        /// Which file.
        path: PathBuf,
        /// Which key.
        key: String,
        /// What may have been meant.
        meant: Option<&'static str>,
    },
}

fn hint(meant: Option<&str>) -> String {
    meant.map_or_else(
        || "; correiod --help lists the keys".to_owned(),
        |meant| format!("; did you mean {meant:?}?"),
    )
}

impl Config {
    /// Reads the settings from a command line (with the program's name first), an environment
    /// and the file that one of them names.
    ///
    /// # Errors
    ///
    /// See [`ConfigError`].
    pub fn load(
        arguments: impl IntoIterator<Item = OsString>,
        environment: &Environment,
    ) -> Result<Self, ConfigError> {
        let (task, found) = sources::gather(arguments, environment)?;
        let values = Values(found);
        let config = Self::parse(task, &values, environment)?;
        together::check(&config, &values)?;
        Ok(config)
    }

    fn parse(task: Task, values: &Values, environment: &Environment) -> Result<Self, ConfigError> {
        let data_dir = values.path("data-dir")?;
        let data_dir = data_dir.unwrap_or_else(|| default_data_dir(environment));
        Ok(Self {
            task,
            listen: values.listen()?,
            security: values.security(&data_dir)?,
            data_dir,
            store: values
                .choice("store", &[("sqlite", StoreKind::Sqlite), ("memory", StoreKind::Memory)])?,
            create_store: values.choice(
                "create-store",
                &[
                    ("auto", CreateStore::Auto),
                    ("never", CreateStore::Never),
                    ("always", CreateStore::Always),
                ],
            )?,
            registration: values.choice(
                "registration",
                &[
                    ("open", Registration::Open {}),
                    ("invite", Registration::Invite {}),
                    ("closed", Registration::Closed {}),
                ],
            )?,
            bcrypt_cost: values.number("bcrypt-cost", 4..=14, 10)? as u32,
            hash_workers: values.count("hash-workers", 1..=64, processors())?,
            hash_queue: values.count("hash-queue", 1..=100_000, 256)?,
            store_queue: values.count("store-queue", 1..=1_000_000, 16_384)?,
            admission: admission(values)?,
            throttle: throttle(values)?,
            input_max: values.size("input-bytes", 64 << 10..=1 << 40, 64 << 20)? as usize,
            output_max: values.size("output-bytes", 64 << 10..=1 << 40, 128 << 20)? as usize,
            quota: quota(values)?,
            body_max: values.size(
                "body-bytes",
                1..=limits::BODY_MAX as u64,
                limits::BODY_DEFAULT_MAX as u64,
            )? as usize,
            login_timeout: values.seconds("login-timeout", 1..=3600, 30)?,
            idle_timeout: values.seconds("idle-timeout", 2..=86_400, 300)?,
            drain_timeout: values.seconds("drain-timeout", 0..=60, 8)?,
            log_level: values.choice(
                "log-level",
                &[
                    ("info", log::LevelFilter::Info),
                    ("error", log::LevelFilter::Error),
                    ("warn", log::LevelFilter::Warn),
                    ("debug", log::LevelFilter::Debug),
                    ("trace", log::LevelFilter::Trace),
                ],
            )?,
            log_file: values.path("log-file")?,
        })
    }

    /// What the person who runs the server should be told at every start.
    #[must_use]
    pub fn warnings(&self) -> Vec<String> {
        let mut warnings = Vec::new();
        if self.bcrypt_cost < 10 {
            warnings.push(format!(
                "bcrypt-cost {} is below 10: stolen password hashes are cheap to guess",
                self.bcrypt_cost
            ));
        }
        let is_public = |address: &SocketAddr| !address.ip().is_loopback();
        if self.security == SecurityConfig::Plaintext
            && self.listen.addresses().iter().any(is_public)
        {
            warnings.push(
                "listening beyond this machine without TLS: others on the way can read mail and \
                 take over accounts"
                    .to_owned(),
            );
        }
        if self.store == StoreKind::Memory {
            warnings.push(
                "accounts and mail are in memory only: they are gone when the server stops"
                    .to_owned(),
            );
        }
        warnings
    }
}

fn admission(values: &Values) -> Result<AdmissionSettings, ConfigError> {
    Ok(AdmissionSettings {
        connections_max: values.count("max-connections", 1..=1_000_000, 16_384)?,
        per_prefix_max: values.count("connections-per-address", 1..=1_000_000, 256)?,
        anonymous_max: values.count("max-anonymous", 1..=1_000_000, 1024)?,
    })
}

fn throttle(values: &Values) -> Result<ThrottleSettings, ConfigError> {
    Ok(ThrottleSettings {
        registrations_per_hour: values.number("registrations-per-hour", 0..=1_000_000, 100)? as u32,
        mails_per_hour: values.number("mails-per-hour", 0..=1_000_000_000, 1000)? as u32,
        failed_logins: values.number("failed-logins", 0..=1000, 10)? as u32,
    })
}

fn quota(values: &Values) -> Result<Quota, ConfigError> {
    Ok(Quota {
        mails: values.number("mailbox-mails", 1..=u64::from(u32::MAX), 10_000)? as u32,
        bytes: values.size("mailbox-bytes", 1..=1 << 40, 256 << 20)?,
    })
}

fn processors() -> u64 {
    thread::available_parallelism().map_or(1, NonZeroUsize::get).min(64) as u64
}

/// Under systemd what it says; for root the usual place; otherwise the user's own.
fn default_data_dir(environment: &Environment) -> PathBuf {
    if let Some(directory) = environment.get("STATE_DIRECTORY") {
        return directory.into();
    }
    if rustix::process::geteuid().is_root() {
        return "/var/lib/correio".into();
    }
    let data = environment.get("XDG_DATA_HOME").map(PathBuf::from);
    let home = || environment.get("HOME").map(|home| PathBuf::from(home).join(".local/share"));
    data.or_else(home).unwrap_or_default().join("correio-server")
}
