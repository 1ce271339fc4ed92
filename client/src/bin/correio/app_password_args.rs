//! The command line of `correio app-password`.

use clap::Subcommand;

/// What to do with passwords of mail programs.
#[derive(Debug, Subcommand)]
pub(crate) enum AppPasswordCommand {
    /// Make an app password and show it once
    Create {
        /// What it is for, such as a program and its device
        #[arg(long, value_name = "TEXT", allow_hyphen_values = true)]
        label: String,
    },
    /// Show the app passwords: labels, when they were made, and when and from where last used
    List,
    /// Revoke an app password
    Revoke {
        /// Its label, or its number in the list
        #[arg(value_name = "LABEL")]
        app_password: String,
    },
}
