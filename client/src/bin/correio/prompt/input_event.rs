//! Groups decoded keys into input events: text, keys, pastes.
//!
//! Terminals mark a paste if they can (bracketed paste). Without marks, bytes that arrived together
//! are judged as a whole: nobody types a line, Enter and another line within a few milliseconds, so
//! such text is a paste, and chooses nothing. Input that arrives together with a marked paste is a
//! part of it, too: a pasted text can contain the mark that ends a paste.

use correio_client::keys::{Code, Event, Key, Modifiers};
use zeroize::Zeroizing;

pub(super) const CTRL_C: Key = Key::ctrl('c');

/// Input that belongs together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum InputEvent {
    /// Characters that arrived together, without a line end.
    Text(String),
    Key(Key),
    /// Text that the terminal marked as pasted, with any number of lines.
    Paste(String),
    /// Several lines that arrived too fast to be typed: an unmarked paste.
    Burst(String),
    /// The rest of a burst whose first line has answered a question: answers that were typed ahead.
    /// They may contain a password, and choose nothing in a menu.
    TypedAhead(Zeroizing<String>),
    /// Input that is not UTF-8; all input that arrived with it is refused.
    NotText,
}

/// Groups decoded events that arrived together. The second value says whether a paste is among
/// them.
pub(super) fn group(events: Vec<Event>, continues_paste: bool) -> (Vec<InputEvent>, bool) {
    let is_typing = |event: &Event| as_text(event).is_some();
    let is_marked = events.iter().any(|event| matches!(event, Event::Paste(_)));
    let is_burst = match continues_paste || is_marked {
        true => events.iter().any(is_typing),
        false => is_unmarked_paste(&events),
    };
    let is_refused = events.contains(&Event::NotText);
    let mut typed = Vec::new();
    for event in events {
        match (as_text(&event), event) {
            // Text with a missing part is another text.
            (Some(_), _) if is_refused => {}
            (Some(c), _) if is_burst => push_burst(&mut typed, c),
            (_, Event::Key(CTRL_C)) => typed.push(InputEvent::Key(CTRL_C)),
            // A key that arrives together with a paste or with refused text does nothing: it must
            // not send an incomplete text.
            (_, Event::Key(_)) if is_burst || is_marked || is_refused => {}
            (Some(c), Event::Key(key)) => match typed.last_mut() {
                _ if matches!(key.code, Code::Enter | Code::Tab) => {
                    typed.push(InputEvent::Key(key));
                }
                Some(InputEvent::Text(text)) => text.push(c),
                _ => typed.push(InputEvent::Text(c.to_string())),
            },
            (_, Event::Key(key)) => typed.push(InputEvent::Key(key)),
            (_, Event::Paste(text)) => typed.push(InputEvent::Paste(text)),
            (_, Event::NotText | Event::Unknown) => {}
        }
    }
    if is_refused {
        typed.push(InputEvent::NotText);
    }
    (typed, is_burst || is_marked)
}

fn push_burst(typed: &mut Vec<InputEvent>, c: char) {
    match typed.last_mut() {
        Some(InputEvent::Burst(text)) => text.push(c),
        _ => typed.push(InputEvent::Burst(c.to_string())),
    }
}

/// The character of an event, if the event is text.
fn as_text(event: &Event) -> Option<char> {
    match event {
        Event::Key(Key { code, modifiers: Modifiers::NONE }) => match code {
            Code::Char(c) => Some(*c),
            Code::Enter => Some('\n'),
            Code::Tab => Some('\t'),
            _ => None,
        },
        _ => None,
    }
}

