//! Long texts and lists, a screenful at a time, in both directions.

use correio_client::keys::{Code, Key, Modifiers};

use super::{
    Answer, Stop,
    input::{Typed, Wait},
    keys::Keys,
};
use crate::wrap::rows;

/// Lines that can be shown, by number.
pub(crate) trait Lines {
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

impl Lines for Plain<'_> {
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
    /// The person has left before the end.
    InPart,
}

/// Where a pager is: the first line and the row of it that are shown.
type Top = (usize, usize);

/// What a person wants of a pager.
enum Step {
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
fn is_number(typed: &Typed) -> bool {
    matches!(typed, Typed::Text(text) if text.starts_with(|c: char| c.is_ascii_digit()))
}

impl Keys {
    /// Shows lines a screenful at a time, the one of this number on the first. Ends when all were
    /// read, from the first one on or with Enter on the last, or where a number is typed, which is
    /// left for the next question.
    pub(super) fn page(
        &mut self,
        lines: &mut dyn Lines,
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
                Wait::Idle => Step::Other,
                Wait::Stale => {
                    self.canvas.wipe();
                    top = self.filled(lines, top);
                    Step::Other
                }
                Wait::Typed(typed) => self.step(typed)?,
            };
            is_read = match step {
                Step::Next => true,
                Step::Other => is_read,
                _ => false,
            };
            top = match step {
                Step::Next => {
                    // What was read stays above.
                    self.stay(&shown);
                    let Some(next) = next else { return Ok(PagesShown::ToTheEnd) };
                    next
                }
                Step::Down if next.is_none() => top,
                Step::Down => self.below(lines, top),
                Step::Up => self.above(lines, top, 1),
                Step::Previous => self.above(lines, top, shown.len().max(1)),
                Step::First => (0, 0),
                Step::Last => {
                    let end = (lines.count(), 0);
                    self.filled(lines, end)
                }
                Step::Other => top,
                Step::End => {
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

    fn step(&mut self, typed: Typed) -> Answer<Step> {
        Ok(match typed {
            Typed::Key(Key { code, modifiers: Modifiers::NONE }) => match code {
                Code::Enter | Code::PageDown => Step::Next,
                Code::Down => Step::Down,
                Code::Up => Step::Up,
                Code::PageUp | Code::Backspace => Step::Previous,
                Code::Home => Step::First,
                Code::End => Step::Last,
                Code::Escape => Step::End,
                _ => Step::Other,
            },
            Typed::Key(key) if key == Key::ctrl('d') => return Err(Stop::Leave),
            Typed::Text(text) => match text.as_str() {
                " " => Step::Next,
                "b" => Step::Previous,
                "q" => Step::End,
                // A number is meant for the question that follows, all of it.
                text if text.starts_with(|c: char| c.is_ascii_digit()) => {
                    self.input.unread(Typed::Text(text.to_owned()));
                    Step::End
                }
                _ => Step::Other,
            },
            Typed::Key(_)
            | Typed::Paste(_)
            | Typed::Burst(_)
            | Typed::Ahead(_)
            | Typed::NotText => Step::Other,
        })
    }

    /// The rows from a place on that fit, and the place of the first one that does not.
    fn screen(&self, lines: &mut dyn Lines, (line, skipped): Top) -> (Vec<String>, Option<Top>) {
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
    fn filled(&self, lines: &mut dyn Lines, top: Top) -> Top {
        let end = (lines.count(), 0);
        self.above(lines, end, self.room()).min(top)
    }

    /// Rows of text on a screen. The last one is for the question.
    fn room(&self) -> usize {
        self.canvas.size().0.saturating_sub(1).max(1)
    }

    /// A row below a place, unless the end is shown already.
    fn below(&self, lines: &mut dyn Lines, (line, skipped): Top) -> Top {
        let width = self.canvas.size().1;
        let count = rows(&lines.line(line), width).len();
        if skipped + 1 < count { (line, skipped + 1) } else { (line + 1, 0) }
    }

    /// So many rows above a place.
    fn above(&self, lines: &mut dyn Lines, (mut line, mut row): Top, count: usize) -> Top {
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

    /// Waits until a person has seen what is on the screen.
    pub(super) fn seen(&mut self, question: &str) -> Answer<()> {
        self.begin()?;
        loop {
            self.canvas.draw(&[question.to_owned()], Some((0, 0)));
            match self.wait(None)? {
                Wait::Idle
                | Wait::Typed(
                    Typed::NotText | Typed::Paste(_) | Typed::Burst(_) | Typed::Ahead(_),
                ) => {}
                Wait::Stale => self.canvas.wipe(),
                Wait::Typed(Typed::Key(key)) if key == Key::ctrl('d') => {
                    self.canvas.clear();
                    return Err(Stop::Leave);
                }
                Wait::Typed(typed @ (Typed::Text(_) | Typed::Key(_))) => {
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
