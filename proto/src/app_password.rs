//! App passwords: secrets with which mail programs log in to SMTP submission and POP3, so that the
//! account's password stays in the client.

use std::{fmt, net::IpAddr, str::FromStr, sync::Arc};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::{
    base32::secret,
    limits,
    mail::{Field, Invalid, Timestamp, one_line, present, text},
};

secret! {
    /// An app password: 130 random bits, written as 26 digits of Crockford's base 32 in groups of
    /// four. Since it cannot be guessed, its digest needs neither salt nor cost, and a program that
    /// polls keeps no hash worker busy.
    AppPassword: 26 digits in 17 bytes;

    /// The text is not an [`AppPassword`].
    InvalidAppPassword: "this is not an app password: it has 26 letters and digits";
}

/// The name that its owner gives an app password, usually a program and its device: 1 to
/// [`limits::LABEL_MAX`] characters of Unicode on one line, in NFC, without control characters and
/// without white space at either end. No two app passwords of an account have the same label.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Label(Arc<str>);

impl FromStr for Label {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        one_line(text, Field::Label, limits::LABEL_MAX).map(Self)
    }
}

text!(Label);

/// Id of an app password in its store. The store gives no id twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct AppPasswordId(pub u64);

impl fmt::Display for AppPasswordId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

/// Requests about app passwords of the account that is logged in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AppPasswordRequest {
    /// Makes an app password. A repetition after a lost reply gets `label_taken`: the client should
    /// revoke the app password of the first request, which it cannot learn any more.
    Create {
        /// The new app password's label.
        label: Label,
    },
    /// Lists the app passwords.
    List {},
    /// Revokes an app password. A repetition is safe.
    Revoke {
        /// The app password's id.
        id: AppPasswordId,
    },
}

/// An app password as its owner is shown it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AppPasswordOverview {
    /// The app password's id.
    pub id: AppPasswordId,
    /// The app password's label.
    pub label: Label,
    /// When the app password was made.
    pub made_at: Timestamp,
    /// The last use; left out if the app password was never used.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "present")]
    pub used: Option<AppPasswordUse>,
}

/// The last use of an app password.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AppPasswordUse {
    /// The beginning of the day of the use, in UTC.
    pub day: Timestamp,
    /// The network address of the mail program.
    #[serde(serialize_with = "write_address", deserialize_with = "read_address")]
    pub from: IpAddr,
}

fn write_address<S: Serializer>(address: &IpAddr, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(address)
}

fn read_address<'de, D: Deserializer<'de>>(input: D) -> Result<IpAddr, D::Error> {
    let text = Box::<str>::deserialize(input)?;
    text.parse().map_err(|_| de::Error::custom("expected an address of the Internet Protocol"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mail::Problem;

    #[test]
    fn a_label_is_one_line_of_at_most_forty_characters() {
        let label = |text: &str| text.parse::<Label>().map(|label| label.to_string());
        assert_eq!(label("  telefone da Natália "), Ok("telefone da Natália".into()));
        assert_eq!(label(&"ã".repeat(40)), Ok("ã".repeat(40)));
        for (text, problem) in [
            (" ", Problem::Empty),
            ("two\nlines", Problem::Character('\n')),
            (&*"a".repeat(41), Problem::TooLong(40)),
        ] {
            assert_eq!(label(text), Err(Invalid { field: Field::Label, problem }), "{text:?}");
        }
    }
}
