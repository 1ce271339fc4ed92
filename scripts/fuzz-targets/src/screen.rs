//! Target `screen`: a text of somebody else's.

use correio_client::{Shown, show, show_json};
use serde_json::Value;

pub(crate) fn run(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let line = show(&text, Shown::OneLine);
    assert!(line.chars().all(is_visible), "{line:?}");
    let lines = show(&text, Shown::Lines);
    assert!(lines.chars().all(|c| is_visible(c) || matches!(c, '\n' | '\t')), "{lines:?}");
    assert_eq!(lines.matches('\n').count(), text.matches('\n').count());
    if text.chars().all(is_visible) {
        assert_eq!((&*line, &*lines), (&*text, &*text), "what is harmless stays as it is");
    }
    // What is shown is shown again as it is.
    assert_eq!(show(&line, Shown::OneLine), line);
    assert_eq!(show(&lines, Shown::Lines), lines);

    json(&Value::from(&*text));
    if let Ok(document) = serde_json::from_slice::<Value>(data) {
        json(&document);
    }
}

fn json(document: &Value) {
    let shown = show_json(document);
    assert!(shown.chars().all(is_visible), "{shown:?}");
    // Read as the plain document is; numbers that are not whole may come back a little different.
    let plain: Value = serde_json::from_str(&document.to_string()).unwrap();
    assert_eq!(serde_json::from_str::<Value>(&shown).unwrap(), plain);
}

/// Whether a character is seen for what it is: no control character, no separator of lines or
/// paragraphs, nothing that Unicode has programs ignore when they show text
/// (`Default_Ignorable_Code_Point`) or that turns its direction. The exception are the sixteen
/// variation selectors that emoji are written with; they change the look of one character.
fn is_visible(c: char) -> bool {
    !matches!(c,
        '\0'..='\u{1f}' | '\u{7f}'..='\u{9f}'
        | '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}'..='\u{1160}' | '\u{17b4}'..='\u{17b5}'
        | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{feff}' | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}'
        | '\u{1bca0}'..='\u{1bca3}' | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e0fff}')
}
