//! The mailbox as a directory: what other programs find in it, and what they may do to it.

use std::{collections::HashSet, fs, thread};

use correio_proto::mail::{
    Body, Content, ContentHasher, ContentKind, LargeContent, Piece, Recipients, Seq, Timestamp,
};
use mail_parser::MessageParser;
use proptest::prelude::*;
use tempfile::TempDir;

use super::*;
use crate::{Cancel, Disk};

pub(super) fn mail(seq: u64, subject: &str, body: &str) -> Mail {
    let mut id = [0; 16];
    id[8..].copy_from_slice(&seq.to_be_bytes());
    (id[6], id[8]) = (0x70, 0x80);
    Mail {
        seq: Seq(seq),
        id: id.try_into().unwrap(),
        from: "steve".parse().unwrap(),
        from_name: "Steve Rogers".parse().unwrap(),
        to: "tony, pepper".parse().unwrap(),
        sent_at: Timestamp(1_751_366_000_123 + seq * 1000),
        subject: subject.parse().unwrap(),
        content: body.parse().unwrap(),
    }
}

pub(super) fn open(data: &TempDir) -> Mailbox {
    let address = "correio.example".parse().unwrap();
    Mailbox::open(data.path(), &address, &"tony".parse().unwrap())
}

pub(super) fn save(mailbox: &Mailbox, mails: &[Mail]) -> usize {
    let mut saving = mailbox.start_saving(&Cancel::new()).unwrap();
    saving.save(mails).unwrap()
}

pub(super) fn with_mails(count: u64) -> (TempDir, Mailbox) {
    let data = TempDir::new().unwrap();
    let mailbox = open(&data);
    let mails: Vec<Mail> =
        (1..=count).map(|seq| mail(seq, &format!("Assunto {seq}"), "Corpo\n")).collect();
    assert_eq!(save(&mailbox, &mails), mails.len());
    (data, mailbox)
}

pub(super) fn all(mailbox: &Mailbox) -> Vec<Stored> {
    let list = mailbox.list(1, usize::MAX).unwrap();
    assert_eq!(list.skipped, []);
    list.mails
}

#[test]
fn mails_are_listed_in_pages_and_read_by_number() {
    let (_data, mailbox) = with_mails(5);
    let page = mailbox.list(2, 2).unwrap();
    assert_eq!(page.total, 5);
    let shown: Vec<_> = page.mails.iter().map(|m| (m.number, m.subject.as_str())).collect();
    assert_eq!(shown, [(2, "Assunto 2"), (3, "Assunto 3")]);
    let (stored, read) = mailbox.read_number(3).unwrap();
    assert_eq!(stored, page.mails[1]);
    assert_eq!(read, mail(3, "Assunto 3", "Corpo\n"));
    assert_eq!(mailbox.read(&page.mails[0]).unwrap().seq, Seq(2));
    for number in [0, 6, usize::MAX] {
        let error = mailbox.read_number(number).unwrap_err();
        assert!(matches!(error, MailboxError::NoSuchMail(_, n) if n == number));
    }
    assert_eq!(mailbox.list(6, 10).unwrap().mails, []);
}

#[test]
fn a_mail_is_kept_once() {
    let (_data, mailbox) = with_mails(2);
    assert_eq!(save(&mailbox, &[mail(2, "Assunto 2", "Corpo\n"), mail(3, "Outro", "x")]), 1);
    mailbox.mark_shown(&all(&mailbox)).unwrap();
    assert_eq!(save(&mailbox, &[mail(3, "Outro", "x")]), 0);
    // Another sender may use the same id.
    let mut other = mail(3, "De outra pessoa", "x");
    other.from = "peter".parse().unwrap();
    assert_eq!(save(&mailbox, &[other.clone(), other]), 1);
    assert_eq!(all(&mailbox).len(), 4);
}

