//! Reads the head of a message: its lines, its fields with their folded lines, and its end.
//!
//! Lines end with LF or CR LF. How strict a head must be is the reader's decision: a line that
//! begins a field says whether blanks stand before its colon, and every line is handed on as it is.

/// Most bytes of a message's head that are read. Programs send a tenth of it for a hundred
/// recipients.
pub const MESSAGE_HEAD_MAX: usize = 64 * 1024;

/// What a line is in a head.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HeadLine<'a> {
    /// The empty line that ends a head.
    Empty,
    /// A line that continues the field before it: it begins with a space or a tab.
    Folded,
    /// The first line of a field.
    Field {
        /// The field's name: printable ASCII without spaces.
        name: &'a str,
        /// What stands between the name and the colon.
        gap: Gap,
    },
    /// Any other line: programs take the head for ended before it.
    Other,
}

/// What stands between a field's name and its colon.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Gap {
    /// Nothing.
    Empty,
    /// White space, as old programs write it.
    Blank,
}

impl<'a> HeadLine<'a> {
    /// Reads a line, with its end or without it.
    #[must_use]
    pub fn of(line: &'a [u8]) -> Self {
        let text = text_of(line);
        match text.first() {
            None => return Self::Empty,
            Some(b' ' | b'\t') => return Self::Folded,
            Some(_) => {}
        }
        let Some((before, _)) = split_colon(text) else {
            return Self::Other;
        };
        let name = before.trim_ascii_end();
        let gap = if name.len() == before.len() { Gap::Empty } else { Gap::Blank };
        match str::from_utf8(name) {
            Ok(name) if !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_graphic()) => {
                Self::Field { name, gap }
            }
            Ok(_) | Err(_) => Self::Other,
        }
    }
}

/// A line without its end.
fn text_of(line: &[u8]) -> &[u8] {
    let text = line.strip_suffix(b"\n").unwrap_or(line);
    text.strip_suffix(b"\r").unwrap_or(text)
}

/// What stands before and after the first colon.
fn split_colon(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let colon = text.iter().position(|byte| *byte == b':')?;
    let (before, after) = text.split_at(colon);
    Some((before, after.get(1..)?))
}

/// The end of a head.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HeadEnd {
    /// Bytes of the fields.
    pub fields: usize,
    /// Position of the body. An empty line may stand between: where a line follows that is no
    /// field, the head ends without it.
    pub body: usize,
}

/// Looks for the end of a head in the first bytes of a message. `scanned` is 0 at first, and keeps
/// the place for when there are more bytes: the start of the first line that is not complete.
#[must_use]
pub fn find_head_end(message: &[u8], scanned: &mut usize) -> Option<HeadEnd> {
    loop {
        let rest = message.get(*scanned..).unwrap_or_default();
        let length = rest.iter().position(|byte| *byte == b'\n')? + 1;
        let body = match HeadLine::of(rest.get(..length).unwrap_or_default()) {
            HeadLine::Empty => *scanned + length,
            HeadLine::Folded if *scanned == 0 => 0,
            HeadLine::Other => *scanned,
            HeadLine::Folded | HeadLine::Field { .. } => {
                *scanned += length;
                continue;
            }
        };
        return Some(HeadEnd { fields: *scanned, body });
    }
}

/// A field with its folded lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Field<'a> {
    /// The name, as [`HeadLine::Field`] has it.
    pub name: &'a str,
    /// What stands between the name and the colon.
    pub gap: Gap,
    /// The lines with their ends.
    pub lines: &'a [u8],
}

impl Field<'_> {
    /// Whether the field has this name, in any case.
    #[must_use]
    pub fn is(&self, name: &str) -> bool {
        self.name.eq_ignore_ascii_case(name)
    }

    /// The value, unfolded: the bytes after the colon, without those of line ends.
    #[must_use]
    pub fn value(&self) -> Vec<u8> {
        let (_, value) = split_colon(self.lines).unwrap_or_default();
        value.iter().copied().filter(|byte| !b"\r\n".contains(byte)).collect()
    }

    /// The value as text, for addresses and dates, which are ASCII.
    #[must_use]
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.value()).into_owned()
    }
}

/// Bytes of the folded lines at the start.
pub(super) fn folded(bytes: &[u8]) -> usize {
    let lines = bytes.split_inclusive(|byte| *byte == b'\n');
    lines.take_while(|line| HeadLine::of(line) == HeadLine::Folded).map(<[u8]>::len).sum()
}

