//! Decides whether an invisible character is needed by the text around it.
//!
//! Every rule examines a bounded number of visible characters. An invisible character beside
//! another is always replaced, so that nothing hides in a run of them, and the time is linear in a
//! text's length.

use unicode_normalization::char::canonical_combining_class;
use unicode_properties::UnicodeEmoji;
use unicode_script::{Script, UnicodeScript};

use super::{harmless::is_harmless, white_space::WhiteSpace};

/// Maximum of characters examined on one side of a mark of direction.
const NEUTRALS_MAX: usize = 16;

/// Maximum of marks (vowel signs, accents) between a letter and a joiner.
const MARKS_MAX: usize = 8;

/// The flags that Unicode recommends among those written with tag characters.
const TAG_FLAGS: [&str; 3] = [
    "\u{1f3f4}\u{e0067}\u{e0062}\u{e0065}\u{e006e}\u{e0067}\u{e007f}",
    "\u{1f3f4}\u{e0067}\u{e0062}\u{e0073}\u{e0063}\u{e0074}\u{e007f}",
    "\u{1f3f4}\u{e0067}\u{e0062}\u{e0077}\u{e006c}\u{e0073}\u{e007f}",
];

/// A character and the text on both sides of it.
pub(super) struct Context<'a> {
    before: &'a str,
    c: char,
    after: &'a str,
    white_space: WhiteSpace,
}

impl<'a> Context<'a> {
    pub(super) fn new(text: &'a str, index: usize, c: char, white_space: WhiteSpace) -> Self {
        let before = text.get(..index).unwrap_or_default();
        let after = text.get(index + c.len_utf8()..).unwrap_or_default();
        Self { before, c, after, white_space }
    }

    pub(super) fn is_before(&self, next: char) -> bool {
        self.next() == Some(next)
    }

    /// Whether the character tells a reader nothing and is left out.
    pub(super) fn is_left_out(&self) -> bool {
        match self.c {
            // A byte-order mark, as some editors write it at the start of a file.
            '\u{feff}' => self.before.is_empty(),
            // A soft hyphen within a word.
            '\u{ad}' => {
                self.previous().is_some_and(char::is_alphabetic)
                    && self.next().is_some_and(char::is_alphabetic)
            }
            _ => false,
        }
    }

    /// Whether the text around the character needs it.
    pub(super) fn is_needed(&self) -> bool {
        let is_alone = self.previous().is_some_and(is_harmless) && self.next().is_none_or(is_seen);
        match self.c {
            '\u{e0020}'..='\u{e007f}' => self.is_in_tag_flag(),
            _ if !is_alone => false,
            '\u{200c}' => self.is_at_joining_letter(),
            '\u{200d}' => self.is_at_joining_letter() || self.is_between_emoji(),
            // Thai and its neighbours write no spaces between words.
            '\u{200b}' => self.is_between(writes_without_spaces),
            '\u{180b}'..='\u{180f}' => self.previous().is_some_and(is_mongolian),
            // A variant of the ideograph.
            '\u{e0100}'..='\u{e01ef}' => self.previous().is_some_and(|c| c.script() == Script::Han),
            '\u{200f}' | '\u{61c}' => self.is_amid_right_to_left(),
            _ => false,
        }
    }

    fn previous(&self) -> Option<char> {
        self.before.chars().next_back()
    }

    fn next(&self) -> Option<char> {
        self.after.chars().next()
    }

    fn is_between(&self, is_such: impl Fn(char) -> bool) -> bool {
        self.previous().is_some_and(&is_such) && self.next().is_some_and(&is_such)
    }

    /// Whether a letter whose shape a joiner changes stands directly before it, apart from its
    /// marks, or directly after it.
    fn is_at_joining_letter(&self) -> bool {
        let mut before = self.before.chars().rev().take(MARKS_MAX);
        let letter = before.find(|c| c.script() != Script::Inherited || !is_harmless(*c));
        let follows_letter = letter.is_some_and(|c| is_harmless(c) && joins_letters(c));
        let precedes_letter = self.next().is_some_and(joins_letters);
        let follows_space = self.previous().is_none_or(char::is_whitespace);
        follows_letter || (precedes_letter && !follows_space)
    }