#[test]
fn a_mail_is_new_until_it_was_shown() {
    let (data, mailbox) = with_mails(2);
    let status = |mailbox: &Mailbox| -> Vec<MailStatus> {
        all(mailbox).iter().map(|mail| mail.status).collect()
    };
    assert_eq!(status(&mailbox), [MailStatus::New, MailStatus::New]);
    let new = mailbox.unseen().unwrap();
    mailbox.mark_shown(&new[..1]).unwrap();
    assert_eq!(status(&mailbox), [MailStatus::Unread, MailStatus::New]);
    assert_eq!(mailbox.unseen().unwrap(), new[1..]);
    mailbox.mark_read(&new[0]).unwrap();
    mailbox.mark_read(&new[1]).unwrap();
    mailbox.mark_read(&new[1]).unwrap();
    mailbox.mark_shown(&new).unwrap();
    drop(mailbox);
    let mailbox = open(&data);
    assert_eq!(status(&mailbox), [MailStatus::Read, MailStatus::Read]);
    assert_eq!(mailbox.unseen().unwrap(), []);
    assert!(mailbox.read(&new[1]).is_ok());
}

#[test]
fn other_programs_may_move_flag_and_delete_mails() {
    let (_data, mailbox) = with_mails(2);
    let listed = all(&mailbox);
    let path = |part: &str, flags: &str| {
        mailbox.directory().join(part).join(format!("{}{flags}", listed[0].name.base()))
    };
    fs::rename(path("new", ""), path("cur", ":2,FS")).unwrap();
    assert_eq!(mailbox.read(&listed[0]).unwrap().seq, Seq(1));
    assert_eq!(all(&mailbox)[0].status, MailStatus::Read);
    mailbox.mark_read(&listed[0]).unwrap();
    assert!(path("cur", ":2,FS").exists());
    fs::remove_file(path("cur", ":2,FS")).unwrap();
    let error = mailbox.read(&listed[0]).unwrap_err();
    assert!(matches!(error, MailboxError::NoSuchMail(_, 1)));
    mailbox.mark_shown(&listed).unwrap();
    mailbox.mark_read(&listed[0]).unwrap();
    assert_eq!(all(&mailbox).len(), 1);
}

#[test]
fn foreign_and_damaged_files_are_passed_over() {
    let (_data, mailbox) = with_mails(3);
    let file = |number: usize| {
        let base = all(&mailbox)[number - 1].name.base();
        mailbox.directory().join("new").join(base)
    };
    let [first, second] = [file(1), file(2)];
    let whole = fs::read_to_string(&first).unwrap();
    fs::write(mailbox.directory().join("cur/1700000000.M1P1.other:2,"), "Subject: x\n\n").unwrap();
    fs::write(mailbox.directory().join("cur/.hidden"), "").unwrap();
    for content in [
        String::new(),
        "From: x\n\nbody".to_owned(),
        "x".repeat(200_000),
        whole.replace("Corpo", "Corpos"),
        whole.replace("X-Correio-Seq: 1", "X-Correio-Seq: one"),
        whole.replace("quoted-printable", "8bit"),
        whole.replace("Corpo", "=ZZrpo"),
    ] {
        fs::write(&first, &content).unwrap();
        let error = mailbox.read_number(1).unwrap_err();
        assert!(matches!(error, MailboxError::Damaged(_)), "{error} {content:.200}");
        let list = mailbox.list(1, usize::MAX).unwrap();
        assert_eq!(list.total, 3);
        assert!(list.mails.iter().any(|mail| mail.number == 3));
    }
    fs::write(&first, [0xff, 0xfe, b'\n', b'\n']).unwrap();
    fs::write(&second, "").unwrap();
    let list = mailbox.list(1, usize::MAX).unwrap();
    assert_eq!(list.skipped.len(), 3);
    let numbers: Vec<usize> = list.mails.iter().map(|mail| mail.number).collect();
    assert_eq!(numbers, [3], "numbers do not depend on what is in the files");
}

