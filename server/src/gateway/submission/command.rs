//! The commands of SMTP submission (RFC 5321, RFC 6409), each of which is one line.

/// A command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Command<'a> {
    /// `EHLO`, with any argument, since programs name themselves in many forms.
    Ehlo,
    /// `HELO`, with any argument.
    Helo,
    /// `MAIL FROM:`.
    Mail {
        /// The address that the program states as the sender's.
        from: ReversePath<'a>,
        /// Bytes of the mail, as the program states them (RFC 1870).
        size: Option<u64>,
    },
    /// `RCPT TO:` with this address, which has no angle brackets around it and is not checked.
    Rcpt(&'a str),
    /// `DATA`.
    Data,
    /// `RSET`.
    Rset,
    /// `NOOP`.
    Noop,
    /// `VRFY`.
    Vrfy,
    /// `HELP`.
    Help,
    /// `QUIT`.
    Quit,
    /// `STARTTLS` (RFC 3207).
    StartTls,
    /// `AUTH` (RFC 4954).
    Auth {
        /// Name of the mechanism.
        mechanism: &'a str,
        /// The initial response in base64.
        initial: Option<&'a str>,
    },
    /// A method of HTTP: an attacker makes a browser send a form to this port (ALPACA).
    Http,
}

/// The address of `MAIL`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReversePath<'a> {
    /// `<>`: reports about the mail go to nobody.
    Null,
    /// This address, which has no angle brackets around it and is not checked.
    Address(&'a str),
}

/// Why a line is not a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CommandError {
    /// The first word is not the name of a command.
    Unknown,
    /// The line has a NUL or a bare CR, or is not text.
    Characters,
    /// The arguments do not have the command's form.
    Arguments,
    /// The argument is not an address.
    Address,
    /// The command has a parameter that the server does not offer.
    Parameter,
}

/// Methods of HTTP, with the first word of HTTP/2.
const HTTP: [&str; 10] =
    ["GET", "POST", "HEAD", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH", "PRI"];

/// Parses a line, without its CR LF.
///
/// # Errors
///
/// See [`CommandError`].
pub fn parse(line: &[u8]) -> Result<Command<'_>, CommandError> {
    if line.iter().any(|byte| b"\0\r\n".contains(byte)) {
        return Err(CommandError::Characters);
    }
    let line = line.trim_ascii();
    let verb_end = line.iter().position(u8::is_ascii_whitespace).unwrap_or(line.len());
    let (verb, rest) = line.split_at(verb_end);
    let verb = verb.to_ascii_uppercase();
    let verb = str::from_utf8(&verb).map_err(|_| CommandError::Unknown)?;
    // The name that a program gives itself may have any bytes.
    match verb {
        "EHLO" => return Ok(Command::Ehlo),
        "HELO" => return Ok(Command::Helo),
        _ => {}
    }
    let text = str::from_utf8(rest).map_err(|_| CommandError::Characters)?.trim();
    match verb {
        "MAIL" => mail(text),
        "RCPT" => rcpt(text),
        "AUTH" => auth(text),
        "DATA" => alone(Command::Data, text),
        "STARTTLS" => alone(Command::StartTls, text),
        "RSET" => Ok(Command::Rset),
        "NOOP" => Ok(Command::Noop),
        "VRFY" => Ok(Command::Vrfy),
        "HELP" => Ok(Command::Help),
        "QUIT" => Ok(Command::Quit),
        verb if HTTP.contains(&verb) => Ok(Command::Http),
        _ => Err(CommandError::Unknown),
    }
}

/// A command that has no argument.
fn alone<'a>(command: Command<'a>, arguments: &str) -> Result<Command<'a>, CommandError> {
    if arguments.is_empty() { Ok(command) } else { Err(CommandError::Arguments) }
}

