//! The SASL mechanisms PLAIN (RFC 4616) and LOGIN, which both gateways offer.
//!
//! LOGIN has no standard: its challenges are those of other servers, since programs compare them.

use std::fmt;

use base64::{
    Engine, alphabet,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};
use zeroize::Zeroizing;

/// Challenge of LOGIN for the name: `Username:` in base64.
const USERNAME: &str = "VXNlcm5hbWU6";

/// Challenge of LOGIN for the password: `Password:` in base64.
const PASSWORD: &str = "UGFzc3dvcmQ6";

/// Base64 with or without padding, which some programs leave out.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// A SASL mechanism.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mechanism {
    /// The program sends name and password in one message.
    Plain,
    /// The program sends the name, and then the password.
    Login,
}

impl Mechanism {
    /// The mechanism of this name, in any case.
    pub(crate) fn named(name: &str) -> Option<Self> {
        [Self::Plain, Self::Login].into_iter().find(|known| known.name().eq_ignore_ascii_case(name))
    }

    /// The mechanism's name.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Plain => "PLAIN",
            Self::Login => "LOGIN",
        }
    }
}

/// A name and a password as a program gave them. `Debug` hides the password.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Credentials {
    /// The name, such as `tony` or `tony@domain`. Not checked.
    pub(crate) name: String,
    /// The app password. Not checked; bytes that are not UTF-8 are replaced.
    pub(crate) password: Zeroizing<String>,
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Credentials({:?}, …)", self.name)
    }
}

/// An exchange that waits for the program's answer to a challenge.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Exchange {
    /// PLAIN waits for its message.
    Plain,
    /// LOGIN waits for the name.
    LoginName,
    /// LOGIN has this name, and waits for the password.
    LoginPassword(String),
}

/// How an exchange goes on.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum SaslStep {
    /// The program must answer [`Exchange::challenge`].
    Challenge(Exchange),
    /// The program has sent name and password.
    Credentials(Credentials),
    /// The exchange has ended without a login.
    Failed(SaslError),
}

/// Why an exchange ended without a name and a password.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SaslError {
    /// The program has cancelled the exchange with `*`.
    Cancelled,
    /// The answer is not in base64.
    Encoding,
    /// The answer does not have the mechanism's form.
    Malformed,
}

impl Exchange {
    /// The challenge in base64; empty for PLAIN.
    pub(crate) fn challenge(&self) -> &'static str {
        match self {
            Self::Plain => "",
            Self::LoginName => USERNAME,
            Self::LoginPassword(_) => PASSWORD,
        }
    }

    /// Begins an exchange, with the initial response in base64 if the program sent one. `=` stands
    /// for an empty initial response (RFC 4954); LOGIN treats it as no initial response.
    pub(crate) fn begin(mechanism: Mechanism, initial: Option<&str>) -> SaslStep {
        match (mechanism, initial) {
            (Mechanism::Plain, None) => SaslStep::Challenge(Self::Plain),
            (Mechanism::Plain, Some("=")) => SaslStep::Failed(SaslError::Malformed),
            (Mechanism::Plain, Some(response)) => Self::Plain.answer(response),
            (Mechanism::Login, None | Some("=")) => SaslStep::Challenge(Self::LoginName),
            (Mechanism::Login, Some(response)) => Self::LoginName.answer(response),
        }
    }

    /// Continues with the program's answer: a line without its end.
    pub(crate) fn answer(self, line: &str) -> SaslStep {
        if line == "*" {
            return SaslStep::Failed(SaslError::Cancelled);
        }
        let Ok(response) = BASE64.decode(line).map(Zeroizing::new) else {
            return SaslStep::Failed(SaslError::Encoding);
        };
        match self {
            Self::Plain => match plain(&response) {
                Some(credentials) => SaslStep::Credentials(credentials),
                None => SaslStep::Failed(SaslError::Malformed),
            },
            Self::LoginName => match text(&response) {
                Some(name) => SaslStep::Challenge(Self::LoginPassword(name)),
                None => SaslStep::Failed(SaslError::Malformed),
            },
            Self::LoginPassword(name) => {
                SaslStep::Credentials(Credentials { name, password: password(&response) })
            }
        }
    }
}

/// Reads the message of PLAIN: the name to act as, NUL, the name, NUL, the password. A program may
/// act only as the name that it logs in with. `None` if the message has another form.
fn plain(message: &[u8]) -> Option<Credentials> {
    let mut parts = message.split(|byte| *byte == 0);
    let (act_as, name, secret) = (parts.next()?, parts.next()?, parts.next()?);
    if parts.next().is_some() || !(act_as.is_empty() || act_as.eq_ignore_ascii_case(name)) {
        return None;
    }
    Some(Credentials { name: text(name)?, password: password(secret) })
}