#[test]
fn what_other_programs_append_to_a_name_is_left_and_the_mail_known() {
    let (_data, mailbox) = with_mails(3);
    let listed = all(&mailbox);
    let path = |number: usize, part: &str, end: &str| {
        let base = listed[number - 1].name.base();
        mailbox.directory().join(part).join(base + end)
    };
    fs::rename(path(1, "new", ""), path(1, "cur", ",U=7:2,S")).unwrap();
    fs::rename(path(2, "new", ""), path(2, "new", ",U=8")).unwrap();
    fs::rename(path(3, "new", ""), path(3, "cur", ",S=10,W=12;2,F")).unwrap();
    let status: Vec<_> = all(&mailbox).iter().map(|mail| (mail.number, mail.status)).collect();
    assert_eq!(status, [(1, MailStatus::Read), (2, MailStatus::New), (3, MailStatus::Unread)]);
    let again: Vec<Mail> =
        (1..=3).map(|seq| mail(seq, &format!("Assunto {seq}"), "Corpo\n")).collect();
    assert_eq!(save(&mailbox, &again), 0);
    assert_eq!(mailbox.read(&listed[0]).unwrap(), again[0]);
    mailbox.mark_shown(&listed).unwrap();
    assert!(path(2, "cur", ",U=8:2,").exists());
    listed.iter().for_each(|mail| mailbox.mark_read(mail).unwrap());
    assert!(path(1, "cur", ",U=7:2,S").exists());
    assert!(path(2, "cur", ",U=8:2,S").exists());
    assert!(path(3, "cur", ",S=10,W=12:2,FS").exists());
}

#[test]
fn a_file_that_cannot_be_read_hides_no_other() {
    use std::os::unix::fs::symlink;
    let (data, mailbox) = with_mails(5);
    let bases: Vec<_> = all(&mailbox).iter().map(|mail| mail.name.base()).collect();
    let new = |number: usize| mailbox.directory().join("new").join(&bases[number - 1]);
    let cur =
        |number: usize| mailbox.directory().join("cur").join(bases[number - 1].clone() + ":2,");
    for number in [1, 2, 4, 5] {
        fs::remove_file(new(number)).unwrap();
    }
    symlink("nowhere", cur(1)).unwrap();
    symlink("nowhere", new(2)).unwrap();
    fs::create_dir(new(4)).unwrap();
    // Opening a pipe would wait until somebody writes to it.
    let mode = rustix::fs::Mode::RUSR | rustix::fs::Mode::WUSR;
    rustix::fs::mkfifoat(rustix::fs::CWD, new(5), mode).unwrap();
    let list = mailbox.list(1, usize::MAX).unwrap();
    assert_eq!(list.mails.iter().map(|mail| mail.number).collect::<Vec<_>>(), [3]);
    let skipped: Vec<_> = list.skipped.iter().map(|skipped| skipped.path.clone()).collect();
    assert_eq!(skipped, [cur(1), new(2), new(4), new(5)]);
    for _ in 0..2 {
        assert_eq!(mailbox.unseen().unwrap().len(), 1);
    }
    let noted: Vec<_> = mailbox.take_notes();
    let expected: Vec<_> = list.skipped[1..].iter().cloned().map(MailboxNote::Unreadable).collect();
    assert_eq!(noted, expected, "each once, and the mail that was shown before is no news");
    assert!(matches!(mailbox.read_number(1), Err(MailboxError::Io { .. })));
    assert_eq!(save(&open(&data), &[mail(6, "x", "x")]), 1);
}

#[test]
fn mails_that_cannot_be_marked_stay_new_and_are_noted() {
    let (_data, mailbox) = with_mails(2);
    let new = mailbox.unseen().unwrap();
    let (cur, elsewhere) = ["cur", "elsewhere"].map(|name| mailbox.directory().join(name)).into();
    fs::rename(&cur, &elsewhere).unwrap();
    assert_eq!(mailbox.mark_shown(&new).unwrap(), Marked::NotAll);
    let notes = mailbox.take_notes();
    assert!(matches!(notes[..], [MailboxNote::NotMarked(_)]), "{notes:?}");
    fs::rename(&elsewhere, &cur).unwrap();
    assert_eq!(mailbox.unseen().unwrap().len(), 2);
    assert_eq!(mailbox.mark_shown(&new).unwrap(), Marked::All);
    assert_eq!((mailbox.unseen().unwrap().len(), mailbox.take_notes().len()), (0, 0));
}

