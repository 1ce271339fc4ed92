//! Decodes the bytes that a terminal sends into events: keys, characters, pastes.
//!
//! [`Decoder`] has no socket and no clock. It keeps a character or an escape sequence that is not
//! complete yet, so the events do not depend on how the bytes were cut into reads. An unknown
//! sequence is consumed whole and becomes [`Event::Unknown`], so that its bytes never become text.
//! The caller reports silence ([`Decoder::silence`]), which ends an ambiguous beginning such as a
//! lone ESC. Control sequences may begin with their 8-bit form (0x9b, 0x8f), which cannot begin a
//! character of UTF-8.
//!
//! References: ECMA-48 (control sequences), xterm's "Control Sequences" (modifiers, bracketed
//! paste), the terminfo entries of rxvt and linux (their own forms of function keys).

mod key;
mod sequence;

pub use key::{Code, Key, Modifiers};

/// Longest paste that is kept, in bytes. It is above the largest body that a server accepts by
/// default, and it bounds the memory that a terminal can fill.
pub const PASTE_MAX: usize = 16 << 20;

/// Maximum of a sequence's parameter bytes that are kept. Longer sequences are consumed whole and
/// are unknown: no key has so many.
const PARAMETERS_MAX: usize = 32;

const ESC: u8 = 0x1b;

/// ESC [ as one control character.
const C1_CSI: u8 = 0x9b;

/// ESC O as one control character.
const C1_SS3: u8 = 0x8f;

/// The sequence that ends a bracketed paste.
const PASTE_END: &[u8] = b"\x1b[201~";

/// A decoded event of a terminal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// A key, or a typed character.
    Key(Key),
    /// Pasted text, with LF at the ends of its lines.
    Paste(String),
    /// Bytes that are not UTF-8, typed or within a paste (the whole paste is refused), or a paste
    /// above [`PASTE_MAX`].
    NotText,
    /// A complete sequence that stands for no key.
    Unknown,
}

/// The kind of sequence that the bytes so far have begun.
#[derive(Debug, Default)]
enum State {
    /// Nothing.
    #[default]
    Ground,
    /// A character of several bytes.
    Character,
    /// ESC, once or twice.
    Escape { alt: Modifiers },
    /// ESC O: a key of the application keypad.
    Ss3 { alt: Modifiers },
    /// ESC [: a control sequence.
    Csi { alt: Modifiers },
    /// ESC [ [: a function key of the Linux console.
    LinuxFunction,
    /// ESC [ M: a report of the mouse, of which this many bytes are missing.
    Mouse { missing: u8 },
    /// ESC ], P, X, ^ or _: a string, up to BEL or ESC \.
    Text { after_escape: bool },
    /// Between the marks of a paste.
    Paste,
}

/// The decoder.
#[derive(Debug, Default)]
pub struct Decoder {
    state: State,
    /// Bytes of a character, of a sequence's parameters, or of a paste.
    kept: Vec<u8>,
    /// Whether more bytes came than are kept.
    is_cut: bool,
    /// Whether a parameter byte that is not kept is no digit.
    has_cut_other: bool,
    /// Whether the sequence began with a byte that is not UTF-8: in text of another encoding the
    /// byte is a character.
    is_raw: bool,
    /// Whether the last byte was CR: LF after it belongs to it.
    after_return: bool,
}

impl Decoder {
    /// A decoder in its initial state.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Decodes bytes and adds the events that are complete.
    pub fn feed(&mut self, bytes: &[u8], events: &mut Vec<Event>) {
        for &byte in bytes {
            self.take(byte, events);
        }
    }

    /// Whether a sequence or a character has begun and is not complete.
    #[must_use]
    pub fn is_pending(&self) -> bool {
        !matches!(self.state, State::Ground)
    }

    /// Whether a paste has begun and is not complete.
    #[must_use]
    pub fn is_pasting(&self) -> bool {
        matches!(self.state, State::Paste)
    }

    /// Whether ESC has come and nothing after it: it may be the key, or the start of a sequence.
    #[must_use]
    pub fn is_lone_escape(&self) -> bool {
        matches!(self.state, State::Escape { .. })
    }

    /// Whether a control string (DCS, SOS, OSC, PM or APC) has begun and is not complete. Alt with
    /// the character that begins such a string looks the same; all that is typed after it is taken
    /// for the string until the string ends.
    #[must_use]
    pub fn is_string(&self) -> bool {
        matches!(self.state, State::Text { .. })
    }

