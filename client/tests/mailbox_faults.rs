//! Tests of the program on file systems that lack operations, and of several programs at once.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Child, Command, Output},
};

use correio_client::{Draft, Drafts, new_mail_id};
use correio_testing::{skip, strace::traced};
use tempfile::TempDir;

use crate::support::plain::{PlainSetup, done, subjects, succeeded};

/// Receives with faults injected into calls of the system.
fn receive_with(setup: &PlainSetup, data: &Path, faults: &[&str]) -> Output {
    with_faults(&setup.command(data, &["receive"]), faults).output().unwrap()
}

fn with_faults(command: &Command, faults: &[&str]) -> Command {
    let arguments: Vec<&str> = faults.iter().flat_map(|fault| ["-e", fault]).collect();
    traced(command, Path::new("/dev/null"), &arguments)
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn where_nothing_can_be_synced_mail_is_received_and_that_is_said_once() {
    if !skip::can_trace() {
        return;
    }
    let (setup, data) = (PlainSetup::new(), TempDir::new().unwrap());
    for subject in ["Um", "Dois"] {
        setup.send(subject, "Oi.");
    }
    let output = receive_with(&setup, data.path(), &["inject=fsync,fdatasync:error=EINVAL"]);
    assert_eq!(subjects(&succeeded(&output)), ["Um", "Dois"]);
    assert_eq!(said(&output).matches("does not confirm").count(), 1, "{}", said(&output));
    // A failing disk is different: mails that it may have lost are not confirmed.
    setup.send("Três", "Oi.");
    let output = receive_with(&setup, data.path(), &["inject=fsync,fdatasync:error=EIO"]);
    assert_eq!(output.status.code(), Some(74), "{}", said(&output));
    let again = done(setup.command(data.path(), &["receive"]));
    assert_eq!(subjects(&again), ["Três"]);
}

#[test]
fn where_nothing_can_be_renamed_mail_is_received_and_listed() {
    if !skip::can_trace() {
        return;
    }
    let (setup, data) = (PlainSetup::new(), TempDir::new().unwrap());
    setup.send("Um", "Oi.");
    let renames = "inject=/^rename:error=EINVAL";
    let output = receive_with(&setup, data.path(), &[renames]);
    assert_eq!(
        (subjects(&succeeded(&output)), said(&output)),
        (vec!["Um".to_owned()], String::new())
    );
    assert_eq!(fs::read_dir(setup.maildir(data.path()).join("tmp")).unwrap().count(), 0);
    // A file cannot have a second name either: the mail cannot be marked, and stays readable.
    setup.send("Dois", "Oi.");
    let [renames, links] = ["inject=/^rename:error=EINVAL:when=2+", "inject=/^link:error=EPERM"];
    let output = receive_with(&setup, data.path(), &[renames, links]);
    assert_eq!(subjects(&succeeded(&output)), ["Dois"]);
    assert_eq!(said(&output).matches("cannot mark").count(), 1, "{}", said(&output));
    let list = done(setup.command(data.path(), &["list"]));
    assert_eq!(subjects(&list), ["Um", "Dois"]);
}

#[test]
fn where_a_colon_is_refused_another_separator_is_used() {
    if !skip::can_trace() {
        return;
    }
    let (setup, data) = (PlainSetup::new(), TempDir::new().unwrap());
    setup.send("Um", "Oi.");
    // The first renames are those of the new mail and of the file of known people.
    let faults = ["inject=/^rename:error=EINVAL:when=3", "inject=/^link:error=EPERM"];
    let output = receive_with(&setup, data.path(), &faults);
    assert_eq!(
        (subjects(&succeeded(&output)), said(&output)),
        (vec!["Um".to_owned()], String::new())
    );
    let cur = setup.maildir(data.path()).join("cur");
    let name = fs::read_dir(cur).unwrap().next().unwrap().unwrap().file_name();
    assert!(name.to_str().unwrap().ends_with(".tony;2,"), "{name:?}");
    assert_eq!(subjects(&done(setup.command(data.path(), &["receive"]))), [""; 0]);
    assert_eq!(subjects(&done(setup.command(data.path(), &["list"]))), ["Um"]);
}

/// A file system of another kind in a file, mounted until it is dropped.
struct Mounted {
    directory: TempDir,
    /// The block device, for a file system that needs one.
    device: Option<String>,
}

impl Mounted {
    fn new() -> (Self, String, String) {
        let directory = TempDir::new().unwrap();
        let image = directory.path().join("image");
        fs::File::create(&image).unwrap().set_len(16 << 20).unwrap();
        let mounted = Self { directory, device: None };
        fs::create_dir(mounted.path()).unwrap();
        let mount = mounted.path().to_str().unwrap().to_owned();
        (mounted, image.to_str().unwrap().to_owned(), mount)
    }

    /// NTFS with the names that Windows allows. `None`, reported as a skipped test, if the machine
    /// cannot mount it.
    fn ntfs() -> Option<Self> {
        let (mounted, image, mount) = Self::new();
        let works = skip::works("mkntfs", &["-F", "-Q", &image])
            && skip::works("ntfs-3g", &["-o", "windows_names", &image, &mount]);
        mounted.where_it(works)
    }

    /// exFAT. `None`, reported as a skipped test, if the machine cannot mount it.
    fn exfat() -> Option<Self> {
        let (mut mounted, image, mount) = Self::new();
        let mut loops = Command::new("losetup");
        let shown = loops.args(["-f", "--show", &image]).output();
        mounted.device = shown
            .ok()
            .filter(|shown| shown.status.success())
            .map(|shown| String::from_utf8(shown.stdout).unwrap().trim().to_owned());
        let works = mounted.device.as_deref().is_some_and(|device| {
            skip::works("mkfs.exfat", &[device])
                && skip::works("mount.exfat-fuse", &[device, &mount])
        });
        mounted.where_it(works)
    }

    fn where_it(self, works: bool) -> Option<Self> {
        if !works {
            skip::skipped("this takes ntfs-3g, exfat-fuse and exfatprogs, and the right to mount");
        }
        Some(self).filter(|_| works)
    }

    fn path(&self) -> PathBuf {
        self.directory.path().join("mount")
    }
}

impl Drop for Mounted {
    fn drop(&mut self) {
        // Nothing is mounted if the test is skipped.
        skip::works("umount", &[self.path().to_str().unwrap()]);
        if let Some(device) = &self.device {
            skip::works("losetup", &["-d", device]);
        }
    }
}

/// Checks that mail is received, shown once and read, and that a draft is kept.
fn works_on(mounted: &Mounted) {
    let (setup, data) = (PlainSetup::new(), mounted.path());
    for subject in ["Um", "Dois"] {
        setup.send(subject, "Oi.");
    }
    assert_eq!(subjects(&done(setup.command(&data, &["receive"]))), ["Um", "Dois"]);
    assert_eq!(subjects(&done(setup.command(&data, &["receive"]))), [""; 0]);
    done(setup.command(&data, &["read", "2"]));
    let list = done(setup.command(&data, &["list"]));
    let mails = list["mails"].as_array().unwrap();
    let status: Vec<_> = mails.iter().map(|mail| mail["status"].as_str().unwrap()).collect();
    assert_eq!(status, ["unread", "read"]);
    let drafts = Drafts::open(&data, &"correio.example".parse().unwrap(), &"tony".parse().unwrap());
    let (to, subject, body) = (String::new(), String::new(), "Oi".to_owned());
    let draft = Draft { to, subject, body, ..Draft::begin(new_mail_id()) };
    drafts.save(&draft).unwrap();
    assert_eq!(drafts.list().unwrap().drafts, [draft]);
}

#[test]
fn on_a_real_ntfs_mail_is_received_shown_once_and_read() {
    if let Some(mounted) = Mounted::ntfs() {
        works_on(&mounted);
    }
}

#[test]
fn on_a_real_exfat_mail_is_received_shown_once_and_read() {
    if let Some(mounted) = Mounted::exfat() {
        works_on(&mounted);
    }
}

#[test]
fn of_four_that_receive_at_once_each_mail_is_listed_by_one() {
    const MAILS: usize = 12;
    let (setup, data) = (PlainSetup::new(), TempDir::new().unwrap());
    let sent: Vec<String> = (0..MAILS).map(|number| format!("Assunto {number:02}")).collect();
    for round in 0..3 {
        sent.iter().for_each(|subject| setup.send(subject, "Oi."));
        let children: Vec<Child> =
            (0..4).map(|_| setup.command(data.path(), &["receive"]).spawn().unwrap()).collect();
        let outputs = children.into_iter().map(|child| child.wait_with_output().unwrap());
        let mut listed: Vec<_> = outputs.flat_map(|output| subjects(&succeeded(&output))).collect();
        listed.sort_unstable();
        assert_eq!(listed, sent, "round {round}");
    }
}

#[test]
fn a_mail_that_cannot_be_read_is_named_and_the_others_are_listed() {
    let (setup, data) = (PlainSetup::new(), TempDir::new().unwrap());
    setup.send("Um", "Oi.");
    done(setup.command(data.path(), &["receive"]));
    let maildir = setup.maildir(data.path());
    let name = fs::read_dir(maildir.join("cur")).unwrap().next().unwrap().unwrap().file_name();
    let name = name.to_str().unwrap().replace("_1.tony", "_9.tony");
    for (part, id) in [("new", "7aaa"), ("cur", "7bbb")] {
        let at = name.match_indices('_').nth(1).unwrap().0 + 13;
        let other = format!("{}{id}{}", &name[..at], &name[at + 4..]);
        std::os::unix::fs::symlink("nowhere", maildir.join(part).join(other)).unwrap();
    }
    setup.send("Dois", "Oi.");
    for (command, named, listed) in
        [("receive", 1, &["Dois"][..]), ("receive", 1, &[]), ("list", 2, &["Um", "Dois"])]
    {
        let output = setup.command(data.path(), &[command]).output().unwrap();
        assert_eq!(subjects(&succeeded(&output)), listed);
        assert_eq!(said(&output).matches("is left out").count(), named, "{}", said(&output));
    }
}

#[test]
fn where_there_are_no_locks_it_says_what_to_do() {
    if !skip::can_trace() {
        return;
    }
    let (setup, data) = (PlainSetup::new(), TempDir::new().unwrap());
    setup.send("Um", "Oi.");
    for errno in ["ENOLCK", "ENOSYS"] {
        let fault = format!("inject=flock:error={errno}");
        let output = receive_with(&setup, data.path(), &[&fault]);
        assert_eq!(output.status.code(), Some(74), "{}", said(&output));
        let answer: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        let text = answer["error"]["text"].as_str().unwrap_or_default();
        assert!(text.contains("choose a data directory on another one"), "{answer}");
    }
    // Sending needs no lock: without TLS, no server is recorded.
    let send = ["send", "--to", "tony", "--subject", "Dois", "--body", "Oi."];
    done(with_faults(&setup.command(data.path(), &send), &["inject=flock:error=ENOLCK"]));
    assert_eq!(subjects(&done(setup.command(data.path(), &["receive"]))), ["Um", "Dois"]);
}

#[test]
fn a_lock_that_another_program_keeps_ends_receiving_with_a_word() {
    let (setup, data) = (PlainSetup::new(), TempDir::new().unwrap());
    setup.send("Um", "Oi.");
    let maildir = setup.maildir(data.path());
    fs::create_dir_all(&maildir).unwrap();
    let lock = fs::File::create(maildir.join(".correio-lock")).unwrap();
    lock.lock().unwrap();
    let output = setup.command(data.path(), &["receive"]).output().unwrap();
    assert_eq!(output.status.code(), Some(75), "{}", said(&output));
    // Ctrl-C ends the waiting at once.
    let mut child = setup.command(data.path(), &["receive"]).spawn().unwrap();
    let pid = rustix::process::Pid::from_child(&child);
    let opened = |path: &Path| {
        let files = fs::read_dir(format!("/proc/{}/fd", child.id())).unwrap();
        files.flatten().any(|file| fs::read_link(file.path()).is_ok_and(|to| to == path))
    };
    while !opened(&maildir.join(".correio-lock")) {
        std::thread::yield_now();
    }
    rustix::process::kill_process(pid, rustix::process::Signal::INT).unwrap();
    let before = std::time::Instant::now();
    assert_eq!(child.wait().unwrap().code(), Some(130));
    assert!(before.elapsed() < std::time::Duration::from_secs(5), "{:?}", before.elapsed());
    drop(lock);
    assert_eq!(subjects(&done(setup.command(data.path(), &["receive"]))), ["Um"]);
}
