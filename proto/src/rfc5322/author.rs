//! Decides whether the author that a message names is the sender of its mail. Only plain heads are
//! understood; for every other head the answer is no.

use super::encoding::parse_header_text;
use crate::mail::{FullName, Username};

/// Most bytes of a message's head that are read.
const HEAD_MAX: usize = 64 * 1024;

/// The characters that may stand around a name and an address. Other white space is part of a name,
/// since programs show it.
const BLANKS: [char; 2] = [' ', '\t'];

/// The domains that may stand after the `@` of an author's address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AuthorDomain<'a> {
    /// Any domain, or none: the message may be made for a server of any name.
    Any,
    /// This domain alone: an answer must reach the author there.
    Only(&'a str),
}

/// Whether a message has one field `From`, with this username before the `@`, one of these domains
/// after it, and no other name than this full name.
#[must_use]
pub fn is_author(
    message: &[u8],
    username: &Username,
    full_name: &FullName,
    domain: AuthorDomain<'_>,
) -> bool {
    let Some(from) = from_field(message) else {
        return false;
    };
    let from = from.trim_matches(BLANKS);
    let (name, address) = match from.strip_suffix('>').and_then(|from| from.rsplit_once('<')) {
        Some((name, address)) => (name.trim_matches(BLANKS), address),
        None => ("", from),
    };
    let is_name = name.is_empty() || decoded(name).is_some_and(|name| name == full_name.as_str());
    let is_address = parts(address).is_some_and(|(local, named)| {
        local.eq_ignore_ascii_case(username.as_str())
            && match domain {
                AuthorDomain::Any => true,
                AuthorDomain::Only(domain) => named.eq_ignore_ascii_case(domain),
            }
    });
    is_address && is_name
}

/// The part before the `@` of an address, without quotation marks, and the domain after it. `None`
/// if anything else stands beside the address: programs take a comment for the author's name, and a
/// comma for the beginning of another author.
fn parts(address: &str) -> Option<(&str, &str)> {
    let (local, domain) = address.rsplit_once('@').unwrap_or((address, ""));
    let is_domain =
        domain.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-.".contains(&byte));
    let unquoted = local.strip_prefix('"').and_then(|local| local.strip_suffix('"'));
    is_domain.then_some((unquoted.unwrap_or(local), domain))
}

/// The value of the only field `From` of a message, unfolded.
fn from_field(message: &[u8]) -> Option<String> {
    let start = message.get(..HEAD_MAX).unwrap_or(message);
    let mut found: Option<String> = None;
    let mut is_continued = false;
    for line in start.split_inclusive(|byte| *byte == b'\n') {
        let line = std::str::from_utf8(line).ok()?.strip_suffix('\n')?;
        let line = line.strip_suffix('\r').unwrap_or(line);
        // Some programs end a line at a bare CR.
        if line.contains('\r') {
            return None;
        }
        if line.is_empty() {
            return found;
        }
        if line.starts_with([' ', '\t']) {
            if let Some(value) = found.as_mut().filter(|_| is_continued) {
                value.push_str(line);
            }
            continue;
        }
        let (name, value) = line.split_once(':')?;
        // Programs take the head to end at any other line.
        if name.is_empty() || !name.bytes().all(|byte| byte.is_ascii_graphic()) {
            return None;
        }
        is_continued = name.eq_ignore_ascii_case("From");
        if is_continued && found.replace(value.to_owned()).is_some() {
            return None;
        }
    }
    None
}

/// The text of a name that is in quotation marks, in encoded words, or in plain words. `None` if
/// programs may read the name in different ways: as several authors, without a comment, or with
/// encoded words in quotation marks.
fn decoded(name: &str) -> Option<String> {
    let Some(quoted) = name.strip_prefix('"') else {
        let is_special = |c: char| "()<>[]:;@\\,\"".contains(c) || c.is_control();
        return parse_header_text(name).filter(|_| !name.contains(is_special));
    };
    let quoted = quoted.strip_suffix('"').filter(|quoted| !quoted.contains("=?"))?;
    let mut text = String::new();
    let mut characters = quoted.chars();
    while let Some(c) = characters.next() {
        match c {
            '"' => return None,
            '\\' => text.push(characters.next()?),
            c => text.push(c),
        }
    }
    Some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_author_at_another_domain_is_another_author_where_the_domain_counts() {
        let (username, name) = ("tony".parse().unwrap(), "Tony Stark".parse().unwrap());
        let is_author = |from: &str, domain| {
            let message = format!("From: {from}\n\n");
            is_author(message.as_bytes(), &username, &name, domain)
        };
        for (from, is_here) in [
            ("Tony Stark <tony@stark.example>", true),
            ("\"tony\"@STARK.example", true),
            ("tony@hydra.example", false),
            ("tony", false),
            ("tony@stark.example.", false),
        ] {
            assert!(is_author(from, AuthorDomain::Any), "{from}");
            assert_eq!(is_author(from, AuthorDomain::Only("stark.example")), is_here, "{from}");
        }
        for from in ["steve@stark.example", "tony@stark.example (Steve)", "a <tony@stark.example>"]
        {
            assert!(!is_author(from, AuthorDomain::Any), "{from}");
        }
    }
}
