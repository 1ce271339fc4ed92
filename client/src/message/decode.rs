//! Decodes the body of a part (RFC 2045) piece by piece, and goes on after what is broken.

/// How the body of a part is encoded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum TransferEncoding {
    /// The bytes are those of the body: `7bit`, `8bit`, `binary`, and encodings without a meaning.
    #[default]
    Identity,
    QuotedPrintable,
    Base64,
}

impl TransferEncoding {
    /// The encoding that a head names.
    pub(super) fn named(name: &str) -> Self {
        match name.trim().to_ascii_lowercase().as_str() {
            "base64" => Self::Base64,
            "quoted-printable" => Self::QuotedPrintable,
            _ => Self::Identity,
        }
    }
}

/// Whether everything that was decoded was well-formed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Decoded {
    Whole,
    Damaged,
}

/// A body that is being decoded. Characters that do not belong to the encoding are left out in
/// base64, and kept as they are in quoted-printable.
#[derive(Debug)]
pub(super) struct Decoder {
    state: State,
    decoded: Decoded,
}

#[derive(Debug)]
enum State {
    Identity,
    QuotedPrintable(Escape),
    Base64 {
        /// Bits of the characters that make no whole group yet, and how many characters they are.
        bits: u32,
        count: u8,
    },
}

/// What was read of an escape in quoted-printable.
#[derive(Clone, Copy, Debug)]
enum Escape {
    None,
    /// `=`, and white space that another program has put after it.
    Equals,
    /// `=` and a carriage return.
    Return,
    /// `=` and a hexadecimal digit.
    Digit(u8),
}

impl Decoder {
    pub(super) fn new(encoding: TransferEncoding) -> Self {
        let state = match encoding {
            TransferEncoding::Identity => State::Identity,
            TransferEncoding::QuotedPrintable => State::QuotedPrintable(Escape::None),
            TransferEncoding::Base64 => State::Base64 { bits: 0, count: 0 },
        };
        Self { state, decoded: Decoded::Whole }
    }

    /// Decodes the next bytes, and appends what is whole.
    pub(super) fn decode(&mut self, bytes: &[u8], output: &mut Vec<u8>) {
        match &mut self.state {
            State::Identity => output.extend_from_slice(bytes),
            State::QuotedPrintable(escape) => {
                for byte in bytes {
                    *escape = unescape(*escape, *byte, output, &mut self.decoded);
                }
            }
            State::Base64 { bits, count } => {
                for byte in bytes {
                    match sextet(*byte) {
                        Some(value) => {
                            *bits = *bits << 6 | value;
                            *count += 1;
                            if *count == 4 {
                                output.extend_from_slice(&bits.to_be_bytes()[1..]);
                                (*bits, *count) = (0, 0);
                            }
                        }
                        None if *byte == b'=' => {
                            end_group(*bits, *count, output, &mut self.decoded);
                            (*bits, *count) = (0, 0);
                        }
                        None if byte.is_ascii_whitespace() => {}
                        None => self.decoded = Decoded::Damaged,
                    }
                }
            }
        }
    }

    /// Ends the body, appends what is left, and tells whether all of it was well-formed.
    pub(super) fn finish(mut self, output: &mut Vec<u8>) -> Decoded {
        match self.state {
            State::Identity | State::QuotedPrintable(Escape::None | Escape::Equals) => {}
            State::QuotedPrintable(Escape::Return) => {}
            State::QuotedPrintable(Escape::Digit(digit)) => {
                output.extend_from_slice(&[b'=', digit]);
                self.decoded = Decoded::Damaged;
            }
            State::Base64 { bits, count } => {
                end_group(bits, count, output, &mut self.decoded);
            }
        }
        self.decoded
    }
}

/// Takes a byte of quoted-printable, and returns what is then read of an escape.
fn unescape(escape: Escape, byte: u8, output: &mut Vec<u8>, decoded: &mut Decoded) -> Escape {
    match (escape, byte) {
        (Escape::None, b'=') => return Escape::Equals,
        (Escape::None, _) => output.push(byte),
        (Escape::Equals | Escape::Return, b'\n') => {}
        (Escape::Equals, b'\r') => return Escape::Return,
        (Escape::Equals, b' ' | b'\t') => return Escape::Equals,
        (Escape::Equals, _) if byte.is_ascii_hexdigit() => return Escape::Digit(byte),
        (Escape::Digit(first), _) if byte.is_ascii_hexdigit() => {
            output.push(digit(first) << 4 | digit(byte));
        }
        (Escape::Equals | Escape::Return | Escape::Digit(_), _) => {
            *decoded = Decoded::Damaged;
            output.push(b'=');
            match escape {
                Escape::Digit(first) => output.push(first),
                Escape::Return => output.push(b'\r'),
                Escape::None | Escape::Equals => {}
            }
            return unescape(Escape::None, byte, output, decoded);
        }
    }
    Escape::None
}

