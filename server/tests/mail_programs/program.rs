//! Mail programs: which there are, and what each can do.

use std::{path::PathBuf, process::Command};

use correio_testing::skip::works;

use super::{
    house::{House, Person},
    receiving::{curl_receive, fetchmail, getmail, mpop, poplib, s_nail_receive},
    sending::{
        curl_send, git_send_email, msmtp, mutt, nodemailer, nullmailer, s_nail_send, smtplib, swaks,
    },
};

/// A mail program that may be installed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Program {
    Curl,
    CurlStartTls,
    Fetchmail,
    Getmail,
    GitSendEmail,
    Mpop,
    Msmtp,
    Mutt,
    Nodemailer,
    Nullmailer,
    PythonPoplib,
    PythonSmtplib,
    SNail,
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

/// A command that receives Pepper's mails, and where it puts them.
pub struct Receiving {
    pub command: Command,
    pub into: Into,
}

/// Where a program puts what it receives.
pub enum Into {
    Output,
    File(PathBuf),
    Maildir(PathBuf),
}

impl Program {
    /// Whether the program is installed.
    pub fn works(self) -> bool {
        match self {
            Self::Curl | Self::CurlStartTls => works("curl", &["--version"]),
            Self::Fetchmail => works("fetchmail", &["--version"]),
            Self::Getmail => works("getmail", &["--version"]),
            Self::GitSendEmail => works("git", &["send-email", "--dump-aliases"]),
            Self::Mpop => works("mpop", &["--version"]),
            Self::Msmtp => works("msmtp", &["--version"]),
            Self::Mutt => works("mutt", &["-v"]),
            Self::Nodemailer => works("node", &["-e", "require('nodemailer')"]),
            Self::Nullmailer => works(NULLMAILER, &["--help"]),
            Self::PythonPoplib | Self::PythonSmtplib => works("python3", &["-c", "import ssl"]),
            Self::SNail => works("s-nail", &["--version"]),
            Self::SwaksLogin | Self::SwaksPlain => {
                works("swaks", &["--version"]) && works("perl", &["-MNet::SSLeay", "-e1"])
            }
        }
    }

    /// A command that sends a mail; `None` of a program that sends none, or none of this kind.
    pub fn send(self, house: &House, letter: Letter<'_>) -> Option<Command> {
        let sent = match self {
            Self::Curl => curl_send(house, letter, Tls::Implicit)?,
            Self::CurlStartTls => curl_send(house, letter, Tls::Start)?,
            Self::GitSendEmail => git_send_email(house, letter)?,
            Self::Msmtp => msmtp(house, letter)?,
            Self::Mutt => mutt(house, letter),
            Self::Nodemailer => nodemailer(house, letter),
            Self::Nullmailer => nullmailer(house, letter)?,
            Self::PythonSmtplib => smtplib(house, letter),
            Self::SNail => s_nail_send(house, letter),
            Self::SwaksLogin => swaks(house, letter, Tls::Implicit, "LOGIN"),
            Self::SwaksPlain => swaks(house, letter, Tls::Start, "PLAIN"),
            Self::Fetchmail | Self::Getmail | Self::Mpop | Self::PythonPoplib => return None,
        };
        Some(sent)
    }

    /// A command that receives Pepper's mails; `None` of a program that receives none.
    pub fn receive(self, house: &House, password: &str, then: Then) -> Option<Receiving> {
        let receiving = match self {
            Self::Curl => curl_receive(house, password, then, Tls::Implicit),
            Self::CurlStartTls => curl_receive(house, password, then, Tls::Start),
            Self::Fetchmail => fetchmail(house, password, then),
            Self::Getmail => getmail(house, password, then),
            Self::Mpop => mpop(house, password, then),
            Self::PythonPoplib => poplib(house, password, then),
            Self::SNail => s_nail_receive(house, password, then),
            Self::GitSendEmail
            | Self::Msmtp
            | Self::Mutt
            | Self::Nodemailer
            | Self::Nullmailer
            | Self::PythonSmtplib
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

pub fn curl(house: &House, person: Person, password: &str) -> Command {
    let mut curl = Command::new("curl");
    curl.args(["-q", "-sS", "--ssl-reqd", "--cacert"]).arg(house.certificate());
    curl.args(["--user", &format!("{}:{password}", person.username())]);
    curl
}

pub fn s_nail(house: &House) -> Command {
    let mut s_nail = Command::new("s-nail");
    s_nail.args(["-n", "-S", "v15-compat", "-S", "ttycharset=utf-8"]);
    s_nail.args(["-S", &format!("tls-ca-file={}", house.certificate().display())]);
    s_nail.args(["-S", "tls-verify=strict", "-S", "tls-ca-no-defaults"]);
    s_nail
}
