//! Target `mime`: reads an RFC 5322 message of another person, saves its attachments, and answers
//! it.

use std::{fs, path::Path};

use correio_client::{
    AttachmentFile, Cancel, Forwarded, FromField, MessageDraft, MessageView, Timestamp,
    forward_subject, forwarded_text, quoted_text, references, reply_subject, save_attachment,
};
use correio_proto::limits;
use tempfile::TempDir;

use crate::pieces::{Pieces, Source};

/// Attachments of a message that are saved.
const SAVED_MAX: usize = 3;

/// The id of the mails that are made.
const ID: &str = "01890a5d-ac96-774b-bcce-b302099a8057";

pub(crate) fn run(data: &[u8]) {
    let view = MessageView::read(data).unwrap();
    let mut pieces = Pieces::new([1, 7, 2]);
    let source = Source { bytes: data, pieces: &mut pieces };
    assert_eq!(MessageView::read(source).unwrap(), view, "whatever the pieces");

    assert!(view.text.text.len() <= limits::BODY_MAX);
    assert!(view.fields.references.len() <= 200);
    let decoded: u64 = view.attachments.iter().map(|attachment| attachment.size).sum();
    assert!(decoded <= data.len() as u64, "nothing is longer after decoding");

    let directory = TempDir::new().unwrap();
    let saved = saved(data, &view, directory.path());
    let text = answered(&view, saved, directory.path());
    let expected = lines(&view.text.text);
    assert_eq!(lines(&text), expected, "an answer with the same text has the same lines");
}

/// Saves attachments, and returns their files.
fn saved(data: &[u8], view: &MessageView, directory: &Path) -> Vec<AttachmentFile> {
    let mut files = Vec::new();
    for attachment in view.attachments.iter().take(SAVED_MAX) {
        let saved = save_attachment(data, attachment.index, directory, "anexo", &Cancel::new());
        let path = saved.unwrap();
        assert_eq!(path.parent(), Some(directory));
        let metadata = path.symlink_metadata().unwrap();
        assert!(metadata.is_file() && metadata.len() == attachment.size);
        assert!(!path.file_name().unwrap().to_str().unwrap().starts_with('.'));
        files.push(AttachmentFile::open(&path).unwrap());
        let found = fs::read_dir(directory).unwrap().count();
        assert_eq!(found, files.len(), "one more file, and nothing else");
    }
    files
}

/// Makes an answer with the text of a message and these files, and returns the text that its reader
/// sees.
fn answered(view: &MessageView, files: Vec<AttachmentFile>, directory: &Path) -> String {
    let quoted = quoted_text("x", &view.text.text);
    assert!(quoted.lines().skip(1).all(|line| line.starts_with('>')));
    let fields = [("De", view.fields.from.as_str())];
    let forwarded = Forwarded { title: "x", fields: &fields, text: &view.text.text };
    assert!(forwarded_text(&forwarded).starts_with("---------- x ----------\n"));
    assert!(forward_subject(&view.fields.subject).as_str().starts_with("Enc:"));
    let draft = MessageDraft {
        id: ID.parse().unwrap(),
        from: "tony".parse().unwrap(),
        from_name: "Tony Stark".parse().unwrap(),
        domain: "example.org".to_owned(),
        to: "steve".parse().unwrap(),
        subject: reply_subject(&view.fields.subject),
        date: Timestamp(1_700_000_000_000),
        in_reply_to: view.fields.message_id.clone(),
        references: references(&view.fields, None),
        text: view.text.text.clone(),
        attachments: files,
    };
    let path = directory.join("message");
    draft.write(&path, &Cancel::new()).unwrap();
    let made = fs::read(&path).unwrap();
    let answer = MessageView::read(made.as_slice()).unwrap();
    assert_eq!(answer.fields.subject, draft.subject.as_str());
    assert_eq!(answer.fields.from_field(&draft.from), FromField::Sender);
    assert_eq!(answer.fields.references, draft.references);
    assert_eq!(answer.attachments.len(), draft.attachments.len());
    for (attachment, file) in answer.attachments.iter().zip(&draft.attachments) {
        assert_eq!(attachment.name.as_deref(), Some(file.name()));
        assert_eq!((attachment.size, attachment.is_damaged), (file.size(), false));
    }
    answer.text.text
}

/// The lines of a text, without empty ones at its end.
fn lines(text: &str) -> Vec<&str> {
    text.trim_end().lines().collect()
}
