//! Drafts on disk: their order, what marks them as in use, and what a fault leaves.

mod messages;

use std::{fs, io, os::unix::fs::symlink, thread};

use correio_proto::mail::MailId;
use proptest::prelude::*;
use tempfile::TempDir;

use super::{extension::TEMPORARY, record::NewRecord, *};
use crate::storage::outgoing::{OutgoingContent, OutgoingMail};

fn open(data: &TempDir) -> Drafts {
    let address = "correio.example".parse().unwrap();
    Drafts::open(data.path(), &address, &"tony".parse().unwrap())
}

fn draft(subject: &str) -> Draft {
    Draft {
        to: "pepper, quem?".to_owned(),
        subject: subject.to_owned(),
        body: "Olá\r\n\0".to_owned(),
        ..Draft::begin(crate::new_mail_id())
    }
}

fn json(draft: &Draft, sequence: u64) -> Vec<u8> {
    let mut json = Vec::new();
    NewRecord::of(draft, sequence).write(&mut json).unwrap();
    json
}

fn subjects(drafts: &[Draft]) -> Vec<&str> {
    drafts.iter().map(|draft| draft.subject.as_str()).collect()
}

fn reopened(drafts: &Drafts, id: MailId) -> (DraftFile, Draft) {
    match drafts.reopen(id).unwrap() {
        Reopened::Draft(file, draft) => (file, draft),
        other => panic!("{other:?}"),
    }
}

#[test]
fn drafts_are_kept_replaced_and_deleted() {
    let data = TempDir::new().unwrap();
    let drafts = open(&data);
    let [mut first, second] = [draft("primeiro"), draft("")];
    for draft in [&second, &first] {
        drafts.save(draft).unwrap();
    }
    first.subject = "mudado".to_owned();
    drafts.save(&first).unwrap();
    let kept = DraftList { drafts: vec![second.clone(), first.clone()], ..DraftList::default() };
    assert_eq!(open(&data).list().unwrap(), kept);
    drafts.delete(first.id).unwrap();
    drafts.delete(first.id).unwrap();
    assert_eq!(drafts.list().unwrap().drafts, [second]);
}

#[test]
fn the_draft_written_last_is_the_last() {
    let data = TempDir::new().unwrap();
    let drafts = open(&data);
    // The ids grow with the clock; they are used in the other order.
    let [old, middle, new] = ["velho", "meio", "novo"].map(draft);
    for draft in [&new, &middle, &old] {
        drafts.save(draft).unwrap();
    }
    assert_eq!(subjects(&drafts.list().unwrap().drafts), ["novo", "meio", "velho"]);
    let (mut file, again) = reopened(&drafts, new.id);
    file.autosave(&again).unwrap();
    file.save(&again).unwrap();
    drop(file);
    assert_eq!(subjects(&drafts.list().unwrap().drafts), ["meio", "velho", "novo"]);
    // Saved once more it needs no new number.
    let before = fs::read(drafts.file(new.id)).unwrap();
    drafts.save(&again).unwrap();
    assert_eq!(fs::read(drafts.file(new.id)).unwrap(), before);
}

#[test]
fn a_thousand_drafts_are_all_listed() {
    let data = TempDir::new().unwrap();
    let drafts = open(&data);
    drafts.save(&draft("0")).unwrap();
    for number in (1..1000).rev() {
        let draft = draft(&number.to_string());
        let json = json(&draft, 1000 - number);
        fs::write(drafts.file(draft.id), json).unwrap();
    }
    drafts.save(&draft("último")).unwrap();
    let list = drafts.list().unwrap();
    assert_eq!((list.drafts.len(), list.skipped.len()), (1001, 0));
    assert_eq!(drafts.count().unwrap(), 1001);
    assert_eq!(list.drafts.last().unwrap().subject, "último");
}

#[test]
fn drafts_of_an_older_version_are_read() {
    let data = TempDir::new().unwrap();
    let drafts = open(&data);
    let new = draft("novo");
    drafts.save(&new).unwrap();
    let old = draft("velho");
    let json = format!(
        "{{\n  \"id\": \"{}\",\n  \"to\": \"\",\n  \"subject\": \"velho\",\n  \"body\": \"x\"\n}}",
        old.id
    );
    fs::write(drafts.file(old.id), json).unwrap();
    assert_eq!(subjects(&drafts.list().unwrap().drafts), ["velho", "novo"]);
    let (mut file, mut again) = reopened(&drafts, old.id);
    again.body.push('y');
    file.save(&again).unwrap();
    drop(file);
    assert_eq!(subjects(&drafts.list().unwrap().drafts), ["novo", "velho"]);
}

