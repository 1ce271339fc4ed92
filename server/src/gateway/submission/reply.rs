//! The replies of SMTP submission: their codes, enhanced codes (RFC 3463, RFC 5248) and texts.

use std::{borrow::Cow, fmt};

use correio_proto::{
    limits,
    mail::{MailId, Username},
    message::ErrorCode,
};

use super::{
    command::CommandError,
    data::{self, DataFault, FormFault},
    head::HeadFault,
    incoming::{MailFault, StageFault},
};
use crate::{
    counted::Counted,
    gateway::{
        Ending, GatewayRefusal, Protection,
        address::AddressError,
        domain::MailDomain,
        login::LoginRefusal,
        refusal::{self, Logging},
        sasl::{Exchange, SaslError},
    },
    limits::throttle::Wait,
    metrics::counts::RequestKind,
    session::delivery::Refusal,
};

/// A reply that is not a refusal.
#[derive(Debug)]
pub(super) enum Reply<'a> {
    /// The first line of a connection.
    Greeting(&'a MailDomain),
    /// The reply to `HELO`.
    Hello(&'a MailDomain),
    /// The reply to `EHLO`: the server's extensions.
    Extensions {
        /// The server's domain.
        domain: &'a MailDomain,
        /// Whether TLS must begin before authentication.
        protection: Protection,
        /// Most bytes of a mail.
        size_max: u64,
    },
    /// TLS begins.
    StartTls,
    /// The exchange waits for the program's answer.
    Challenge(&'a Exchange),
    /// The program is logged in.
    LoggedIn,
    /// The sender that `MAIL` states may send.
    Sender,
    /// The recipient takes mail of this sender.
    Recipient,
    /// The server waits for the mail.
    GoOn,
    /// The mail is stored in the mailboxes.
    Accepted(MailId),
    /// The mail was accepted before.
    Repeated(MailId),
    /// The reply to `RSET`.
    Reset,
    /// The reply to `NOOP`.
    Nothing,
    /// The reply to `VRFY`.
    Unverified,
    /// The reply to `HELP`.
    Help,
    /// The reply to `QUIT`.
    Bye,
    /// The server ends the connection.
    End(Ending),
}

/// Why a command or a mail is refused.
#[derive(Debug)]
pub(super) enum Refused<'a> {
    /// The line is not a command.
    Command(CommandError),
    /// The line has more bytes than the server reads.
    LongLine,
    /// The line does not end with CR LF.
    LineEnd,
    /// The command is out of order.
    Order(Order),
    /// The exchange has ended without a login.
    Sasl(SaslError),
    /// The mechanism is not offered.
    Mechanism,
    /// The program is not logged in.
    Login(LoginRefusal),
    /// The address of `MAIL` is not that of the account that is logged in.
    Sender,
    /// The address of `RCPT` is not of an account or list of this server.
    Address(AddressError),
    /// No account or list has this name.
    Unknown,
    /// The list takes no mail of this sender.
    MayNotSend,
    /// The mail has as many recipients as a mail may have.
    TooManyRecipients,
    /// The mail has more than this many bytes.
    TooLarge(u64),
    /// The form of the mail's data is refused.
    Data(FormFault),
    /// The mail's head is refused.
    Head(HeadFault),
    /// The store refused the mail.
    Delivery(&'a Refusal),
    /// The account sends too often.
    Limited(Wait),
    /// There is no room for another large mail now.
    UploadsFull,
    /// The account does not exist any more.
    NoAccount,
    /// The store has too much to do.
    Busy,
    /// The store could not do its job.
    Unavailable,
}

/// Why a command is out of order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Order {
    /// `EHLO` comes first.
    HelloFirst,
    /// TLS comes before authentication.
    TlsFirst,
    /// Authentication comes before mail.
    LoginFirst,
    /// TLS and authentication come before mail.
    TlsBeforeMail,
    /// TLS is not offered, or has begun.
    NoTls,
    /// The program is logged in already.
    LoggedIn,
    /// A mail has begun.
    MailBegun,
    /// `MAIL` comes first.
    MailFirst,
    /// `RCPT` comes first: the mail has no recipient.
    RecipientFirst,
}

/// A reply of one line: its code, its enhanced code (empty for none) and its text.
type Line<'a> = (u16, &'static str, Cow<'a, str>);

impl Reply<'_> {
    /// Appends the reply.
    pub(super) fn write(&self, output: &mut Vec<u8>) {
        match self {
            Self::Extensions { domain, protection, size_max } => {
                write_extensions(output, domain, *protection, *size_max);
            }
            reply => write_line(&reply.line(), output),
        }
    }

    fn line(&self) -> Line<'_> {
        let line = |code, enhanced, text: &'static str| (code, enhanced, Cow::from(text));
        match self {
            Self::Greeting(domain) => (220, "", format!("{domain} ESMTP correio").into()),
            Self::Hello(domain) | Self::Extensions { domain, .. } => {
                (250, "", domain.as_str().into())
            }
            Self::StartTls => line(220, "2.0.0", "begin TLS"),
            Self::Challenge(exchange) => line(334, "", exchange.challenge()),
            Self::LoggedIn => line(235, "2.7.0", "logged in"),
            Self::Sender => line(250, "2.1.0", "sender accepted"),
            Self::Recipient => line(250, "2.1.5", "recipient accepted"),
            Self::GoOn => line(354, "", "send the mail, and then a line with a dot"),
            Self::Accepted(id) => (250, "2.0.0", format!("accepted as {id}").into()),
            Self::Repeated(id) => (250, "2.0.0", format!("accepted before as {id}").into()),
            Self::Reset => line(250, "2.0.0", "forgotten"),
            Self::Nothing => line(250, "2.0.0", "here"),
            Self::Unverified => {
                line(252, "2.5.0", "cannot tell; RCPT says whether a recipient gets mail")
            }
            Self::Help => {
                line(214, "2.0.0", "this server takes mail of its own accounts (RFC 6409)")
            }
            Self::Bye => line(221, "2.0.0", "goodbye"),
            Self::End(ending) => line(421, ended(*ending), refusal::ended(*ending)),
        }
    }
}

