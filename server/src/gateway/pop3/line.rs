//! Cuts the input into lines, which end with CR LF or LF.

/// Longest line of a command, in bytes with its end (RFC 2449, section 4).
pub(super) const COMMAND_MAX: usize = 255;

/// Longest line of a program's answer to a challenge, in bytes with its end: the longest message of
/// PLAIN (RFC 4616) in base64.
pub(super) const ANSWER_MAX: usize = 1026;

/// Bytes of an overlong line that are skipped before the connection closes.
const SKIPPED_MAX: usize = 16 * 1024;

/// Reads lines, and skips lines that are too long.
#[derive(Debug, Default)]
pub(super) struct LineReader {
    /// Bytes of the present line that were skipped; 0 while no line is being skipped.
    skipped: usize,
}

/// The beginning of the input.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Line<'a> {
    /// A part of a line: the rest has not arrived.
    Partial,
    /// A line, without its end.
    Whole(&'a [u8]),
    /// The end of a line that is too long.
    TooLong,
    /// A line that goes on after [`SKIPPED_MAX`] skipped bytes.
    Endless,
}

impl LineReader {
    /// Whether [`LineReader::take`] would consume something.
    pub(super) fn has_line(&self, input: &[u8], max: usize) -> bool {
        let is_skipping = self.skipped > 0 && !input.is_empty();
        is_skipping || input.len() >= max || memchr::memchr(b'\n', input).is_some()
    }

    /// Takes a line of at most `max` bytes with its end, or skips a part of a longer line. Returns
    /// what the input begins with, and the bytes to consume.
    pub(super) fn take<'a>(&mut self, input: &'a [u8], max: usize) -> (Line<'a>, usize) {
        let Some(end) = memchr::memchr(b'\n', input) else {
            if input.len() < max && self.skipped == 0 {
                return (Line::Partial, 0);
            }
            self.skipped = self.skipped.saturating_add(input.len());
            let is_endless = self.skipped > SKIPPED_MAX;
            return (if is_endless { Line::Endless } else { Line::Partial }, input.len());
        };
        let was_skipped = std::mem::take(&mut self.skipped) > 0;
        let consumed = end.saturating_add(1);
        if was_skipped || consumed > max {
            return (Line::TooLong, consumed);
        }
        let line = input.get(..end).unwrap_or_default();
        (Line::Whole(line.strip_suffix(b"\r").unwrap_or(line)), consumed)
    }
}
