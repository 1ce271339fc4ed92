//! Renders a mail for mail programs: as an RFC 5322 message with CR LF line ends.
//!
//! The number of octets follows from the mail's [`MailOutline`] alone, without the content: POP3
//! states it for every mail of a mailbox, and programs rely on it. The content goes through a
//! [`Renderer`] piece by piece, so that a session holds one piece in memory, whatever the mail's
//! size.
//!
//! A text gets a head that is made of the mail's own values. The text is sent as it is, or in
//! base64 if its lines are too long for mail or it has NULs. A message has a head of its own: the
//! server puts fields before it, and changes nothing else but what no mail may have.

mod author_field;
mod base64_lines;
mod head;
mod line_ends;
mod message;

use correio_proto::mail::ContentKind;

use self::{
    base64_lines::Base64Lines,
    head::TextEncoding,
    line_ends::{LineEndMaker, Nuls},
    message::MessageRenderer,
};
use crate::store::gateway::MailOutline;

/// The octets of a mail in its form for mail programs. `domain` stands after the `@` of addresses.
#[must_use]
pub fn octets(outline: &MailOutline, domain: &str) -> u64 {
    let texture = &outline.texture;
    let content = outline.size.saturating_add(texture.bare_ends);
    let last_end = if texture.is_ended { 0 } else { 2 };
    match outline.kind {
        ContentKind::Message {} => message::head_octets(outline, domain)
            .saturating_add(content.saturating_sub(texture.nuls))
            .saturating_add(last_end),
        ContentKind::Text {} => {
            let encoding = TextEncoding::of(texture);
            let head = head::of_text(outline, domain, encoding).len() as u64;
            head.saturating_add(match encoding {
                TextEncoding::SevenBit | TextEncoding::EightBit => content.saturating_add(last_end),
                TextEncoding::Base64 => Base64Lines::octets(content),
            })
        }
    }
}

/// Renders one mail. The output has as many octets as [`octets`] says if the outline describes the
/// content, and does not depend on how the content is cut into pieces.
#[derive(Debug)]
pub struct Renderer {
    form: Form,
}

#[derive(Debug)]
enum Form {
    /// A text as it is.
    Plain(LineEndMaker),
    /// A text in base64, whose line ends become CR LF before that (RFC 2045, section 6.8).
    Base64 { ends: LineEndMaker, lines: Base64Lines },
    /// A message.
    Message(Box<MessageRenderer>),
}

impl Renderer {
    /// A renderer at the start of the content. Appends a text's head to `output`; a message's head
    /// depends on the content.
    #[must_use]
    pub fn begin(outline: &MailOutline, domain: &str, output: &mut Vec<u8>) -> Self {
        let form = match outline.kind {
            ContentKind::Message {} => {
                Form::Message(Box::new(MessageRenderer::new(outline, domain)))
            }
            ContentKind::Text {} => {
                let encoding = TextEncoding::of(&outline.texture);
                output.extend_from_slice(head::of_text(outline, domain, encoding).as_bytes());
                match encoding {
                    TextEncoding::SevenBit | TextEncoding::EightBit => {
                        Form::Plain(LineEndMaker::new(Nuls::Dropped))
                    }
                    TextEncoding::Base64 => Form::Base64 {
                        ends: LineEndMaker::new(Nuls::Kept),
                        lines: Base64Lines::default(),
                    },
                }
            }
        };
        Self { form }
    }

    /// Appends what the next piece of the content completes: at most about twice the piece's bytes,
    /// and of a message up to 64 KiB more, which were held until the head was known.
    pub fn render(&mut self, piece: &[u8], output: &mut Vec<u8>) {
        match &mut self.form {
            Form::Plain(ends) => ends.make(piece, output),
            Form::Base64 { ends, lines } => {
                let mut made = Vec::with_capacity(piece.len());
                ends.make(piece, &mut made);
                lines.encode(&made, output);
            }
            Form::Message(message) => message.render(piece, output),
        }
    }

    /// Appends the rest after the content's last piece. The last octets are CR LF.
    pub fn finish(self, output: &mut Vec<u8>) {
        match self.form {
            Form::Plain(ends) => ends.finish(output),
            Form::Base64 { lines, .. } => lines.finish(output),
            Form::Message(message) => message.finish(output),
        }
    }
}

#[cfg(test)]
pub(super) mod samples;
#[cfg(test)]
mod tests;
