//! Decodes the text of a field: encoded words (RFC 2047) in any charset that browsers know, and
//! bytes without an encoding.

use base64::{
    Engine, alphabet,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};
use encoding_rs::{Encoding, WINDOWS_1252};

/// Base64 as programs write it: with or without padding, and with any bits after the last byte.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true),
);

/// An encoded word: its bytes, and their charset.
struct Word {
    charset: &'static Encoding,
    bytes: Vec<u8>,
}

/// Decodes the value of a field, unfolded. A word that cannot be decoded stays as it is. White
/// space between two words is dropped, and a character that two words share is put together.
#[must_use]
pub(super) fn decode(value: &[u8]) -> String {
    let mut text = String::with_capacity(value.len());
    let mut words: Option<Word> = None;
    let mut rest = value;
    while !rest.is_empty() {
        let start = memchr::memmem::find(rest, b"=?").unwrap_or(rest.len());
        let (plain, after) = rest.split_at(start);
        let is_gap = words.is_some() && plain.iter().all(u8::is_ascii_whitespace);
        let Some((word, after)) = word(after) else {
            // A `=?` that begins no word is text.
            let (plain, after) = rest.split_at((start + 2).min(rest.len()));
            flush(words.take(), &mut text);
            push_plain(plain, &mut text);
            rest = after;
            continue;
        };
        if !is_gap {
            flush(words.take(), &mut text);
            push_plain(plain, &mut text);
        }
        match &mut words {
            Some(before) if before.charset == word.charset => before.bytes.extend(word.bytes),
            _ => flush(words.replace(word), &mut text),
        }
        rest = after;
    }
    flush(words, &mut text);
    text
}

fn flush(word: Option<Word>, text: &mut String) {
    if let Some(Word { charset, bytes }) = word {
        text.push_str(&charset.decode_without_bom_handling(&bytes).0);
    }
}

/// Appends bytes without an encoding: UTF-8, or Windows-1252, which older programs send.
fn push_plain(bytes: &[u8], text: &mut String) {
    match str::from_utf8(bytes) {
        Ok(plain) => text.push_str(plain),
        Err(_) => text.push_str(&WINDOWS_1252.decode_without_bom_handling(bytes).0),
    }
}

/// Reads the encoded word at the start of a text. Returns the word and the rest of the text.
fn word(text: &[u8]) -> Option<(Word, &[u8])> {
    let inside = text.strip_prefix(b"=?")?;
    let (charset, rest) = split_once(inside)?;
    let (encoding, rest) = split_once(rest)?;
    let (encoded, rest) = split_once(rest)?;
    let rest = rest.strip_prefix(b"=")?;
    // A language may follow the charset (RFC 2231).
    let label = charset.split(|byte| *byte == b'*').next()?;
    let charset = match label {
        b"" => return None,
        label => Encoding::for_label_no_replacement(label)?,
    };
    let bytes = match encoding {
        b"B" | b"b" => BASE64.decode(encoded).ok()?,
        b"Q" | b"q" => quoted(encoded),
        _ => return None,
    };
    Some((Word { charset, bytes }, rest))
}

/// Splits at the first question mark. `None` if white space, which no word has, stands before it.
fn split_once(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let end = text.iter().position(|byte| *byte == b'?')?;
    let (before, after) = text.split_at(end);
    let is_word = !before.iter().any(u8::is_ascii_whitespace);
    Some((before, after.strip_prefix(b"?")?)).filter(|_| is_word)
}

fn quoted(text: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((&first, after)) = rest.split_first() {
        rest = after;
        match first {
            b'_' => bytes.push(b' '),
            b'=' => match after.split_at_checked(2).and_then(|(digits, left)| {
                let digits = str::from_utf8(digits).ok().filter(|text| !text.starts_with('+'))?;
                Some((u8::from_str_radix(digits, 16).ok()?, left))
            }) {
                Some((byte, left)) => {
                    bytes.push(byte);
                    rest = left;
                }
                None => bytes.push(b'='),
            },
            other => bytes.push(other),
        }
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_of_programs_are_decoded() {
        let cases: [(&[u8], &str); 17] = [
            (b"plain text", "plain text"),
            (b"=?utf-8?B?T2zDoQ==?=", "Olá"),
            (b"=?UTF-8?b?T2zDoQ?=", "Olá"),
            (b"=?iso-8859-1?Q?Ol=E1_mundo?=", "Olá mundo"),
            (b"=?windows-1252?q?=80_5?= now", "€ 5 now"),
            (b"Re: =?ISO-2022-JP?B?GyRCRnxLXBsoQg==?=", "Re: 日本"),
            (b"=?gb2312?B?1tC5+g==?=", "中国"),
            // One character in two words.
            (b"=?utf-8?Q?Ol=C3?= =?utf-8?Q?=A1!?=", "Olá!"),
            (b"=?utf-8?Q?a?=   =?us-ascii?Q?b?= c", "ab c"),
            (b"=?utf-8*en?Q?a?=", "a"),
            (b"caf\xc3\xa9", "café"),
            (b"caf\xe9", "café"),
            (b"a =? b ?= c", "a =? b ?= c"),
            (b"=?klingon?Q?a?= b", "=?klingon?Q?a?= b"),
            (b"=?utf-8?X?a?=", "=?utf-8?X?a?="),
            (b"=?utf-8?Q?50=_off=zz=?=", "50= off=zz="),
            (b"=?utf-8?B?!!?= =?", "=?utf-8?B?!!?= =?"),
        ];
        for (value, text) in cases {
            assert_eq!(decode(value), text, "{:?}", value.escape_ascii());
        }
    }
}
