//! The command lines of the operator's commands.

use std::ffi::OsString;

use clap::{Arg, ArgAction, Command, value_parser};

use crate::admin::request::CODE_DAYS_MAX;

/// Names of the commands, for the list of those that use the data directory.
pub(in crate::ops) const COMMANDS: [&str; 8] =
    ["account", "list", "sessions", "unblock", "announce", "invite", "status", "nodes"];

const RUNNING: &str = "\
The command asks the running server through admin.sock in the data directory, as the server's user or \
as root. Where no server runs, it works on the database itself, and no server can start in this data \
directory until the command has ended.";

const CREATE: &str = "\
The command prints a recovery code, once. Give it to the person: with username and code, the client \
sets a password, which nobody else learns. A lost or expired code is replaced by account reset.";

const IMPORT: &str = "\
The file is CSV in UTF-8, with commas or semicolons. Each row has a username and a full name; a header \
with the names username and full_name may give another order, and other columns are ignored. At most \
10,000 rows. Either all accounts are made or none: every row that is wrong is named with its line.";

const RENAME: &str = "\
A username never changes: the password's credential and the mail that was sent have it. For another \
username, make another account.";

const RESET: &str = "\
The command prints a recovery code, once, in place of an earlier one, and revokes the account's app \
passwords at once: its mail programs need new ones. The person sets a new password with the code; until \
then the old password stays valid, and sessions go on.";

const ANNOUNCE: &str = "\
The mail comes from postmaster and goes to every account that takes mail, even to full mailboxes. A \
command that is repeated sends the mail again. An announcement that was stopped prints its id and the \
username after which it goes on: --id with both, and the same subject and text, goes on there.";

const INVITE: &str = "\
Prints codes, one a line, and records them. Without a server and without a database, codes are printed \
but not recorded.";

/// The commands, apart from their settings.
pub(in crate::ops) fn commands() -> [Command; 8] {
    [account(), list(), sessions(), unblock(), announce(), invite(), status(), nodes()]
}

fn account() -> Command {
    let about = "Show, make, change and delete accounts";
    group("account", about).subcommands([
        leaf("list", "Show all accounts"),
        leaf("show", "Show an account").arg(username()),
        leaf("create", "Make an account, and print its recovery code")
            .after_help(CREATE)
            .arg(username())
            .arg(full_name())
            .arg(expires()),
        leaf("import", "Make the accounts of a CSV file, and print their recovery codes")
            .after_help(IMPORT)
            .arg(file("The file, or - for standard input").required(true))
            .arg(
                Arg::new("codes")
                    .long("codes")
                    .value_name("FILE")
                    .value_parser(value_parser!(OsString))
                    .help("Write the codes into a new file, as CSV, instead of printing them"),
            )
            .arg(expires()),
        leaf("enable", "Let the person of a disabled account log in again").arg(username()),
        leaf("disable", "Let nobody log in to an account, and end its sessions")
            .arg(username())
            .arg(
                Arg::new("mail")
                    .long("mail")
                    .value_name("keep|refuse")
                    .value_parser(["keep", "refuse"])
                    .default_value("keep")
                    .help("Whether its mailbox takes mail, or mail that names it is refused"),
            ),
        leaf("delete", "Delete an account with its mailbox, for good").arg(username()).arg(
            Arg::new("yes")
                .long("yes")
                .action(ArgAction::SetTrue)
                .help("Do not ask first; needed where there is no terminal"),
        ),
        leaf("rename", "Change the full name of an account")
            .after_help(RENAME)
            .arg(username())
            .arg(full_name()),
        leaf("quota", "Bound the mailbox of an account, or let it have the server's bounds")
            .override_usage(
                "correiod account quota [OPTIONS] <USERNAME> <MAILS> <BYTES>\n       \
                 correiod account quota [OPTIONS] <USERNAME> default",
            )
            .arg(username())
            .arg(
                Arg::new("bounds")
                    .value_names(["MAILS", "BYTES"])
                    .num_args(1..=2)
                    .required(true)
                    .help("Most mails and most bytes, such as 64MiB, or the word default"),
            ),
        leaf("reset", "Print a recovery code, with which the person sets a new password")
            .after_help(RESET)
            .arg(username())
            .arg(expires()),
    ])
}

