//! The settings as values that the server works with.

use std::{
    net::{Ipv4Addr, Ipv6Addr, SocketAddr},
    path::PathBuf,
    time::Duration,
};

use correio_proto::{DEFAULT_PORT, message::RegistrationPolicy};

use crate::{
    gateway::domain::MailDomain,
    limits::{
        admission::AdmissionConfig, list_creation::ListCreation, network::Network,
        retention::RetentionPolicy, throttle::ThrottleConfig,
    },
    metrics::Hosts,
    ops::{
        admin_command::types::AdminCommand, backup::BackupTarget, certificate::CertificateSource,
        export::ExportChoice, logging::LogFormat, migrate::Migration, restore::RestoreSource,
    },
    protocol::Service,
    session::DirectoryPolicy,
    store::{CreateStore, Quota, kind::StoreConfig, nodes::NodeName},
};

/// The task of the program.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Task {
    /// Serve.
    Serve,
    /// Print the certificate's fingerprint.
    Fingerprint,
    /// Run a command about accounts, lists, sessions, invites or the state.
    Admin(AdminCommand),
    /// Run a command of the operator.
    Operate(Operation),
    /// Write the manual pages into this directory.
    Manual(PathBuf),
}

/// A command of the operator on a data directory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Operation {
    /// Make a backup.
    Backup(BackupTarget),
    /// Make a data directory from a backup.
    Restore(RestoreSource),
    /// Verify the database.
    Check,
    /// Write waiting mail as Maildirs.
    Export {
        /// Whose mail.
        choice: ExportChoice,
        /// The directory of the Maildirs.
        target: PathBuf,
        /// The domain of mail addresses.
        domain: String,
    },
    /// Copy a store into one of the other kind.
    Migrate(Migration),
}

/// How connections are protected.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SecurityConfig {
    /// Connections are not protected.
    Plaintext,
    /// Connections are protected by TLS with this certificate.
    Tls(CertificateSource),
}

/// The value of every setting. OPERATING.md's table describes each.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(missing_docs)] // Each field is the setting of the same name.
pub struct Config {
    pub task: Task,
    pub listen: Listen,
    /// The setting `proxy-protocol`.
    pub proxies: Vec<Network>,
    /// The settings `submissions`, `submission`, `pop3s` and `pop3`.
    pub gateways: Vec<(Service, SocketAddr)>,
    pub mail_domain: Option<MailDomain>,
    pub data_dir: PathBuf,
    pub security: SecurityConfig,
    /// The settings `store` and `database`.
    pub store: StoreConfig,
    /// The setting `node-name`; without it, a server has the name of its process.
    pub node_name: Option<NodeName>,
    pub create_store: CreateStore,
    pub registration: RegistrationPolicy,
    pub directory: DirectoryPolicy,
    pub lists: ListCreation,
    pub bcrypt_cost: u32,
    pub hash_workers: usize,
    pub hash_queue: usize,
    pub store_queue: usize,
    pub admission: AdmissionConfig,
    pub throttle: ThrottleConfig,
    pub input_max: usize,
    pub output_max: usize,
    pub quota: Quota,
    pub body_max: usize,
    pub content_max: u64,
    pub upload_bytes: u64,
    pub retention: RetentionPolicy,
    pub login_timeout: Duration,
    pub idle_timeout: Duration,
    pub drain_timeout: Duration,
    pub metrics: Vec<SocketAddr>,
    pub metrics_host: Hosts,
    pub log_level: log::LevelFilter,
    pub log_format: LogFormat,
    pub log_file: Option<PathBuf>,
}

/// The addresses to listen on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Listen {
    /// All addresses of the machine, IPv4 and IPv6. One of the two families is enough.
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

impl Config {
    /// Warnings for the operator, logged at every start.
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
            && (self.listen.addresses().iter().any(is_public)
                || self.gateways.iter().any(|(_, address)| is_public(address)))
        {
            warnings.push(
                "listening beyond this machine without TLS: others on the way can read mail and \
                 take over accounts"
                    .to_owned(),
            );
        }
        if self.proxies.iter().any(|network| network.is_everything()) {
            warnings.push(
                "proxy-protocol trusts every address: any client can say that it has another one"
                    .to_owned(),
            );
        }
        if self.metrics.iter().any(is_public) {
            warnings.push(
                "metrics are shown beyond this machine, without TLS and without a password"
                    .to_owned(),
            );
        }
        if self.store == StoreConfig::Memory {
            warnings.push(
                "accounts and mail are in memory only: they are gone when the server stops"
                    .to_owned(),
            );
        }
        warnings
    }
}
