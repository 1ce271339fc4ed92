//! Sent mail, flags, deletion and the selection of mails.

use std::{
    fs,
    os::unix::fs::symlink,
    sync::atomic::{AtomicBool, Ordering},
    thread,
};

use correio_proto::{
    limits,
    mail::{Content, Timestamp},
};
use mail_parser::MessageParser;
use tempfile::TempDir;

use super::super::{
    tests::{all, large_mail, mail, open, save, with_mails},
    *,
};
use crate::{Cancel, OutgoingContent, OutgoingMail};

fn outgoing(content: OutgoingContent) -> OutgoingMail {
    let (to, subject) = ("steve, pepper".parse().unwrap(), "Olá".parse().unwrap());
    OutgoingMail { id: crate::id::new_mail_id(), to, subject, content }
}

fn keep(mailbox: &Mailbox, mail: &OutgoingMail) -> Result<(), MailboxError> {
    let (from, from_name) = ("tony".parse().unwrap(), "Tony Stark".parse().unwrap());
    let sent_at = Timestamp(1_751_366_000_123);
    mailbox
        .keep_sent(SentMail { from: &from, from_name: &from_name, mail, sent_at }, &Cancel::new())
}

fn sent(mailbox: &Mailbox) -> (Mailbox, Vec<Stored>) {
    let sent = mailbox.in_folder(Folder::Sent);
    let mails = all(&sent);
    (sent, mails)
}

/// A text of so many bytes, of which no two pieces are the same.
fn text(length: usize) -> String {
    (0..length / 10).map(|line| format!("{line:09}\n")).collect()
}

#[test]
fn a_sent_mail_is_kept_once_in_a_folder_of_the_maildir() {
    let (_data, mailbox) = with_mails(2);
    let mail = outgoing(OutgoingContent::text("Às oito?\n").unwrap());
    // A program that was killed before it deleted the draft sends the mail again.
    keep(&mailbox, &mail).unwrap();
    keep(&mailbox, &mail).unwrap();
    let (folder, mails) = sent(&mailbox);
    assert_eq!(mails.len(), 1);
    let kept = &mails[0];
    assert_eq!((kept.folder, kept.number, kept.status), (Folder::Sent, 1, MailStatus::Read));
    assert_eq!((kept.id, kept.to.clone(), kept.seq.0), (mail.id, mail.to.clone(), 0));
    assert_eq!(folder.read(kept).unwrap().content, "Às oito?\n".parse().unwrap());
    assert_eq!(all(&mailbox).len(), 2, "the received mails are others");
    // As Maildir++ has it.
    assert_eq!(folder.directory(), mailbox.directory().join(".Sent"));
    assert!(folder.directory().join("maildirfolder").is_file());
    let names: Vec<_> = fs::read_dir(folder.directory().join("cur")).unwrap().collect();
    let path = names.into_iter().next().unwrap().unwrap().path();
    assert!(path.to_str().unwrap().ends_with(":2,S"), "{path:?}");
    let bytes = fs::read(path).unwrap();
    let parsed = MessageParser::default().parse(&bytes).unwrap();
    assert_eq!(parsed.subject(), Some("Olá"));
    assert_eq!(parsed.body_text(0).unwrap(), "Às oito?\n");
}

#[test]
fn the_first_sent_mail_makes_its_folder_alone() {
    let data = TempDir::new().unwrap();
    let mailbox = open(&data);
    assert_eq!(sent(&mailbox).1, []);
    keep(&mailbox, &outgoing(OutgoingContent::text("x").unwrap())).unwrap();
    assert_eq!(sent(&mailbox).1.len(), 1);
    assert!(!mailbox.exists() && mailbox.in_folder(Folder::Sent).exists());
    assert_eq!(all(&mailbox), []);
}

#[test]
fn a_large_sent_content_is_copied_from_its_file() {
    let (data, mailbox) = with_mails(0);
    let path = data.path().join("body");
    let body = text(limits::BODY_MAX + 1000);
    fs::write(&path, &body).unwrap();
    let large = outgoing(OutgoingContent::file(&path).unwrap());
    keep(&mailbox, &large).unwrap();
    keep(&mailbox, &large).unwrap();
    let (folder, mails) = sent(&mailbox);
    assert_eq!((mails.len(), mails[0].status), (1, MailStatus::Read));
    assert!(folder.text(&mails[0]).unwrap().text == body);
    // A file that was changed since is not what was sent.
    let other = outgoing(OutgoingContent::file(&path).unwrap());
    fs::write(&path, body.replace("000000007\n", "000000008\n")).unwrap();
    assert!(matches!(keep(&mailbox, &other), Err(MailboxError::Io { .. })));
    fs::write(&path, "short").unwrap();
    assert!(matches!(keep(&mailbox, &other), Err(MailboxError::Io { .. })));
    assert_eq!(sent(&mailbox).1.len(), 1);
    assert_eq!(fs::read_dir(folder.directory().join("tmp")).unwrap().count(), 0);
}

