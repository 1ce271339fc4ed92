//! The arguments of `correio app-password`.

use clap::Subcommand;

/// A command about app passwords.
#[derive(Debug, Subcommand)]
pub(crate) enum AppPasswordCommand {
    /// Make an app password and show it once
    Create {
        /// Label of the app password, such as a program and its device
        #[arg(long, value_name = "TEXT", allow_hyphen_values = true)]
        label: String,
    },
    /// Show the app passwords: labels, when they were made, and when and from where last used
    List,
    /// Revoke an app password
    Revoke {
        /// Label of the app password, or its number in the list
        #[arg(value_name = "LABEL")]
        app_password: String,
    },
}
