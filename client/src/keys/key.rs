//! Keys and their modifiers.

/// A key without its modifiers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Code {
    /// A character; a control character is its letter with [`Modifiers::CTRL`].
    Char(char),
    /// Enter, sent as CR, LF or CR LF.
    Enter,
    /// Tab.
    Tab,
    /// Shift and Tab.
    BackTab,
    /// Backspace, sent as DEL or BS.
    Backspace,
    /// Delete.
    Delete,
    /// Insert.
    Insert,
    /// Esc, after the silence that tells it from the start of a sequence.
    Escape,
    /// Arrow up.
    Up,
    /// Arrow down.
    Down,
    /// Arrow left.
    Left,
    /// Arrow right.
    Right,
    /// Home.
    Home,
    /// End.
    End,
    /// Page up.
    PageUp,
    /// Page down.
    PageDown,
    /// A function key, from 1.
    Function(u8),
}

/// Modifiers held while a key was pressed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Modifiers(u8);

impl Modifiers {
    /// No modifier.
    pub const NONE: Self = Self(0);
    /// Shift, if the terminal reports it.
    pub const SHIFT: Self = Self(1);
    /// Alt, or Esc directly before the key.
    pub const ALT: Self = Self(2);
    /// Ctrl.
    pub const CTRL: Self = Self(4);

    /// Modifiers as xterm's parameter counts them: the parameter is their sum plus 1. Meta,
    /// hyper and super count as Alt.
    pub(super) fn of_parameter(parameter: u16) -> Self {
        let bits = parameter.saturating_sub(1);
        let alt = if bits & !5 != 0 { Self::ALT.0 } else { 0 };
        Self((bits & 5) as u8 | alt)
    }

    /// These modifiers and `other` together.
    #[must_use]
    pub fn with(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

/// A key that was pressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Key {
    /// The key.
    pub code: Code,
    /// The modifiers.
    pub modifiers: Modifiers,
}

impl Key {
    /// A key without modifiers.
    #[must_use]
    pub const fn plain(code: Code) -> Self {
        Self { code, modifiers: Modifiers::NONE }
    }

    /// A letter with Ctrl.
    #[must_use]
    pub const fn ctrl(letter: char) -> Self {
        Self { code: Code::Char(letter), modifiers: Modifiers::CTRL }
    }
}