#[test]
fn flags_stay_beside_those_of_other_programs() {
    let (data, mailbox) = with_mails(1);
    let listed = all(&mailbox).remove(0);
    let path = |flags: &str| mailbox.directory().join("cur").join(listed.name.base() + flags);
    let set = |flag| mailbox.mark(&listed, flag, FlagChange::Set).unwrap();
    let clear = |flag| mailbox.mark(&listed, flag, FlagChange::Clear).unwrap();
    clear(Flag::Important);
    assert_eq!(all(&mailbox)[0].status, MailStatus::New, "there was nothing to clear");
    set(Flag::Important);
    assert!(path(":2,F").exists());
    fs::rename(path(":2,F"), path(",U=7:2,FT")).unwrap();
    for flag in [Flag::Replied, Flag::Forwarded, Flag::Seen, Flag::Seen] {
        set(flag);
    }
    assert!(path(",U=7:2,FPRST").exists());
    let flags = all(&open(&data))[0].flags;
    assert!(Flag::ALL.into_iter().all(|flag| flags.has(flag)));
    clear(Flag::Seen);
    clear(Flag::Important);
    assert!(path(",U=7:2,PRT").exists());
    assert_eq!(all(&mailbox)[0].status, MailStatus::Unread);
    fs::remove_file(path(",U=7:2,PRT")).unwrap();
    let gone = mailbox.mark(&listed, Flag::Seen, FlagChange::Set).unwrap_err();
    assert!(matches!(gone, MailboxError::NoSuchMail(_, 1)));
}

#[test]
fn a_flag_is_set_while_another_program_renames_the_file() {
    let (_data, mailbox) = with_mails(1);
    let listed = all(&mailbox).remove(0);
    mailbox.mark_shown(std::slice::from_ref(&listed)).unwrap();
    let cur = mailbox.directory().join("cur");
    let is_over = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| {
            while !is_over.load(Ordering::Relaxed) {
                for entry in fs::read_dir(&cur).unwrap().flatten() {
                    let name = entry.file_name().into_string().unwrap();
                    let other = match name.strip_suffix('T') {
                        Some(without) => without.to_owned(),
                        None => name.clone() + "T",
                    };
                    // The client may have renamed it first.
                    let _ = fs::rename(cur.join(name), cur.join(other));
                }
            }
        });
        for _ in 0..200 {
            for change in [FlagChange::Set, FlagChange::Clear] {
                match mailbox.mark(&listed, Flag::Important, change) {
                    Ok(()) | Err(MailboxError::NoSuchMail(_, 1)) => {}
                    Err(error) => panic!("{error}"),
                }
            }
        }
        is_over.store(true, Ordering::Relaxed);
    });
    let mails = all(&mailbox);
    assert_eq!(mails.len(), 1);
    mailbox.mark(&listed, Flag::Important, FlagChange::Set).unwrap();
    assert!(all(&mailbox)[0].flags.has(Flag::Important));
}

#[test]
fn a_deleted_mail_does_not_come_back() {
    let (data, mailbox) = with_mails(3);
    let listed = all(&mailbox);
    let second = &listed[1];
    assert!(!mailbox.was_deleted(second.id, &second.from).unwrap());
    // Another program has flagged it, and left a second file.
    mailbox.mark_read(second).unwrap();
    let twice = mailbox.directory().join("new").join(second.name.base());
    fs::write(&twice, "x").unwrap();
    mailbox.delete(second).unwrap();
    assert!(!twice.exists());
    assert!(mailbox.was_deleted(second.id, &second.from).unwrap());
    assert!(!mailbox.was_deleted(second.id, &"peter".parse().unwrap()).unwrap());
    assert_eq!(all(&mailbox).iter().map(|m| m.seq.0).collect::<Vec<_>>(), [1, 3]);
    let again: Vec<Mail> = (1..=3).map(|seq| mail(seq, "Outra vez", "x")).collect();
    assert_eq!(save(&open(&data), &again), 0);
    let (mut large, pieces) = large_mail(4);
    large.id = mail(2, "x", "x").id;
    let mut saving = mailbox.start_saving(&Cancel::new()).unwrap();
    assert_eq!(saving.begin(&large).unwrap(), Begun::Known);
    assert!(!pieces.is_empty());
    assert!(matches!(mailbox.delete(second), Err(MailboxError::NoSuchMail(_, 2))));
    // Once the server has nothing any more, nothing has to be remembered.
    saving.forget_recorded().unwrap();
    saving.forget_recorded().unwrap();
    drop(saving);
    assert!(!mailbox.was_deleted(second.id, &second.from).unwrap());
    assert_eq!(save(&mailbox, &again), 1);
}

