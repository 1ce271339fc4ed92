//! Drafts with attachments and threads: their files, and the messages that are made of them.

use std::{
    ffi::OsStr,
    fs,
    os::unix::ffi::OsStrExt,
    path::{Path, PathBuf},
    time::{Duration, SystemTime},
};

use correio_proto::{
    capability::{Capabilities, Capability},
    mail::{ContentKind, FullName, Username},
};
use tempfile::TempDir;

use super::super::*;
use crate::{
    cancel::Cancel,
    message::{MakeError, MessageView},
    new_mail_id,
    storage::mailbox::Folder,
};

struct Setup {
    data: TempDir,
    drafts: Drafts,
    username: Username,
    full_name: FullName,
}

impl Setup {
    fn new() -> Self {
        let (data, username) = (TempDir::new().unwrap(), "tony".parse().unwrap());
        let address = "correio.example".parse().unwrap();
        let drafts = Drafts::open(data.path(), &address, &username);
        Self { data, drafts, username, full_name: "Tony Stark".parse().unwrap() }
    }

    fn file(&self, name: impl AsRef<Path>, bytes: &[u8]) -> PathBuf {
        let path = self.data.path().join(name);
        fs::write(&path, bytes).unwrap();
        path
    }

    fn draft(&self, files: &[&Path]) -> Draft {
        let (to, subject, body) = ("pepper".to_owned(), "Oi".to_owned(), "Olá\n".to_owned());
        let mut draft = Draft { to, subject, body, ..Draft::begin(new_mail_id()) };
        for path in files {
            draft.attach(DraftAttachment::open(path).unwrap()).unwrap();
        }
        draft
    }

    fn outgoing(
        &self,
        draft: &Draft,
        capabilities: &Capabilities,
    ) -> Result<DraftMail, DraftMailError> {
        let Self { username, full_name, .. } = self;
        let author = Author { username, full_name, domain: "correio.example" };
        self.drafts.outgoing(draft, &author, capabilities, &Cancel::new())
    }

    fn made(&self, draft: &Draft) -> Vec<u8> {
        let made = self.outgoing(draft, &messages()).unwrap();
        assert_eq!(made.mail.content.kind(), ContentKind::Message {});
        fs::read(made.mail.content.path().unwrap()).unwrap()
    }

    fn names(&self) -> Vec<String> {
        let entries = fs::read_dir(self.drafts.directory()).unwrap();
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
    }
}

fn messages() -> Capabilities {
    [Capability::messages()].into()
}

fn origin(references: &[&str]) -> Box<DraftOrigin> {
    Box::new(DraftOrigin {
        action: OriginAction::Reply,
        folder: Folder::Received,
        id: new_mail_id(),
        from: "pepper".parse().unwrap(),
        references: references.iter().map(|id| id.parse().unwrap()).collect(),
    })
}

