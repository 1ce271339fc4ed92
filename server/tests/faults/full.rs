//! Tests of full disks: the disk of the data, and the disk of the log.

use std::{fs, io::Write, path::Path, process::Stdio};

use correio_proto::{
    limits,
    mail::Mail,
    message::{Confirm, ErrorCode, Reply, Request, Send},
};
use correio_testing::{
    port::free_address,
    rerun::{data_directory, on_a_small_disk},
};

use crate::{
    daemon::{Client, Daemon, code, eventually, id, login, mail, register},
    metrics::get,
};

fn large(number: u64) -> Request {
    Request::Send(Send {
        id: id(number),
        to: "tony".parse().unwrap(),
        subject: "x".parse().unwrap(),
        content: "x".repeat(100_000).parse().unwrap(),
    })
}

/// Fetches every mail of a mailbox, page by page.
fn everything(client: &mut Client) -> Vec<Mail> {
    let mut mails: Vec<Mail> = Vec::new();
    loop {
        let after = mails.last().map(|mail| mail.seq).unwrap_or_default();
        let fetch = correio_proto::message::Fetch { after, ..Default::default() };
        match client.ask(Request::Fetch(fetch)) {
            Reply::Page(page) => mails.extend(page.mails),
            other => panic!("{other:?}"),
        }
        match mails.last() {
            Some(last) if last.seq > after => {}
            _ => return mails,
        }
    }
}

/// Fills the rest of a disk.
fn take_the_rest(ballast: &Path) {
    let mut file = fs::File::create(ballast).unwrap();
    while file.write_all(&[1; 4096]).is_ok() {}
}

#[test]
fn on_a_full_disk_it_takes_no_mail_and_the_rest_goes_on() {
    let Some(directory) = data_directory() else {
        return on_a_small_disk(
            "faults::full::on_a_full_disk_it_takes_no_mail_and_the_rest_goes_on",
        );
    };
    let data = directory.join("data");
    let metrics = free_address();
    let daemon = Daemon::start(&data, &["--metrics", &metrics.to_string()]);
    let ready = || get(metrics, "/readyz", "*/*");
    assert_eq!(ready().status, 200);
    let mut tony = daemon.session("tony");
    let mut sent = 0;
    let refusal = loop {
        match tony.ask(large(sent)) {
            Reply::Sent { .. } => sent += 1,
            other => break other,
        }
    };
    assert_eq!(code(&refusal), ErrorCode::Unavailable);
    assert!(sent > 20, "{sent}");
    // Another program fills the rest.
    take_the_rest(&directory.join("ballast"));
    assert_eq!(code(&tony.ask(large(sent))), ErrorCode::Unavailable);
    let answer = ready();
    assert_eq!((answer.status, &*answer.body), (503, "the disk is almost full\n"));
    let mut pepper = daemon.client();
    assert_eq!(code(&pepper.ask(register("pepper"))), ErrorCode::Unavailable);
    let mails = everything(&mut tony);
    assert_eq!(mails.len() as u64, sent);
    fs::remove_file(directory.join("ballast")).unwrap();

    for page in mails.chunks(limits::CONFIRM_MAX) {
        let confirm = Confirm { mails: page.iter().map(Mail::reference).collect() };
        let confirmed = tony.ask(Request::Confirm(confirm));
        assert_eq!(confirmed, Reply::Confirmed { deleted: page.len() as u32 });
    }
    // The server recovers by itself, also without a job, and refused mails have left no trace.
    eventually(|| ready().status == 200);
    assert!(matches!(tony.ask(large(sent)), Reply::Sent { .. }));
    assert_eq!(pepper.ask(register("pepper")), Reply::Registered {});
    assert_eq!(daemon.stop().code(), Some(0));
    let daemon = Daemon::start(&data, &[]);
    let mut tony = daemon.client();
    assert!(matches!(tony.ask(login("tony")), Reply::LoggedIn(_)));
    assert_eq!(everything(&mut tony).len(), 1);
    eprintln!("came to the end");
}

#[test]
fn a_disk_that_another_program_fills_is_reported_before_a_mail_is_refused() {
    let Some(directory) = data_directory() else {
        return on_a_small_disk(
            "faults::full::a_disk_that_another_program_fills_is_reported_before_a_mail_is_refused",
        );
    };
    let metrics = free_address();
    let daemon = Daemon::start(&directory.join("data"), &["--metrics", &metrics.to_string()]);
    let ready = || get(metrics, "/readyz", "*/*");
    eventually(|| ready().status == 200);
    take_the_rest(&directory.join("ballast"));
    eventually(|| ready().status == 503);
    assert_eq!(ready().body, "the disk is almost full\n");
    fs::remove_file(directory.join("ballast")).unwrap();
    eventually(|| ready().status == 200);
    assert_eq!(daemon.stop().code(), Some(0));
    eprintln!("came to the end");
}

#[test]
fn a_log_without_room_loses_lines_and_says_how_many() {
    let Some(directory) = data_directory() else {
        return on_a_small_disk("faults::full::a_log_without_room_loses_lines_and_says_how_many");
    };
    let data = tempfile::tempdir().unwrap();
    let log = directory.join("log");
    let daemon = Daemon::start(data.path(), &["--log-file", log.to_str().unwrap()]);
    let mut tony = daemon.session("tony");
    take_the_rest(&directory.join("ballast"));
    // Some lines still fit into the file's last block.
    for number in 0..200 {
        assert!(matches!(tony.ask(mail(number, "tony")), Reply::Sent { .. }));
    }
    fs::remove_file(directory.join("ballast")).unwrap();
    let said = || fs::read_to_string(&log).unwrap();
    let mut number = 1000;
    eventually(|| {
        number += 1;
        assert!(matches!(tony.ask(mail(number, "tony")), Reply::Sent { .. }));
        said().contains("log.dropped count=")
    });
    assert_eq!(daemon.stop().code(), Some(0));
    let said = said();
    let accepted = said.lines().filter(|line| line.contains(" mail.accepted ")).count() as u64;
    let dropped = said.lines().filter_map(|line| line.split_once("log.dropped count="));
    let dropped: u64 = dropped.map(|(_, count)| count.parse::<u64>().unwrap()).sum();
    assert!(dropped > 0 && accepted + dropped >= 200 + number - 1000, "{accepted} {dropped}");
    assert!(said.lines().last().unwrap().contains("server.stopped"));
    // The line at which the disk became full was cut off; each of the others is an event.
    let begins = |line: &str| line.matches(" INFO ").count() + line.matches(" WARN ").count();
    assert!(said.lines().all(|line| begins(line) <= 1), "{said}");
    eprintln!("came to the end");
}

#[test]
fn a_log_file_that_takes_nothing_stops_nobody() {
    let directory = tempfile::tempdir().unwrap();
    let mut command = crate::daemon::command(directory.path(), &["--listen", "127.0.0.1:0"]);
    command.args(["--log-file", "/dev/full"]).stderr(Stdio::null());
    let daemon = Daemon::spawn(command);
    let mut tony = daemon.session("tony");
    for number in 0..50 {
        assert!(matches!(tony.ask(mail(number, "tony")), Reply::Sent { .. }));
    }
    assert_eq!(daemon.stop().code(), Some(0));
}
