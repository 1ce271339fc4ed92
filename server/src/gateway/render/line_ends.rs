//! Makes every line end of a content CR LF, as mail must have it.

/// What becomes of NUL bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Nuls {
    /// They stay: an encoding follows.
    Kept,
    /// They are left out. RFC 5322 has no NUL, and programs written in C end a line or a mail
    /// there.
    Dropped,
}

/// Copies a content piece by piece, and replaces LF without CR, and CR without LF, by CR LF. A CR
/// alone ends a line in mail programs, if it has any meaning to them.
#[derive(Clone, Debug)]
pub(super) struct LineEndMaker {
    nuls: Nuls,
    last: Last,
}

/// The last byte of the content so far.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Last {
    /// A CR, for which CR LF was written.
    Cr,
    /// An LF.
    Lf,
    /// Another byte, or nothing yet.
    Other,
}

impl LineEndMaker {
    /// A copier at the start of a content.
    pub(super) fn new(nuls: Nuls) -> Self {
        Self { nuls, last: Last::Other }
    }

    /// Appends the copy of a piece.
    pub(super) fn make(&mut self, mut piece: &[u8], output: &mut Vec<u8>) {
        output.reserve(piece.len());
        while let Some(at) = self.special(piece) {
            let (text, rest) = piece.split_at_checked(at).unwrap_or((piece, &[]));
            self.text(text, output);
            let Some((byte, rest)) = rest.split_first() else {
                break;
            };
            match byte {
                b'\r' => {
                    output.extend_from_slice(b"\r\n");
                    self.last = Last::Cr;
                }
                b'\n' => {
                    if self.last != Last::Cr {
                        output.extend_from_slice(b"\r\n");
                    }
                    self.last = Last::Lf;
                }
                _ => self.last = Last::Other,
            }
            piece = rest;
        }
        self.text(piece, output);
    }

    /// Ends the last line, if it is not ended.
    pub(super) fn finish(self, output: &mut Vec<u8>) {
        if self.last == Last::Other {
            output.extend_from_slice(b"\r\n");
        }
    }

    /// The place of the next byte that is not copied as it is.
    fn special(&self, piece: &[u8]) -> Option<usize> {
        match self.nuls {
            Nuls::Dropped => memchr::memchr3(b'\r', b'\n', 0, piece),
            Nuls::Kept => memchr::memchr2(b'\r', b'\n', piece),
        }
    }

    fn text(&mut self, text: &[u8], output: &mut Vec<u8>) {
        if !text.is_empty() {
            output.extend_from_slice(text);
            self.last = Last::Other;
        }
    }
}
