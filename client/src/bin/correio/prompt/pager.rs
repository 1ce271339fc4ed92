//! Long texts and lists, a screenful at a time, in both directions.

use correio_client::keys::{Code, Key, Modifiers};

use super::{
    answer::{Answer, Stop},
    input::Wait,
    input_event::InputEvent,
    keys::KeyPrompt,
};
use crate::wrap::rows;

/// Lines that can be shown, by number.
pub(crate) trait Listing {
    /// How many there are.
    fn count(&self) -> usize;

    /// A line, made harmless.
    fn line(&mut self, number: usize) -> String;
}

/// A text.
pub(crate) struct Plain<'a>(Vec<&'a str>);

impl<'a> Plain<'a> {
    pub(crate) fn new(text: &'a str) -> Self {
        Self(text.lines().collect())
    }
}

impl Listing for Plain<'_> {
    fn count(&self) -> usize {
        self.0.len()
    }

    fn line(&mut self, number: usize) -> String {
        self.0.get(number).copied().unwrap_or_default().to_owned()
    }
}

/// The last row of a pager's screen: what can be done.
pub(crate) struct Footer {
    /// Where more follows.
    pub(crate) more: String,
    /// Where the end is on the screen.
    pub(crate) end: String,
}

/// How far lines were shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PagesShown {
    /// The end is on the screen.
    ToTheEnd,
    /// The user has left before the end.
    InPart,
}

/// Where a pager is: the first line and the row of it that are shown.
type Position = (usize, usize);

/// What a user wants of a pager.
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

/// Whether a number was begun, which is meant for the question that follows, all of it.
fn is_number(typed: &InputEvent) -> bool {
    matches!(typed, InputEvent::Text(text) if text.starts_with(|c: char| c.is_ascii_digit()))
}

impl KeyPrompt {
    /// Shows lines a screenful at a time, the one of this number on the first. Ends when all were
    /// read, from the first one on or with Enter on the last, or where a number is typed, which is
    /// left for the next question.
    pub(super) fn page(
        &mut self,
        lines: &mut dyn Listing,
        from: usize,
        footer: &Footer,
    ) -> Answer<PagesShown> {
        self.begin()?;
        let mut top = self.filled(lines, (from, 0));
        // Whether all above was read.
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
                    // What was read stays above.
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

    /// Writes rows that stay on the screen, in the place of those drawn.
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
            InputEvent::Key(key) if key == Key::ctrl('d') => return Err(Stop::Leave),
            InputEvent::Text(text) => match text.as_str() {
                " " => PageAction::Next,
                "b" => PageAction::Previous,
                "q" => PageAction::End,
                // A number is meant for the question that follows, all of it.
                text if text.starts_with(|c: char| c.is_ascii_digit()) => {
                    self.input.unread(InputEvent::Text(text.to_owned()));
                    PageAction::End
                }
                _ => PageAction::Other,
            },
            InputEvent::Key(_)
            | InputEvent::Paste(_)
            | InputEvent::Burst(_)
            | InputEvent::Ahead(_)
            | InputEvent::NotText => PageAction::Other,
        })
    }

    /// The rows from a place on that fit, and the place of the first one that does not.
    fn screen(
        &self,
        lines: &mut dyn Listing,
        (line, skipped): Position,
    ) -> (Vec<String>, Option<Position>) {
        let (room, width) = (self.room(), self.canvas.size().1);
        let mut shown = Vec::new();
        for number in line..lines.count() {
            let skip = if number == line { skipped } else { 0 };
            for (index, row) in rows(&lines.line(number), width).into_iter().enumerate().skip(skip)
            {
                if shown.len() == room {
                    return (shown, Some((number, index)));
                }
                shown.push(row);
            }
        }
        (shown, None)
    }

    /// A place, or one above it from which the screen is full.
    fn filled(&self, lines: &mut dyn Listing, top: Position) -> Position {
        let end = (lines.count(), 0);
        self.above(lines, end, self.room()).min(top)
    }

    /// Rows of text on a screen. The last one is for the question.
    fn room(&self) -> usize {
        self.canvas.size().0.saturating_sub(1).max(1)
    }

    /// A row below a place, unless the end is shown already.
    fn below(&self, lines: &mut dyn Listing, (line, skipped): Position) -> Position {
        let width = self.canvas.size().1;
        let count = rows(&lines.line(line), width).len();
        if skipped + 1 < count { (line, skipped + 1) } else { (line + 1, 0) }
    }

    /// So many rows above a place.
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
                row = rows(&lines.line(line), width).len().saturating_sub(1);
            }
        }
        (line, row)
    }

    /// Waits until a user has seen what is on the screen.
    pub(super) fn seen(&mut self, question: &str) -> Answer<()> {
        self.begin()?;
        loop {
            self.canvas.draw(&[question.to_owned()], Some((0, 0)));
            match self.wait(None)? {
                Wait::Idle
                | Wait::Typed(
                    InputEvent::NotText
                    | InputEvent::Paste(_)
                    | InputEvent::Burst(_)
                    | InputEvent::Ahead(_),
                ) => {}
                Wait::Stale => self.canvas.wipe(),
                Wait::Typed(InputEvent::Key(key)) if key == Key::ctrl('d') => {
                    self.canvas.clear();
                    return Err(Stop::Leave);
                }
                Wait::Typed(typed @ (InputEvent::Text(_) | InputEvent::Key(_))) => {
                    self.canvas.clear();
                    if is_number(&typed) {
                        self.input.unread(typed);
                    }
                    return Ok(());
                }
            }
        }
    }
}
