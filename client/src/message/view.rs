//! A message as a person reads it: its fields, its text and the list of its attachments.

use std::io::{self, BufReader, Read};

use super::{
    attachment::{Attachment, Role},
    decode::{Decoded, Decoder},
    fields::MessageFields,
    head::Completeness,
    text::{MessageText, Sections},
    walk::{Step, Walk},
};

/// Bytes that are read at once.
pub(super) const BUFFER: usize = 64 * 1024;

/// A message as a person reads it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MessageView {
    /// The fields of the message's head.
    pub fields: MessageFields,
    /// The text.
    pub text: MessageText,
    /// The attachments, at most [`super::ATTACHMENTS_MAX`], in the message's order. HTML is not
    /// listed where a plain text is shown in its place.
    pub attachments: Vec<Attachment>,
    /// Parts of the message beyond those that are read. They are in the message's bytes.
    pub more_parts: usize,
}

/// A part whose body is being read.
#[derive(Debug)]
enum Reading {
    Text(Decoder),
    /// The attachment listed last.
    Attachment(Decoder),
}

impl MessageView {
    /// Reads a message to its end. Any bytes are a message: what cannot be made sense of is text or
    /// an attachment. In memory are the text (at most 8 MiB, some times over while it is decoded)
    /// and some kilobytes for each attachment.
    ///
    /// # Errors
    ///
    /// Errors of the source.
    pub fn read(source: impl Read) -> io::Result<Self> {
        let mut walk = Walk::new(BufReader::with_capacity(BUFFER, source));
        let mut view = Reader::default();
        loop {
            match walk.step()? {
                Step::Fields(fields) => view.fields = *fields,
                Step::Part(head, place) => {
                    view.end_part();
                    view.parts += 1;
                    let decoder = Decoder::new(head.encoding);
                    let role = Role::of(&head);
                    view.part = Some(match role {
                        Role::Plain | Role::Html => {
                            view.sections.begin(role, place, *head);
                            Reading::Text(decoder)
                        }
                        Role::Attachment => {
                            view.attachments.push(Attachment::of(view.parts - 1, &head));
                            Reading::Attachment(decoder)
                        }
                    });
                }
                Step::Body => view.take(walk.body()),
                Step::End(more_parts, completeness) => {
                    view.end_part();
                    let Reader { mut fields, sections, attachments, .. } = view;
                    fields.is_cut |= completeness == Completeness::Cut;
                    let text = sections.finish();
                    return Ok(Self { fields, text, attachments, more_parts });
                }
            }
        }
    }
}

/// A message that is being read.
#[derive(Debug, Default)]
struct Reader {
    fields: MessageFields,
    sections: Sections,
    attachments: Vec<Attachment>,
    part: Option<Reading>,
    /// Parts so far.
    parts: usize,
    decoded: Vec<u8>,
}

impl Reader {
    /// Takes bytes of the part's body.
    fn take(&mut self, bytes: &[u8]) {
        self.decoded.clear();
        match (&mut self.part, self.attachments.last_mut()) {
            (Some(Reading::Text(decoder)), _) => {
                decoder.decode(bytes, &mut self.decoded);
                self.sections.append(&self.decoded);
            }
            (Some(Reading::Attachment(decoder)), Some(attachment)) => {
                decoder.decode(bytes, &mut self.decoded);
                attachment.size += self.decoded.len() as u64;
            }
            (Some(Reading::Attachment(_)) | None, _) => {}
        }
    }

    /// Ends the body of the part, if there is one.
    fn end_part(&mut self) {
        self.decoded.clear();
        let (decoder, is_attachment) = match self.part.take() {
            Some(Reading::Text(decoder)) => (decoder, false),
            Some(Reading::Attachment(decoder)) => (decoder, true),
            None => return,
        };
        let decoded = decoder.finish(&mut self.decoded);
        match self.attachments.last_mut().filter(|_| is_attachment) {
            Some(attachment) => {
                attachment.size += self.decoded.len() as u64;
                attachment.is_damaged = decoded == Decoded::Damaged;
            }
            None => self.sections.append(&self.decoded),
        }
    }
}
