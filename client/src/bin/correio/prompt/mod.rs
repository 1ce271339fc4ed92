//! Questions to a user: on a terminal with keys, elsewhere as plain lines. The screens do not
//! know which.

use std::io::{self, IsTerminal};

use console::Term;
use zeroize::Zeroizing;

use self::{
    autosave::NoAutosave, buffer::Buffer, keys::KeyPrompt, lines::LinePrompt, menu::NoStatus,
    messages::Messages, question::BurstUse,
};
use crate::{terminal::Terminal, text::Text};

mod answer;
mod autosave;
mod body;
mod buffer;
mod canvas;
mod input;
mod input_event;
mod keys;
mod layout;
mod lines;
mod menu;
mod messages;
mod pager;
mod question;

pub(crate) use self::{
    answer::{Answer, BodyEnd, Stop},
    autosave::Autosave,
    menu::{Choice, Menu, MenuChoice, MenuStatus},
    pager::{Footer, Listing, PagesShown, Plain},
};

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

    /// Whether a user sees how it goes, keystroke by keystroke.
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

    /// Waits until a user has seen what is on the screen; a script has seen it.
    pub(crate) fn seen(&mut self, question: &str) -> Answer<()> {
        match &mut self.backend {
            Backend::Keys(keys) => keys.seen(question),
            Backend::Lines(_) => Ok(()),
        }
    }

    /// Asks for a yes or a no; no is the default.
    pub(crate) fn confirm(&mut self, question: &str, text: &Text) -> Answer<bool> {
        let answer = self.line(&text.yes_no(question), "")?;
        Ok(text.is_yes(&answer))
    }
}
