//! Pager: shows long texts and lists a screenful at a time, in both directions.

use correio_client::keys::{Code, Key, Modifiers};

use super::{
    answer::{Answer, Stop},
    input::Wait,
    input_event::InputEvent,
    keys::{CTRL_D, ENTER, ESCAPE, KeyPrompt},
};
use crate::wrap::rows;

/// Lines that the pager shows, by number from 0.
pub(crate) trait Listing {
    /// Number of lines.
    fn count(&self) -> usize;

    /// A line, sanitized.
    fn line(&mut self, number: usize) -> String;

    /// The rows of a line on a screen of this width.
    fn rows(&mut self, number: usize, width: usize) -> Vec<String> {
        rows(&self.line(number), width)
    }
}

/// The last row of the pager's screen: the keys.
pub(crate) struct Footer {
    /// While more lines follow.
    pub(crate) more: String,
    /// When the end is on the screen.
    pub(crate) end: String,
}

/// How far the lines were shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PagesShown {
    /// The end is on the screen.
    ToTheEnd,
    /// The user has left before the end.
    InPart,
}

/// Top of the screen: a line, and the first row of it that is shown.
type Position = (usize, usize);

/// Effect of a key on the pager.
enum PageAction {
    Next,
    Previous,
    Down,
    Up,
    First,
    Last,
    End,
    Other,
}

/// Whether typed text begins a number, which is the answer to the question after the list.
fn is_number(typed: &InputEvent) -> bool {
    matches!(typed, InputEvent::Text(text) if text.starts_with(|c: char| c.is_ascii_digit()))
}

impl KeyPrompt {
    /// Shows lines a screenful at a time; line `from` is on the first screen. Ends when the user
    /// has read from the start to the end, or leaves, or types a number, which is kept for the next
    /// question.
    pub(super) fn page(
        &mut self,
        lines: &mut dyn Listing,
        from: usize,
        footer: &Footer,
    ) -> Answer<PagesShown> {
        self.begin()?;
        let mut top = self.filled(lines, (from, 0));
        // Whether all rows above were shown.
        let mut is_read = top == (0, 0);
        loop {
            let (shown, next) = self.screen(lines, top);
            if next.is_none() && (is_read || top == (0, 0)) {
                self.stay(&shown);
                return Ok(PagesShown::ToTheEnd);
            }
            let mut drawn = shown.clone();
            drawn.push(if next.is_some() { &footer.more } else { &footer.end }.clone());
            self.canvas.draw(&drawn, None);
            let step = match self.wait(None)? {
                Wait::Idle => PageAction::Other,
                Wait::Stale => {
                    self.canvas.wipe();
                    top = self.filled(lines, top);
                    PageAction::Other
                }
                Wait::Typed(typed) => self.step(typed)?,
            };
            is_read = match step {
                PageAction::Next => true,
                PageAction::Other => is_read,
                _ => false,
            };
            top = match step {
                PageAction::Next => {
                    // The rows that were read stay above.
                    self.stay(&shown);
                    let Some(next) = next else { return Ok(PagesShown::ToTheEnd) };
                    next
                }
                PageAction::Down if next.is_none() => top,
                PageAction::Down => self.below(lines, top),
                PageAction::Up => self.above(lines, top, 1),
                PageAction::Previous => self.above(lines, top, shown.len().max(1)),
                PageAction::First => (0, 0),
                PageAction::Last => {
                    let end = (lines.count(), 0);
                    self.filled(lines, end)
                }
                PageAction::Other => top,
                PageAction::End => {
                    self.stay(&shown);
                    return Ok(if next.is_some() {
                        PagesShown::InPart
                    } else {
                        PagesShown::ToTheEnd
                    });
                }
            };
        }
    }

    /// Writes rows that stay on the screen, in place of the drawing.
    fn stay(&mut self, rows: &[String]) {
        rows.iter().for_each(|row| self.canvas.say(row));
    }