#[test]
fn a_damaged_draft_is_named_and_left() {
    let data = TempDir::new().unwrap();
    let drafts = open(&data);
    let [kept, damaged] = [draft("x"), draft("y")];
    for draft in [&kept, &damaged] {
        drafts.save(draft).unwrap();
    }
    let whole = fs::read(drafts.file(damaged.id)).unwrap();
    fs::write(drafts.file(damaged.id), &whole[..whole.len() / 2]).unwrap();
    fs::copy(drafts.file(kept.id), drafts.directory().join("copy.json")).unwrap();
    fs::write(drafts.directory().join("notes.txt"), "…").unwrap();
    fs::write(drafts.directory().join("half.tmp"), "{").unwrap();
    symlink("nowhere", drafts.directory().join("dangling.json")).unwrap();
    fs::create_dir(drafts.directory().join("folder.json")).unwrap();
    let list = drafts.list().unwrap();
    assert_eq!(list.drafts, [kept]);
    let mut named: Vec<_> = list
        .skipped
        .iter()
        .map(|skipped| skipped.path.file_name().unwrap().to_str().unwrap())
        .collect();
    named.sort_unstable();
    let damaged_name = format!("{}.json", damaged.id);
    let mut expected =
        [&*damaged_name, "copy.json", "dangling.json", "folder.json", "half.tmp", "notes.txt"];
    expected.sort_unstable();
    assert_eq!(named, expected);
    let error = drafts.reopen(damaged.id).unwrap_err();
    assert_eq!(error.source.kind(), io::ErrorKind::InvalidData);
    assert_eq!(fs::read(drafts.file(damaged.id)).unwrap(), whole[..whole.len() / 2]);
}

#[test]
fn a_draft_that_is_being_written_is_not_offered_to_others() {
    let data = TempDir::new().unwrap();
    let drafts = open(&data);
    let mut file = drafts.begin();
    assert_eq!((file.path(), drafts.list().unwrap()), (None, DraftList::default()));
    let mut typed = Draft { to: String::new(), body: String::new(), ..draft("Oi") };
    for piece in ["O", "l", "á"] {
        typed.body.push_str(piece);
        file.autosave(&typed).unwrap();
        let list = open(&data).list().unwrap();
        assert_eq!((&list.drafts[..], &list.in_use[..]), (&[][..], &[typed.clone()][..]));
        assert!(matches!(drafts.reopen(typed.id).unwrap(), Reopened::InUse));
    }
    file.save(&typed).unwrap();
    assert_eq!(drafts.list().unwrap().in_use.len(), 1);
    drop(file);
    let list = drafts.list().unwrap();
    assert_eq!((list.drafts, list.in_use), (vec![typed.clone()], vec![]));
    let (file, again) = reopened(&drafts, typed.id);
    assert_eq!(again, typed);
    assert_eq!(drafts.list().unwrap().in_use.len(), 1);
    file.delete().unwrap();
    assert_eq!(drafts.list().unwrap(), DraftList::default());
    assert!(matches!(drafts.reopen(typed.id).unwrap(), Reopened::Gone));
}

#[test]
fn another_id_takes_the_place_of_the_one_before() {
    let data = TempDir::new().unwrap();
    let drafts = open(&data);
    let before = draft("antes");
    drafts.save(&before).unwrap();
    let (mut file, _) = reopened(&drafts, before.id);
    let after = draft("depois");
    file.autosave(&after).unwrap();
    let list = drafts.list().unwrap();
    assert_eq!((list.drafts, list.in_use), (vec![], vec![after.clone()]));
    file.delete().unwrap();
    assert_eq!(drafts.list().unwrap(), DraftList::default());
}

