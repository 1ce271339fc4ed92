//! The command line. Its names are an interface: scripts rely on them.

use std::{env, ffi::OsString, path::PathBuf};

use clap::{
    Arg, Args, CommandFactory, FromArgMatches, Parser, Subcommand, ValueEnum, ValueHint,
    error::{ContextKind, ContextValue},
    parser::ValueSource,
};
use correio_client::Address;
use correio_proto::{fingerprint::Fingerprint, invite::Invite, mail::Username};

use crate::{
    app_password_args::AppPasswordCommand,
    completions::{self, Shell},
    config::{Config, Key},
    exit::{ExitStatus, Failure},
    help,
    local_args::{DeleteArgs, ListArgs, MarkArgs, SearchArgs},
    mail_number::MailNumber,
    reply_args::{BodyArgs, ForwardArgs, ReplyArgs, SaveArgs},
    text::{Lang, Text},
    usage,
};

/// A client for the correio mail service. Without a command it opens its menus.
#[derive(Debug, Parser)]
#[command(name = "correio", version)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) options: Options,
    #[command(subcommand)]
    pub(crate) command: Option<Command>,
}

/// The options of the menus and of every command.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// The server: a name, an IPv4 or an IPv6 address, with a port unless it is 8888
    #[arg(long, global = true, value_name = "HOST:PORT", env = "CORREIO_SERVER")]
    pub(crate) server: Option<String>,
    /// Where the value of `server` comes from
    #[arg(skip)]
    pub(crate) server_origin: Origin,
    /// The username of the account
    #[arg(
        long,
        global = true,
        value_name = "NAME",
        env = "CORREIO_USER",
        add = completions::usernames()
    )]
    pub(crate) user: Option<String>,
    /// Speak without TLS: for laboratories and servers on this computer
    #[arg(long, global = true, conflicts_with = "fingerprint")]
    pub(crate) plaintext: bool,
    /// The fingerprint of the server's certificate, as `correiod fingerprint` prints it
    #[arg(long, global = true, value_name = "SHA256:…", env = "CORREIO_FINGERPRINT")]
    pub(crate) fingerprint: Option<Fingerprint>,
    /// Print one JSON document on standard output, errors included
    #[arg(long, global = true)]
    pub(crate) json: bool,
    /// Take the password from the first line of standard input
    #[arg(long, global = true)]
    pub(crate) password_stdin: bool,
    /// A command whose first line of standard output is the password
    #[arg(long, global = true, value_name = "COMMAND", env = "CORREIO_PASSWORD_COMMAND")]
    pub(crate) password_command: Option<String>,
    /// Where the value of `password_command` comes from
    #[arg(skip)]
    pub(crate) password_command_origin: Origin,
    /// Where mail, drafts and the address book are kept
    #[arg(
        long,
        global = true,
        value_name = "DIR",
        env = "CORREIO_CLIENT_DATA_DIR",
        value_hint = ValueHint::DirPath
    )]
    pub(crate) data_dir: Option<PathBuf>,
    /// The language
    #[arg(long, global = true, value_enum, env = "CORREIO_LANG")]
    pub(crate) lang: Option<Lang>,
    /// The defaults from the configuration file.
    #[arg(skip)]
    pub(crate) config: Config,
}

/// Where the value of an option comes from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Origin {
    CommandLine,
    /// In the environment, in the configuration file, or nowhere.
    #[default]
    Elsewhere,
}

/// Why a command line is refused.
#[derive(Debug)]
pub(crate) enum UsageError {
    /// The parser refuses it, or prints the help or the version.
    Parser(clap::Error),
    /// This option needs a command.
    WithoutCommand(&'static str),
}

impl Cli {
    /// Reads the command line, and the environment for options that the command line lacks.
    pub(crate) fn read(command: &clap::Command) -> Result<Self, UsageError> {
        let matches = command.clone().try_get_matches().map_err(UsageError::Parser)?;
        let mut cli = Self::from_arg_matches(&matches).map_err(UsageError::Parser)?;
        if matches.value_source("server") == Some(ValueSource::CommandLine) {
            cli.options.server_origin = Origin::CommandLine;
        }
        if matches.value_source("password_command") == Some(ValueSource::CommandLine) {
            cli.options.password_command_origin = Origin::CommandLine;
        }
        cli.checked()
    }

    /// Whether the command works although the configuration file is refused.
    pub(crate) fn works_without_config(&self) -> bool {
        matches!(
            self.command,
            Some(Command::Config { .. } | Command::Completions { .. } | Command::Man { .. })
        )
    }

