//! Runs every input of the corpus through its target.

#![allow(missing_docs, clippy::unwrap_used, clippy::panic)] // It is all test.

use std::{
    collections::BTreeSet,
    fs,
    panic::{self, AssertUnwindSafe},
    path::{Path, PathBuf},
    process::Command,
    thread,
};

use correio_fuzz::{TARGETS, Target};

/// Most files, and most bytes, of a target's inputs, since every run of the tests reads them all.
const FILES_MAX: usize = 50;
const BYTES_MAX: u64 = 64 * 1024;

/// A stack that is too small for deep recursion.
const SMALL_STACK: usize = 64 * 1024;

fn inputs(target: &Target) -> Vec<PathBuf> {
    let entries = fs::read_dir(target.corpus()).unwrap();
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    assert!(!paths.is_empty(), "{} has inputs", target.name);
    paths
}

/// Runs all inputs of a target and reports those that fail.
fn replay(name: &str) {
    let target = Target::named(name).unwrap();
    let mut failed = Vec::new();
    for path in inputs(&target) {
        let data = fs::read(&path).unwrap();
        if panic::catch_unwind(AssertUnwindSafe(|| (target.run)(&data))).is_err() {
            failed.push(path);
        }
    }
    assert!(failed.is_empty(), "{failed:#?}");
}

#[test]
fn frames() {
    replay("frame");
}

#[test]
fn messages() {
    replay("message");
}

#[test]
fn channels() {
    replay("channel");
}

#[test]
fn channels_with_tls() {
    replay("tls");
}

#[test]
fn headers_of_proxies() {
    replay("proxy");
}

#[test]
fn sessions() {
    replay("session");
}

#[test]
fn clients() {
    replay("client");
}

#[test]
fn configurations() {
    replay("config");
}

#[test]
fn answers_of_databases() {
    replay("database");
}

#[test]
fn texts_of_notifications() {
    replay("bulletin");
}

#[test]
fn mailboxes() {
    replay("maildir");
}

#[test]
fn screens() {
    replay("screen");
}

#[test]
fn log_lines() {
    replay("log");
}

#[test]
fn keys() {
    replay("keys");
}

#[test]
fn backups() {
    replay("backup");
}

#[test]
fn operators_lines() {
    replay("admin");
}

#[test]
fn http_requests() {
    replay("http");
}

#[test]
fn submissions() {
    replay("submission");
}

#[test]
fn rfc5322_messages() {
    replay("mime");
}

#[test]
fn mails_for_mail_programs() {
    replay("pop3");
}

#[test]
fn messages_need_no_stack() {
    for name in ["message", "frame"] {
        let small = thread::Builder::new().stack_size(SMALL_STACK);
        small.spawn(move || replay(name)).unwrap().join().unwrap();
    }
}

#[test]
fn every_target_is_replayed_and_listed() {
    let names: BTreeSet<&str> = TARGETS.iter().map(|target| target.name).collect();
    assert_eq!(names.len(), TARGETS.len(), "each name is one target's");
    let source = include_str!("replay.rs");
    for name in &names {
        assert!(source.contains(&format!("    replay(\"{name}\");")), "{name} has no test here");
    }
    let corpora = fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus")).unwrap();
    let corpora: BTreeSet<String> =
        corpora.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    assert!(corpora.iter().eq(&names), "{corpora:?}");

    let script = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().join("fuzz");
    let listed = Command::new(script).arg("--list").output().unwrap();
    let expected: String =
        TARGETS.iter().map(|target| format!("{:8} {}\n", target.name, target.about)).collect();
    assert_eq!(String::from_utf8(listed.stdout).unwrap(), expected);
}

#[test]
fn what_is_kept_is_small() {
    for target in TARGETS {
        let paths = inputs(&target);
        let bytes: u64 = paths.iter().map(|path| fs::metadata(path).unwrap().len()).sum();
        assert!(paths.len() <= FILES_MAX, "{} has {} files", target.name, paths.len());
        assert!(bytes <= BYTES_MAX, "{} has {bytes} bytes", target.name);
    }
}
