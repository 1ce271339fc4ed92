//! Key sequences of terminals, by their effect on the client.

use correio_client::keys::{Code, Decoder, Event, Key};

/// The list in the repository, so that a seed gives the same sequences on every machine.
const KEPT: &str = include_str!("../sequences.txt");

/// Sequences that are not keys: replies and reports that terminals send by themselves.
const REPORTS: [&[u8]; 12] = [
    b"\x1b[?62;22c",
    b"\x1b[>0;276;0c",
    b"\x1b[12;40R",
    b"\x1b[I",
    b"\x1b[O",
    b"\x1b[<0;10;10M",
    b"\x1b[<0;10;10m",
    b"\x1b[M !!",
    b"\x1b]0;6\x07",
    b"\x1b]11;rgb:0000/9999/3333\x1b\\",
    b"\x1bP1$r0m\x1b\\",
    b"\x1b[97;5u",
];

/// The sequences, by their effect.
#[derive(Debug)]
pub(crate) struct Sequences {
    /// All sequences that do not mean Enter: they do nothing in a menu.
    pub(crate) any: Vec<Vec<u8>>,
    /// Sequences that change neither a text nor the cursor's place in it.
    pub(crate) inert: Vec<Vec<u8>>,
}

impl Sequences {
    /// Reads the list.
    pub(crate) fn kept() -> Self {
        let listed = KEPT.lines().filter(|line| !line.starts_with('#')).map(parsed);
        let all: Vec<Vec<u8>> = listed.chain(REPORTS.map(<[u8]>::to_vec)).collect();
        let is_enter = |event: &Event| matches!(event, Event::Key(Key { code: Code::Enter, .. }));
        let any: Vec<Vec<u8>> =
            all.into_iter().filter(|sequence| !events(sequence).iter().any(is_enter)).collect();
        let does_nothing = |event: &Event| match event {
            Event::Key(key) => matches!(key.code, Code::Function(_)),
            // Text that comes with other input is refused, too.
            Event::NotText | Event::Paste(_) => false,
            Event::Unknown => true,
        };
        let is_inert = |sequence: &&Vec<u8>| events(sequence).iter().all(does_nothing);
        let inert = any.iter().filter(is_inert).cloned().collect();
        Self { any, inert }
    }
}

/// Decodes a sequence.
fn events(sequence: &[u8]) -> Vec<Event> {
    let (mut decoder, mut events) = (Decoder::new(), Vec::new());
    decoder.feed(sequence, &mut events);
    decoder.silence(&mut events);
    events
}

/// Parses a line of the list: `\E` is Esc, `\233` a byte in octal.
fn parsed(line: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut rest = line;
    while let Some(c) = rest.chars().next() {
        let octal = rest.strip_prefix('\\').and_then(|rest| rest.get(..3));
        let octal = octal.and_then(|digits| u8::from_str_radix(digits, 8).ok());
        let (byte, length) = match octal {
            Some(byte) => (byte, 4),
            None if rest.starts_with("\\E") => (0x1b, 2),
            None => (c as u32 as u8, 1),
        };
        bytes.push(byte);
        rest = rest.get(length..).unwrap_or_default();
    }
    bytes
}

#[cfg(test)]
mod tests {
    use correio_client::keys::Modifiers;

    use super::*;

    /// Whether an event is a typed character.
    fn is_text(event: &Event) -> bool {
        matches!(event, Event::Key(Key { code: Code::Char(_), modifiers: Modifiers::NONE }))
    }

    #[test]
    fn lines_are_read_as_infocmp_writes_them() {
        assert_eq!(parsed("\\E[1;5D"), b"\x1b[1;5D");
        assert_eq!(parsed("\\2335~"), b"\x9b5~");
    }

    #[test]
    fn no_sequence_of_any_terminal_is_text() {
        let kept = Sequences::kept();
        assert!(kept.any.len() > 500 && kept.inert.len() > 200, "{}", kept.any.len());
        for sequence in &kept.any {
            let (mut decoder, mut events) = (Decoder::new(), Vec::new());
            decoder.feed(sequence, &mut events);
            assert!(!decoder.is_pending(), "{sequence:x?} is complete");
            assert_eq!(events.len(), 1, "{sequence:x?}");
            assert!(!events.iter().any(is_text), "{sequence:x?}: {events:?}");
        }
    }
}
