//! Parts of the daemon around the engine: settings, log, certificate, TLS, systemd, exit statuses,
//! and the commands of the operator.

pub mod allocator;
pub mod archive;
pub mod backup;
pub mod certificate;
pub mod config;
pub mod exit;
pub mod export;
pub mod interrupt;
pub mod logging;
pub mod manage;
pub mod manual;
pub mod operator;
mod progress;
pub mod required_files;
pub mod restore;
pub mod sampler;
mod streams;
pub mod systemd;
pub mod tls;
