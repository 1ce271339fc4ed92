//! Encodes any text as the ASCII of a mail file, and decodes it to the same bytes: encoded words
//! (RFC 2047) in heads, quoted-printable or base64 (RFC 2045) in bodies.
//!
//! The decoder reads only what this encoder writes, and refuses everything else.

use base64::{Engine, engine::general_purpose::STANDARD};

/// Longest line of a body, without its end (RFC 2045).
pub(super) const LINE_MAX: usize = 76;

/// Bytes of text in one encoded word. In base64, with the word's delimiters and the longest name of
/// a field before them, they fill at most the 76 characters that RFC 2047 permits for a line.
const WORD_BYTES: usize = 30;

const WORD_START: &str = "=?utf-8?B?";
const WORD_END: &str = "?=";

/// How a body is encoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum BodyEncoding {
    /// Quoted-printable, which keeps text of Latin letters readable.
    QuotedPrintable,
    /// Base64, for text that quoted-printable would make three times as long.
    Base64,
}

impl BodyEncoding {
    /// Chooses the encoding for a body.
    pub(super) fn best(body: &str) -> Self {
        let plain = |byte: &&u8| matches!(byte, b' '..=b'~' | b'\n' | b'\t') && **byte != b'=';
        let quoted = body.len() - body.as_bytes().iter().filter(plain).count();
        // If a quarter of the bytes is quoted, quoted-printable makes the text longer by a half,
        // and base64 by a third: the difference is the price of a readable text.
        if quoted * 4 <= body.len() { Self::QuotedPrintable } else { Self::Base64 }
    }

    /// The encoding's name in a head.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::QuotedPrintable => "quoted-printable",
            Self::Base64 => "base64",
        }
    }

    /// The encoding with this name in a head.
    pub(super) fn named(name: &str) -> Option<Self> {
        [Self::QuotedPrintable, Self::Base64]
            .into_iter()
            .find(|encoding| encoding.name().eq_ignore_ascii_case(name))
    }

    /// Appends a body in lines that all end with LF.
    pub(super) fn encode(self, body: &str, output: &mut Vec<u8>) {
        match self {
            Self::QuotedPrintable => encode_quoted_printable(body.as_bytes(), output),
            Self::Base64 => encode_base64(body.as_bytes(), output),
        }
    }

    /// Decodes a body.
    pub(super) fn decode(self, encoded: &[u8]) -> Option<Vec<u8>> {
        match self {
            Self::QuotedPrintable => decode_quoted_printable(encoded),
            Self::Base64 => {
                let mut compact = encoded.to_vec();
                compact.retain(|byte| !byte.is_ascii_whitespace());
                STANDARD.decode(compact).ok()
            }
        }
    }
}

/// Encodes a text of one line for a head: unchanged if every program reads it alike, otherwise as
/// encoded words on lines of their own. Lines end with LF, and a further line begins with a space.
#[must_use]
pub fn header_text(text: &str) -> String {
    let plain = text.bytes().all(|byte| matches!(byte, b' '..=b'~')) && !text.contains("=?");
    if plain {
        return text.to_owned();
    }
    let words: Vec<String> = chunks(text)
        .map(|chunk| format!("{WORD_START}{}{WORD_END}", STANDARD.encode(chunk)))
        .collect();
    words.join("\n ")
}

/// Cuts a text between characters, into chunks that each fit into an encoded word.
fn chunks(mut text: &str) -> impl Iterator<Item = &str> {
    std::iter::from_fn(move || {
        let (chunk, rest) = text.split_at_checked(text.floor_char_boundary(WORD_BYTES))?;
        text = rest;
        (!chunk.is_empty()).then_some(chunk)
    })
}

/// Reads what [`header_text`] wrote, unfolded.
pub(super) fn parse_header_text(value: &str) -> Option<String> {
    if !value.contains("=?") {
        return Some(value.to_owned());
    }
    let mut bytes = Vec::new();
    for word in value.split_ascii_whitespace() {
        let word = word.strip_prefix(WORD_START)?.strip_suffix(WORD_END)?;
        bytes.extend(STANDARD.decode(word).ok()?);
    }
    String::from_utf8(bytes).ok()
}

fn encode_quoted_printable(body: &[u8], output: &mut Vec<u8>) {
    let mut column = 0;
    for (index, &byte) in body.iter().enumerate() {
        if byte == b'\n' {
            output.push(byte);
            column = 0;
            continue;
        }
        let rest = body.get(index..).unwrap_or_default();
        let ends_line = matches!(rest.get(1), None | Some(b'\n'));
        let literal = match byte {
            b'=' => false,
            b'!'..=b'~' => !(column == 0 && rest.starts_with(b"From ")),
            b' ' | b'\t' => !ends_line,
            _ => false,
        };
        let width = if literal { 1 } else { 3 };
        // Leave room for the `=` of a continued line.
        if column + width > LINE_MAX - 1 {
            output.extend_from_slice(b"=\n");
            column = 0;
        }
        if literal {
            output.push(byte);
        } else {
            output.extend_from_slice(format!("={byte:02X}").as_bytes());
        }
        column += width;
    }
    if column > 0 {
        // The file must end with a line end, which the body does not have.
        output.extend_from_slice(b"=\n");
    }
}

