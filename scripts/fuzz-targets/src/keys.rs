//! Target `keys`: lengths of pieces, and a terminal's bytes: first as they are, then as
//! instructions that generate text and sequences by the grammar of ECMA-48, independently of the
//! decoder's code.

use correio_client::keys::{Code, Decoder, Event, Key, Modifiers};

use crate::{input::Input, pieces::Pieces};

pub(crate) fn run(data: &[u8]) {
    let mut input = Input(data);
    let lengths: Vec<usize> = input.take(4).iter().map(|byte| usize::from(*byte)).collect();
    let bytes = input.rest();
    let events = in_any_pieces(&lengths, bytes);
    assert!(events.len() <= bytes.len(), "an event takes a byte at least");
    assert!(events.iter().all(|event| text_of(event).is_none_or(|c| !c.is_control())));
    if !bytes.windows(4).any(|window| window == b"200~") {
        let interrupt = Event::Key(Key::ctrl('c'));
        let interrupts = events.iter().filter(|event| **event == interrupt).count();
        assert_eq!(interrupts, bytes.iter().filter(|byte| **byte == 3).count(), "Ctrl-C works");
    }
    let (sent, expected) = generate(bytes);
    let events = in_any_pieces(&lengths, &sent);
    assert_eq!(events.len(), expected.len(), "{sent:x?}: {events:?}");
    for (event, expected) in events.iter().zip(&expected) {
        assert!(expected.is_met(event), "{expected:?} became {event:?} in {sent:x?}");
    }
}

/// Decodes bytes in pieces, which must give the same events as the whole.
fn in_any_pieces(lengths: &[usize], bytes: &[u8]) -> Vec<Event> {
    let whole = decode(&mut Pieces::new([]), bytes);
    assert_eq!(decode(&mut Pieces::new(lengths.iter().copied()), bytes), whole, "{lengths:?}");
    assert_eq!(decode(&mut Pieces::new([1]), bytes), whole, "byte by byte");
    whole
}

fn decode(pieces: &mut Pieces, mut bytes: &[u8]) -> Vec<Event> {
    let (mut decoder, mut events) = (Decoder::new(), Vec::new());
    while !bytes.is_empty() {
        let (piece, rest) = bytes.split_at(pieces.length(bytes.len()));
        decoder.feed(piece, &mut events);
        bytes = rest;
    }
    let before = events.len();
    let was_pending = decoder.is_pending();
    decoder.silence(&mut events);
    assert_eq!(events.len() - before, usize::from(was_pending), "silence ends what has begun");
    assert!(!decoder.is_pending() && !decoder.is_pasting());
    // Later input is decoded by itself.
    let mut next = Vec::new();
    decoder.feed(b"x\r", &mut next);
    assert_eq!(next, [Code::Char('x'), Code::Enter].map(|code| Event::Key(Key::plain(code))));
    events
}

fn text_of(event: &Event) -> Option<char> {
    match event {
        Event::Key(Key { code: Code::Char(c), modifiers: Modifiers::NONE }) => Some(*c),
        _ => None,
    }
}

/// The event that some bytes must give.
#[derive(Debug)]
enum Expected {
    Exactly(Event),
    /// A sequence: any key that it may mean, but neither text nor Esc, and Enter only for the
    /// keypad's Enter.
    Sequence {
        may_be_enter: bool,
    },
}

impl Expected {
    fn is_met(&self, event: &Event) -> bool {
        let may_be_enter = match self {
            Self::Exactly(exact) => return exact == event,
            Self::Sequence { may_be_enter } => *may_be_enter,
        };
        match event {
            Event::Unknown | Event::NotText => true,
            Event::Paste(_) => false,
            Event::Key(Key { code, .. }) => match code {
                Code::Char(_) | Code::Escape | Code::Backspace => false,
                Code::Enter => may_be_enter,
                _ => true,
            },
        }
    }
}

/// Keys from xterm's documentation: without modifiers, and with a place for them.
const KEYS: [(&str, &str, Code); 12] = [
    ("\x1b[A", "\x1b[1;{}A", Code::Up),
    ("\x1b[B", "\x1b[1;{}B", Code::Down),
    ("\x1b[C", "\x1b[1;{}C", Code::Right),
    ("\x1b[D", "\x1b[1;{}D", Code::Left),
    ("\x1b[H", "\x1b[1;{}H", Code::Home),
    ("\x1b[F", "\x1b[1;{}F", Code::End),
    ("\x1b[2~", "\x1b[2;{}~", Code::Insert),
    ("\x1b[3~", "\x1b[3;{}~", Code::Delete),
    ("\x1b[5~", "\x1b[5;{}~", Code::PageUp),
    ("\x1b[6~", "\x1b[6;{}~", Code::PageDown),
    ("\x1b[15~", "\x1b[15;{}~", Code::Function(5)),
    ("\x1bOP", "\x1b[1;{}P", Code::Function(1)),
];

/// Generates bytes from instructions, and the expected events.
fn generate(instructions: &[u8]) -> (Vec<u8>, Vec<Expected>) {
    let mut input = Input(instructions);
    let (mut sent, mut expected) = (Vec::new(), Vec::new());
    while !input.is_empty() {
        expected.push(match input.below(10) {
            0 | 1 => character(&mut input, &mut sent),
            2 => csi(&mut input, b"\x1b[", &mut sent),
            3 => csi(&mut input, b"\x1b\x1b[", &mut sent),
            4 => {
                let start: &[u8] = if input.byte() & 1 == 0 { b"\x9b" } else { b"\xc2\x9b" };
                csi(&mut input, start, &mut sent)
            }
            5 => ss3(&mut input, &mut sent),
            6 => string(&mut input, &mut sent),
            7 => paste(&mut input, &mut sent),
            8 => key(&mut input, &mut sent),
            _ => report(&mut input, &mut sent),
        });
    }
    (sent, expected)
}

