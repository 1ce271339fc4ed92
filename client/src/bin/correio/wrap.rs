//! Breaks long lines between words, for text that is read on a terminal. Text for a file or a
//! program is never broken. Text that is edited is laid out by `prompt::rows`, which keeps the
//! position of every character.

use textwrap::{Options, WordSeparator, WordSplitter, WrapAlgorithm, core::Word};
use unicode_script::{Script, UnicodeScript};

/// The start of the rows of a field after its first.
const FIELD: &str = "  ";

/// Columns between the tab stops of a terminal.
const TAB: usize = 8;

/// How a word that is wider than the line is shown, such as a fingerprint or a long path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LongWords {
    /// The word is cut at the width: every line fits.
    Cut,
    /// The word stands on a line of its own that is too wide. The terminal breaks that line, so the
    /// word can still be copied from the screen.
    Whole,
}

/// Breaks each line that is wider than `width` columns between words. The continuation of a quoted
/// or indented line begins with the same marks or spaces. Codes for colours have no width.
pub(crate) fn wrap(text: &str, width: usize, long_words: LongWords) -> String {
    let mut wrapped = String::with_capacity(text.len());
    for (index, line) in text.split('\n').enumerate() {
        if index > 0 {
            wrapped.push('\n');
        }
        wrap_line(line, width.max(1), long_words, None, &mut wrapped);
    }
    wrapped
}

/// Breaks a field of a mail's head, which is one line, as [`wrap`] does. Its further rows are
/// indented: no text in a field looks like the beginning of another field.
pub(crate) fn wrap_field(line: &str, width: usize) -> String {
    let mut wrapped = String::with_capacity(line.len());
    wrap_line(line, width.max(1), LongWords::Cut, Some(FIELD), &mut wrapped);
    wrapped
}

/// The rows of a text on a screen: at least one, each at most `width` columns wide.
pub(crate) fn rows(text: &str, width: usize) -> Vec<String> {
    wrap(text, width, LongWords::Cut).split('\n').map(str::to_owned).collect()
}

/// The rows of a field of a mail's head on a screen: see [`wrap_field`].
pub(crate) fn field_rows(line: &str, width: usize) -> Vec<String> {
    wrap_field(line, width).split('\n').map(str::to_owned).collect()
}

/// Breaks one line. Its further rows begin with `indent`, or as the line begins.
fn wrap_line(
    line: &str,
    width: usize,
    long_words: LongWords,
    indent: Option<&str>,
    wrapped: &mut String,
) {
    if !line.contains('\t') && columns(line) <= width {
        wrapped.push_str(line);
        return;
    }
    let expanded = expand(line);
    if columns(&expanded) <= width {
        wrapped.push_str(line);
        return;
    }
    let start = indent.map_or_else(|| start(&expanded), str::to_owned);
    // Marks that leave too little room for words are not repeated.
    let start = if columns(&start) > width / 2 { String::new() } else { start };
    let options = Options::new(width)
        .subsequent_indent(&start)
        .break_words(long_words == LongWords::Cut)
        .word_separator(WordSeparator::Custom(words))
        .word_splitter(WordSplitter::NoHyphenation)
        .wrap_algorithm(WrapAlgorithm::FirstFit);
    wrapped.push_str(&textwrap::wrap(&expanded, options).join("\n"));
}

fn columns(text: &str) -> usize {
    textwrap::core::display_width(text)
}

/// Writes tabs as the spaces that a terminal shows for them.
fn expand(line: &str) -> String {
    let mut expanded = String::with_capacity(line.len());
    let mut column = 0;
    for (index, part) in line.split('\t').enumerate() {
        if index > 0 {
            let room = TAB - column % TAB;
            expanded.push_str(&" ".repeat(room));
            column += room;
        }
        expanded.push_str(part);
        column += columns(part);
    }
    expanded
}

