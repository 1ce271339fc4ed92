//! Walks through the parts of a message (RFC 2046) in one pass, whatever their number and depth
//! are.
//!
//! A message within the message is one part, which is not entered. Multiparts beyond a depth, and
//! those without a boundary, are one part, too: their bytes come as they are.

use std::{
    io::{self, BufRead},
    mem,
};

use super::{
    fields::MessageFields,
    head::{self, BodyHead, Completeness, HEADS_MAX, HeadReader, MediaType},
    lines::{Line, Lines},
};

/// Deepest nesting of multiparts that is entered. Programs write up to five.
const DEPTH_MAX: usize = 20;

/// Most parts whose bodies are read. The others are counted.
pub(super) const PARTS_MAX: usize = 1000;

/// Where a part belongs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// The part stands for itself.
    Own,
    /// The part is in the outermost `multipart/alternative` with this number.
    Alternative(usize),
}

/// What the walk has come to.
#[derive(Debug)]
pub(super) enum Step {
    /// The head of the message.
    Fields(Box<MessageFields>),
    /// The head of the next part.
    Part(Box<BodyHead>, Place),
    /// Bytes of the body of the last part, still encoded: [`Walk::body`].
    Body,
    /// The message is over. Contains the number of parts that were only counted, and whether heads
    /// were too long to be read whole.
    End(usize, Completeness),
}

/// A walk through a message.
#[derive(Debug)]
pub(super) struct Walk<R> {
    lines: Lines<R>,
    mode: Mode,
    /// The multiparts that were entered, the outermost first.
    entered: Vec<Multipart>,
    /// Multiparts that were entered so far, and parts that were found.
    multiparts: usize,
    parts: usize,
    /// Room for the heads that follow.
    heads_left: usize,
    completeness: Completeness,
    /// The line end before the present line, which belongs to a boundary that follows it.
    line_end: Vec<u8>,
    body: Vec<u8>,
}

#[derive(Debug)]
enum Mode {
    Start,
    Head(HeadReader, HeadOf),
    /// A part whose head was read, and which was not handed out yet.
    Part(Box<BodyHead>, Place, AfterHead),
    /// The first line of the body was read already.
    FirstLine,
    Body,
    /// The body of a part that is only counted, or text around the parts of a multipart.
    Skip,
    /// A boundary was found in a head: the line is looked at again.
    Again,
    End,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum HeadOf {
    Message,
    Part,
}

/// What follows a head.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum AfterHead {
    Body,
    /// The line that was read last is the first of the body.
    Line,
    /// The line that was read last is a boundary: the part has no body.
    Boundary,
}

#[derive(Debug)]
struct Multipart {
    boundary: Vec<u8>,
    place: Place,
    /// Whether its parts are messages, unless they say otherwise.
    is_digest: bool,
}

/// A boundary that a line is.
#[derive(Clone, Copy, Debug)]
enum Boundary {
    /// A part of the multipart at this depth follows.
    Next(usize),
    /// The multipart at this depth is over.
    Last(usize),
}

impl<R: BufRead> Walk<R> {
    /// A walk that begins at a message's start.
    pub(super) fn new(source: R) -> Self {
        Self {
            lines: Lines::new(source),
            mode: Mode::Start,
            entered: vec![],
            multiparts: 0,
            parts: 0,
            heads_left: HEADS_MAX,
            completeness: Completeness::Whole,
            line_end: vec![],
            body: vec![],
        }
    }

    /// The bytes of the last [`Step::Body`].
    pub(super) fn body(&self) -> &[u8] {
        &self.body
    }

    /// Goes to the next step.
    pub(super) fn step(&mut self) -> io::Result<Step> {
        loop {
            let step = match mem::replace(&mut self.mode, Mode::Skip) {
                Mode::Start => self.start()?,
                Mode::Head(reader, of) => self.read_head(reader, of)?,
                Mode::Part(part, place, AfterHead::Boundary) => {
                    self.mode = Mode::Again;
                    Some(Step::Part(part, place))
                }
                Mode::Part(part, place, AfterHead::Line) => {
                    self.mode = Mode::FirstLine;
                    Some(Step::Part(part, place))
                }
                Mode::FirstLine => self.read_body(),
                Mode::Part(part, place, AfterHead::Body) => {
                    self.mode = Mode::Body;
                    Some(Step::Part(part, place))
                }
                Mode::Body => match self.lines.advance()? {
                    true => self.read_body(),
                    false => self.end_body(),
                },
                Mode::Skip => {
                    if self.lines.advance()? {
                        self.look_for_boundary();
                    } else {
                        self.mode = Mode::End;
                    }
                    None
                }
                Mode::Again => {
                    self.look_for_boundary();
                    None
                }
                Mode::End => {
                    self.mode = Mode::End;
                    let more = self.parts.saturating_sub(PARTS_MAX);
                    return Ok(Step::End(more, self.completeness));
                }
            };
            if let Some(step) = step {
                return Ok(step);
            }
        }
    }

