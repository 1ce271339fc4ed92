//! Text whose paragraphs were broken into lines for the journey (RFC 3676, `format=flowed`): the
//! lines of a paragraph are joined again, so that a screen of any width and a quotation break them
//! anew.

/// How the lines of a plain text are meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Flow {
    /// Each line is a line.
    Fixed,
    /// A line that ends with a space goes on in the next one. The space belongs to the text.
    Flowed,
    /// As [`Self::Flowed`], but the space is no part of the text (`DelSp=yes`): texts of scripts
    /// without spaces.
    FlowedWithoutSpaces,
}

impl Flow {
    /// The flow that the parameters of a media type state.
    pub(super) fn of(format: Option<&str>, del_sp: Option<&str>) -> Self {
        let is = |value: Option<&str>, expected: &str| {
            value.is_some_and(|value| value.trim().eq_ignore_ascii_case(expected))
        };
        match (is(format, "flowed"), is(del_sp, "yes")) {
            (false, _) => Self::Fixed,
            (true, false) => Self::Flowed,
            (true, true) => Self::FlowedWithoutSpaces,
        }
    }

    /// A text with line feeds as line ends, each paragraph on one line.
    pub(super) fn joined(self, text: String) -> String {
        match self {
            Self::Fixed => text,
            Self::Flowed | Self::FlowedWithoutSpaces => self.join(&text),
        }
    }

    fn join(self, text: &str) -> String {
        let mut joined = String::with_capacity(text.len());
        // The depth of quotation of the paragraph that goes on.
        let mut open = None;
        for (index, line) in text.lines().enumerate() {
            let rest = line.trim_start_matches('>');
            let depth = line.len() - rest.len();
            let content = unstuffed(rest, depth);
            let is_signature = content == SIGNATURE;
            // Without content, a line ends the paragraph whatever is before it.
            let goes_on = open == Some(depth) && !is_signature && !content.is_empty();
            if !goes_on {
                if index > 0 {
                    joined.push('\n');
                }
                joined.push_str(line.get(..depth).unwrap_or_default());
                if depth > 0 && !content.is_empty() {
                    joined.push(' ');
                }
            }
            let is_flowed = content.ends_with(' ') && !is_signature;
            let is_deleted = is_flowed && self == Self::FlowedWithoutSpaces;
            let kept = content.len() - usize::from(is_deleted);
            joined.push_str(content.get(..kept).unwrap_or(content));
            open = is_flowed.then_some(depth);
        }
        if text.ends_with('\n') {
            joined.push('\n');
        }
        joined
    }
}

/// The line before a signature. It ends with a space, and is a line of its own.
const SIGNATURE: &str = "-- ";

/// A line without the space that protects its beginning. Before a `>` that is no quotation, the
/// space stays, as the reader could not tell the two.
fn unstuffed(rest: &str, depth: usize) -> &str {
    match rest.strip_prefix(' ') {
        Some(content) if depth > 0 || !content.starts_with('>') => content,
        _ => rest,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn flowed(text: &str) -> String {
        Flow::of(Some("Flowed"), None).joined(text.to_owned())
    }

    #[test]
    fn the_lines_of_a_paragraph_are_joined() {
        for (text, expected) in [
            ("Um \ndois \ntrês.\nQuatro\n", "Um dois três.\nQuatro\n"),
            ("Um\n\nDois \n\nTrês", "Um\n\nDois \n\nTrês"),
            // Quotations of one depth, with and without a space after the mark.
            ("> Um \n> dois\n>> Três \n>>quatro\nCinco", "> Um dois\n>> Três quatro\nCinco"),
            // A line of another depth begins another paragraph.
            ("> Um \nDois \n> três", "> Um \nDois \n> três"),
            // The space that protects a line's beginning.
            (" From a\n  b\n >c", "From a\n b\n >c"),
            ("Um \n--  \nDois \n-- \nTony", "Um --  Dois \n-- \nTony"),
            ("> -- \n> Tony \n> Stark", "> -- \n> Tony Stark"),
            (">\n> \n>>", ">\n>\n>>"),
            ("", ""),
            ("\n", "\n"),
            (" ", ""),
        ] {
            assert_eq!(flowed(text), expected, "{text:?}");
        }
    }

    #[test]
    fn a_space_that_is_no_part_of_the_text_is_left_out() {
        let flow = Flow::of(Some("flowed"), Some("YES"));
        let joined = |text: &str| flow.joined(text.to_owned());
        assert_eq!(joined("日本 \n語\nUm  \ndois\n"), "日本語\nUm dois\n");
        assert_eq!(joined("> 日 \n> 本\n-- \nx"), "> 日本\n-- \nx");
    }

    #[test]
    fn a_text_is_fixed_unless_it_says_otherwise() {
        for format in [None, Some("fixed"), Some("")] {
            let flow = Flow::of(format, Some("yes"));
            assert_eq!(flow.joined("a \nb\n".to_owned()), "a \nb\n");
        }
    }

    proptest! {
        #[test]
        fn nothing_but_spaces_and_line_ends_is_lost(text in "([ab>é]| |\n|-- ){0,60}") {
            let kept = |text: &str| text.replace([' ', '\n', '>'], "");
            for flow in [Flow::Flowed, Flow::FlowedWithoutSpaces] {
                let joined = flow.joined(text.clone());
                prop_assert_eq!(kept(&joined), kept(&text));
                prop_assert!(joined.len() <= text.len() + text.lines().count());
            }
        }
    }
}
