//! The rows of the screen that a prompt draws and redraws. Each drawing goes out in one write.
//!
//! Terminals rearrange the screen in different ways after a resize. So the canvas then clears the
//! screen, writes the last lines again, and draws the prompt below them.

use std::{collections::VecDeque, fmt::Write};

use console::{Term, measure_text_width, truncate_str};

use crate::wrap::{LongWords, wrap};

/// Maximum number of lines that are kept to be written again after a resize: more than a screen
/// has.
const WRITTEN_MAX: usize = 300;

/// A prompt's part of the screen.
pub(super) struct Canvas {
    term: Term,
    drawn: Option<Drawn>,
    /// The rows drawn last.
    rows: Vec<String>,
    /// The last lines written above the prompt.
    written: VecDeque<WrittenLine>,
    /// Whether the screen was cleared, so that the next drawing writes the lines above again.
    is_wiped: bool,
}

/// A line above the prompt.
enum WrittenLine {
    /// Broken between words at the width of the screen.
    Wrapped(String),
    /// Written as it is.
    Verbatim(String),
}

/// The last drawing.
#[derive(Clone, Copy)]
struct Drawn {
    rows: usize,
    /// The row of the cursor, counted from the first.
    cursor: usize,
}

impl Canvas {
    pub(super) fn new(term: Term) -> Self {
        let (rows, written) = (Vec::new(), VecDeque::new());
        Self { term, drawn: None, rows, written, is_wiped: false }
    }

    /// Usable rows and columns. The last column is left free, because terminals differ in what
    /// follows a character in it.
    pub(super) fn size(&self) -> (usize, usize) {
        let (rows, columns) = self.term.size();
        (usize::from(rows).max(1), usize::from(columns).saturating_sub(1).max(1))
    }

    /// Writes lines that stay above the next drawing, broken between words.
    pub(super) fn say(&mut self, text: &str) {
        self.clear();
        let _ = self.term.write_line(&self.wrapped(text));
        self.note(text.lines().map(|line| WrittenLine::Wrapped(line.to_owned())));
    }

    /// Writes lines that stay as they are, because they may be copied.
    pub(super) fn say_verbatim(&mut self, text: &str) {
        self.clear();
        let _ = self.term.write_line(text);
        self.note(text.lines().map(|line| WrittenLine::Verbatim(line.to_owned())));
    }

    fn wrapped(&self, text: &str) -> String {
        wrap(text, self.size().1, LongWords::Whole)
    }

    fn note(&mut self, lines: impl Iterator<Item = WrittenLine>) {
        self.written.extend(lines);
        let surplus = self.written.len().saturating_sub(WRITTEN_MAX);
        self.written.drain(..surplus);
    }

    /// The last lines written, as many as fit above this many rows of the prompt.
    fn above(&self, rows: usize) -> String {
        let (height, width) = self.size();
        let mut room = height.saturating_sub(rows);
        let mut lines = Vec::new();
        for line in self.written.iter().rev() {
            let line = match line {
                WrittenLine::Wrapped(line) => self.wrapped(line),
                WrittenLine::Verbatim(line) => line.clone(),
            };
            let rows = |row: &str| measure_text_width(row).div_ceil(width + 1).max(1);
            let height = line.split('\n').map(rows).sum();
            let Some(rest) = room.checked_sub(height) else { break };
            room = rest;
            lines.push(line + "\n");
        }
        lines.into_iter().rev().collect()
    }

    /// Draws rows in place of the last drawing, and the cursor at its row and column; `None` hides
    /// the cursor. Rows that are too wide are cut; of too many rows, the last ones are drawn.
    pub(super) fn draw(&mut self, rows: &[String], cursor: Option<(usize, usize)>) {
        let (height, width) = self.size();
        let left_out = rows.len().saturating_sub(height);
        let rows = rows.get(left_out..).unwrap_or_default();
        let mut out = self.back();
        if std::mem::take(&mut self.is_wiped) {
            out.push_str(&self.above(rows.len()));
        }
        for (index, row) in rows.iter().enumerate() {
            if index > 0 {
                out.push('\n');
            }
            match measure_text_width(row) > width {
                true => out.push_str(&truncate_str(row, width, "…")),
                false => out.push_str(row),
            }
        }
        let last = rows.len().saturating_sub(1);
        let (row, column) = cursor.map_or((last, 0), |(row, column)| {
            (row.saturating_sub(left_out).min(last), column.min(width))
        });
        if let Some(up) = last.checked_sub(row).filter(|up| *up > 0) {
            _ = write!(out, "\x1b[{up}A");
        }
        if cursor.is_some() {
            out.push('\r');
            if column > 0 {
                _ = write!(out, "\x1b[{column}C");
            }
            out.push_str("\x1b[?25h");
        }
        self.write(&out);
        self.rows = rows.to_vec();
        self.drawn = Some(Drawn { rows: rows.len(), cursor: row });
    }

    /// Leaves the drawing on the screen and goes to the line after it.
    pub(super) fn leave(&mut self) {
        let Some(drawn) = self.drawn.take() else { return };
        let down = drawn.rows.saturating_sub(drawn.cursor + 1);
        let mut out = String::new();
        if down > 0 {
            _ = write!(out, "\x1b[{down}B");
        }
        out.push_str("\n\x1b[?25h");
        self.write(&out);
        let rows = std::mem::take(&mut self.rows);
        self.note(rows.into_iter().map(WrittenLine::Verbatim));
    }

    /// Removes the drawing from the screen.
    pub(super) fn clear(&mut self) {
        if self.drawn.is_some() {
            let out = self.back() + "\x1b[?25h";
            self.write(&out);
            self.drawn = None;
        }
    }

    /// Clears the screen; the next drawing writes the lines above again.
    pub(super) fn wipe(&mut self) {
        self.drawn = None;
        self.is_wiped = true;
        self.write("\x1b[H\x1b[2J");
    }

    /// The codes that go back to the first row and clear the screen from there on.
    fn back(&self) -> String {
        let mut out = String::from("\x1b[?25l");
        if let Some(Drawn { cursor: up @ 1.., .. }) = self.drawn {
            _ = write!(out, "\x1b[{up}A");
        }
        out.push_str("\r\x1b[J");
        out
    }

    fn write(&self, out: &str) {
        // A terminal that has gone away ends the program by a signal.
        let _ = self.term.write_str(out);
        let _ = self.term.flush();
    }
}
