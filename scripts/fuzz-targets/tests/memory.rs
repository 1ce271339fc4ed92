//! Bounds the memory that hostile input takes: requests that claim much, a terminal that never ends
//! a sequence, and RFC 5322 messages of any shape. This is a program of its own, because the
//! counter is its global allocator. Each measurement counts the allocations of its own thread: the
//! test harness allocates on others.

#![allow(missing_docs, clippy::unwrap_used)] // It is all test.

use std::{fs, io::Read};

use correio_client::{
    AttachmentFile, Cancel, MessageDraft, MessageView, Timestamp,
    keys::{Decoder, PASTE_MAX},
    save_attachment,
};
use correio_fuzz::Target;
use correio_proto::{frame, message::ClientMessage};
use tempfile::TempDir;

/// Most bytes allocated for reading a request, besides a multiple of its length.
const REQUEST_MAX: usize = 16 * 1024;

/// The same for everything else in a target, replies included: serde reserves room for a list of
/// mails by the claimed number, up to 1 MiB.
const REPLY_MAX: usize = (1 << 20) + 64 * 1024;

/// Bytes of a sequence or string that a terminal sends without an end.
const ENDLESS: usize = 1 << 20;

/// Most bytes that a decoder holds for a sequence, and besides a paste.
const DECODER_MAX: usize = 4 * 1024;

/// Most bytes that are held while a message is read, saved or made, besides its text and the list
/// of its attachments. Addresses take more memory than their characters.
const MESSAGE_MAX: usize = 3 << 20;

/// Bytes of a message that is larger than what may be held of it.
const LARGE: u64 = 4 << 20;

/// Fails if `run` has more than this many bytes allocated at any moment.
#[track_caller]
fn within(bytes: usize, run: impl FnOnce()) {
    let allocated = allocation_counter::measure(run).bytes_max;
    assert!(allocated <= bytes as u64, "{allocated} bytes allocated, at most {bytes} expected");
}

#[test]
fn allocations_are_counted() {
    assert_eq!(
        allocation_counter::measure(|| drop(Vec::<u8>::with_capacity(5000))).bytes_max,
        5000
    );
}

#[test]
fn a_terminal_that_never_ends_a_sequence_takes_little_memory() {
    let piece = [b'1'; 4096];
    for start in ["\x1b[", "\x1bO", "\x1b]", "\x1bP"] {
        within(DECODER_MAX, || endless(start, &piece, ENDLESS));
    }
    // A paste of twice the limit is kept up to the limit, in a buffer that grows by doubling (the
    // old and the new buffer exist at once).
    within(4 * PASTE_MAX + DECODER_MAX, || endless("\x1b[200~", &piece, 2 * PASTE_MAX));
}

fn endless(start: &str, piece: &[u8], bytes: usize) {
    let (mut decoder, mut events) = (Decoder::new(), Vec::with_capacity(8));
    decoder.feed(start.as_bytes(), &mut events);
    for _ in 0..bytes / piece.len() {
        decoder.feed(piece, &mut events);
    }
    assert!(events.is_empty() && decoder.is_pending());
    decoder.silence(&mut events);
    assert_eq!(events.len(), 1);
}

#[test]
fn nothing_is_allocated_from_a_length_that_is_only_claimed() {
    let target = Target::named("message").unwrap();
    for entry in fs::read_dir(target.corpus()).unwrap() {
        let input = fs::read(entry.unwrap().path()).unwrap();
        let own = 64 * input.len();
        within(REQUEST_MAX + own, || _ = frame::decode::<ClientMessage>(&input));
        within(REPLY_MAX + own, || (target.run)(&input));
    }
}

/// A message of [`LARGE`] bytes: a head, then one text again and again.
fn large(head: &'static str, repeated: &'static str) -> impl Read {
    let again = std::iter::repeat_with(move || repeated.as_bytes());
    head.as_bytes().chain(Repeated { again, left: b"" }.take(LARGE))
}

struct Repeated<I> {
    again: I,
    left: &'static [u8],
}

impl<I: Iterator<Item = &'static [u8]>> Read for Repeated<I> {
    fn read(&mut self, room: &mut [u8]) -> std::io::Result<usize> {
        if self.left.is_empty() {
            self.left = self.again.next().unwrap_or_default();
        }
        self.left.read(room)
    }
}

const MIXED: &str = "Content-Type: multipart/mixed; boundary=B\n\n--B\n";
const BASE64: &str = "Content-Transfer-Encoding: base64\nContent-Type: a/b; name=a\n\n";

#[test]
fn a_message_of_any_shape_takes_little_memory() {
    let read = |head, repeated| drop(MessageView::read(large(head, repeated)).unwrap());
    let line = "QUJDQUJDQUJDQUJDQUJDQUJDQUJDQUJDQUJDQUJDQUJDQUJDQUJDQUJDQUJD\n";
    for (head, repeated) in [
        // One attachment; one line; a head without an end; fields without an end.
        (BASE64, line),
        (BASE64, "QUJDQUJDQUJDQUJDQUJDQUJDQUJDQUJDQUJD"),
        ("", "Received: from somewhere by somewhere else\n"),
        ("", "To: a, b, c, d, e, f, g, h, i, j, k\n"),
        ("Subject: ", "=?utf-8?Q?a"),
        // Parts without an end, with and without a body; multiparts in multiparts.
        (MIXED, "Content-Type: a/b\n\na\n--B\n"),
        (MIXED, "\n\n--B\n"),
        (MIXED, "Content-Type: multipart/mixed; boundary=C\n\n--C\n"),
        ("", "Content-Type: message/rfc822\n\n"),
    ] {
        within(MESSAGE_MAX, || read(head, repeated));
    }
    // A text: what was read, the text while it is decoded, and the buffers as they grow.
    let text = 6 * LARGE as usize + MESSAGE_MAX;
    within(text, || read("\n", "uma linha\n"));
    within(text, || read("Content-Type: text/plain; charset=iso-8859-1\n\n", "\u{e9}"));
    for html in
        ["<div>", "<b><p>", "<a href=https://example.org/>x", "<i a", "&amp;", "<!--", "<pre>\n"]
    {
        within(text, || read("Content-Type: text/html\n\n", html));
    }
}

#[test]
fn an_attachment_is_made_and_saved_piece_by_piece() {
    let directory = TempDir::new().unwrap();
    let file = directory.path().join("a");
    fs::File::create(&file).unwrap().set_len(25 << 20).unwrap();
    let draft = MessageDraft {
        id: "01890a5d-ac96-774b-bcce-b302099a8057".parse().unwrap(),
        from: "tony".parse().unwrap(),
        from_name: "Tony Stark".parse().unwrap(),
        domain: "example.org".to_owned(),
        to: "steve".parse().unwrap(),
        subject: "Grande".parse().unwrap(),
        date: Timestamp(0),
        in_reply_to: None,
        references: vec![],
        text: String::new(),
        attachments: vec![AttachmentFile::open(&file).unwrap()],
    };
    let (message, cancel) = (directory.path().join("message"), Cancel::new());
    within(MESSAGE_MAX, || draft.write(&message, &cancel).unwrap());
    within(MESSAGE_MAX, || {
        let source = fs::File::open(&message).unwrap();
        let saved = save_attachment(source, 1, directory.path(), "x", &cancel).unwrap();
        assert_eq!(saved.metadata().unwrap().len(), 25 << 20);
    });
}
