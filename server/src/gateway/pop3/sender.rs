//! Sends one mail in chunks: rendered, cut if only its top is wanted, and stuffed.

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

/// Bytes of a content that are sent in one chunk.
const CHUNK_MAX: usize = 32 * 1024;

/// Bytes of a content that are in memory: all or a piece of them.
#[derive(Clone, Debug)]
pub(super) enum Loaded {
    /// A whole text.
    Body(Body),
    /// A whole message.
    Message(Message),
    /// A piece of a large content.
    Piece(Piece),
}

impl Loaded {
    /// The bytes of a content that is not in pieces.
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

/// What follows after a chunk was sent.
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
    loaded: Loaded,
    /// Bytes of the loaded content that were sent.
    sent: usize,
    /// Position of its end in the content.
    end: u64,
}

impl MailSender {
    /// Begins to send a mail, whose content begins with these bytes. Appends the first line of the
    /// reply and what is known of the mail's head.
    pub(super) fn begin(
        outline: MailOutline,
        domain: &MailDomain,
        extent: Extent,
        loaded: Loaded,
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
        let end = loaded.bytes().len() as u64;
        let stuffer = Stuffer::new();
        let mut sender = Self { outline, extent, renderer, stuffer, cut, loaded, sent: 0, end };
        sender.pass(&head, output);
        sender
    }

    /// Bytes that the mail takes while it is being sent, with the loaded part of its content.
    pub(super) fn held(&self) -> usize {
        retrieval::bytes(&self.outline) + self.loaded.bytes().len()
    }

    /// Takes the piece that the sender needs.
    pub(super) fn set_piece(&mut self, piece: Piece) {
        self.end = self.end.saturating_add(piece.as_bytes().len() as u64);
        self.loaded = Loaded::Piece(piece);
        self.sent = 0;
    }

    /// Appends the next chunk of the mail: at most 32 KiB of the content, which may take about four
    /// times that with line ends and dots. The reply's end is a chunk of its own.
    pub(super) fn send(&mut self, output: &mut Vec<u8>) -> Sent {
        let is_cut = self.cut.as_ref().is_some_and(TopCut::is_over);
        let rest = self.loaded.bytes().get(self.sent..).unwrap_or_default();
        if !is_cut && !rest.is_empty() {
            let chunk = rest.get(..CHUNK_MAX).unwrap_or(rest);
            let mut rendered = Vec::with_capacity(chunk.len());
            self.renderer.render(chunk, &mut rendered);
            self.sent = self.sent.saturating_add(chunk.len());
            self.pass(&rendered, output);
            return Sent::Partial;
        }
        match self.end.cmp(&self.outline.size) {
            _ if is_cut => {}
            std::cmp::Ordering::Equal => {}
            std::cmp::Ordering::Less if self.loaded.bytes().is_empty() => return Sent::Short,
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
