//! Questions to a person: on a terminal with keys, elsewhere as plain lines. The screens do not
//! know which.

use std::io::{self, IsTerminal};

use console::Term;
use zeroize::Zeroizing;

use self::{buffer::Buffer, keys::KeyPrompt, lines::LinePrompt, question::BurstUse};
use crate::{exit::Status, terminal::Terminal, text::Text};

mod body;
mod buffer;
mod canvas;
mod input;
mod keys;
mod layout;
mod lines;
mod pager;
mod question;

pub(crate) use pager::{Footer, Listing, PagesShown, Plain};

/// Why a question has no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stop {
    /// The person wants back (Esc, or an empty line where something is needed).
    Back,
    /// There is no more input: leave the program.
    Leave,
    /// Ctrl-C: leave it at once.
    Interrupted,
    /// A signal, by its number, ends the program.
    Signal(i32),
    /// A script cannot go on after what has failed, and the program ends with this status.
    Failed(Status),
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
    /// The choice that the cursor stands on at first; the first available one where `None`.
    pub(crate) current: Option<u8>,
}

/// What is said below a menu's choices as long as it holds, such as new mail. An open menu asks for
/// it again and again.
pub(crate) trait MenuStatus {
    fn lines(&mut self) -> Vec<String>;
}

/// Nothing is said.
pub(crate) struct NoStatus;

impl MenuStatus for NoStatus {
    fn lines(&mut self) -> Vec<String> {
        Vec::new()
    }
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
pub(crate) enum BodyEnd {
    /// It is complete.
    Complete,
    /// The person goes on in the editor.
    Editor,
}

/// Keeps what is typed while it is typed.
pub(crate) trait Autosave {
    /// Keeps the text so far.
    ///
    /// # Errors
    ///
    /// What is said to the person where the text could not be kept.
    fn autosave(&mut self, typed: &str) -> Result<(), String>;
}

/// Keeps nothing: the answer is short, or secret.
pub(crate) struct NoAutosave;

impl Autosave for NoAutosave {
    fn autosave(&mut self, _: &str) -> Result<(), String> {
        Ok(())
    }
}

/// What prompts say of themselves.
struct Messages {
    /// What was typed is not UTF-8.
    not_text: String,
    /// A password has one line.
    one_line: String,
    /// Of a paste before a password, the first line was used.
    first_line: String,
    /// A line is longer than the terminal passes on.
    line_cut: String,
}

impl Messages {
    fn new(text: &Text) -> Self {
        let (not_text, one_line) = (text.of("prompt-not-text"), text.of("prompt-one-line"));
        let (first_line, line_cut) = (text.of("prompt-first-line"), text.of("prompt-line-cut"));
        Self { not_text, one_line, first_line, line_cut }
    }
}

/// A question as it stands before its answer.
fn asked(question: &str) -> String {
    let colon = if question.contains(':') { "" } else { ":" };
    format!("{question}{colon} ")
}

/// Where questions are asked.
pub(crate) struct Prompt {
    backend: Backend,
    messages: Messages,
}

enum Backend {
    Keys(Box<KeyPrompt>),
    Lines(LinePrompt),
}

impl Prompt {
    /// Prompts on standard output.
    pub(crate) fn new(terminal: &Terminal, text: &Text) -> Self {
        let backend = match terminal.is_interactive() {
            true => Backend::Keys(Box::new(KeyPrompt::new(terminal, Term::stdout()))),
            false => Backend::Lines(LinePrompt::new(terminal.clone())),
        };
        Self { backend, messages: Messages::new(text) }
    }

    /// Prompts on standard error, for a command whose answer goes to standard output.
    pub(crate) fn on_stderr(terminal: &Terminal, text: &Text) -> Self {
        let backend = match terminal.has_keys() && io::stderr().is_terminal() {
            true => Backend::Keys(Box::new(KeyPrompt::new(terminal, Term::stderr()))),
            false => Backend::Lines(LinePrompt::on_stderr(terminal.clone())),
        };
        Self { backend, messages: Messages::new(text) }
    }

    /// Whether a person sees how it goes, keystroke by keystroke.
    pub(crate) fn is_interactive(&self) -> bool {
        matches!(self.backend, Backend::Keys(_))
    }

    /// Shows lines, which a terminal with keys shows broken between words.
    pub(crate) fn say(&mut self, text: &str) {
        match &mut self.backend {
            Backend::Keys(keys) => keys.say(text),
            Backend::Lines(lines) => lines.say(text),
        }
    }

