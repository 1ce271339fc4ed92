//! The command line and its help text.

use std::ops::RangeInclusive;

use clap::{Arg, ArgAction, Command};

use super::settings::{Kind, SETTINGS, Setting};

const ABOUT: &str = "The correio mail server.";

const EXAMPLES: &str = "\
Every setting can also stand in the file (key = value, the key being the flag's name) and in the
environment (CORREIO_ and the flag's name in capitals). A flag overrides the environment, the
environment overrides the file.

Examples:
  correiod --listen 127.0.0.1:8888 --data-dir ./mail
  correiod --store memory --plaintext --listen 127.0.0.1:0
  correiod fingerprint --data-dir ./mail
  correiod invite --count 40 --data-dir ./mail
  CORREIO_LOG_LEVEL=warn correiod --config /etc/correio/correiod.toml

When it is ready, it prints `listening on ADDRESS (tls)` on standard output, a line for each
address, and then the fingerprint of its certificate, which clients show at the first contact.
SIGTERM, SIGINT and SIGQUIT let it finish and exit; SIGHUP opens the log file anew and reads the
certificate again; SIGUSR1, SIGUSR2 and SIGALRM do nothing.

Sockets that a service manager hands over (LISTEN_FDS) are used instead of --listen. The server
reports readiness and shutdown to NOTIFY_SOCKET, and pings it at half of WATCHDOG_USEC.

CORREIO_CONFIG names the file, too.

Exit status: 0 stopped as asked; 64 wrong usage; 69 an address or the data directory is in use;
71 the system refuses something; 74 the store failed; 77 no right to something; 78 bad configuration or damaged data.";

/// The command line, made from the list of settings.
pub(super) fn command() -> Command {
    let config = Arg::new("config")
        .long("config")
        .value_name("FILE")
        .global(true)
        .help("File with settings, in TOML [default: correiod.toml in $CONFIGURATION_DIRECTORY or /etc/correio, if it is there]");
    let mut command = Command::new("correiod")
        .version(env!("CARGO_PKG_VERSION"))
        .about(ABOUT)
        .after_help(EXAMPLES)
        .arg(config)
        .subcommand(Command::new("serve").about("Serve (what correiod does without a command)"))
        .subcommand(Command::new("fingerprint").about(
            "Print the certificate's fingerprint, by which clients know the server, running or not; \
             makes a new certificate where a server has lost its own",
        ))
        .subcommand(
            Command::new("invite")
                .about("Make invites, for a server with --registration invite, running or not")
                .arg(number("count", "1", 1..=1000).help("How many"))
                .arg(number("days", "7", 1..=365).help("How long they can be used")),
        );
    for setting in SETTINGS {
        let action = match setting.kind {
            Kind::One => ArgAction::Set,
            Kind::Many => ArgAction::Append,
            Kind::Switch => ArgAction::SetTrue,
        };
        let Setting { key, value, default, meaning, .. } = *setting;
        let arg = Arg::new(key).long(key).action(action).global(true);
        let arg = if value.is_empty() { arg } else { arg.value_name(value) };
        command = command.arg(arg.help(format!("{meaning} [default: {default}]")));
    }
    command
}

fn number(name: &'static str, default: &'static str, allowed: RangeInclusive<i64>) -> Arg {
    Arg::new(name)
        .long(name)
        .value_name("N")
        .default_value(default)
        .value_parser(clap::value_parser!(u32).range(allowed))
}
