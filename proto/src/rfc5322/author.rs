//! Whether the author that a message names is the sender of its mail. Only plain heads are
//! understood; for all others the answer is no.

use super::encoding::parse_header_text;
use crate::mail::Mail;

/// Most bytes of a message's head that are read.
const HEAD_MAX: usize = 64 * 1024;

/// Whether a message has one field `From`, with the username of its mail's sender before the `@`
/// and with no other name than the sender's full name.
pub(super) fn is_sender(message: &[u8], mail: &Mail) -> bool {
    let Some(from) = from_field(message) else {
        return false;
    };
    let (name, address) = match from.trim().strip_suffix('>').and_then(|from| from.rsplit_once('<'))
    {
        Some((name, address)) => (name.trim(), address),
        None => ("", from.trim()),
    };
    let local = address.rsplit_once('@').map_or(address, |(local, _)| local);
    let is_name =
        name.is_empty() || decoded(name).is_some_and(|name| name == mail.from_name.as_str());
    local.trim_matches('"').eq_ignore_ascii_case(mail.from.as_str()) && is_name
}

/// The value of the only field `From` of a message, unfolded.
fn from_field(message: &[u8]) -> Option<String> {
    let start = message.get(..HEAD_MAX).unwrap_or(message);
    let mut found: Option<String> = None;
    let mut is_continued = false;
    for line in start.split_inclusive(|byte| *byte == b'\n') {
        let line = std::str::from_utf8(line).ok()?.strip_suffix('\n')?;
        let line = line.strip_suffix('\r').unwrap_or(line);
        // Some programs end a line here.
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
        // At any other line, programs take the head for ended.
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

/// A name in quotation marks, in encoded words, or as it is.
fn decoded(name: &str) -> Option<String> {
    let Some(quoted) = name.strip_prefix('"') else {
        return parse_header_text(name);
    };
    let quoted = quoted.strip_suffix('"')?;
    let mut text = String::new();
    let mut characters = quoted.chars();
    while let Some(c) = characters.next() {
        text.push(if c == '\\' { characters.next()? } else { c });
    }
    Some(text)
}
