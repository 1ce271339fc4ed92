//! The domain of the mail addresses that gateways show.

use std::{fmt, str::FromStr, sync::Arc};

/// Longest domain, in bytes (RFC 1035, section 2.3.4, without the length bytes).
const LENGTH_MAX: usize = 253;

/// Longest label, in bytes.
const LABEL_MAX: usize = 63;

/// The part of a mail address after its `@`: labels of ASCII letters, digits and hyphens, in lower
/// case. Copies share the text.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct MailDomain(Arc<str>);

/// The text is not a domain.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "a domain has labels of ASCII letters, digits and hyphens between dots, such as \
     mail.example.org"
)]
pub struct InvalidDomain;

impl MailDomain {
    /// The domain's text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for MailDomain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for MailDomain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

impl FromStr for MailDomain {
    type Err = InvalidDomain;

    /// Parses a domain, in letters of any case.
    fn from_str(text: &str) -> Result<Self, InvalidDomain> {
        let last = text.rsplit('.').next().unwrap_or_default();
        // The last label of an IPv4 address is a number, and a domain's is not (RFC 3696).
        let is_number = last.bytes().all(|byte| byte.is_ascii_digit());
        if text.len() > LENGTH_MAX || is_number || !text.split('.').all(is_label) {
            return Err(InvalidDomain);
        }
        Ok(Self(text.to_ascii_lowercase().into()))
    }
}

fn is_label(label: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
    (1..=LABEL_MAX).contains(&label.len())
        && label.bytes().all(is_plain)
        && !label.starts_with('-')
        && !label.ends_with('-')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_hosts_are_domains_in_lower_case() {
        for text in ["localhost", "Mail.Example.ORG", "xn--mnchen-3ya.example", "3com.example"] {
            let domain: MailDomain = text.parse().unwrap();
            assert_eq!(domain.as_str(), text.to_ascii_lowercase());
        }
        let longest = [["a".repeat(61).as_str(); 4].join("."), "abcdef".to_owned()].join(".");
        assert_eq!(longest.len(), 254);
        assert_eq!(longest.parse::<MailDomain>(), Err(InvalidDomain));
        assert!(longest[1..].parse::<MailDomain>().is_ok());
    }

    #[test]
    fn other_texts_are_refused() {
        let label = "a".repeat(64);
        for text in [
            "",
            ".",
            "example.",
            ".example",
            "a..b",
            "-a.example",
            "a-.example",
            "münchen.example",
            "a_b.example",
            "tony@example.org",
            "example.org:25",
            "192.0.2.1",
            "[192.0.2.1]",
            "exam ple",
            &label,
        ] {
            assert_eq!(text.parse::<MailDomain>(), Err(InvalidDomain), "{text:?}");
        }
    }
}
