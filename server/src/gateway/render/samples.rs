//! Outlines for the tests of gateways.

use correio_proto::mail::{ContentKind, MailRef, Seq, Timestamp};

use crate::store::gateway::{MailOutline, Texture};

/// The texture of a content.
pub(in crate::gateway) fn texture(content: &[u8]) -> Texture {
    let is_end = |byte: &u8| matches!(byte, b'\r' | b'\n');
    let neighbour = |at: Option<usize>| at.and_then(|at| content.get(at)).copied();
    let bare = |(at, byte): (usize, &u8)| match byte {
        b'\r' => neighbour(Some(at + 1)) != Some(b'\n'),
        b'\n' => neighbour(at.checked_sub(1)) != Some(b'\r'),
        _ => false,
    };
    Texture {
        bare_ends: content.iter().enumerate().filter(|byte| bare(*byte)).count() as u64,
        nuls: content.iter().filter(|byte| **byte == 0).count() as u64,
        longest_line: content.split(is_end).map(<[u8]>::len).max().unwrap_or_default() as u64,
        is_ended: content.last().is_some_and(is_end),
        is_ascii: content.is_ascii(),
    }
}

/// The outline of a mail from `tony` to `pepper` and `bruce`, the 42nd mail of its store.
pub(in crate::gateway) fn outline(kind: ContentKind, content: &[u8]) -> MailOutline {
    MailOutline {
        mail: MailRef { seq: Seq(42), id: "01890a5d-ac96-774b-bcce-b302099a8057".parse().unwrap() },
        from: "tony".parse().unwrap(),
        from_name: "Tony Stark".parse().unwrap(),
        to: vec!["pepper".parse().unwrap(), "bruce".parse().unwrap()],
        subject: "Armadura".parse().unwrap(),
        sent_at: Timestamp(1_767_225_600_000),
        kind,
        size: content.len() as u64,
        texture: texture(content),
    }
}
