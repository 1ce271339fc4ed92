//! Tests of `correiod backup`.

use std::{
    fs,
    io::Read,
    os::unix::fs::PermissionsExt,
    path::Path,
    process::{Command, Stdio},
};

use correio_testing::{
    pty::PtyPair,
    rerun::{data_directory, on_a_small_disk, without_root},
    skip::{skipped, works},
};
use rustix::process::{Pid, Signal, kill_process};

use super::{done, files, make, names, run, said, text};
use crate::daemon::{command, eventually};

#[test]
fn a_backup_has_the_files_of_a_server_and_usual_tools_read_it() {
    let directory = tempfile::tempdir().unwrap();
    let (data, file) = (directory.path().join("data"), directory.path().join("b.tar.gz"));
    make(&data);
    let before = files(&data);
    let output = done(&data, &["backup", text(&file)]);
    assert!(output.contains("2 accounts and 15 waiting mails"), "{output}");
    assert!(files(&data) == before, "the data directory is as it was");
    assert_eq!(names(directory.path()), ["b.tar.gz", "data"]);
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    if !works("tar", &["--version"]) || !works("gzip", &["--version"]) {
        return skipped("this takes tar and gzip");
    }
    let listed = Command::new("tar").arg("-tzf").arg(&file).output().unwrap();
    let (status, listed, error) = said(&listed);
    assert_eq!((status, error.as_str()), (Some(0), ""));
    assert_eq!(listed, "manifest.json\ncorreio.db\ntls.pem\ninvite.key\n");
    let key = Command::new("tar").arg("-xzOf").arg(&file).arg("tls.pem").output().unwrap();
    assert!(key.stdout == before[Path::new("tls.pem")]);
}

#[test]
fn no_file_is_replaced_unless_that_is_asked_for() {
    let directory = tempfile::tempdir().unwrap();
    let (data, file) = (directory.path().join("data"), directory.path().join("b.tar.gz"));
    make(&data);
    fs::write(&file, "former").unwrap();
    let (status, _, error) = run(&data, &["backup", text(&file)]);
    assert_eq!(status, Some(73), "{error}");
    assert!(error.contains(text(&file)) && error.contains("--force"), "{error}");
    assert_eq!(fs::read(&file).unwrap(), b"former");
    done(&data, &["backup", "--force", text(&file)]);
    assert!(fs::read(&file).unwrap().starts_with(&[0x1f, 0x8b]));

    let before = files(&data);
    for name in ["correio.db", "correio.db-wal", "tls.pem", "lock"] {
        let (status, _, error) = run(&data, &["backup", "--force", text(&data.join(name))]);
        assert!(status == Some(73) && error.contains("keeps its data in"), "{error}");
    }
    assert!(files(&data) == before);
    let (status, _, error) = run(&data, &["backup", "--force", text(&data)]);
    assert_eq!(status, Some(73), "{error}");
    let (status, _, error) = run(&data, &["backup", text(&directory.path().join("none/b"))]);
    assert_eq!(status, Some(73), "{error}");
    assert_eq!(names(directory.path()), ["b.tar.gz", "data"]);
}

#[test]
fn a_terminal_gets_no_backup_and_sees_how_far_one_is() {
    let directory = tempfile::tempdir().unwrap();
    let data = directory.path().join("data");
    make(&data);
    let pty = PtyPair::open(24, 100).unwrap();
    let mut child = pty.spawn(&mut command(&data, &["backup", "-"])).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(64));
    let file = directory.path().join("b.tar.gz");
    let mut backup = command(&data, &["backup", text(&file)]);
    let mut child = pty.spawn(backup.env("TERM", "xterm")).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(0));
    let mut shown = vec![0; 64 * 1024];
    let mut main = fs::File::from(pty.main.try_clone().unwrap());
    let length = main.read(&mut shown).unwrap();
    let shown = String::from_utf8_lossy(&shown[..length]).into_owned();
    assert!(shown.contains("a backup is not for a terminal"), "{shown}");
    assert!(shown.contains("verifying") || shown.contains("packing"), "{shown}");
}

