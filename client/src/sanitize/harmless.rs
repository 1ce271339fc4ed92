//! Characters that are harmless for a terminal.

/// Whether a character is harmless in any context. Control characters are not harmless, nor are
/// characters that end a line or change the direction of text, nor those that Unicode lets programs
/// leave out when they show text (`Default_Ignorable_Code_Point`), since they would hide a
/// difference. The selectors of an emoji's form are harmless; they change the look of one
/// character.
pub(super) fn is_harmless(c: char) -> bool {
    let is_hidden = matches!(c,
        '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}'..='\u{1160}' | '\u{17b4}'..='\u{17b5}'
        | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{feff}' | '\u{ffa0}'
        | '\u{fff0}'..='\u{fffb}' | '\u{1bca0}'..='\u{1bca3}' | '\u{1d173}'..='\u{1d17a}'
        | '\u{e0000}'..='\u{e0fff}');
    !c.is_control() && !is_hidden
}