    fn step(&mut self, typed: InputEvent) -> Answer<PageAction> {
        Ok(match typed {
            InputEvent::Key(Key { code, modifiers: Modifiers::NONE }) => match code {
                Code::Enter | Code::PageDown => PageAction::Next,
                Code::Down => PageAction::Down,
                Code::Up => PageAction::Up,
                Code::PageUp | Code::Backspace => PageAction::Previous,
                Code::Home => PageAction::First,
                Code::End => PageAction::Last,
                Code::Escape => PageAction::End,
                _ => PageAction::Other,
            },
            InputEvent::Key(key) if key == CTRL_D => return Err(Stop::Leave),
            InputEvent::Text(text) => match text.as_str() {
                " " => PageAction::Next,
                "b" => PageAction::Previous,
                "q" => PageAction::End,
                // A number is the answer to the next question.
                text if text.starts_with(|c: char| c.is_ascii_digit()) => {
                    self.input.put_back(InputEvent::Text(text.to_owned()));
                    PageAction::End
                }
                _ => PageAction::Other,
            },
            InputEvent::Key(_)
            | InputEvent::Paste(_)
            | InputEvent::Burst(_)
            | InputEvent::TypedAhead(_)
            | InputEvent::NotText => PageAction::Other,
        })
    }

    /// The rows from a position on that fit, and the position of the first row that does not fit.
    fn screen(
        &self,
        lines: &mut dyn Listing,
        (line, skipped): Position,
    ) -> (Vec<String>, Option<Position>) {
        let (room, width) = (self.room(), self.canvas.size().1);
        let mut shown = Vec::new();
        for number in line..lines.count() {
            let skip = if number == line { skipped } else { 0 };
            for (index, row) in lines.rows(number, width).into_iter().enumerate().skip(skip) {
                if shown.len() == room {
                    return (shown, Some((number, index)));
                }
                shown.push(row);
            }
        }
        (shown, None)
    }

    /// The position, or a higher one from which the rows fill the screen.
    fn filled(&self, lines: &mut dyn Listing, top: Position) -> Position {
        let end = (lines.count(), 0);
        self.above(lines, end, self.room()).min(top)
    }

    /// Rows for the lines. The last row of the screen is the footer's.
    fn room(&self) -> usize {
        self.canvas.size().0.saturating_sub(1).max(1)
    }

    /// The position one row below.
    fn below(&self, lines: &mut dyn Listing, (line, skipped): Position) -> Position {
        let width = self.canvas.size().1;
        let count = lines.rows(line, width).len();
        if skipped + 1 < count { (line, skipped + 1) } else { (line + 1, 0) }
    }

    /// The position this many rows above.
    fn above(
        &self,
        lines: &mut dyn Listing,
        (mut line, mut row): Position,
        count: usize,
    ) -> Position {
        let width = self.canvas.size().1;
        for _ in 0..count {
            if row > 0 {
                row -= 1;
            } else if line > 0 {
                line -= 1;
                row = lines.rows(line, width).len().saturating_sub(1);
            }
        }
        (line, row)
    }

    /// Waits for one of these letters. Enter, Esc, the space bar and `q` go back, as does a number,
    /// which is kept for the next question. Nothing else does anything.
    pub(super) fn letter(&mut self, lines: &str, letters: &[char]) -> Answer<Option<char>> {
        self.begin()?;
        loop {
            let width = self.canvas.size().1;
            let drawn: Vec<String> = lines.lines().flat_map(|line| rows(line, width)).collect();
            self.canvas.draw(&drawn, Some((drawn.len().saturating_sub(1), 0)));
            let typed = match self.wait(None)? {
                Wait::Idle => continue,
                Wait::Stale => {
                    self.canvas.wipe();
                    continue;
                }
                Wait::Typed(typed) => typed,
            };
            let letter = match &typed {
                InputEvent::Key(key) if *key == CTRL_D => {
                    self.canvas.clear();
                    return Err(Stop::Leave);
                }
                InputEvent::Key(key) if [ENTER, ESCAPE].contains(key) => None,
                InputEvent::Text(_) if is_number(&typed) => None,
                InputEvent::Text(text) => match text.as_str() {
                    " " | "q" => None,
                    text => match letters.iter().find(|letter| text == letter.to_string()) {
                        Some(letter) => Some(*letter),
                        None => continue,
                    },
                },
                InputEvent::Key(_)
                | InputEvent::NotText
                | InputEvent::Paste(_)
                | InputEvent::Burst(_)
                | InputEvent::TypedAhead(_) => continue,
            };
            self.canvas.clear();
            if is_number(&typed) {
                self.input.put_back(typed);
            }
            return Ok(letter);
        }
    }
}
