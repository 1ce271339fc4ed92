//! Edit buffer of a prompt: the text and the cursor, without the terminal.

use std::ops::Range;

use unicode_segmentation::UnicodeSegmentation;
use zeroize::Zeroize;

use correio_client::keys::{Code, Key, Modifiers};

use super::answer::CursorAt;

/// Whether a text may have several lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shape {
    OneLine,
    Lines,
}

/// Capacity for a secret text, in bytes: a text that fits is never moved in memory, so no copy of
/// it is left.
const SECRET_ROOM: usize = 4096;

/// A text that is edited.
#[derive(Debug)]
pub(super) struct Buffer {
    text: String,
    /// Byte position, at the boundary of a character.
    cursor: usize,
    shape: Shape,
    /// Whether the text is still the offered one: typing replaces it.
    is_offered: bool,
    /// Whether the text must not be shown.
    is_secret: bool,
    /// Whether the cursor's line was typed completely, without a paste.
    is_line_typed: bool,
}

impl Buffer {
    /// A line with an offered text.
    pub(super) fn line(offered: &str) -> Self {
        let mut buffer = Self::of(offered, Shape::OneLine);
        buffer.is_offered = !offered.is_empty();
        buffer
    }

    /// A line with a text that is continued: the cursor is at its end.
    pub(super) fn begun(text: &str) -> Self {
        Self::of(text, Shape::OneLine)
    }

    /// A text of several lines.
    pub(super) fn lines(text: &str, cursor: CursorAt) -> Self {
        let mut buffer = Self::of(text, Shape::Lines);
        if cursor == CursorAt::Start {
            buffer.cursor = 0;
            buffer.is_line_typed = text.is_empty() || text.starts_with('\n');
        }
        buffer
    }

    /// An empty secret line: not shown, and wiped from memory when it is dropped.
    pub(super) fn secret() -> Self {
        let mut buffer = Self::of("", Shape::OneLine);
        buffer.text.reserve(SECRET_ROOM);
        buffer.is_secret = true;
        buffer
    }

    fn of(text: &str, shape: Shape) -> Self {
        let (text, cursor) = (text.to_owned(), text.len());
        Self {
            is_line_typed: text.is_empty() || text.ends_with('\n'),
            text,
            cursor,
            shape,
            is_offered: false,
            is_secret: false,
        }
    }

    pub(super) fn text(&self) -> &str {
        &self.text
    }

    pub(super) fn cursor(&self) -> usize {
        self.cursor
    }

    /// Whether the text is still the offered one: typing replaces it.
    pub(super) fn is_offered(&self) -> bool {
        self.is_offered
    }

    pub(super) fn is_secret(&self) -> bool {
        self.is_secret
    }

    /// The part of a line between commas that the cursor is in, without the spaces around it.
    pub(super) fn part(&self) -> Range<usize> {
        let (before, after) = self.halves();
        let start = before.rfind(',').map_or(0, |at| at + 1);
        let end = after.find(',').map_or(self.text.len(), |at| self.cursor + at);
        let part = self.text.get(start..end).unwrap_or_default();
        let start = start + (part.len() - part.trim_start().len());
        let end = (end - (part.len() - part.trim_end().len())).max(start);
        start..end
    }

    /// The text before the cursor, without white space before it.
    pub(super) fn before_cursor(&self) -> Range<usize> {
        let (before, _) = self.halves();
        before.len() - before.trim_start().len()..before.len()
    }

    /// Puts a text in the place of a part of the line, with the cursor after it.
    pub(super) fn replace(&mut self, part: Range<usize>, text: &str) {
        self.is_offered = false;
        self.is_line_typed = false;
        self.cursor = part.start + text.len();
        self.text.replace_range(part, text);
    }

    /// Inserts typed characters.
    pub(super) fn insert_typed(&mut self, text: &str) {
        self.insert(text);
    }

    /// Inserts a marked paste. In a one-line text, line ends become spaces, and those at the end of
    /// the paste are dropped. After a paste that ends with a line end, the new line counts as
    /// typed.
    pub(super) fn insert_pasted(&mut self, text: &str) {
        self.insert_burst(text);
        self.is_line_typed = self.shape == Shape::Lines && text.ends_with('\n');
    }

    /// Inserts an unmarked paste. Its end is unknown, so the rest of its last line counts as
    /// pasted, too.
    pub(super) fn insert_burst(&mut self, text: &str) {
        self.is_line_typed = false;
        match self.shape {
            Shape::Lines => self.insert(text),
            Shape::OneLine => {
                let line = text.trim_end_matches('\n').replace('\n', " ");
                self.insert(&line);
            }
        }
    }