#[test]
fn mails_have_the_order_in_which_they_arrived() {
    let (data, mailbox) = with_mails(3);
    let old = |seq: usize| all(&mailbox)[seq - 1].name.clone();
    // Mails that an older version saved have no arrival number in their names.
    for name in [old(1), old(2), old(3)] {
        let older = FileName { arrival: 0, ..name.clone() };
        let new = mailbox.directory().join("new");
        fs::rename(new.join(name.base()), new.join(older.base())).unwrap();
    }
    // The server's clock is turned back an hour, and then its store replaced.
    let back = |seq: u64| Mail {
        sent_at: Timestamp(1_751_366_000_123 - 3_600_000 + seq),
        ..mail(seq, &format!("Assunto {seq}"), "Corpo\n")
    };
    save(&mailbox, &[back(4)]);
    save(&open(&data), &[back(6), Mail { seq: Seq(1), ..back(5) }]);
    let subjects: Vec<_> =
        all(&mailbox).iter().map(|mail| mail.subject.as_str().to_owned()).collect();
    assert_eq!(subjects, [1, 2, 3, 4, 6, 5].map(|seq| format!("Assunto {seq}")));
    assert_eq!(mailbox.read_number(4).unwrap().1, back(4));
    assert_eq!(save(&mailbox, &[mail(2, "Assunto 2", "Corpo\n"), back(4)]), 0);
    mailbox.mark_shown(&all(&mailbox)).unwrap();
    assert_eq!(all(&mailbox)[3].subject.as_str(), "Assunto 4");
}

#[test]
fn each_new_mail_is_returned_to_one_of_those_who_receive() {
    let (data, first) = with_mails(2);
    let [second, third] = [open(&data), open(&data)];
    let receive = |mailbox: &Mailbox, seq: u64| -> Vec<u64> {
        let mut saving = mailbox.start_saving(&Cancel::new()).unwrap();
        saving.save(&[mail(seq, "x", "x")]).unwrap();
        mailbox.claim_unseen().unwrap().iter().map(|mail| mail.seq.0).collect()
    };
    assert_eq!(receive(&first, 3), [1, 2, 3]);
    assert_eq!(receive(&second, 4), [4]);
    assert_eq!(open(&data).unseen().unwrap(), []);
    first.mark_shown(&first.unseen().unwrap()[..1]).unwrap();
    // A program that ends without showing its mails leaves them to the next program.
    drop(first);
    assert_eq!(receive(&third, 5), [2, 3, 5]);
    drop((second, third));
    let names = durable::names(open(&data).directory()).unwrap();
    let left = names.iter().filter(|name| name.to_string_lossy().contains("claim")).count();
    assert_eq!(left, 0);
    // A killed program leaves a claim file, which no program has locked any more.
    let ended = open(&data).directory().join(".correio-claim-x");
    fs::write(&ended, all(&open(&data)).iter().map(|m| m.name.base() + "\n").collect::<String>())
        .unwrap();
    assert_eq!(receive(&open(&data), 6), [2, 3, 4, 5, 6]);
    assert!(!ended.exists());
}

#[test]
fn files_and_directories_are_private() {
    use std::os::unix::fs::PermissionsExt;
    let (data, mailbox) = with_mails(1);
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&data.path().join("mail")), 0o700);
    assert_eq!(mode(mailbox.directory()), 0o700);
    let file = fs::read_dir(mailbox.directory().join("new")).unwrap().next();
    assert_eq!(mode(&file.unwrap().unwrap().path()), 0o600);
}

#[test]
fn what_a_killed_program_left_is_cleaned_up() {
    let (_data, mailbox) = with_mails(1);
    let tmp = mailbox.directory().join("tmp");
    let ours = tmp.join(all(&mailbox)[0].name.base());
    let foreign = tmp.join("1700000000.M1P1.other");
    for path in [&ours, &foreign] {
        fs::write(path, "half").unwrap();
    }
    save(&mailbox, &[]);
    assert!(!ours.exists());
    assert!(foreign.exists());
}

