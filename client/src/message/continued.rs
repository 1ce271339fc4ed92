//! Parameters of a field that stand in numbered pieces (RFC 2231), some of them percent-encoded.
//!
//! A program may cut such a value anywhere, also within a character: the bytes of all pieces are
//! joined before they are decoded. mail-parser decodes each piece for itself.

use mail_parser::decoders::charsets::map::charset_decoder;

/// Most pieces of a value. A field has at most 16 KiB.
const PIECES_MAX: usize = 1000;

/// A parameter as it stands in its field.
struct Parameter<'a> {
    name: &'a str,
    /// Without quotation marks.
    value: String,
}

/// A numbered piece of a value.
struct Piece {
    number: usize,
    is_encoded: bool,
    value: String,
}

/// The value of a parameter in the text of a field, if the value stands in several pieces and one
/// of them is percent-encoded. Pieces after a missing one are left out.
pub(super) fn continued(field: &str, name: &str) -> Option<String> {
    let all = parameters(field).into_iter().filter_map(|parameter| piece(parameter, name));
    let mut pieces: Vec<Piece> = all.take(PIECES_MAX).collect();
    pieces.sort_by_key(|piece| piece.number);
    // The sort is stable: of pieces with one number, the first counts.
    pieces.dedup_by_key(|piece| piece.number);
    let whole = (0..).zip(&pieces).take_while(|(number, piece)| piece.number == *number).count();
    pieces.truncate(whole);
    if pieces.len() < 2 || !pieces.iter().any(|piece| piece.is_encoded) {
        return None;
    }
    let mut charset = String::new();
    if let Some(first) = pieces.first_mut().filter(|first| first.is_encoded) {
        let mut parts = first.value.splitn(3, '\'').map(str::to_owned);
        if let (Some(stated), Some(_), Some(value)) = (parts.next(), parts.next(), parts.next()) {
            charset = stated;
            first.value = value;
        }
    }
    let mut bytes = Vec::new();
    for Piece { is_encoded, value, .. } in &pieces {
        match is_encoded {
            true => decode(value.as_bytes(), &mut bytes),
            false => bytes.extend_from_slice(value.as_bytes()),
        }
    }
    Some(text(&charset, &bytes))
}

/// The piece that a parameter is: `name*0`, or `name*0*` if it is percent-encoded.
fn piece(Parameter { name, value }: Parameter<'_>, of: &str) -> Option<Piece> {
    let (base, number) = name.split_once('*')?;
    if !base.eq_ignore_ascii_case(of) {
        return None;
    }
    let (number, is_encoded) = match number.strip_suffix('*') {
        Some(number) => (number, true),
        None => (number, false),
    };
    Some(Piece { number: number.parse().ok()?, is_encoded, value })
}

/// The parameters of a field, after its first value.
fn parameters(field: &str) -> Vec<Parameter<'_>> {
    let mut found = Vec::new();
    let Some((_, mut rest)) = field.split_once(';') else {
        return found;
    };
    while let Some((name, after)) = rest.split_once('=') {
        let (value, next) = value(after.trim_start());
        found.push(Parameter { name: name.trim(), value });
        rest = next;
    }
    found
}

/// The value at the start of a text, and the parameters after it.
fn value(text: &str) -> (String, &str) {
    let Some(quoted) = text.strip_prefix('"') else {
        let (value, rest) = text.split_once(';').unwrap_or((text, ""));
        return (value.trim().to_owned(), rest);
    };
    let mut value = String::new();
    let mut characters = quoted.chars();
    while let Some(c) = characters.next() {
        match c {
            '"' => break,
            '\\' => value.extend(characters.next()),
            c => value.push(c),
        }
    }
    let rest = characters.as_str().split_once(';').map_or("", |(_, rest)| rest);
    (value, rest)
}

