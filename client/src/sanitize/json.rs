//! Writes JSON for a terminal.

use std::io::{self, Write};

use serde_json::Value;

use super::harmless::is_harmless;

/// Writes a JSON document for a terminal: characters that [`super::sanitize`] would replace become
/// JSON escapes, which a parser reads as the same characters. The document is not in memory a
/// second time.
///
/// # Errors
///
/// Errors of the writer.
pub fn write_sanitized_json(json: &Value, out: &mut impl Write) -> io::Result<()> {
    Ok(serde_json::to_writer(Escaping { out }, json)?)
}

/// As [`write_sanitized_json`], in memory.
#[must_use]
pub fn sanitize_json(json: &Value) -> String {
    let mut out = Vec::new();
    // Writing to memory cannot fail, and what is written is UTF-8.
    let _ = write_sanitized_json(json, &mut out);
    String::from_utf8(out).unwrap_or_default()
}

/// Escapes what a terminal would obey. Takes whole characters, as serde_json hands them over.
struct Escaping<'a, W> {
    out: &'a mut W,
}

impl<W: Write> Write for Escaping<'_, W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut text = std::str::from_utf8(bytes).map_err(io::Error::other)?;
        while !text.is_empty() {
            let end = text.find(|c| !is_harmless(c)).unwrap_or(text.len());
            let (harmless, rest) = text.split_at_checked(end).unwrap_or_default();
            self.out.write_all(harmless.as_bytes())?;
            let mut rest = rest.chars();
            if let Some(c) = rest.next() {
                for unit in c.encode_utf16(&mut [0; 2]) {
                    write!(self.out, "\\u{unit:04x}")?;
                }
            }
            text = rest.as_str();
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}
