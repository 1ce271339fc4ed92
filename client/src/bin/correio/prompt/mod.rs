//! Questions to a person: on a terminal with keys, elsewhere as plain lines. The screens do not
//! know which.

use zeroize::Zeroizing;

use self::{keys::Keys, lines::Lines};
use crate::{terminal::Guard, text::Text};

mod edit;
mod keys;
mod lines;
mod paper;

/// Why a question has no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stop {
    /// The person wants back (Esc, or an empty line where something is needed).
    Back,
    /// There is no more input: leave the program.
    Leave,
    /// Ctrl-C: leave it at once.
    Interrupted,
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
    /// Whether a blank line stands before it.
    pub(crate) apart: bool,
}

impl Choice {
    pub(crate) fn new(digit: u8, label: String) -> Self {
        Self { digit, label, unavailable: None, apart: false }
    }

    /// A choice with a blank line before it.
    pub(crate) fn apart(digit: u8, label: String) -> Self {
        Self { apart: true, ..Self::new(digit, label) }
    }
}

/// A menu: its title, what else stands above the choices, and the choices.
pub(crate) struct Menu<'a> {
    pub(crate) text: &'a Text,
    pub(crate) title: &'a str,
    pub(crate) choices: &'a [Choice],
    /// Lines that came up since the last call, such as new mail.
    pub(crate) news: &'a dyn Fn() -> Vec<String>,
}

impl Menu<'_> {
    /// What is said when a choice cannot be chosen.
    fn refusal(&self, choice: &Choice) -> String {
        let reason = choice.unavailable.clone().unwrap_or_default();
        self.text.with("unavailable", &[("reason", reason.into())])
    }
}

/// How a text of several lines came to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Written {
    /// It is complete.
    Done,
    /// The person goes on in the editor.
    Editor,
}

/// A question as it stands before its answer.
fn asked(question: &str) -> String {
    let colon = if question.contains(':') { "" } else { ":" };
    format!("{question}{colon} ")
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
            false => Self::Lines(Lines::new(guard)),
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

    /// Asks for a line. What is there already is taken by an empty line, changed by moving in it,
    /// and replaced by typing.
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

    /// Takes lines behind those that `body` has, up to one that is a single dot. A line of two
    /// or more dots loses one of them. However it ends, what was typed is in `body`.
    pub(crate) fn body(&mut self, body: &mut String) -> Answer<Written> {
        paper::open(body);
        let written = match self {
            Self::Keys(keys) => keys.body(body),
            Self::Lines(lines) => lines.body(body),
        };
        paper::close(body);
        written
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
    pub(crate) fn confirm(&mut self, question: &str, text: &Text) -> Answer<bool> {
        let question = format!("{question} {}", text.of("prompt-yes-no"));
        let answer = self.line(&question, "")?;
        let answer = answer.trim().to_lowercase();
        Ok(answer.starts_with(&text.of("prompt-yes")))
    }
}