/// The value of a hexadecimal digit.
fn digit(digit: u8) -> u8 {
    match digit {
        b'0'..=b'9' => digit - b'0',
        _ => digit.to_ascii_lowercase().wrapping_sub(b'a').wrapping_add(10),
    }
}

/// The value of a character of base64.
fn sextet(byte: u8) -> Option<u32> {
    let value = match byte {
        b'A'..=b'Z' => byte - b'A',
        b'a'..=b'z' => byte - b'a' + 26,
        b'0'..=b'9' => byte - b'0' + 52,
        b'+' => 62,
        b'/' => 63,
        _ => return None,
    };
    Some(value.into())
}

/// Appends the bytes of a group of base64 that is not whole.
fn end_group(bits: u32, count: u8, output: &mut Vec<u8>, decoded: &mut Decoded) {
    match count {
        0 => {}
        2 => output.extend((bits >> 4).to_be_bytes().last()),
        3 => output.extend_from_slice(&(bits >> 2).to_be_bytes()[2..]),
        _ => *decoded = Decoded::Damaged,
    }
}

#[cfg(test)]
mod tests {
    use base64::{Engine, engine::general_purpose::STANDARD};
    use proptest::prelude::*;

    use super::*;

    fn decode(encoding: TransferEncoding, bytes: &[u8], length: usize) -> (Vec<u8>, Decoded) {
        let (mut decoder, mut output) = (Decoder::new(encoding), Vec::new());
        bytes.chunks(length).for_each(|piece| decoder.decode(piece, &mut output));
        let decoded = decoder.finish(&mut output);
        (output, decoded)
    }

    proptest! {
        #[test]
        fn base64_is_decoded_whatever_the_pieces_and_lines(
            bytes in proptest::collection::vec(any::<u8>(), 0..200),
            (length, line) in (1..9_usize, 1..80_usize),
        ) {
            let encoded = STANDARD.encode(&bytes);
            let lines: Vec<_> = encoded.as_bytes().chunks(line).collect();
            let lines = lines.join(&b"\r\n"[..]);
            let whole = (bytes.clone(), Decoded::Whole);
            prop_assert_eq!(decode(TransferEncoding::Base64, &lines, length), whole.clone());
            let unpadded = encoded.trim_end_matches('=');
            prop_assert_eq!(decode(TransferEncoding::Base64, unpadded.as_bytes(), length), whole);
        }

        #[test]
        fn quoted_printable_is_decoded_whatever_the_pieces(
            bytes in proptest::collection::vec(any::<u8>(), 0..100), length in 1..9_usize,
        ) {
            let encoded: String = bytes.iter().map(|byte| format!("={byte:02X}=\r\n")).collect();
            let whole = (bytes, Decoded::Whole);
            prop_assert_eq!(
                decode(TransferEncoding::QuotedPrintable, encoded.as_bytes(), length), whole
            );
        }
    }

    #[test]
    fn what_is_broken_is_told_and_the_rest_decoded() {
        for (encoding, encoded, expected) in [
            (TransferEncoding::Base64, "QU-JD", "ABC"),
            (TransferEncoding::Base64, "QUJDR", "ABC"),
            (TransferEncoding::QuotedPrintable, "a=ZZb=", "a=ZZb"),
            (TransferEncoding::QuotedPrintable, "a=4", "a=4"),
            (TransferEncoding::QuotedPrintable, "a=4=41", "a=4A"),
            (TransferEncoding::QuotedPrintable, "a=\rb", "a=\rb"),
        ] {
            for length in 1..7 {
                let (output, decoded) = decode(encoding, encoded.as_bytes(), length);
                assert_eq!(output, expected.as_bytes(), "{encoded}");
                assert_eq!(decoded, Decoded::Damaged, "{encoded}");
            }
        }
        let joined = decode(TransferEncoding::Base64, b"QQ==\nQg==", 3);
        assert_eq!(joined, (b"AB".to_vec(), Decoded::Whole));
    }
}
