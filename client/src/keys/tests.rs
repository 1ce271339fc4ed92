//! Keys, text, pastes and unknown sequences, whole and in pieces.

use proptest::prelude::*;

use super::*;

fn decoded(bytes: &[u8]) -> Vec<Event> {
    let (mut decoder, mut events) = (Decoder::new(), Vec::new());
    decoder.feed(bytes, &mut events);
    decoder.silence(&mut events);
    assert!(!decoder.is_pending());
    events
}

fn key(code: Code, modifiers: Modifiers) -> Event {
    Event::Key(Key { code, modifiers })
}

fn text(events: &[Event]) -> String {
    let character = |event: &Event| match event {
        Event::Key(Key { code: Code::Char(c), modifiers: Modifiers::NONE }) => Some(*c),
        _ => None,
    };
    events.iter().filter_map(character).collect()
}

#[test]
fn keys_are_known_with_their_modifiers() {
    let keys: &[(&str, Code, Modifiers)] = &[
        ("\x1b[A", Code::Up, Modifiers::NONE),
        ("\x1bOA", Code::Up, Modifiers::NONE),
        ("\x1b[1;5D", Code::Left, Modifiers::CTRL),
        ("\x1b[1;2A", Code::Up, Modifiers::SHIFT),
        ("\x1b[1;3A", Code::Up, Modifiers::ALT),
        ("\x1b\x1b[A", Code::Up, Modifiers::ALT),
        ("\x1b[3;5~", Code::Delete, Modifiers::CTRL),
        ("\x1b[3~", Code::Delete, Modifiers::NONE),
        ("\x1b[3$", Code::Delete, Modifiers::SHIFT),
        ("\x1b[a", Code::Up, Modifiers::SHIFT),
        ("\x1bOd", Code::Left, Modifiers::CTRL),
        ("\x1bOP", Code::Function(1), Modifiers::NONE),
        ("\x1b[[E", Code::Function(5), Modifiers::NONE),
        ("\x1b[15~", Code::Function(5), Modifiers::NONE),
        ("\x1b[24~", Code::Function(12), Modifiers::NONE),
        ("\x1b[Z", Code::BackTab, Modifiers::NONE),
        ("\x1b", Code::Escape, Modifiers::NONE),
        ("\x1bx", Code::Char('x'), Modifiers::ALT),
        ("\r\n", Code::Enter, Modifiers::NONE),
        ("\n", Code::Enter, Modifiers::NONE),
        ("\x7f", Code::Backspace, Modifiers::NONE),
        ("\x04", Code::Char('d'), Modifiers::CTRL),
        ("ã", Code::Char('ã'), Modifiers::NONE),
        ("😀", Code::Char('😀'), Modifiers::NONE),
    ];
    for (bytes, code, modifiers) in keys {
        assert_eq!(decoded(bytes.as_bytes()), [key(*code, *modifiers)], "{bytes:?}");
    }
}

#[test]
fn a_dollar_sign_ends_a_number_of_any_length_and_nothing_else() {
    for digits in [1, 32, 33, 500] {
        let bytes = format!("\x1b[{}$b", "2".repeat(digits));
        let events = decoded(bytes.as_bytes());
        assert_eq!((events.len(), text(&events)), (2, "b".to_owned()), "rxvt's form: {digits}");
        let bytes = format!("\x1b[{};$\\b", "2".repeat(digits));
        assert_eq!(decoded(bytes.as_bytes()), [Event::Unknown, plain(Code::Char('b'))]);
    }
}

#[test]
fn an_unknown_sequence_is_taken_whole() {
    let long = format!("\x1b[{}m", "1;".repeat(500));
    let sequences = [
        "\x1b[1;99;7D",
        "\x1b[?1;2c",
        "\x1b[=1c",
        "\x1b[201~",
        "\x1b[99~",
        "\x1b[I",
        "\x1b[97;5u",
        "\x1b[<0;10;10M",
        "\x1b[M !!",
        "\x1b[12;40R",
        "\x1b]0;6\x07",
        "\x1b]11;rgb:0000/0000/0000\x1b\\",
        "\x1bP1$r0m\x1b\\",
        "\x1b_6\x1b\\",
        "\x1b[2 q",
        "\x1bOz",
        "\u{85}",
        "\x1b[[Z",
        &long,
    ];
    for sequence in sequences {
        assert_eq!(decoded(sequence.as_bytes()), [Event::Unknown], "{sequence:?}");
    }
}