    /// Reads the first line.
    fn start(&mut self) -> io::Result<Option<Step>> {
        let reader = HeadReader::default();
        Ok(match self.lines.advance()? {
            true if self.lines.line().starts_head() => self.take_head(reader, HeadOf::Message),
            // A text without a head: all of it is the body.
            true => self.end_head(reader, HeadOf::Message, AfterHead::Line),
            false => self.end_head(reader, HeadOf::Message, AfterHead::Body),
        })
    }

    /// Reads the next line of a head.
    fn read_head(&mut self, reader: HeadReader, of: HeadOf) -> io::Result<Option<Step>> {
        Ok(match self.lines.advance()? {
            true => self.take_head(reader, of),
            false => self.end_head(reader, of, AfterHead::Body),
        })
    }

    /// Takes the line that was read as the next of a head.
    fn take_head(&mut self, mut reader: HeadReader, of: HeadOf) -> Option<Step> {
        let line = self.lines.line();
        if line.starts && line.split_end().0.is_empty() {
            return self.end_head(reader, of, AfterHead::Body);
        }
        if self.boundary(line).is_some() {
            return self.end_head(reader, of, AfterHead::Boundary);
        }
        reader.take(line, &mut self.heads_left);
        self.mode = Mode::Head(reader, of);
        None
    }

    /// Takes a head that is over, and decides what becomes of its body.
    fn end_head(&mut self, reader: HeadReader, of: HeadOf, after: AfterHead) -> Option<Step> {
        let (fields, completeness) = reader.finish();
        if completeness == Completeness::Cut {
            self.completeness = Completeness::Cut;
        }
        let parent = self.entered.last();
        let place = parent.map_or(Place::Own, |parent| parent.place);
        let default = match parent.is_some_and(|parent| parent.is_digest) {
            true => MediaType::new("message", "rfc822"),
            false => MediaType::new("text", "plain"),
        };
        let parsed = head::parse(&fields);
        let part = match (of, completeness) {
            (HeadOf::Part, Completeness::Cut) => BodyHead::unknown(),
            _ => BodyHead::of(parsed.as_ref(), default),
        };
        self.mode = self.body_mode(part, place, after);
        if of == HeadOf::Part {
            return None;
        }
        let fields = parsed.map(|head| MessageFields::of(&head, completeness));
        Some(Step::Fields(Box::new(fields.unwrap_or_default())))
    }

    fn body_mode(&mut self, part: BodyHead, place: Place, after: AfterHead) -> Mode {
        self.line_end.clear();
        let is_entered = part.media.main == "multipart"
            && !part.boundary.is_empty()
            && self.entered.len() < DEPTH_MAX;
        if is_entered {
            let is_alternative = part.media.sub == "alternative" && place == Place::Own;
            let place = if is_alternative { Place::Alternative(self.multiparts) } else { place };
            let is_digest = part.media.sub == "digest";
            self.multiparts += 1;
            self.entered.push(Multipart { boundary: part.boundary, place, is_digest });
            return if after == AfterHead::Boundary { Mode::Again } else { Mode::Skip };
        }
        self.parts += 1;
        match (self.parts > PARTS_MAX, after) {
            (true, AfterHead::Boundary) => Mode::Again,
            (true, _) => Mode::Skip,
            (false, _) => Mode::Part(Box::new(part), place, after),
        }
    }

    /// Takes the line that was read: a boundary, or a line of the body.
    fn read_body(&mut self) -> Option<Step> {
        if self.boundary(self.lines.line()).is_some() {
            self.look_for_boundary();
            return None;
        }
        let (bytes, end) = self.lines.line().split_end();
        self.body.clear();
        self.body.append(&mut self.line_end);
        self.body.extend_from_slice(bytes);
        self.line_end.extend_from_slice(end);
        self.mode = Mode::Body;
        (!self.body.is_empty()).then_some(Step::Body)
    }

    /// The message is over within a body, whose last line end belongs to it.
    fn end_body(&mut self) -> Option<Step> {
        self.mode = Mode::End;
        self.body.clear();
        self.body.append(&mut self.line_end);
        (!self.body.is_empty()).then_some(Step::Body)
    }

    /// Goes on after the line that was read: with a head, if it is a boundary.
    fn look_for_boundary(&mut self) {
        self.mode = match self.boundary(self.lines.line()) {
            None => Mode::Skip,
            Some(Boundary::Next(depth)) => {
                self.entered.truncate(depth + 1);
                Mode::Head(HeadReader::default(), HeadOf::Part)
            }
            Some(Boundary::Last(depth)) => {
                self.entered.truncate(depth);
                Mode::Skip
            }
        };
    }

    /// The boundary that a line is, of the innermost multipart that has it.
    fn boundary(&self, line: Line<'_>) -> Option<Boundary> {
        let rest = line.bytes.strip_prefix(b"--").filter(|_| line.starts)?;
        self.entered.iter().enumerate().rev().find_map(|(depth, multipart)| {
            let after = rest.strip_prefix(multipart.boundary.as_slice())?;
            match after.strip_prefix(b"--") {
                Some(_) => Some(Boundary::Last(depth)),
                None if after.trim_ascii().is_empty() => Some(Boundary::Next(depth)),
                None => None,
            }
        })
    }
}
