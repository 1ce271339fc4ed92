//! Questions on a terminal, answered with keys. The looks are dialoguer's.

use std::{io, time::Duration};

use console::{Key, Style, Term, measure_text_width, truncate_str};
use dialoguer::{
    Password,
    theme::{ColorfulTheme, SimpleTheme, Theme},
};
use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    io::Errno,
};
use zeroize::Zeroizing;

use super::{
    Answer, Choice, Menu, Stop,
    edit::{Edited, Line},
};
use crate::terminal::Guard;

/// How often a menu that is open looks for news.
const NEWS_EVERY: Duration = Duration::from_millis(500);

/// A terminal with a person at it.
pub(crate) struct Keys {
    term: Term,
    guard: Guard,
    theme: Box<dyn Theme>,
}

/// What a menu looks at next.
enum Next {
    Key(Key),
    News,
}

impl Keys {
    pub(super) fn new(guard: Guard) -> Self {
        let theme: Box<dyn Theme> = match console::colors_enabled() {
            true => Box::new(ColorfulTheme::default()),
            false => Box::new(SimpleTheme),
        };
        Self {
            term: Term::stdout(),
            guard,
            theme,
        }
    }

    pub(super) fn say(&self, text: &str) {
        // A terminal that has gone away ends the program by a signal.
        let _ = self.term.write_line(text);
    }

    pub(super) fn choose(&mut self, menu: &Menu<'_>) -> Answer<u8> {
        let _mode = self.guard.take_keys();
        self.say("");
        self.say(&Style::new().bold().apply_to(menu.title).to_string());
        let mut current = menu
            .choices
            .iter()
            .position(|choice| choice.unavailable.is_none())
            .unwrap_or_default();
        let mut remark = String::new();
        loop {
            for line in (menu.news)() {
                self.say(&line);
            }
            let drawn = self.draw(menu, current, &remark);
            let next = self.next();
            let _ = self.term.clear_last_lines(drawn);
            match next.map_err(|_| Stop::Leave)? {
                Next::News => {}
                Next::Key(key) => match self.take(menu, &mut current, &key) {
                    Taken::Chosen(choice) => {
                        self.draw_chosen(menu, choice);
                        return Ok(choice.digit);
                    }
                    Taken::Refused(choice) => remark = (menu.refuse)(choice),
                    Taken::Moved => remark.clear(),
                    Taken::Stopped(stop) => return Err(stop),
                },
            }
        }
    }

