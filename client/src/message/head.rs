//! The head of a message or of a part: the fields that are read of it, and what they say about the
//! body.

use mail_parser::{ContentType, HeaderName, Message, MessageParser, MimeHeaders};

use super::{continued::continued, decode::TransferEncoding, flowed::Flow, lines::Line};

/// Most bytes of a field; the largest that a program has to write has a hundred recipients.
const FIELD_MAX: usize = 16 * 1024;

/// Most bytes of all heads of a message together. Parts beyond that are listed without a name.
pub(super) const HEADS_MAX: usize = 512 * 1024;

/// Longest boundary that is searched for, in bytes; RFC 2046 allows 70.
const BOUNDARY_MAX: usize = 1000;

/// Longest name of a type or a charset, in bytes.
const TYPE_MAX: usize = 100;

/// Longest name of an attachment, in bytes.
const NAME_MAX: usize = 1000;

/// The fields that are read. All others, such as the way of a message, are skipped.
const FIELDS: [&str; 12] = [
    "from",
    "to",
    "cc",
    "reply-to",
    "date",
    "subject",
    "message-id",
    "in-reply-to",
    "references",
    "content-type",
    "content-disposition",
    "content-transfer-encoding",
];

/// Whether a head was read whole.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Completeness {
    #[default]
    Whole,
    /// A field, or all heads together, were too long.
    Cut,
}

/// A head that is being read.
#[derive(Debug, Default)]
pub(super) struct HeadReader {
    fields: Vec<u8>,
    /// Bytes that the present field may still have; `None` if it is skipped.
    room: Option<usize>,
    /// The fields that were read, as bits. A field that comes again is skipped.
    seen: u16,
    completeness: Completeness,
}

impl HeadReader {
    /// Takes a line of the head. `left` is the room for all heads together.
    pub(super) fn take(&mut self, line: Line<'_>, left: &mut usize) {
        let is_continued =
            !line.starts || line.bytes.starts_with(b" ") || line.bytes.starts_with(b"\t");
        if !is_continued {
            self.end_line();
            let field = field(line.bytes).map(|index| 1 << index);
            let is_new = field.is_some_and(|field: u16| self.seen & field == 0);
            self.seen |= field.unwrap_or_default();
            self.room = is_new.then_some(FIELD_MAX);
        }
        let Some(room) = &mut self.room else {
            return;
        };
        let allowed = (*room).min(*left);
        let kept = line.bytes.get(..allowed).unwrap_or(line.bytes);
        if kept.len() < line.bytes.len() {
            self.completeness = Completeness::Cut;
        }
        *room -= kept.len();
        *left -= kept.len();
        self.fields.extend_from_slice(kept);
    }

    /// A field that was cut ends before the next one.
    fn end_line(&mut self) {
        if !self.fields.is_empty() && !self.fields.ends_with(b"\n") {
            self.fields.extend_from_slice(b"\r\n");
        }
    }

    /// Ends the head: its fields as they stand in the message, and whether all of them are there.
    pub(super) fn finish(mut self) -> (Vec<u8>, Completeness) {
        self.end_line();
        self.fields.extend_from_slice(b"\r\n");
        (self.fields, self.completeness)
    }
}

/// The position in [`FIELDS`] of the field that a line begins.
fn field(line: &[u8]) -> Option<usize> {
    let name = line.split(|byte| *byte == b':').next().unwrap_or_default();
    let name = (name.len() < line.len()).then(|| name.trim_ascii())?;
    FIELDS.iter().position(|field| name.eq_ignore_ascii_case(field.as_bytes()))
}

/// Parses the fields of a head; `None` if it has none.
pub(super) fn parse(fields: &[u8]) -> Option<Message<'_>> {
    MessageParser::new().parse_headers(fields).filter(|head| !head.parts.is_empty())
}

/// Type and subtype of a body, in lower case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct MediaType {
    pub(super) main: String,
    pub(super) sub: String,
}

impl MediaType {
    pub(super) fn new(main: &str, sub: &str) -> Self {
        let lower = |text: &str| cut(text, TYPE_MAX).to_ascii_lowercase();
        Self { main: lower(main), sub: lower(sub) }
    }
}

/// What a head says about how its body is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Disposition {
    /// Nothing, or that the body is to be shown.
    Inline,
    Attachment,
}

/// What a head says about its body.
#[derive(Clone, Debug)]
pub(super) struct BodyHead {
    pub(super) media: MediaType,
    /// Empty if there is none.
    pub(super) boundary: Vec<u8>,
    pub(super) charset: Option<String>,
    pub(super) flow: Flow,
    pub(super) encoding: TransferEncoding,
    pub(super) disposition: Disposition,
    pub(super) name: Option<String>,
}

impl BodyHead {
    /// What a parsed head says; a head without a type has the type `default`.
    pub(super) fn of(head: Option<&Message<'_>>, default: MediaType) -> Self {
        let stated = head.and_then(MimeHeaders::content_type);
        let media = stated.map_or(default, |stated| {
            MediaType::new(stated.ctype(), stated.subtype().unwrap_or_default())
        });
        let attribute = |name| stated.and_then(|stated| stated.attribute(name));
        let boundary = attribute("boundary").unwrap_or_default().trim_end().as_bytes();
        let boundary = if boundary.len() > BOUNDARY_MAX { &[] } else { boundary };
        let is_attachment =
            head.and_then(MimeHeaders::content_disposition).is_some_and(ContentType::is_attachment);
        let encoding = head.and_then(MimeHeaders::content_transfer_encoding).unwrap_or_default();
        let name = head.and_then(name);
        Self {
            media,
            boundary: boundary.to_vec(),
            flow: Flow::of(attribute("format"), attribute("delsp")),
            charset: attribute("charset").map(|name| cut(name, TYPE_MAX).to_owned()),
            encoding: TransferEncoding::named(encoding),
            disposition: if is_attachment { Disposition::Attachment } else { Disposition::Inline },
            name: name.map(|name| cut(&name, NAME_MAX).to_owned()),
        }
    }

    /// A body about which nothing is known.
    pub(super) fn unknown() -> Self {
        Self {
            media: MediaType::new("application", "octet-stream"),
            boundary: vec![],
            charset: None,
            flow: Flow::Fixed,
            encoding: TransferEncoding::Identity,
            disposition: Disposition::Attachment,
            name: None,
        }
    }
}

/// The name of an attachment: that of the disposition, or else that of the type.
fn name(head: &Message<'_>) -> Option<String> {
    let named = |field: HeaderName<'_>, parsed: Option<&ContentType<'_>>, parameter: &str| {
        let in_pieces = head.header_raw(field).and_then(|text| continued(text, parameter));
        in_pieces.or_else(|| parsed?.attribute(parameter).map(str::to_owned))
    };
    named(HeaderName::ContentDisposition, head.content_disposition(), "filename")
        .or_else(|| named(HeaderName::ContentType, head.content_type(), "name"))
}

/// The beginning of a text, of at most this many bytes.
pub(super) fn cut(text: &str, max: usize) -> &str {
    text.get(..text.floor_char_boundary(max)).unwrap_or(text)
}
