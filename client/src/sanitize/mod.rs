//! Sanitizes other people's texts, so that a terminal shows them and obeys nothing in them.

mod harmless;
mod joiners;
mod json;
mod white_space;

use std::{fmt::Write, ops::Range};

pub use json::{sanitize_json, write_sanitized_json};
pub use white_space::WhiteSpace;

use harmless::is_harmless;
use joiners::Context;

/// Replaces by its code every character that a terminal would obey, that would hide other
/// characters, or that would change the direction of other text.
///
/// Invisible characters stay where their script needs them: joiners in Persian, in the scripts of
/// India and in emoji, marks for the punctuation of Hebrew. A byte-order mark at the start and soft
/// hyphens between letters are left out.
#[must_use]
pub fn sanitize(text: &str, white_space: WhiteSpace) -> String {
    let mut out = String::with_capacity(text.len());
    for (index, c) in text.char_indices() {
        push(&mut out, text, index, c, white_space);
    }
    out
}

/// As [`sanitize`], for a part of a text. The result depends on the rest of the text, too: an
/// editor that shows a line character by character needs the letters on both sides of a joiner.
#[must_use]
pub fn sanitize_part(text: &str, part: Range<usize>, white_space: WhiteSpace) -> String {
    let mut out = String::new();
    let start = part.start;
    for (index, c) in text.get(part).unwrap_or_default().char_indices() {
        push(&mut out, text, start + index, c, white_space);
    }
    out
}

/// Appends the sanitized form of the character `c` at `index` in `text`.
fn push(out: &mut String, text: &str, index: usize, c: char, white_space: WhiteSpace) {
    let context = || Context::new(text, index, c, white_space);
    match c {
        '\n' | '\t' if white_space == WhiteSpace::Lines => out.push(c),
        // CR LF ends a line on other systems; the LF alone is white space.
        '\r' if white_space == WhiteSpace::Lines && context().is_before('\n') => {}
        c if is_harmless(c) => out.push(c),
        _ if context().is_left_out() => {}
        _ if context().is_needed() => out.push(c),
        // Writing to a string cannot fail.
        _ => _ = write!(out, "\\u{{{:x}}}", u32::from(c)),
    }
}

#[cfg(test)]
mod tests;