#[test]
fn the_record_of_deleted_mails_is_bounded_and_may_be_damaged() {
    let (_data, mailbox) = with_mails(4);
    let listed = all(&mailbox);
    let record = mailbox.directory().join(".correio-deleted");
    mailbox.delete(&listed[0]).unwrap();
    // A line that was cut, and lines that are no mail.
    let line = fs::read_to_string(&record).unwrap();
    let cut = line.trim_end().split_at(20).0;
    fs::write(&record, [line.as_bytes(), b"\xff\xfe x\n\n", cut.as_bytes()].concat()).unwrap();
    mailbox.delete(&listed[1]).unwrap();
    for mail in &listed[..2] {
        assert!(mailbox.was_deleted(mail.id, &mail.from).unwrap());
    }
    // Of a record that is too large, the older half goes.
    let filler: String =
        (0..25_000).map(|_| format!("{} peter\n", crate::id::new_mail_id())).collect();
    fs::write(&record, line.clone() + &filler).unwrap();
    mailbox.delete(&listed[2]).unwrap();
    assert!(fs::metadata(&record).unwrap().len() < 1 << 20);
    assert!(!mailbox.was_deleted(listed[0].id, &listed[0].from).unwrap());
    assert!(mailbox.was_deleted(listed[2].id, &listed[2].from).unwrap());
    // A record that cannot be read is an error, and no mail is deleted or saved.
    fs::remove_file(&record).unwrap();
    fs::create_dir(&record).unwrap();
    assert!(matches!(mailbox.delete(&listed[3]), Err(MailboxError::Io { .. })));
    assert!(matches!(mailbox.start_saving(&Cancel::new()), Err(MailboxError::Io { .. })));
    assert_eq!(all(&mailbox).len(), 1);
}

#[test]
fn a_sent_mail_is_deleted_without_a_record() {
    let (_data, mailbox) = with_mails(0);
    let mail = outgoing(OutgoingContent::text("x").unwrap());
    keep(&mailbox, &mail).unwrap();
    let (folder, mails) = sent(&mailbox);
    folder.delete(&mails[0]).unwrap();
    assert_eq!(sent(&mailbox).1, []);
    assert!(!folder.was_deleted(mail.id, &mails[0].from).unwrap());
}

fn select(mailbox: &Mailbox, conditions: &[Condition]) -> Vec<usize> {
    let selected = mailbox.select(conditions, &Cancel::new()).unwrap();
    assert_eq!(selected.skipped, []);
    selected.entries.iter().map(Entry::number).collect()
}

fn words(text: &str) -> Condition {
    Condition::Words(text.parse().unwrap())
}

#[test]
fn conditions_select_mails_by_their_names_heads_and_texts() {
    let data = TempDir::new().unwrap();
    let mailbox = open(&data);
    let peter = Mail {
        from: "peter".parse().unwrap(),
        from_name: "Peter Parker".parse().unwrap(),
        to: "tony".parse().unwrap(),
        ..mail(2, "Estágio", "O que é um SALÁRIO?\n")
    };
    let last = mail(3, "Despertador", &format!("{}E o AC/DC?\n", "não ".repeat(300)));
    save(&mailbox, &[mail(1, "Jantar", "Às oito, no jardim botânico.\n"), peter, last.clone()]);
    let listed = all(&mailbox);
    mailbox.mark_read(&listed[0]).unwrap();
    mailbox.mark(&listed[2], Flag::Important, FlagChange::Set).unwrap();

    let query = |text: &str| text.parse().unwrap();
    let subject = |text: &str| Condition::Subject(text.parse().unwrap());
    let time = listed[1].sent_at;
    let cases: &[(&[Condition], &[usize])] = &[
        (&[], &[1, 2, 3]),
        (&[Condition::Unread], &[2, 3]),
        (&[Condition::Important], &[3]),
        (&[Condition::Since(time)], &[2, 3]),
        (&[Condition::Before(time)], &[1]),
        (&[Condition::From(query("PARK"))], &[2]),
        (&[Condition::From(query("stev"))], &[1, 3]),
        (&[Condition::To(query("pepper"))], &[1, 3]),
        (&[subject("estagio")], &[2]),
        (&[words("oito JARDIM")], &[1]),
        (&[words("salario")], &[2]),
        (&[words("parker")], &[2]),
        (&[words("pepper rogers despertador ac/dc")], &[3]),
        (&[words("oito salario")], &[]),
        (&[words("não"), Condition::Important], &[3]),
        (&[words("jantar"), subject("jardim")], &[]),
        (&[Condition::HasAttachments], &[]),
    ];
    for (conditions, numbers) in cases {
        assert_eq!(select(&mailbox, conditions), *numbers, "{conditions:?}");
    }
    assert_eq!(
        mailbox.load(&mailbox.entries().unwrap().entries[2..]).unwrap().mails[0].id,
        last.id
    );
    let empty = mailbox.in_folder(Folder::Sent);
    assert_eq!(select(&empty, &[words("x")]), [0; 0]);
}

