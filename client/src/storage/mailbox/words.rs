//! Words that are looked for, and whether a text has them, whatever their case and accents.

use std::str::FromStr;

use correio_proto::directory::fold;

/// Most words that are looked for at once.
const WORDS_MAX: usize = 32;

/// Most bytes of the words.
const BYTES_MAX: usize = 1000;

/// The words of a search: 1 to 32, of at most 1,000 bytes in all, as [`fold`] returns them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Words(Box<[Box<str>]>);

/// Why a text has no words that can be looked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidWords {
    /// The text has no word.
    #[error("there is no word to look for")]
    Empty,
    /// The text has more than 32 words, or more than 1,000 bytes.
    #[error("there are too many words to look for, or they are too long")]
    TooLong,
}

impl FromStr for Words {
    type Err = InvalidWords;

    /// Cuts a text into words, at white space.
    fn from_str(text: &str) -> Result<Self, InvalidWords> {
        if text.len() > BYTES_MAX {
            return Err(InvalidWords::TooLong);
        }
        let mut words: Vec<Box<str>> = Vec::new();
        for word in text.split_whitespace().map(fold).filter(|word| !word.is_empty()) {
            if !words.iter().any(|known| **known == *word) {
                words.push(word.into());
            }
        }
        let bytes: usize = words.iter().map(|word| word.len()).sum();
        match words.len() {
            0 => Err(InvalidWords::Empty),
            1..=WORDS_MAX if bytes <= BYTES_MAX => Ok(Self(words.into())),
            _ => Err(InvalidWords::TooLong),
        }
    }
}

impl Words {
    /// Whether a text has all of the words.
    #[must_use]
    pub fn occur_in(&self, text: &str) -> bool {
        let mut finder = Finder::new(self);
        finder.text(text);
        finder.has_all()
    }
}

/// Looks for words in texts that come piece by piece.
#[derive(Debug)]
pub(super) struct Finder<'a> {
    /// The words that were not found yet.
    missing: Vec<&'a str>,
    /// Bytes of the longest word.
    longest: usize,
    /// The folded end of the text so far, where a word may begin, and then the next piece.
    folded: String,
}

impl<'a> Finder<'a> {
    pub(super) fn new(words: &'a Words) -> Self {
        let missing: Vec<&str> = words.0.iter().map(|word| &**word).collect();
        let longest = missing.iter().map(|word| word.len()).max().unwrap_or(0);
        Self { missing, longest, folded: String::new() }
    }

    pub(super) fn has_all(&self) -> bool {
        self.missing.is_empty()
    }

    /// Looks into a whole text.
    pub(super) fn text(&mut self, text: &str) {
        self.piece(text);
        self.end();
    }

    /// Looks into the next piece of a text, also for words that began in the piece before.
    pub(super) fn piece(&mut self, piece: &str) {
        if self.has_all() {
            return;
        }
        fold_into(piece, &mut self.folded);
        let folded = &self.folded;
        self.missing.retain(|word| !folded.contains(word));
        let end = folded.len().saturating_sub(self.longest.saturating_sub(1));
        let end = folded.floor_char_boundary(end);
        self.folded.drain(..end);
    }

    /// Ends a text: no word goes on in the next one.
    pub(super) fn end(&mut self) {
        self.folded.clear();
    }
}

/// Appends a text as [`fold`] returns it. Most letters of most texts are ASCII, for which no table
/// is needed.
fn fold_into(text: &str, folded: &mut String) {
    let mut rest = text;
    while !rest.is_empty() {
        let ascii = rest.bytes().position(|byte| !byte.is_ascii()).unwrap_or(rest.len());
        let (plain, others) = rest.split_at(ascii);
        let start = folded.len();
        folded.push_str(plain);
        if let Some(added) = folded.get_mut(start..) {
            added.make_ascii_lowercase();
        }
        let end = others.bytes().position(|byte| byte.is_ascii()).unwrap_or(others.len());
        let (marked, after) = others.split_at(end);
        if !marked.is_empty() {
            folded.push_str(&fold(marked));
        }
        rest = after;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn words(text: &str) -> Words {
        text.parse().unwrap()
    }

    #[test]
    fn all_words_must_occur_whatever_their_case_and_accents() {
        let text = "Às oito, no JARDIM BOTÂNICO?";
        for query in ["jardim", "BOTANICO oito", "às", "as", "tânic", "a\u{300}s"] {
            assert!(words(query).occur_in(text), "{query}");
        }
        for query in ["jardim nove", "botanicos", "oitono"] {
            assert!(!words(query).occur_in(text), "{query}");
        }
    }

    #[test]
    fn a_search_has_words_and_not_too_many() {
        for (text, error) in [
            ("", InvalidWords::Empty),
            (" \t\u{a0}\u{301} ", InvalidWords::Empty),
            (&"x".repeat(1001), InvalidWords::TooLong),
            // One character that becomes eighteen.
            (&"\u{fdfa}".repeat(100), InvalidWords::TooLong),
        ] {
            assert_eq!(text.parse::<Words>(), Err(error), "{text:?}");
        }
        let many: Vec<String> = (0..33).map(|n| n.to_string()).collect();
        assert_eq!(many.join(" ").parse::<Words>(), Err(InvalidWords::TooLong));
        assert!("a ".repeat(33).parse::<Words>().is_ok(), "one word, many times");
    }

    #[test]
    fn no_word_goes_from_one_text_into_the_next() {
        let words = words("jantar");
        let mut finder = Finder::new(&words);
        finder.text("jan");
        finder.text("tar");
        assert!(!finder.has_all());
        finder.piece("JAN");
        finder.piece("TÁR");
        assert!(finder.has_all());
    }

    proptest! {
        #[test]
        fn a_text_is_folded_as_the_directory_folds_it(
            text in "([a-zA-Z ]|é|É|ç|\u{301}|ﬁ|Ω|İ|\\PC){0,40}",
        ) {
            let mut folded = String::new();
            fold_into(&text, &mut folded);
            prop_assert_eq!(folded, fold(&text));
        }

        #[test]
        fn pieces_are_as_the_whole_text(
            text in "(a|b|é| |\u{1f600}){0,60}",
            query in "(a|b|e|\u{1f600}){1,5}",
            length in 1..7_usize,
        ) {
            let words = words(&query);
            let mut finder = Finder::new(&words);
            let mut rest = text.as_str();
            while !rest.is_empty() {
                let (piece, after) = rest.split_at(rest.ceil_char_boundary(length.min(rest.len())));
                finder.piece(piece);
                prop_assert!(finder.folded.len() < 5 * 4 + 30);
                rest = after;
            }
            prop_assert_eq!(finder.has_all(), fold(&text).contains(&fold(&query)));
        }
    }
}
