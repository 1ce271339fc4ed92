//! Dot-stuffing of a mail in a multi-line reply (RFC 1939, section 3).

/// A line that begins with a dot gets a second dot, since a line of a single dot ends the reply.
const DOT: u8 = b'.';

/// Stuffs a mail piece by piece. Each line of the mail, also the last, must end with CR LF.
#[derive(Debug)]
pub struct Stuffer {
    place: Place,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    LineStart,
    Line,
}

impl Default for Stuffer {
    fn default() -> Self {
        Self { place: Place::LineStart }
    }
}

impl Stuffer {
    /// A stuffer at the start of a mail.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Appends the next piece, stuffed.
    pub fn stuff(&mut self, piece: &[u8], output: &mut Vec<u8>) {
        output.reserve(piece.len());
        for line in piece.split_inclusive(|byte| *byte == b'\n') {
            if self.place == Place::LineStart && line.first() == Some(&DOT) {
                output.push(DOT);
            }
            output.extend_from_slice(line);
            self.place = match line.last() {
                Some(b'\n') => Place::LineStart,
                _ => Place::Line,
            };
        }
    }

    /// Appends the line that ends the reply.
    pub fn finish(self, output: &mut Vec<u8>) {
        output.extend_from_slice(b".\r\n");
    }
}
