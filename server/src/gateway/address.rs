//! Usernames as mail programs write them: `tony`, `tony@domain` and `<tony@domain>`.

use correio_proto::mail::Username;

use super::domain::MailDomain;

/// Why a text is not the address of an account or list of this server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AddressError {
    /// The text is not an address.
    Malformed,
    /// The address has another domain.
    OtherDomain,
    /// The address has this server's domain, and the part before its `@` is not a valid username.
    NoUsername,
}

/// Parses an address with or without angle brackets. An address without `@` is of this server.
///
/// # Errors
///
/// See [`AddressError`].
pub fn parse(text: &str, domain: &MailDomain) -> Result<Username, AddressError> {
    let text = match text.strip_prefix('<') {
        Some(inside) => inside.strip_suffix('>').ok_or(AddressError::Malformed)?,
        None => text,
    };
    let (local, stated) = match text.rsplit_once('@') {
        Some((local, stated)) => (local, Some(stated)),
        None => (text, None),
    };
    let local = local_part(local).ok_or(AddressError::Malformed)?;
    match stated {
        Some(stated) if !is_domain(stated) => Err(AddressError::Malformed),
        Some(stated) if !is_named(domain, stated) => Err(AddressError::OtherDomain),
        Some(_) | None => local.parse().map_err(|_| AddressError::NoUsername),
    }
}

/// Whether this text names the domain. Case does not matter, nor does a dot at the end.
fn is_named(domain: &MailDomain, text: &str) -> bool {
    text.strip_suffix('.').unwrap_or(text).eq_ignore_ascii_case(domain.as_str())
}

/// The text of a local part: an atom as it is, or a quoted string without its quotation marks. Dots
/// may stand anywhere, since programs permit it. A backslash is refused: no username needs one.
fn local_part(text: &str) -> Option<&str> {
    let is_text = |byte: u8| byte.is_ascii_graphic() && !b"\"\\".contains(&byte);
    if let Some(quoted) = text.strip_prefix('"') {
        let inside = quoted.strip_suffix('"')?;
        return inside.bytes().all(|byte| is_text(byte) || byte == b' ').then_some(inside);
    }
    let is_atom = |byte: u8| is_text(byte) && !b"()<>[]:;@,".contains(&byte);
    (!text.is_empty() && text.bytes().all(is_atom)).then_some(text)
}

/// Whether a text has the form of a domain or of an address literal.
fn is_domain(text: &str) -> bool {
    let is_literal = text.starts_with('[') && text.ends_with(']');
    let inside = text.trim_start_matches('[').trim_end_matches(']');
    let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-._".contains(&byte);
    let is_literal_text = |byte: u8| is_allowed(byte) || byte == b':';
    !inside.is_empty()
        && match is_literal {
            true => inside.bytes().all(is_literal_text),
            false => text.bytes().all(is_allowed),
        }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn domain() -> MailDomain {
        "Mail.Example".parse().unwrap()
    }

    #[test]
    fn a_username_is_read_with_and_without_the_domain() {
        for text in [
            "tony",
            "Tony",
            "tony@mail.example",
            "<tony@MAIL.example>",
            "<tony>",
            "\"tony\"@mail.example.",
        ] {
            let parsed = parse(text, &domain());
            assert_eq!(parsed.map(|name| name.to_string()).as_deref(), Ok("tony"), "{text}");
        }
        assert_eq!(parse("\"a..b\"@mail.example", &domain()).unwrap().as_str(), "a..b");
    }

    #[test]
    fn each_other_text_has_its_error() {
        use AddressError::{Malformed, NoUsername, OtherDomain};
        let cases = [
            ("", Malformed),
            ("<>", Malformed),
            ("@mail.example", Malformed),
            ("tony@", Malformed),
            ("<tony@mail.example", Malformed),
            ("tony@mail.example>", Malformed),
            ("to ny@mail.example", Malformed),
            ("tony@mail.example, steve@mail.example", Malformed),
            ("steve@elsewhere.example@mail.example", Malformed),
            ("<@elsewhere.example:tony@mail.example>", Malformed),
            ("tony\0@mail.example", Malformed),
            ("tonу@mail.example", Malformed), // Cyrillic
            ("\"tony@mail.example", Malformed),
            ("tony@elsewhere.example", OtherDomain),
            ("tony@sub.mail.example", OtherDomain),
            ("tony@[192.0.2.1]", OtherDomain),
            ("tony@[IPv6:2001:db8::1]", OtherDomain),
            ("tony+stark@elsewhere.example", OtherDomain),
            ("tony+stark@mail.example", NoUsername),
            ("-tony@mail.example", NoUsername),
            ("abcdefghijklmnopqrstuvwxyzabcdefg", NoUsername),
        ];
        for (text, error) in cases {
            assert_eq!(parse(text, &domain()), Err(error), "{text:?}");
        }
    }
}
