//! Prompts that are answered with keys: their common part, in the look of dialoguer's theme.
//!
//! dialoguer's own prompts are not used here: its menus have neither numbers nor unavailable
//! choices, and its input takes a part of an escape sequence for text.

use std::time::{Duration, Instant};

use console::Term;
use correio_client::keys::{Code, Key};
use dialoguer::theme::{ColorfulTheme, SimpleTheme, Theme};

use super::{
    answer::Answer,
    canvas::Canvas,
    input::{InputReader, Wait},
    input_event::InputEvent,
};
use crate::terminal::{ModeGuard, SignalRoute, Terminal};

/// Time after a digit in which an Enter belongs to the digit. Many users type that Enter although
/// the digit has chosen already; the next question must not take it, unless a password follows an
/// offered answer.
const ENTER_WITHIN: Duration = Duration::from_millis(500);

pub(super) const ENTER: Key = Key::plain(Code::Enter);
pub(super) const ESCAPE: Key = Key::plain(Code::Escape);

/// End of input.
pub(super) const CTRL_D: Key = Key::ctrl('d');

/// A prompt on a terminal, with the user's keys as input.
pub(crate) struct KeyPrompt {
    pub(super) canvas: Canvas,
    pub(super) input: InputReader,
    terminal: Terminal,
    pub(super) theme: Box<dyn Theme>,
    /// Time of a digit that was typed in a menu, until the next input.
    pub(super) number_at: Option<Instant>,
    /// Time of the last other text in a menu.
    pub(super) text_at: Option<Instant>,
    /// The terminal is in raw mode as long as this exists.
    _mode: ModeGuard,
}

impl KeyPrompt {
    pub(super) fn new(terminal: &Terminal, term: Term) -> Self {
        let theme: Box<dyn Theme> = match console::colors_enabled() {
            true => Box::new(ColorfulTheme::default()),
            false => Box::new(SimpleTheme),
        };
        terminal.route_signals(SignalRoute::Prompt);
        Self {
            canvas: Canvas::new(term),
            input: InputReader::new(terminal.clone()),
            terminal: terminal.clone(),
            theme,
            number_at: None,
            text_at: None,
            _mode: terminal.raw_mode(),
        }
    }

    pub(super) fn say(&mut self, text: &str) {
        self.canvas.say(text);
    }

    pub(super) fn say_verbatim(&mut self, text: &str) {
        self.canvas.say_verbatim(text);
    }

    /// Begins a prompt. Drops input from before the question, and the Enter that belongs to the
    /// last digit, however long the program was busy since then.
    pub(super) fn begin(&mut self) -> Answer<()> {
        // A digit is compared with text of the same menu only.
        self.text_at = None;
        let is_held = self.terminal.take_held();
        if self.number_at.is_some() && self.input.take_waiting(ENTER)? {
            self.number_at = None;
        }
        // After work that took a moment only, the digit's Enter may still come.
        if is_held { self.input.clear() } else { Ok(()) }
    }

    /// Waits for the next event. An Enter that belongs to a digit is left out.
    pub(super) fn wait(&mut self, until: Option<Instant>) -> Answer<Wait> {
        loop {
            let waited = self.input.wait(until)?;
            let Wait::Typed(typed) = waited else { return Ok(waited) };
            let after = self.number_at.take();
            let is_part = after.is_some_and(|at| at.elapsed() < ENTER_WITHIN);
            match typed {
                InputEvent::Key(ENTER) if is_part => {}
                InputEvent::Burst(text) if is_part => {
                    let rest = text.strip_prefix('\n').unwrap_or(&text);
                    return Ok(Wait::Typed(InputEvent::Burst(rest.to_owned())));
                }
                typed => return Ok(Wait::Typed(typed)),
            }
        }
    }
}
