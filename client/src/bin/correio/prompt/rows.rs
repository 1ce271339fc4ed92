//! Lays out edited text in rows of the screen, broken between words, by the width of each grapheme
//! cluster. Each character keeps its position, also the spaces at a break, so that the cursor can
//! stand on it. This is why `wrap`, for text that is only read, cannot serve here: it drops the
//! spaces at a break, repeats marks of quotation, and knows no cursor.

use correio_client::{WhiteSpace, sanitize_part};
use unicode_segmentation::UnicodeSegmentation;
use unicode_width::UnicodeWidthStr;

/// Columns between tab stops.
const TAB: usize = 8;

/// A row of the screen.
#[derive(Debug, Default)]
struct Row {
    /// The text as shown, sanitized.
    shown: String,
    width: usize,
    /// The start of each character: its byte in the line, its column in the row.
    positions: Vec<(usize, usize)>,
}

impl Row {
    fn push(&mut self, at: usize, shown: &str, width: usize) {
        self.positions.push((at, self.width));
        self.shown.push_str(shown);
        self.width += width;
    }

    /// Index of the character that begins the row's last word, unless it is the first character.
    fn last_word(&self) -> Option<usize> {
        let space = self.shown.rfind(' ')?;
        let column = self.shown.get(..=space).map_or(0, UnicodeWidthStr::width);
        let index = self.positions.iter().position(|(_, at)| *at >= column)?;
        (index > 0).then_some(index)
    }

    /// Moves the characters from an index on to a new row.
    fn split(&mut self, index: usize) -> Self {
        let rest = self.positions.split_off(index);
        let Some(&(_, column)) = rest.first() else {
            return Self::default();
        };
        let mut width = 0;
        let at = self.shown.char_indices().find_map(|(at, c)| {
            let is_there = width >= column;
            width += UnicodeWidthStr::width(c.encode_utf8(&mut [0; 4]) as &str);
            is_there.then_some(at)
        });
        let shown = self.shown.split_off(at.unwrap_or(self.shown.len()));
        let width = self.width - column;
        self.width = column;
        let positions = rest.into_iter().map(|(at, from)| (at, from - column)).collect();
        Self { shown, width, positions }
    }

    /// The column of a byte of the line, if the byte is in this row.
    fn column_of(&self, byte: usize) -> Option<usize> {
        self.positions.iter().find(|(at, _)| *at == byte).map(|(_, column)| *column)
    }
}

/// The rows of a line, at least one. The first row is narrower by `indent` columns.
fn rows(line: &str, indent: usize, width: usize) -> Vec<Row> {
    let mut rows = Vec::new();
    let mut row = Row::default();
    let mut room = width.saturating_sub(indent).max(1);
    for (at, grapheme) in line.grapheme_indices(true) {
        let (shown, wide) = as_shown(line, at, grapheme, row.width);
        if row.width + wide > room && !row.positions.is_empty() {
            let rest = match row.last_word() {
                Some(index) if grapheme != " " => row.split(index),
                _ => Row::default(),
            };
            rows.push(std::mem::replace(&mut row, rest));
            room = width.max(1);
        }
        row.push(at, &shown, wide);
    }
    rows.push(row);
    rows
}

/// A character as shown, and its width in columns.
fn as_shown(line: &str, at: usize, grapheme: &str, column: usize) -> (String, usize) {
    if grapheme == "\t" {
        let wide = TAB - column % TAB;
        return (" ".repeat(wide), wide);
    }
    let shown = sanitize_part(line, at..at + grapheme.len(), WhiteSpace::OneLine);
    let wide = shown.width();
    (shown, wide)
}

/// The part of a text that fits on the screen and contains the cursor.
pub(super) struct Window {
    pub(super) rows: Vec<String>,
    /// Row and column of the cursor.
    pub(super) cursor: (usize, usize),
    /// Whether the first row is the first of the text.
    pub(super) is_from_start: bool,
}