/// The start of a line's continuation: the marks of quotation, the indentation, and spaces for the
/// mark of a list's item.
fn start(line: &str) -> String {
    let rest = line.trim_start_matches([' ', '>']);
    let item = rest.split_inclusive(' ').next().unwrap_or_default();
    let is_mark = match item.trim_end_matches(' ') {
        "-" | "*" | "+" | "•" => true,
        number => number
            .strip_suffix(['.', ')'])
            .is_some_and(|digits| digits.len() < 4 && digits.parse::<u16>().is_ok()),
    };
    let (mark, _) = line.split_at(line.len() - rest.len());
    let room = if is_mark && item.ends_with(' ') { columns(item) } else { 0 };
    format!("{mark}{}", " ".repeat(room))
}

/// The words of a line, each with the spaces after it.
fn words(line: &str) -> Box<dyn Iterator<Item = Word<'_>> + '_> {
    let mut rest = line;
    Box::new(std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let mut pairs = rest.char_indices().zip(rest.chars().skip(1));
        let end = pairs.find(|((_, a), b)| is_break(*a, *b));
        let end = end.map_or(rest.len(), |((index, a), _)| index + a.len_utf8());
        let (word, after) = rest.split_at(end);
        rest = after;
        Some(Word::from(word))
    }))
}

/// Whether a line may end between two characters: after spaces; and between characters of Chinese
/// and Japanese, which have no spaces, but not before a closing mark or after an opening mark.
fn is_break(a: char, b: char) -> bool {
    if b == ' ' {
        return false;
    }
    a == ' ' || ((is_ideograph(a) || is_ideograph(b)) && !opens(a) && !closes(b))
}

fn is_ideograph(c: char) -> bool {
    matches!(c.script(), Script::Han | Script::Hiragana | Script::Katakana | Script::Bopomofo)
        || matches!(c, '\u{3001}'..='\u{303f}' | '\u{ff01}'..='\u{ff5e}')
}

fn opens(c: char) -> bool {
    matches!(c, '(' | '[' | '{' | '「' | '『' | '（' | '【' | '《' | '〈' | '“' | '‘' | '〔')
}