/// Appends the bytes of a percent-encoded text. What is no escape stays as it is.
fn decode(text: &[u8], bytes: &mut Vec<u8>) {
    let mut rest = text;
    while let Some((first, after)) = rest.split_first() {
        rest = after;
        let digit = |digit: u8| char::from(digit).to_digit(16);
        if let (b'%', [high, low, after @ ..]) = (*first, after)
            && let (Some(high), Some(low)) = (digit(*high), digit(*low))
            && let Ok(byte) = u8::try_from(high * 16 + low)
        {
            bytes.push(byte);
            rest = after;
        } else {
            bytes.push(*first);
        }
    }
}

/// Bytes as the text that they are in a charset; without one, or with an unknown one, in UTF-8.
fn text(charset: &str, bytes: &[u8]) -> String {
    let is_utf8 = matches!(charset.to_ascii_lowercase().as_str(), "" | "utf-8" | "utf8");
    match charset_decoder(charset.as_bytes()).filter(|_| !is_utf8) {
        Some(decoder) => decoder(bytes),
        None => String::from_utf8_lossy(bytes).into_owned(),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn name(field: &str) -> Option<String> {
        continued(field, "filename")
    }

    #[test]
    fn the_bytes_of_pieces_are_joined_before_they_are_decoded() {
        for (field, expected) in [
            // The character é, cut between its bytes.
            ("attachment; filename*0*=utf-8''caf%C3; filename*1*=%A9.txt", "café.txt"),
            ("attachment;\r\n FileName*1*=%A9;\r\n filename*0*=UTF-8'fr'%C3;\r\n size=1", "é"),
            (
                "attachment; filename*0*=iso-8859-1''caf; filename*1*=%E9; filename*2=.txt",
                "café.txt",
            ),
            ("attachment; filename*0*=Shift_JIS''%95; filename*1*=%5C.pdf", "表.pdf"),
            // A piece that is not encoded has no escapes, and may be quoted.
            (
                "attachment; filename*0*=utf-8''%61; filename*1=\"%41;\\\"=b\"; filename*2*=%63",
                "a%41;\"=bc",
            ),
            ("attachment; filename*0=\"a \"; filename*1*=%C3%A9", "a é"),
            ("attachment; filename*0*=utf-8''a; filename*1*=%zz%4", "a%zz%4"),
            // Bytes that are no text are replaced, and a missing piece ends the value.
            ("attachment; filename*0*=utf-8''a%C3; filename*1*=b; filename*3*=d", "a\u{fffd}b"),
            ("attachment; filename*0*=utf-8''a; filename*1*=b; filename*1*=c", "ab"),
        ] {
            assert_eq!(name(field).as_deref(), Some(expected), "{field}");
        }
        for field in [
            "attachment",
            "attachment; filename=a",
            "attachment; filename*=utf-8''%C3%A9",
            "attachment; filename*0*=utf-8''a",
            "attachment; filename*0=a; filename*1=b",
            "attachment; name*0*=utf-8''a; name*1*=b",
            "attachment; filename*1*=utf-8''a; filename*2*=b",
        ] {
            assert_eq!(name(field), None, "{field}");
        }
    }

    proptest! {
        #[test]
        fn a_name_comes_back_wherever_it_is_cut(
            file in "([a-z. ]|é|日|\u{1f600}){4,20}", length in 1..5_usize,
        ) {
            let mut field = "attachment".to_owned();
            for (index, bytes) in file.as_bytes().chunks(length).enumerate() {
                let start = if index == 0 { "utf-8''" } else { "" };
                let value: String = bytes.iter().map(|byte| format!("%{byte:02x}")).collect();
                field.push_str(&format!(";\r\n filename*{index}*={start}{value}"));
            }
            if file.len() > length {
                prop_assert_eq!(name(&field), Some(file));
            }
        }

        #[test]
        fn any_field_is_read(field in "([;=*'\"\\\\%0-9a ]|filename|é){0,80}") {
            let _ = name(&field);
        }
    }
}