/// The fields at the start of a head, up to the first line that is none of a field. Folded lines
/// before the first field continue one that stands before the head, and are skipped.
pub fn fields(head: &[u8]) -> impl Iterator<Item = Field<'_>> {
    let mut rest = head.get(folded(head)..).unwrap_or_default();
    std::iter::from_fn(move || {
        let first = rest.split_inclusive(|byte| *byte == b'\n').next()?;
        let HeadLine::Field { name, gap } = HeadLine::of(first) else {
            return None;
        };
        let after_first = rest.get(first.len()..).unwrap_or_default();
        let (lines, after) = rest.split_at_checked(first.len() + folded(after_first))?;
        rest = after;
        Some(Field { name, gap, lines })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_known_by_its_first_bytes_and_its_colon() {
        let field = |name, gap| HeadLine::Field { name, gap };
        let cases: [(&[u8], HeadLine<'_>); 13] = [
            (b"\r\n", HeadLine::Empty),
            (b"\n", HeadLine::Empty),
            (b"", HeadLine::Empty),
            (b"From: tony\r\n", field("From", Gap::Empty)),
            (b"From:\n", field("From", Gap::Empty)),
            (b"X-A::b", field("X-A", Gap::Empty)),
            (b"From \t: tony\r\n", field("From", Gap::Blank)),
            (b" From: tony\r\n", HeadLine::Folded),
            (b"\t\r\n", HeadLine::Folded),
            (b"From tony: now\r\n", HeadLine::Other),
            (b": tony\r\n", HeadLine::Other),
            (b"\r\r\n", HeadLine::Other),
            (b"caf\xe9: x\r\n", HeadLine::Other),
        ];
        for (line, expected) in cases {
            assert_eq!(HeadLine::of(line), expected, "{:?}", line.escape_ascii());
        }
    }

    #[test]
    fn a_head_ends_at_an_empty_line_or_at_a_line_that_is_no_field() {
        let cases = [
            ("From: tony\r\n\r\nbody", Some((12, 14))),
            ("From: tony\n\nbody", Some((11, 12))),
            ("\r\nbody", Some((0, 2))),
            ("From: tony\r\nTo: a,\r\n\tb\r\n\r\n", Some((24, 26))),
            ("From: tony\r\nbody text\r\n", Some((12, 12))),
            ("From tony Mon\r\nFrom: tony\r\n\r\n", Some((0, 0))),
            (" folded\r\nFrom: tony\r\n\r\n", Some((0, 0))),
            ("From: tony\r\n: x\r\n", Some((12, 12))),
            ("From: tony\r\n", None),
            ("From: tony\r\nbody", None),
            ("From: tony\r\n\r", None),
            ("", None),
        ];
        for (message, expected) in cases {
            let expected = expected.map(|(fields, body)| HeadEnd { fields, body });
            assert_eq!(find_head_end(message.as_bytes(), &mut 0), expected, "{message:?}");
            // As it comes, byte by byte.
            let mut scanned = 0;
            let mut starts = (0..=message.len()).map(|end| &message.as_bytes()[..end]);
            let found = starts.find_map(|start| find_head_end(start, &mut scanned));
            assert_eq!(found, expected, "{message:?}");
        }
    }

    #[test]
    fn fields_are_unfolded_and_end_where_the_head_does() {
        let head =
            b"From: tony\r\nTo: steve,\r\n pepper,\r\n\tbruce\r\nX : y\nZ:\r\n\r\nA: body\r\n";
        let found: Vec<_> = fields(head).map(|field| (field.name, field.text())).collect();
        let expected =
            [("From", " tony"), ("To", " steve, pepper,\tbruce"), ("X", " y"), ("Z", "")];
        assert_eq!(found, expected.map(|(name, text)| (name, text.to_owned())));
        assert_eq!(fields(head).map(|field| field.lines.len()).sum::<usize>(), head.len() - 11);
        assert_eq!(fields(b" x\r\n\ty\r\nFrom: tony\r\n").next(), fields(b"From: tony\r\n").next());
        for none in [&b""[..], b"\r\n", b" folded\r\n\r\nFrom: tony\r\n", b"text\r\n"] {
            assert_eq!(fields(none).next(), None, "{:?}", none.escape_ascii());
        }
    }
}
