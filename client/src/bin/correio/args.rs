//! The command line. Its names are a contract: scripts rely on them.

use std::{env, path::PathBuf};

use clap::{
    Arg, Args, CommandFactory, FromArgMatches, Parser, Subcommand,
    error::{ContextKind, ContextValue, ErrorKind},
    parser::ValueSource,
};
use correio_client::Address;
use correio_proto::{fingerprint::Fingerprint, invite::Invite, mail::Username};

use crate::{
    exit::{Failure, Status},
    text::{Lang, Text},
};

/// A client for the correio mail service. Without a command it opens its menus.
#[derive(Debug, Parser)]
#[command(name = "correio", version, after_help = EXAMPLES)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) options: Options,
    #[command(subcommand)]
    pub(crate) command: Option<Command>,
}

const EXAMPLES: &str = "\
Examples:
  correio                                 the menus
  correio trust mail.example              accept a server's certificate, or its new one
  correio --server mail.example:8888 ping
  correio --server mail.example --user tony register --name 'Tony Stark'
  correio --server mail.example --user pepper register --name 'Pepper Potts'
  echo 'Até já' | correio --server mail.example --user tony send --to pepper --subject Jantar
  correio --server mail.example --user pepper receive
  correio --server mail.example --user pepper read 1

The password is asked for on the terminal, also where standard input is a pipe; without a terminal
it comes from --password-stdin (the first line) or CORREIO_PASSWORD, never from an argument.

Exit status: 0 done; 64 wrong usage; 65 bad data (unknown recipient, refused text);
69 server not reachable; 74 something on this computer failed; 75 try again later (busy, rate
limited, mailbox full); 77 not allowed (bad credentials, untrusted certificate); 78 bad
configuration; 130 interrupted.";

/// What holds for the menus and every command.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// The server: a name, an IPv4 or an IPv6 address, with a port unless it is 8888
    #[arg(long, global = true, value_name = "HOST:PORT", env = "CORREIO_SERVER")]
    pub(crate) server: Option<String>,
    /// Where that stands
    #[arg(skip)]
    pub(crate) server_origin: Origin,
    /// The username of the account
    #[arg(long, global = true, value_name = "NAME", env = "CORREIO_USER")]
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
    /// Where received mail and drafts are kept [default: ~/.local/share/correio]
    #[arg(long, global = true, value_name = "DIR", env = "CORREIO_CLIENT_DATA_DIR")]
    pub(crate) data_dir: Option<PathBuf>,
    /// The language [default: that of LC_ALL, LC_MESSAGES or LANG; otherwise Portuguese]
    #[arg(long, global = true, value_enum, env = "CORREIO_LANG")]
    pub(crate) lang: Option<Lang>,
}

/// Where the value of an option stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Origin {
    CommandLine,
    /// In the environment, or nowhere.
    #[default]
    Elsewhere,
}

impl Cli {
    /// Reads the command line, and the environment where the command line says nothing.
    pub(crate) fn read() -> Result<Self, clap::Error> {
        let matches = command().try_get_matches()?;
        let mut cli = Self::from_arg_matches(&matches)?;
        if matches.value_source("server") == Some(ValueSource::CommandLine) {
            cli.options.server_origin = Origin::CommandLine;
        }
        cli.checked()
    }

    /// Refuses what the parser does not: options that mean nothing to the menus.
    fn checked(mut self) -> Result<Self, clap::Error> {
        let options = &mut self.options;
        options.server.take_if(|server| server.is_empty());
        options.user.take_if(|user| user.is_empty());
        let without_menus =
            [("--json", self.options.json), ("--password-stdin", self.options.password_stdin)];
        match without_menus.into_iter().find(|(_, given)| *given) {
            Some((option, _)) if self.command.is_none() => Err(Self::command().error(
                ErrorKind::MissingSubcommand,
                format!("{option} needs a command: the menus do not know it"),
            )),
            _ => Ok(self),
        }
    }
}