    /// Makes the checks that the parser does not make: some options need a command.
    fn checked(mut self) -> Result<Self, UsageError> {
        let options = &mut self.options;
        if let Some(Command::Recover { username: Some(username), .. }) = &self.command {
            // A password command gets this username, too.
            options.user = Some(username.clone());
        }
        options.server.take_if(|server| server.is_empty());
        options.user.take_if(|user| user.is_empty());
        let has_password_command = options.password_command_origin == Origin::CommandLine;
        let without_menus = [
            ("--json", self.options.json),
            ("--password-stdin", self.options.password_stdin),
            ("--password-command", has_password_command),
        ];
        match without_menus.into_iter().find(|(_, given)| *given) {
            Some((option, _)) if self.command.is_none() => Err(UsageError::WithoutCommand(option)),
            _ => Ok(self),
        }
    }
}

/// The parser, with its texts in the language of `text`. An empty variable of the environment is
/// ignored.
pub(crate) fn command(text: &Text) -> clap::Command {
    let without_empty = |argument: Arg| {
        let is_empty = |name| env::var_os(name).is_some_and(|value| value.is_empty());
        match argument.get_env().is_some_and(is_empty) {
            // No variable has an empty name.
            true => argument.env(""),
            false => argument,
        }
    };
    let command = Cli::command()
        .mut_args(without_empty)
        .mut_subcommands(|subcommand| subcommand.mut_args(without_empty));
    help::localized(text, command)
}

/// The language in which errors of the command line are reported: that of `--lang`, or else that of
/// `CORREIO_LANG`, of the configuration file, or of the locale. The command line may be invalid.
pub(crate) fn lang(
    arguments: impl IntoIterator<Item = OsString>,
    variable: impl Fn(&str) -> Option<String>,
    configured: Option<Lang>,
) -> Lang {
    let mut arguments = arguments.into_iter().take_while(|argument| argument != "--");
    let mut asked = None;
    while let Some(argument) = arguments.next() {
        let argument = argument.to_string_lossy();
        let value = match argument.strip_prefix("--lang") {
            Some("") => arguments.next().map(|value| value.to_string_lossy().into_owned()),
            Some(value) => value.strip_prefix('=').map(str::to_owned),
            None => None,
        };
        asked = asked.or(value);
    }
    let known = |name: String| Lang::from_str(&name, false).ok();
    let asked = asked.and_then(known).or_else(|| variable("CORREIO_LANG").and_then(known));
    let asked = asked.or(configured);
    Lang::choose(asked, variable)
}

/// The variable of the environment whose value caused an error, if one did.
pub(crate) fn variable_at_fault(command: &clap::Command, error: &clap::Error) -> Option<String> {
    let Some(ContextValue::String(argument)) = error.get(ContextKind::InvalidArg) else {
        return None;
    };
    let Some(ContextValue::String(value)) = error.get(ContextKind::InvalidValue) else {
        return None;
    };
    let variable = usage::find(command, argument)?.get_env()?.to_str()?;
    (status_of_value(variable, value) == ExitStatus::Configuration).then(|| variable.to_owned())
}

impl Options {
    /// Takes the defaults of the configuration file for options that neither the command line nor
    /// the environment has.
    pub(crate) fn with_defaults(&mut self, config: Config) {
        let default = |key| config.get(key).map(str::to_owned);
        self.server = self.server.take().or_else(|| default(Key::Server));
        self.user = self.user.take().or_else(|| default(Key::User));
        self.password_command =
            self.password_command.take().or_else(|| default(Key::PasswordCommand));
        self.config = config;
    }

    /// The server from the options.
    pub(crate) fn address(&self, text: &Text) -> Result<Address, Failure> {
        let Some(server) = &self.server else {
            let text = text.of("needs-server-option");
            return Err(Failure::new(ExitStatus::Configuration, "no_server", text));
        };
        server.parse().map_err(|invalid| {
            let said = text.address(&invalid);
            Failure::new(status_of_value("CORREIO_SERVER", server), "invalid", said)
        })
    }