#[test]
fn what_is_not_utf8_is_told_and_is_no_text() {
    let events = decoded(b"n\xe3o e a\xe7\xe3o");
    assert_eq!(text(&events), "no e ao");
    assert_eq!(events.iter().filter(|event| **event == Event::NotText).count(), 3);
    assert_eq!(decoded(b"\xe2\x82"), [Event::NotText]);
    assert_eq!(decoded(b"\xe2\x82\x1b[A"), [Event::NotText, key(Code::Up, Modifiers::NONE)]);
}

#[test]
fn a_paste_is_one_event_whatever_is_in_it() {
    let pasted = b"\x1b[200~ola\r\n.\r6\n\x1b[A\x03\x1b[201~6";
    let paste = Event::Paste("ola\n.\n6\n\x1b[A\x03".to_owned());
    assert_eq!(decoded(pasted), [paste, key(Code::Char('6'), Modifiers::NONE)]);
    assert_eq!(decoded(b"\x1b[200~caf\xe9\x1b[201~"), [Event::NotText]);
    assert_eq!(decoded(b"\x1b[200~lost"), [Event::Paste("lost".to_owned())]);
}

#[test]
fn a_paste_that_is_too_long_is_refused_and_ends() {
    let mut bytes = b"\x1b[200~".to_vec();
    bytes.resize(PASTE_MAX + 100, b'6');
    bytes.extend_from_slice(b"\x1b[201~x");
    assert_eq!(decoded(&bytes), [Event::NotText, key(Code::Char('x'), Modifiers::NONE)]);
}

#[test]
fn ctrl_c_is_never_part_of_a_sequence() {
    let interrupt = key(Code::Char('c'), Modifiers::CTRL);
    for start in ["\x1b[", "\x1b[1;5", "\x1bO", "\x1b]0;title", "\x1bP", "\x1b[["] {
        let mut bytes = start.as_bytes().to_vec();
        bytes.push(3);
        assert_eq!(decoded(&bytes), [Event::Unknown, interrupt.clone()], "{start:?}");
    }
}

#[test]
fn ctrl_c_works_after_esc_and_in_a_report_of_the_mouse() {
    let interrupt = key(Code::Char('c'), Modifiers::CTRL);
    for start in ["\x1b", "\x1b\x1b", "\x1b[M", "\x1b[M!!"] {
        let mut bytes = start.as_bytes().to_vec();
        bytes.push(3);
        assert_eq!(decoded(&bytes), [Event::Unknown, interrupt.clone()], "{start:?}");
    }
}

#[test]
fn controls_of_eight_bits_begin_sequences() {
    for start in [&b"\x9b"[..], b"\xc2\x9b"] {
        let with = |rest: &[u8]| decoded(&[start, rest].concat());
        assert_eq!(with(b"1;5D"), [key(Code::Left, Modifiers::CTRL)]);
        assert_eq!(with(b"15~"), [key(Code::Function(5), Modifiers::NONE)]);
    }
    assert_eq!(decoded(b"\x8fA"), [key(Code::Up, Modifiers::NONE)]);
    // In Windows-1252 the first byte is a quotation mark: it is reported, and chooses nothing.
    assert_eq!(decoded(b"\x9b6;6;6z"), [Event::NotText]);
    assert_eq!(decoded(b"\xc2\x9b6;6;6z"), [Event::Unknown]);
}

#[test]
fn a_paste_begins_with_its_own_mark_alone() {
    for mark in ["\x1b[0200~", "\x1b[200;1~", "\x1b[;200~"] {
        assert_eq!(decoded(mark.as_bytes()), [Event::Unknown], "{mark:?}");
    }
}

proptest! {
    #[test]
    fn pieces_do_not_matter(
        bytes in prop::collection::vec(
            prop_oneof![any::<u8>(), prop::sample::select(b"\x1b[O;~0215AM\r\n\xc3\xa3".to_vec())],
            0..200,
        ),
        cuts in prop::collection::vec(0_usize..200, 0..20),
    ) {
        let whole = decoded(&bytes);
        let mut cuts: Vec<usize> = cuts.into_iter().map(|cut| cut.min(bytes.len())).collect();
        cuts.push(bytes.len());
        cuts.sort_unstable();
        let (mut decoder, mut events, mut from) = (Decoder::new(), Vec::new(), 0);
        for cut in cuts {
            decoder.feed(&bytes[from..cut], &mut events);
            from = cut;
        }
        decoder.silence(&mut events);
        prop_assert_eq!(events, whole);
    }

    #[test]
    fn text_comes_back(typed in "[^\\p{Cc}]{0,40}") {
        prop_assert_eq!(text(&decoded(typed.as_bytes())), typed);
    }
}
