//! Menus: their choices, each chosen by a digit, and the lines below them.

use crate::text::Text;

/// The choices of a menu, as a closed enum.
pub(crate) trait MenuChoice: Copy + PartialEq + 'static {
    /// All choices, in the order of the menu.
    const ALL: &'static [Self];

    /// The digit that chooses it, 0 to 9.
    fn digit(self) -> u8;

    /// The key of its label in the catalogue.
    fn label_key(self) -> &'static str;
}

/// A line of a menu, and the value that is returned when it is chosen.
pub(crate) struct Choice<C> {
    pub(crate) value: C,
    /// The digit that chooses it, 0 to 9.
    pub(crate) digit: u8,
    pub(crate) label: String,
    /// The reason why it cannot be chosen now.
    pub(crate) unavailable: Option<String>,
    /// Whether a blank line stands before it.
    pub(crate) apart: bool,
}

impl<C> Choice<C> {
    pub(crate) fn new(value: C, digit: u8, label: String) -> Self {
        Self { value, digit, label, unavailable: None, apart: false }
    }
}

impl<C: MenuChoice> Choice<C> {
    /// A choice with the label that its key has in the catalogue.
    pub(crate) fn of(choice: C, text: &Text) -> Self {
        Self::new(choice, choice.digit(), text.of(choice.label_key()))
    }
}

/// A menu: its title and its choices.
pub(crate) struct Menu<'a, C> {
    pub(crate) text: &'a Text,
    pub(crate) title: &'a str,
    pub(crate) choices: &'a [Choice<C>],
    /// The choice that the cursor stands on at first. `None`: the first available choice.
    pub(crate) current: Option<C>,
}

impl<C> Menu<'_, C> {
    /// The message for a choice that cannot be chosen.
    pub(super) fn refusal(&self, choice: &Choice<C>) -> String {
        let reason = choice.unavailable.clone().unwrap_or_default();
        self.text.with("unavailable", &[("reason", reason.into())])
    }
}

/// Lines below a menu's choices that change while the menu is open, such as a notice of new mail.
/// An open menu asks for them at short intervals.
pub(crate) trait MenuStatus {
    fn lines(&mut self) -> Vec<String>;
}

/// No lines.
pub(super) struct NoStatus;

impl MenuStatus for NoStatus {
    fn lines(&mut self) -> Vec<String> {
        Vec::new()
    }
}
