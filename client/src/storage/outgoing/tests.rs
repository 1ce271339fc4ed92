//! Tests of contents in memory and in files: which of them are refused, and how the others are
//! read.

use std::{fs, path::PathBuf};

use correio_proto::{
    limits,
    mail::{Content, ContentKind, Problem},
};
use proptest::prelude::*;
use tempfile::TempDir;

use super::{
    measure::{Measure, invalid},
    *,
};

fn in_file(bytes: &[u8]) -> (TempDir, PathBuf) {
    let directory = TempDir::new().unwrap();
    let path = directory.path().join("body");
    fs::write(&path, bytes).unwrap();
    (directory, path)
}

fn read_in_pieces(content: &OutgoingContent, length: usize) -> Result<Vec<u8>, ContentError> {
    let mut pieces = ContentPieces::open(content)?;
    let mut bytes = Vec::new();
    while (bytes.len() as u64) < content.size() {
        bytes.extend_from_slice(pieces.next(length)?.as_bytes());
    }
    pieces.compare()?;
    Ok(bytes)
}

#[test]
fn a_file_and_a_text_state_the_same() {
    let text = "Olá,\r\n\0 é só 日本語\n".repeat(40_000);
    let (_directory, path) = in_file(text.as_bytes());
    let (file, memory) =
        (OutgoingContent::file(&path).unwrap(), OutgoingContent::text(&text).unwrap());
    assert_eq!(file.stated(), memory.stated());
    assert_eq!(file.size(), text.len() as u64);
    assert_eq!(file.read().unwrap(), text);
    assert_eq!(file.path(), Some(path));
    for content in [&file, &memory] {
        assert_eq!(read_in_pieces(content, 100_001).unwrap(), text.as_bytes());
        let mut pieces = ContentPieces::open(content).unwrap();
        for position in [700_000, 3, 500_000] {
            pieces.seek(position).unwrap();
            let at = usize::try_from(position).unwrap();
            assert_eq!(pieces.next(10).unwrap().as_bytes(), &text.as_bytes()[at..at + 10]);
        }
        pieces.compare().unwrap();
    }
}

#[test]
fn what_is_no_content_is_refused() {
    for blank in [&b""[..], b" \n\xc2\xa0"] {
        let (_directory, path) = in_file(blank);
        let error = OutgoingContent::file(&path).unwrap_err();
        assert!(matches!(error, ContentError::Invalid(error) if error == invalid(Problem::Empty)));
    }
    assert_eq!(OutgoingContent::text(" \n").unwrap_err().problem, Problem::Empty);
    for (bytes, expected) in
        [(&b"a\nb\n\xe9c"[..], 3), (b"\xff", 1), (b"a\n\xc3", 2), (b"a\n\xc3\nb", 2)]
    {
        let (_directory, path) = in_file(bytes);
        let error = OutgoingContent::file(&path).unwrap_err();
        assert!(matches!(error, ContentError::NotText { line } if line == expected), "{error}");
    }
    let (_directory, path) = in_file(b"");
    // A file of the largest size and one more byte, which takes no room.
    fs::File::options().write(true).open(&path).unwrap().set_len(limits::CONTENT_MAX + 1).unwrap();
    let error = OutgoingContent::file(&path).unwrap_err();
    assert!(matches!(error, ContentError::Invalid(error) if error == OutgoingContent::too_long()));
    assert!(matches!(OutgoingContent::file(path.parent().unwrap()), Err(ContentError::Io { .. })));
}

#[test]
fn a_message_has_any_bytes_and_is_sent_as_a_message() {
    for bytes in [&b"\xff\0 \r\n"[..], b" \n"] {
        let (_directory, path) = in_file(bytes);
        let content = OutgoingContent::message(&path).unwrap();
        assert_eq!(content.stated().kind, ContentKind::Message {});
        assert_eq!(read_in_pieces(&content, 3).unwrap(), bytes);
        assert_eq!(content.inline().unwrap(), Content::Message(bytes.try_into().unwrap()));
        fs::write(&path, "x").unwrap();
        assert!(matches!(
            content.inline(),
            Err(ContentError::Io { .. } | ContentError::Changed { .. })
        ));
    }
    let (_directory, path) = in_file(b"");
    let error = OutgoingContent::message(&path).unwrap_err();
    assert!(matches!(error, ContentError::Invalid(error) if error == invalid(Problem::Empty)));
    assert_eq!(OutgoingContent::text("a").unwrap().kind(), ContentKind::Text {});
}

#[test]
fn a_file_that_changes_is_noticed() {
    let before = "x".repeat(1000);
    for after in ["x".repeat(999), "x".repeat(1001), "x".repeat(999) + "y", String::new()] {
        let (_directory, path) = in_file(before.as_bytes());
        let content = OutgoingContent::file(&path).unwrap();
        fs::write(&path, &after).unwrap();
        let error = read_in_pieces(&content, 100).unwrap_err();
        assert!(matches!(error, ContentError::Changed { .. }), "{error}");
        assert!(matches!(content.read(), Err(ContentError::Changed { .. })));
    }
    let (_directory, path) = in_file(before.as_bytes());
    let content = OutgoingContent::file(&path).unwrap();
    fs::remove_file(&path).unwrap();
    assert!(matches!(content.read(), Err(ContentError::Io { .. })));
}

proptest! {
    #[test]
    fn a_text_is_text_however_it_is_cut(
        text in "(é|日|\u{1f600}|a|\n){1,30}",
        ends in proptest::collection::vec(0..3_usize, 40),
    ) {
        prop_assume!(!text.trim().is_empty());
        let mut measure = Measure::new(ContentKind::Text {});
        let mut rest = text.as_bytes();
        for end in ends {
            let (piece, after) = rest.split_at(end.min(rest.len()));
            measure.take(piece).unwrap();
            rest = after;
        }
        measure.take(rest).unwrap();
        let measured = measure.finish().unwrap();
        prop_assert_eq!(measured, OutgoingContent::text(&text).unwrap().measured);
    }
}
