//! Kills the program at each system call while it sends or receives, and runs it with little
//! memory.

use std::{
    fs,
    net::SocketAddr,
    os::unix::process::ExitStatusExt,
    path::Path,
    process::{Command, Output},
};

use correio_client::{Author, Cancel, Drafts};
use correio_proto::{capability::Capability, limits};
use correio_testing::{
    skip::can_trace,
    strace::{kill_at, traced},
};
use tempfile::TempDir;

use crate::support::plain::{PlainSetup, correio, digest, done, subjects};

/// The subjects of the mails in the answer of a command that Tony runs.
fn told(server: SocketAddr, data: &Path, command: &str) -> Vec<String> {
    subjects(&done(correio(server, data, "tony", &[command])))
}

/// Kills the program at the first of these calls, the second and so on, until it comes to its end.
fn kill_at_each(calls: &str, least: usize) {
    kill_at_each_with("From cá.\n", calls, least);
}

/// The same where the content of the last mail is read in two pieces.
fn kill_at_each_piece(calls: &str, least: usize) {
    kill_at_each_with(&"uma linha ASCII\n".repeat(limits::PIECE_MAX / 16 + 1), calls, least);
}

fn kill_at_each_with(content: &str, calls: &str, least: usize) {
    if !can_trace() {
        return;
    }
    let setup = PlainSetup::new();
    let server = setup.address();
    for when in 1.. {
        let data = TempDir::new().unwrap();
        let subjects = ["Um", "Dois"].map(|subject| format!("{subject} {when}"));
        setup.send(&subjects[0], "From cá.\n");
        match content.len() {
            0..1000 => setup.send(&subjects[1], content),
            _ => setup.upload(&subjects[1], content.as_bytes(), digest(content.as_bytes())),
        }
        let receive = setup.command(data.path(), &["receive"]);
        let mut receive = traced(&receive, Path::new("/dev/null"), &kill_at(calls, when));
        let ended = receive.output().unwrap().status;
        told(server, data.path(), "receive");
        assert_eq!(told(server, data.path(), "list"), subjects, "killed at {when} of {calls}");
        assert_eq!(setup.take_the_rest(), 0, "killed at {when} of {calls}");
        let mailbox = setup.mailbox(data.path());
        let (stored, _) = mailbox.read_number(2).unwrap();
        assert!(mailbox.text(&stored).unwrap().text == content, "killed at {when} of {calls}");
        let left = fs::read_dir(setup.maildir(data.path()).join("tmp")).unwrap().count();
        assert_eq!(left, 0, "killed at {when} of {calls}");
        if ended.success() {
            assert!(when > least, "only {when} of {calls}");
            return;
        }
        assert_eq!(ended.signal(), Some(9), "{ended:?}");
    }
}

#[test]
fn at_any_sync_each_mail_is_kept_once() {
    kill_at_each("fsync,fdatasync", 4);
}

#[test]
fn at_any_change_of_a_name_each_mail_is_kept_once() {
    kill_at_each("rename,renameat,renameat2,link,linkat,unlink,unlinkat", 2);
}

#[test]
fn at_any_request_each_mail_is_kept_once() {
    kill_at_each("sendto,write", 4);
}

#[test]
fn at_any_sync_a_large_content_is_kept_once() {
    kill_at_each_piece("fsync,fdatasync", 4);
}

#[test]
fn at_any_change_of_a_name_a_large_content_is_kept_once() {
    kill_at_each_piece("rename,renameat,renameat2,link,linkat,unlink,unlinkat", 2);
}

#[test]
fn at_any_request_and_piece_a_large_content_is_kept_once() {
    kill_at_each_piece("sendto,write", 10);
}

