//! Renames the fields `From` of a message's head.

/// The name of the field.
const FROM: &[u8] = b"from";

/// The name that it gets: as long as the old one, so that the octets stay the same.
const RENAMED: &[u8] = b"X-By";

/// Copies a message piece by piece, and renames the fields `From` of its head. All lines end with
/// CR LF, the last one too.
#[derive(Debug, Default)]
pub(super) struct AuthorRenamer {
    place: Place,
    /// Bytes at the start of a line that may be the name: at most [`FROM`]'s length, not written
    /// yet.
    held: Vec<u8>,
}

/// Where the next byte is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Place {
    /// In a line of the head that may be the field.
    #[default]
    LineStart,
    /// In a line of the head that is not, or whose name is written.
    Line,
    /// After the head.
    Body,
}

impl AuthorRenamer {
    /// Appends the copy of a piece. A line's first bytes may wait for the next piece.
    pub(super) fn copy(&mut self, piece: &[u8], output: &mut Vec<u8>) {
        output.reserve(piece.len());
        for (at, byte) in piece.iter().enumerate() {
            match self.place {
                Place::Body => {
                    output.extend_from_slice(piece.get(at..).unwrap_or_default());
                    return;
                }
                Place::LineStart => self.begin_line(*byte, output),
                Place::Line => output.push(*byte),
            }
            if *byte == b'\n' {
                self.place = Place::LineStart;
            }
        }
    }

    fn begin_line(&mut self, byte: u8, output: &mut Vec<u8>) {
        let expected = FROM.get(self.held.len());
        if expected.is_some_and(|expected| byte.eq_ignore_ascii_case(expected)) {
            self.held.push(byte);
            return;
        }
        self.place = match (byte, self.held.is_empty()) {
            (b'\r', true) => Place::Body,
            _ => Place::Line,
        };
        // Old programs wrote spaces before the colon, and programs still read them.
        match expected.is_none() && matches!(byte, b':' | b' ' | b'\t') {
            true => {
                output.extend_from_slice(RENAMED);
                self.held.clear();
            }
            false => output.append(&mut self.held),
        }
        output.push(byte);
    }
}
