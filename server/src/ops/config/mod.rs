//! Parses flags, environment and file into a [`Config`] whose values are all valid.

use std::{ffi::OsString, num::NonZeroUsize, path::PathBuf, thread};

use correio_proto::{limits, message::RegistrationPolicy};

pub(super) use self::command::command;
use self::values::Values;
pub use self::{
    environment::Environment,
    error::ConfigError,
    settings::markdown,
    types::{Config, Listen, Operation, SecurityConfig, Task},
};
use crate::{
    limits::{
        admission::AdmissionConfig, list_creation::ListCreation, retention::RetentionPolicy,
        throttle::ThrottleConfig,
    },
    ops::logging::LogFormat,
    session::DirectoryPolicy,
    store::{
        CreateStore, Quota,
        kind::{StoreConfig, StoreKind},
        postgres::{DatabaseConfig, DatabaseSync},
    },
};

mod command;
mod environment;
mod error;
mod settings;
mod sources;
mod task;
mod together;
mod types;
mod values;

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
        let (task, written) = sources::gather(arguments, environment)?;
        let values = Values(written);
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
            proxies: values.networks("proxy-protocol")?,
            gateways: values.gateways()?,
            mail_domain: values.mail_domain()?,
            security: values.security(&data_dir)?,
            data_dir,
            store: store(values)?,
            node_name: values.node_name()?,
            create_store: values.choice(
                "create-store",
                &[
                    ("auto", CreateStore::Auto),
                    ("never", CreateStore::Never),
                    ("always", CreateStore::Always),
                ],
            )?,
            registration: registration(values)?,
            directory: directory(values)?,
            lists: lists(values)?,
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
            content_max: values.size(
                "mail-bytes",
                1..=limits::CONTENT_MAX,
                limits::CONTENT_DEFAULT_MAX,
            )?,
            upload_bytes: values.size("upload-bytes", 1 << 20..=1 << 40, 1 << 30)?,
            retention: RetentionPolicy {
                mail_days: values.days("keep-days", 1..=36_500)?,
                account_days: values.days("keep-account-days", 30..=36_500)?,
            },
            login_timeout: values.seconds("login-timeout", 1..=3600, 30)?,
            idle_timeout: values.seconds("idle-timeout", 2..=86_400, 300)?,
            drain_timeout: values.seconds("drain-timeout", 0..=60, 8)?,
            metrics: values.addresses("metrics")?,
            metrics_host: values.hosts("metrics-host")?,
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
            log_format: values
                .choice("log-format", &[("text", LogFormat::Text), ("json", LogFormat::Json)])?,
            log_file: values.path("log-file")?,
        })
    }
}

fn store(values: &Values) -> Result<StoreConfig, ConfigError> {
    let database = values.database()?;
    let sync = [("primary", DatabaseSync::Primary), ("standby", DatabaseSync::Standby)];
    let sync = values.choice("database-sync", &sync)?;
    match values.choice("store", &StoreKind::ALL.map(|kind| (kind.name(), kind)))? {
        StoreKind::Sqlite => Ok(StoreConfig::Sqlite),
        StoreKind::Memory => Ok(StoreConfig::Memory),
        StoreKind::Postgres => match database {
            Some(url) => Ok(StoreConfig::Postgres(Box::new(DatabaseConfig { url, sync }))),
            None => {
                let why = "a PostgreSQL store needs the address of its database: \
                           --database postgres://USER@HOST/NAME";
                Err(together::refused(values, "store", "database", why))
            }
        },
    }
}

fn registration(values: &Values) -> Result<RegistrationPolicy, ConfigError> {
    values.choice(
        "registration",
        &[
            ("open", RegistrationPolicy::Open {}),
            ("invite", RegistrationPolicy::Invite {}),
            ("closed", RegistrationPolicy::Closed {}),
        ],
    )
}

/// Where everybody may register, everybody would see the directory: only if the operator says so.
fn directory(values: &Values) -> Result<DirectoryPolicy, ConfigError> {
    members_or_off(values, "directory", [DirectoryPolicy::Members, DirectoryPolicy::Off])
}

/// Where everybody may register, everybody could take names for lists: only if the operator says
/// so.
fn lists(values: &Values) -> Result<ListCreation, ConfigError> {
    members_or_off(values, "lists", [ListCreation::Members, ListCreation::Off])
}

/// A setting whose values are `members` and `off`. The default is off where everybody may register.
fn members_or_off<T: Copy>(
    values: &Values,
    key: &'static str,
    [members, off]: [T; 2],
) -> Result<T, ConfigError> {
    let (members, off) = (("members", members), ("off", off));
    match registration(values)? {
        RegistrationPolicy::Open {} => values.choice(key, &[off, members]),
        RegistrationPolicy::Invite {} | RegistrationPolicy::Closed {} => {
            values.choice(key, &[members, off])
        }
    }
}

fn admission(values: &Values) -> Result<AdmissionConfig, ConfigError> {
    Ok(AdmissionConfig {
        connections_max: values.count("max-connections", 1..=1_000_000, 16_384)?,
        per_prefix_max: values.count("connections-per-address", 1..=1_000_000, 256)?,
        anonymous_max: values.count("max-anonymous", 1..=1_000_000, 1024)?,
    })
}

fn throttle(values: &Values) -> Result<ThrottleConfig, ConfigError> {
    Ok(ThrottleConfig {
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

/// The default data directory: under systemd its state directory, for root a system directory, for
/// another user one in the home directory.
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

#[cfg(test)]
mod tests {
    use super::{settings::SETTINGS, *};

    #[test]
    fn the_setting_names_every_store() {
        let names = StoreKind::ALL.map(StoreKind::name);
        let setting = SETTINGS.iter().find(|setting| setting.key == "store").unwrap();
        let (last, others) = names.split_last().unwrap();
        assert_eq!(setting.allowed, format!("{} or {last}", others.join(", ")));
        assert_eq!(setting.default, names[0]);
    }
}
