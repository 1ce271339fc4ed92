//! Decides whether the author that a message names is the sender of its mail. Only plain heads are
//! understood; for every other head the answer is no.

use super::{
    address_list::{AddressList, Form, Mailbox},
    encoding::parse_header_text,
    fields::{Gap, MESSAGE_HEAD_MAX, fields, find_head_end, folded},
};
use crate::mail::{FullName, Username};

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
    let list = AddressList::parse(&from);
    let Some(Mailbox { name, address, form: Form::Bare }) = list.only() else {
        return false;
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
    let start = message.get(..MESSAGE_HEAD_MAX).unwrap_or(message);
    // Folded lines at the start continue a field that stands before the message.
    let (folded, rest) = start.split_at_checked(folded(start))?;
    // At a line that is no field, programs take the head for ended.
    let end = find_head_end(rest, &mut 0).filter(|end| end.body > end.fields)?;
    let head = rest.get(..end.fields)?;
    if !(is_plain(folded) && is_plain(head)) {
        return None;
    }
    let mut found = None;
    for field in fields(head) {
        if field.gap == Gap::Blank || (field.is("From") && found.replace(field.text()).is_some()) {
            return None;
        }
    }
    found
}

/// Whether lines are text, and end where all programs end them: some do at a CR alone.
fn is_plain(lines: &[u8]) -> bool {
    str::from_utf8(lines).is_ok_and(|text| text.lines().all(|line| !line.contains('\r')))
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