    fn insert(&mut self, text: &str) {
        if std::mem::take(&mut self.is_offered) {
            self.text.clear();
            self.cursor = 0;
        }
        self.text.insert_str(self.cursor, text);
        self.cursor += text.len();
    }

    /// Number of dots in the cursor's line, if the cursor is at its end and the line consists of
    /// typed dots only; else 0. Pasted dots are text.
    pub(super) fn typed_dots(&self) -> usize {
        let line = self.text.get(self.line_start()..self.line_end()).unwrap_or_default();
        let is_dots = !line.is_empty() && line.bytes().all(|byte| byte == b'.');
        let is_typed = self.is_line_typed && self.cursor == self.line_end();
        if is_dots && is_typed { line.len() } else { 0 }
    }

    /// Deletes the cursor's line and the line end before it.
    pub(super) fn delete_line(&mut self) {
        let start = self.line_start();
        self.text.drain(start..self.line_end());
        self.cursor = start;
        if self.text.get(..start).is_some_and(|before| before.ends_with('\n')) {
            self.text.remove(start - 1);
            self.cursor -= 1;
        }
    }

    /// Inserts a line end at the cursor. The new line has the rest of the cursor's line, which may
    /// be pasted.
    pub(super) fn new_line(&mut self) {
        self.is_line_typed |= self.cursor == self.line_end();
        self.insert("\n");
    }

    /// Moves the cursor or deletes text, as a key says. `rows` is the height of a page in lines.
    pub(super) fn take(&mut self, key: Key, rows: usize) {
        if self.is_secret && !matches!(key.code, Code::Backspace | Code::Char('u')) {
            return;
        }
        let with_ctrl = key.modifiers == Modifiers::CTRL;
        let moved = match (key.code, with_ctrl) {
            (Code::Left, true) => self.word_start(),
            (Code::Right, true) => self.word_end(),
            (Code::Left, false) => self.before(self.cursor),
            (Code::Right, false) => self.after(self.cursor),
            (Code::Home, true) => 0,
            (Code::End, true) => self.text.len(),
            (Code::Home, false) | (Code::Char('a'), true) => self.line_start(),
            (Code::End, false) | (Code::Char('e'), true) => self.line_end(),
            (Code::Up, false) => self.vertically(-1),
            (Code::Down, false) => self.vertically(1),
            (Code::PageUp, false) => self.vertically(0_isize.saturating_sub_unsigned(rows)),
            (Code::PageDown, false) => self.vertically(0_isize.saturating_add_unsigned(rows)),
            (Code::Backspace, false) => return self.delete(self.before(self.cursor), self.cursor),
            (Code::Delete, false) => return self.delete(self.cursor, self.after(self.cursor)),
            (Code::Char('u'), true) => return self.delete(self.line_start(), self.cursor),
            (Code::Char('k'), true) => return self.delete(self.cursor, self.line_end()),
            (Code::Char('w'), true) => return self.delete(self.word_start(), self.cursor),
            _ => return,
        };
        self.is_offered = false;
        self.move_to(moved);
    }

    fn move_to(&mut self, cursor: usize) {
        let start = self.line_start();
        self.cursor = cursor;
        let is_empty = self.line_start() == self.line_end();
        // An empty line can only be typed. Another line that the cursor enters may be pasted.
        self.is_line_typed = is_empty || (self.is_line_typed && start == self.line_start());
    }

    fn delete(&mut self, from: usize, to: usize) {
        self.is_offered = false;
        let deleted = self.text.get(from..to).unwrap_or_default();
        self.is_line_typed &= !deleted.contains('\n');
        self.text.drain(from..to);
        self.cursor = from;
        if self.text.get(self.line_start()..self.line_end()) == Some("") {
            self.is_line_typed = true;
        }
    }

    fn halves(&self) -> (&str, &str) {
        self.text.split_at(self.cursor)
    }

    fn line_start(&self) -> usize {
        self.halves().0.rfind('\n').map_or(0, |at| at + 1)
    }

    fn line_end(&self) -> usize {
        self.halves().1.find('\n').map_or(self.text.len(), |at| self.cursor + at)
    }

    fn before(&self, at: usize) -> usize {
        let before = self.text.get(..at).unwrap_or_default();
        before.grapheme_indices(true).next_back().map_or(0, |(start, _)| start)
    }