fn closes(c: char) -> bool {
    let is_small = matches!(
        c,
        'ぁ' | 'ぃ'
            | 'ぅ'
            | 'ぇ'
            | 'ぉ'
            | 'っ'
            | 'ゃ'
            | 'ゅ'
            | 'ょ'
            | 'ァ'
            | 'ィ'
            | 'ゥ'
            | 'ェ'
            | 'ォ'
            | 'ッ'
            | 'ャ'
            | 'ュ'
            | 'ョ'
            | 'ー'
            | '々'
    );
    let is_mark = c.script() == Script::Inherited;
    is_small
        || is_mark
        || matches!(
            c,
            ')' | ']'
                | '}'
                | '」'
                | '』'
                | '）'
                | '】'
                | '》'
                | '〉'
                | '”'
                | '’'
                | '〕'
                | '。'
                | '、'
                | '，'
                | '．'
                | '：'
                | '；'
                | '！'
                | '？'
                | '.'
                | ','
                | ':'
                | ';'
                | '!'
                | '?'
                | '…'
        )
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn wrap(text: &str, width: usize) -> String {
        super::wrap(text, width, LongWords::Cut)
    }

    #[test]
    fn a_long_word_can_stay_whole() {
        let whole = |text: &str| super::wrap(text, 10, LongWords::Whole);
        let long = "x".repeat(25);
        assert_eq!(
            whole(&format!("um dois {long} três quatro")),
            format!("um dois\n{long}\ntrês\nquatro")
        );
        assert_eq!(whole("\u{1b}[1mum dois três\u{1b}[0m"), "\u{1b}[1mum dois\ntrês\u{1b}[0m");
    }

    #[test]
    fn lines_end_between_words() {
        assert_eq!(wrap("um dois três quatro", 10), "um dois\ntrês\nquatro");
        assert_eq!(wrap("um dois\n\ntrês", 10), "um dois\n\ntrês");
        assert_eq!(wrap("bem-vindo a casa", 6), "bem-vi\nndo a\ncasa");
        // A no-break space does not break.
        assert_eq!(wrap("a 10\u{a0}km", 6), "a\n10\u{a0}km");
    }

    #[test]
    fn quotations_and_lists_go_on_as_they_began() {
        assert_eq!(wrap("> > um dois três", 11), "> > um dois\n> > três");
        assert_eq!(wrap("    um dois três", 11), "    um dois\n    três");
        assert_eq!(wrap("- um dois três", 9), "- um dois\n  três");
        assert_eq!(wrap("12. um dois três", 11), "12. um dois\n    três");
        // The marks of quotation leave too little room.
        assert_eq!(wrap(">>>>>>>> um dois", 11), ">>>>>>>> um\ndois");
    }

    #[test]
    fn no_row_of_a_field_begins_as_another_field() {
        let name = format!("nota{}From: Pepper Potts <pepper>.pdf", " ".repeat(66));
        for (blank, width) in [(" ", 80), ("\u{a0}", 80), (" ", 20), ("\u{a0}", 30), (" ", 9)] {
            let field = format!("Attachment [1]: {}", name.replace("  ", &blank.repeat(2)));
            let wrapped = wrap_field(&field, width);
            assert!(wrapped.lines().count() > 1);
            assert!(wrapped.lines().skip(1).all(|row| row.starts_with("  ")), "{wrapped}");
            assert!(wrapped.lines().all(|row| columns(row.trim_end()) <= width), "{wrapped}");
        }
        assert_eq!(wrap_field("From: Pepper Potts <pepper>", 80), "From: Pepper Potts <pepper>");
    }

    #[test]
    fn an_address_stays_whole_where_a_line_has_room_for_it() {
        let address = "https://example.org/a-b/c?d=e";
        assert_eq!(wrap(&format!("veja {address} já"), 30), format!("veja\n{address}\njá"));
        assert_eq!(wrap(&"x".repeat(25), 10), "xxxxxxxxxx\nxxxxxxxxxx\nxxxxx");
    }

    #[test]
    fn the_width_is_that_of_the_screen() {
        assert_eq!(wrap("你好世界。你好", 8), "你好世\n界。你好");
        assert_eq!(wrap("ab\tcd ef", 12), "ab      cd\nef");
        assert_eq!(wrap("ab\tcd", 80), "ab\tcd");
        assert_eq!(wrap("Joa\u{303}o é", 6), "Joa\u{303}o é");
        let technologist = "👩🏽\u{200d}💻";
        assert_eq!(wrap(&format!("um {technologist}"), 7), format!("um\n{technologist}"));
    }

    #[test]
    fn a_line_without_end_takes_no_time_without_end() {
        let line = "palavra ".repeat(20_000);
        assert_eq!(wrap(&line, 80).lines().count(), 2_000);
        assert_eq!(wrap(&"x".repeat(160_000), 80).lines().count(), 2_000);
    }

    #[test]
    fn a_hostile_number_of_tabs_is_expanded_in_one_pass() {
        // Hours would pass if each tab measured the whole line again.
        let wrapped = wrap(&format!("{}x", "\t".repeat(200_000)), 80);
        assert!(wrapped.lines().all(|line| columns(line) <= 80));
    }

    proptest! {
        #[test]
        fn nothing_but_spaces_is_lost(text in "[a-z 你。\n>-]{0,80}", width in 4_usize..30) {
            let wrapped = wrap(&text, width);
            let letters = |text: &str| -> String {
                text.chars().filter(|c| c.is_alphanumeric()).collect()
            };
            prop_assert_eq!(letters(&wrapped), letters(&text));
            let fits = wrapped.lines().all(|line| columns(line.trim_end()) <= width);
            prop_assert!(fits, "{:?}", wrapped);
        }
    }
}
