//! Cuts a mail after its head and the first lines of its body, for TOP.

/// Passes a mail on, piece by piece, until the cut.
#[derive(Debug)]
pub(super) struct TopCut {
    place: Place,
    line: Line,
}

/// Where the next byte is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    /// In the head; so many lines of the body follow it.
    Head { lines: u64 },
    /// In the body, of which so many lines are left.
    Body { lines: u64 },
}

/// What the present line has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Line {
    /// Nothing but its end, so far.
    Empty,
    /// A character.
    Filled,
}

impl TopCut {
    /// A cut after so many lines of the body.
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

    /// Whether the cut is reached: nothing passes any more.
    pub(super) fn is_over(&self) -> bool {
        self.place == Place::Body { lines: 0 }
    }
}
