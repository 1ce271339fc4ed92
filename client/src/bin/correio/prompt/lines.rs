//! Questions as plain lines, for scripts: no key is read, no code is written.

use std::io::{self, BufRead, Write};

use zeroize::Zeroizing;

use super::{Answer, Menu, Stop};

/// Longest line that is read, in bytes: a body's limit stands between it and the memory.
const LINE_MAX: u64 = 16 << 20;

/// Standard input and output, a line at a time.
#[derive(Default)]
pub(crate) struct Lines {}

impl Lines {
    pub(crate) fn say(&self, text: &str) {
        // Whoever read the output may have gone; the input decides when to stop.
        let _ = writeln!(io::stdout(), "{text}");
    }

    pub(crate) fn choose(&mut self, menu: &Menu<'_>) -> Answer<u8> {
        self.say("");
        self.say(menu.title);
        for line in (menu.news)() {
            self.say(&line);
        }
        for choice in menu.choices {
            match &choice.unavailable {
                None => self.say(&format!("  {}) {}", choice.digit, choice.label)),
                Some(why) => self.say(&format!("  {}) {} ({why})", choice.digit, choice.label)),
            }
        }
        loop {
            let typed = self.ask(menu.question)?;
            let chosen = menu
                .choices
                .iter()
                .find(|choice| typed.trim() == choice.digit.to_string());
            match chosen {
                Some(choice) if choice.unavailable.is_none() => return Ok(choice.digit),
                Some(choice) => self.say(&(menu.refuse)(choice)),
                None if typed.trim().is_empty() => {}
                None => {
                    let digits: Vec<_> = menu
                        .choices
                        .iter()
                        .map(|choice| choice.digit.to_string())
                        .collect();
                    self.say(&format!("({})", digits.join(", ")));
                }
            }
        }
    }

    pub(crate) fn line(&mut self, question: &str, initial: &str) -> Answer<String> {
        let question = match initial {
            "" => question.to_owned(),
            initial => format!("{question} [{initial}]"),
        };
        let typed = self.ask(&question)?;
        Ok(if typed.is_empty() {
            initial.to_owned()
        } else {
            typed
        })
    }

    pub(crate) fn password(&mut self, question: &str) -> Answer<Zeroizing<String>> {
        self.ask(question).map(Zeroizing::new)
    }

    fn ask(&self, question: &str) -> Answer<String> {
        let mut out = io::stdout();
        let _ = write!(out, "{question}: ").and_then(|()| out.flush());
        let mut line = Vec::new();
        let read = io::Read::take(io::stdin().lock(), LINE_MAX).read_until(b'\n', &mut line);
        let _ = writeln!(out);
        match read {
            Ok(0) | Err(_) => Err(Stop::Leave),
            Ok(_) => {
                let line = String::from_utf8_lossy(&line);
                Ok(line.trim_end_matches(['\n', '\r']).to_owned())
            }
        }
    }
}
