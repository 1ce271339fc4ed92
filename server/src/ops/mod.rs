//! Parts of the daemon around the engine: settings, log, certificate, TLS, systemd, exit statuses,
//! and the commands of the operator.

pub mod admin;
pub mod admin_command;
pub mod admin_error;
pub mod allocator;
pub mod archive;
pub mod backup;
pub mod certificate;
pub mod config;
pub mod data_commands;
pub mod exit;
pub mod export;
pub mod interrupt;
pub mod logging;
pub mod manual;
pub mod migrate;
pub mod program_certificate;
mod progress;
pub mod recorded_store;
pub mod renewal;
pub mod required_files;
pub mod restore;
pub mod sampler;
mod size;
mod streams;
pub mod systemd;
mod table;
pub mod tls;
