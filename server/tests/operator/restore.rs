//! Tests of `correiod restore`.

use std::{
    fs,
    os::unix::fs::{MetadataExt, PermissionsExt, chown},
    path::{Path, PathBuf},
    process::Stdio,
};

use correio_server::{
    cancel::Cancel,
    ops::archive::{self, FileEntry, Manifest},
};
use correio_testing::rerun::{data_directory, on_a_small_disk, without_root};

use super::{done, files, mails, make, names, run, said, text};
use crate::daemon::{Daemon, command, refused};

/// A directory with a backup of [`make`], and its path.
fn backup() -> (tempfile::TempDir, PathBuf) {
    let directory = tempfile::tempdir().unwrap();
    let (data, file) = (directory.path().join("data"), directory.path().join("b.tar.gz"));
    make(&data);
    done(&data, &["backup", text(&file)]);
    (directory, file)
}

/// Restores into a directory, which must be refused and stay as it is. Returns status and error.
fn refusal(new: &Path, file: &Path) -> (Option<i32>, String) {
    let before = new.exists().then(|| (names(new), files(new)));
    let (status, _, error) = run(new, &["restore", text(file)]);
    assert_ne!(status, Some(0), "{error}");
    assert!(new.exists().then(|| (names(new), files(new))) == before, "{error}");
    (status, error)
}