fn write_line((code, enhanced, text): &Line<'_>, output: &mut Vec<u8>) {
    let gap = if enhanced.is_empty() { "" } else { " " };
    output.extend_from_slice(format!("{code} {enhanced}{gap}{text}\r\n").as_bytes());
}

fn write_extensions(
    output: &mut Vec<u8>,
    domain: &MailDomain,
    protection: Protection,
    size_max: u64,
) {
    let mut add = |line: fmt::Arguments<'_>| {
        output.extend_from_slice(format!("250-{line}\r\n").as_bytes());
    };
    add(format_args!("{domain}"));
    add(format_args!("PIPELINING"));
    add(format_args!("SIZE {size_max}"));
    add(format_args!("8BITMIME"));
    add(format_args!("ENHANCEDSTATUSCODES"));
    match protection {
        Protection::Startable => add(format_args!("STARTTLS")),
        Protection::Protected => add(format_args!("AUTH PLAIN LOGIN")),
    }
    let last = format!("250 LIMITS RCPTMAX={}\r\n", limits::RECIPIENTS_MAX);
    output.extend_from_slice(last.as_bytes());
}

/// The enhanced code of the reply that ends a connection.
fn ended(ending: Ending) -> &'static str {
    match ending {
        Ending::ShuttingDown => "4.3.2",
        Ending::SessionEnded | Ending::Rejected(_) => "4.7.0",
        Ending::NoRoom => "4.3.1",
        Ending::TimedOut => "4.4.2",
    }
}

