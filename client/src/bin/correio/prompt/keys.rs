//! Questions on a terminal, answered with keys. The looks are dialoguer's.
//!
//! dialoguer's menus know neither numbers nor choices that cannot be chosen, and its questions
//! neither Esc nor the end of the input; so here only its theme is used, and keys are read here.

use std::{
    io,
    time::{Duration, Instant},
};

use console::{Key, Style, Term, measure_text_width, truncate_str};
use correio_client::{Shown, show};
use dialoguer::theme::{ColorfulTheme, SimpleTheme, Theme};
use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    io::Errno,
};
use zeroize::Zeroizing;

use super::{
    Answer, Choice, Menu, Stop, Written, asked,
    edit::{Edited, Line},
    paper,
};
use crate::terminal::Guard;

/// How often a menu that is open looks for news.
const NEWS_EVERY: Duration = Duration::from_millis(500);

/// How long after a number an Enter is taken as part of it: many people type one, and the next
/// question, which has come up meanwhile, is not meant by it.
const ENTER_WITHIN: Duration = Duration::from_secs(1);

/// Ctrl-D: the end of the input.
const END: Key = Key::Char('\u{4}');

/// Ctrl-X: go on in the editor.
const EDITOR: Key = Key::Char('\u{18}');

/// A terminal with a person at it.
pub(crate) struct Keys {
    term: Term,
    guard: Guard,
    theme: Box<dyn Theme>,
    /// A key that was read and not used yet.
    pending: Option<Key>,
    /// When a number was typed in a menu, until another key is.
    number_at: Option<Instant>,
}