#[test]
fn a_large_text_is_searched_to_its_end() {
    let (_data, mailbox) = with_mails(0);
    let (mail, pieces) = large_mail(1);
    let mut saving = mailbox.start_saving(&Cancel::new()).unwrap();
    saving.begin(&mail).unwrap();
    pieces.iter().for_each(|piece| saving.append(piece).unwrap());
    assert_eq!(saving.complete().unwrap(), Completed::Saved);
    drop(saving);
    let whole = mailbox.text(&all(&mailbox)[0]).unwrap().text;
    let last = whole.split_whitespace().next_back().unwrap();
    assert_eq!(select(&mailbox, &[words(last)]), [1]);
    assert_eq!(select(&mailbox, &[words("nada-disso")]), [0; 0]);
    assert_eq!(select(&mailbox, &[Condition::HasAttachments]), [0; 0]);
}

#[test]
fn the_texts_of_a_message_are_searched_and_its_attachments_known() {
    let (_data, mailbox) = with_mails(1);
    let message = "From: <x@example.org>\r\nMIME-Version: 1.0\r\n\
        Content-Type: multipart/mixed; boundary=b\r\n\r\n\
        --b\r\nContent-Type: text/plain; charset=iso-8859-1\r\n\
        Content-Transfer-Encoding: quoted-printable\r\n\r\nO relat=F3rio segue.\r\n\
        --b\r\nContent-Type: application/pdf; name=a.pdf\r\n\
        Content-Disposition: attachment; filename=a.pdf\r\n\
        Content-Transfer-Encoding: base64\r\n\r\nc2VncmVkbw==\r\n--b--\r\n";
    let content = Content::Message(message.as_bytes().try_into().unwrap());
    save(&mailbox, &[Mail { content, ..mail(2, "Relatório", "x") }]);
    assert_eq!(select(&mailbox, &[words("relatorio segue rogers")]), [2]);
    assert_eq!(select(&mailbox, &[Condition::HasAttachments]), [2]);
    // Neither an attachment's bytes nor the encoding are text.
    assert_eq!(select(&mailbox, &[words("segredo")]), [0; 0]);
    assert_eq!(select(&mailbox, &[words("c2VncmVkbw")]), [0; 0]);
}

#[test]
fn a_file_that_cannot_be_searched_is_named_and_hides_no_other() {
    let (_data, mailbox) = with_mails(300);
    let listed = all(&mailbox);
    let path = |number: usize| mailbox.directory().join("new").join(listed[number - 1].name.base());
    let whole = fs::read_to_string(path(7)).unwrap();
    fs::write(path(7), whole.replace("Corpo", "=ZZrpo")).unwrap();
    fs::remove_file(path(9)).unwrap();
    symlink("nowhere", path(9)).unwrap();
    fs::write(mailbox.directory().join("cur/1700000000.M1P1.other:2,"), "Corpo").unwrap();
    let selected = mailbox.select(&[words("corpo")], &Cancel::new()).unwrap();
    assert_eq!((selected.entries.len(), selected.total), (298, 300));
    let numbers: Vec<_> = selected.entries.iter().map(Entry::number).collect();
    assert!(numbers.is_sorted() && !numbers.contains(&7) && !numbers.contains(&9));
    let skipped: Vec<_> = selected.skipped.iter().map(|file| file.path.clone()).collect();
    assert_eq!(skipped[1..], [path(7), path(9)]);
    let cancel = Cancel::new();
    cancel.cancel();
    let cancelled = mailbox.select(&[words("corpo")], &cancel);
    assert!(matches!(cancelled, Err(MailboxError::Cancelled)));
}

#[test]
fn mails_that_others_move_and_delete_during_a_search_are_no_error() {
    let (_data, mailbox) = with_mails(200);
    let found = mailbox.entries().unwrap().entries;
    let listed = all(&mailbox);
    mailbox.mark_read(&listed[3]).unwrap();
    fs::remove_file(mailbox.directory().join("new").join(listed[5].name.base())).unwrap();
    let list = mailbox.load(&found).unwrap();
    assert_eq!((list.mails.len(), list.skipped.len(), list.total), (199, 0, 200));
    assert!(list.mails.iter().all(|mail| mail.number != 6));
}
