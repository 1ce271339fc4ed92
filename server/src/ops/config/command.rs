//! The command line and its help text.

use std::ffi::OsString;

use clap::{Arg, ArgAction, Command};

use super::settings::{Kind, SETTINGS, Setting};
use crate::ops::admin_command::command::{COMMANDS, commands};

/// Most columns of the help: longer lines of prose are hard to read. The parser breaks the lines;
/// the texts here have breaks between paragraphs and between examples only.
const WIDTH_MAX: usize = 100;

const ABOUT: &str = "The correio mail server.";

const EXAMPLES: &str = "\
Every setting can also stand in the file (key = value, the key being the flag's name) and in the \
environment (CORREIO_ and the flag's name in capitals). A flag overrides the environment, the \
environment overrides the file.

Examples:
  correiod --listen 127.0.0.1:8888 --data-dir ./mail
  correiod --store memory --plaintext --listen 127.0.0.1:0
  correiod fingerprint --data-dir ./mail
  correiod invite --count 40 --data-dir ./mail
  correiod account create tony 'Tony Stark' --data-dir ./mail
  correiod account import class.csv --codes codes.csv --data-dir ./mail
  correiod status --data-dir ./mail
  correiod backup correio.tar.gz --data-dir ./mail
  correiod restore correio.tar.gz --data-dir ./new
  correiod check --data-dir ./mail
  correiod export --all ./maildirs --data-dir ./mail
  correiod migrate --from ./mail --to postgres://correio@db.example.org/correio
  CORREIO_LOG_LEVEL=warn correiod --config /etc/correio/correiod.toml

When it is ready, it prints `listening on ADDRESS (tls)` on standard output, a line for each \
address, and then the fingerprint of its certificate, which clients show at the first contact. \
SIGTERM, SIGINT and SIGQUIT let it finish and exit; SIGHUP opens the log file anew and reads the \
certificate again; SIGUSR1, SIGUSR2 and SIGALRM do nothing.

Sockets that a service manager hands over (LISTEN_FDS) are used instead of --listen. The server \
reports readiness and shutdown to NOTIFY_SOCKET, and pings it at half of WATCHDOG_USEC.

CORREIO_CONFIG names the file, too.

Exit status: 0 the server stopped as asked, or the command is done; 64 wrong usage; 65 wrong data, \
such as rows of a file; 66 the named file does not exist; 67 the named account or list does not \
exist; 69 an address or the data directory is in use, no server runs or answers, or the named \
session does not exist; 71 the system refuses sockets, threads or random bytes; 73 a file exists \
already, its directory is missing or not empty, or a name is taken; 74 the store failed, or reading \
or writing a file failed; 75 the server has too much to do, try again; 77 the user lacks the right \
to a file, a port or the socket; 78 a setting is wrong, or data is damaged; 129, 130, 143 SIGHUP, \
SIGINT or SIGTERM ended the command.";

const BACKUP: &str = "\
The backup is a tar archive, compressed by gzip: manifest.json with sizes and checksums, the \
database as of one moment, and the server's own certificate and keys. It is verified before it \
gets its name. A thief of the file can read the mail and impersonate the server. It has neither the \
settings file nor the files of tls-cert and tls-key.

The command runs beside the server, as the same user or as root, and holds nothing up. Where no \
server runs, no server can start in this data directory until the command has ended. It needs room \
for a copy of the database, beside FILE or in $TMPDIR.";

const RESTORE: &str = "\
Nothing is restored into a directory that has anything in it, and nothing from a backup that is \
damaged, cut off, or of a newer version. After an error the directory is as it was. As root, the \
files get the directory's owner.";

const CHECK: &str = "\
Prints what is wrong, one line for each, and ends with 78; or one line and 0. It changes \
nothing, and runs beside the server. Where no server runs, no server can start in this data \
directory until the command has ended.";

const EXPORT: &str = "\
Each account gets a Maildir DIR/USERNAME, which mail programs open. Nothing is deleted on the \
server, and no file is replaced: a repeated export adds what came since. What clients have \
received is not on the server any more.";

const MIGRATE: &str = "\
One of the two places is a data directory, and the other one is a PostgreSQL database. Stop the \
servers of both first; none can start until the command has ended. The target is empty, or has what \
an earlier command has copied of the same store: however a command has ended, the same command goes \
on. Nothing is deleted at the source. No server serves the target before the command has read all of \
it back and compared it with the source; the command prints the rows and the digest of each table.

The certificates and the keys of invites and tickets are not in the store: the server of the target \
needs them in its data directory.";