    /// Whether the joiner combines two emoji.
    fn is_between_emoji(&self) -> bool {
        let is_look = |c: &char| matches!(c, '\u{fe0f}' | '\u{1f3fb}'..='\u{1f3ff}');
        let mut before = self.before.chars().rev().peekable();
        before.next_if(is_look);
        before.next().is_some_and(is_pictograph) && self.next().is_some_and(is_pictograph)
    }

    /// Whether the mark affects only punctuation within, or at the end of, right-to-left text.
    fn is_amid_right_to_left(&self) -> bool {
        let neutrals = self.after.chars().take(NEUTRALS_MAX).take_while(|c| is_neutral(*c)).count();
        let mut rest = self.after.chars().skip(neutrals);
        let is_closed = match rest.next() {
            None => true,
            Some('\n') => self.white_space == WhiteSpace::Lines,
            // A CR that ends no line is replaced by its code.
            Some('\r') => self.white_space == WhiteSpace::Lines && rest.next() == Some('\n'),
            Some(c) => is_right_to_left(c),
        };
        let mut before = self.before.chars().rev().take(NEUTRALS_MAX);
        is_closed && before.find(|c| !is_neutral(*c)).is_some_and(is_right_to_left)
    }

    fn is_in_tag_flag(&self) -> bool {
        TAG_FLAGS.iter().any(|flag| {
            flag.char_indices().filter(|(_, c)| *c == self.c).any(|(index, c)| {
                let (start, end) = flag.split_at(index);
                self.before.ends_with(start)
                    && end.strip_prefix(c).is_some_and(|end| self.after.starts_with(end))
            })
        })
    }
}

/// Whether a character is visible, or ends a line.
fn is_seen(c: char) -> bool {
    is_harmless(c) || matches!(c, '\n' | '\r')
}

fn is_pictograph(c: char) -> bool {
    !c.is_ascii() && c.is_emoji_char()
}

fn is_mongolian(c: char) -> bool {
    c.script() == Script::Mongolian
}

/// Whether a character has no direction of its own: punctuation, a space, a symbol.
fn is_neutral(c: char) -> bool {
    is_harmless(c) && !c.is_alphanumeric()
}

fn is_right_to_left(c: char) -> bool {
    use Script::{Adlam, Arabic, Hanifi_Rohingya, Hebrew, Mandaic, Nko, Samaritan, Syriac, Thaana};
    let script = c.script();
    c.is_alphabetic()
        && matches!(
            script,
            Adlam | Arabic | Hanifi_Rohingya | Hebrew | Mandaic | Nko | Samaritan | Syriac | Thaana
        )
}

/// Whether a letter or sign belongs to a script in which a joiner changes how letters look: those
/// that are written joined up, and those of India and its neighbours.
fn joins_letters(c: char) -> bool {
    use Script::{
        Adlam, Arabic, Balinese, Bengali, Chakma, Devanagari, Grantha, Gujarati, Gurmukhi,
        Hanifi_Rohingya, Javanese, Kaithi, Kannada, Khmer, Malayalam, Mandaic, Mongolian, Myanmar,
        Newa, Nko, Oriya, Phags_Pa, Sharada, Sinhala, Sundanese, Syriac, Tamil, Telugu, Tirhuta,
    };
    let is_virama = canonical_combining_class(c) == 9;
    (c.is_alphabetic() || is_virama)
        && matches!(
            c.script(),
            Adlam
                | Arabic
                | Balinese
                | Bengali
                | Chakma
                | Devanagari
                | Grantha
                | Gujarati
                | Gurmukhi
                | Hanifi_Rohingya
                | Javanese
                | Kaithi
                | Kannada
                | Khmer
                | Malayalam
                | Mandaic
                | Mongolian
                | Myanmar
                | Newa
                | Nko
                | Oriya
                | Phags_Pa
                | Sharada
                | Sinhala
                | Sundanese
                | Syriac
                | Tamil
                | Telugu
                | Tirhuta
        )
}

fn writes_without_spaces(c: char) -> bool {
    use Script::{Khmer, Lao, Myanmar, Tai_Tham, Thai, Tibetan};
    matches!(c.script(), Khmer | Lao | Myanmar | Tai_Tham | Thai | Tibetan)
}
