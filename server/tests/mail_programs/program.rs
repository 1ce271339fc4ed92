//! Mail programs: which there are, and what each can do.

use std::path::PathBuf;

use correio_testing::skip::works;

use super::{
    command_line::CommandLine,
    house::{House, Person},
    receiving::{
        curl_receive, fetchmail, getmail, mailutils_receive, mpop, mutt_receive, net_pop3, poplib,
        s_nail_receive,
    },
    sending::{
        curl_send, dma, git_send_email, mailutils_send, msmtp, mutt, net_smtp, nodemailer,
        nullmailer, s_nail_send, smtplib, ssmtp, swaks,
    },
};

/// A mail program that may be installed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Program {
    Curl,
    CurlStartTls,
    Dma,
    Fetchmail,
    Getmail,
    GitSendEmail,
    Mailutils,
    Mpop,
    Msmtp,
    Mutt,
    Neomutt,
    Nodemailer,
    Nullmailer,
    PerlNetPop3,
    PerlNetSmtp,
    PythonPoplib,
    PythonSmtplib,
    SNail,
    Ssmtp,
    SwaksLogin,
    SwaksPlain,
}

/// The program with which nullmailer, which stands in for sendmail, hands a mail on.
pub const NULLMAILER: &str = "/usr/lib/nullmailer/smtp";

/// A mail for a program to send, from Tony to Pepper.
#[derive(Clone, Copy, Debug)]
pub struct Letter<'a> {
    pub subject: &'a str,
    pub text: &'a str,
    /// A file in the test's directory.
    pub attachment: Option<&'a str>,
    pub password: &'a str,
}

/// What a program does with the mails that it has received.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Then {
    Keep,
    Delete,
}

/// A command line that receives Pepper's mails, and where it puts them.
pub struct Receiving {
    pub line: CommandLine,
    pub into: Into,
}

/// Where a program puts what it receives.
pub enum Into {
    Output,
    File(PathBuf),
    Maildir(PathBuf),
}

