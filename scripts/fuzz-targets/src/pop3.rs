//! Target `pop3`: a flag, lengths of pieces, and the content of a mail for a mail program.
//!
//! The mail is the same whatever the pieces, has the octets that were stated before its content was
//! read, and comes back from the reply of POP3. Whatever a message says, its author is the account.

use correio_client::MessageView;
use correio_proto::mail::{ContentKind, MailRef, Seq, Timestamp};
use correio_server::{
    gateway::{
        pop3::stuffing::Stuffer,
        render::{Renderer, octets},
    },
    store::gateway::{MailOutline, Texture},
};

use crate::{input::Input, pieces::Pieces};

/// What is kept of a head, in bytes.
const START_MAX: usize = 64 * 1024;

const DOMAIN: &str = "mail.example";

/// What programs show as the author, in lower case.
const AUTHORS: [&str; 2] = ["tony stark <tony@mail.example>", "tony@mail.example"];

pub(crate) fn run(data: &[u8]) {
    let mut input = Input(data);
    let flags = input.byte();
    let kind = match flags % 2 {
        0 => ContentKind::Text {},
        _ => ContentKind::Message {},
    };
    let lengths: Vec<usize> = input.take(4).iter().map(|byte| usize::from(*byte)).collect();
    // Fields before the content, so that its head ends near the bytes that are kept of one.
    let filler = match flags & 2 {
        0 => Vec::new(),
        _ => {
            let end = START_MAX - 512 + 2 * usize::from(input.byte());
            let field = b"X: y\r\n";
            field.iter().copied().cycle().take(end / field.len() * field.len()).collect()
        }
    };
    let content = &[&filler[..], input.rest()].concat()[..];
    let outline = outline(kind, content);
    let whole = reply(&outline, content, &mut Pieces::new([]));
    let pieces = reply(&outline, content, &mut Pieces::new(lengths.iter().copied()));
    assert_eq!(pieces, whole, "in pieces of {lengths:?}");

    let mail = unstuffed(&whole);
    assert_eq!(mail.len() as u64, octets(&outline, DOMAIN));
    assert!(mail.ends_with(b"\r\n") && !mail.contains(&0));
    assert!(mail.windows(4).any(|bytes| bytes == b"\r\n\r\n"), "the head has an end");
    check_senders(&mail);
    let view = MessageView::read(&mail[..]).unwrap();
    let author = view.fields.from.to_ascii_lowercase();
    assert!(AUTHORS.contains(&author.as_str()), "{author} in {}", mail.escape_ascii());
}

/// No program finds an author beside `From`: no line of the head, whatever it has before its colon
/// besides letters, is a field that says who sent the mail.
fn check_senders(mail: &[u8]) {
    let end = mail.windows(4).position(|bytes| bytes == b"\r\n\r\n").unwrap();
    let mut froms = 0;
    for line in mail[..end + 2].split_inclusive(|byte| *byte == b'\n') {
        let name = line.split(|byte| *byte == b':').next().unwrap_or_default();
        if !line.contains(&b':') || line.starts_with(b" ") || line.starts_with(b"\t") {
            continue;
        }
        let is_blank = |byte: &u8| matches!(byte, b' ' | b'\t' | 0x0b | 0x0c);
        let length = name.iter().rposition(|byte| !is_blank(byte)).map_or(0, |last| last + 1);
        let name = name[..length].to_ascii_lowercase();
        froms += u32::from(name == b"from");
        assert!(
            ![&b"sender"[..], b"resent-from", b"resent-sender"].contains(&&name[..]),
            "{}",
            line.escape_ascii()
        );
    }
    assert_eq!(froms, 1, "{}", mail[..end].escape_ascii());
}

/// The lines of the reply that carries a mail.
fn reply(outline: &MailOutline, mut content: &[u8], pieces: &mut Pieces) -> Vec<u8> {
    let (mut rendered, mut reply) = (Vec::new(), Vec::new());
    let (mut renderer, mut stuffer) =
        (Renderer::begin(outline, DOMAIN, &mut rendered), Stuffer::new());
    while !content.is_empty() {
        let (piece, rest) = content.split_at(pieces.length(content.len()));
        renderer.render(piece, &mut rendered);
        stuffer.stuff(&rendered, &mut reply);
        rendered.clear();
        content = rest;
    }
    renderer.finish(&mut rendered);
    stuffer.stuff(&rendered, &mut reply);
    stuffer.finish(&mut reply);
    reply
}

/// The mail, as a program reads it to the first line that is a dot.
fn unstuffed(reply: &[u8]) -> Vec<u8> {
    let mut lines = reply.split_inclusive(|byte| *byte == b'\n');
    let mut mail = Vec::new();
    for line in lines.by_ref().take_while(|line| *line != b".\r\n") {
        mail.extend_from_slice(line.strip_prefix(b".").unwrap_or(line));
    }
    assert_eq!(lines.next(), None, "the reply ends at its end");
    mail
}

fn outline(kind: ContentKind, content: &[u8]) -> MailOutline {
    let id = "01890a5d-ac96-774b-bcce-b302099a8057".parse().unwrap();
    MailOutline {
        mail: MailRef { seq: Seq(42), id },
        from: "tony".parse().unwrap(),
        from_name: "Tony Stark".parse().unwrap(),
        to: vec!["pepper".parse().unwrap()],
        subject: "Armadura".parse().unwrap(),
        sent_at: Timestamp(1_767_225_600_000),
        kind,
        size: content.len() as u64,
        texture: texture(content),
    }
}

/// The texture, counted byte by byte.
fn texture(content: &[u8]) -> Texture {
    let mut texture = Texture { is_ascii: content.is_ascii(), ..Texture::default() };
    let mut line = 0;
    for (at, byte) in content.iter().enumerate() {
        let before = at.checked_sub(1).map(|at| content[at]);
        let is_bare = match byte {
            b'\r' => content.get(at + 1) != Some(&b'\n'),
            b'\n' => before != Some(b'\r'),
            _ => false,
        };
        texture.is_ended = matches!(byte, b'\r' | b'\n');
        line = if texture.is_ended { 0 } else { line + 1 };
        texture.bare_ends += u64::from(is_bare);
        texture.nuls += u64::from(*byte == 0);
        texture.longest_line = texture.longest_line.max(line);
    }
    texture
}