impl Refused<'_> {
    /// The refusal of a mail for this fault, where a mail may have `size_max` bytes.
    pub(super) fn of(fault: MailFault, size_max: u64) -> Self {
        match fault {
            MailFault::Data(DataFault::TooLarge) => Self::TooLarge(size_max),
            MailFault::Data(DataFault::Form(fault)) => Self::Data(fault),
            MailFault::Head(fault) => Self::Head(fault),
            MailFault::Store(StageFault::Full) => Self::UploadsFull,
            MailFault::Store(StageFault::Busy) => Self::Busy,
            MailFault::Store(StageFault::Unavailable) => Self::Unavailable,
            MailFault::Store(StageFault::NoAccount) => Self::NoAccount,
        }
    }

    /// Appends the reply.
    pub(super) fn write(&self, output: &mut Vec<u8>) {
        write_line(&self.line(), output);
    }

    fn line(&self) -> Line<'_> {
        let line = |code, enhanced, text: &'static str| (code, enhanced, Cow::from(text));
        match self {
            Self::Command(error) => command(*error),
            Self::LongLine => line(500, "5.5.6", refusal::LONG_LINE),
            Self::LineEnd => line(500, "5.5.2", "a line ends with CR LF"),
            Self::Order(order) => out_of_order(*order),
            Self::Sasl(error) => {
                let enhanced = match error {
                    SaslError::Cancelled => "5.7.0",
                    SaslError::Encoding | SaslError::Malformed => "5.5.2",
                };
                line(501, enhanced, refusal::sasl(*error))
            }
            Self::Mechanism => line(504, "5.5.4", refusal::MECHANISMS),
            Self::Login(refusal) => login(*refusal),
            Self::Sender => line(550, "5.7.1", "the sender must be the account that is logged in"),
            Self::Address(error) => address(*error),
            Self::Unknown => line(550, "5.1.1", "there is no such account or list"),
            Self::MayNotSend => line(550, "5.7.1", "this list takes no mail from you"),
            Self::TooManyRecipients => {
                let text = format!("a mail has at most {} recipients", limits::RECIPIENTS_MAX);
                (452, "4.5.3", text.into())
            }
            Self::TooLarge(max) => {
                (552, "5.3.4", format!("a mail has at most {}", Counted(*max, "byte")).into())
            }
            Self::Data(fault) => data_fault(*fault),
            Self::Head(fault) => head(*fault),
            Self::Delivery(refusal) => delivery(refusal),
            Self::Limited(wait) => {
                let text = format!(
                    "too many mails; try again in {}",
                    Counted(wait.seconds().into(), "second")
                );
                (451, "4.7.1", text.into())
            }
            Self::UploadsFull => {
                line(451, "4.3.1", "there is no room for another large mail now; try again later")
            }
            Self::NoAccount => line(550, "5.7.1", refusal::NO_ACCOUNT),
            Self::Busy => line(451, "4.3.2", refusal::BUSY),
            Self::Unavailable => line(451, "4.3.0", refusal::UNAVAILABLE),
        }
    }

    /// The refusal for the metrics. Logins and mails that are refused by the throttle name their
    /// kind, since they have asked nothing of the store.
    pub(super) fn refusal(&self) -> GatewayRefusal {
        let kind = match self {
            Self::Login(_) => Some(RequestKind::ProgramLogin),
            Self::Limited(_) => Some(RequestKind::ProgramSend),
            _ => None,
        };
        GatewayRefusal { code: self.code(), kind }
    }

    /// Whether the refusal is logged as an event of its own.
    pub(super) fn logging(&self) -> Logging {
        match self {
            Self::Login(_)
            | Self::Delivery(_)
            | Self::Limited(_)
            | Self::Busy
            | Self::Unavailable => Logging::Other,
            _ => Logging::Own,
        }
    }

    /// The equivalent error of correio's own protocol.
    fn code(&self) -> ErrorCode {
        match self {
            Self::Command(_) | Self::LongLine | Self::LineEnd => ErrorCode::Protocol,
            Self::Order(Order::TlsFirst | Order::TlsBeforeMail | Order::LoginFirst)
            | Self::NoAccount => ErrorCode::NotAuthenticated,
            Self::Order(_)
            | Self::Mechanism
            | Self::Sender
            | Self::Head(HeadFault::Author | HeadFault::OtherAuthor) => ErrorCode::NotAllowed,
            Self::Address(_) | Self::Unknown => ErrorCode::UnknownRecipient,
            Self::MayNotSend => ErrorCode::MayNotSend,
            Self::TooLarge(_) => ErrorCode::TooLarge,
            Self::Sasl(_)
            | Self::Head(HeadFault::TooLong)
            | Self::TooManyRecipients
            | Self::Data(_) => ErrorCode::Invalid,
            Self::UploadsFull | Self::Busy => ErrorCode::Busy,
            Self::Login(refusal) => refusal.code(),
            Self::Delivery(refusal) => refusal.code(),
            Self::Limited(_) => ErrorCode::RateLimited,
            Self::Unavailable => ErrorCode::Unavailable,
        }
    }

    /// The text, for the log.
    pub(super) fn text(&self) -> String {
        self.line().2.into_owned()
    }
}

