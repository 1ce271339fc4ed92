//! Makes every line end of a content CR LF, which mail requires.

/// The treatment of NUL bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Nuls {
    /// NULs stay, since an encoding follows.
    Kept,
    /// NULs are left out: RFC 5322 permits none, and programs written in C end a line or a mail at
    /// one.
    Dropped,
}

/// Copies a content piece by piece, and replaces a bare LF and a bare CR by CR LF. Mail programs
/// that give a bare CR a meaning end a line at it.
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
    /// A maker at the start of a content.
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

    /// Ends the last line, if it has no end.
    pub(super) fn finish(self, output: &mut Vec<u8>) {
        if self.last == Last::Other {
            output.extend_from_slice(b"\r\n");
        }
    }

    /// The index of the next byte that is not copied as it is.
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