    /// Times out pending input. A lone ESC becomes the Esc key, an incomplete character is no text,
    /// an incomplete sequence is unknown, and a paste whose end was lost is delivered.
    pub fn silence(&mut self, events: &mut Vec<Event>) {
        let event = match std::mem::take(&mut self.state) {
            State::Ground => return,
            State::Character => Event::NotText,
            State::Escape { .. } => Event::Key(Key::plain(Code::Escape)),
            State::Paste => {
                events.push(self.pasted());
                return;
            }
            _ => self.unknown(),
        };
        self.forget();
        events.push(event);
    }

    fn forget(&mut self) {
        self.kept.clear();
        self.is_cut = false;
        self.has_cut_other = false;
        self.is_raw = false;
    }

    /// The event of a sequence that stands for no key.
    fn unknown(&self) -> Event {
        match self.is_raw {
            true => Event::NotText,
            false => Event::Unknown,
        }
    }

    fn take(&mut self, byte: u8, events: &mut Vec<Event>) {
        let after_return = std::mem::take(&mut self.after_return);
        match self.state {
            State::Ground if after_return && byte == b'\n' => {}
            State::Ground => self.ground(byte, events),
            State::Character => self.character(byte, events),
            State::Escape { alt } => self.escape(byte, alt, events),
            State::Ss3 { alt } | State::Csi { alt } => self.sequence(byte, alt, events),
            State::LinuxFunction => match byte {
                b'A'..=b'E' => self.end(plain(Code::Function(byte - b'A' + 1)), events),
                _ => self.abort(byte, events),
            },
            // A report has no control characters: Ctrl-C is never swallowed.
            State::Mouse { .. } if byte < b' ' => self.abort(byte, events),
            State::Mouse { missing: 1 } => self.end(self.unknown(), events),
            State::Mouse { missing } => self.state = State::Mouse { missing: missing - 1 },
            State::Text { after_escape } => self.string(byte, after_escape, events),
            State::Paste => self.paste(byte, events),
        }
    }

    /// Ends a sequence with its event.
    fn end(&mut self, event: Event, events: &mut Vec<Event>) {
        self.forget();
        self.state = State::Ground;
        events.push(event);
    }

    /// Ends a sequence that this byte cannot continue, and decodes the byte by itself, so that
    /// Ctrl-C is never swallowed.
    fn abort(&mut self, byte: u8, events: &mut Vec<Event>) {
        self.end(self.unknown(), events);
        match byte {
            // CAN and SUB end a sequence and are a part of it (ECMA-48).
            0x18 | 0x1a => {}
            // At a printable byte the sequence is malformed.
            0x20..=0x7e => {}
            _ => self.take(byte, events),
        }
    }

    fn ground(&mut self, byte: u8, events: &mut Vec<Event>) {
        let key = match byte {
            ESC => {
                self.state = State::Escape { alt: Modifiers::NONE };
                return;
            }
            C1_CSI | C1_SS3 => {
                self.is_raw = true;
                self.state = after_c1(byte);
                return;
            }
            0x80.. => {
                self.state = State::Character;
                self.character(byte, events);
                return;
            }
            byte => control_or_ascii(byte),
        };
        self.after_return = byte == b'\r';
        events.push(Event::Key(key));
    }

    fn character(&mut self, byte: u8, events: &mut Vec<Event>) {
        self.kept.push(byte);
        match std::str::from_utf8(&self.kept) {
            Ok(text) => {
                // C1 controls are no text; two of them begin a sequence.
                let event = match text.chars().next() {
                    Some(c) if !c.is_control() => plain(Code::Char(c)),
                    Some(c) if matches!(c as u32 as u8, C1_CSI | C1_SS3) => {
                        self.forget();
                        self.state = after_c1(c as u32 as u8);
                        return;
                    }
                    _ => Event::Unknown,
                };
                self.end(event, events);
            }
            Err(error) if error.error_len().is_none() => {}
            Err(_) => {
                // The byte that does not fit may begin something else.
                let again = self.kept.len() > 1;
                self.end(Event::NotText, events);
                if again {
                    self.take(byte, events);
                }
            }
        }
    }

    fn escape(&mut self, byte: u8, alt: Modifiers, events: &mut Vec<Event>) {
        self.state = match byte {
            ESC => State::Escape { alt: Modifiers::ALT },
            b'[' => State::Csi { alt },
            b'O' => State::Ss3 { alt },
            b']' | b'P' | b'X' | b'^' | b'_' => State::Text { after_escape: false },
            // Alt with a character that is not ASCII has no meaning. Ctrl-C always works.
            0x03 | 0x80.. => {
                self.end(Event::Unknown, events);
                self.take(byte, events);
                return;
            }
            byte => {
                let Key { code, modifiers } = control_or_ascii(byte);
                let key = Key { code, modifiers: modifiers.with(Modifiers::ALT) };
                self.end(Event::Key(key), events);
                return;
            }
        };
    }