fn mail(text: &str) -> Result<Command<'_>, CommandError> {
    let (address, parameters) = path(after_keyword(text, "FROM:")?)?;
    let mut size = None;
    for parameter in parameters.split_ascii_whitespace() {
        let (name, value) = parameter.split_once('=').unwrap_or((parameter, ""));
        match name.to_ascii_uppercase().as_str() {
            "SIZE" => {
                let is_number = (1..=20).contains(&value.len())
                    && value.bytes().all(|byte| byte.is_ascii_digit());
                if !is_number {
                    return Err(CommandError::Arguments);
                }
                // A number of twenty digits may exceed `u64`: the mail is too large in any case.
                size = Some(value.parse().unwrap_or(u64::MAX));
            }
            "BODY" => match value.to_ascii_uppercase().as_str() {
                "7BIT" | "8BITMIME" => {}
                _ => return Err(CommandError::Parameter),
            },
            // The submitter by another server's login (RFC 4954); this server trusts its own alone.
            "AUTH" => {}
            _ => return Err(CommandError::Parameter),
        }
    }
    let from = match address {
        "" => ReversePath::Null,
        address => ReversePath::Address(address),
    };
    Ok(Command::Mail { from, size })
}

fn rcpt(text: &str) -> Result<Command<'_>, CommandError> {
    let (address, parameters) = path(after_keyword(text, "TO:")?)?;
    match (address, parameters) {
        ("", _) => Err(CommandError::Address),
        (address, "") => Ok(Command::Rcpt(address)),
        (_, _) => Err(CommandError::Parameter),
    }
}

/// The text after a keyword in any case, and after the space that Outlook puts there.
fn after_keyword<'a>(text: &'a str, keyword: &str) -> Result<&'a str, CommandError> {
    let (start, rest) = text.split_at_checked(keyword.len()).ok_or(CommandError::Arguments)?;
    if start.eq_ignore_ascii_case(keyword) {
        Ok(rest.trim_start())
    } else {
        Err(CommandError::Arguments)
    }
}

/// Splits an address in angle brackets, or without them, from the parameters after it. Returns the
/// address without brackets.
fn path(text: &str) -> Result<(&str, &str), CommandError> {
    let Some(inside) = text.strip_prefix('<') else {
        let (address, rest) = text.split_once(' ').unwrap_or((text, ""));
        return if address.is_empty() {
            Err(CommandError::Address)
        } else {
            Ok((address, rest.trim()))
        };
    };
    let mut is_quoted = false;
    let end = inside.find(|c| {
        is_quoted ^= c == '"';
        c == '>' && !is_quoted
    });
    let (address, rest) = inside.split_at(end.ok_or(CommandError::Address)?);
    let rest = rest.strip_prefix('>').unwrap_or(rest);
    match rest.is_empty() || rest.starts_with([' ', '\t']) {
        true => Ok((address, rest.trim())),
        false => Err(CommandError::Arguments),
    }
}