#[test]
fn what_is_no_data_directory_has_no_backup() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("b.tar.gz");
    let data = directory.path().join("data");
    for is_there in [false, true] {
        if is_there {
            fs::create_dir(&data).unwrap();
        }
        let (status, _, error) = run(&data, &["backup", text(&file)]);
        assert_eq!(status, Some(78), "{error}");
        assert!(error.contains(text(&data)) && error.contains("--data-dir"), "{error}");
    }
    fs::write(data.join("tls.pem"), "key").unwrap();
    let (status, _, error) = run(&data, &["backup", text(&file)]);
    assert_eq!(status, Some(78), "{error}");
    assert!(error.contains("no correio.db"), "{error}");
    assert_eq!(names(directory.path()), ["data"]);
}

#[test]
fn a_damaged_database_is_not_backed_up() {
    let directory = tempfile::tempdir().unwrap();
    let (data, file) = (directory.path().join("data"), directory.path().join("b.tar.gz"));
    make(&data);
    let database = data.join("correio.db");
    let whole = fs::read(&database).unwrap();
    let mut refused = 0;
    for at in (0..whole.len()).step_by(1021) {
        let mut bytes = whole.clone();
        bytes[at..].iter_mut().take(64).for_each(|byte| *byte ^= 0xff);
        fs::write(&database, bytes).unwrap();
        let (status, _, error) = run(&data, &["backup", "--force", text(&file)]);
        // Damage in free space has no meaning.
        if status != Some(0) {
            assert_eq!(status, Some(78), "at {at}: {error}");
            refused += 1;
        }
    }
    assert!(refused > 5, "{refused}");
    fs::write(&database, &whole[..whole.len() / 2]).unwrap();
    let _ = fs::remove_file(&file);
    let (status, _, error) = run(&data, &["backup", text(&file)]);
    assert_eq!(status, Some(78), "{error}");
    assert_eq!(names(directory.path()), ["data"]);
}

#[test]
fn a_full_disk_gets_no_backup_and_keeps_the_former_one() {
    let Some(disk) = data_directory() else {
        return on_a_small_disk(
            "operator::backup::a_full_disk_gets_no_backup_and_keeps_the_former_one",
        );
    };
    let directory = tempfile::tempdir().unwrap();
    make(directory.path());
    let file = disk.join("b.tar.gz");
    fs::write(&file, "former").unwrap();
    // From no room at all to room for a part of the work.
    for room in [0, 20, 40] {
        let ballast = disk.join("ballast");
        fill_but(&ballast, room * 1024);
        let (status, _, error) = run(directory.path(), &["backup", "--force", text(&file)]);
        assert_eq!(status, Some(74), "{room}: {error}");
        assert_eq!(names(&disk), ["b.tar.gz", "ballast"], "{room}");
        assert_eq!(fs::read(&file).unwrap(), b"former");
        fs::remove_file(ballast).unwrap();
    }
    done(directory.path(), &["backup", "--force", text(&file)]);
    eprintln!("came to the end");
}

/// Fills a disk except for about `room` bytes.
fn fill_but(ballast: &Path, room: u64) {
    use std::io::Write;
    let mut file = fs::File::create(ballast).unwrap();
    while file.write_all(&[1; 4096]).is_ok() {}
    let length = file.metadata().unwrap().len();
    file.set_len(length - room).unwrap();
}

#[test]
fn a_pipe_that_closes_ends_a_backup_without_a_trace() {
    let directory = tempfile::tempdir().unwrap();
    let (data, temporary) = (directory.path().join("data"), directory.path().join("tmp"));
    make(&data);
    fs::create_dir(&temporary).unwrap();
    let mut backup = command(&data, &["backup", "-"]);
    backup.env("TMPDIR", &temporary).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = backup.spawn().unwrap();
    drop(child.stdout.take());
    let (status, _, error) = said(&child.wait_with_output().unwrap());
    assert_eq!(status, Some(74), "{error}");
    assert!(error.contains("standard output"), "{error}");
    assert_eq!(names(&temporary), [""; 0]);
}