#[test]
fn a_full_disk_keeps_the_version_before() {
    let data = TempDir::new().unwrap();
    let drafts = open(&data);
    let mut file = drafts.begin();
    let before = draft("antes");
    file.save(&before).unwrap();
    let mut after = before.clone();
    after.subject = "depois".to_owned();
    // Writing to this device fails as on a full disk.
    let fill = || symlink("/dev/full", drafts.file(before.id).with_extension(TEMPORARY)).unwrap();
    fill();
    let error = file.autosave(&after).unwrap_err();
    assert_eq!(error.source.kind(), io::ErrorKind::StorageFull);
    fill();
    file.save(&after).unwrap_err();
    assert_eq!(drafts.list().unwrap().in_use, std::slice::from_ref(&before));
    assert!(!drafts.file(before.id).with_extension(TEMPORARY).exists());
    file.autosave(&after).unwrap();
    assert_eq!(drafts.list().unwrap().in_use, [after]);
}

#[test]
fn what_a_killed_program_wrote_first_is_a_draft() {
    let data = TempDir::new().unwrap();
    let drafts = open(&data);
    let [older, begun] = [draft("velho"), draft("novo")];
    drafts.save(&older).unwrap();
    let json = |draft: &Draft| json(draft, 7);
    let temporary = |draft: &Draft| drafts.file(draft.id).with_extension(TEMPORARY);
    fs::write(temporary(&begun), json(&begun)).unwrap();
    fs::write(temporary(&older), "{").unwrap();
    fs::write(temporary(&draft("vazio")), "").unwrap();
    assert_eq!(drafts.count().unwrap(), 2);
    let list = drafts.list().unwrap();
    assert_eq!((list.drafts, list.skipped), (vec![older, begun.clone()], vec![]));
    reopened(&drafts, begun.id).0.delete().unwrap();
    assert_eq!(subjects(&drafts.list().unwrap().drafts), ["velho"]);
}

#[test]
fn listing_does_not_disturb_who_writes() {
    const VERSIONS: usize = 200;
    let data = TempDir::new().unwrap();
    let drafts = open(&data);
    let mut typed = draft("Oi");
    let mut file = drafts.begin();
    file.autosave(&typed).unwrap();
    let id = typed.id;
    thread::scope(|scope| {
        let writer = scope.spawn(|| {
            for version in 0..VERSIONS {
                typed.body = version.to_string();
                file.autosave(&typed).unwrap();
            }
        });
        while !writer.is_finished() {
            let list = drafts.list().unwrap();
            assert_eq!((list.drafts, list.skipped), (vec![], vec![]));
            assert_eq!(drafts.count().unwrap(), 0);
            assert!(matches!(drafts.reopen(id).unwrap(), Reopened::InUse));
        }
        writer.join().unwrap();
    });
    assert_eq!(drafts.list().unwrap().in_use, [typed]);
}

#[test]
fn a_valid_draft_becomes_the_same_mail_again() {
    let data = TempDir::new().unwrap();
    let drafts = open(&data);
    let mut draft = draft("Oi");
    assert!(draft.mail().is_err());
    draft.to = "pepper, steve".to_owned();
    let mail = draft.mail().unwrap();
    assert_eq!(mail.id, draft.id);
    drafts.begin().save_mail(&mail).unwrap();
    assert_eq!(drafts.list().unwrap().drafts, [draft.clone()]);
    // A file, of which pieces end within characters and escapes.
    draft.body = "é\u{1f600}\n\"\0".repeat(60_001);
    let path = data.path().join("body");
    fs::write(&path, &draft.body).unwrap();
    let mail = OutgoingMail { content: OutgoingContent::file(&path).unwrap(), ..mail };
    drafts.begin().save_mail(&mail).unwrap();
    assert_eq!(drafts.list().unwrap().drafts, [draft.clone()]);
    // A draft whose content has changed meanwhile stays as it was.
    fs::write(&path, draft.body.replace('\n', "\t")).unwrap();
    let error = drafts.begin().save_mail(&mail).unwrap_err();
    assert!(error.to_string().contains("was changed"), "{error}");
    assert_eq!(drafts.list().unwrap(), DraftList { drafts: vec![draft], ..DraftList::default() });
}

proptest! {
    #[test]
    fn what_was_typed_comes_back(to: String, subject: String, body: String) {
        let data = TempDir::new().unwrap();
        let drafts = open(&data);
        let draft = Draft { to, subject, body, ..Draft::begin(crate::new_mail_id()) };
        drafts.save(&draft).unwrap();
        prop_assert_eq!(drafts.list().unwrap().drafts, [draft]);
    }
}
