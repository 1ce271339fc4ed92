//! Turns the HTML of a message into text.
//!
//! html5gum reads the tags as a browser does, in one pass. No tree is built: some kilobytes of HTML
//! make a tree of gigabytes (formatting that no paragraph closes is repeated in each), and a
//! nesting of any depth costs nothing here. Tables become lines of cells, since messages use them
//! for layout.

use std::{convert::Infallible, mem};

use html5gum::{
    Span, Tokenizer,
    emitters::callback::{Callback, CallbackEmitter, CallbackEvent},
};

use super::head::cut;

/// Longest address of a link that is shown, in bytes.
const LINK_MAX: usize = 2000;

/// Longest description of a picture that is shown, in bytes.
const DESCRIPTION_MAX: usize = 200;

/// Deepest nesting of lists and of quotations that is shown.
const NESTING_MAX: usize = 8;

/// The text of this HTML, of at most `max` bytes, and whether that is all of it.
pub(super) fn to_text(html: &str, max: usize) -> (String, bool) {
    let mut output = Output { text: String::new(), max, is_whole: true };
    let mut emitter = CallbackEmitter::new(Writer::new(&mut output));
    emitter.naively_switch_states(true);
    let Ok(()) = Tokenizer::new_with_emitter(html, emitter).finish();
    let Output { mut text, is_whole, .. } = output;
    text.truncate(text.trim_end().len());
    (text, is_whole)
}

/// The text that was written so far.
#[derive(Debug)]
struct Output {
    text: String,
    max: usize,
    is_whole: bool,
}

impl Output {
    fn push(&mut self, text: &str) {
        if self.is_whole && self.text.len() + text.len() <= self.max {
            self.text.push_str(text);
        } else {
            self.is_whole = false;
        }
    }
}

/// What an element does to the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Element {
    /// Its text is for programs, or is shown elsewhere.
    Hidden,
    /// It stands on lines of its own, with an empty line before and after it.
    Paragraph,
    /// It stands on lines of its own.
    Block,
    LineBreak,
    Rule,
    Cell,
    List,
    NumberedList,
    Item,
    Quotation,
    Preformatted,
    Link,
    Picture,
    Other,
}

impl Element {
    fn named(name: &[u8]) -> Self {
        match name {
            b"script" | b"style" | b"title" | b"template" | b"iframe" | b"noembed"
            | b"noframes" => Self::Hidden,
            b"p" | b"h1" | b"h2" | b"h3" | b"h4" | b"h5" | b"h6" | b"dl" | b"table" => {
                Self::Paragraph
            }
            b"div" | b"tr" | b"dt" | b"dd" | b"section" | b"article" | b"header" | b"footer"
            | b"center" | b"address" | b"caption" | b"option" | b"figure" | b"form" | b"body" => {
                Self::Block
            }
            b"br" => Self::LineBreak,
            b"hr" => Self::Rule,
            b"td" | b"th" => Self::Cell,
            b"ul" => Self::List,
            b"ol" => Self::NumberedList,
            b"li" => Self::Item,
            b"blockquote" => Self::Quotation,
            b"pre" | b"textarea" => Self::Preformatted,
            b"a" => Self::Link,
            b"img" => Self::Picture,
            _ => Self::Other,
        }
    }
}

/// The attribute whose value is read next.
#[derive(Clone, Copy, Debug)]
enum Attribute {
    Href,
    Alt,
    Other,
}

/// White space before the next character of a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Gap {
    None,
    Space,
    Cell,
}

/// A list that is open.
#[derive(Clone, Copy, Debug)]
enum List {
    Bullets,
    /// The number of the next item.
    Numbers(u32),
}

/// Writes the text of the elements that the tokenizer finds.
#[derive(Debug)]
struct Writer<'a> {
    output: &'a mut Output,
    /// The start tag that is being read, and its attributes.
    element: Element,
    attribute: Attribute,
    href: String,
    alt: String,
    /// The name of the hidden element that is open.
    hidden: Option<Vec<u8>>,
    /// The link that is open: its address, and where its text starts.
    link: Option<(String, usize)>,
    lists: Vec<List>,
    /// Lists that are open beyond the deepest that is shown.
    deeper_lists: usize,
    quotations: usize,
    preformatted: usize,
    /// The mark of a list's item, before its first character.
    mark: String,
    gap: Gap,
    /// Line breaks before the next character: at most two.
    breaks: usize,
    is_line_empty: bool,
}

impl<'a> Writer<'a> {
    fn new(output: &'a mut Output) -> Self {
        Self {
            output,
            element: Element::Other,
            attribute: Attribute::Other,
            href: String::new(),
            alt: String::new(),
            hidden: None,
            link: None,
            lists: vec![],
            deeper_lists: 0,
            quotations: 0,
            preformatted: 0,
            mark: String::new(),
            gap: Gap::None,
            breaks: 0,
            is_line_empty: true,
        }
    }

    /// Ends the line, with at least this many line breaks before the next text.
    fn end_line(&mut self, breaks: usize) {
        self.breaks = self.breaks.max(breaks);
        self.gap = Gap::None;
    }