fn decode_quoted_printable(encoded: &[u8]) -> Option<Vec<u8>> {
    let mut body = Vec::with_capacity(encoded.len());
    for line in encoded.split_inclusive(|byte| *byte == b'\n') {
        let text = line.strip_suffix(b"\n").unwrap_or(line);
        // A CR of the body would be quoted, so this CR is a line end that another program wrote.
        let text = text.strip_suffix(b"\r").unwrap_or(text);
        let (text, goes_on) = match text.strip_suffix(b"=") {
            Some(text) => (text, true),
            None => (text, line.len() == text.len()),
        };
        let mut bytes = text.iter();
        while let Some(&byte) = bytes.next() {
            if byte != b'=' {
                body.push(byte);
                continue;
            }
            let high = char::from(*bytes.next()?).to_digit(16)?;
            let low = char::from(*bytes.next()?).to_digit(16)?;
            body.push(u8::try_from(high * 16 + low).ok()?);
        }
        if !goes_on {
            body.push(b'\n');
        }
    }
    Some(body)
}

fn encode_base64(body: &[u8], output: &mut Vec<u8>) {
    for line in body.chunks(LINE_MAX / 4 * 3) {
        output.extend_from_slice(STANDARD.encode(line).as_bytes());
        output.push(b'\n');
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn quoted(body: &str) -> String {
        let mut output = Vec::new();
        BodyEncoding::QuotedPrintable.encode(body, &mut output);
        String::from_utf8(output).unwrap()
    }

    #[test]
    fn quoted_printable_is_readable() {
        assert_eq!(quoted("Olá,\n\n= fim\n"), "Ol=C3=A1,\n\n=3D fim\n");
        assert_eq!(quoted("a \r\nFrom b\r"), "a =0D\n=46rom b=0D=\n");
        assert_eq!(quoted("a \n\t"), "a=20\n=09=\n");
        let long = quoted(&"x".repeat(200));
        assert!(long.lines().all(|line| line.len() <= LINE_MAX), "{long}");
    }

    #[test]
    fn another_programs_line_ends_do_no_harm() {
        let body = "a\r\nb\nc=";
        let foreign = quoted(body).replace('\n', "\r\n");
        let decoded = BodyEncoding::QuotedPrintable.decode(foreign.as_bytes());
        assert_eq!(decoded.as_deref(), Some(body.as_bytes()));
    }

    #[test]
    fn text_of_latin_letters_stays_readable() {
        use BodyEncoding::{Base64, QuotedPrintable};
        let latin = "É só um coração, não um míssil. Já está tudo pronto para amanhã.";
        assert_eq!(BodyEncoding::best(latin), QuotedPrintable);
        assert_eq!(BodyEncoding::best("日本語の本文"), Base64);
    }

    #[test]
    fn words_are_short_and_whole() {
        let text = "ação ".repeat(40);
        let encoded = header_text(&text);
        for word in encoded.split("\n ") {
            assert!("X-Correio-From-Name: ".len() + word.len() <= 76, "{word}");
            assert!(parse_header_text(word).is_some(), "{word}");
        }
        assert_eq!(header_text("plain = text?"), "plain = text?");
        assert_ne!(header_text("=?utf-8?B?AAAA?="), "=?utf-8?B?AAAA?=");
    }

    proptest! {
        #[test]
        fn bodies_come_back(body in "(\r|\n|\0|=| |\t|From |[ -~]|é|\u{1f600}|\\PC){0,300}") {
            for encoding in [BodyEncoding::QuotedPrintable, BodyEncoding::Base64] {
                let mut output = Vec::new();
                encoding.encode(&body, &mut output);
                prop_assert!(output.is_ascii());
                prop_assert!(output.split(|b| *b == b'\n').all(|line| line.len() <= LINE_MAX));
                let decoded = encoding.decode(&output);
                prop_assert_eq!(decoded.as_deref(), Some(body.as_bytes()));
            }
        }

        #[test]
        fn header_texts_come_back(text in "(=\\?|\\?=|[ -~]|é|\u{1f600}|\\PC){0,200}") {
            let text = text.trim();
            let unfolded = header_text(text).replace('\n', "");
            let parsed = parse_header_text(&unfolded);
            prop_assert_eq!(parsed.as_deref(), Some(text));
        }
    }
}