#[test]
fn a_page_that_cannot_be_saved_leaves_nothing() {
    let (_data, mailbox) = with_mails(0);
    let mut saving = mailbox.start_saving(&Cancel::new()).unwrap();
    // The second mail's place is taken by a directory.
    let name = FileName::of(&mail(2, "x", "x"), 2).base();
    let obstacle = mailbox.directory().join("tmp").join(name);
    fs::create_dir(&obstacle).unwrap();
    let page = [mail(1, "x", "x"), mail(2, "x", "x")];
    assert!(matches!(saving.save(&page), Err(MailboxError::Io { .. })));
    assert_eq!(all(&mailbox), []);
    fs::remove_dir(&obstacle).unwrap();
    assert_eq!(saving.save(&page).unwrap(), 2);
}

#[test]
fn one_client_saves_at_a_time() {
    let (_data, mailbox) = with_mails(0);
    let cancel = Cancel::new();
    let saving = mailbox.start_saving(&cancel).unwrap();
    cancel.cancel();
    let error = mailbox.start_saving(&cancel).unwrap_err();
    assert!(matches!(error, MailboxError::Locked));
    thread::scope(|scope| {
        let other = scope.spawn(|| save(&mailbox, &[mail(1, "x", "x")]));
        let mut saving = saving;
        saving.save(&[mail(1, "x", "x")]).unwrap();
        drop(saving);
        assert_eq!(other.join().unwrap(), 0);
    });
}

#[test]
fn every_server_and_user_has_a_mailbox() {
    let data = TempDir::new().unwrap();
    let mut directories = HashSet::new();
    for server in ["a.example", "a.example:1", "::1", "127.0.0.1"] {
        for user in ["tony", "pepper"] {
            let mailbox =
                Mailbox::open(data.path(), &server.parse().unwrap(), &user.parse().unwrap());
            assert!(directories.insert(mailbox.directory().to_owned()));
        }
    }
    assert!(directories.contains(&data.path().join("mail/a.example_8888/tony")));
}

#[test]
fn another_library_reads_the_same() {
    let mut mail =
        mail(1, "Ação: \"aspas\" e =?utf-8?Q?falsas?=", "Olá,\r\n\r\nFrom mim\n.\nFim = fim");
    mail.from_name = "Virginia \"Pepper\" Potts é".parse().unwrap();
    for domain in ["correio.example", "[127.0.0.1]"] {
        let file = rfc5322::write(&mail, domain);
        let parsed = MessageParser::default().parse(&file).unwrap();
        assert_eq!(parsed.subject(), Some(mail.subject.as_str()));
        let from = parsed.from().unwrap().first().unwrap();
        assert_eq!(from.name(), Some(mail.from_name.as_str()));
        assert_eq!(from.address(), Some(format!("steve@{domain}").as_str()));
        let to: Vec<_> = parsed.to().unwrap().iter().map(|to| to.address().unwrap()).collect();
        assert_eq!(to, [format!("tony@{domain}"), format!("pepper@{domain}")]);
        assert_eq!(parsed.date().unwrap().to_timestamp(), 1_751_366_001);
        assert_eq!(parsed.body_text(0).as_deref(), Some(mail.content.body().unwrap().as_str()));
        assert!(parsed.message_id().unwrap().starts_with(&mail.id.to_string()));
    }
}

fn any_line() -> impl Strategy<Value = String> {
    "(=\\?|\\?=|\"|\\\\|<|[ -~]|é|\u{301}|\u{200f}|\u{1f600}|\\PC){1,60}"
}

fn any_body() -> impl Strategy<Value = String> {
    let line = prop_oneof![
        any_line(),
        Just("From alguém".to_owned()),
        Just("Subject: falso".to_owned()),
        Just("\r".to_owned()),
        Just("\0".to_owned()),
        Just(".".to_owned()),
        Just("=".to_owned()),
        Just("x".repeat(3000)),
        any::<String>(),
    ];
    let end = prop_oneof![Just("\n"), Just("\r\n"), Just("\n\n"), Just("")];
    proptest::collection::vec((line, end), 1..20)
        .prop_map(|lines| lines.into_iter().map(|(line, end)| line + end).collect())
}