/// The setting that the commands of the operator use.
const DATA_DIRECTORY: &str = "data-dir";

/// The commands of the operator.
const OPERATIONS: [&str; 5] = ["backup", "restore", "check", "export", "migrate"];

/// The command line, made from the list of settings.
pub(in crate::ops) fn command() -> Command {
    let config = Arg::new("config")
        .long("config")
        .value_name("FILE")
        .global(true)
        .help("File with settings, in TOML [default: correiod.toml in $CONFIGURATION_DIRECTORY or /etc/correio, if it is there]");
    let mut command = Command::new("correiod")
        .version(env!("CARGO_PKG_VERSION"))
        .about(ABOUT)
        .max_term_width(WIDTH_MAX)
        .after_help(EXAMPLES)
        .arg(config)
        .subcommand(Command::new("serve").about("Serve (what correiod does without a command)"))
        .subcommand(Command::new("fingerprint").about(
            "Print the certificate's fingerprint, by which clients know the server, running or not; \
             makes a new certificate where a server has lost its own",
        ))
        .subcommands(commands())
        .subcommands([backup(), restore(), check(), export(), migrate(), man()]);
    for setting in SETTINGS {
        let action = match setting.kind {
            Kind::One => ArgAction::Set,
            Kind::Many => ArgAction::Append,
            Kind::Switch => ArgAction::SetTrue,
        };
        let Setting { key, value, default, meaning, .. } = *setting;
        let arg = Arg::new(key).long(key).action(action).global(true);
        let arg = if value.is_empty() { arg } else { arg.value_name(value) };
        let arg = arg.help(format!("{meaning} [default: {default}]"));
        command = command.arg(arg.clone());
        // The help of a command that works on a directory shows what it uses; every flag is taken.
        if key != DATA_DIRECTORY {
            let hide = |command: Command| command.arg(arg.clone().hide(true));
            for name in OPERATIONS.into_iter().chain(COMMANDS).chain(["man"]) {
                command = command.mut_subcommand(name, hide);
            }
        }
    }
    command
}

fn backup() -> Command {
    Command::new("backup")
        .about("Make a backup, beside a running server or without one")
        .after_help(BACKUP)
        .arg(file("The file to make, or - for standard output"))
        .arg(
            Arg::new("force")
                .long("force")
                .action(ArgAction::SetTrue)
                .help("Replace FILE if it exists"),
        )
}

fn restore() -> Command {
    Command::new("restore")
        .about("Make a data directory from a backup")
        .after_help(RESTORE)
        .arg(file("The backup, or - for standard input"))
}

fn check() -> Command {
    Command::new("check").about("Verify the database, and change nothing").after_help(CHECK)
}

fn export() -> Command {
    Command::new("export")
        .about("Write waiting mail as Maildirs, and delete nothing")
        .override_usage("correiod export [OPTIONS] <ACCOUNT> <DIR>\n       correiod export [OPTIONS] --all <DIR>")
        .after_help(EXPORT)
        .arg(
            Arg::new("words")
                .value_names(["ACCOUNT", "DIR"])
                .num_args(1..=2)
                .required(true)
                .value_parser(clap::value_parser!(OsString))
                .help("The account, unless --all is given, and the directory of the Maildirs"),
        )
        .arg(Arg::new("all").long("all").action(ArgAction::SetTrue).help("Export every account"))
        .arg(
            Arg::new("domain")
                .long("domain")
                .value_name("NAME")
                .default_value("localhost")
                .help("What stands after the @ of mail addresses"),
        )
}

fn migrate() -> Command {
    let place = |name: &'static str, help: &'static str| {
        let parser = clap::value_parser!(OsString);
        let arg = Arg::new(name).long(name).value_name("PLACE").required(true);
        arg.value_parser(parser).help(help)
    };
    Command::new("migrate")
        .about("Copy a store into one of the other kind, SQLite or PostgreSQL")
        .after_help(MIGRATE)
        .arg(place("from", "The store to copy: a data directory, or an address postgres://…"))
        .arg(place("to", "The place of the copy, of the other kind"))
}

fn man() -> Command {
    let directory = file("The directory, such as /usr/share/man").value_name("DIR");
    let about = "Write the manual pages into a directory, for packages";
    Command::new("man").hide(true).about(about).arg(directory)
}

fn file(help: &'static str) -> Arg {
    let parser = clap::value_parser!(OsString);
    Arg::new("file").value_name("FILE").required(true).value_parser(parser).help(help)
}