/// The command line. A variable that is set to nothing says nothing.
fn command() -> clap::Command {
    let without_empty = |argument: Arg| {
        let is_empty = |name| env::var_os(name).is_some_and(|value| value.is_empty());
        match argument.get_env().is_some_and(is_empty) {
            // No variable has this name.
            true => argument.env("").hide_env(true),
            false => argument,
        }
    };
    Cli::command()
        .mut_args(without_empty)
        .mut_subcommands(|subcommand| subcommand.mut_args(without_empty))
}

/// The variable of the environment whose value is at fault, if it is that of one.
pub(crate) fn variable_at_fault(error: &clap::Error) -> Option<String> {
    let Some(ContextValue::String(argument)) = error.get(ContextKind::InvalidArg) else {
        return None;
    };
    let Some(ContextValue::String(value)) = error.get(ContextKind::InvalidValue) else {
        return None;
    };
    let mut command = Cli::command();
    // An argument can be written out only then.
    command.build();
    let mut arguments = command
        .get_arguments()
        .chain(command.get_subcommands().flat_map(clap::Command::get_arguments));
    let found = arguments.find(|known| known.to_string() == *argument)?;
    let variable = found.get_env()?.to_str()?;
    (blame(variable, value) == Status::Configuration).then(|| variable.to_owned())
}

impl Options {
    /// The server that was named.
    pub(crate) fn address(&self, text: &Text) -> Result<Address, Failure> {
        let Some(server) = &self.server else {
            let text = text.of("needs-server-option");
            return Err(Failure::new(Status::Configuration, "no_server", text));
        };
        server.parse().map_err(|invalid| {
            let said = text.address(&invalid);
            Failure::new(blame("CORREIO_SERVER", server), "invalid", said)
        })
    }

    /// The user that was named.
    pub(crate) fn username(&self, text: &Text) -> Result<Username, Failure> {
        let Some(user) = &self.user else {
            let text = text.of("needs-user-option");
            return Err(Failure::new(Status::Configuration, "no_user", text));
        };
        user.parse().map_err(|invalid| {
            let said = text.invalid(invalid);
            match blame("CORREIO_USER", user) {
                Status::Usage => Failure::new(Status::BadData, "invalid", said),
                status => Failure::new(status, "invalid", said),
            }
        })
    }
}

/// Whether the environment is wrong, or the command line.
fn blame(variable: &str, value: &str) -> Status {
    match env::var(variable) {
        Ok(set) if set == value => Status::Configuration,
        _ => Status::Usage,
    }
}

/// What is done without the menus.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Say whether a correio server is there, and how long it takes to answer
    Ping,
    /// Make an account
    Register {
        /// The person's full name
        #[arg(long, value_name = "FULL NAME", allow_hyphen_values = true)]
        name: String,
        /// The invite, for a server that takes registrations by invite
        #[arg(long, value_name = "CODE", env = "CORREIO_INVITE", hide_env_values = true)]
        invite: Option<Invite>,
    },
    /// Send a mail; the body is read from standard input unless it is given
    Send {
        /// The recipients' usernames, separated by commas
        #[arg(long, value_name = "NAME[,NAME…]")]
        to: String,
        /// The subject
        #[arg(long, value_name = "TEXT", allow_hyphen_values = true)]
        subject: String,
        /// The body
        #[arg(long, value_name = "TEXT", conflicts_with = "body_file", allow_hyphen_values = true)]
        body: Option<String>,
        /// A file with the body
        #[arg(long, value_name = "FILE")]
        body_file: Option<PathBuf>,
    },
    /// Download all mail, keep it on this computer, confirm it, and list what is new
    Receive,
    /// List the mail kept on this computer
    List,
    /// Show one mail kept on this computer
    Read {
        /// Its number in the list
        #[arg(value_name = "N")]
        number: usize,
    },
    /// Accept a server's certificate, be it the first or another one; without a server, list
    /// those accepted
    Trust {
        /// The server
        #[arg(value_name = "HOST:PORT")]
        address: Option<String>,
        /// Forget its certificate: the next contact is the first
        #[arg(long)]
        forget: bool,
    },
}
