//! Commands of POP3, each read from one line.

use zeroize::Zeroizing;

use crate::gateway::sasl::Mechanism;

/// Methods of HTTP. A browser that an attacker has lured to this port sends them, and then lines
/// that may be commands.
const HTTP_METHODS: [&str; 10] =
    ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT", "PRI"];

/// Commands that other servers have and this server does not. Programs try them.
const NOT_OFFERED: [&str; 7] = ["APOP", "LAST", "XTND", "LANG", "UTF8", "RPOP", "XSENDER"];

/// Number of a mail in a session: the first is 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct MailNumber(pub(super) u32);

/// A command.
#[derive(Clone, PartialEq, Eq)]
pub(super) enum Command {
    /// `CAPA`.
    Capabilities,
    /// `STLS`.
    StartTls,
    /// `USER`, with the name.
    User(String),
    /// `PASS`, with the password.
    Password(Zeroizing<String>),
    /// `AUTH` alone.
    Mechanisms,
    /// `AUTH` with a mechanism, and the initial response in base64 if there is one.
    Authenticate(Mechanism, Option<Zeroizing<String>>),
    /// `STAT`.
    Status,
    /// `LIST`, of one mail or of all.
    List(Option<MailNumber>),
    /// `UIDL`, of one mail or of all.
    UniqueIds(Option<MailNumber>),
    /// `RETR`.
    Retrieve(MailNumber),
    /// `TOP`, with the lines of the body.
    Top(MailNumber, u64),
    /// `DELE`.
    Delete(MailNumber),
    /// `RSET`.
    Reset,
    /// `NOOP`.
    Noop,
    /// `QUIT`.
    Quit,
}

/// Why a line is not a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NoCommand {
    /// The line is not text, or its first word is not the name of a command.
    Unknown,
    /// The line is a request of HTTP.
    Http,
    /// The command is one that only other servers have.
    NotOffered,
    /// `AUTH` names a mechanism that the server does not have.
    NoMechanism,
    /// The arguments are wrong; the text says what they must be.
    Arguments(&'static str),
}

impl Command {
    /// Reads a line without its end.
    pub(super) fn parse(line: &[u8]) -> Result<Self, NoCommand> {
        let line = std::str::from_utf8(line).map_err(|_| NoCommand::Unknown)?;
        if line.contains(|c: char| c.is_control() && c != '\t') {
            return Err(NoCommand::Unknown);
        }
        let (name, rest) = line.split_once(' ').unwrap_or((line.trim_end(), ""));
        let name = name.to_ascii_uppercase();
        if name == "PASS" {
            // Spaces are part of a password.
            return Ok(Self::Password(Zeroizing::new(rest.to_owned())));
        }
        let mut words = rest.split_ascii_whitespace();
        let arguments = (words.next(), words.next(), words.next());
        match (name.as_str(), arguments) {
            ("CAPA", _) => Ok(Self::Capabilities),
            ("QUIT", _) => Ok(Self::Quit),
            ("NOOP", _) => Ok(Self::Noop),
            ("STAT", (None, ..)) => Ok(Self::Status),
            ("RSET", (None, ..)) => Ok(Self::Reset),
            ("STLS", (None, ..)) => Ok(Self::StartTls),
            ("STAT" | "RSET" | "STLS", _) => {
                Err(NoCommand::Arguments("this command is a word alone"))
            }
            ("USER", _) if !rest.trim().is_empty() => Ok(Self::User(rest.trim().to_owned())),
            ("USER", _) => Err(NoCommand::Arguments("the name is missing: USER NAME")),
            ("AUTH", arguments) => authenticate(arguments),
            ("LIST", arguments) => Ok(Self::List(optional(arguments)?)),
            ("UIDL", arguments) => Ok(Self::UniqueIds(optional(arguments)?)),
            ("RETR", arguments) => Ok(Self::Retrieve(required(arguments)?)),
            ("DELE", arguments) => Ok(Self::Delete(required(arguments)?)),
            ("TOP", (Some(mail), Some(lines), None)) => {
                let lines = digits(lines).ok_or(WRONG_TOP)?;
                Ok(Self::Top(number(mail).ok_or(WRONG_TOP)?, lines))
            }
            ("TOP", _) => Err(WRONG_TOP),
            (name, _) if HTTP_METHODS.contains(&name) => Err(NoCommand::Http),
            (name, _) if NOT_OFFERED.contains(&name) => Err(NoCommand::NotOffered),
            _ => Err(NoCommand::Unknown),
        }
    }
}

const WRONG_TOP: NoCommand =
    NoCommand::Arguments("the command is TOP MAIL LINES, with two numbers");

const WRONG_NUMBER: NoCommand =
    NoCommand::Arguments("the number of one mail must follow; the first mail is 1");

/// The first three words after a command's name; more words may follow.
type Arguments<'a> = (Option<&'a str>, Option<&'a str>, Option<&'a str>);

fn authenticate(arguments: Arguments<'_>) -> Result<Command, NoCommand> {
    match arguments {
        (None, ..) => Ok(Command::Mechanisms),
        (Some(name), initial, None) => {
            let mechanism = Mechanism::named(name).ok_or(NoCommand::NoMechanism)?;
            let initial = initial.map(|initial| Zeroizing::new(initial.to_owned()));
            Ok(Command::Authenticate(mechanism, initial))
        }
        _ => Err(NoCommand::Arguments("the command is AUTH MECHANISM, or AUTH MECHANISM RESPONSE")),
    }
}

fn optional(arguments: Arguments<'_>) -> Result<Option<MailNumber>, NoCommand> {
    match arguments {
        (None, ..) => Ok(None),
        arguments => required(arguments).map(Some),
    }
}

fn required(arguments: Arguments<'_>) -> Result<MailNumber, NoCommand> {
    match arguments {
        (Some(mail), None, _) => number(mail).ok_or(WRONG_NUMBER),
        _ => Err(WRONG_NUMBER),
    }
}

fn number(text: &str) -> Option<MailNumber> {
    let number = u32::try_from(digits(text)?).unwrap_or(u32::MAX);
    (number > 0).then_some(MailNumber(number))
}

/// A number of decimal digits alone. A number above the largest `u64` becomes the largest.
fn digits(text: &str) -> Option<u64> {
    let is_number = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then(|| text.parse().unwrap_or(u64::MAX))
}