    fn after(&self, at: usize) -> usize {
        let after = self.text.get(at..).unwrap_or_default();
        at + after.graphemes(true).next().map_or(0, str::len)
    }

    fn word_start(&self) -> usize {
        let before = self.halves().0;
        let word = before.trim_end_matches(char::is_whitespace);
        word.rfind(char::is_whitespace).map_or(0, |at| {
            at + word.get(at..).and_then(|rest| rest.chars().next()).map_or(0, char::len_utf8)
        })
    }

    fn word_end(&self) -> usize {
        let after = self.halves().1;
        let spaces = after.len() - after.trim_start_matches(char::is_whitespace).len();
        let word = after.get(spaces..).unwrap_or_default();
        let length = word.find(char::is_whitespace).unwrap_or(word.len());
        self.cursor + spaces + length
    }

    /// The position this many lines below the cursor (above for a negative number), in the same
    /// column or at the end of a shorter line.
    fn vertically(&self, lines: isize) -> usize {
        let start = self.line_start();
        let column = self.text.get(start..self.cursor).unwrap_or_default().graphemes(true).count();
        let mut at = start;
        for _ in 0..lines.unsigned_abs() {
            let next = match lines < 0 {
                true => at.checked_sub(1).map(|end| {
                    self.text
                        .get(..end)
                        .and_then(|before| before.rfind('\n'))
                        .map_or(0, |at| at + 1)
                }),
                false => self
                    .text
                    .get(at..)
                    .and_then(|after| after.find('\n'))
                    .map(|length| at + length + 1),
            };
            let Some(next) = next else { break };
            at = next;
        }
        let line = self.text.get(at..).unwrap_or_default();
        let line = line.split('\n').next().unwrap_or_default();
        at + line.graphemes(true).take(column).map(str::len).sum::<usize>()
    }
}