fn list() -> Command {
    let about = "Show, make, change and delete lists";
    group("list", about).subcommands([
        leaf("list", "Show all lists"),
        leaf("members", "Show the members of a list").arg(list_name()),
        leaf("create", "Make a list").arg(list_name()).arg(title()).arg(senders("members")),
        leaf("set", "Change the title of a list, and whose mail it takes")
            .arg(list_name())
            .arg(title())
            .arg(senders("members")),
        leaf("add", "Add members to a list, or make members owners")
            .arg(list_name())
            .arg(members())
            .arg(
                Arg::new("owner")
                    .long("owner")
                    .action(ArgAction::SetTrue)
                    .help("Make them owners, who may change the list"),
            ),
        leaf("remove", "Remove members from a list").arg(list_name()).arg(members()),
        leaf("delete", "Delete a list; mail that was sent to it stays").arg(list_name()),
    ])
}

fn sessions() -> Command {
    leaf("sessions", "Show who is logged in, or end sessions").after_help(RUNNING).arg(
        Arg::new("end").long("end").value_name("USERNAME|CONNECTION").help(
            "End all sessions of an account at this server, or that of a connection such as 3.4",
        ),
    )
}

fn unblock() -> Command {
    leaf("unblock", "Forget failed attempts, so that somebody need not wait")
        .after_help(RUNNING)
        .arg(
            Arg::new("whom")
                .value_name("ADDRESS|ACCOUNT")
                .required(true)
                .help("An IP address, with the networks that it counts for, or a username"),
        )
}

fn announce() -> Command {
    leaf("announce", "Send a mail to everybody")
        .after_help(ANNOUNCE)
        .arg(
            Arg::new("subject")
                .long("subject")
                .value_name("SUBJECT")
                .required(true)
                .help("The mail's subject"),
        )
        .arg(
            Arg::new("id")
                .long("id")
                .value_name("ID[/USERNAME]")
                .help("Go on with an announcement that was stopped"),
        )
        .arg(file("The file with the mail's text, or - for standard input").default_value("-"))
}

fn invite() -> Command {
    let number = |name, default, most: i64| {
        Arg::new(name)
            .long(name)
            .value_name("N")
            .default_value(default)
            .value_parser(value_parser!(u32).range(1..=most))
    };
    leaf("invite", "Make invites, for a server with --registration invite, running or not")
        .after_help(INVITE)
        .arg(number("count", "1", 1000).help("How many"))
        .arg(number("days", "7", 365).help("How long they can be used"))
        .subcommands([
            leaf("list", "Show all invites that were recorded"),
            leaf("revoke", "Make an invite useless").arg(
                Arg::new("id")
                    .value_name("ID")
                    .required(true)
                    .help("The invite's id, as invite list shows it"),
            ),
        ])
}

fn status() -> Command {
    leaf("status", "Show whether a server runs, and what its store has").after_help(RUNNING)
}

fn nodes() -> Command {
    leaf("nodes", "Show the servers that share a PostgreSQL database").after_help(RUNNING)
}

/// A command that has commands.
fn group(name: &'static str, about: &'static str) -> Command {
    Command::new(name)
        .about(about)
        .after_help(RUNNING)
        .subcommand_required(true)
        .arg_required_else_help(true)
}

/// A command that does something.
fn leaf(name: &'static str, about: &'static str) -> Command {
    let json = Arg::new("json")
        .long("json")
        .action(ArgAction::SetTrue)
        .help("Print the result as one JSON object");
    Command::new(name).about(about).arg(json)
}

fn username() -> Arg {
    word("username", "USERNAME").help("The account's username")
}

fn full_name() -> Arg {
    word("full_name", "FULL NAME").help("The account's full name")
}

fn list_name() -> Arg {
    word("name", "NAME").help("The list's name")
}

fn members() -> Arg {
    word("members", "USERNAME").num_args(1..).help("The members' usernames, at most 100")
}

fn word(id: &'static str, value: &'static str) -> Arg {
    Arg::new(id).value_name(value).required(true)
}

fn title() -> Arg {
    Arg::new("title")
        .long("title")
        .value_name("TITLE")
        .required(true)
        .help("What people call the list")
}

fn senders(default: &'static str) -> Arg {
    Arg::new("senders")
        .long("senders")
        .value_name("owners|members|everybody")
        .value_parser(["owners", "members", "everybody"])
        .default_value(default)
        .help("Whose mail the list takes")
}

fn expires() -> Arg {
    Arg::new("expires")
        .long("expires")
        .visible_alias("days")
        .value_name("DAYS")
        .default_value("7")
        .value_parser(value_parser!(u16).range(1..=i64::from(CODE_DAYS_MAX)))
        .help("How many days the recovery code can be used")
}

fn file(help: &'static str) -> Arg {
    Arg::new("file").value_name("FILE").value_parser(value_parser!(OsString)).help(help)
}