/// What a key did to a menu.
enum Taken<'a> {
    Chosen(&'a Choice),
    Refused(&'a Choice),
    Moved,
    Stopped(Stop),
}

impl Keys {
    pub(super) fn new(guard: Guard) -> Self {
        let theme: Box<dyn Theme> = match console::colors_enabled() {
            true => Box::new(ColorfulTheme::default()),
            false => Box::new(SimpleTheme),
        };
        Self { term: Term::stdout(), guard, theme, pending: None, number_at: None }
    }

    pub(super) fn say(&self, text: &str) {
        // A terminal that has gone away ends the program by a signal.
        let _ = self.term.write_line(text);
    }

    pub(super) fn choose(&mut self, menu: &Menu<'_>) -> Answer<u8> {
        let _mode = self.guard.take_keys();
        self.say("");
        self.say(&Style::new().bold().apply_to(menu.title).to_string());
        for line in (menu.news)() {
            self.say(&line);
        }
        let available = |choice: &Choice| choice.unavailable.is_none();
        let mut current = menu.choices.iter().position(available).unwrap_or_default();
        let mut remark = String::new();
        self.drop_early_enter()?;
        loop {
            let drawn = self.draw(menu, current, &remark);
            let key = self.key_or_news(menu, drawn);
            let (key, news) = key.inspect_err(|_| self.clear(drawn))?;
            self.clear(drawn);
            for line in news {
                self.say(&line);
            }
            let Some(key) = key else { continue };
            let taken = take(menu, &mut current, &key);
            if matches!((&taken, &key), (Taken::Chosen(_) | Taken::Refused(_), Key::Char(_))) {
                self.number_at = Some(Instant::now());
            }
            match taken {
                Taken::Chosen(choice) => {
                    self.draw_chosen(menu, choice);
                    return Ok(choice.digit);
                }
                Taken::Refused(choice) => remark = menu.refusal(choice),
                Taken::Moved => remark.clear(),
                Taken::Stopped(stop) => return Err(stop),
            }
        }
    }

    fn clear(&self, lines: usize) {
        let _ = self.term.clear_last_lines(lines);
    }

    /// Draws the choices and returns how many lines that took.
    fn draw(&self, menu: &Menu<'_>, current: usize, remark: &str) -> usize {
        let (rows, columns) = self.term.size();
        // Where not all fit, those around the current one are shown.
        let room = usize::from(rows).saturating_sub(4).max(1);
        let first = (current + 1).saturating_sub(room);
        let mut lines = Vec::new();
        for (index, choice) in menu.choices.iter().enumerate().skip(first).take(room) {
            if choice.apart && room >= menu.choices.len() {
                lines.push(String::new());
            }
            lines.push(self.item(choice, index == current));
        }
        if !remark.is_empty() {
            lines.push(remark.to_owned());
        }
        let width = usize::from(columns).saturating_sub(1).max(1);
        for line in &lines {
            self.say(&truncate_str(line, width, "…"));
        }
        lines.len()
    }

    fn item(&self, choice: &Choice, active: bool) -> String {
        let label = format!("{}) {}", choice.digit, choice.label);
        let label = match &choice.unavailable {
            None => label,
            Some(why) => Style::new().dim().apply_to(format!("{label} ({why})")).to_string(),
        };
        let mut line = String::new();
        match self.theme.format_select_prompt_item(&mut line, &label, active) {
            Ok(()) => line,
            Err(_) => label,
        }
    }

    /// Leaves the menu on the screen as it was answered.
    fn draw_chosen(&self, menu: &Menu<'_>, chosen: &Choice) {
        for choice in menu.choices {
            if choice.apart {
                self.say("");
            }
            self.say(&self.item(choice, choice.digit == chosen.digit));
        }
    }

    /// Waits for a key, or for news; after `drawn` lines, so that a smaller terminal is noticed.
    fn key_or_news(&mut self, menu: &Menu<'_>, drawn: usize) -> Answer<(Option<Key>, Vec<String>)> {
        let size = self.term.size();
        loop {
            if self.is_ready(NEWS_EVERY)?
                && let Some(key) = self.next_key()?
            {
                return Ok((Some(key), vec![]));
            }
            let news = (menu.news)();
            if !news.is_empty() || (self.term.size() != size && drawn > 0) {
                return Ok((None, news));
            }
        }
    }

    /// Whether a key comes within some time.
    fn is_ready(&self, within: Duration) -> Answer<bool> {
        if self.pending.is_some() {
            return Ok(true);
        }
        let stdin = io::stdin();
        let mut fds = [PollFd::new(&stdin, PollFlags::IN)];
        let timeout = Timespec::try_from(within).map_err(|_| Stop::Leave)?;
        match poll(&mut fds, Some(&timeout)) {
            Ok(0) | Err(Errno::INTR) => Ok(false),
            Ok(_) => Ok(true),
            Err(_) => Err(Stop::Leave),
        }
    }

    fn key(&mut self) -> Answer<Key> {
        loop {
            if let Some(key) = self.next_key()? {
                return Ok(key);
            }
        }
    }

    /// Waits for a key; nothing where it was the Enter of a number.
    fn next_key(&mut self) -> Answer<Option<Key>> {
        if let Some(key) = self.pending.take() {
            return Ok(Some(key));
        }
        let key = self.read_key()?;
        let after = self.number_at.take();
        let is_part = |at: Instant| key == Key::Enter && at.elapsed() < ENTER_WITHIN;
        Ok(if after.is_some_and(is_part) { None } else { Some(key) })
    }

    /// Drops an Enter behind a number that was typed before the next question was there, however
    /// long what lay between has taken.
    fn drop_early_enter(&mut self) -> Answer<()> {
        if self.number_at.is_some() && self.is_ready(Duration::ZERO)? {
            self.number_at = None;
            let key = self.read_key()?;
            self.pending = Some(key).filter(|key| *key != Key::Enter);
        }
        Ok(())
    }

    fn read_key(&self) -> Answer<Key> {
        match self.term.read_key_raw() {
            Ok(Key::CtrlC) => Err(Stop::Interrupted),
            Ok(key) => Ok(key),
            Err(_) => Err(Stop::Leave),
        }
    }

    pub(super) fn line(&mut self, question: &str, initial: &str) -> Answer<String> {
        self.ask(question, Line::new(initial)).map(|line| line.text())
    }

    pub(super) fn password(&mut self, question: &str) -> Answer<Zeroizing<String>> {
        let line = self.ask(question, Line::secret())?;
        let typed = Zeroizing::new(line.text());
        match typed.is_empty() {
            true => Err(Stop::Back),
            false => Ok(typed),
        }
    }

    fn ask(&mut self, question: &str, mut line: Line) -> Answer<Line> {
        let _mode = self.guard.take_keys();
        self.drop_early_enter()?;
        loop {
            self.draw_line(question, &line);
            let key = self.key().inspect_err(|_| self.say(""))?;
            let edited = line.take(&key);
            if edited != Edited::Changed {
                self.say("");
            }
            match edited {
                Edited::Changed => {}
                Edited::Done => return Ok(line),
                Edited::Back => return Err(Stop::Back),
                Edited::End => return Err(Stop::Leave),
            }
        }
    }

    pub(super) fn body(&mut self, body: &mut String) -> Answer<Written> {
        let _mode = self.guard.take_keys();
        let mut line = Line::default();
        loop {
            self.draw_line("", &line);
            let key = self.key().inspect_err(|_| {
                self.say("");
                paper::add_line(body, &line.text());
            })?;
            let edited = match key {
                EDITOR => Edited::Done,
                _ => line.take(&key),
            };
            if edited == Edited::Changed {
                continue;
            }
            self.say("");
            let typed = std::mem::take(&mut line).text();
            // An empty line is one only where Enter has made it.
            let is_line = !typed.is_empty() || (edited == Edited::Done && key != EDITOR);
            let ended = is_line && !paper::add_line(body, &typed);
            match edited {
                Edited::Back => return Err(Stop::Back),
                Edited::End if body.trim().is_empty() => return Err(Stop::Leave),
                Edited::End => return Ok(Written::Done),
                _ if key == EDITOR => return Ok(Written::Editor),
                _ if ended => return Ok(Written::Done),
                _ => {}
            }
        }
    }

    /// Draws the question and as much of the line around the cursor as fits.
    fn draw_line(&self, question: &str, line: &Line) {
        let (_, columns) = self.term.size();
        let columns = usize::from(columns).saturating_sub(1).max(8);
        let question = match question {
            "" => String::new(),
            question => truncate_str(&asked(question), columns - 4, "… ").into_owned(),
        };
        let room = columns.saturating_sub(measure_text_width(&question)).max(4);
        let (before, behind) = line.halves();
        let harmless = |part: &str| show(&part.replace('\t', " "), Shown::OneLine);
        let mut left: std::collections::VecDeque<char> = harmless(&before).chars().collect();
        let mut width = measure_text_width(&harmless(&before));
        while width >= room && left.pop_front().is_some() {
            width = measure_text_width(&left.iter().collect::<String>());
        }
        let left: String = left.into_iter().collect();
        let right = truncate_str(&harmless(&behind), room - width, "").into_owned();
        let left = match line.is_offered() {
            true => Style::new().dim().apply_to(left).to_string(),
            false => left,
        };
        let _ = self.term.write_str(&format!("\r\x1b[K{question}{left}{right}"));
        let _ = self.term.move_cursor_left(measure_text_width(&right));
        let _ = self.term.flush();
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
                let key = self.key();
                let _ = self.term.clear_line();
                match key? {
                    Key::Escape | Key::Char('q') => return Err(Stop::Back),
                    END => return Err(Stop::Leave),
                    _ => used = 0,
                }
            }
            self.say(line);
            used += height;
        }
        Ok(())
    }
}

fn take<'a>(menu: &Menu<'a>, current: &mut usize, key: &Key) -> Taken<'a> {
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
        &END => return Taken::Stopped(Stop::Leave),
        Key::Enter => menu.choices.get(*current),
        Key::Char(c) => {
            let digit = c.to_digit(10);
            let typed = |choice: &&Choice| digit == Some(choice.digit.into());
            menu.choices.iter().find(typed)
        }
        _ => None,
    };
    match choice {
        Some(choice) if choice.unavailable.is_none() => Taken::Chosen(choice),
        Some(choice) => Taken::Refused(choice),
        None => Taken::Moved,
    }
}
