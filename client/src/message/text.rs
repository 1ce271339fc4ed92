//! The text of a message, as a person reads it: its plain texts, and HTML as text where an author
//! gives no plain text.

use mail_parser::decoders::charsets::map::charset_decoder;

use super::{
    attachment::Role,
    flowed::Flow,
    head::{BodyHead, cut},
    html,
    walk::Place,
};

/// Longest text that is shown, in bytes, before and after it is decoded: the largest body of a
/// mail.
pub(super) const TEXT_MAX: usize = correio_proto::limits::BODY_MAX;

/// The text of a message, with line feeds as line ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MessageText {
    /// The text, at most 8 MiB.
    pub text: String,
    /// What the text was made from.
    pub source: TextSource,
    /// Whether the text is longer than what is here.
    pub is_cut: bool,
    /// Whether characters were replaced, because bytes are not what their charset allows, or the
    /// charset is not known.
    pub is_replaced: bool,
}

/// What the text of a message was made from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TextSource {
    /// Plain text.
    Plain,
    /// HTML, or HTML and plain text. Layout and pictures are lost.
    Html,
    /// The message has no text.
    Nothing,
}

/// A text of a message that is being read.
#[derive(Debug)]
struct Section {
    role: Role,
    place: Place,
    charset: Option<String>,
    flow: Flow,
    bytes: Vec<u8>,
}

impl Section {
    fn is_blank(&self) -> bool {
        self.bytes.trim_ascii().is_empty()
    }
}

/// The texts of a message that are being read.
#[derive(Debug, Default)]
pub(super) struct Sections {
    sections: Vec<Section>,
    size: usize,
    is_cut: bool,
}

impl Sections {
    /// Begins the next text.
    pub(super) fn begin(&mut self, role: Role, place: Place, head: BodyHead) {
        let BodyHead { charset, flow, .. } = head;
        self.sections.push(Section { role, place, charset, flow, bytes: vec![] });
    }

    /// Appends decoded bytes to the text that was begun.
    pub(super) fn append(&mut self, bytes: &[u8]) {
        let kept = bytes.get(..TEXT_MAX - self.size).unwrap_or(bytes);
        self.is_cut |= kept.len() < bytes.len();
        self.size += kept.len();
        if let Some(section) = self.sections.last_mut() {
            section.bytes.extend_from_slice(kept);
        }
    }

    /// The text that is shown. Of alternatives, the plain texts are shown if they are not blank.
    pub(super) fn finish(mut self) -> MessageText {
        let has_plain = |place| {
            let is_plain =
                |section: &Section| section.role == Role::Plain && section.place == place;
            self.sections.iter().any(|section| is_plain(section) && !section.is_blank())
        };
        let shown: Vec<bool> = self
            .sections
            .iter()
            .map(|section| match (section.role, section.place) {
                (Role::Attachment, _) => false,
                (_, Place::Own) => !section.is_blank(),
                (role, place) => !section.is_blank() && (role == Role::Plain) == has_plain(place),
            })
            .collect();
        let mut text = MessageText {
            text: String::new(),
            source: TextSource::Nothing,
            is_cut: self.is_cut,
            is_replaced: false,
        };
        for (section, is_shown) in self.sections.drain(..).zip(shown) {
            if is_shown {
                text.add(section);
            }
        }
        text.text = with_line_feeds(text.text);
        text
    }
}

/// A text with line feeds as line ends. All carriage returns before a line feed belong to the line
/// end: some programs write CR CR LF, and a part may end with a CR.
fn with_line_feeds(text: String) -> String {
    if !text.contains("\r\n") {
        return text;
    }
    let mut made = String::with_capacity(text.len());
    for line in text.split_inclusive('\n') {
        match line.strip_suffix('\n') {
            Some(line) => made.extend([line.trim_end_matches('\r'), "\n"]),
            None => made.push_str(line),
        }
    }
    made
}

impl MessageText {
    fn add(&mut self, section: Section) {
        let (role, flow) = (section.role, section.flow);
        let decoded = self.decode(section);
        if !self.text.is_empty() {
            let is_ended = self.text.ends_with('\n');
            self.text.push_str(if is_ended { "\n" } else { "\n\n" });
        }
        let left = TEXT_MAX.saturating_sub(self.text.len());
        let (added, is_whole) = match role {
            Role::Html => html::to_text(&decoded, left),
            Role::Plain | Role::Attachment => {
                let lines = flow.joined(decoded.replace("\r\n", "\n"));
                let kept = cut(&lines, left);
                (kept.to_owned(), kept.len() == lines.len())
            }
        };
        self.is_cut |= !is_whole;
        self.text.push_str(&added);
        if role == Role::Html {
            self.source = TextSource::Html;
        } else if self.source == TextSource::Nothing {
            self.source = TextSource::Plain;
        }
    }

    /// Decodes a text by its charset. Without one, or with an unknown one, it is read as UTF-8, or
    /// as what old programs write if it is not UTF-8.
    fn decode(&mut self, section: Section) -> String {
        let Section { charset, bytes, .. } = section;
        let name = charset.unwrap_or_default();
        let known = charset_decoder(name.as_bytes()).filter(|_| !name.is_empty());
        let is_utf8 =
            matches!(name.to_ascii_lowercase().as_str(), "" | "utf-8" | "utf8" | "us-ascii");
        let text = match (known, String::from_utf8(bytes)) {
            (Some(_), Ok(text)) if is_utf8 => text,
            (None, Ok(text)) => {
                self.is_replaced |= !is_utf8 && !text.is_ascii();
                text
            }
            (Some(decoder), Ok(text)) => decoder(text.as_bytes()),
            (Some(decoder), Err(error)) => decoder(error.as_bytes()),
            (None, Err(error)) if is_utf8 && !name.is_empty() => {
                String::from_utf8_lossy(error.as_bytes()).into_owned()
            }
            (None, Err(error)) => {
                self.is_replaced = true;
                let western = charset_decoder(b"windows-1252");
                western.map_or_else(
                    || String::from_utf8_lossy(error.as_bytes()).into_owned(),
                    |decoder| decoder(error.as_bytes()),
                )
            }
        };
        self.is_replaced |= text.contains(char::REPLACEMENT_CHARACTER);
        text
    }
}