/// Kills the program that sends at each of these calls. What it left is a draft, with which the
/// mail is sent once, or nothing: then the text is in its file and the mail was not sent, or it was
/// sent.
fn kill_the_sender_at_each(calls: &str, least: usize) {
    if !can_trace() {
        return;
    }
    let setup = PlainSetup::new();
    let server = setup.address();
    let body = TempDir::new().unwrap();
    let file = body.path().join("body");
    // One byte more than a body may have.
    let text = "x".repeat(limits::BODY_DEFAULT_MAX + 1);
    fs::write(&file, &text).unwrap();
    for when in 1.. {
        let data = TempDir::new().unwrap();
        let subject = format!("Assunto {when}");
        let file = file.to_str().unwrap();
        let arguments = ["send", "--to", "tony", "--subject", &subject, "--body-file", file];
        let send = setup.command(data.path(), &arguments);
        let mut send = traced(&send, Path::new("/dev/null"), &kill_at(calls, when));
        let ended = send.output().unwrap().status;
        let address = server.to_string().parse().unwrap();
        let drafts = Drafts::open(data.path(), &address, &"tony".parse().unwrap());
        let kept = drafts.list().unwrap().drafts;
        assert!(kept.len() <= 1, "killed at {when} of {calls}");
        kept.iter().for_each(|draft| setup.send_again(&draft.mail().unwrap()));
        let arrived = setup.take_texts();
        assert!(arrived.len() <= 1 && arrived.iter().all(|body| *body == text), "{when}");
        assert!(kept.is_empty() || arrived.len() == 1, "killed at {when} of {calls}");
        if ended.success() {
            assert!(kept.is_empty() && arrived.len() == 1);
            assert!(when > least, "only {when} of {calls}");
            return;
        }
        assert_eq!(ended.signal(), Some(9), "{ended:?}");
    }
}

#[test]
fn at_any_request_a_large_content_is_sent_once_or_is_a_draft() {
    kill_the_sender_at_each("sendto,write", 12);
}

#[test]
fn at_any_sync_or_change_of_a_name_a_large_content_is_sent_once_or_is_a_draft() {
    kill_the_sender_at_each("fsync,fdatasync,rename,renameat,renameat2,unlink,unlinkat", 4);
}

/// The same for a mail with an attachment, whose message is made beside its draft.
fn kill_the_sender_of_a_file_at_each(calls: &str, least: usize) {
    if !can_trace() {
        return;
    }
    let setup = PlainSetup::new();
    let files = TempDir::new().unwrap();
    let file = files.path().join("foto.png");
    fs::write(&file, vec![0xff; limits::BODY_DEFAULT_MAX]).unwrap();
    let file = file.to_str().unwrap();
    let (username, full_name) = ("tony".parse().unwrap(), "Tony Stark".parse().unwrap());
    let capabilities = [Capability::messages()].into();
    for when in 1.. {
        let data = TempDir::new().unwrap();
        let subject = format!("Assunto {when}");
        let arguments =
            ["send", "--to", "tony", "--subject", &subject, "--body", "x", "--attach", file];
        let send = setup.command(data.path(), &arguments);
        let mut send = traced(&send, Path::new("/dev/null"), &kill_at(calls, when));
        let ended = send.output().unwrap().status;
        let address = setup.address().to_string().parse().unwrap();
        let drafts = Drafts::open(data.path(), &address, &username);
        let list = drafts.list().unwrap();
        let kept = list.drafts;
        assert!(kept.len() <= 1 && list.skipped.is_empty(), "killed at {when} of {calls}");
        let mailbox = setup.mailbox(data.path());
        let author =
            Author { username: &username, full_name: &full_name, domain: mailbox.domain() };
        for draft in &kept {
            let made = drafts.outgoing(draft, &author, &capabilities, &Cancel::new()).unwrap();
            setup.send_again(&made.mail);
        }
        let arrived = setup.take_texts();
        assert!(arrived.len() <= 1 && arrived.iter().all(|text| text.contains("foto.png")));
        assert!(kept.is_empty() || arrived.len() == 1, "killed at {when} of {calls}");
        if ended.success() {
            assert!(kept.is_empty() && arrived.len() == 1);
            assert!(when > least, "only {when} of {calls}");
            return;
        }
        assert_eq!(ended.signal(), Some(9), "{ended:?}");
    }
}

#[test]
fn at_any_request_a_mail_with_an_attachment_is_sent_once_or_is_a_draft() {
    kill_the_sender_of_a_file_at_each("sendto,write", 12);
}

#[test]
fn at_any_sync_or_change_of_a_name_a_mail_with_an_attachment_is_sent_once_or_is_a_draft() {
    kill_the_sender_of_a_file_at_each(
        "fsync,fdatasync,rename,renameat,renameat2,unlink,unlinkat",
        6,
    );
}

