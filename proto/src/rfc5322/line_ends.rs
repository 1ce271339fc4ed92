//! Exchanges the line ends of a message in the file of its mail.
//!
//! The fields before the message end with LF, as the lines of files on Unix do. A program that
//! finds CR LF after them, such as mutt, shows the CR. So in the file of a message whose lines end
//! with CR LF, LF stands for CR LF, and CR LF for LF: the exchange loses no byte, and undoes
//! itself.

/// Value of the field that states exchanged line ends.
const CRLF: &str = "crlf";

/// Whether the line ends of a message are exchanged in its file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum LineEnds {
    /// The message's bytes are in the file as they are.
    Kept,
    /// LF and CR LF are exchanged.
    Exchanged,
}

impl LineEnds {
    /// The line ends for the file of a message that begins with these bytes.
    pub(super) fn of(start: &[u8]) -> Self {
        let mut ends = 0;
        let mut before = 0;
        for byte in start {
            match (before, *byte) {
                (b'\r', b'\n') => ends += 1,
                // Lines with different ends, and bytes that are not text, stay as they are.
                (b'\r', _) | (_, b'\n') => return Self::Kept,
                _ => {}
            }
            before = *byte;
        }
        match ends {
            0 => Self::Kept,
            _ => Self::Exchanged,
        }
    }

    /// The value of the field that states these line ends; `None` if no field states them.
    pub(super) fn stated(self) -> Option<&'static str> {
        match self {
            Self::Kept => None,
            Self::Exchanged => Some(CRLF),
        }
    }

    /// The line ends that a value of the field states; `None` if the value is unknown.
    pub(super) fn parse(stated: &str) -> Option<Self> {
        (stated == CRLF).then_some(Self::Exchanged)
    }
}

/// Copies the bytes of a message piece by piece, between the message and its file.
#[derive(Clone, Debug)]
pub(super) struct LineEndCopier {
    line_ends: LineEnds,
    run: Run,
}

/// The CRs at the end of the bytes so far.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Run {
    Empty,
    /// One CR, which is not copied yet.
    Held,
    /// Two or more, which are copied.
    Copied,
}

impl LineEndCopier {
    /// A copier at the start of a message.
    pub(super) fn new(line_ends: LineEnds) -> Self {
        Self { line_ends, run: Run::Empty }
    }

    /// Appends the copy of a piece. A CR at its end may wait for the next piece.
    pub(super) fn copy(&mut self, mut piece: &[u8], output: &mut Vec<u8>) {
        if self.line_ends == LineEnds::Kept {
            output.extend_from_slice(piece);
            return;
        }
        output.reserve(piece.len());
        while let Some(at) = piece.iter().position(|byte| matches!(byte, b'\r' | b'\n')) {
            let (text, rest) = piece.split_at(at);
            self.text(text, output);
            let (end, rest) = rest.split_at(1);
            match (end, self.run) {
                (b"\r", Run::Empty) => self.run = Run::Held,
                (b"\r", Run::Held) => {
                    output.extend_from_slice(b"\r\r");
                    self.run = Run::Copied;
                }
                (b"\r", Run::Copied) => output.push(b'\r'),
                (_, Run::Empty) => output.extend_from_slice(b"\r\n"),
                (_, Run::Held | Run::Copied) => {
                    output.push(b'\n');
                    self.run = Run::Empty;
                }
            }
            piece = rest;
        }
        self.text(piece, output);
    }

    /// Appends bytes without CR and LF.
    fn text(&mut self, text: &[u8], output: &mut Vec<u8>) {
        if !text.is_empty() {
            self.finish(output);
            output.extend_from_slice(text);
        }
    }

    /// Appends a CR that waits: the message has ended, or the CR does not end a line.
    pub(super) fn finish(&mut self, output: &mut Vec<u8>) {
        if self.run == Run::Held {
            output.push(b'\r');
        }
        self.run = Run::Empty;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn exchanged(pieces: &[&[u8]]) -> Vec<u8> {
        let (mut copier, mut output) = (LineEndCopier::new(LineEnds::Exchanged), Vec::new());
        pieces.iter().for_each(|piece| copier.copy(piece, &mut output));
        copier.finish(&mut output);
        output
    }

    #[test]
    fn lf_stands_for_cr_lf_and_other_crs_stay() {
        for (bytes, copy) in [
            (&b"a\r\nb\r\n"[..], &b"a\nb\n"[..]),
            (b"a\nb\r\n", b"a\r\nb\n"),
            (b"\r\r\n\r", b"\r\r\n\r"),
            (b"\r\n\r\n\n", b"\n\n\r\n"),
            (b"a\rb\r\r", b"a\rb\r\r"),
        ] {
            assert_eq!(exchanged(&[bytes]), copy, "{}", bytes.escape_ascii());
            assert_eq!(exchanged(&[copy]), bytes, "{}", copy.escape_ascii());
        }
    }

    #[test]
    fn lines_that_all_end_with_cr_lf_are_exchanged_and_others_kept() {
        for bytes in [&b"a: b\r\n\r\nc"[..], b"\r\n", b"a\r\nb\r"] {
            assert_eq!(LineEnds::of(bytes), LineEnds::Exchanged, "{}", bytes.escape_ascii());
        }
        for bytes in [&b"a: b\n\nc"[..], b"", b"a", b"a\r\nb\n", b"a\rb\r\n", b"\r\r\n", b"\n\r\n"]
        {
            assert_eq!(LineEnds::of(bytes), LineEnds::Kept, "{}", bytes.escape_ascii());
        }
    }

    proptest! {
        #[test]
        fn the_exchange_undoes_itself_whatever_the_pieces(
            pieces in prop::collection::vec("[\r\nab]{0,9}".prop_map(String::into_bytes), 0..9),
            length in 1..5_usize,
        ) {
            let whole = pieces.concat();
            let parts: Vec<&[u8]> = pieces.iter().map(Vec::as_slice).collect();
            let copy = exchanged(&parts);
            prop_assert_eq!(&copy, &exchanged(&[&whole]));
            let parts: Vec<&[u8]> = copy.chunks(length).collect();
            prop_assert_eq!(exchanged(&parts), whole);
        }
    }
}