#[test]
fn a_restored_directory_serves_the_same_mail_under_the_same_certificate() {
    let (directory, file) = backup();
    let (data, new) = (directory.path().join("data"), directory.path().join("new"));
    let output = done(&new, &["restore", text(&file)]);
    assert!(output.contains("2 accounts and 15 waiting mails"), "{output}");
    assert_eq!(names(&new), ["correio.db", "invite.key", "lock", "tls.pem"]);
    for name in names(&new) {
        let mode = fs::metadata(new.join(&name)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{name}");
    }
    assert_eq!(fs::metadata(&new).unwrap().permissions().mode() & 0o777, 0o700);
    for key in ["tls.pem", "invite.key"] {
        assert!(fs::read(new.join(key)).unwrap() == fs::read(data.join(key)).unwrap(), "{key}");
    }
    let (old, restored) = (Daemon::start(&data, &[]), Daemon::start(&new, &[]));
    for username in ["tony", "pepper"] {
        assert_eq!(mails(&restored, username), mails(&old, username));
    }
    assert_eq!(mails(&restored, "tony").len(), 10);
    drop(restored.session("bruce"));
    assert_eq!(restored.stop().code(), Some(0));
}

#[test]
fn a_backup_goes_through_pipes() {
    let directory = tempfile::tempdir().unwrap();
    let (data, new) = (directory.path().join("data"), directory.path().join("new"));
    make(&data);
    let mut from = command(&data, &["backup", "-"]);
    let mut from = from.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let mut to = command(&new, &["restore", "-"]);
    to.stdin(from.stdout.take().unwrap());
    let (status, output, error) = said(&to.output().unwrap());
    assert_eq!(status, Some(0), "{error}");
    assert!(output.contains("15 waiting mails"), "{output}");
    assert_eq!(from.wait().unwrap().code(), Some(0));
    // What was not written to its end is not restored.
    let (status, error) = {
        let mut to = command(&directory.path().join("other"), &["restore", "-"]);
        let (status, _, error) = said(&to.stdin(Stdio::null()).output().unwrap());
        (status, error)
    };
    assert_eq!(status, Some(78), "{error}");
    assert!(error.contains("standard input: it is cut off"), "{error}");
    assert!(!directory.path().join("other").exists());
}

#[test]
fn a_damaged_or_cut_backup_leaves_the_directory_as_it_was() {
    let (directory, file) = backup();
    let whole = fs::read(&file).unwrap();
    let (missing, empty) = (directory.path().join("missing"), directory.path().join("empty"));
    fs::create_dir(&empty).unwrap();
    let bad = directory.path().join("bad");
    for part in 1..12 {
        let at = whole.len() * part / 12;
        let mut damaged = whole.clone();
        damaged[at] ^= 0x10;
        for content in [&damaged[..], &whole[..at]] {
            fs::write(&bad, content).unwrap();
            for new in [&missing, &empty] {
                let (status, error) = refusal(new, &bad);
                assert_eq!(status, Some(78), "{error}");
                let said = format!("nothing was restored from {}: it is ", text(&bad));
                assert!(error.contains(&said), "{error}");
            }
        }
    }
    fs::write(&bad, "no backup").unwrap();
    let (status, error) = refusal(&missing, &bad);
    assert!(status == Some(78) && error.contains("it is not a backup of correio"), "{error}");
    let (status, error) = refusal(&missing, &directory.path().join("nowhere"));
    assert!(status == Some(66) && error.contains("nowhere"), "{error}");
}

/// Makes a backup of a directory's files whose manifest is changed, with right checksums.
fn forged(data: &Path, change: impl FnOnce(&mut Manifest)) -> Vec<u8> {
    let whole = tempfile::tempdir().unwrap();
    let file = whole.path().join("b");
    done(data, &["backup", text(&file)]);
    let cancel = Cancel::default();
    let open = |_: &FileEntry| Ok(std::io::sink());
    let source = fs::File::open(&file).unwrap();
    let mut manifest = archive::unpack(source, &cancel, |_| Ok(()), open, |_| ()).unwrap();
    change(&mut manifest);
    pack(data, manifest)
}

/// Packs the files of a directory as they are.
fn pack(data: &Path, mut manifest: Manifest) -> Vec<u8> {
    let cancel = Cancel::default();
    let mut files: Vec<fs::File> = Vec::new();
    for entry in &mut manifest.files {
        let path = data.join(entry.file.name());
        let mut file = fs::File::open(&path).unwrap();
        (entry.sha256, entry.size) = archive::digest(&mut file, &cancel).unwrap();
        files.push(fs::File::open(path).unwrap());
    }
    let mut sources: Vec<archive::Source<'_>> =
        files.iter_mut().map(|file| file as archive::Source<'_>).collect();
    archive::pack(Vec::new(), &manifest, &mut sources, &cancel, |_| ()).unwrap()
}

#[test]
fn a_backup_of_a_newer_version_or_of_another_database_is_refused() {
    let (directory, _) = backup();
    let (data, new) = (directory.path().join("data"), directory.path().join("new"));
    let bad = directory.path().join("bad");
    let database = data.join("correio.db");
    let cases: [(Vec<u8>, &str); 3] = [
        (forged(&data, |manifest| manifest.schema = 99), "a newer correio (0.1.0)"),
        (forged(&data, |manifest| manifest.schema = 0), "not the one that its manifest names"),
        (forged(&data, |manifest| manifest.realm.0[0] ^= 1), "not the one that its manifest"),
    ];
    for (content, expected) in cases {
        fs::write(&bad, content).unwrap();
        let (status, error) = refusal(&new, &bad);
        assert!(status == Some(78) && error.contains(expected), "{error}");
    }
    // Right checksums of a database that is not whole, or that its server has open.
    let whole = fs::read(&database).unwrap();
    for (sql, expected) in [
        ("UPDATE account SET mails = 99", "account tony states 99 mails"),
        ("DELETE FROM mailbox", "missing in its mailbox's index"),
        ("UPDATE wal_state SET is_open = 1", "was not closed"),
        ("PRAGMA user_version = 8", "it was written by a newer correio (0.1.0)"),
        ("DROP TABLE verdict", "table verdict is missing"),
    ] {
        let manifest = {
            let mut found = None;
            forged(&data, |manifest| found = Some(manifest.clone()));
            found.unwrap()
        };
        rusqlite::Connection::open(&database).unwrap().execute_batch(sql).unwrap();
        fs::write(&bad, pack(&data, manifest)).unwrap();
        fs::write(&database, &whole).unwrap();
        let (status, error) = refusal(&new, &bad);
        assert!(status == Some(78) && error.contains(expected), "{sql}: {error}");
    }
}

#[test]
fn nothing_is_restored_over_anything() {
    let (directory, file) = backup();
    let data = directory.path().join("data");
    let (status, error) = refusal(&data, &file);
    assert!(status == Some(73) && error.contains("is not empty"), "{error}");
    let new = directory.path().join("new");
    fs::create_dir(&new).unwrap();
    fs::write(new.join("notes"), "mine").unwrap();
    let (status, error) = refusal(&new, &file);
    assert!(status == Some(73) && error.contains("it has notes"), "{error}");
    // A file in the directory's place.
    let (status, error) = refusal_at_file(&directory.path().join("b.tar.gz"), &file);
    assert_eq!(status, Some(73), "{error}");
    let (status, error) = refusal(&directory.path().join("none/new"), &file);
    assert_eq!(status, Some(73), "{error}");

    // What `mkfs` and a server that has ended leave is nothing.
    fs::remove_file(new.join("notes")).unwrap();
    fs::create_dir(new.join("lost+found")).unwrap();
    let lock = fs::File::create(new.join("lock")).unwrap();
    lock.lock().unwrap();
    let (status, error) = refusal(&new, &file);
    assert!(status == Some(69) && error.contains("a server uses"), "{error}");
    drop(lock);
    done(&new, &["restore", text(&file)]);
    assert_eq!(mails(&Daemon::start(&new, &[]), "tony").len(), 10);
}

fn refusal_at_file(new: &Path, file: &Path) -> (Option<i32>, String) {
    let before = fs::read(new).unwrap();
    let (status, _, error) = run(new, &["restore", text(file)]);
    assert!(fs::read(new).unwrap() == before);
    (status, error)
}

#[test]
fn a_disk_without_room_gets_nothing() {
    let Some(disk) = data_directory() else {
        return on_a_small_disk("operator::restore::a_disk_without_room_gets_nothing");
    };
    let (_directory, file) = backup();
    let new = disk.join("new");
    let ballast = disk.join("ballast");
    fill(&ballast);
    for room in [16 * 1024, 0] {
        let length = fs::metadata(&ballast).unwrap().len();
        fs::File::options().write(true).open(&ballast).unwrap().set_len(length - room).unwrap();
        let (status, error) = refusal(&new, &file);
        assert_eq!(status, Some(74), "{error}");
        assert!(error.contains("there is room for") || error.contains("No space"), "{error}");
    }
    fs::remove_file(ballast).unwrap();
    done(&new, &["restore", text(&file)]);
    eprintln!("came to the end");
}

fn fill(ballast: &Path) {
    use std::io::Write;
    let mut file = fs::File::create(ballast).unwrap();
    while file.write_all(&[1; 4096]).is_ok() {}
}

#[test]
fn a_place_that_this_user_may_not_write_to_is_named() {
    if !without_root("operator::restore::a_place_that_this_user_may_not_write_to_is_named") {
        return;
    }
    let (directory, file) = backup();
    let closed = directory.path().join("closed");
    fs::create_dir(&closed).unwrap();
    let set = |path: &Path, mode| {
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    };
    set(&closed, 0o500);
    for new in [closed.clone(), closed.join("new")] {
        let (status, error) = refusal(&new, &file);
        assert!(status == Some(77) && error.contains(text(&new)), "{error}");
    }
    set(&closed, 0o700);
    set(&file, 0o000);
    let (status, error) = refusal(&closed, &file);
    assert!(status == Some(77) && error.contains(text(&file)), "{error}");
}

/// Under systemd the directory belongs to the service's user, and root restores.
#[test]
fn roots_files_get_the_owner_of_the_directory() {
    if !rustix::process::geteuid().is_root() {
        return correio_testing::skip::skipped("only root can give files away");
    }
    let (directory, file) = backup();
    let new = directory.path().join("new");
    fs::create_dir(&new).unwrap();
    chown(&new, Some(4711), Some(4712)).unwrap();
    done(&new, &["restore", text(&file)]);
    for name in names(&new) {
        let found = fs::metadata(new.join(&name)).unwrap();
        assert_eq!((found.uid(), found.gid()), (4711, 4712), "{name}");
    }
}

/// A directory that was restored in part has keys and no database.
#[test]
fn a_restore_that_was_killed_is_no_store() {
    let (directory, file) = backup();
    let new = directory.path().join("new");
    done(&new, &["restore", text(&file)]);
    fs::remove_file(new.join("correio.db")).unwrap();
    let (status, error) = refused(crate::daemon::listening(&new));
    assert_eq!(status, Some(78), "{error}");
    let (status, error) = refusal(&new, &file);
    assert!(status == Some(73) && error.contains("is not empty"), "{error}");
}