/// A name that is not empty.
fn text(bytes: &[u8]) -> Option<String> {
    let text = std::str::from_utf8(bytes).ok()?;
    (!text.is_empty()).then(|| text.to_owned())
}

fn password(bytes: &[u8]) -> Zeroizing<String> {
    Zeroizing::new(String::from_utf8_lossy(bytes).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn encoded(text: &str) -> String {
        BASE64.encode(text)
    }

    fn credentials(name: &str, password: &str) -> SaslStep {
        let (name, password) = (name.to_owned(), Zeroizing::new(password.to_owned()));
        SaslStep::Credentials(Credentials { name, password })
    }

    #[test]
    fn plain_comes_at_once_or_after_an_empty_challenge() {
        let message = encoded("\0tony\0ABCD-EFGH");
        assert_eq!(
            Exchange::begin(Mechanism::Plain, Some(&message)),
            credentials("tony", "ABCD-EFGH")
        );
        let SaslStep::Challenge(exchange) = Exchange::begin(Mechanism::Plain, None) else {
            panic!("no challenge")
        };
        assert_eq!(exchange.challenge(), "");
        assert_eq!(exchange.answer(&message), credentials("tony", "ABCD-EFGH"));
        let unpadded = message.trim_end_matches('=');
        assert_eq!(Exchange::Plain.answer(unpadded), credentials("tony", "ABCD-EFGH"));
    }

    #[test]
    fn login_asks_with_the_challenges_that_programs_compare() {
        let SaslStep::Challenge(name) = Exchange::begin(Mechanism::Login, None) else {
            panic!("no challenge")
        };
        assert_eq!(name.challenge(), "VXNlcm5hbWU6");
        let SaslStep::Challenge(password) = name.answer(&encoded("tony@mail.example")) else {
            panic!("no challenge")
        };
        assert_eq!(password.challenge(), "UGFzc3dvcmQ6");
        assert_eq!(password.answer(&encoded("x y")), credentials("tony@mail.example", "x y"));
        for first in [Some(encoded("tony")), Some("=".to_owned())] {
            let expected = match first.as_deref() {
                Some("=") => Exchange::LoginName,
                _ => Exchange::LoginPassword("tony".to_owned()),
            };
            let begun = Exchange::begin(Mechanism::Login, first.as_deref());
            assert_eq!(begun, SaslStep::Challenge(expected));
        }
    }

    #[test]
    fn other_answers_end_the_exchange() {
        use SaslError::{Cancelled, Encoding, Malformed};
        let cases = [
            ("*".to_owned(), Cancelled),
            ("AHRvbnk".to_owned() + "!", Encoding),
            (String::new(), Malformed),
            (encoded("tony"), Malformed),
            (encoded("tony\0secret"), Malformed),
            (encoded("\0\0secret"), Malformed),
            (encoded("\0tony\0secret\0"), Malformed),
            (encoded("steve\0tony\0secret"), Malformed),
            (BASE64.encode(b"\0\xff\0secret"), Malformed),
        ];
        for (answer, error) in cases {
            assert_eq!(Exchange::Plain.answer(&answer), SaslStep::Failed(error), "{answer}");
        }
        let begun = Exchange::begin(Mechanism::Plain, Some("="));
        assert_eq!(begun, SaslStep::Failed(Malformed));
        assert_eq!(Exchange::LoginName.answer(""), SaslStep::Failed(Malformed));
        assert_eq!(Exchange::LoginName.answer("*"), SaslStep::Failed(Cancelled));
        let password = Exchange::LoginPassword("tony".to_owned());
        assert_eq!(password.answer("*"), SaslStep::Failed(Cancelled));
    }

    #[test]
    fn the_name_to_act_as_may_repeat_the_name() {
        let message = encoded("Tony\0tony\0secret");
        assert_eq!(Exchange::Plain.answer(&message), credentials("tony", "secret"));
    }

    #[test]
    fn bytes_that_are_no_text_are_a_wrong_password() {
        let message = BASE64.encode(b"\0tony\0\xff");
        assert_eq!(Exchange::Plain.answer(&message), credentials("tony", "\u{fffd}"));
        let SaslStep::Credentials(credentials) = credentials("tony", "secret") else {
            unreachable!()
        };
        assert!(!format!("{credentials:?}").contains("secret"));
    }

    #[test]
    fn mechanisms_are_named_in_any_case() {
        assert_eq!(Mechanism::named("plain"), Some(Mechanism::Plain));
        assert_eq!(Mechanism::named("Login"), Some(Mechanism::Login));
        assert_eq!(Mechanism::named("CRAM-MD5"), None);
    }
}