    /// Shows lines as they are, because they may be copied.
    pub(crate) fn say_verbatim(&mut self, text: &str) {
        match &mut self.backend {
            Backend::Keys(keys) => keys.say_verbatim(text),
            Backend::Lines(lines) => lines.say(text),
        }
    }

    /// Has one of a menu's choices chosen and returns its digit.
    pub(crate) fn choose(&mut self, menu: &Menu<'_>) -> Answer<u8> {
        self.choose_with(menu, &mut NoStatus)
    }

    /// The same, with lines below the choices.
    pub(crate) fn choose_with(
        &mut self,
        menu: &Menu<'_>,
        status: &mut dyn MenuStatus,
    ) -> Answer<u8> {
        match &mut self.backend {
            Backend::Keys(keys) => keys.choose(menu, status),
            Backend::Lines(lines) => lines.choose(menu, status),
        }
    }

    /// Asks for a line. What is there already is taken by an empty line, changed by moving in it,
    /// and replaced by typing.
    pub(crate) fn line(&mut self, question: &str, offered: &str) -> Answer<String> {
        self.short_line(question, offered, BurstUse::Text)
    }

    /// The same where a password is asked for soon after: of several lines that come at once, the
    /// first one is the answer and the rest is for the next question, so that a password that was
    /// typed ahead is not shown.
    pub(crate) fn line_before_password(&mut self, question: &str, offered: &str) -> Answer<String> {
        self.short_line(question, offered, BurstUse::Answers)
    }

    fn short_line(&mut self, question: &str, offered: &str, burst: BurstUse) -> Answer<String> {
        match &mut self.backend {
            Backend::Keys(keys) => {
                keys.line(question, Buffer::line(offered), burst, &self.messages, &mut NoAutosave)
            }
            Backend::Lines(lines) => lines.line(question, offered, &self.messages),
        }
    }

    /// Drops answers that were typed ahead, because the answer before them was not taken.
    pub(crate) fn drop_ahead(&mut self) {
        if let Backend::Keys(keys) = &mut self.backend {
            keys.input.drop_ahead();
        }
    }

    /// Asks for a line, which is kept while it is typed. What is there already is written further.
    pub(crate) fn autosaved_line(
        &mut self,
        question: &str,
        offered: &str,
        autosave: &mut dyn Autosave,
    ) -> Answer<String> {
        match &mut self.backend {
            Backend::Keys(keys) => keys.line(
                question,
                Buffer::begun(offered),
                BurstUse::Text,
                &self.messages,
                autosave,
            ),
            Backend::Lines(lines) => lines.line(question, offered, &self.messages),
        }
    }

    /// Asks for a password, which is not shown.
    pub(crate) fn password(&mut self, question: &str) -> Answer<Zeroizing<String>> {
        match &mut self.backend {
            Backend::Keys(keys) => keys.password(question, &self.messages),
            Backend::Lines(lines) => lines.password(question, &self.messages),
        }
    }

    /// Has a text of several lines written, which is kept while it is written. A typed line that is
    /// a single dot ends it; a typed line of two or more dots loses one of them. Where keys are
    /// read, all of the text can be changed; else lines are added after those that there are.
    /// However it ends, what was typed is in `body`.
    pub(crate) fn body(
        &mut self,
        body: &mut String,
        autosave: &mut dyn Autosave,
    ) -> Answer<BodyEnd> {
        match &mut self.backend {
            Backend::Keys(keys) => keys.body(body, &self.messages, autosave),
            Backend::Lines(lines) => {
                body::open(body);
                let written = lines.body(body, &self.messages, autosave);
                body::close(body);
                written
            }
        }
    }

    /// Shows lines a screenful at a time, the one of a number on the first, or the last screenful.
    /// Where no keys are read, all of them.
    pub(crate) fn page(
        &mut self,
        list: &mut dyn Listing,
        from: usize,
        footer: &Footer,
    ) -> Answer<PagesShown> {
        match &mut self.backend {
            Backend::Keys(keys) => keys.page(list, from, footer),
            Backend::Lines(lines) => {
                for number in 0..list.count() {
                    lines.say(&list.line(number));
                }
                Ok(PagesShown::ToTheEnd)
            }
        }
    }

    /// Waits until a person has seen what is on the screen; a script has seen it.
    pub(crate) fn seen(&mut self, question: &str) -> Answer<()> {
        match &mut self.backend {
            Backend::Keys(keys) => keys.seen(question),
            Backend::Lines(_) => Ok(()),
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