impl Drop for Buffer {
    fn drop(&mut self) {
        if self.is_secret {
            self.text.zeroize();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn edited(mut buffer: Buffer, keys: &[Key]) -> (String, usize) {
        for key in keys {
            buffer.take(*key, 10);
        }
        (buffer.text().to_owned(), buffer.cursor())
    }

    const LEFT: Key = Key::plain(Code::Left);
    const UP: Key = Key::plain(Code::Up);
    const BACKSPACE: Key = Key::plain(Code::Backspace);

    #[test]
    fn keys_change_the_line() {
        assert_eq!(edited(Buffer::line("mãe"), &[LEFT, BACKSPACE]).0, "me");
        assert_eq!(edited(Buffer::line("abc"), &[Key::ctrl('u')]).0, "");
        assert_eq!(edited(Buffer::line("um dois "), &[Key::ctrl('w')]).0, "um ");
        assert_eq!(edited(Buffer::line("abc"), &[Key::ctrl('a'), Key::ctrl('k')]).0, "");
        let delete = [Key::plain(Code::Home), Key::plain(Code::Delete)];
        assert_eq!(edited(Buffer::line("abc"), &delete).0, "bc");
        // A character is a grapheme cluster.
        assert_eq!(edited(Buffer::line("a👩‍👩‍👧e\u{301}"), &[BACKSPACE, BACKSPACE]).0, "a");
        assert_eq!(edited(Buffer::line(""), &[BACKSPACE, LEFT, UP]).0, "");
    }

    #[test]
    fn a_part_of_a_line_is_between_commas() {
        let part = |text: &str, left: usize| {
            let mut line = Buffer::begun(text);
            for _ in 0..left {
                line.take(LEFT, 10);
            }
            let part = line.part();
            line.replace(part.clone(), "ana");
            (text[part].to_owned(), line.text().to_owned(), line.cursor())
        };
        let done = |part: &str, text: &str, cursor| (part.to_owned(), text.to_owned(), cursor);
        assert_eq!(part("", 0), done("", "ana", 3));
        assert_eq!(part("to", 1), done("to", "ana", 3));
        assert_eq!(part("a, joão , b", 4), done("joão", "a, ana , b", 6));
        assert_eq!(part("a, ", 0), done("", "a, ana", 6));
        assert_eq!(part("a,", 2), done("a", "ana,", 3));
        assert_eq!(part("Steve Ro", 3), done("Steve Ro", "ana", 3));
    }

    #[test]
    fn what_is_offered_is_replaced_by_typing_and_kept_by_moving() {
        let mut line = Buffer::line("tony");
        line.insert_typed("pepper");
        assert_eq!(line.text(), "pepper");
        let mut line = Buffer::line("tony");
        line.take(LEFT, 10);
        line.insert_typed("-");
        assert_eq!(line.text(), "ton-y");
    }

    #[test]
    fn lines_above_can_be_corrected() {
        let mut body = Buffer::lines("primera\nsegunda", CursorAt::End);
        for key in [UP, Key::plain(Code::Home)] {
            body.take(key, 10);
        }
        for _ in 0..5 {
            body.take(Key::plain(Code::Right), 10);
        }
        body.insert_typed("i");
        assert_eq!(body.text(), "primeira\nsegunda");
        let up = edited(
            Buffer::lines("a\nlonga\nb", CursorAt::End),
            &[UP, Key::plain(Code::End), UP, UP],
        );
        assert_eq!(up.1, 1);
    }

    #[test]
    fn only_typed_dots_end_a_text() {
        let mut body = Buffer::lines("ola\n", CursorAt::End);
        body.insert_typed(".");
        assert_eq!(body.typed_dots(), 1);
        body.delete_line();
        assert_eq!(body.text(), "ola");
        let mut body = Buffer::lines("", CursorAt::End);
        body.insert_pasted("ola\n.");
        assert_eq!(body.typed_dots(), 0);
        let after_paste = |insert: fn(&mut Buffer, &str)| {
            let mut body = Buffer::lines("", CursorAt::End);
            insert(&mut body, "ola\n");
            body.insert_typed(".");
            body.typed_dots()
        };
        assert_eq!(after_paste(Buffer::insert_pasted), 1);
        assert_eq!(after_paste(Buffer::insert_burst), 0);
        let mut body = Buffer::lines("ola\n.", CursorAt::End);
        body.take(UP, 10);
        body.take(Key::plain(Code::Down), 10);
        assert_eq!(body.typed_dots(), 0);
        let mut body = Buffer::lines("", CursorAt::End);
        body.insert_pasted("a");
        body.take(BACKSPACE, 10);
        body.insert_typed(".");
        assert_eq!(body.typed_dots(), 1);
    }

    #[test]
    fn an_empty_line_that_is_come_back_to_is_typed() {
        let mut body = Buffer::lines("ola\n", CursorAt::End);
        body.take(UP, 10);
        body.take(Key::plain(Code::Down), 10);
        body.insert_typed(".");
        assert_eq!(body.typed_dots(), 1);
    }

    #[test]
    fn a_typed_dot_ends_a_text_above_other_lines() {
        let quoted = || Buffer::lines("\n\n-- \nolá\n.", CursorAt::Start);
        let mut body = quoted();
        body.insert_typed("veja");
        body.new_line();
        body.insert_typed(".");
        assert_eq!(body.typed_dots(), 1);
        body.delete_line();
        assert_eq!(body.text(), "veja\n\n-- \nolá\n.");
        let mut body = quoted();
        body.insert_typed(".");
        assert_eq!(body.typed_dots(), 1);
        body.delete_line();
        assert_eq!(body.text(), quoted().text());
        // With the cursor before the dots, Enter makes a line above them.
        let mut body = quoted();
        body.insert_typed("..");
        body.take(LEFT, 10);
        assert_eq!(body.typed_dots(), 0);
    }

    #[test]
    fn a_pasted_line_that_an_enter_divides_is_not_typed() {
        let mut body = Buffer::lines("olá .\nfim", CursorAt::Start);
        for key in [Key::plain(Code::End), LEFT] {
            body.take(key, 10);
        }
        body.new_line();
        body.take(Key::plain(Code::End), 10);
        assert_eq!((body.text(), body.typed_dots()), ("olá \n.\nfim", 0));
    }

    #[test]
    fn a_line_after_a_marked_paste_is_typed() {
        let mut body = Buffer::lines("", CursorAt::End);
        body.insert_pasted("ola\n.\n");
        body.insert_typed(".");
        assert_eq!(body.typed_dots(), 1);
        for pasted in [".", "ola\n."] {
            let mut body = Buffer::lines("", CursorAt::End);
            body.insert_pasted(pasted);
            assert_eq!(body.typed_dots(), 0, "{pasted:?}");
        }
    }

    #[test]
    fn a_paste_into_a_line_is_one_line() {
        let mut line = Buffer::line("");
        line.insert_pasted("um\n.\n9\n");
        assert_eq!(line.text(), "um . 9");
    }
}
