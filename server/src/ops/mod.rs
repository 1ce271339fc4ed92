//! Parts of the daemon around the engine: settings, log, certificate, TLS, systemd, exit statuses.

pub mod allocator;
pub mod certificate;
pub mod config;
pub mod exit;
pub mod logging;
pub mod required_files;
pub mod systemd;
pub mod tls;