/// A program that does not read its pipe holds the command up: a signal ends that.
#[test]
fn a_signal_ends_a_backup_without_a_trace() {
    let directory = tempfile::tempdir().unwrap();
    let (data, temporary) = (directory.path().join("data"), directory.path().join("tmp"));
    make(&data);
    // More than a pipe takes, and nothing that could be compressed.
    large_mail(&data);
    fs::create_dir(&temporary).unwrap();
    for (signal, expected) in [(Signal::INT, 130), (Signal::TERM, 143)] {
        let mut backup = command(&data, &["backup", "-"]);
        backup.env("TMPDIR", &temporary).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = backup.spawn().unwrap();
        // It writes to the pipe once its first bytes come.
        let mut first = [0];
        child.stdout.as_mut().unwrap().read_exact(&mut first).unwrap();
        assert_eq!(names(&temporary).len(), 1);
        kill_process(Pid::from_child(&child), signal).unwrap();
        let status = child.wait().unwrap();
        assert_eq!(status.code(), Some(expected));
        assert_eq!(names(&temporary), [""; 0]);
    }
    // Into a file, whatever the moment: the whole backup, or nothing.
    for moment in 0..10 {
        let file = directory.path().join("b.tar.gz");
        let mut backup = command(&data, &["backup", text(&file)]);
        let mut child = backup.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        // A child that has ended keeps its number until it is waited for.
        let is_begun = || names(directory.path()).iter().any(|name| name.starts_with("b.tar.gz"));
        eventually(is_begun);
        for _ in 0..moment {
            std::thread::yield_now();
        }
        kill_process(Pid::from_child(&child), Signal::INT).unwrap();
        match child.wait().unwrap().code() {
            Some(0) => {
                assert_eq!(names(directory.path()), ["b.tar.gz", "data", "tmp"]);
                fs::remove_file(file).unwrap();
            }
            other => {
                assert_eq!(other, Some(130));
                assert_eq!(names(directory.path()), ["data", "tmp"]);
            }
        }
    }
}

/// Adds 400 KiB to tony's mailbox that cannot be compressed.
fn large_mail(data: &Path) {
    use correio_proto::message::{Reply, Request, Send};
    let mut state = 1_u64;
    let body: String = (0..400_000)
        .map(|_| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            char::from(b'!' + u8::try_from((state >> 33) % 94).unwrap())
        })
        .collect();
    let daemon = crate::daemon::Daemon::start(data, &[]);
    let mut tony = daemon.client();
    assert!(matches!(tony.ask(crate::daemon::login("tony")), Reply::LoggedIn(_)));
    let (id, to) = (crate::daemon::id(500), "tony".parse().unwrap());
    let (subject, content) = ("large".parse().unwrap(), body.parse().unwrap());
    let sent = tony.ask(Request::Send(Send { id, to, subject, content }));
    assert!(matches!(sent, Reply::Sent { .. }), "{sent:?}");
    daemon.stop();
}

#[test]
fn a_directory_that_this_user_cannot_read_is_named() {
    if !without_root("operator::backup::a_directory_that_this_user_cannot_read_is_named") {
        return;
    }
    let directory = tempfile::tempdir().unwrap();
    let (data, file) = (directory.path().join("data"), directory.path().join("b.tar.gz"));
    make(&data);
    let set = |path: &Path, mode| {
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    };
    for (path, closed, open) in [
        (data.clone(), 0o000, 0o700),
        (data.join("correio.db"), 0o000, 0o600),
        (data.join("tls.pem"), 0o000, 0o600),
    ] {
        set(&path, closed);
        let (status, _, error) = run(&data, &["backup", text(&file)]);
        set(&path, open);
        assert_eq!(status, Some(77), "{}: {error}", path.display());
        assert!(error.contains(text(&data)), "{error}");
    }
    set(directory.path(), 0o500);
    let (status, _, error) = run(&data, &["backup", text(&file)]);
    set(directory.path(), 0o700);
    assert_eq!(status, Some(77), "{error}");
    assert_eq!(names(directory.path()), ["data"]);
}
