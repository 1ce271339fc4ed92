//! Cuts the input into lines of commands, which end with CR LF.

/// Longest line, in bytes with its end. The standard requires 512; a name and an app password in
/// base64 may need more.
pub(super) const LINE_MAX: usize = 2048;

/// The line at the start of the input.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Line<'a> {
    /// The line is not complete.
    Missing,
    /// The line ends with CR LF.
    Complete {
        /// The line without its end.
        text: &'a [u8],
        /// Bytes of the line with its end.
        consumed: usize,
    },
    /// The line ends with LF alone.
    BareEnd {
        /// Bytes of the line with its end.
        consumed: usize,
    },
    /// The line is longer than [`LINE_MAX`], and its end may not have arrived.
    TooLong {
        /// Bytes of the line to consume now; [`skip`] takes the rest.
        consumed: usize,
    },
}

/// Whether [`read`] finds more than [`Line::Missing`].
pub(super) fn is_complete(input: &[u8]) -> bool {
    read(input) != Line::Missing
}

/// Reads the line at the start of the input.
pub(super) fn read(input: &[u8]) -> Line<'_> {
    let start = input.get(..LINE_MAX).unwrap_or(input);
    match memchr::memchr(b'\n', start) {
        Some(end) => {
            let consumed = end + 1;
            match start.get(..end).and_then(|line| line.strip_suffix(b"\r")) {
                Some(text) => Line::Complete { text, consumed },
                None => Line::BareEnd { consumed },
            }
        }
        None if start.len() == LINE_MAX => Line::TooLong { consumed: LINE_MAX },
        None => Line::Missing,
    }
}

/// Bytes of the input that belong to an overlong line, and whether the line has ended.
pub(super) fn skip(input: &[u8]) -> (usize, bool) {
    match memchr::memchr(b'\n', input) {
        Some(end) => (end + 1, true),
        None => (input.len(), false),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_ends_with_both_characters_and_has_a_limit() {
        assert_eq!(read(b""), Line::Missing);
        assert_eq!(read(b"NOOP\r"), Line::Missing);
        assert_eq!(read(b"NOOP\r\nQUIT\r\n"), Line::Complete { text: b"NOOP", consumed: 6 });
        assert_eq!(read(b"NOOP\nQUIT\r\n"), Line::BareEnd { consumed: 5 });
        let longest = [vec![b'x'; LINE_MAX - 2], b"\r\n".to_vec()].concat();
        assert!(matches!(read(&longest), Line::Complete { consumed: LINE_MAX, .. }));
        assert_eq!(read(&vec![b'x'; LINE_MAX - 1]), Line::Missing);
        let long = [vec![b'x'; LINE_MAX], b"\r\nQUIT".to_vec()].concat();
        assert_eq!(read(&long), Line::TooLong { consumed: LINE_MAX });
        assert_eq!(skip(&long[LINE_MAX..]), (2, true));
        assert_eq!(skip(b"xxx"), (3, false));
    }
}
