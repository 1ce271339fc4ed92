//! Tests of `correiod export`.

use std::{fs, os::unix::fs::symlink, path::Path};

use correio_proto::{message::Reply, rfc5322};
use correio_testing::{
    request::{content, large_message, message, upload},
    rerun::{data_directory, on_a_small_disk},
};

use super::{done, files, mails, make, names, run, text};
use crate::daemon::Daemon;

/// The mails in the files of a Maildir's `new`.
fn exported(maildir: &Path) -> Vec<correio_proto::mail::Mail> {
    let new = maildir.join("new");
    let read = |name: &String| rfc5322::read(&mut &fs::read(new.join(name)).unwrap()[..]).unwrap();
    let mut mails: Vec<_> = names(&new).iter().map(read).collect();
    mails.sort_by_key(|mail| mail.seq);
    mails
}

#[test]
fn waiting_mail_is_written_as_maildirs_and_stays() {
    let directory = tempfile::tempdir().unwrap();
    let (data, target) = (directory.path().join("data"), directory.path().join("out"));
    make(&data);
    let before = files(&data);
    let output = done(&data, &["export", "tony", text(&target), "--domain", "mail.example.org"]);
    assert!(output.contains("10 mails of 1 account\n"), "{output}");
    assert_eq!(names(&target), ["tony"]);
    assert_eq!(names(&target.join("tony")), ["cur", "new", "tmp"]);
    let output = done(&data, &["export", "--all", text(&target)]);
    assert!(output.contains("5 mails of 2 accounts; 10 mails had been written"), "{output}");
    assert_eq!(names(&target), ["pepper", "tony"]);
    assert!(files(&data) == before, "nothing is deleted");
    let first = &names(&target.join("tony/new"))[0];
    let text = fs::read_to_string(target.join("tony/new").join(first)).unwrap();
    assert!(text.starts_with("From: \"Tony Stark\" <tony@mail.example.org>\n"), "{text}");
    let daemon = Daemon::start(&data, &[]);
    for username in ["tony", "pepper"] {
        assert_eq!(exported(&target.join(username)), mails(&daemon, username), "{username}");
    }
}

#[test]
fn a_message_is_exported_to_the_byte_also_from_pieces() {
    const SIZE: u64 = 300_000;
    let directory = tempfile::tempdir().unwrap();
    let (data, target) = (directory.path().join("data"), directory.path().join("out"));
    let bytes = b"Subject: a\r\n\r\n\0\xff";
    let daemon = Daemon::start(&data, &[]);
    let mut tony = daemon.session("tony");
    for part in [0..200_000, 200_000..SIZE] {
        let reply = tony.ask(upload(1, SIZE, part.clone()));
        assert_eq!(reply, Reply::Uploaded { staged: part.end });
    }
    for request in [large_message(1, "tony", SIZE), message(2, "tony", bytes)] {
        assert!(matches!(tony.ask(request), Reply::Sent { .. }));
    }
    assert_eq!(daemon.stop().code(), Some(0));
    done(&data, &["export", "tony", text(&target)]);
    let new = target.join("tony/new");
    let files: Vec<_> = names(&new).iter().map(|name| fs::read(new.join(name)).unwrap()).collect();
    let length = |length: u64| format!("\nX-Correio-Message-Length: {length}\n").into_bytes();
    // A field says that LF stands for CR LF in the file.
    let lines = b"\nX-Correio-Message-Lines: crlf".to_vec();
    let whole = [length(SIZE), content(1, 0..SIZE)].concat();
    let with_lf = [lines, length(bytes.len() as u64), b"Subject: a\n\n\0\xff".to_vec()].concat();
    for end in [whole, with_lf] {
        assert_eq!(files.iter().filter(|file| file.ends_with(&end)).count(), 1);
    }
    let daemon = Daemon::start(&data, &[]);
    assert_eq!(exported(&target.join("tony")), mails(&daemon, "tony"));
}

