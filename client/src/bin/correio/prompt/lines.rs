//! Questions as plain lines, for scripts: no key is read, no code is written.

use std::io::{self, BufRead, Write};

use correio_client::{Shown, show};
use zeroize::Zeroizing;

use super::{Answer, Choice, Menu, Stop, Written, asked, paper};
use crate::terminal::Guard;

/// Longest line that is read, in bytes: a body's limit stands between it and the memory.
const LINE_MAX: u64 = 16 << 20;

/// Standard input and output, a line at a time.
pub(crate) struct Lines {
    guard: Guard,
}

impl Lines {
    pub(super) fn new(guard: Guard) -> Self {
        Self { guard }
    }

    pub(super) fn say(&self, text: &str) {
        // Whoever read the output may have gone; the input decides when to stop.
        let _ = writeln!(io::stdout(), "{text}");
    }

    pub(super) fn choose(&mut self, menu: &Menu<'_>) -> Answer<u8> {
        self.say("");
        self.say(menu.title);
        for line in (menu.news)() {
            self.say(&line);
        }
        for choice in menu.choices {
            if choice.apart {
                self.say("");
            }
            self.say(&label(choice));
        }
        let question = menu.text.of("prompt-choice");
        loop {
            let typed = self.ask(&question)?;
            let typed = typed.trim();
            let chosen = menu.choices.iter().find(|choice| typed == choice.digit.to_string());
            match chosen {
                Some(choice) if choice.unavailable.is_none() => return Ok(choice.digit),
                Some(choice) => self.say(&menu.refusal(choice)),
                None if typed.is_empty() => {}
                None => {
                    let typed = show(typed, Shown::OneLine);
                    let values = [("choice", typed.into())];
                    self.say(&menu.text.with("choice-unknown", &values));
                }
            }
        }
    }

    pub(super) fn line(&mut self, question: &str, initial: &str) -> Answer<String> {
        let question = match initial {
            "" => question.to_owned(),
            initial => format!("{question} [{}]", show(initial, Shown::OneLine)),
        };
        let typed = self.ask(&question)?;
        Ok(if typed.is_empty() { initial.to_owned() } else { typed })
    }

    pub(super) fn password(&mut self, question: &str) -> Answer<Zeroizing<String>> {
        // The input may be a terminal all the same.
        let _mode = self.guard.hide_typing();
        self.ask(question).map(Zeroizing::new)
    }

    pub(super) fn body(&mut self, body: &mut String) -> Answer<Written> {
        loop {
            let line = self.read()?;
            if !paper::add_line(body, &line) {
                return Ok(Written::Done);
            }
        }
    }

    fn ask(&self, question: &str) -> Answer<String> {
        let mut out = io::stdout();
        let _ = write!(out, "{}", asked(question)).and_then(|()| out.flush());
        let answer = self.read();
        let _ = writeln!(out);
        answer
    }

    fn read(&self) -> Answer<String> {
        let mut line = Vec::new();
        let read = io::Read::take(io::stdin().lock(), LINE_MAX).read_until(b'\n', &mut line);
        match read {
            Ok(0) | Err(_) => Err(Stop::Leave),
            Ok(_) => {
                let line = String::from_utf8_lossy(&line);
                let line = line.strip_suffix('\n').unwrap_or(&line);
                Ok(line.strip_suffix('\r').unwrap_or(line).to_owned())
            }
        }
    }
}

fn label(choice: &Choice) -> String {
    let Choice { digit, label, .. } = choice;
    match &choice.unavailable {
        None => format!("  {digit}) {label}"),
        Some(why) => format!("  {digit}) {label} ({why})"),
    }
}