/// Whether events that arrived together are an unmarked paste: two lines with text, a line with
/// text between two Enters, or text with a tab.
fn is_unmarked_paste(events: &[Event]) -> bool {
    let text: String = events.iter().filter_map(as_text).collect();
    // Nobody types a tab and other text at once.
    if text.contains('\t') && text.contains(|c: char| !c.is_whitespace()) {
        return true;
    }
    let parts: Vec<bool> = text.split('\n').map(|line| !line.is_empty()).collect();
    let lines = parts.iter().filter(|has_text| **has_text).count();
    // "\r1" is an Enter that came late and a key; "1\r" is a key and its Enter.
    let surrounded = parts.first() == Some(&false)
        && parts.last() == Some(&false)
        && lines >= 1
        && parts.len() > 2;
    lines >= 2 || surrounded
}

#[cfg(test)]
mod tests {
    use correio_client::keys::Decoder;

    use super::*;

    fn grouped(bytes: &[u8]) -> Vec<InputEvent> {
        let (mut decoder, mut events) = (Decoder::new(), Vec::new());
        decoder.feed(bytes, &mut events);
        group(events, false).0
    }

    fn text(text: &str) -> InputEvent {
        InputEvent::Text(text.to_owned())
    }

    fn burst(text: &str) -> InputEvent {
        InputEvent::Burst(text.to_owned())
    }

    const ENTER: InputEvent = InputEvent::Key(Key::plain(Code::Enter));

    #[test]
    fn several_lines_at_once_are_a_paste() {
        for lines in ["ola\n.\n6\n", "intro\n.\n9\n1\nMister Evil\n", "\n.\n", "a\nb", ".\r6"] {
            let expected = burst(&lines.replace('\r', "\n"));
            assert_eq!(grouped(lines.as_bytes()), [expected], "{lines:?}");
        }
    }

    #[test]
    fn a_line_and_its_enter_are_typed() {
        assert_eq!(grouped(b"tony\r"), [text("tony"), ENTER]);
        assert_eq!(grouped(b"\r1"), [ENTER, text("1")]);
        assert_eq!(grouped(b"\r\r"), [ENTER, ENTER]);
        assert_eq!(grouped(b"hello 6 world"), [text("hello 6 world")]);
    }

    #[test]
    fn text_that_is_not_utf8_is_refused_as_a_whole() {
        assert_eq!(grouped(b"n\xe3o\r"), [InputEvent::NotText]);
    }

    #[test]
    fn a_key_that_comes_with_refused_text_or_with_a_paste_does_nothing() {
        assert_eq!(grouped(b"\xc7\x04"), [InputEvent::NotText]);
        assert_eq!(grouped(b"ola\rcaf\xe9\x18"), [InputEvent::NotText]);
        let marked = grouped(b"\x1b[200~metade\x1b[201~\x04");
        assert_eq!(marked, [InputEvent::Paste("metade".to_owned())]);
    }

    #[test]
    fn text_with_a_tab_is_a_paste() {
        for text in ["6\tfoo", "3\tA\tB\r", "9\t3\ty\r"] {
            assert_eq!(grouped(text.as_bytes()), [burst(&text.replace('\r', "\n"))], "{text:?}");
        }
        assert_eq!(grouped(b"\t"), [InputEvent::Key(Key::plain(Code::Tab))]);
    }

    #[test]
    fn input_right_after_a_paste_continues_it() {
        let six = vec![Event::Key(Key::plain(Code::Char('6')))];
        assert_eq!(group(six.clone(), true).0, [burst("6")]);
        assert_eq!(group(six, false).0, [text("6")]);
    }

    #[test]
    fn what_comes_with_a_marked_paste_is_a_part_of_it() {
        let typed = grouped(b"\x1b[200~ola\x1b[201~\r.\r6");
        assert_eq!(typed, [InputEvent::Paste("ola".to_owned()), burst("\n.\n6")]);
        assert_eq!(grouped(b"\x1b[200~6\x1b[201~"), [InputEvent::Paste("6".to_owned())]);
    }

    #[test]
    fn ctrl_c_within_a_paste_is_ctrl_c() {
        assert_eq!(grouped(b"a\nb\x03"), [burst("a\nb"), InputEvent::Key(CTRL_C)]);
    }
}
