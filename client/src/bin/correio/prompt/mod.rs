//! Questions to a person: on a terminal with keys, elsewhere as plain lines. The screens do not
//! know which.

use zeroize::Zeroizing;

use self::{keys::Keys, lines::Lines};
use crate::terminal::Guard;

mod edit;
mod keys;
mod lines;

/// Why a question has no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stop {
    /// The person wants back (Esc, or an empty line where something is needed).
    Back,
    /// There is no more input: leave the program.
    Leave,
}

/// An answer, or why there is none.
pub(crate) type Answer<T> = Result<T, Stop>;

/// One choice of a menu.
pub(crate) struct Choice {
    /// What is typed for it, 0 to 9.
    pub(crate) digit: u8,
    pub(crate) label: String,
    /// Why it cannot be chosen now.
    pub(crate) unavailable: Option<String>,
}

impl Choice {
    pub(crate) fn new(digit: u8, label: String) -> Self {
        Self {
            digit,
            label,
            unavailable: None,
        }
    }
}

/// A menu: its title, what else stands above the choices, and the choices.
pub(crate) struct Menu<'a> {
    pub(crate) title: &'a str,
    pub(crate) choices: &'a [Choice],
    /// What the question is, where keys cannot be used.
    pub(crate) question: &'a str,
    /// Said, with the choice's own reason, when one cannot be chosen.
    pub(crate) refuse: &'a dyn Fn(&Choice) -> String,
    /// Lines that came up since the last call, such as new mail.
    pub(crate) news: &'a dyn Fn() -> Vec<String>,
}

/// Where questions are asked.
pub(crate) enum Prompt {
    Keys(Keys),
    Lines(Lines),
}

impl Prompt {
    pub(crate) fn new(guard: Guard) -> Self {
        match guard.is_interactive() {
            true => Self::Keys(Keys::new(guard)),
            false => Self::Lines(Lines::default()),
        }
    }

    /// Whether a person sees how it goes, keystroke by keystroke.
    pub(crate) fn is_interactive(&self) -> bool {
        matches!(self, Self::Keys(_))
    }

    /// Shows a line.
    pub(crate) fn say(&self, text: &str) {
        match self {
            Self::Keys(keys) => keys.say(text),
            Self::Lines(lines) => lines.say(text),
        }
    }

    /// Has one of a menu's choices chosen and returns its digit.
    pub(crate) fn choose(&mut self, menu: &Menu<'_>) -> Answer<u8> {
        match self {
            Self::Keys(keys) => keys.choose(menu),
            Self::Lines(lines) => lines.choose(menu),
        }
    }

    /// Asks for a line. What is there already can be changed, or taken by an empty line.
    pub(crate) fn line(&mut self, question: &str, initial: &str) -> Answer<String> {
        match self {
            Self::Keys(keys) => keys.line(question, initial),
            Self::Lines(lines) => lines.line(question, initial),
        }
    }

    /// Asks for a password, which is not shown.
    pub(crate) fn password(&mut self, question: &str) -> Answer<Zeroizing<String>> {
        match self {
            Self::Keys(keys) => keys.password(question),
            Self::Lines(lines) => lines.password(question),
        }
    }

    /// Shows a text of any length, a screenful at a time.
    pub(crate) fn page(&mut self, text: &str, more: &str) -> Answer<()> {
        match self {
            Self::Keys(keys) => keys.page(text, more),
            Self::Lines(lines) => {
                lines.say(text);
                Ok(())
            }
        }
    }

    /// Asks for a yes or a no; no is the default.
    pub(crate) fn confirm(&mut self, question: &str, yes_no: &str, yes: &str) -> Answer<bool> {
        let answer = self.line(&format!("{question} {yes_no}"), "")?;
        Ok(answer.trim().to_lowercase().starts_with(yes))
    }
}
