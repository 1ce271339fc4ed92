//! Target `screen`: a text from another user.

use correio_client::{WhiteSpace, sanitize, sanitize_json, sanitize_part};
use serde_json::Value;

pub(crate) fn run(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let line = sanitize(&text, WhiteSpace::OneLine);
    assert!(!line.contains(['\n', '\t']), "{line:?}");
    assert_harmless(&line);
    let lines = sanitize(&text, WhiteSpace::Lines);
    assert_harmless(&lines);
    assert_eq!(lines.matches('\n').count(), text.matches('\n').count());
    if text.chars().all(is_visible) {
        assert_eq!((&*line, &*lines), (&*text, &*text), "what is harmless stays as it is");
    }
    // Sanitizing is idempotent.
    assert_eq!(sanitize(&line, WhiteSpace::OneLine), line);
    assert_eq!(sanitize(&lines, WhiteSpace::Lines), lines);

    let middle = text.chars().map(char::len_utf8).take(text.chars().count() / 2).sum();
    let part = |part| sanitize_part(&text, part, WhiteSpace::OneLine);
    assert_eq!(part(0..middle) + &part(middle..text.len()), line);

    json(&Value::from(&*text));
    if let Ok(document) = serde_json::from_slice::<Value>(data) {
        json(&document);
    }
}

fn json(document: &Value) {
    let shown = sanitize_json(document);
    assert!(shown.chars().all(is_visible), "{shown:?}");
    // Equal to the plain document; numbers that are not whole may change slightly.
    let plain: Value = serde_json::from_str(&document.to_string()).unwrap();
    assert_eq!(serde_json::from_str::<Value>(&shown).unwrap(), plain);
}

/// Flags that are written with tag characters.
const TAG_FLAGS: [&str; 3] = ["gbeng", "gbsct", "gbwls"];

/// Checks that every invisible character is needed by a script at its place: alone between visible
/// characters, next to a character outside ASCII, and without changing the direction of other text.
fn assert_harmless(shown: &str) {
    let mut plain = shown.to_owned();
    for name in TAG_FLAGS {
        let tags: String =
            name.bytes().filter_map(|byte| char::from_u32(0xe0000 + u32::from(byte))).collect();
        plain = plain.replace(&format!("\u{1f3f4}{tags}\u{e007f}"), "\u{1f3f4}");
    }
    let characters: Vec<char> = plain.chars().collect();
    for (index, c) in characters.iter().enumerate() {
        if is_visible(*c) || matches!(c, '\n' | '\t') {
            continue;
        }
        let before = index.checked_sub(1).and_then(|index| characters.get(index)).copied();
        let after = characters.get(index + 1).copied().filter(|c| *c != '\n');
        let is_alone = before.is_some_and(is_visible) && after.is_none_or(is_visible);
        assert!(is_alone, "{shown:?}");
        let is_needed = match c {
            '\u{200c}'
            | '\u{200d}'
            | '\u{200b}'
            | '\u{180b}'..='\u{180f}'
            | '\u{e0100}'..='\u{e01ef}' => {
                before.is_some_and(|c| !c.is_ascii()) || after.is_some_and(|c| !c.is_ascii())
            }
            // The nearest letters, if any, are written from right to left.
            '\u{200f}' | '\u{61c}' => {
                let (start, end) = characters.split_at(index);
                let is_turned = |c: &char| c.is_alphabetic() && !c.is_ascii();
                let before = start.iter().rev().find(|c| c.is_alphanumeric());
                let mut line = end.iter().take_while(|c| **c != '\n');
                let after = line.find(|c| c.is_alphanumeric());
                before.is_some_and(is_turned) && after.is_none_or(is_turned)
            }
            _ => false,
        };
        assert!(is_needed, "{shown:?}");
    }
}

/// Whether a character is visible: no control character, no separator of lines or paragraphs,
/// nothing that programs should ignore (Unicode's `Default_Ignorable_Code_Point`) or that changes
/// the direction of text. The sixteen variation selectors of emoji count as visible: they only
/// change the look of one character.
fn is_visible(c: char) -> bool {
    !matches!(c,
        '\0'..='\u{1f}' | '\u{7f}'..='\u{9f}'
        | '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}'..='\u{1160}' | '\u{17b4}'..='\u{17b5}'
        | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{feff}' | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}'
        | '\u{1bca0}'..='\u{1bca3}' | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e0fff}')
}