proptest! {
    #[test]
    fn every_field_comes_back(
        seq in 1..u64::MAX,
        sent_at in any::<u64>(),
        from in "[a-z0-9][a-z0-9._-]{0,31}",
        from_name in any_line(),
        to in proptest::collection::vec("[a-z0-9][a-z0-9._-]{0,31}", 1..100),
        subject in any_line(),
        body in any_body(),
    ) {
        let to: Vec<Username> = to.iter().map(|name| name.parse().unwrap()).collect();
        let (Ok(from_name), Ok(subject), Ok(body)) =
            (from_name.parse(), subject.parse(), body.parse::<Body>())
        else {
            return Ok(());
        };
        let mail = Mail {
            seq: Seq(seq),
            sent_at: Timestamp(sent_at),
            from: from.parse().unwrap(),
            from_name,
            to: Recipients::try_from(to).unwrap(),
            subject,
            content: body.into(),
            ..mail(1, "x", "x")
        };
        let file = rfc5322::write(&mail, "correio.example");
        prop_assert!(file.is_ascii());
        let longest = file.split(|byte| *byte == b'\n').map(<[u8]>::len).max();
        prop_assert!(longest <= Some(998));
        let read = rfc5322::read(&mut &file[..]);
        prop_assert_eq!(read.map_err(|error| format!("{error:?}")), Ok(mail.clone()));
        let name = FileName::of(&mail, seq % 2);
        prop_assert!(name.base().len() < 200);
        prop_assert_eq!(FileName::parse(&name.base()), Some(name));
    }
}

/// This computer's disk, on which operations fail from one on, as on a disk that is full or breaks.
struct FailingDisk {
    left: usize,
    file: Option<File>,
}

impl FailingDisk {
    fn begin(&mut self) -> io::Result<()> {
        self.left = self.left.checked_sub(1).ok_or(io::ErrorKind::StorageFull)?;
        Ok(())
    }
}

impl Disk for FailingDisk {
    fn names(&self, directory: &Path) -> io::Result<Vec<std::ffi::OsString>> {
        durable::names(directory)
    }

    fn write(&mut self, path: &Path, content: &[u8]) -> io::Result<()> {
        self.begin()?;
        durable::write(path, content).map(drop)
    }

    fn create(&mut self, path: &Path) -> io::Result<()> {
        self.begin()?;
        self.file = Some(durable::create(path)?);
        Ok(())
    }

    fn append(&mut self, _: &Path, content: &[u8]) -> io::Result<()> {
        use std::io::Write;
        self.begin()?;
        self.file.as_mut().unwrap().write_all(content)
    }

    fn sync(&mut self, _: &Path) -> io::Result<()> {
        self.begin()?;
        durable::sync(self.file.as_ref().unwrap()).map(drop)
    }

    fn rename(&mut self, from: &Path, to: &Path) -> io::Result<()> {
        self.begin()?;
        durable::rename(from, to)
    }

    /// Files can be removed from a full disk.
    fn remove(&mut self, path: &Path) -> io::Result<()> {
        fs::remove_file(path)
    }

    fn sync_directory(&mut self, path: &Path) -> io::Result<()> {
        self.begin()?;
        durable::sync_directory(path).map(drop)
    }
}

/// A mail with a large content, and the content's pieces.
pub(super) fn large_mail(seq: u64) -> (Mail, Vec<Piece>) {
    large_mail_of(seq, ContentKind::Text {}, "Olá, \u{1f600}!\n".repeat(40).as_bytes())
}

pub(super) fn large_mail_of(seq: u64, kind: ContentKind, content: &[u8]) -> (Mail, Vec<Piece>) {
    let mut hasher = ContentHasher::new();
    hasher.update(content);
    let size = u64::try_from(content.len()).unwrap().try_into().unwrap();
    let stated = LargeContent { kind, size, sha256: hasher.finish() };
    let pieces = content.chunks(200).map(|piece| piece.try_into().unwrap()).collect();
    (Mail { content: Content::Large(stated), ..mail(seq, "Grande", "x") }, pieces)
}