#[test]
fn a_draft_keeps_its_files_and_its_thread() {
    let setup = Setup::new();
    let latin = OsStr::from_bytes(b"ol\xe1.txt");
    let files = [setup.file("写真.png", b"x"), setup.file(latin, b"y")];
    let mut draft = setup.draft(&[&files[0], &files[1]]);
    draft.origin = Some(origin(&["a@b", "c@d"]));
    setup.drafts.save(&draft).unwrap();
    let Reopened::Draft(file, reopened) = setup.drafts.reopen(draft.id).unwrap() else { panic!() };
    assert_eq!(reopened, draft);
    drop(file);
    // What an older version has written has neither.
    let (id, text) = (new_mail_id(), r#""to": "pepper", "subject": "Oi", "body": "x""#);
    let path = setup.drafts.file(id);
    fs::write(path, format!(r#"{{ "sequence": 1, "id": "{id}", {text} }}"#)).unwrap();
    let list = setup.drafts.list().unwrap();
    assert!(list.skipped.is_empty(), "{list:?}");
    let old = list.drafts.iter().find(|draft| draft.id == id).unwrap();
    assert_eq!((old.attachments.len(), &old.origin), (0, &None));
}

#[test]
fn a_message_is_made_once_and_needs_its_files_no_more() {
    let mut setup = Setup::new();
    let file = setup.file("nota.txt", b"nove");
    let mut draft = setup.draft(&[&file]);
    draft.origin = Some(origin(&["a@b", "c@d"]));
    setup.drafts.save(&draft).unwrap();
    let made = setup.made(&draft);
    let view = MessageView::read(&made[..]).unwrap();
    assert_eq!(view.attachments[0].name.as_deref(), Some("nota.txt"));
    let ids = |ids: &[crate::MessageId]| ids.iter().map(ToString::to_string).collect::<Vec<_>>();
    assert_eq!(ids(&view.fields.references), ["a@b", "c@d"]);
    assert_eq!(ids(&view.fields.in_reply_to), ["c@d"]);
    fs::remove_file(&file).unwrap();
    setup.full_name = "Iron Man".parse().unwrap();
    assert_eq!(setup.made(&draft), made);
    assert_eq!(setup.drafts.list().unwrap().skipped, []);
    setup.drafts.delete_draft(&draft).unwrap();
    assert!(setup.names().is_empty(), "{:?}", setup.names());
}

#[test]
fn a_message_that_is_made_anew_is_the_same() {
    let setup = Setup::new();
    let draft = setup.draft(&[&setup.file("nota.txt", &[0xff; 1000])]);
    setup.drafts.save(&draft).unwrap();
    let made = setup.made(&draft);
    // A program was killed while it made the message.
    let path = setup.drafts.file(draft.id);
    fs::remove_file(path.with_extension("message")).unwrap();
    fs::write(path.with_extension("making"), &made[..10]).unwrap();
    assert_eq!(setup.made(&draft), made);
}

#[test]
fn a_file_that_is_gone_or_was_changed_is_named_and_the_draft_stays() {
    let setup = Setup::new();
    let file = setup.file("nota.txt", b"nove");
    let draft = setup.draft(&[&file]);
    setup.drafts.save(&draft).unwrap();
    fs::write(&file, "outra").unwrap();
    let error = setup.outgoing(&draft, &messages()).unwrap_err();
    assert!(matches!(error, DraftMailError::Make(MakeError::Changed { path }) if path == file));
    // The same length, at another time.
    fs::write(&file, "onze").unwrap();
    let later = SystemTime::now() + Duration::from_secs(60);
    fs::File::options().write(true).open(&file).unwrap().set_modified(later).unwrap();
    let error = setup.outgoing(&draft, &messages()).unwrap_err();
    assert!(matches!(error, DraftMailError::Make(MakeError::Changed { .. })));
    fs::remove_file(&file).unwrap();
    let error = setup.outgoing(&draft, &messages()).unwrap_err();
    assert!(
        matches!(error, DraftMailError::Make(MakeError::Attachment { path, .. }) if path == file)
    );
    assert_eq!(setup.names(), [format!("{}.json", draft.id)]);
}

#[test]
fn a_server_without_messages_gets_an_answer_as_a_text_and_no_attachment() {
    let setup = Setup::new();
    let none = Capabilities::default();
    let mut draft = setup.draft(&[]);
    let made = setup.outgoing(&draft, &none).unwrap();
    assert_eq!((made.mail.content.kind(), made.thread), (ContentKind::Text {}, ThreadFields::Kept));
    draft.origin = Some(origin(&["a@b"]));
    let made = setup.outgoing(&draft, &none).unwrap();
    let expected = (ContentKind::Text {}, ThreadFields::LeftOut);
    assert_eq!((made.mail.content.kind(), made.thread), expected);
    let draft = setup.draft(&[&setup.file("nota.txt", b"x")]);
    let error = setup.outgoing(&draft, &none).unwrap_err();
    assert!(matches!(error, DraftMailError::NoMessages));
}

#[test]
fn files_of_one_draft_alone_go_with_it_and_what_was_left_goes_after_a_day() {
    let setup = Setup::new();
    let own = setup.drafts.attached_directory().unwrap();
    fs::write(own.join("a.txt"), "a").unwrap();
    let other = setup.file("b.txt", b"b");
    let draft = setup.draft(&[&own.join("a.txt"), &other]);
    setup.drafts.save(&draft).unwrap();
    let left = setup.drafts.attached_directory().unwrap();
    fs::write(left.join("c.txt"), "c").unwrap();
    let message = setup.drafts.file(new_mail_id()).with_extension("message");
    fs::write(&message, "x").unwrap();
    assert!(setup.drafts.list().unwrap().skipped.is_empty());
    assert!(left.exists() && message.exists(), "another program may be about to save a draft");
    let before = SystemTime::now() - Duration::from_secs(25 * 60 * 60);
    for path in [&left, &message, &own] {
        fs::File::open(path).unwrap().set_modified(before).unwrap();
    }
    let damaged = setup.drafts.file(new_mail_id());
    fs::write(&damaged, "{").unwrap();
    assert_eq!(setup.drafts.list().unwrap().skipped.len(), 1);
    assert!(left.exists(), "the damaged draft may have it");
    fs::remove_file(&damaged).unwrap();
    setup.drafts.list().unwrap();
    assert!(!left.exists() && !message.exists());
    assert!(own.exists(), "a draft has it");
    setup.drafts.delete_draft(&draft).unwrap();
    assert!(!own.exists() && other.exists());
}

/// The draft has the paths that were valid when it was written.
#[test]
fn files_of_a_draft_stay_when_the_directory_is_reached_by_another_path() {
    let setup = Setup::new();
    let own = setup.drafts.attached_directory().unwrap();
    fs::write(own.join("a.txt"), "a").unwrap();
    setup.drafts.save(&setup.draft(&[&own.join("a.txt")])).unwrap();
    let before = SystemTime::now() - Duration::from_secs(25 * 60 * 60);
    fs::File::open(&own).unwrap().set_modified(before).unwrap();
    let links = TempDir::new().unwrap();
    let link = links.path().join("data");
    std::os::unix::fs::symlink(setup.data.path(), &link).unwrap();
    let linked = Drafts::open(&link, &"correio.example".parse().unwrap(), &setup.username);
    assert_eq!(linked.list().unwrap().drafts.len(), 1);
    assert!(own.join("a.txt").exists());
}

#[test]
fn files_of_a_draft_go_with_it_when_the_directory_is_reached_by_another_path() {
    let setup = Setup::new();
    let links = TempDir::new().unwrap();
    let link = links.path().join("data");
    std::os::unix::fs::symlink(setup.data.path(), &link).unwrap();
    let linked = Drafts::open(&link, &"correio.example".parse().unwrap(), &setup.username);
    // Attached by one path and deleted by the other, in both ways.
    for (attaching, deleting) in [(&setup.drafts, &linked), (&linked, &setup.drafts)] {
        let own = attaching.attached_directory().unwrap();
        fs::write(own.join("a.txt"), "a").unwrap();
        let draft = setup.draft(&[&own.join("a.txt")]);
        attaching.save(&draft).unwrap();
        deleting.delete_draft(&draft).unwrap();
        assert!(!own.exists());
    }
    // A directory of the same name elsewhere, and a link in the drafts' directory, are others'.
    let elsewhere = links.path().join("x.attached");
    fs::create_dir(&elsewhere).unwrap();
    fs::write(elsewhere.join("a.txt"), "a").unwrap();
    let inside = linked.directory().join("x.attached");
    std::os::unix::fs::symlink(&elsewhere, &inside).unwrap();
    for path in [elsewhere.join("a.txt"), inside.join("a.txt")] {
        linked.delete_draft(&setup.draft(&[&path])).unwrap();
        assert!(elsewhere.join("a.txt").exists(), "{}", path.display());
    }
}

#[test]
fn more_files_than_a_message_takes_are_refused_when_they_are_attached() {
    let setup = Setup::new();
    let file = DraftAttachment::open(&setup.file("nota.txt", b"x")).unwrap();
    let mut draft = setup.draft(&[]);
    for _ in 0..100 {
        draft.attach(file.clone()).unwrap();
    }
    assert!(matches!(draft.attach(file), Err(MakeError::TooMany { max: 100 })));
    let large = setup.file("grande", b"");
    fs::File::options().write(true).open(&large).unwrap().set_len(50 << 20).unwrap();
    let large = DraftAttachment::open(&large).unwrap();
    let mut draft = setup.draft(&[]);
    assert!(matches!(draft.attach(large), Err(MakeError::TooLarge { .. })));
}