    /// Writes what stands before the next character.
    fn write_gap(&mut self) {
        let is_first = self.output.text.is_empty();
        if self.breaks > 0 || is_first {
            if !is_first {
                let breaks = "\n\n".get(..self.breaks).unwrap_or("\n\n");
                self.output.push(breaks);
            }
            let quotations = self.quotations.min(NESTING_MAX);
            let indent = self.lists.len().saturating_sub(1);
            let start = format!("{}{}", "> ".repeat(quotations), "  ".repeat(indent));
            self.output.push(&start);
            (self.breaks, self.is_line_empty) = (0, true);
        }
        if !self.mark.is_empty() {
            let mark = mem::take(&mut self.mark);
            self.output.push(&mark);
        } else if !self.is_line_empty {
            match self.gap {
                Gap::None => {}
                Gap::Space => self.output.push(" "),
                Gap::Cell => self.output.push("  "),
            }
        }
        self.gap = Gap::None;
        self.is_line_empty = false;
    }

    fn write(&mut self, text: &str) {
        if self.preformatted > 0 {
            self.write_lines(text);
            return;
        }
        for word in text.split_inclusive(|c: char| c.is_ascii_whitespace()) {
            let shown = word.trim_end_matches(|c: char| c.is_ascii_whitespace());
            if !shown.is_empty() {
                self.write_gap();
                self.output.push(&shown.replace('\u{a0}', " "));
            }
            if shown.len() < word.len() {
                self.gap = self.gap.max(Gap::Space);
            }
        }
    }

    /// Writes preformatted text.
    fn write_lines(&mut self, text: &str) {
        for line in text.split_inclusive('\n') {
            let shown = line.trim_end_matches(['\n', '\r']);
            if !shown.is_empty() {
                self.write_gap();
                self.output.push(shown);
            }
            if shown.len() < line.len() {
                self.breaks = (self.breaks + 1).min(2);
            }
        }
    }

    fn start(&mut self) {
        match self.element {
            Element::Hidden | Element::Other => {}
            Element::Paragraph => self.end_line(2),
            Element::Block => self.end_line(1),
            Element::LineBreak => self.end_line((self.breaks + 1).min(2)),
            Element::Rule => {
                self.end_line(1);
                self.write("-----");
                self.end_line(1);
            }
            Element::Cell => self.gap = Gap::Cell,
            Element::List => self.start_list(List::Bullets),
            Element::NumberedList => self.start_list(List::Numbers(1)),
            Element::Item => self.start_item(),
            Element::Quotation => {
                self.end_line(2);
                self.quotations += 1;
            }
            Element::Preformatted => {
                self.end_line(2);
                self.preformatted += 1;
            }
            Element::Link => {
                self.end_link();
                let href = mem::take(&mut self.href);
                self.link = is_shown(&href).then_some((href, self.output.text.len()));
            }
            Element::Picture => {
                let alt = mem::take(&mut self.alt);
                if !alt.trim().is_empty() {
                    self.write(&format!("[{}]", alt.trim()));
                }
            }
        }
    }

    fn start_list(&mut self, list: List) {
        self.end_line(if self.lists.is_empty() { 2 } else { 1 });
        if self.lists.len() < NESTING_MAX {
            self.lists.push(list);
        } else {
            self.deeper_lists += 1;
        }
    }

    fn start_item(&mut self) {
        self.end_line(1);
        self.mark = match self.lists.last_mut() {
            Some(List::Numbers(number)) => {
                let mark = format!("{number}. ");
                *number = number.saturating_add(1);
                mark
            }
            Some(List::Bullets) | None => "- ".to_owned(),
        };
    }

    fn end(&mut self, element: Element) {
        match element {
            Element::Paragraph => self.end_line(2),
            Element::Block | Element::Item => self.end_line(1),
            Element::List | Element::NumberedList => {
                if self.deeper_lists > 0 {
                    self.deeper_lists -= 1;
                } else {
                    self.lists.pop();
                }
                self.mark.clear();
                self.end_line(if self.lists.is_empty() { 2 } else { 1 });
            }
            Element::Quotation => {
                self.quotations = self.quotations.saturating_sub(1);
                self.end_line(2);
            }
            Element::Preformatted => {
                self.preformatted = self.preformatted.saturating_sub(1);
                self.end_line(2);
            }
            Element::Link => self.end_link(),
            Element::Hidden
            | Element::LineBreak
            | Element::Rule
            | Element::Cell
            | Element::Picture
            | Element::Other => {}
        }
    }

    /// Writes the address of a link after its text, unless the text is the address.
    fn end_link(&mut self) {
        let Some((href, start)) = self.link.take() else {
            return;
        };
        let text = self.output.text.get(start..).unwrap_or_default().trim();
        let address = href.strip_prefix("mailto:").unwrap_or(&href);
        let is_same = text == href || text == address.trim_end_matches('/');
        if !text.is_empty() && !is_same {
            self.output.push(&format!(" <{href}>"));
        }
    }
}

