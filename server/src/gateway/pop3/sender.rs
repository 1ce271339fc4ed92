//! Sends one mail in parts: rendered, cut if the program wants only its top, and dot-stuffed.

use correio_proto::mail::{Body, Content, Message, Piece};

use super::{
    reply,
    retrieval::{self, Extent},
    stuffing::Stuffer,
    top::TopCut,
};
use crate::{
    gateway::{domain::MailDomain, render::Renderer},
    store::gateway::MailOutline,
};

/// Most bytes of a content in one part of the reply.
const PART_MAX: usize = 32 * 1024;

/// The bytes of a content, or one piece of them.
#[derive(Clone, Debug)]
pub(super) enum Part {
    /// A whole text.
    Body(Body),
    /// A whole message.
    Message(Message),
    /// A piece of a large content.
    Piece(Piece),
}

impl Part {
    /// The bytes of a content; `None` if it is in pieces.
    pub(super) fn of(content: &Content) -> Option<Self> {
        match content {
            Content::Body(body) => Some(Self::Body(body.clone())),
            Content::Message(message) => Some(Self::Message(message.clone())),
            Content::Large(_) => None,
        }
    }

    fn bytes(&self) -> &[u8] {
        match self {
            Self::Body(body) => body.as_str().as_bytes(),
            Self::Message(message) => message.as_bytes(),
            Self::Piece(piece) => piece.as_bytes(),
        }
    }
}

/// How a reply goes on after a part of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sent {
    /// There is more to send.
    Partial,
    /// The sender needs the piece of the content from this position on.
    NeedsPiece(u64),
    /// The reply is complete.
    Complete,
    /// The content ends before its stated size: the reply cannot be completed.
    Short,
}

/// A mail that is being sent.
#[derive(Debug)]
pub(super) struct MailSender {
    /// The mail's outline.
    pub(super) outline: MailOutline,
    /// The part of the mail that the program asks for.
    pub(super) extent: Extent,
    renderer: Renderer,
    stuffer: Stuffer,
    cut: Option<TopCut>,
    part: Part,
    /// Bytes of `part` that were sent.
    sent: usize,
    /// Position of the end of `part` in the content.
    end: u64,
}

impl MailSender {
    /// Begins to send a mail whose content begins with `part`. Appends the first line of the reply
    /// and, of a text, the head.
    pub(super) fn begin(
        outline: MailOutline,
        domain: &MailDomain,
        extent: Extent,
        part: Part,
        output: &mut Vec<u8>,
    ) -> Self {
        match extent {
            Extent::Whole => {
                let octets = crate::gateway::render::octets(&outline, domain.as_str());
                reply::ok(output, format_args!("{octets} octets"));
            }
            Extent::Top(_) => reply::ok(output, "the top of the mail follows"),
        }
        let mut head = Vec::new();
        let renderer = Renderer::begin(&outline, domain.as_str(), &mut head);
        let cut = match extent {
            Extent::Whole => None,
            Extent::Top(lines) => Some(TopCut::after(lines)),
        };
        let end = part.bytes().len() as u64;
        let stuffer = Stuffer::new();
        let mut sender = Self { outline, extent, renderer, stuffer, cut, part, sent: 0, end };
        sender.pass(&head, output);
        sender
    }

    /// Bytes that the sender holds: the outline, and `part` of the content.
    pub(super) fn held(&self) -> usize {
        retrieval::bytes(&self.outline) + self.part.bytes().len()
    }

    /// Takes the piece that the sender needs.
    pub(super) fn set_piece(&mut self, piece: Piece) {
        self.end = self.end.saturating_add(piece.as_bytes().len() as u64);
        self.part = Part::Piece(piece);
        self.sent = 0;
    }

    /// Appends the next part of the mail: at most 32 KiB of the content, which line ends and dots
    /// may make about four times as long. [`MailSender::finish`] appends the reply's end.
    pub(super) fn send(&mut self, output: &mut Vec<u8>) -> Sent {
        let is_cut = self.cut.as_ref().is_some_and(TopCut::is_over);
        let rest = self.part.bytes().get(self.sent..).unwrap_or_default();
        if !is_cut && !rest.is_empty() {
            let part = rest.get(..PART_MAX).unwrap_or(rest);
            let mut rendered = Vec::with_capacity(part.len());
            self.renderer.render(part, &mut rendered);
            self.sent = self.sent.saturating_add(part.len());
            self.pass(&rendered, output);
            return Sent::Partial;
        }
        match self.end.cmp(&self.outline.size) {
            _ if is_cut => {}
            std::cmp::Ordering::Equal => {}
            std::cmp::Ordering::Less if self.part.bytes().is_empty() => return Sent::Short,
            std::cmp::Ordering::Less => return Sent::NeedsPiece(self.end),
            std::cmp::Ordering::Greater => return Sent::Short,
        }
        Sent::Complete
    }

    /// Appends the end of the mail and of the reply.
    pub(super) fn finish(mut self, output: &mut Vec<u8>) {
        let mut rendered = Vec::new();
        let renderer = self.renderer;
        renderer.finish(&mut rendered);
        let rendered = match &mut self.cut {
            Some(cut) => cut.pass(&rendered),
            None => &rendered,
        };
        self.stuffer.stuff(rendered, output);
        self.stuffer.finish(output);
    }

    fn pass(&mut self, rendered: &[u8], output: &mut Vec<u8>) {
        let rendered = match &mut self.cut {
            Some(cut) => cut.pass(rendered),
            None => rendered,
        };
        self.stuffer.stuff(rendered, output);
    }
}