    fn string(&mut self, byte: u8, after_escape: bool, events: &mut Vec<Event>) {
        match byte {
            0x07 | 0x18 | 0x1a => self.end(Event::Unknown, events),
            b'\\' if after_escape => self.end(Event::Unknown, events),
            // Ctrl-C always works.
            0x03 => self.abort(byte, events),
            _ if after_escape => {
                events.push(Event::Unknown);
                self.state = State::Escape { alt: Modifiers::NONE };
                self.take(byte, events);
            }
            byte => self.state = State::Text { after_escape: byte == ESC },
        }
    }

    fn sequence(&mut self, byte: u8, alt: Modifiers, events: &mut Vec<Event>) {
        let is_csi = matches!(self.state, State::Csi { .. });
        match byte {
            b'[' if is_csi && self.kept.is_empty() => self.state = State::LinuxFunction,
            b'M' if is_csi && self.kept.is_empty() => self.state = State::Mouse { missing: 3 },
            0x40..=0x7e => self.dispatch(byte, is_csi, alt, events),
            // rxvt ends the sequence of a key with Shift by `$`.
            b'$' if is_csi && self.is_number() => self.dispatch(byte, is_csi, alt, events),
            0x20..=0x3f => match self.kept.len() < PARAMETERS_MAX {
                true => self.kept.push(byte),
                false => {
                    self.is_cut = true;
                    self.has_cut_other |= !byte.is_ascii_digit();
                }
            },
            byte => self.abort(byte, events),
        }
    }

    /// Whether the parameters, with those that are not kept, are one number.
    fn is_number(&self) -> bool {
        !self.has_cut_other && !self.kept.is_empty() && self.kept.iter().all(u8::is_ascii_digit)
    }

    fn dispatch(&mut self, last: u8, is_csi: bool, alt: Modifiers, events: &mut Vec<Event>) {
        let unknown = self.unknown();
        let meaning = match self.is_cut {
            true => sequence::Meaning::Unknown,
            false if is_csi => sequence::csi(&self.kept, last),
            false => sequence::ss3(&self.kept, last),
        };
        self.forget();
        self.state = State::Ground;
        match meaning {
            sequence::Meaning::Key(key) => {
                let modifiers = key.modifiers.with(alt);
                events.push(Event::Key(Key { modifiers, ..key }));
            }
            sequence::Meaning::PasteStarts => self.state = State::Paste,
            sequence::Meaning::Unknown => events.push(unknown),
        }
    }

    fn paste(&mut self, byte: u8, events: &mut Vec<Event>) {
        self.kept.push(byte);
        if self.kept.ends_with(PASTE_END) {
            let length = self.kept.len() - PASTE_END.len();
            self.kept.truncate(length);
            self.state = State::Ground;
            events.push(self.pasted());
        } else if self.kept.len() > PASTE_MAX {
            // The end mark is still found, since the last bytes are kept.
            self.is_cut = true;
            let rest = self.kept.split_off(self.kept.len() - PASTE_END.len());
            self.kept = rest;
        }
    }

    fn pasted(&mut self) -> Event {
        let bytes = std::mem::take(&mut self.kept);
        let is_cut = std::mem::take(&mut self.is_cut);
        match String::from_utf8(bytes) {
            Ok(text) if !is_cut => Event::Paste(text.replace("\r\n", "\n").replace('\r', "\n")),
            _ => Event::NotText,
        }
    }
}

/// The state after a C1 control that begins a sequence.
fn after_c1(byte: u8) -> State {
    let alt = Modifiers::NONE;
    match byte {
        C1_SS3 => State::Ss3 { alt },
        _ => State::Csi { alt },
    }
}

fn plain(code: Code) -> Event {
    Event::Key(Key::plain(code))
}

/// The key of a byte below 0x80 that is not ESC; ESC itself is read as Ctrl-[.
fn control_or_ascii(byte: u8) -> Key {
    match byte {
        b'\r' | b'\n' => Key::plain(Code::Enter),
        b'\t' => Key::plain(Code::Tab),
        0x08 | 0x7f => Key::plain(Code::Backspace),
        0x00 => Key::ctrl(' '),
        0x01..=0x1a => Key::ctrl(char::from(byte - 1 + b'a')),
        0x1b..=0x1f => Key::ctrl(char::from(byte + 0x40)),
        byte => Key::plain(Code::Char(char::from(byte))),
    }
}

#[cfg(test)]
mod tests;
