//! What other people wrote, made harmless: shown on a terminal, never obeyed by it.

use std::fmt::Write;

use serde_json::Value;

/// How much of a text's form is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shown {
    /// Nothing: everything on one line.
    OneLine,
    /// Its lines and tabs.
    Lines,
}

/// Writes every character that a terminal would obey, or that would hide or turn what stands
/// around it, as its code.
#[must_use]
pub fn show(text: &str, shown: Shown) -> String {
    let mut out = String::with_capacity(text.len());
    let mut characters = text.chars().peekable();
    while let Some(c) = characters.next() {
        match c {
            '\n' | '\t' if shown == Shown::Lines => out.push(c),
            // The end of a line as other systems write it.
            '\r' if shown == Shown::Lines && characters.peek() == Some(&'\n') => {}
            c if is_harmless(c) => out.push(c),
            // Writing to a string cannot fail.
            c => _ = write!(out, "\\u{{{:x}}}", u32::from(c)),
        }
    }
    out
}

/// Writes a JSON document such that a terminal that shows it is not harmed either: the same
/// characters as JSON's own escapes, which stand for what they replace.
#[must_use]
pub fn show_json(json: &Value) -> String {
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

/// Control characters are not, nor what ends a line or turns the direction of text, nor what
/// Unicode has programs leave out when they show a text (`Default_Ignorable_Code_Point`): it would
/// hide what is there. The selectors of an emoji's form are; they change one character's look.
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
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn escapes_are_shown() {
        assert_eq!(show("a\u{1b}[2Jb", Shown::OneLine), "a\\u{1b}[2Jb");
        assert_eq!(show("a\u{202e}b", Shown::Lines), "a\\u{202e}b");
        assert_eq!(show("a\r\nb\rc\td", Shown::Lines), "a\nb\\u{d}c\td");
        assert_eq!(show("a\nb", Shown::OneLine), "a\\u{a}b");
        assert_eq!(show("olá 😀 你好 ❤\u{fe0f}", Shown::OneLine), "olá 😀 你好 ❤\u{fe0f}");
    }

    #[test]
    fn what_nobody_sees_is_shown() {
        for c in ['\u{34f}', '\u{3164}', '\u{ffa0}', '\u{180b}', '\u{1d173}', '\u{e0100}'] {
            let code = format!("\\u{{{:x}}}", u32::from(c));
            assert_eq!(show(&c.to_string(), Shown::OneLine), code);
        }
    }

    proptest! {
        #[test]
        fn nothing_is_obeyed(text in any::<String>()) {
            let lines = show(&text, Shown::Lines);
            prop_assert!(lines.chars().all(|c| is_harmless(c) || c == '\n' || c == '\t'));
            prop_assert!(show(&text, Shown::OneLine).chars().all(is_harmless));
        }

        #[test]
        fn json_stays_the_same(text in any::<String>()) {
            let text = format!("{text}\u{9b}\u{202e}\u{e0041}");
            let json = Value::from(text);
            let shown = show_json(&json);
            prop_assert!(shown.chars().all(is_harmless));
            prop_assert_eq!(serde_json::from_str::<Value>(&shown).unwrap(), json);
        }
    }
}