/// At most `height` rows around the cursor. The text's first row is narrower by `indent` columns,
/// because the question stands before it.
pub(super) fn window(
    text: &str,
    cursor: usize,
    indent: usize,
    (height, width): (usize, usize),
) -> Window {
    let (before, after) = text.split_at_checked(cursor).unwrap_or((text, ""));
    let start = before.rfind('\n').map_or(0, |at| at + 1);
    let end = after.find('\n').map_or(text.len(), |at| cursor + at);
    let indent_at = |start: usize| if start == 0 { indent } else { 0 };
    let line = text.get(start..end).unwrap_or_default();
    let mut shown = rows(line, indent_at(start), width);
    let mut position = position(&mut shown, cursor - start, indent_at(start), width);
    // Lines above, as far as they fit.
    let mut above = start;
    while above > 0 && position.0 < height {
        let end = above - 1;
        let begin = text.get(..end).and_then(|text| text.rfind('\n')).map_or(0, |at| at + 1);
        let line = text.get(begin..end).unwrap_or_default();
        let rows = rows(line, indent_at(begin), width);
        position.0 += rows.len();
        shown.splice(0..0, rows);
        above = begin;
    }
    let mut below = end;
    while below < text.len() && shown.len() < position.0 + height {
        let begin = below + 1;
        let line = text.get(begin..).unwrap_or_default().split('\n').next().unwrap_or_default();
        shown.extend(rows(line, 0, width));
        below = begin + line.len();
    }
    let last = shown.len().min(height.max(position.0 + 1));
    let first = last.saturating_sub(height);
    let rows = shown.drain(first..last).map(|row| row.shown).collect();
    let is_from_start = above == 0 && first == 0;
    Window { rows, cursor: (position.0 - first, position.1), is_from_start }
}

/// Row and column of a byte of a line. After a full row, the position is in the next row.
fn position(rows: &mut Vec<Row>, byte: usize, indent: usize, width: usize) -> (usize, usize) {
    for (index, row) in rows.iter().enumerate() {
        if let Some(column) = row.column_of(byte) {
            return (index, if index == 0 { column + indent } else { column });
        }
    }
    let indent = if rows.len() == 1 { indent } else { 0 };
    let column = rows.last().map_or(0, |row| row.width) + indent;
    if column < width.max(1) {
        return (rows.len().saturating_sub(1), column);
    }
    rows.push(Row::default());
    (rows.len() - 1, 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(line: &str, width: usize) -> Vec<String> {
        rows(line, 0, width).into_iter().map(|row| row.shown).collect()
    }

    #[test]
    fn rows_are_broken_between_words() {
        assert_eq!(shown("um dois três", 8), ["um dois ", "três"]);
        assert_eq!(shown("abcdefghij", 4), ["abcd", "efgh", "ij"]);
        assert_eq!(shown("", 4), [""]);
        assert_eq!(shown("a\tb", 20), ["a       b"]);
        assert_eq!(shown("你好你好", 5), ["你好", "你好"]);
        assert_eq!(shown("a\u{1b}[31m", 40), ["a\\u{1b}[31m"]);
    }

    #[test]
    fn the_cursor_is_where_its_character_is() {
        let window = |text: &str, cursor, height| {
            let window = window(text, cursor, 2, (height, 10));
            (window.rows, window.cursor)
        };
        assert_eq!(window("abc", 3, 5), (vec!["abc".to_owned()], (0, 5)));
        assert_eq!(window("a\nbc", 2, 5).1, (1, 0));
        assert_eq!(window("a\nb\nc\nd", 7, 2), (vec!["c".to_owned(), "d".to_owned()], (1, 1)));
        assert_eq!(window("a\nb\nc\nd", 0, 2), (vec!["a".to_owned(), "b".to_owned()], (0, 2)));
        // After a full row, the cursor is on the next row.
        assert_eq!(window("abcdefgh", 8, 5).1, (1, 0));
    }

    #[test]
    fn every_text_fits() {
        for text in ["um texto com palavras", "\t\t\t", "😀😀😀", "a\u{300}\u{301}", "\u{1b}\u{1b}"]
        {
            for width in 1..12 {
                for row in rows(text, 0, width) {
                    assert!(row.width <= width || row.positions.len() == 1, "{text:?} {width}");
                }
            }
        }
    }
}
