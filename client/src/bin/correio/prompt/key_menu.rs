//! Menus that are answered with keys.

use std::time::{Duration, Instant};

use console::Style;
use correio_client::keys::{Code, Modifiers};

use super::{
    answer::{Answer, Stop},
    input::Wait,
    input_event::InputEvent,
    keys::{CTRL_D, ENTER, ESCAPE, KeyPrompt},
    menu::{Choice, Menu, MenuStatus},
};
use crate::wrap::rows;

/// Interval at which an open menu reads its status.
const STATUS_EVERY: Duration = Duration::from_millis(500);

/// Time after other text in which a digit is a part of that text and chooses nothing.
const DIGIT_AFTER: Duration = Duration::from_millis(500);

/// Effect of input on a menu.
enum MenuAction<'a, C> {
    Chosen(&'a Choice<C>),
    Refused(&'a Choice<C>),
    Moved,
    Stopped(Stop),
}

impl KeyPrompt {
    pub(super) fn choose<C: Copy + PartialEq>(
        &mut self,
        menu: &Menu<'_, C>,
        status: &mut dyn MenuStatus,
    ) -> Answer<C> {
        self.begin()?;
        self.canvas.say("");
        self.canvas.say(&Style::new().bold().apply_to(menu.title).to_string());
        let chosen = self.chosen(menu, status);
        if let Ok(choice) = &chosen {
            // The menu stays on the screen as it was answered.
            let rows = self.items(menu, Some(choice.digit));
            self.canvas.draw(&rows, None);
        }
        self.canvas.leave();
        chosen.map(|choice| choice.value)
    }

    fn chosen<'a, C: Copy + PartialEq>(
        &mut self,
        menu: &Menu<'a, C>,
        status: &mut dyn MenuStatus,
    ) -> Answer<&'a Choice<C>> {
        let is_first = |choice: &Choice<C>| match menu.current {
            Some(current) => choice.value == current && choice.unavailable.is_none(),
            None => choice.unavailable.is_none(),
        };
        let mut current = menu.choices.iter().position(is_first).unwrap_or_default();
        let mut remark = String::new();
        loop {
            let said = status.lines();
            self.draw_menu(menu, current, &said, &remark);
            let waited = loop {
                match self.wait(Some(Instant::now() + STATUS_EVERY))? {
                    Wait::Idle if status.lines() == said => {}
                    waited => break waited,
                }
            };
            let typed = match waited {
                Wait::Idle => continue,
                Wait::Stale => {
                    self.canvas.wipe();
                    continue;
                }
                Wait::Typed(typed) => typed,
            };
            match self.take(menu, &mut current, &typed) {
                MenuAction::Chosen(choice) => return Ok(choice),
                MenuAction::Refused(choice) => remark = menu.refusal(choice),
                MenuAction::Moved => remark.clear(),
                MenuAction::Stopped(stop) => return Err(stop),
            }
        }
    }

    /// Draws as many choices around the current one as fit, the status and the remark.
    fn draw_menu<C>(
        &mut self,
        menu: &Menu<'_, C>,
        current: usize,
        status: &[String],
        remark: &str,
    ) {
        let (height, width) = self.canvas.size();
        let mut items = self.items(menu, menu.choices.get(current).map(|choice| choice.digit));
        let said =
            status.iter().map(String::as_str).chain([remark]).filter(|line| !line.is_empty());
        let mut foot: Vec<String> = said.flat_map(|line| rows(line, width)).collect();
        if items.len() + foot.len() > height {
            // The blank lines go first, then the choices that are far from the current one.
            items.retain(|item| !item.is_empty());
            let room = height.saturating_sub(foot.len()).max(1);
            let first = (current + 1).saturating_sub(room);
            items = items.into_iter().skip(first).take(room).collect();
            foot.truncate(height.saturating_sub(items.len()));
        }
        items.append(&mut foot);
        self.canvas.draw(&items, None);
    }

    fn items<C>(&self, menu: &Menu<'_, C>, active: Option<u8>) -> Vec<String> {
        let mut rows = Vec::new();
        for choice in menu.choices {
            if choice.apart {
                rows.push(String::new());
            }
            rows.push(self.item(choice, Some(choice.digit) == active));
        }
        rows
    }

    fn item<C>(&self, choice: &Choice<C>, active: bool) -> String {
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

    fn take<'a, C>(
        &mut self,
        menu: &Menu<'a, C>,
        current: &mut usize,
        typed: &InputEvent,
    ) -> MenuAction<'a, C> {
        let count = menu.choices.len().max(1);
        let choice = match typed {
            InputEvent::Key(key) => match (key.code, key.modifiers) {
                (Code::Up, Modifiers::NONE) | (Code::BackTab, _) => {
                    *current = (*current + count - 1) % count;
                    return MenuAction::Moved;
                }
                (Code::Down | Code::Tab, Modifiers::NONE) => {
                    *current = (*current + 1) % count;
                    return MenuAction::Moved;
                }
                _ if *key == ESCAPE => return MenuAction::Stopped(Stop::Back),
                _ if *key == CTRL_D => return MenuAction::Stopped(Stop::Leave),
                // Enter right after other text belongs to that text.
                _ if *key == ENTER && self.follows_text() => None,
                _ if *key == ENTER => menu.choices.get(*current),
                _ => None,
            },
            InputEvent::Text(text) => {
                let choice = self.typed_choice(menu, text);
                if choice.is_none() && text.chars().nth(1).is_some() {
                    // The Enter of a pasted line belongs to that line.
                    self.input.drop_with_last(ENTER);
                }
                choice
            }
            InputEvent::Paste(_)
            | InputEvent::Burst(_)
            | InputEvent::TypedAhead(_)
            | InputEvent::NotText => None,
        };
        match choice {
            Some(choice) if choice.unavailable.is_none() => MenuAction::Chosen(choice),
            Some(choice) => MenuAction::Refused(choice),
            None => MenuAction::Moved,
        }
    }

    /// Whether other text was typed within [`DIGIT_AFTER`].
    fn follows_text(&self) -> bool {
        self.text_at.is_some_and(|at| at.elapsed() <= DIGIT_AFTER)
    }

    /// The choice of a typed digit. A digit within other text chooses nothing.
    fn typed_choice<'a, C>(&mut self, menu: &Menu<'a, C>, text: &str) -> Option<&'a Choice<C>> {
        let is_alone = !self.follows_text();
        let digit = text.parse::<u8>().ok().filter(|_| text.len() == 1 && is_alone);
        match digit {
            Some(_) => self.number_at = Some(Instant::now()),
            None => self.text_at = Some(Instant::now()),
        }
        menu.choices.iter().find(|choice| Some(choice.digit) == digit)
    }
}