/// Whether the address of a link is shown: a web page or a mail address, which a person may want to
/// copy.
fn is_shown(href: &str) -> bool {
    let scheme = href.split(':').next().unwrap_or_default().to_ascii_lowercase();
    let is_known = matches!(scheme.as_str(), "http" | "https" | "mailto");
    is_known && href.len() <= LINK_MAX && !href.contains(char::is_whitespace)
}

impl Callback<Infallible, ()> for Writer<'_> {
    fn handle_event(&mut self, event: CallbackEvent<'_>, _: Span<()>) -> Option<Infallible> {
        match event {
            CallbackEvent::OpenStartTag { name } => {
                self.element = Element::named(name);
                self.attribute = Attribute::Other;
                self.href.clear();
                self.alt.clear();
                if self.element == Element::Hidden && self.hidden.is_none() {
                    self.hidden = Some(name.to_vec());
                }
            }
            CallbackEvent::AttributeName { name } => {
                self.attribute = match name {
                    b"href" => Attribute::Href,
                    b"alt" => Attribute::Alt,
                    _ => Attribute::Other,
                };
            }
            CallbackEvent::AttributeValue { value } => {
                let value = String::from_utf8_lossy(value);
                match self.attribute {
                    Attribute::Href if self.href.is_empty() => {
                        // An address that is too long is no longer one.
                        self.href = cut(value.trim(), LINK_MAX + 1).to_owned();
                    }
                    Attribute::Alt if self.alt.is_empty() => {
                        self.alt = cut(&value, DESCRIPTION_MAX).to_owned();
                    }
                    Attribute::Href | Attribute::Alt | Attribute::Other => {}
                }
            }
            CallbackEvent::CloseStartTag { .. } if self.hidden.is_none() => self.start(),
            CallbackEvent::EndTag { name } => {
                if self.hidden.is_none() {
                    self.end(Element::named(name));
                } else if self.hidden.as_deref() == Some(name) {
                    self.hidden = None;
                }
            }
            CallbackEvent::String { value } if self.hidden.is_none() => {
                self.write(&String::from_utf8_lossy(value));
            }
            CallbackEvent::CloseStartTag { .. }
            | CallbackEvent::String { .. }
            | CallbackEvent::Comment { .. }
            | CallbackEvent::Doctype { .. }
            | CallbackEvent::Error(_) => {}
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(html: &str) -> String {
        let (text, is_whole) = to_text(html, 1 << 20);
        assert!(is_whole);
        text
    }

    #[test]
    fn what_people_write_is_shown_as_text() {
        for (html, expected) in [
            ("<p>Ol&aacute;,<br>tudo  bem?</p>\n<p>Tony</p>", "Olá,\ntudo bem?\n\nTony"),
            ("<div>um</div><div>dois</div><div><br></div><div>três</div>", "um\ndois\n\ntrês"),
            ("a <b>b</b> <i>c</i>d", "a b cd"),
            (
                "<ul><li>um<ul><li>dois</li></ul></li><li>três</li></ul>fim",
                "- um\n  - dois\n- três\n\nfim",
            ),
            ("<ol><li>um<li>dois</ol>", "1. um\n2. dois"),
            ("<table><tr><td>a</td><td>b</td></tr><tr><td>c</td></tr></table>", "a  b\nc"),
            (
                "oi<blockquote>a<br>b<blockquote>c</blockquote></blockquote>d",
                "oi\n\n> a\n> b\n\n> > c\n\nd",
            ),
            ("<pre>a  b\n  c</pre>", "a  b\n  c"),
            ("a<hr>b", "a\n-----\nb"),
            ("a&nbsp;&nbsp;b", "a  b"),
        ] {
            assert_eq!(text(html), expected, "{html}");
        }
    }

    #[test]
    fn links_have_their_addresses_and_pictures_their_descriptions() {
        for (html, expected) in [
            ("<a href=\"https://example.org/a\">aqui</a>.", "aqui <https://example.org/a>."),
            ("<a href=https://example.org/>https://example.org</a>", "https://example.org"),
            ("<a href=mailto:tony@example.org>tony@example.org</a>", "tony@example.org"),
            ("<a href=\"javascript:alert(1)\">x</a>", "x"),
            ("<a href=\"https://example.org/a b\">x</a>", "x"),
            ("<a href=https://example.org/><img src=x></a>y", "y"),
            ("<img alt=\"Um gato\" src=x>", "[Um gato]"),
        ] {
            assert_eq!(text(html), expected, "{html}");
        }
    }

    #[test]
    fn what_is_for_programs_is_left_out() {
        for html in [
            "<head><title>x</title><style>p { color: red }</style></head>a",
            "<script>if (a < b) { alert('</p>') }</script>a",
            "<!-- x -->a<!-- y",
            "<template><p>x</template>a",
            "<iframe src=x><p>y</iframe>a",
        ] {
            assert_eq!(text(html), "a", "{html}");
        }
    }

    #[test]
    fn a_text_that_is_too_long_is_cut() {
        assert_eq!(to_text("<p>abc</p><p>def</p>", 5), ("abc".to_owned(), false));
        assert_eq!(to_text("<p>abc</p><p>def</p>", 8), ("abc\n\ndef".to_owned(), true));
        assert_eq!(to_text("", 0), (String::new(), true));
    }
}
