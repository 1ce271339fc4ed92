//! The meaning of complete sequences.

use super::key::{Code, Key, Modifiers};

/// The meaning of a sequence.
pub(super) enum Meaning {
    Key(Key),
    PasteStarts,
    Unknown,
}

/// A control sequence: its parameters and its last byte.
pub(super) fn csi(parameters: &[u8], last: u8) -> Meaning {
    if (parameters, last) == (b"200", b'~') {
        return Meaning::PasteStarts;
    }
    let Some((first, second)) = numbers(parameters) else {
        return Meaning::Unknown;
    };
    // rxvt tells modifiers by the last byte.
    let (last, rxvt) = match last {
        b'$' => (b'~', Modifiers::SHIFT),
        b'^' => (b'~', Modifiers::CTRL),
        b'@' => (b'~', Modifiers::SHIFT.with(Modifiers::CTRL)),
        last => (last, Modifiers::NONE),
    };
    let code = match (last, first) {
        (b'~', number) => tilde(number),
        (b'Z', _) => Some(Code::BackTab),
        // rxvt: arrows with Shift.
        (b'a'..=b'd', 0) => return arrow_of_rxvt(last, Modifiers::SHIFT),
        (last, 0 | 1) => letter(last),
        _ => None,
    };
    let modifiers = Modifiers::of_parameter(second).with(rxvt);
    code.map_or(Meaning::Unknown, |code| Meaning::Key(Key { code, modifiers }))
}

/// A key of the application keypad: ESC O, sometimes a modifier, and the last byte.
pub(super) fn ss3(parameters: &[u8], last: u8) -> Meaning {
    let Some((first, second)) = numbers(parameters) else {
        return Meaning::Unknown;
    };
    let modifiers = Modifiers::of_parameter(if second > 0 { second } else { first });
    let code = match last {
        b'a'..=b'd' => return arrow_of_rxvt(last, Modifiers::CTRL),
        b'M' => Some(Code::Enter),
        b'I' => Some(Code::Tab),
        last => letter(last),
    };
    code.map_or(Meaning::Unknown, |code| Meaning::Key(Key { code, modifiers }))
}

fn arrow_of_rxvt(last: u8, modifiers: Modifiers) -> Meaning {
    letter(last.to_ascii_uppercase())
        .map_or(Meaning::Unknown, |code| Meaning::Key(Key { code, modifiers }))
}

/// One or two numbers, each 0 if it is missing. `None` for any other form.
fn numbers(parameters: &[u8]) -> Option<(u16, u16)> {
    let text = std::str::from_utf8(parameters).ok()?;
    let mut numbers = text.split(';').map(|number| match number {
        "" => Some(0),
        // `parse` would accept a sign.
        number if number.bytes().all(|byte| byte.is_ascii_digit()) => number.parse().ok(),
        _ => None,
    });
    let (first, second) = (numbers.next()??, numbers.next().unwrap_or(Some(0))?);
    numbers.next().is_none().then_some((first, second))
}

fn letter(last: u8) -> Option<Code> {
    Some(match last {
        b'A' => Code::Up,
        b'B' => Code::Down,
        b'C' => Code::Right,
        b'D' => Code::Left,
        b'H' => Code::Home,
        b'F' => Code::End,
        b'P'..=b'S' => Code::Function(last - b'P' + 1),
        _ => return None,
    })
}

fn tilde(number: u16) -> Option<Code> {
    Some(match number {
        1 | 7 => Code::Home,
        2 => Code::Insert,
        3 => Code::Delete,
        4 | 8 => Code::End,
        5 => Code::PageUp,
        6 => Code::PageDown,
        11..=15 => Code::Function((number - 10) as u8),
        17..=21 => Code::Function((number - 11) as u8),
        23..=24 => Code::Function((number - 12) as u8),
        _ => return None,
    })
}
