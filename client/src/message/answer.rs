//! The text and the thread of an answer, and the text of a forwarded message.
//!
//! The words between, such as "Tony Stark escreveu:", are the caller's: the library has no
//! languages.

use super::{fields::MessageFields, head::cut, message_id::MessageId};

/// Longest text that is quoted or forwarded, in bytes. A longer one is cut between lines, and a
/// line with an ellipsis stands for the rest.
const QUOTED_MAX: usize = 256 * 1024;

/// Longest value of a field in a forwarded message's head, in bytes.
const FIELD_MAX: usize = 1000;

/// Most Message-IDs of a thread that an answer names. The first ones and the last ones are kept, as
/// RFC 5536 advises.
const REFERENCES_MAX: usize = 20;

/// Stands for the rest of a text that was cut.
const REST: &str = "[…]";

/// A text as an answer quotes it: the words of `attribution` on a line of their own, and each line
/// after a `>`. Lines that are quotations already get one `>` more.
#[must_use]
pub fn quoted_text(attribution: &str, text: &str) -> String {
    let (text, is_whole) = bounded(text);
    let mut quoted = format!("{}\n", one_line(attribution));
    for line in text.lines() {
        quoted.push_str(match line {
            "" => ">",
            line if line.starts_with('>') => ">",
            _ => "> ",
        });
        quoted.push_str(line);
        quoted.push('\n');
    }
    if !is_whole {
        quoted.push_str(&format!("> {REST}\n"));
    }
    quoted
}

/// A message that is forwarded.
#[derive(Clone, Copy, Debug)]
pub struct Forwarded<'a> {
    /// The title of the block, in the language of the person who forwards it.
    pub title: &'a str,
    /// Names and values of the fields that are shown, such as `De` and the sender. Fields without a
    /// value are left out.
    pub fields: &'a [(&'a str, &'a str)],
    /// The text.
    pub text: &'a str,
}

/// A forwarded message as text: a title, fields and the whole text, as it is.
#[must_use]
pub fn forwarded_text(forwarded: &Forwarded<'_>) -> String {
    let Forwarded { title, fields, text } = forwarded;
    let mut block = format!("---------- {} ----------\n", one_line(title));
    for (name, value) in fields.iter().filter(|(_, value)| !value.trim().is_empty()) {
        block.push_str(&format!("{name}: {}\n", one_line(value)));
    }
    let (text, is_whole) = bounded(text);
    block.push('\n');
    block.push_str(text);
    if !is_whole {
        block.push_str(&format!("\n{REST}\n"));
    }
    block
}

/// The Message-IDs that an answer to a message names in `References`, that of the message last: at
/// most 20. `message` is the message's own id, if its fields have none.
#[must_use]
pub fn references(parent: &MessageFields, message: Option<&MessageId>) -> Vec<MessageId> {
    let thread = match (parent.references.as_slice(), parent.in_reply_to.as_slice()) {
        ([], one @ [_]) => one,
        (references, _) => references,
    };
    let own = parent.message_id.as_ref().or(message);
    let mut ids: Vec<MessageId> = thread.iter().filter(|id| Some(*id) != own).cloned().collect();
    ids.extend(own.cloned());
    let excess = ids.len().saturating_sub(REFERENCES_MAX);
    if excess > 0 {
        // The first one names the thread.
        ids.drain(1..=excess);
    }
    ids
}

/// The beginning of a text, up to a line's end, and whether that is all of it.
fn bounded(text: &str) -> (&str, bool) {
    let start = cut(text, QUOTED_MAX);
    if start.len() == text.len() {
        return (text, true);
    }
    let end = start.rfind('\n').unwrap_or(start.len());
    (start.get(..end).unwrap_or(start), false)
}

fn one_line(text: &str) -> String {
    cut(text, FIELD_MAX).lines().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use std::slice;

    use super::*;

    #[test]
    fn a_quotation_gets_one_level_more() {
        let quoted = quoted_text("Em 1/12, Tony escreveu:", "oi\n\n> antes\n>> ontem\n");
        assert_eq!(quoted, "Em 1/12, Tony escreveu:\n> oi\n>\n>> antes\n>>> ontem\n");
        let once = quoted_text("x", "a");
        let twice = quoted_text("y", &once);
        assert_eq!(twice, "y\n> x\n>> a\n");
    }

    #[test]
    fn a_long_text_is_cut_between_lines_and_that_is_shown() {
        let text = "é".repeat(100) + "\n";
        let quoted = quoted_text("x", &text.repeat(5000));
        assert!(quoted.len() < QUOTED_MAX * 2 && quoted.ends_with("é\n> […]\n"));
        let one = quoted_text("x", &"é".repeat(QUOTED_MAX));
        assert!(one.len() <= QUOTED_MAX + 20 && one.ends_with("é\n> […]\n"));
    }

    #[test]
    fn a_forwarded_message_has_its_fields_on_one_line_each() {
        let fields = [("De", "Tony\n<tony>"), ("Cc", ""), ("Assunto", "Festa")];
        let forwarded =
            Forwarded { title: "Mensagem encaminhada", fields: &fields, text: "> oi\n" };
        let expected =
            "---------- Mensagem encaminhada ----------\nDe: Tony <tony>\nAssunto: Festa\n\n> oi\n";
        assert_eq!(forwarded_text(&forwarded), expected);
    }

    fn ids(range: std::ops::Range<usize>) -> Vec<MessageId> {
        range.map(|number| format!("{number}@x").parse().unwrap()).collect()
    }

    #[test]
    fn a_thread_keeps_its_first_and_its_last_messages() {
        let own: MessageId = "own@x".parse().unwrap();
        let fields = |references, in_reply_to| MessageFields {
            references,
            in_reply_to,
            message_id: Some(own.clone()),
            ..MessageFields::default()
        };
        let answer = |parent: MessageFields| references(&parent, None);
        assert_eq!(answer(fields(vec![], vec![])), slice::from_ref(&own));
        assert_eq!(
            answer(fields(vec![], ids(1..2))),
            [&ids(1..2)[..], slice::from_ref(&own)].concat()
        );
        assert_eq!(answer(fields(vec![], ids(1..3))), slice::from_ref(&own));
        let long = answer(fields(ids(0..100), ids(99..100)));
        assert_eq!(long.len(), REFERENCES_MAX);
        assert_eq!(long.first(), ids(0..1).first());
        assert_eq!(long[1..19], ids(82..100));
        assert_eq!(long.last(), Some(&own));
        let unnamed = references(&MessageFields::default(), Some(&own));
        assert_eq!(unnamed, [own]);
        assert!(references(&MessageFields::default(), None).is_empty());
    }
}
