//! Numbers of mails on this computer, as commands and lists write them: `12` for a received mail,
//! `s12` for a sent one.

use std::{fmt, str::FromStr};

use correio_client::{Folder, Stored};

/// The number of a mail in its folder, from 1: the mail's present position.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct MailNumber {
    pub(crate) folder: Folder,
    pub(crate) number: usize,
}

/// The letter before the number of a sent mail.
const SENT: char = 's';

impl MailNumber {
    pub(crate) fn of(mail: &Stored) -> Self {
        Self { folder: mail.folder, number: mail.number }
    }
}

impl FromStr for MailNumber {
    type Err = std::num::ParseIntError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (folder, digits) = match text.strip_prefix(SENT) {
            Some(digits) => (Folder::Sent, digits),
            None => (Folder::Received, text),
        };
        Ok(Self { folder, number: digits.parse()? })
    }
}

impl fmt::Display for MailNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.folder {
            Folder::Received => write!(f, "{}", self.number),
            Folder::Sent => write!(f, "{SENT}{}", self.number),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_read_as_it_is_written() {
        for text in ["1", "s1", "0", "s120"] {
            assert_eq!(text.parse::<MailNumber>().unwrap().to_string(), text);
        }
        for text in ["", "s", "x1", "1s", "ss1", "-1", "s-1", "1 "] {
            assert!(text.parse::<MailNumber>().is_err(), "{text:?}");
        }
    }
}