fn command(error: CommandError) -> Line<'static> {
    let (code, enhanced, text) = match error {
        CommandError::Unknown => (500, "5.5.1", refusal::UNKNOWN_COMMAND),
        CommandError::Characters => (500, "5.5.2", "the line has characters that no command has"),
        CommandError::Arguments => (501, "5.5.4", "the arguments are not of the command's form"),
        CommandError::Address => (501, "5.1.3", "this is no address"),
        CommandError::Parameter => (555, "5.5.4", "this parameter was not offered"),
    };
    (code, enhanced, text.into())
}

fn out_of_order(order: Order) -> Line<'static> {
    let (code, enhanced, text) = match order {
        Order::HelloFirst => (503, "5.5.1", "EHLO comes first"),
        Order::TlsFirst => (538, "5.7.11", "STARTTLS comes before authentication"),
        Order::TlsBeforeMail => (530, "5.7.0", "STARTTLS and authentication come before mail"),
        Order::LoginFirst => (530, "5.7.0", "authentication comes before mail"),
        Order::NoTls => (503, "5.5.1", "STARTTLS is not offered"),
        Order::LoggedIn => (503, "5.5.1", refusal::LOGGED_IN),
        Order::MailBegun => (503, "5.5.1", "a mail has begun; RSET forgets it"),
        Order::MailFirst => (503, "5.5.1", "MAIL comes first"),
        Order::RecipientFirst => (554, "5.5.1", "the mail has no recipient"),
    };
    (code, enhanced, text.into())
}

fn login(refusal: LoginRefusal) -> Line<'static> {
    let (code, enhanced) = match refusal {
        LoginRefusal::WrongPassword => (535, "5.7.8"),
        LoginRefusal::Disabled => (535, "5.7.13"),
        LoginRefusal::Limited(_) => (454, "4.7.0"),
        LoginRefusal::Busy => (454, "4.3.2"),
        LoginRefusal::Unavailable => (454, "4.3.0"),
    };
    (code, enhanced, refusal.text())
}

fn address(error: AddressError) -> Line<'static> {
    match error {
        AddressError::Malformed => (501, "5.1.3", "this is no address".into()),
        AddressError::OtherDomain => (550, "5.7.1", "this server does not relay".into()),
        AddressError::NoUsername => (550, "5.1.1", "there is no such account or list".into()),
    }
}

fn data_fault(fault: FormFault) -> Line<'static> {
    match fault {
        FormFault::BareLineEnd => {
            (554, "5.6.0", "a line of the mail ends with CR or LF alone".into())
        }
        FormFault::Nul => (554, "5.6.0", "the mail has a NUL".into()),
        FormFault::LongLine => {
            let text = format!("a line of the mail has more than {} bytes", data::LINE_MAX);
            (554, "5.6.0", text.into())
        }
    }
}

fn head(fault: HeadFault) -> Line<'static> {
    match fault {
        HeadFault::TooLong => (554, "5.6.0", "the head of the mail is too long".into()),
        HeadFault::Author => (550, "5.7.1", "From must have exactly one address".into()),
        HeadFault::OtherAuthor => {
            (550, "5.7.1", "From must be the account that is logged in".into())
        }
    }
}

fn delivery(refusal: &Refusal) -> Line<'static> {
    let (code, enhanced, text, recipients): (_, _, _, &[Username]) = match refusal {
        // Another try has another upload. The session takes a conflict for a repeated mail.
        Refusal::Conflict | Refusal::Incomplete { .. } => {
            (451, "4.3.0", "the server could not take the mail; try again", &[])
        }
        Refusal::UnknownRecipients(names) => (550, "5.1.1", "recipients do not exist", names),
        Refusal::MayNotSend(names) => (550, "5.7.1", "lists take no mail from you", names),
        Refusal::ListsFull => {
            (550, "5.5.3", "the lists have together too many members for one mail", &[])
        }
        Refusal::MailboxesFull { recipients, .. } => {
            (452, "4.2.2", "mailboxes are full; nobody got the mail", recipients)
        }
    };
    // A line of a reply has at most 512 bytes.
    let mut text = text.to_owned();
    for (index, name) in recipients.iter().take(10).enumerate() {
        text.push_str(if index == 0 { ": " } else { ", " });
        text.push_str(name.as_str());
    }
    if recipients.len() > 10 {
        text.push_str(", and others");
    }
    (code, enhanced, text.into())
}