/// A byte from `first` to `last`.
fn between(input: &mut Input<'_>, first: u8, last: u8) -> u8 {
    first + input.byte() % (last - first + 1)
}

fn character(input: &mut Input<'_>, sent: &mut Vec<u8>) -> Expected {
    let number = u32::from(input.number());
    let c = match input.byte() % 3 {
        0 => None,
        1 => char::from_u32(number),
        _ => char::from_u32(0x1_0000 + number),
    };
    let ascii = char::from(b' ' + (number % 95) as u8);
    let c = c.filter(|c| !c.is_control()).unwrap_or(ascii);
    sent.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
    Expected::Exactly(Event::Key(Key::plain(Code::Char(c))))
}

/// A control sequence: parameter bytes, intermediate bytes, a final byte.
fn csi(input: &mut Input<'_>, start: &[u8], sent: &mut Vec<u8>) -> Expected {
    let (parameters, intermediates) = (input.below(48), input.below(4).saturating_sub(1));
    let mut parameters: Vec<u8> = (0..parameters).map(|_| between(input, b'0', b'?')).collect();
    let intermediates: Vec<u8> = (0..intermediates).map(|_| between(input, b' ', b'/')).collect();
    let last = between(input, b'@', b'~');
    // These begin other forms: a mouse report, a key of the Linux console, a paste.
    if matches!((&parameters[..], last), (b"", b'M' | b'[') | (b"200", b'~')) {
        parameters.push(b'9');
    }
    sent.extend_from_slice(start);
    sent.extend_from_slice(&parameters);
    let is_number = !parameters.is_empty() && parameters.iter().all(u8::is_ascii_digit);
    if is_number && intermediates.first() == Some(&b'$') {
        // rxvt's own form ends here.
        sent.push(b'$');
    } else {
        sent.extend_from_slice(&intermediates);
        sent.push(last);
    }
    Expected::Sequence { may_be_enter: false }
}

fn ss3(input: &mut Input<'_>, sent: &mut Vec<u8>) -> Expected {
    let start: [&[u8]; 4] = [b"\x1bO", b"\x1b\x1bO", b"\x8f", b"\xc2\x8f"];
    sent.extend_from_slice(start[input.below(4)]);
    let modifiers = input.below(3);
    sent.extend((0..modifiers).map(|_| between(input, b'0', b'9')));
    let last = between(input, b'@', b'~');
    sent.push(last);
    Expected::Sequence { may_be_enter: last == b'M' }
}

/// A command string (title, colours, version), as terminals reply with.
fn string(input: &mut Input<'_>, sent: &mut Vec<u8>) -> Expected {
    sent.extend_from_slice(&[0x1b, b"]PX^_"[input.below(5)]]);
    let is_text = |byte: &u8| !matches!(byte, 0x03 | 0x07 | 0x18 | 0x1a | 0x1b);
    sent.extend(input.counted().iter().copied().filter(is_text));
    let end: &[u8] = if input.byte() & 1 == 0 { b"\x07" } else { b"\x1b\\" };
    sent.extend_from_slice(end);
    Expected::Exactly(Event::Unknown)
}

fn paste(input: &mut Input<'_>, sent: &mut Vec<u8>) -> Expected {
    let pasted = input.counted();
    let pasted = match pasted.windows(6).position(|window| window == b"\x1b[201~") {
        Some(end) => &pasted[..end],
        None => pasted,
    };
    sent.extend_from_slice(b"\x1b[200~");
    sent.extend_from_slice(pasted);
    sent.extend_from_slice(b"\x1b[201~");
    // A text that ends in the middle of the mark is told apart by the mark that follows.
    Expected::Exactly(match std::str::from_utf8(pasted) {
        Ok(text) => {
            let lines = text.split("\r\n").flat_map(|part| part.split('\r'));
            Event::Paste(lines.collect::<Vec<_>>().join("\n"))
        }
        Err(_) => Event::NotText,
    })
}

/// A key with modifiers in xterm's parameter: 1 plus their sum.
fn key(input: &mut Input<'_>, sent: &mut Vec<u8>) -> Expected {
    let (alone, with, code) = KEYS[input.below(KEYS.len())];
    let held = input.below(8);
    let all = [(1, Modifiers::SHIFT), (2, Modifiers::ALT), (4, Modifiers::CTRL)];
    let chosen = all.into_iter().filter(|(bit, _)| held & bit != 0);
    let modifiers = chosen.fold(Modifiers::NONE, |sum, (_, modifier)| sum.with(modifier));
    let text = match held {
        0 => alone.to_owned(),
        held => with.replace("{}", &(held + 1).to_string()),
    };
    sent.extend_from_slice(text.as_bytes());
    Expected::Exactly(Event::Key(Key { code, modifiers }))
}

/// A mouse report, in either form, or a key of the Linux console.
fn report(input: &mut Input<'_>, sent: &mut Vec<u8>) -> Expected {
    match input.below(3) {
        0 => {
            sent.extend_from_slice(b"\x1b[M");
            sent.extend((0..3).map(|_| between(input, b' ', 0xff)));
        }
        1 => {
            let last = if input.byte() & 1 == 0 { 'M' } else { 'm' };
            let [button, column, row] = [(); 3].map(|()| input.byte());
            sent.extend_from_slice(format!("\x1b[<{button};{column};{row}{last}").as_bytes());
        }
        _ => {
            sent.extend_from_slice(b"\x1b[[");
            sent.push(between(input, b'@', b'~'));
        }
    }
    Expected::Sequence { may_be_enter: false }
}
