//! Questions to the user. On a terminal they are answered with keys, elsewhere with lines; the
//! callers do not know which.

use std::io::{self, IsTerminal};

use console::Term;
use zeroize::Zeroizing;

use self::{
    autosave::{Before, NoAutosave},
    buffer::Buffer,
    keys::KeyPrompt,
    lines::LinePrompt,
    menu::NoStatus,
    messages::Messages,
    question::BurstUse,
};
use crate::{terminal::Terminal, text::Text};

mod answer;
mod autosave;
mod body;
mod buffer;
mod canvas;
mod completion;
mod input;
mod input_event;
mod key_menu;
mod keys;
mod lines;
mod menu;
mod messages;
mod pager;
mod question;
mod rows;

pub(crate) use self::{
    answer::{Answer, BodyEnd, CursorAt, Stop},
    autosave::Autosave,
    completion::{Candidate, Candidates, Completer, CompletionKind, Search},
    menu::{Choice, Menu, MenuChoice, MenuStatus},
    pager::{Footer, Listing, PagesShown},
};

/// Asks the user, with keys or with lines.
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

    /// Whether a terminal with keys is there, which shows each keystroke at once.
    pub(crate) fn is_interactive(&self) -> bool {
        matches!(self.backend, Backend::Keys(_))
    }

    /// Shows lines. A terminal with keys gets them broken between words.
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

    /// Shows the menu of an enum's choices and returns the choice.
    pub(crate) fn menu<C: MenuChoice>(&mut self, text: &Text, title_key: &str) -> Answer<C> {
        let choices: Vec<_> = C::ALL.iter().map(|choice| Choice::of(*choice, text)).collect();
        let title = text.of(title_key);
        self.choose(&Menu { text, title: &title, choices: &choices, current: None })
    }

    /// Shows a menu and returns the value of the choice.
    pub(crate) fn choose<C: Copy + PartialEq>(&mut self, menu: &Menu<'_, C>) -> Answer<C> {
        self.choose_with(menu, &mut NoStatus)
    }

    /// As [`Self::choose`], with lines below the choices.
    pub(crate) fn choose_with<C: Copy + PartialEq>(
        &mut self,
        menu: &Menu<'_, C>,
        status: &mut dyn MenuStatus,
    ) -> Answer<C> {
        match &mut self.backend {
            Backend::Keys(keys) => keys.choose(menu, status),
            Backend::Lines(lines) => lines.choose(menu, status),
        }
    }

    /// Asks for a line. Enter takes the offered text, a cursor key edits it, and typing replaces
    /// it.
    pub(crate) fn line(&mut self, question: &str, offered: &str) -> Answer<String> {
        self.short_line(question, offered, BurstUse::Text)
    }

    /// As [`Self::line`], before a question for a password: if several lines arrive together, the
    /// first line is the answer and the others are kept for the next question. So a password that
    /// was typed ahead is not shown.
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

    /// Drops answers that were typed ahead, because the answer before them was refused.
    pub(crate) fn drop_typed_ahead(&mut self) {
        if let Backend::Keys(keys) = &mut self.backend {
            keys.input.drop_typed_ahead();
        }
    }

    /// Asks for a line, which is saved while it is typed. The cursor stands after the offered text.
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

    /// As [`Self::autosaved_line`]; with keys, Tab completes the part between commas at the cursor.
    pub(crate) fn completed_line(
        &mut self,
        question: &str,
        offered: &str,
        autosave: &mut dyn Autosave,
        completer: &mut dyn Completer,
    ) -> Answer<String> {
        match &mut self.backend {
            Backend::Keys(keys) => keys.completed_line(
                question,
                Buffer::begun(offered),
                &self.messages,
                autosave,
                completer,
            ),
            Backend::Lines(lines) => lines.line(question, offered, &self.messages),
        }
    }

    /// As [`Self::line`], for the path of a file; with keys, Tab completes it.
    pub(crate) fn path(
        &mut self,
        question: &str,
        offered: &str,
        completer: &mut dyn Completer,
    ) -> Answer<String> {
        match &mut self.backend {
            Backend::Keys(keys) => keys.completed_line(
                question,
                Buffer::line(offered),
                &self.messages,
                &mut NoAutosave,
                completer,
            ),
            Backend::Lines(lines) => lines.line(question, offered, &self.messages),
        }
    }

    /// Asks for a password, without showing it.
    pub(crate) fn password(&mut self, question: &str) -> Answer<Zeroizing<String>> {
        match &mut self.backend {
            Backend::Keys(keys) => keys.password(question, &self.messages),
            Backend::Lines(lines) => lines.password(question, &self.messages),
        }
    }

    /// Asks for a text of several lines, which is saved while it is typed. A typed line that is a
    /// single dot ends the text; a typed line of two or more dots loses one dot. With keys, all of
    /// the text can be edited; without, lines are added to it. The text is in `body` however the
    /// input ends. A text to which nothing was added keeps its last line end.
    pub(crate) fn body(
        &mut self,
        body: &mut String,
        cursor: CursorAt,
        autosave: &mut dyn Autosave,
    ) -> Answer<BodyEnd> {
        let before = body.clone();
        let written = match &mut self.backend {
            Backend::Keys(keys) => keys.body(body, cursor, &self.messages, autosave),
            Backend::Lines(lines) => {
                let rest = match cursor {
                    CursorAt::Start => std::mem::take(body),
                    CursorAt::End => String::new(),
                };
                body::open(body);
                let mut autosave = Before { rest: &rest, autosave };
                let written = lines.body(body, &self.messages, &mut autosave);
                body::close(body);
                body.push_str(&rest);
                written
            }
        };
        if body::lost_its_end(&before, body) {
            *body = before;
        }
        written
    }

    /// Shows a listing a screenful at a time; line `from` is on the first screen. Without keys,
    /// shows all lines at once.
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

    /// Waits for one of these letters, under lines that say what they do. `None` if the user goes
    /// back; without keys, does not wait.
    pub(crate) fn letter(&mut self, lines: &str, letters: &[char]) -> Answer<Option<char>> {
        match &mut self.backend {
            Backend::Keys(keys) => keys.letter(lines, letters),
            Backend::Lines(_) => Ok(None),
        }
    }

    /// Asks a yes-or-no question. The default is no.
    pub(crate) fn confirm(&mut self, question: &str, text: &Text) -> Answer<bool> {
        let answer = self.line(&text.yes_no(question), "")?;
        Ok(text.is_yes(&answer))
    }
}