impl Program {
    /// The name in the document.
    pub fn name(self) -> &'static str {
        match self {
            Self::Curl => "curl, TLS from the start",
            Self::CurlStartTls => "curl, STARTTLS and STLS",
            Self::Dma => "dma",
            Self::Fetchmail => "fetchmail",
            Self::Getmail => "getmail6",
            Self::GitSendEmail => "git send-email",
            Self::Mailutils => "mail of GNU Mailutils",
            Self::Mpop => "mpop",
            Self::Msmtp => "msmtp",
            Self::Mutt => "mutt",
            Self::Neomutt => "NeoMutt",
            Self::Nodemailer => "Nodemailer",
            Self::Nullmailer => "nullmailer",
            Self::PerlNetPop3 => "Net::POP3 of Perl",
            Self::PerlNetSmtp => "Net::SMTP of Perl",
            Self::PythonPoplib => "poplib of Python",
            Self::PythonSmtplib => "smtplib of Python",
            Self::SNail => "s-nail",
            Self::Ssmtp => "sSMTP",
            Self::SwaksLogin => "swaks, AUTH LOGIN",
            Self::SwaksPlain => "swaks, AUTH PLAIN",
        }
    }

    /// Whether the program is installed.
    pub fn works(self) -> bool {
        let perl = |module: &str| works("perl", &["-MIO::Socket::SSL", module, "-e1"]);
        match self {
            Self::Curl | Self::CurlStartTls => works("curl", &["--version"]),
            Self::Dma => works("sh", &["-c", "test -x /usr/sbin/dma && test -d /etc/dma"]),
            Self::Fetchmail => works("fetchmail", &["--version"]),
            Self::Getmail => works("getmail", &["--version"]),
            Self::GitSendEmail => works("git", &["send-email", "--dump-aliases"]),
            Self::Mailutils => works("mail.mailutils", &["--version"]),
            Self::Mpop => works("mpop", &["--version"]),
            Self::Msmtp => works("msmtp", &["--version"]),
            Self::Mutt => works("mutt", &["-v"]) && works("script", &["--version"]),
            Self::Neomutt => works("neomutt", &["-v"]) && works("script", &["--version"]),
            Self::Nodemailer => works("node", &["-e", "require('nodemailer')"]),
            Self::Nullmailer => works(NULLMAILER, &["--help"]),
            Self::PerlNetPop3 => perl("-MNet::POP3"),
            Self::PerlNetSmtp => perl("-MNet::SMTP") && perl("-MAuthen::SASL"),
            Self::PythonPoplib | Self::PythonSmtplib => works("python3", &["-c", "import ssl"]),
            Self::SNail => works("s-nail", &["--version"]),
            Self::Ssmtp => works("ssmtp", &["-V"]),
            Self::SwaksLogin | Self::SwaksPlain => {
                works("swaks", &["--version"]) && perl("-MNet::SSLeay")
            }
        }
    }

    /// A command line that sends a mail; `None` of a program that sends none.
    pub fn send(self, house: &House, letter: Letter<'_>) -> Option<CommandLine> {
        let sent = match self {
            Self::Curl => curl_send(house, letter, Tls::Implicit),
            Self::CurlStartTls => curl_send(house, letter, Tls::Start),
            Self::Dma => dma(house, letter),
            Self::GitSendEmail => git_send_email(house, letter),
            Self::Mailutils => mailutils_send(house, letter),
            Self::Msmtp => msmtp(house, letter),
            Self::Mutt => mutt(house, letter, "mutt"),
            Self::Neomutt => mutt(house, letter, "neomutt"),
            Self::Nodemailer => nodemailer(house, letter),
            Self::Nullmailer => nullmailer(house, letter),
            Self::PerlNetSmtp => net_smtp(house, letter),
            Self::PythonSmtplib => smtplib(house, letter),
            Self::SNail => s_nail_send(house, letter),
            Self::Ssmtp => ssmtp(house, letter),
            Self::SwaksLogin => swaks(house, letter, Tls::Implicit, "LOGIN"),
            Self::SwaksPlain => swaks(house, letter, Tls::Start, "PLAIN"),
            Self::Fetchmail
            | Self::Getmail
            | Self::Mpop
            | Self::PerlNetPop3
            | Self::PythonPoplib => return None,
        };
        Some(sent)
    }

    /// A command line that receives Pepper's mails; `None` of a program that receives none.
    pub fn receive(self, house: &House, password: &str, then: Then) -> Option<Receiving> {
        let receiving = match self {
            Self::Curl => curl_receive(house, password, then, Tls::Implicit),
            Self::CurlStartTls => curl_receive(house, password, then, Tls::Start),
            Self::Fetchmail => fetchmail(house, password, then),
            Self::Getmail => getmail(house, password, then),
            Self::Mailutils => mailutils_receive(house, password, then),
            Self::Mpop => mpop(house, password, then),
            Self::Mutt => mutt_receive(house, password, then, "mutt"),
            Self::Neomutt => mutt_receive(house, password, then, "neomutt"),
            Self::PerlNetPop3 => net_pop3(house, password, then),
            Self::PythonPoplib => poplib(house, password, then),
            Self::SNail => s_nail_receive(house, password, then),
            Self::Dma
            | Self::GitSendEmail
            | Self::Msmtp
            | Self::Nodemailer
            | Self::Nullmailer
            | Self::PerlNetSmtp
            | Self::PythonSmtplib
            | Self::Ssmtp
            | Self::SwaksLogin
            | Self::SwaksPlain => return None,
        };
        Some(receiving)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tls {
    Implicit,
    Start,
}

pub fn curl(house: &House, person: Person, password: &str) -> CommandLine {
    CommandLine::new("curl")
        .args(["-q", "-sS", "--ssl-reqd", "--cacert"])
        .arg(house.certificate())
        .args(["--user", &format!("{}:{password}", person.username())])
}

pub fn s_nail(house: &House) -> CommandLine {
    CommandLine::new("s-nail")
        .args(["-n", "-S", "v15-compat", "-S", "ttycharset=utf-8"])
        .args(["-S", &format!("tls-ca-file={}", house.certificate().display())])
        .args(["-S", "tls-verify=strict", "-S", "tls-ca-no-defaults"])
}
