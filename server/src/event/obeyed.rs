//! Characters that must not get into a line of the log.

/// Whether a terminal or a log reader obeys a character instead of showing it: controls, line
/// separators, and marks that change the direction of text.
#[must_use]
pub fn is_obeyed(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}
