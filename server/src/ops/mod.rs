//! What surrounds the engine in a running daemon: settings, log, certificate, systemd, exit statuses.

pub mod allocator;
pub mod certificate;
pub mod config;
pub mod data_directory;
pub mod exit;
pub mod logging;
pub mod systemd;