fn auth(text: &str) -> Result<Command<'_>, CommandError> {
    // Windows Mail sends two spaces.
    let mut words = text.split_ascii_whitespace();
    match (words.next(), words.next(), words.next()) {
        (Some(mechanism), initial, None) => Ok(Command::Auth { mechanism, initial }),
        _ => Err(CommandError::Arguments),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mail(from: &str, size: Option<u64>) -> Result<Command<'_>, CommandError> {
        Ok(Command::Mail { from: ReversePath::Address(from), size })
    }

    #[test]
    fn commands_are_read_in_any_case() {
        let cases: [(&[u8], Command<'_>); 12] = [
            (b"EHLO [192.0.2.1]", Command::Ehlo),
            (b"ehlo caf\xe9 of tony", Command::Ehlo),
            (b"EHLO", Command::Ehlo),
            (b"HELO x_y", Command::Helo),
            (b"data", Command::Data),
            (b"RSET ", Command::Rset),
            (b"NOOP hello", Command::Noop),
            (b"VRFY tony", Command::Vrfy),
            (b"HELP", Command::Help),
            (b"quit", Command::Quit),
            (b"StartTLS", Command::StartTls),
            (b"GET / HTTP/1.1", Command::Http),
        ];
        for (line, command) in cases {
            assert_eq!(parse(line), Ok(command), "{:?}", line.escape_ascii());
        }
    }

    #[test]
    fn senders_are_read_as_programs_write_them() {
        let address = "tony@mail.example";
        for line in [
            "MAIL FROM:<tony@mail.example>",
            "mail from: <tony@mail.example>",
            "MAIL FROM:  tony@mail.example ",
            "MAIL FROM:<tony@mail.example> BODY=8BITMIME",
            "MAIL FROM:<tony@mail.example>  body=7bit AUTH=<>",
        ] {
            assert_eq!(parse(line.as_bytes()), mail(address, None), "{line}");
        }
        let sized = b"MAIL FROM:<tony@mail.example> SIZE=123 AUTH=tony@mail.example";
        assert_eq!(parse(sized), mail(address, Some(123)));
        let huge = b"MAIL FROM:<tony@mail.example> SIZE=99999999999999999999";
        assert_eq!(parse(huge), mail(address, Some(u64::MAX)));
        let null = Command::Mail { from: ReversePath::Null, size: None };
        assert_eq!(parse(b"MAIL FROM:<>"), Ok(null));
        assert_eq!(parse(b"MAIL FROM:<\"a> b\"@x>"), mail("\"a> b\"@x", None));
    }

    #[test]
    fn recipients_are_read_as_programs_write_them() {
        for line in ["RCPT TO:<steve@mail.example>", "rcpt to: steve@mail.example"] {
            assert_eq!(parse(line.as_bytes()), Ok(Command::Rcpt("steve@mail.example")), "{line}");
        }
    }

    #[test]
    fn authentication_is_read_with_any_spaces() {
        let auth = |mechanism, initial| Ok(Command::Auth { mechanism, initial });
        assert_eq!(parse(b"AUTH PLAIN"), auth("PLAIN", None));
        assert_eq!(parse(b"AUTH PLAIN "), auth("PLAIN", None));
        assert_eq!(parse(b"auth  plain  AHg="), auth("plain", Some("AHg=")));
        assert_eq!(parse(b"AUTH PLAIN ="), auth("PLAIN", Some("=")));
    }

    #[test]
    fn each_other_line_has_its_error() {
        use CommandError::{Address, Arguments, Characters, Parameter, Unknown};
        let cases: [(&[u8], CommandError); 24] = [
            (b"", Unknown),
            (b"XYZZY", Unknown),
            (b"BDAT 3 LAST", Unknown),
            (b"\xff\xfe", Unknown),
            (b"\x16\x03\x01", Unknown),
            (b"NOOP\0", Characters),
            (b"NOOP\rQUIT", Characters),
            (b"RCPT TO:<\xff>", Characters),
            (b"DATA now", Arguments),
            (b"STARTTLS now", Arguments),
            (b"AUTH", Arguments),
            (b"AUTH PLAIN a b", Arguments),
            (b"MAIL", Arguments),
            (b"MAIL TO:<tony>", Arguments),
            (b"MAIL FROM <tony>", Arguments),
            (b"MAIL FROM:<tony>SIZE=1", Arguments),
            (b"MAIL FROM:<tony> SIZE=", Arguments),
            (b"MAIL FROM:<tony> SIZE=-1", Arguments),
            (b"MAIL FROM:", Address),
            (b"MAIL FROM:<tony", Address),
            (b"RCPT TO:<>", Address),
            (b"MAIL FROM:<tony> BODY=BINARYMIME", Parameter),
            (b"MAIL FROM:<tony> SMTPUTF8", Parameter),
            (b"RCPT TO:<steve> NOTIFY=NEVER", Parameter),
        ];
        for (line, error) in cases {
            assert_eq!(parse(line), Err(error), "{:?}", line.escape_ascii());
        }
    }
}
