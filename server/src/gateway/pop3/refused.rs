//! Refusals of POP3: their codes and texts.

use std::borrow::Cow;

use correio_proto::message::ErrorCode;

use super::{
    command::NoCommand,
    maildrop::{MAILS_MAX, NoMail},
    reply::{self, Code},
};
use crate::{
    gateway::{
        GatewayRefusal,
        login::LoginRefusal,
        refusal::{self, Logging},
        sasl::SaslError,
    },
    metrics::counts::RequestKind,
};

/// Why a command is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refused {
    /// The line is not a command.
    Command(NoCommand),
    /// The line has more bytes than the server reads.
    LongLine,
    /// The line goes on after the bytes that the server skips.
    EndlessLine,
    /// The command is out of order.
    Order(Order),
    /// The exchange has ended without a login.
    Sasl(SaslError),
    /// The program is not logged in.
    Login(LoginRefusal),
    /// The number names no mail.
    NoMail(NoMail),
    /// Another program has deleted the mail after the login.
    Gone,
    /// The mailbox has more mails than a session lists.
    TooManyMails,
    /// The store could not delete all marked mails.
    NotDeleted,
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
    /// TLS comes before authentication.
    TlsFirst,
    /// TLS is not offered, or has begun.
    NoTls,
    /// `USER` comes before `PASS`.
    UserFirst,
    /// The login comes before the mailbox.
    LoginFirst,
    /// The program is logged in already.
    LoggedIn,
}

impl Refused {
    /// Appends the reply.
    pub(super) fn write(self, output: &mut Vec<u8>) {
        match self.reply_code() {
            Some(code) => reply::failed(output, code, self.text()),
            None => reply::refused(output, self.text()),
        }
    }

    /// The code of the reply. Only a wrong password has the code that makes programs ask their user
    /// for another password.
    fn reply_code(self) -> Option<Code> {
        match self {
            Self::Login(LoginRefusal::WrongPassword) => Some(Code::Auth),
            Self::Login(LoginRefusal::Disabled) | Self::TooManyMails | Self::NoAccount => {
                Some(Code::Permanent)
            }
            Self::Login(
                LoginRefusal::Limited(_) | LoginRefusal::Busy | LoginRefusal::Unavailable,
            )
            | Self::NotDeleted
            | Self::Busy
            | Self::Unavailable => Some(Code::Temporary),
            Self::Command(_)
            | Self::LongLine
            | Self::EndlessLine
            | Self::Order(_)
            | Self::Sasl(_)
            | Self::NoMail(_)
            | Self::Gone => None,
        }
    }

    /// The text.
    pub(super) fn text(self) -> Cow<'static, str> {
        let text = match self {
            Self::Command(error) => command(error),
            Self::LongLine => refusal::LONG_LINE,
            Self::EndlessLine => "the line does not end",
            Self::Order(Order::TlsFirst) => "begin TLS first, with STLS",
            Self::Order(Order::NoTls) => "TLS cannot begin on this connection",
            Self::Order(Order::UserFirst) => "send the username first, with USER",
            Self::Order(Order::LoginFirst) => "log in first",
            Self::Order(Order::LoggedIn) => refusal::LOGGED_IN,
            Self::Sasl(error) => refusal::sasl(error),
            Self::Login(refusal) => return refusal.text(),
            Self::NoMail(NoMail::Beyond) => "the mailbox has no mail of this number",
            Self::NoMail(NoMail::Deleted) => "this mail is marked as deleted; RSET takes that back",
            Self::Gone => "another program has deleted this mail",
            Self::TooManyMails => {
                let text = format!(
                    "the mailbox has more than {MAILS_MAX} mails; receive some with correio first"
                );
                return text.into();
            }
            Self::NotDeleted => "some mails could not be deleted now; they stay",
            Self::NoAccount => refusal::NO_ACCOUNT,
            Self::Busy => refusal::BUSY,
            Self::Unavailable => refusal::UNAVAILABLE,
        };
        text.into()
    }

    /// The refusal for the metrics.
    pub(super) fn refusal(self) -> GatewayRefusal {
        let kind = match self {
            Self::Login(_) => Some(RequestKind::ProgramLogin),
            _ => None,
        };
        GatewayRefusal { code: self.code(), kind }
    }

    /// Whether the refusal is logged as an event of its own.
    pub(super) fn logging(self) -> Logging {
        match self {
            Self::Login(_) | Self::NotDeleted | Self::Busy | Self::Unavailable => Logging::Other,
            _ => Logging::Own,
        }
    }

    /// The equivalent error of correio's own protocol.
    fn code(self) -> ErrorCode {
        match self {
            Self::Command(NoCommand::Unknown | NoCommand::Http)
            | Self::LongLine
            | Self::EndlessLine => ErrorCode::Protocol,
            Self::Command(NoCommand::Arguments(_)) | Self::Sasl(_) => ErrorCode::Invalid,
            Self::Command(NoCommand::NotOffered | NoCommand::NoMechanism)
            | Self::Order(Order::NoTls | Order::UserFirst | Order::LoggedIn)
            | Self::TooManyMails => ErrorCode::NotAllowed,
            Self::Order(Order::TlsFirst | Order::LoginFirst) | Self::NoAccount => {
                ErrorCode::NotAuthenticated
            }
            Self::Login(refusal) => refusal.code(),
            Self::NoMail(_) | Self::Gone => ErrorCode::NoSuchMail,
            Self::Busy => ErrorCode::Busy,
            Self::NotDeleted | Self::Unavailable => ErrorCode::Unavailable,
        }
    }
}

fn command(error: NoCommand) -> &'static str {
    match error {
        NoCommand::Unknown => refusal::UNKNOWN_COMMAND,
        NoCommand::Http => "this is a mail server",
        NoCommand::NotOffered => "the server does not offer this command; CAPA lists what it does",
        NoCommand::NoMechanism => refusal::MECHANISMS,
        NoCommand::Arguments(text) => text,
    }
}