    /// The username from the options.
    pub(crate) fn username(&self, text: &Text) -> Result<Username, Failure> {
        let Some(user) = &self.user else {
            let text = text.of("needs-user-option");
            return Err(Failure::new(ExitStatus::Configuration, "no_user", text));
        };
        user.parse().map_err(|invalid| {
            let said = text.invalid(invalid);
            match status_of_value("CORREIO_USER", user) {
                ExitStatus::Usage => Failure::new(ExitStatus::BadData, "invalid", said),
                status => Failure::new(status, "invalid", said),
            }
        })
    }
}

/// The status for a wrong value: configuration if the environment has it, else usage.
fn status_of_value(variable: &str, value: &str) -> ExitStatus {
    match env::var(variable) {
        Ok(set) if set == value => ExitStatus::Configuration,
        _ => ExitStatus::Usage,
    }
}

/// A command, which runs without the menus.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Say whether a correio server is there, and how long it takes to answer
    Ping,
    /// Make an account
    Register {
        /// The user's full name
        #[arg(long, value_name = "FULL NAME", allow_hyphen_values = true)]
        name: String,
        /// The invite, for a server that takes registrations by invite
        #[arg(long, value_name = "CODE", env = "CORREIO_INVITE", hide_env_values = true)]
        invite: Option<Invite>,
    },
    /// Set a forgotten password by a code of the server's operator
    Recover {
        /// The username of the account, in place of `--user`
        #[arg(value_name = "NAME", add = completions::usernames())]
        username: Option<String>,
        /// A file whose first line is the code; - is standard input
        #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
        code_file: Option<PathBuf>,
    },
    /// Make, show or revoke passwords with which mail programs log in
    AppPassword {
        #[command(subcommand)]
        action: AppPasswordCommand,
    },
    /// Show the server, the account, and how full its mailbox is
    Status,
    /// Send a mail; the body is read from standard input unless it is given
    Send {
        /// The recipients' usernames, separated by commas
        #[arg(long, value_name = "NAME[,NAME…]", add = completions::recipients())]
        to: String,
        /// The subject
        #[arg(long, value_name = "TEXT", allow_hyphen_values = true)]
        subject: String,
        #[command(flatten)]
        body: BodyArgs,
    },
    /// Answer a mail; the text is read from standard input unless it is given
    Reply(ReplyArgs),
    /// Forward a mail with its attachments; a text before it is read from standard input unless it
    /// is given
    Forward(ForwardArgs),
    /// Download all mail, keep it on this computer, confirm it, and list what is new
    Receive {
        /// Delete mails on the server whose content is not the one that their sender stated
        #[arg(long)]
        delete_damaged: bool,
        /// Leave the mail on the server, for another device
        #[arg(long, conflicts_with = "delete_damaged")]
        keep: bool,
    },
    /// Stay connected, receive mail as it comes, and print a line for each
    Watch {
        /// Run this command for each mail instead, with the mail's fields in its environment
        #[arg(long, value_name = "COMMAND")]
        exec: Option<String>,
        /// Show new mail as notifications of the desktop
        #[arg(long)]
        notify: bool,
        /// Leave the mail on the server, for another device
        #[arg(long)]
        keep: bool,
    },
    /// Look people up in the server's directory
    Find {
        /// A part of a username or full name
        #[arg(value_name = "TEXT", allow_hyphen_values = true)]
        text: String,
    },
    /// List the mail kept on this computer, or work with the lists that the server keeps
    List(ListArgs),
    /// Show one mail kept on this computer
    Read {
        /// The mail's number in the list
        #[arg(value_name = "N")]
        number: MailNumber,
    },
    /// Save the attachments of a mail
    Save(SaveArgs),
    /// Find mails on this computer, received and sent
    Search(SearchArgs),
    /// Delete mails on this computer
    Delete(DeleteArgs),
    /// Mark mails on this computer as important, or as read or not read
    Mark(MarkArgs),
    /// Show the address book, or one nickname; add people to a nickname, or remove them
    Nickname {
        /// The nickname; among recipients it is written with an @ before it
        #[arg(value_name = "NICKNAME", add = completions::nicknames())]
        nickname: Option<String>,
        /// Usernames that the nickname stands for
        #[arg(value_name = "NAME", add = completions::usernames())]
        people: Vec<String>,
        /// Remove these people from the nickname, or the nickname where none is named
        #[arg(long, requires = "nickname")]
        remove: bool,
    },
    /// Accept a server's certificate, also after it changed; without a server, list the accepted
    /// certificates
    Trust {
        /// The server
        #[arg(value_name = "HOST:PORT")]
        address: Option<String>,
        /// Forget the server's certificate: the next contact counts as the first
        #[arg(long)]
        forget: bool,
    },
    /// Show or change the defaults of the configuration file
    Config {
        #[command(subcommand)]
        action: Option<ConfigAction>,
    },
    /// Print the script with which a shell completes this command line
    Completions {
        /// The shell
        #[arg(value_enum, value_name = "SHELL")]
        shell: Shell,
    },
    /// Write the manual pages into a directory, for packages
    #[command(hide = true)]
    Man {
        /// The directory, as `/usr/share/man`
        #[arg(value_name = "DIR", value_hint = ValueHint::DirPath)]
        directory: PathBuf,
    },
}

/// An action on the configuration file.
#[derive(Debug, Subcommand)]
pub(crate) enum ConfigAction {
    /// List the defaults that are set
    List,
    /// Print a default
    Get {
        /// The name of the default
        #[arg(value_enum, value_name = "KEY")]
        key: Key,
    },
    /// Set a default
    Set {
        /// The name of the default
        #[arg(value_enum, value_name = "KEY")]
        key: Key,
        /// Its value
        #[arg(value_name = "VALUE", allow_hyphen_values = true)]
        value: String,
    },
    /// Remove a default
    Unset {
        /// The name of the default
        #[arg(value_enum, value_name = "KEY")]
        key: Key,
    },
    /// Print the path of the configuration file
    Path,
}
