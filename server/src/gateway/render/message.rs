//! Renders a mail whose content is a message, which has a head of its own.
//!
//! The server puts fields before that head. In the message, line ends become CR LF and NULs are
//! left out. Lines above 998 octets stay: a cut would break signatures, and programs read such
//! lines.
//!
//! **The author.** The server takes any message from an account that is logged in, so `From` in a
//! message may name another person. A mail program shows `From` and nothing of the account, so that
//! its user would believe `From`. The message's own field therefore counts only if it is the only
//! one and names the account's address and no other name than the account's full name, and if the
//! message has no `Sender`, `Resent-From` or `Resent-Sender`, which some programs show before the
//! author. Otherwise the server writes a `From` with the account, and renames the message's own
//! fields, `From` to `X-By`, since programs differ in which of two they show. The author that a
//! program shows is always the account that sent the mail.
//!
//! **The end of the head.** Some programs wait for ever for the empty line after a head. A message
//! without such a line gets one at its end.
//!
//! Neither changes the number of octets, which the server has stated before it reads the message.
//! The server therefore always writes a field with the account, and names it `X-Correio-Sender`
//! where the message's author counts. Spaces after the field's colon make up for a shorter name and
//! for the empty line.

use correio_proto::rfc5322::{self, AuthorDomain};

use super::{
    author_field::{self, AuthorRenamer},
    head::{self, Head},
    line_ends::{LineEndMaker, Nuls},
};
use crate::store::gateway::MailOutline;

/// Bytes of a message in which its author and the end of its head are sought: more than the head of
/// any usual message. The author of a longer head does not count.
const START_MAX: usize = 64 * 1024;

/// The end of a head's last line, and the empty line after it.
const HEAD_END: &[u8] = b"\r\n\r\n";

/// An empty line, which is a line end.
const EMPTY_LINE: &[u8] = b"\r\n";

/// The name of the account's field where the message's own author counts.
const SENDER: &str = "X-Correio-Sender";

/// Column at which the value of the account's field begins in a message whose head has no end.
const VALUE_COLUMN: usize = SENDER.len() + 2;

/// The author that programs show.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum ShownAuthor {
    /// The message's own `From`, which names the account.
    Message,
    /// The `From` that the server writes.
    Server,
}

/// Whether the head of a message has an end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum HeadEnd {
    Found,
    Missing,
}

/// The fields that the server puts before a message.
fn fields(outline: &MailOutline, domain: &str, author: ShownAuthor, end: HeadEnd) -> String {
    let name = match author {
        ShownAuthor::Message => SENDER,
        ShownAuthor::Server => "From",
    };
    let column = match end {
        HeadEnd::Found => VALUE_COLUMN + EMPTY_LINE.len(),
        HeadEnd::Missing => VALUE_COLUMN,
    };
    let mut head = Head::default();
    head::add_return_path(&mut head, outline, domain);
    head.padded(name, column, rfc5322::author(&outline.from, &outline.from_name, domain));
    // The last field: a message that begins with a space continues it, and programs do not show it.
    head::add_received(&mut head, outline, domain);
    head.into_text()
}

/// The octets of the fields before a message, with the empty line that a message may need.
pub(super) fn head_octets(outline: &MailOutline, domain: &str) -> u64 {
    fields(outline, domain, ShownAuthor::Server, HeadEnd::Found).len() as u64
}

/// Renders a message.
#[derive(Debug)]
pub(super) struct MessageRenderer {
    ends: LineEndMaker,
    state: State,
}

#[derive(Debug)]
enum State {
    /// The author is not decided: the message's start is being collected.
    Start(Start),
    /// Programs show the message's author: the rest is copied as it is.
    Copied(HeadEnd),
    /// Programs show the server's author: the message's own fields are renamed.
    Renamed(AuthorRenamer, HeadEnd),
}

#[derive(Debug)]
struct Start {
    /// The first bytes of the message, at most [`START_MAX`], with CR LF line ends.
    bytes: Vec<u8>,
    outline: MailOutline,
    domain: String,
}

impl MessageRenderer {
    /// A renderer at the start of a message.
    pub(super) fn new(outline: &MailOutline, domain: &str) -> Self {
        let (outline, domain) = (outline.clone(), domain.to_owned());
        let start = Start { bytes: Vec::new(), outline, domain };
        Self { ends: LineEndMaker::new(Nuls::Dropped), state: State::Start(start) }
    }

    /// Appends what a piece completes.
    pub(super) fn render(&mut self, piece: &[u8], output: &mut Vec<u8>) {
        if let State::Copied(_) = self.state {
            self.ends.make(piece, output);
            return;
        }
        let mut made = Vec::with_capacity(piece.len());
        self.ends.make(piece, &mut made);
        self.copy(&made, output);
    }

    /// Appends the rest.
    pub(super) fn finish(mut self, output: &mut Vec<u8>) {
        let mut last = Vec::new();
        self.ends.clone().finish(&mut last);
        self.copy(&last, output);
        match self.state {
            State::Start(mut start) => {
                // The message is a head and nothing else.
                start.bytes.extend_from_slice(EMPTY_LINE);
                start.decide(HeadEnd::Missing, output);
            }
            State::Copied(HeadEnd::Missing) | State::Renamed(_, HeadEnd::Missing) => {
                output.extend_from_slice(EMPTY_LINE);
            }
            State::Copied(HeadEnd::Found) | State::Renamed(_, HeadEnd::Found) => {}
        }
    }

    /// Takes bytes whose line ends are CR LF.
    fn copy(&mut self, made: &[u8], output: &mut Vec<u8>) {
        match &mut self.state {
            State::Start(start) => {
                let missing = START_MAX.saturating_sub(start.bytes.len());
                let (first, rest) = made.split_at_checked(missing).unwrap_or((made, &[]));
                let searched = start.bytes.len().saturating_sub(HEAD_END.len());
                start.bytes.extend_from_slice(first);
                let end = match start.has_head_end(searched) {
                    true => HeadEnd::Found,
                    false if start.bytes.len() < START_MAX => return,
                    false => HeadEnd::Missing,
                };
                self.state = start.decide(end, output);
                self.copy(rest, output);
            }
            State::Copied(_) => output.extend_from_slice(made),
            State::Renamed(renamer, _) => renamer.copy(made, output),
        }
    }
}

impl Start {
    /// Whether the head ends in the start. The first `searched` bytes were searched before.
    fn has_head_end(&self, searched: usize) -> bool {
        let unsearched = self.bytes.get(searched..).unwrap_or_default();
        self.bytes.starts_with(EMPTY_LINE) || memchr::memmem::find(unsearched, HEAD_END).is_some()
    }

    /// Decides which author programs show. Appends the server's fields and the start.
    fn decide(&mut self, end: HeadEnd, output: &mut Vec<u8>) -> State {
        let (outline, domain) = (&self.outline, AuthorDomain::Only(&self.domain));
        let is_account = rfc5322::is_author(&self.bytes, &outline.from, &outline.from_name, domain);
        let author = match is_account && !author_field::has_sender(&self.bytes) {
            true => ShownAuthor::Message,
            false => ShownAuthor::Server,
        };
        output.extend_from_slice(fields(outline, &self.domain, author, end).as_bytes());
        let bytes = std::mem::take(&mut self.bytes);
        match author {
            ShownAuthor::Message => {
                output.extend_from_slice(&bytes);
                State::Copied(end)
            }
            ShownAuthor::Server => {
                let mut renamer = AuthorRenamer::default();
                renamer.copy(&bytes, output);
                State::Renamed(renamer, end)
            }
        }
    }
}
