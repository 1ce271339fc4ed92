//! Base64 in lines of 76 characters (RFC 2045).

use base64::{Engine, engine::general_purpose::STANDARD};

/// Longest line, in characters without its end.
const LINE_MAX: usize = 76;

/// Bytes that a whole line encodes.
const LINE_BYTES: usize = LINE_MAX / 4 * 3;

/// Encodes bytes piece by piece.
#[derive(Debug, Default)]
pub(super) struct Base64Lines {
    /// Bytes of the line that is not complete: fewer than [`LINE_BYTES`].
    line: Vec<u8>,
}

impl Base64Lines {
    /// The octets of this many bytes in base64, with line ends.
    pub(super) fn octets(bytes: u64) -> u64 {
        let characters = bytes.div_ceil(3).saturating_mul(4);
        characters.saturating_add(bytes.div_ceil(LINE_BYTES as u64).saturating_mul(2))
    }

    /// Appends the whole lines that a piece completes.
    pub(super) fn encode(&mut self, piece: &[u8], output: &mut Vec<u8>) {
        output.reserve(piece.len() / LINE_BYTES * (LINE_MAX + 2) + LINE_MAX + 2);
        let missing = LINE_BYTES.saturating_sub(self.line.len());
        let (first, rest) = piece.split_at_checked(missing).unwrap_or((piece, &[]));
        self.line.extend_from_slice(first);
        if self.line.len() < LINE_BYTES {
            return;
        }
        encode_line(&self.line, output);
        self.line.clear();
        let lines = rest.chunks_exact(LINE_BYTES);
        self.line.extend_from_slice(lines.remainder());
        lines.for_each(|whole| encode_line(whole, output));
    }

    /// Appends the last line, if there is one.
    pub(super) fn finish(self, output: &mut Vec<u8>) {
        if !self.line.is_empty() {
            encode_line(&self.line, output);
        }
    }
}

fn encode_line(line: &[u8], output: &mut Vec<u8>) {
    let mut encoded = [0; LINE_MAX];
    let length = STANDARD.encode_slice(line, &mut encoded).unwrap_or_default();
    output.extend_from_slice(encoded.get(..length).unwrap_or_default());
    output.extend_from_slice(b"\r\n");
}