pub(super) fn save_large<D: Disk>(
    saving: &mut Saving<D>,
    mail: &Mail,
    pieces: &[Piece],
) -> Result<Completed, MailboxError> {
    assert_eq!(saving.begin(mail)?, Begun::New);
    pieces.iter().try_for_each(|piece| saving.append(piece))?;
    saving.complete()
}

#[test]
fn wherever_the_disk_fails_nothing_is_left_of_a_large_content_and_it_can_be_saved_again() {
    let (mail, pieces) = large_mail(1);
    for operations in 0.. {
        let (_data, mailbox) = with_mails(0);
        let directory = mailbox.directory().to_owned();
        let disk = FailingDisk { left: operations, file: None };
        let mut saving = Saving::start(disk, &directory, "correio.example").unwrap();
        let saved = save_large(&mut saving, &mail, &pieces);
        if saved.is_ok() {
            // Head, three pieces, end; file and directories are synced.
            assert_eq!(operations, 10);
            assert!(saving.begin(&mail).is_err(), "the disk fails from here on");
            break;
        }
        for part in ["tmp", "new", "cur"] {
            assert_eq!(durable::names(&directory.join(part)).unwrap().len(), 0, "{operations}");
        }
        // The same program tries again once there is room.
        saving.disk.left = usize::MAX;
        assert_eq!(save_large(&mut saving, &mail, &pieces).unwrap(), Completed::Saved);
        assert_eq!(saving.begin(&mail).unwrap(), Begun::Known);
        let [stored] = all(&mailbox).try_into().unwrap();
        assert_eq!(mailbox.read(&stored).unwrap(), mail);
        assert_eq!(mailbox.text(&stored).unwrap().text, "Olá, \u{1f600}!\n".repeat(40));
    }
}

#[test]
fn a_large_content_that_was_changed_on_this_computer_is_damaged() {
    let (_data, mailbox) = with_mails(1);
    let (mail, pieces) = large_mail(2);
    let mut saving = mailbox.start_saving(&Cancel::new()).unwrap();
    assert_eq!(save_large(&mut saving, &mail, &pieces).unwrap(), Completed::Saved);
    drop(saving);
    let stored = all(&mailbox).pop().unwrap();
    let path = mailbox.directory().join("new").join(stored.name.base());
    let whole = fs::read_to_string(&path).unwrap();
    for changed in [
        whole.replacen("T2zDoSwg", "T2zDoSwh", 1),
        whole[..whole.len() - 5].to_owned(),
        whole.clone() + "AAAA\n",
        whole.replacen("base64", "quoted-printable", 1),
        whole.replacen("X-Correio-Sha256: ", "X-Correio-Sha256: 0", 1),
        whole.replacen("X-Correio-Body-Length: ", "X-Correio-Body-Length: 9999999999", 1),
    ] {
        assert_ne!(changed, whole);
        fs::write(&path, &changed).unwrap();
        let error = mailbox.text(&stored).unwrap_err();
        assert!(matches!(error, MailboxError::Damaged(_)), "{error}");
    }
    fs::write(&path, &whole).unwrap();
    assert!(mailbox.text(&stored).is_ok());
    // The other mail, which has a body, is read the same way.
    assert_eq!(mailbox.text(&all(&mailbox)[0]).unwrap().text, "Corpo\n");
}

#[test]
fn another_library_reads_a_large_content() {
    let (_data, mailbox) = with_mails(0);
    let (mail, pieces) = large_mail(1);
    let mut saving = mailbox.start_saving(&Cancel::new()).unwrap();
    assert_eq!(save_large(&mut saving, &mail, &pieces).unwrap(), Completed::Saved);
    let [stored] = all(&mailbox).try_into().unwrap();
    let file = fs::read(mailbox.directory().join("new").join(stored.name.base())).unwrap();
    assert!(file.is_ascii());
    let parsed = MessageParser::default().parse(&file).unwrap();
    assert_eq!(parsed.subject(), Some("Grande"));
    let text = "Olá, \u{1f600}!\n".repeat(40);
    assert_eq!(parsed.body_text(0).as_deref(), Some(text.as_str()));
}
