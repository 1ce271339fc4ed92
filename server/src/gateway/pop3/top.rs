//! Cuts a mail after its head and the first lines of its body, for TOP.

/// Passes a mail piece by piece, until the cut.
#[derive(Debug)]
pub(super) struct TopCut {
    place: Place,
    line: Line,
}

/// The part of the mail that the next byte belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    /// The head; this many lines of the body pass after it.
    Head { lines: u64 },
    /// The body, of which this many lines still pass.
    Body { lines: u64 },
}

/// Whether the present line has characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Line {
    /// The line has none so far.
    Empty,
    /// The line has a character.
    Filled,
}

impl TopCut {
    /// A cut after this many lines of the body.
    pub(super) fn after(lines: u64) -> Self {
        Self { place: Place::Head { lines }, line: Line::Empty }
    }

    /// The part of this piece that is before the cut.
    pub(super) fn pass<'a>(&mut self, piece: &'a [u8]) -> &'a [u8] {
        for (at, byte) in piece.iter().enumerate() {
            if self.is_over() {
                return piece.get(..at).unwrap_or_default();
            }
            match (*byte, self.line, self.place) {
                (b'\n', Line::Empty, Place::Head { lines }) => self.place = Place::Body { lines },
                (b'\n', _, Place::Body { lines }) => {
                    self.place = Place::Body { lines: lines.saturating_sub(1) };
                }
                _ => {}
            }
            self.line = match (*byte, self.line) {
                (b'\n', _) => Line::Empty,
                (b'\r', line) => line,
                _ => Line::Filled,
            };
        }
        piece
    }

    /// Whether the cut is reached: no further byte passes.
    pub(super) fn is_over(&self) -> bool {
        self.place == Place::Body { lines: 0 }
    }
}
