//! What each mail program says when the password is wrong.

use super::program::Program;

/// How a program tells that a password is wrong.
#[derive(Clone, Copy, Debug)]
pub struct Refusal {
    /// Text that the program shows.
    pub text: &'static str,
    pub status: RefusalStatus,
}

/// The exit status of a program after a wrong password.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RefusalStatus {
    Failure,
    /// Success, of a program that a person goes on to use.
    Success,
}

/// A text of a program with the server's sentence, in answer to SMTP or to POP3.
macro_rules! with_sentence {
    (smtp $before:literal, $after:literal) => {
        concat!(
            $before,
            "5.7.8 wrong username or app password; correio app-password create makes one",
            $after
        )
    };
    (pop3 $before:literal, $after:literal) => {
        concat!(
            $before,
            "[AUTH] wrong username or app password; correio app-password create makes one",
            $after
        )
    };
}

/// What a program says when it sends with a wrong password; `None` of a program that sends none.
pub fn refused_to_send(program: Program) -> Option<Refusal> {
    let text = match program {
        Program::Curl | Program::CurlStartTls => "curl: (67) Login denied",
        Program::Dma => "SMTP login to mail.test failed",
        Program::GitSendEmail => with_sentence!(smtp "", ""),
        Program::Mailutils => {
            with_sentence!(smtp "mail.mailutils: GSASL handshake failed: 535 ", "")
        }
        Program::Msmtp => with_sentence!(smtp "msmtp: server message: 535 ", ""),
        Program::Mutt | Program::Neomutt => "SASL authentication failed",
        Program::Nodemailer => with_sentence!(smtp "Invalid login: 535 ", ""),
        Program::Nullmailer => with_sentence!(smtp "smtp: Failed: 535 ", ""),
        Program::PerlNetSmtp => with_sentence!(smtp "not logged in: ", ""),
        Program::PythonSmtplib => {
            with_sentence!(smtp "smtplib.SMTPAuthenticationError: (535, b'", "')")
        }
        Program::SNail => with_sentence!(smtp "s-nail: SMTP server: 535 ", ""),
        Program::Ssmtp => with_sentence!(smtp "ssmtp: Authorization failed (535 ", ")"),
        Program::SwaksLogin | Program::SwaksPlain => with_sentence!(smtp "* 535 ", ""),
        Program::Fetchmail
        | Program::Getmail
        | Program::Mpop
        | Program::PerlNetPop3
        | Program::PythonPoplib => return None,
    };
    Some(Refusal { text, status: RefusalStatus::Failure })
}

/// What a program says when it receives with a wrong password; `None` of a program that receives
/// none.
pub fn refused_to_receive(program: Program) -> Option<Refusal> {
    let text = match program {
        Program::Curl | Program::CurlStartTls => "curl: (67) Login denied",
        Program::Fetchmail => "fetchmail: Authorization failure on pepper@",
        Program::Getmail => with_sentence!(pop3 "operation error (POP error (b'-ERR ", "'))"),
        Program::Mailutils => "Authentication failed",
        Program::Mpop => "mpop: authentication failed (method PLAIN)",
        Program::Mutt => "PASS: [AUTH] wrong username or app password",
        Program::Neomutt => "PASS: [AUTH] wrong username or app password",
        Program::PerlNetPop3 => with_sentence!(pop3 "not logged in: ", ""),
        Program::PythonPoplib => with_sentence!(pop3 "poplib.error_proto: b'-ERR ", "'"),
        Program::SNail => with_sentence!(pop3 "s-nail: POP3 error: -ERR ", ""),
        Program::Dma
        | Program::GitSendEmail
        | Program::Msmtp
        | Program::Nodemailer
        | Program::Nullmailer
        | Program::PerlNetSmtp
        | Program::PythonSmtplib
        | Program::Ssmtp
        | Program::SwaksLogin
        | Program::SwaksPlain => return None,
    };
    let status = match program {
        Program::Mutt | Program::Neomutt => RefusalStatus::Success,
        _ => RefusalStatus::Failure,
    };
    Some(Refusal { text, status })
}
