//! Makes the subject of a mail from the field `Subject` of its message.

use correio_proto::{limits::SUBJECT_MAX, mail::Subject};

use super::encoded_word;

/// The subject of a mail whose message has none.
const NONE: &str = "(no subject)";

/// The last character of a subject that was cut.
const CUT: char = '…';

/// Makes the subject from a field's value, unfolded. Characters that a subject cannot have become
/// spaces. A long text is cut; the message keeps the whole.
#[must_use]
pub(super) fn subject(value: Option<&[u8]>) -> Option<Subject> {
    let decoded = encoded_word::decode(value.unwrap_or_default());
    let is_obeyed = |c: char| c.is_control() || matches!(c, '\u{2028}' | '\u{2029}');
    let text: String = decoded.chars().map(|c| if is_obeyed(c) { ' ' } else { c }).collect();
    let text = match text.trim() {
        "" => NONE,
        text => text,
    };
    if let Ok(subject) = text.parse() {
        return Some(subject);
    }
    // NFC, in which a subject is stored, can make three characters of one.
    [SUBJECT_MAX - 1, SUBJECT_MAX / 2, SUBJECT_MAX / 3 - 1].into_iter().find_map(|characters| {
        let cut = text.chars().take(characters).chain([CUT]).collect::<String>();
        cut.parse().ok()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn made(value: &str) -> String {
        subject(Some(value.as_bytes())).unwrap().as_str().to_owned()
    }

    #[test]
    fn a_subject_is_one_line_of_text() {
        assert_eq!(made(" Suit \t"), "Suit");
        assert_eq!(made("=?utf-8?Q?a=0D=0Ab=1B?="), "a  b");
        assert_eq!(made("a\u{2028}b"), "a b");
        for empty in ["", "  ", "=?utf-8?Q?_?="] {
            assert_eq!(made(empty), "(no subject)");
        }
        assert_eq!(subject(None).unwrap().as_str(), "(no subject)");
    }

    #[test]
    fn a_long_subject_is_cut() {
        assert_eq!(made(&"x".repeat(200)), "x".repeat(200));
        assert_eq!(made(&"x".repeat(201)), "x".repeat(199) + "…");
        assert_eq!(made(&"é".repeat(5000)).chars().count(), 200);
        // A letter that NFC makes three characters of.
        assert!(made(&"\u{fb2c}".repeat(300)).ends_with('…'));
    }
}
