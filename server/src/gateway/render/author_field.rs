//! Renames the fields of a message's head in which programs look for its author.
//!
//! The renamer reads no lines, as [`rfc5322::fields`](fields) does: a head may be longer than a
//! session holds, and of a line the renamer holds a name.

use correio_proto::rfc5322::fields;

/// The names of the fields, in lower case, and their new names, which are as long, so that the
/// number of octets stays the same. Programs show `Sender` and the `Resent-` fields beside the
/// author, or in place of it.
const FIELDS: [(&[u8], &[u8]); 4] = [
    (b"from", b"X-By"),
    (b"sender", b"X-Sent"),
    (b"resent-from", b"X-Resent-By"),
    (b"resent-sender", b"X-Resent-Sent"),
];

/// Whether a head, all of whose lines belong to fields, has a field besides `From` in which
/// programs look for the author.
pub(super) fn has_sender(head: &[u8]) -> bool {
    fields(head).any(|field| !field.is("From") && renamed(field.name.as_bytes()).is_some())
}

/// The field of this name, in any case.
fn renamed(name: &[u8]) -> Option<&(&'static [u8], &'static [u8])> {
    FIELDS.iter().find(|(field, _)| field.eq_ignore_ascii_case(name))
}

/// Copies a message piece by piece, and renames the fields of its head that name an author. Each
/// line of the message, also the last, must end with CR LF.
#[derive(Debug, Default)]
pub(super) struct AuthorRenamer {
    place: Place,
    /// Bytes at the start of a line that may be the start of one of the names; not written yet.
    held: Vec<u8>,
}

/// The part of the message that the next byte belongs to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Place {
    /// A line of the head that may be one of the fields.
    #[default]
    LineStart,
    /// A line of the head that is none of the fields, or whose name is written.
    Line,
    /// The body.
    Body,
}

impl AuthorRenamer {
    /// Appends the copy of a piece. The first bytes of a line may wait for the next piece.
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
        let may_follow = |(field, _): &(&[u8], &[u8])| {
            let start = field.get(..self.held.len());
            start.is_some_and(|start| start.eq_ignore_ascii_case(&self.held))
                && field.get(self.held.len()).is_some_and(|next| next.eq_ignore_ascii_case(&byte))
        };
        if FIELDS.iter().any(may_follow) {
            self.held.push(byte);
            return;
        }
        self.place = match (byte, self.held.is_empty()) {
            (b'\r', true) => Place::Body,
            _ => Place::Line,
        };
        // Old programs wrote spaces before the colon, and programs still read them.
        let ends_name = matches!(byte, b':' | b' ' | b'\t' | 0x0b | 0x0c);
        match renamed(&self.held).filter(|_| ends_name) {
            Some((_, new)) => {
                output.extend_from_slice(new);
                self.held.clear();
            }
            None => output.append(&mut self.held),
        }
        output.push(byte);
    }
}