#[test]
fn no_file_is_replaced_and_no_mail_is_written_twice() {
    let directory = tempfile::tempdir().unwrap();
    let (data, target) = (directory.path().join("data"), directory.path().join("out"));
    make(&data);
    done(&data, &["export", "--all", text(&target)]);
    let new = target.join("tony/new");
    let present = names(&new);
    // Another program has read one mail, flagged another, and changed a third.
    fs::rename(new.join(&present[0]), target.join("tony/cur").join(format!("{}:2,S", present[0])))
        .unwrap();
    fs::rename(new.join(&present[1]), target.join("tony/cur").join(format!("{},U=7", present[1])))
        .unwrap();
    fs::write(new.join(&present[2]), "mine").unwrap();
    fs::write(new.join("foreign"), "mine").unwrap();
    fs::remove_file(new.join(&present[3])).unwrap();
    let before = files(&target);
    let output = done(&data, &["export", "--all", text(&target)]);
    assert!(output.contains("1 mail of 2 accounts; 14 mails had been"), "{output}");
    let mut after = files(&target);
    assert!(after.remove(&Path::new("tony/new").join(&present[3])).is_some());
    assert!(after == before);
}

#[test]
fn a_link_in_the_target_is_not_followed() {
    let directory = tempfile::tempdir().unwrap();
    let (data, elsewhere) = (directory.path().join("data"), directory.path().join("elsewhere"));
    make(&data);
    for part in ["tony", "tony/cur", "tony/new", "tony/tmp"] {
        let target = tempfile::tempdir().unwrap();
        let link = target.path().join(part);
        fs::create_dir_all(link.parent().unwrap()).unwrap();
        fs::create_dir_all(&elsewhere).unwrap();
        symlink(&elsewhere, &link).unwrap();
        let (status, _, error) = run(&data, &["export", "tony", text(target.path())]);
        assert_eq!(status, Some(73), "{part}: {error}");
        assert!(error.contains(text(&link)) && error.contains("it is a link"), "{error}");
        assert_eq!(names(&elsewhere), [""; 0], "{part}");
    }
    // The target itself may be one.
    let target = directory.path().join("target");
    symlink(&elsewhere, &target).unwrap();
    done(&data, &["export", "tony", text(&target)]);
    assert_eq!(names(&elsewhere), ["tony"]);
}

#[test]
fn what_is_asked_for_wrongly_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let (data, target) = (directory.path().join("data"), directory.path().join("out"));
    make(&data);
    let (status, _, error) = run(&data, &["export", "nobody", text(&target)]);
    assert!(status == Some(67) && error.contains("no account nobody"), "{error}");
    for arguments in [
        &["export", "tony"][..],
        &["export", "--all", "tony", text(&target)],
        &["export", "--all"],
        &["export", "../tony", text(&target)],
        &["export", "tony", text(&target), "--domain", "a\nb"],
        &["export", "tony", text(&target), "--domain", ""],
    ] {
        let (status, _, error) = run(&data, arguments);
        assert_eq!(status, Some(64), "{arguments:?}: {error}");
        assert!(error.contains("correiod export"), "{error}");
    }
    assert!(!target.exists());
    let (status, _, error) = run(&target, &["export", "tony", text(&data)]);
    assert_eq!(status, Some(78), "{error}");
    fs::write(&target, "a file").unwrap();
    let (status, _, error) = run(&data, &["export", "tony", text(&target)]);
    assert_eq!(status, Some(73), "{error}");
    assert_eq!(fs::read(&target).unwrap(), b"a file");
}

#[test]
fn a_full_disk_ends_an_export_that_another_one_goes_on_with() {
    let Some(disk) = data_directory() else {
        return on_a_small_disk(
            "operator::export::a_full_disk_ends_an_export_that_another_one_goes_on_with",
        );
    };
    use std::io::Write;
    let directory = tempfile::tempdir().unwrap();
    make(directory.path());
    let (target, ballast) = (disk.join("out"), disk.join("ballast"));
    let mut file = fs::File::create(&ballast).unwrap();
    while file.write_all(&[1; 4096]).is_ok() {}
    file.set_len(file.metadata().unwrap().len() - 5 * 4096).unwrap();
    drop(file);
    let (status, _, error) = run(directory.path(), &["export", "--all", text(&target)]);
    assert_eq!(status, Some(74), "{error}");
    assert!(error.contains("No space") && error.contains("goes on after them"), "{error}");
    let written = exported(&target.join("tony"));
    assert!((1..10).contains(&written.len()), "{}", written.len());
    assert_eq!(names(&target.join("tony/tmp")), [""; 0]);
    fs::remove_file(ballast).unwrap();
    done(directory.path(), &["export", "--all", text(&target)]);
    assert_eq!(exported(&target.join("tony")).len(), 10);
    assert_eq!(exported(&target.join("pepper")).len(), 5);
    eprintln!("came to the end");
}
