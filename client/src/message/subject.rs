//! Subjects of answers and of forwarded messages: one mark at the start, whatever program and
//! language wrote the marks that are there.

use correio_proto::{limits::SUBJECT_MAX, mail::Subject};

/// Marks of answers and of forwarded messages, in lower case: of English, Portuguese, German, the
/// languages of Scandinavia, Spanish, French, Italian, Dutch and Polish.
const MARKS: [&str; 18] = [
    "re", "res", "resp", "fw", "fwd", "enc", "aw", "antw", "wg", "sv", "vs", "vb", "rv", "tr",
    "rif", "doorst", "odp", "pd",
];

/// The mark of an answer, in Portuguese as in English.
const REPLY: &str = "Re:";

/// The mark of a forwarded message in Portuguese, which programs of other languages know.
const FORWARD: &str = "Enc:";

/// The subject of an answer to a mail with this subject: `Re:` once, and at most 200 characters.
#[must_use]
pub fn reply_subject(subject: &str) -> Subject {
    marked(REPLY, subject)
}

/// The subject of a forwarded mail with this subject: `Enc:` once, and at most 200 characters.
#[must_use]
pub fn forward_subject(subject: &str) -> Subject {
    marked(FORWARD, subject)
}

fn marked(mark: &str, subject: &str) -> Subject {
    let subject: String = subject.chars().filter(|c| !is_refused(*c)).collect();
    let text = format!("{mark} {}", unmarked(&subject));
    let cut: String = text.chars().take(SUBJECT_MAX).collect();
    // Composing a text can make it longer, if it has some rare characters.
    let shorter: String = text.chars().take(SUBJECT_MAX / 4).collect();
    let parsed = cut.parse().or_else(|_| shorter.parse());
    parsed.unwrap_or_else(|_| mark.parse().expect("a mark is a subject"))
}

fn is_refused(c: char) -> bool {
    c.is_control() || matches!(c, '\u{2028}' | '\u{2029}')
}

/// A subject without its marks, such as `Re:`, `RE[2]:` and `Fwd:`.
fn unmarked(subject: &str) -> &str {
    let mut rest = subject.trim();
    while let Some((mark, after)) = rest.split_once([':', '\u{ff1a}']) {
        let word = mark.trim_end();
        let number = |c: char| c.is_ascii_digit() || matches!(c, '[' | ']' | '(' | ')' | '^');
        let word = word.trim_end_matches(number).to_lowercase();
        if !MARKS.contains(&word.trim_end()) {
            break;
        }
        rest = after.trim_start();
    }
    rest
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn marks_are_never_stacked() {
        for subject in [
            "Festa",
            "Re: Festa",
            "RE: Festa",
            "re:Festa",
            "Res: Festa",
            "RES: ENC: Festa",
            "Fwd: Re: Festa",
            "FW: Festa",
            "AW: WG: Festa",
            "SV: VS: Festa",
            "Re[2]: Festa",
            "Re (3): Re^4: Festa",
            "RE\u{ff1a}Festa",
        ] {
            assert_eq!(reply_subject(subject).as_str(), "Re: Festa", "{subject}");
            assert_eq!(forward_subject(subject).as_str(), "Enc: Festa", "{subject}");
        }
        for subject in ["Reunião: às 9", "A: b", ": x", "Rede: nova", "[lista] Re: x"] {
            assert_eq!(reply_subject(subject).as_str(), format!("Re: {subject}"));
        }
        assert_eq!(reply_subject("Re:").as_str(), "Re:");
        assert_eq!(reply_subject("").as_str(), "Re:");
    }

    #[test]
    fn a_subject_is_cut_between_characters() {
        let long = reply_subject(&"é".repeat(300));
        assert_eq!(long.as_str().chars().count(), SUBJECT_MAX);
        // These characters become three each when they are composed.
        let longer = reply_subject(&"\u{1d160}".repeat(300));
        assert!(longer.as_str().starts_with("Re: "));
    }

    proptest! {
        #[test]
        fn any_text_makes_a_subject(text in any::<String>()) {
            let reply = reply_subject(&text);
            prop_assert_eq!(reply_subject(reply.as_str()), reply.clone());
            let forwarded = forward_subject(reply.as_str());
            prop_assert!(forwarded.as_str().starts_with("Enc:"));
        }
    }
}
