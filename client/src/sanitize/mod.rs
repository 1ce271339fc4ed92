//! Makes texts of other people harmless: a terminal shows them and obeys nothing in them.

mod joiners;

use std::{fmt::Write, ops::Range};

use serde_json::Value;

use joiners::Place;

/// How much of a text's form is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Layout {
    /// Nothing: everything on one line.
    OneLine,
    /// Its lines and tabs.
    Lines,
}

/// Writes every character as its code that a terminal would obey, that would hide other
/// characters, or that would turn the direction of other text.
///
/// Invisible characters that a script needs are left as they are where the script uses them:
/// joiners in Persian, in the scripts of India and in emoji, marks for the punctuation of Hebrew.
/// A byte-order mark at the start and soft hyphens between letters say nothing to a reader and are
/// left out.
#[must_use]
pub fn sanitize(text: &str, layout: Layout) -> String {
    let mut out = String::with_capacity(text.len());
    for (index, c) in text.char_indices() {
        push(&mut out, text, index, c, layout);
    }
    out
}

/// As [`sanitize`], of a part of a text. The rest of the text counts: an editor that shows a line
/// character by character must see the letters on either side of a joiner.
#[must_use]
pub fn sanitize_part(text: &str, part: Range<usize>, layout: Layout) -> String {
    let mut out = String::new();
    let start = part.start;
    for (index, c) in text.get(part).unwrap_or_default().char_indices() {
        push(&mut out, text, start + index, c, layout);
    }
    out
}

/// Appends what is shown for the character `c`, which stands at `index` in `text`.
fn push(out: &mut String, text: &str, index: usize, c: char, layout: Layout) {
    let place = || Place::new(text, index, c, layout);
    match c {
        '\n' | '\t' if layout == Layout::Lines => out.push(c),
        // CR LF ends a line on other systems; the LF alone is layout.
        '\r' if layout == Layout::Lines && place().is_before('\n') => {}
        c if is_harmless(c) => out.push(c),
        _ if place().is_left_out() => {}
        _ if place().is_needed() => out.push(c),
        // Writing to a string cannot fail.
        _ => _ = write!(out, "\\u{{{:x}}}", u32::from(c)),
    }
}

/// Writes a JSON document such that a terminal that shows it is not harmed either: the same
/// characters as JSON's own escapes, which stand for the characters they replace.
#[must_use]
pub fn sanitize_json(json: &Value) -> String {
    let json = json.to_string();
    let mut out = String::with_capacity(json.len());
    for c in json.chars() {
        if is_harmless(c) {
            out.push(c);
            continue;
        }
        for unit in c.encode_utf16(&mut [0; 2]) {
            // Writing to a string cannot fail.
            _ = write!(out, "\\u{unit:04x}");
        }
    }
    out
}

/// Whether a character is harmless wherever it stands. Control characters are not, nor characters
/// that end a line or turn the direction of text, nor those that Unicode has programs leave out
/// when they show a text (`Default_Ignorable_Code_Point`): they would hide a difference. The
/// selectors of an emoji's form are harmless; they change the look of one character.
fn is_harmless(c: char) -> bool {
    let is_hidden = matches!(c,
        '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}'..='\u{1160}' | '\u{17b4}'..='\u{17b5}'
        | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{feff}' | '\u{ffa0}'
        | '\u{fff0}'..='\u{fffb}' | '\u{1bca0}'..='\u{1bca3}' | '\u{1d173}'..='\u{1d17a}'
        | '\u{e0000}'..='\u{e0fff}');
    !c.is_control() && !is_hidden
}

#[cfg(test)]
mod tests;