/// Sends, reads, saves, forwards and receives the largest attachment with less memory than it has.
#[test]
fn a_large_attachment_takes_little_memory() {
    const KIB: usize = 20 << 10;
    let setup = PlainSetup::new();
    let (data, files) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    let file = files.path().join("filme.bin");
    let bytes: Vec<u8> = (0..=254).cycle().take(18 << 20).collect();
    fs::write(&file, &bytes).unwrap();
    let file = file.to_str().unwrap();
    let run = |arguments: &[&str]| said(limited(&setup.command(data.path(), arguments), KIB));
    run(&["send", "--to", "tony", "--subject", "Grande", "--body", "x", "--attach", file]);
    run(&["receive"]);
    let read = run(&["read", "1"]);
    assert!(read.contains("filme.bin (application/octet-stream, 18 MiB)"), "{read}");
    run(&["forward", "1", "--to", "tony", "--body", "Veja"]);
    run(&["receive"]);
    let saved = run(&["save", "2", "--dir", data.path().to_str().unwrap()]);
    assert!(fs::read(saved.trim_end()).unwrap() == bytes);
}

/// A command that has only so much memory, without `--json`.
fn limited(command: &Command, kib: usize) -> Command {
    let limit = format!("ulimit -d {kib}; exec \"$0\" \"$@\"");
    let mut limited = Command::new("sh");
    limited.env_clear().envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))));
    limited.args(["-c", &limit]).arg(command.get_program());
    limited.args(command.get_args().filter(|argument| *argument != "--json"));
    limited
}

/// What a command with little memory has said, which must have succeeded.
fn said(mut command: Command) -> String {
    let Output { status, stdout, stderr } = command.output().unwrap();
    assert!(status.success(), "{}", String::from_utf8_lossy(&stderr));
    String::from_utf8(stdout).unwrap()
}

/// Sends and receives the largest content with less memory than it has, and reads it with memory
/// for it once.
#[test]
fn a_large_content_takes_little_memory() {
    const KIB: usize = 20 << 10;
    const SIZE: usize = limits::CONTENT_DEFAULT_MAX as usize;
    let setup = PlainSetup::new();
    let (data, files) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    let file = files.path().join("body");
    let text = "São 26 letras numa linha.\n".repeat(SIZE / 27);
    fs::write(&file, &text).unwrap();
    let file = file.to_str().unwrap();
    let send = ["send", "--to", "tony", "--subject", "Grande", "--body-file", file];
    said(limited(&setup.command(data.path(), &send), KIB));
    let received = said(limited(&setup.command(data.path(), &["receive"]), KIB));
    assert!(received.contains("] Tony Stark: Grande"), "{received}");
    assert_eq!(setup.take_the_rest(), 0);
    let once = KIB + SIZE / 1024;
    let read = said(limited(&setup.command(data.path(), &["read", "1"]), once));
    assert!(read.ends_with(&format!("\n\n{text}\n")));
    // Of the answer in JSON the text is in memory once, too.
    let read = setup.command(data.path(), &["read", "1"]);
    let mut in_json = limited(&read, once);
    in_json.arg("--json");
    let json: serde_json::Value = serde_json::from_str(&said(in_json)).unwrap();
    assert!(json["body"].as_str() == Some(&text));
}

/// Receives forty mails of 1 MiB with half as much memory.
#[test]
fn a_large_mailbox_takes_little_memory() {
    const MAILS: usize = 40;
    const KIB: usize = 20 << 10;
    let setup = PlainSetup::new();
    let body = "x".repeat(limits::BODY_DEFAULT_MAX);
    for number in 0..MAILS {
        setup.send(&format!("Assunto {number}"), &body);
    }
    let data = TempDir::new().unwrap();
    // An answer in JSON is held in memory as a whole, bodies included.
    let said = said(limited(&setup.command(data.path(), &["receive"]), KIB));
    assert_eq!(said.lines().filter(|line| line.contains("] Tony Stark: Assunto ")).count(), MAILS);
    assert_eq!(setup.take_the_rest(), 0);
}