    fn take<'a>(&self, menu: &Menu<'a>, current: &mut usize, key: &Key) -> Taken<'a> {
        let count = menu.choices.len().max(1);
        let choice = match key {
            Key::ArrowUp | Key::BackTab => {
                *current = (*current + count - 1) % count;
                return Taken::Moved;
            }
            Key::ArrowDown | Key::Tab => {
                *current = (*current + 1) % count;
                return Taken::Moved;
            }
            Key::Escape => return Taken::Stopped(Stop::Back),
            Key::Char('\u{4}') | Key::CtrlC => return Taken::Stopped(Stop::Leave),
            Key::Enter | Key::Char(' ') => menu.choices.get(*current),
            Key::Char(c) => {
                let digit = c.to_digit(10);
                menu.choices
                    .iter()
                    .find(|choice| digit == Some(choice.digit.into()))
            }
            _ => None,
        };
        match choice {
            Some(choice) if choice.unavailable.is_none() => Taken::Chosen(choice),
            Some(choice) => Taken::Refused(choice),
            None => Taken::Moved,
        }
    }

    /// Draws the choices and returns how many lines that took.
    fn draw(&self, menu: &Menu<'_>, current: usize, remark: &str) -> usize {
        let (rows, columns) = self.term.size();
        // Where not all fit, those around the current one are shown.
        let room = usize::from(rows).saturating_sub(3).max(1);
        let first = current.saturating_sub(room.saturating_sub(1));
        let mut lines = Vec::new();
        for (index, choice) in menu.choices.iter().enumerate().skip(first).take(room) {
            lines.push(self.item(choice, index == current));
        }
        if !remark.is_empty() {
            lines.push(remark.to_owned());
        }
        for line in &lines {
            self.say(&truncate_str(
                line,
                usize::from(columns).saturating_sub(1).max(1),
                "…",
            ));
        }
        lines.len()
    }

    fn item(&self, choice: &Choice, active: bool) -> String {
        let label = format!("{}) {}", choice.digit, choice.label);
        let label = match &choice.unavailable {
            None => label,
            Some(why) => Style::new()
                .dim()
                .apply_to(format!("{label} ({why})"))
                .to_string(),
        };
        let mut line = String::new();
        match self
            .theme
            .format_select_prompt_item(&mut line, &label, active)
        {
            Ok(()) => line,
            Err(_) => label,
        }
    }

    /// Leaves the menu on the screen as it was answered.
    fn draw_chosen(&self, menu: &Menu<'_>, chosen: &Choice) {
        for choice in menu.choices {
            self.say(&self.item(choice, choice.digit == chosen.digit));
        }
    }

    /// Waits for a key, but not so long that news would be old.
    fn next(&self) -> io::Result<Next> {
        let stdin = io::stdin();
        let mut fds = [PollFd::new(&stdin, PollFlags::IN)];
        let timeout = Timespec::try_from(NEWS_EVERY).map_err(io::Error::other)?;
        match poll(&mut fds, Some(&timeout)) {
            Ok(0) | Err(Errno::INTR) => Ok(Next::News),
            Ok(_) => self.key().map(Next::Key),
            Err(error) => Err(error.into()),
        }
    }

    fn key(&self) -> io::Result<Key> {
        self.term.read_key()
    }

    pub(super) fn line(&mut self, question: &str, initial: &str) -> Answer<String> {
        let mut line = Line::new(initial);
        let _mode = self.guard.take_keys();
        loop {
            self.draw_line(question, &line);
            let edited = self.key().map_or(Edited::End, |key| line.take(&key));
            match edited {
                Edited::Changed => {}
                Edited::Done => {
                    self.say("");
                    return Ok(line.text());
                }
                Edited::Back => {
                    self.say("");
                    return Err(Stop::Back);
                }
                Edited::End => {
                    self.say("");
                    return Err(Stop::Leave);
                }
            }
        }
    }

    /// Draws the question and as much of the line around the cursor as fits.
    fn draw_line(&self, question: &str, line: &Line) {
        let (_, columns) = self.term.size();
        let columns = usize::from(columns).saturating_sub(1).max(8);
        let question = match question {
            "" => String::new(),
            question => truncate_str(&format!("{question}: "), columns - 4, "… ").into_owned(),
        };
        let room = columns.saturating_sub(measure_text_width(&question)).max(4);
        let (before, behind) = line.halves();
        let (before, behind) = (before.replace('\t', " "), behind.replace('\t', " "));
        let mut left: Vec<char> = before.chars().collect();
        while measure_text_width(&left.iter().collect::<String>()) >= room {
            left.remove(0);
        }
        let left: String = left.into_iter().collect();
        let right = truncate_str(&behind, room - measure_text_width(&left), "").into_owned();
        let _ = self
            .term
            .write_str(&format!("\r\x1b[K{question}{left}{right}"));
        let _ = self.term.move_cursor_left(measure_text_width(&right));
        let _ = self.term.flush();
    }

    pub(super) fn password(&mut self, question: &str) -> Answer<Zeroizing<String>> {
        let asked = Password::new()
            .with_prompt(question)
            .allow_empty_password(true);
        let typed = Zeroizing::new(asked.interact_on(&self.term).map_err(|_| Stop::Leave)?);
        match typed.is_empty() {
            true => Err(Stop::Back),
            false => Ok(typed),
        }
    }

    pub(super) fn page(&mut self, text: &str, more: &str) -> Answer<()> {
        let (rows, columns) = self.term.size();
        let room = usize::from(rows).saturating_sub(2).max(1);
        let columns = usize::from(columns).max(1);
        let _mode = self.guard.take_keys();
        let mut used = 0;
        for line in text.lines() {
            let height = measure_text_width(line).div_ceil(columns).max(1);
            if used > 0 && used + height > room {
                let _ = self.term.write_str(more);
                let key = self.key().map_err(|_| Stop::Leave)?;
                let _ = self.term.clear_line();
                match key {
                    Key::Escape | Key::Char('q') => return Err(Stop::Back),
                    Key::Char('\u{4}') => return Err(Stop::Leave),
                    _ => used = 0,
                }
            }
            self.say(line);
            used += height;
        }
        Ok(())
    }
}

/// What a key did to a menu.
enum Taken<'a> {
    Chosen(&'a Choice),
    Refused(&'a Choice),
    Moved,
    Stopped(Stop),
}
