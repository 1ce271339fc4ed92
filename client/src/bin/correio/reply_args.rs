//! The arguments of the commands that send, answer and forward mails, and save attachments.

use std::{num::NonZero, path::PathBuf};

use clap::{Args, ValueHint};

use crate::mail_number::MailNumber;

/// Arguments of the commands that send a mail: what it contains. The help of each command has texts
/// of its own for them.
#[derive(Debug, Args)]
pub(crate) struct BodyArgs {
    /// The text
    #[arg(long, value_name = "TEXT", conflicts_with = "body_file", allow_hyphen_values = true)]
    pub(crate) body: Option<String>,
    /// A file with the text
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) body_file: Option<PathBuf>,
    /// Files to attach
    #[arg(long, value_name = "FILE", num_args = 1.., value_hint = ValueHint::FilePath)]
    pub(crate) attach: Vec<PathBuf>,
    /// Put the signature of the configuration file under the body
    #[arg(long)]
    pub(crate) signature: bool,
}

/// Arguments of `correio reply`.
#[derive(Debug, Args)]
pub(crate) struct ReplyArgs {
    /// The mail's number in the list
    #[arg(value_name = "N")]
    pub(crate) number: MailNumber,
    /// Answer the other recipients, too
    #[arg(long)]
    pub(crate) all: bool,
    #[command(flatten)]
    pub(crate) body: BodyArgs,
}

/// Arguments of `correio forward`.
#[derive(Debug, Args)]
pub(crate) struct ForwardArgs {
    /// The mail's number in the list
    #[arg(value_name = "N")]
    pub(crate) number: MailNumber,
    /// The recipients' usernames, separated by commas
    #[arg(long, value_name = "NAME[,NAME…]")]
    pub(crate) to: String,
    #[command(flatten)]
    pub(crate) body: BodyArgs,
}

/// Arguments of `correio save`.
#[derive(Debug, Args)]
pub(crate) struct SaveArgs {
    /// The mail's number in the list
    #[arg(value_name = "N")]
    pub(crate) number: MailNumber,
    /// The directory
    // The help says the default in words.
    #[arg(
        long,
        value_name = "DIR",
        default_value = ".",
        hide_default_value = true,
        value_hint = ValueHint::DirPath
    )]
    pub(crate) dir: PathBuf,
    /// Only the attachment with this number
    #[arg(long, value_name = "K", num_args = 1..)]
    pub(crate) attachment: Vec<NonZero<usize>>,
}
